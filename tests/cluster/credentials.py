# SPDX-License-Identifier: Apache-2.0
"""The cluster's own certificate authority, a token for each component, and the kubeconfig files that hold them. All files are
their owner's alone; no secret is ever an argument of a program.
"""

import base64
import json
import os
import pathlib
import secrets
import subprocess

DAYS = "365"
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def private_file(path, text):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False, timeout=60,
                          stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(map(str, words))}: {done.stderr.strip()[-400:]}")


class Credentials:
    """In `folder`: ca.crt, ca.key, NAME.crt and NAME.key, sa.key and sa.pub for service accounts, tokens.csv."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.tokens = {}  # user: (token, groups)

    def make(self):
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        old = os.umask(0o077)
        try:
            openssl("req", "-x509", *KEY, "-keyout", self.path("ca.key"), "-out", self.path("ca.crt"), "-subj", "/CN=migctl-cluster",
                    "-days", DAYS, "-addext", "keyUsage=critical,keyCertSign,cRLSign")
            openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.path("sa.key"))
            openssl("pkey", "-in", self.path("sa.key"), "-pubout", "-out", self.path("sa.pub"))
        finally:
            os.umask(old)

    def path(self, name):
        return str(self.folder / name)

    def certificate(self, name, subject, addresses=(), names=(), usage="serverAuth"):
        """NAME.crt and NAME.key, signed by the authority."""
        also = ",".join([*(f"IP:{one}" for one in addresses), *(f"DNS:{one}" for one in names)])
        extensions = f"basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage={usage}\n"
        private_file(self.path(f"{name}.ext"), extensions + (f"subjectAltName={also}\n" if also else ""))
        old = os.umask(0o077)
        try:
            openssl("req", "-new", *KEY, "-keyout", self.path(f"{name}.key"), "-out", self.path(f"{name}.csr"), "-subj", subject)
            openssl("x509", "-req", "-in", self.path(f"{name}.csr"), "-CA", self.path("ca.crt"), "-CAkey", self.path("ca.key"),
                    "-set_serial", str(secrets.randbits(63)), "-days", DAYS, "-extfile", self.path(f"{name}.ext"), "-out",
                    self.path(f"{name}.crt"))
        finally:
            os.umask(old)

    def user(self, name, *groups):
        """A user with a token; before the API server starts, which reads the file once."""
        self.tokens[name] = (secrets.token_hex(24), groups)
        lines = (f'{token},{user},{user},"{",".join(of)}"\n' for user, (token, of) in self.tokens.items())
        private_file(self.path("tokens.csv"), "".join(lines))

    def token(self, user):
        return self.tokens[user][0]

    def kubeconfig(self, path, server, user=None, token=None):
        """A kubeconfig of that user, or with a token of another origin. JSON is YAML."""
        authority = base64.b64encode((self.folder / "ca.crt").read_bytes()).decode()
        private_file(path, json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "migctl",
            "clusters": [{"name": "migctl", "cluster": {"server": server, "certificate-authority-data": authority}}],
            "users": [{"name": "user", "user": {"token": token or self.token(user)}}],
            "contexts": [{"name": "migctl", "context": {"cluster": "migctl", "user": "user"}}]}, indent=1))
        return str(path)

# SPDX-License-Identifier: Apache-2.0
"""A migd of the test's own on a simulated machine, and clients of it: over TCP, with TLS, over the UNIX socket."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import verdict  # pylint: disable=wrong-import-position
from verdict import Failed, expect  # pylint: disable=wrong-import-position

PATIENCE = 2 * verdict.PATIENCE_S


def wait(what, condition):
    return verdict.wait(what, condition, PATIENCE)


def end(main):
    """Ends the program as main() says, or with what it found."""
    try:
        sys.exit(main())
    except Failed as failure:
        print(f"failed: {failure}")
        sys.exit(1)


class UnixConnection(http.client.HTTPConnection):
    """HTTP over the daemon's socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(str(self.path))


class Daemon:
    """migd of the user who runs this, on a machine of its own."""

    def __init__(self, binaries, folder, *arguments, gpus="1x a100-sxm4-40gb"):
        self.folder = pathlib.Path(folder)
        self.bin = pathlib.Path(binaries).resolve()
        self.arguments = arguments
        self.environment = {
            "PATH": f"{self.bin}:{os.environ['PATH']}", "HOME": str(folder), "LC_ALL": "C.UTF-8", "NO_COLOR": "1",
            "MIGSIM_ROOT": str(self.folder / "machines")}
        self.log = self.folder / "migd.log"
        self.process = None
        self.socket = self.folder / "migd.sock"
        self.migctl("sim", "create", "box", "--gpus", gpus)

    def migctl(self, *words, fails=False):
        done = subprocess.run(["migctl", *words], env=self.environment, capture_output=True, text=True, check=False,
                              cwd=self.folder, timeout=PATIENCE, stdin=subprocess.DEVNULL)
        expect(fails or done.returncode == 0, f"migctl {' '.join(words)}: {done.returncode} {done.stderr}")
        return done

    def on_box(self, *words, fails=False):
        return self.migctl("--sim", "box", *words, fails=fails)

    def start(self):
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["migctl", "--sim", "box", "serve", "--socket", str(self.socket), *self.arguments], env=self.environment,
                cwd=self.folder, stdout=subprocess.DEVNULL, stderr=log)
        wait("migd listens", lambda: self.process.poll() is not None or "; tenants: " in self.text()[before:])
        expect(self.process.poll() is None, f"migd ended: {self.text()}")
        self.urls = re.findall(r"listening on (https?)://(\S+):(\d+)", self.text()[before:])

    def text(self):
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                code = self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise Failed("migd did not end within the time") from None
            expect(code == 0, f"migd ended with {code}: {self.text()[-2000:]}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def connection(self, which=0, **context):
        """which: number of the listener, or "unix"."""
        if which == "unix":
            return UnixConnection(self.socket)
        scheme, host, port = self.urls[which]
        host = host.strip("[]")
        if scheme == "https":
            return http.client.HTTPSConnection(host, int(port), timeout=PATIENCE, **context)
        return http.client.HTTPConnection(host, int(port), timeout=PATIENCE)

    def ask(self, method, path, body=None, which=0, token=None, headers=(), **context):
        """Status, body and header fields."""
        with contextlib.closing(self.connection(which, **context)) as client:
            fields = dict(headers)
            if token:
                fields["Authorization"] = f"Bearer {token}"
            client.request(method, path, body, fields)
            answer = client.getresponse()
            return answer.status, answer.read().decode("utf-8"), answer.headers

    def document(self, method, path, *rest, **more):
        status, text, _ = self.ask(method, path, *rest, **more)
        return status, json.loads(text)

    def token(self, name, user, *more):
        return self.on_box("token", "create", name, "--user", str(user), *more).stdout.strip()


def certificate(folder, name="localhost"):
    """A certificate of its own for localhost and 127.0.0.1, and its key."""
    cert, key = pathlib.Path(folder, f"{name}.pem"), pathlib.Path(folder, f"{name}.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out",
                    str(cert)], check=True, capture_output=True)
    return cert, key


def trusting(cert):
    return ssl.create_default_context(cafile=str(cert))

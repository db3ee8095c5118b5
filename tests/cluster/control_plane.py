# SPDX-License-Identifier: Apache-2.0
"""etcd, the API server, the scheduler and the controller manager: RBAC on, a token for each, their data in memory."""

import os
import pathlib
import subprocess

import credentials
import network
from component import Component
from programs import program

ETCD = "http://127.0.0.1:2379"
ISSUER = "kubernetes.default.svc"  # of service accounts' tokens: the API server's usual name for itself
ADMIN, SCHEDULER, MANAGER = "admin", "system:kube-scheduler", "system:kube-controller-manager"


class ControlPlane:
    def __init__(self, folder, nodes):
        self.folder = pathlib.Path(folder)
        self.logs = self.folder / "logs"
        self.credentials = credentials.Credentials(self.folder / "credentials")
        self.nodes = nodes  # their names, each with a user of its own

    def prepare(self):
        """Credentials and the folder of etcd, in memory: it waits for no disk, and ends with the namespace."""
        held = self.credentials
        held.make()
        held.certificate("apiserver", "/CN=kube-apiserver", addresses=("127.0.0.1", network.API_ADDRESS),
                         names=("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"))
        held.certificate("kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client", usage="clientAuth")
        held.user(ADMIN, "system:masters")
        for user in (SCHEDULER, MANAGER):
            held.user(user)
        for node in self.nodes:
            held.user(f"system:node:{node}", "system:nodes")
        for user, name in ((ADMIN, "admin"), (SCHEDULER, "scheduler"), (MANAGER, "controller-manager")):
            held.kubeconfig(self.folder / f"{name}.kubeconfig", network.SERVER, user)
        data = self.folder / "etcd"
        data.mkdir(mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0700,size=1g", "tmpfs", str(data)], check=True)

    def components(self):
        return [self.etcd(), self.api_server(), self.scheduler(), self.controller_manager()]

    def component(self, name, command, env=None):
        return Component(name, command, self.logs, env)

    def etcd(self):
        peer = "http://127.0.0.1:2380"
        return self.component("etcd", [
            program("etcd"), "--data-dir", self.folder / "etcd" / "data", "--listen-client-urls", ETCD, "--advertise-client-urls", ETCD,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
            "--unsafe-no-fsync", "--log-level", "warn"])

    def api_server(self):
        path = self.credentials.path
        return self.component("apiserver", [
            program("kube-apiserver"), f"--etcd-servers={ETCD}", "--bind-address=0.0.0.0", f"--secure-port={network.API_PORT}",
            f"--advertise-address={network.API_ADDRESS}", f"--service-cluster-ip-range={network.SERVICES}", "--endpoint-reconciler-type=none",
            f"--tls-cert-file={path('apiserver.crt')}", f"--tls-private-key-file={path('apiserver.key')}",
            f"--client-ca-file={path('ca.crt')}", f"--token-auth-file={path('tokens.csv')}", "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--service-account-issuer=https://{ISSUER}", f"--service-account-key-file={path('sa.pub')}",
            f"--service-account-signing-key-file={path('sa.key')}",
            f"--requestheader-client-ca-file={path('ca.crt')}", "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--kubelet-certificate-authority={path('ca.crt')}", f"--kubelet-client-certificate={path('kubelet-client.crt')}",
            f"--kubelet-client-key={path('kubelet-client.key')}", "--kubelet-preferred-address-types=InternalIP"])

    def with_kubeconfig(self, name):
        file = self.folder / f"{name}.kubeconfig"
        return [f"--kubeconfig={file}", f"--authentication-kubeconfig={file}", f"--authorization-kubeconfig={file}",
                "--leader-elect=false", "--bind-address=127.0.0.1"]

    def scheduler(self):
        return self.component("scheduler", [program("kube-scheduler"), *self.with_kubeconfig("scheduler")])

    def controller_manager(self):
        path = self.credentials.path
        return self.component("controller-manager", [
            program("kube-controller-manager"), *self.with_kubeconfig("controller-manager"), "--use-service-account-credentials",
            f"--root-ca-file={path('ca.crt')}", f"--service-account-private-key-file={path('sa.key')}"],
            env=dict(os.environ))

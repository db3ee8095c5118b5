# SPDX-License-Identifier: Apache-2.0
"""A whole Kubernetes of the test's own: etcd, API server, scheduler, controller manager, and nodes with containerd and a
kubelet on simulated machines. Nothing of it is visible outside: mounts, processes and network are namespaces of the test
(tests/containers/engine.py), which the kernel ends with it, however it ends.

    if __name__ == "__main__":
        cluster.main()                       # enters the namespaces, then runs the file's unittest cases

    with cluster.Cluster() as own:           # inside of them
        own.api.create(pods.plain("p"))
        own.wait_for_phase("p", "Running")
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import control_plane
import images
import network
import programs
from api import Api
from images import engine
from worker import Worker

sys.path.insert(0, str(programs.ROOT / "tests"))
import verdict  # noqa: E402


class Cluster:
    def __init__(self, gpus="1x h200-141gb", nodes=1, options=(), kubelet=None, folder=None, say=lambda text: None):
        """`gpus` and `options` as for migctl sim create, for each node; `kubelet`: more fields of its KubeletConfiguration."""
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="cluster-"))
        names = [f"n{number}" for number in range(1, nodes + 1)]
        self.plane = control_plane.ControlPlane(self.folder, names)
        self.workers = [Worker(self.folder, self.plane, name, number, gpus, options, kubelet or {}) for number, name in enumerate(names, 1)]
        self.components = []  # of the control plane, in the order of their start
        self.extra = []  # drivers and whatever else a test has started
        self.api, self.server = None, network.SERVER
        self.say = say

    @property
    def node(self):
        return self.workers[0]

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        network.set_up(len(self.workers))
        self.say("control plane")
        self.plane.prepare()
        for worker in self.workers:
            worker.prepare()
        self.components = self.plane.components()
        etcd, server, *others = self.components
        etcd.start()
        server.start()
        self.api = Api(self.server, self.plane.credentials.path("ca.crt"), self.plane.credentials.token(control_plane.ADMIN))
        archive = images.make(self.folder / "images")
        for worker in self.workers:
            self.say(f"node {worker.name}: containerd, migd")
            self.start_worker(worker, archive)
        self.wait("the API server is ready", self.api.ready)
        self.let_nodes_read()
        for component in others:
            component.start()
        for worker in self.workers:
            worker.start_kubelet()
        for worker in self.workers:
            self.say(f"node {worker.name}: kubelet")
            self.wait(f"node {worker.name} is ready", lambda worker=worker: self.node_is_ready(worker.name))
        self.wait("there is a service account for pods", lambda: self.api.get("ServiceAccount", "default"))

    def let_nodes_read(self):
        """Nodes have their role's rights on all objects, not on those alone that pods of theirs refer to: the API server learns of
        these later than a kubelet does, when processors are few. The kubelet then asks again only at its next look at the pod, a
        minute later. What a node may write is restricted as ever (NodeRestriction)."""
        self.api.request("POST", "apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "nodes"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:node"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:nodes"}]})

    def start_worker(self, worker, archive):
        worker.holder.start()
        self.wait(f"{worker.name} has its mounts", worker.mounted)
        worker.start_migd()
        worker.start_containerd()
        self.wait(f"containerd of {worker.name} answers", worker.answers)
        worker.import_images(archive)

    def node_is_ready(self, name):
        node = self.api.get("Node", name)
        return node and any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"].get("conditions", ()))

    def running(self):
        own = [worker.holder for worker in self.workers if worker.holder and worker.holder.process]
        return [*self.components, *own, *(one for worker in self.workers for one in worker.components()), *self.extra]

    def add(self, component):
        """Starts a component that ends with the cluster."""
        self.extra.append(component)
        return component.start()

    def crash(self, *components):
        """SIGKILL to all of them, then each is started again once what it needs is there. (An init system gets there by trying: a
        scheduler ends without an API server, a kubelet without containerd.)"""
        for component in components:
            component.kill()
        ranks = {one: rank for rank, one in enumerate([*self.components, *(one for w in self.workers for one in (
            w.migd, w.containerd, w.kubelet) if one), *self.extra])}
        for component in sorted(components, key=lambda one: ranks[one]):
            component.start()
            if component.name == "apiserver":
                self.wait("the API server is back", self.api.ready)
            for worker in self.workers:
                if component is worker.containerd:
                    self.wait("containerd is back", worker.answers)

    def wait(self, what, condition, seconds=verdict.PATIENCE_S):
        """verdict.wait, which fails at once when a component is gone that nobody has stopped."""
        def so():
            trouble = next((one.trouble() for one in self.running() if one.trouble()), "")
            verdict.expect(not trouble, f"while waiting for: {what() if callable(what) else what}: {trouble}")
            return condition()
        return verdict.wait(what, so, seconds)

    def wait_for_phase(self, pod, phase, seconds=verdict.PATIENCE_S, namespace="default"):
        def what():
            return f"pod {pod} is {phase or 'gone'} (it is {self.api.phase(pod, namespace)!r}): {self.api.events(pod, namespace)}"
        return self.wait(what, lambda: self.api.phase(pod, namespace) == phase, seconds) or True

    def remove_pod(self, pod, seconds=verdict.PATIENCE_S, namespace="default"):
        self.api.delete("Pod", pod, namespace)
        self.wait_for_phase(pod, "", seconds, namespace)

    def kubectl(self, *words, text="", code=0):
        """`kubectl apply -f -` with `text` as its input, and so on, as the cluster's administrator."""
        command = [programs.program("kubectl"), f"--kubeconfig={self.folder / 'admin.kubeconfig'}", *words]
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, check=False,
                              env=dict(os.environ, HOME=str(self.folder)))
        if code is not None and done.returncode != code:
            raise AssertionError(f"kubectl {' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def stop(self):
        for component in self.extra:
            component.stop()
        for worker in self.workers:
            self.end_pods(worker)
            worker.stop()
        for component in reversed(self.components):
            component.stop()

    @staticmethod
    def end_pods(worker):
        """Containers are children of containerd's shims, not of ours: they are ended by it. Where it is gone, the namespace's
        end is theirs."""
        if worker.kubelet:
            worker.kubelet.stop()
        if worker.containerd and worker.containerd.alive():
            pods = worker.crictl("pods", "--quiet", code=None).stdout.split()
            if pods:
                worker.crictl("rmp", "--force", *pods, code=None)


def need(*more):
    """Ends the test as skipped unless all programs of a cluster are there."""
    why = programs.why_not((*programs.NEEDED, *more))
    if why:
        engine.skip(why)


def main(*more):
    """Entry of a test file; `more` are further programs that it needs, by their names in status.json."""
    os.chdir(programs.ROOT)
    if engine.INSIDE not in os.environ:
        need(*more)
        engine.enter(("nsenter", "openssl"))
    engine.mount_private()
    unittest.main(verbosity=2)

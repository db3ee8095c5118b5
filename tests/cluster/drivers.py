# SPDX-License-Identifier: Apache-2.0
"""The drivers that a node of the cluster may have: NVIDIA's DRA driver 0.4.1 and our mig-kubelet, with the same interface, so
that a test or a benchmark takes either. A driver has the rights of a service account of its own, and nothing more.
"""

import json

import pods
import worker as workers
from programs import BIN, ROOT, TOOLKIT, program

RULES_OF_NVIDIA = [  # those of its Helm chart
    {"apiGroups": ["resource.k8s.io"], "resources": ["resourceclaims"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["resource.k8s.io"], "resources": ["resourceslices"], "verbs": ["get", "list", "watch", "create", "update", "delete"]},
    {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch", "update"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
]


def dashed(profile):
    return profile.replace(".", "-").replace("+", "-")


class Driver:
    """`worker` is the node that it runs on. A subclass says `name`, the driver's name in ResourceSlices, and makes `component`."""

    name = ""

    def __init__(self, cluster, worker=None):
        self.cluster, self.worker = cluster, worker or cluster.node
        self.component = None

    def start(self):
        """Installs what it needs and runs it until its devices are published."""
        self.install()
        self.component = self.cluster.add(self.make())
        self.cluster.wait(lambda: f"{self.name} has published devices:\n{self.component.tail()}", self.devices)
        return self

    def stop(self):
        """Ends it, and takes its devices off the API server: nobody answers for them any more."""
        self.component.stop()
        self.cluster.extra.remove(self.component)
        for one in self.slices():
            self.cluster.api.delete("ResourceSlice", one["metadata"]["name"])

    def slices(self):
        return [one for one in self.cluster.api.list("ResourceSlice")
                if one["spec"]["driver"] == self.name and one["spec"].get("nodeName") == self.worker.name]

    def devices(self):
        return [device for one in self.slices() for device in one["spec"].get("devices", ())]

    def account(self, name, rules):
        """A kubeconfig for a service account with these rights, in the node's folder."""
        self.cluster.kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "default"}},
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules},
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
             "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
             "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "default"}]}]}))
        return self.kubeconfig(name)

    def kubeconfig(self, account, namespace="default", seconds=86400):
        """The token names the node, as that of a pod on it does: admission policies go by it."""
        node = self.cluster.api.get("Node", self.worker.name)["metadata"]
        answer = self.cluster.api.request("POST", f"api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {
                "expirationSeconds": seconds,
                "boundObjectRef": {"kind": "Node", "apiVersion": "v1", "name": node["name"], "uid": node["uid"]}}})
        return self.cluster.plane.credentials.kubeconfig(self.worker.folder / f"{account}.kubeconfig", self.cluster.server,
                                                         token=answer["status"]["token"])

    def classes(self, profiles):
        """A DeviceClass and a claim template for each profile: `mig-<profile>` asks by claim, `nvidia.com/mig-<profile>` as an
        extended resource."""
        for profile in profiles:
            self.cluster.api.apply(pods.device_class(f"mig-{dashed(profile)}", self.expression(profile),
                                                     extendedResourceName=f"nvidia.com/mig-{profile.replace('+', '.')}"))
            self.cluster.api.apply(pods.template(f"mig-{dashed(profile)}", f"mig-{dashed(profile)}"))

    def expression(self, profile):
        own = f"device.attributes['{self.name}']"
        return f"device.driver == '{self.name}' && {own}.type == 'mig' && {own}.profile == '{profile}'"


class NvidiaDra(Driver):
    """Unmodified, in the shell of the simulated machine, with the feature that makes instances on demand."""

    name = "gpu.nvidia.com"

    def install(self):
        self.config = self.account("nvidia-dra", RULES_OF_NVIDIA)
        self.root = self.worker.folder / "driver-root"
        # With device nodes: of what is not an instance's own its CDI files say the path alone, and containerd looks there.
        self.worker.migctl("sim", "driver-root", "--char-devices", workers.MACHINE, str(self.root), sim=False)
        self.worker.inside(["mkdir", "-p", workers.PLUGINS / self.name])

    def make(self):
        command = [
            program("gpu-kubelet-plugin"), f"--node-name={self.worker.name}", "--namespace=default", f"--kubeconfig={self.config}",
            "--cdi-root=/var/run/cdi", f"--container-driver-root={self.root}", f"--nvidia-driver-root={self.root}",
            f"--nvidia-cdi-hook-path={TOOLKIT / 'nvidia-cdi-hook'}", f"--kubelet-plugins-directory-path={workers.PLUGINS}",
            f"--kubelet-registrar-directory-path={workers.REGISTRY}", "--healthcheck-port=-1", "--image-name=none",
            "--feature-gates=DynamicMIG=true", "-v", "4"]
        return self.worker.component("nvidia-dra", [BIN / "migctl", "sim", "shell", "--char-devices", workers.MACHINE, "--", *command])


class MigKubelet(Driver):
    """Ours: a client of the node's migd, and outside of the shell."""

    name = "mig.migctl.dev"
    BASE = ROOT / "integrations/kubernetes/deploy/base"
    # Rights, policies and classes as they are delivered; the programs themselves run beside the kubelet here, not in pods.
    APPLIED = ("namespace.yaml", "rbac.yaml", "admission-policy.yaml", "device-classes.yaml", "layouts.yaml")
    ACCOUNT, NAMESPACE = "mig-kubelet", "migctl"

    def __init__(self, cluster, worker=None, mode="dra", strategy="mixed"):
        """As a device plugin it offers what is there, so let there be something before start()."""
        super().__init__(cluster, worker)
        self.mode, self.strategy = mode, strategy

    def install(self):
        for file in self.APPLIED:
            # With the classes' extendedResourceName it would be by DRA that a pod gets what a device plugin has.
            if self.mode == "dra" or file != "device-classes.yaml":
                self.cluster.kubectl("apply", "-f", str(self.BASE / file))
        self.config = self.kubeconfig(self.ACCOUNT, self.NAMESPACE)
        self.worker.migctl("mode", "enable")  # a GPU with MIG off is offered as a whole

    def devices(self):
        """The ResourceSlices' devices, or what the node has of the device plugin: {resource: allocatable}."""
        return super().devices() if self.mode == "dra" else self.allocatable()

    def allocatable(self):
        status = self.cluster.api.get("Node", self.worker.name)["status"]
        return {name: int(count) for name, count in status["allocatable"].items() if name.startswith("nvidia.com/") and count != "0"}

    def classes(self, profiles):
        """Templates alone: the classes are delivered."""
        for profile in profiles:
            self.cluster.api.apply(pods.template(f"mig-{dashed(profile)}", f"mig-{dashed(profile)}.migctl.dev"))

    def make(self):
        return self.worker.component("mig-kubelet", [
            BIN / "mig-kubelet", "--node-name", self.worker.name, "--kubeconfig", self.config, "--migd-socket",
            self.worker.migd_socket, "--kubelet-dir", workers.KUBELET, "--namespace", self.NAMESPACE, "--config-map", "mig-layouts",
            "--mode", self.mode, "--mig-strategy", self.strategy])


DRIVERS = {"nvidia": NvidiaDra, "ours": MigKubelet}

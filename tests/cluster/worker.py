# SPDX-License-Identifier: Apache-2.0
"""A node of the cluster: containerd and a kubelet with mounts of their own, on a simulated machine with its migd. /etc,
/var/lib, /var/log and what engines keep in /run are private to the node, so that nodes do not meet each other or the host;
so are the folders that a kubelet cannot be told to move, such as that of device plugins.
"""

import json
import os
import pathlib
import subprocess

import images
import network
from component import Component
from programs import BIN, CLUSTER, RUNC, program

MACHINE = "box"
KUBELET = pathlib.Path("/var/lib/kubelet")
PLUGINS, REGISTRY = KUBELET / "plugins", KUBELET / "plugins_registry"
CDI_FILE = "/var/run/cdi/migctl.json"
# Run with the node's folder; the process that it becomes holds the mounts.
MOUNTS = """set -e
mount -t tmpfs -o mode=0755,size=4g tmpfs "$1/private"
for name in etc var/lib var/log; do
  mkdir -p "$1/private/$name" "$1/private/work/$name"
  mount -t overlay -o "lowerdir=/$name,upperdir=$1/private/$name,workdir=$1/private/work/$name" overlay "/$name"
done
mkdir -p /etc/cdi /var/lib/kubelet /run/cdi /run/containerd "$1/private/containerd"
for name in /etc/cdi /var/lib/kubelet /run/cdi /run/containerd; do
  mount -t tmpfs -o mode=0755 tmpfs "$name"
done
mkdir -p /var/lib/kubelet/plugins /var/lib/kubelet/plugins_registry
touch "$1/mounted"
exec sleep 2000000000
"""


class Worker:
    def __init__(self, folder, plane, name, number, gpus, options, kubelet_fields):
        self.folder, self.plane, self.name = pathlib.Path(folder) / name, plane, name
        self.address = network.node_address(number)
        self.gpus, self.options, self.kubelet_fields = gpus, options, kubelet_fields
        self.socket = self.folder / "containerd.sock"
        self.migd_socket = self.folder / "migd.sock"
        self.kubeconfig = self.folder / "kubelet.kubeconfig"
        self.env = dict(os.environ, MIGSIM_ROOT=str(self.folder / "machines"), NO_COLOR="1",
                        PATH=f"{CLUSTER}:{os.environ['PATH']}")
        self.holder = self.containerd = self.kubelet = self.migd = None

    def prepare(self):
        """What the components need: mounts, credentials, configurations, the machine."""
        (self.folder / "private").mkdir(parents=True)
        self.holder = Component("mounts", ["unshare", "--mount", "--propagation", "private", "sh", "-c", MOUNTS, "sh", self.folder],
                                self.folder / "logs")
        self.plane.credentials.certificate(f"kubelet-{self.name}", f"/CN={self.name}", addresses=(self.address,), names=(self.name,))
        self.plane.credentials.kubeconfig(self.kubeconfig, network.SERVER, f"system:node:{self.name}")
        network.write_cni(self.folder / "cni", self.address)
        self.write_containerd()
        self.write_kubelet()
        (self.folder / "crictl.yaml").write_text(f"runtime-endpoint: unix://{self.socket}\nimage-endpoint: unix://{self.socket}\n")
        self.migctl("sim", "create", MACHINE, "--gpus", self.gpus, *self.options, sim=False)

    def mounted(self):
        return (self.folder / "mounted").exists()

    def component(self, name, command):
        return Component(name, command, self.folder / "logs", self.env, self.holder.pid)

    def write_containerd(self):
        runc = 'plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc'
        (self.folder / "containerd.toml").write_text(f"""version = 3
root = "{self.folder}/private/containerd"
state = "/run/containerd"
[grpc]
  address = "{self.socket}"
[ttrpc]
  address = "{self.socket}.ttrpc"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{images.PAUSE}"
[plugins."io.containerd.cri.v1.runtime"]
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["{self.folder}/cni/bin"]
    conf_dir = "{self.folder}/cni/conf"
  [{runc}]
    runtime_type = "io.containerd.runc.v2"
    [{runc}.options]
      BinaryName = "{RUNC}"
      SystemdCgroup = false
""")

    def write_kubelet(self):
        path = self.plane.credentials.path
        (self.folder / "kubelet.json").write_text(json.dumps({
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "address": self.address, "port": 10250, "healthzBindAddress": self.address, "readOnlyPort": 0,
            "tlsCertFile": path(f"kubelet-{self.name}.crt"), "tlsPrivateKeyFile": path(f"kubelet-{self.name}.key"),
            "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True},
                               "x509": {"clientCAFile": path("ca.crt")}},
            "authorization": {"mode": "Webhook"},
            "containerRuntimeEndpoint": f"unix://{self.socket}",
            # A test machine may have cgroups of either version, and gives away no slice of its own.
            "failCgroupV1": False, "cgroupDriver": "cgroupfs", "cgroupsPerQOS": False, "enforceNodeAllocatable": [],
            "cgroupRoot": f"/{images.engine.cgroups()}",
            "failSwapOn": False, "makeIPTablesUtilChains": False, "resolvConf": "", "localStorageCapacityIsolation": False,
            "volumePluginDir": str(KUBELET / "volumeplugins"), "imageGCHighThresholdPercent": 100,
            "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"}, **self.kubelet_fields},
            indent=1))

    def start_containerd(self):
        self.containerd = self.component("containerd", [CLUSTER / "containerd", "--config", self.folder / "containerd.toml"]).start()

    def start_kubelet(self):
        self.kubelet = self.component("kubelet", [
            program("kubelet"), "--config", self.folder / "kubelet.json", "--kubeconfig", self.kubeconfig,
            f"--hostname-override={self.name}", f"--node-ip={self.address}", f"--root-dir={KUBELET}"]).start()

    def start_migd(self, *options):
        """The machine's daemon, and the CDI file where containerd looks for one; what changes the layout keeps it true."""
        self.migctl("cdi", "generate", "--output", CDI_FILE)
        self.migd = self.component("migd", [BIN / "migctl", "--sim", MACHINE, "serve", "--socket", self.migd_socket, *options]).start()

    def answers(self):
        """Whether containerd does."""
        return self.crictl("version", code=None).returncode == 0

    def import_images(self, archive):
        self.inside([CLUSTER / "ctr", "--address", self.socket, "--namespace", "k8s.io", "images", "import", archive])

    def inside(self, command, code=0, timeout=120, text=""):
        """A program with the node's mounts, run to its end."""
        words = ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", "--", *map(str, command)]
        done = subprocess.run(words, env=self.env, capture_output=True, text=True, timeout=timeout, check=False, input=text)
        if code is not None and done.returncode != code:
            raise AssertionError(f"{' '.join(map(str, command))}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
        return done

    def crictl(self, *words, code=0):
        return self.inside([CLUSTER / "crictl", "--config", self.folder / "crictl.yaml", *words], code)

    def migctl(self, *words, sim=True, code=0):
        command = [str(BIN / "migctl"), *(["--sim", MACHINE] if sim else []), *words]
        if self.holder.process:
            done = self.inside(command, code)
        else:
            done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=120, check=False)
            if code is not None and done.returncode != code:
                raise AssertionError(f"{' '.join(command)}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
        return done.stdout

    def json(self, *words):
        return json.loads(self.migctl(*words, "--json"))

    def inject(self, *words):
        self.migctl("sim", "inject", MACHINE, *words, sim=False)

    def instances(self, gpu=None):
        """[(GPU index, profile, start, UUID of its first compute instance or None, GPU instance id)], as migctl lists them."""
        found = []
        for one in self.json("list")["gpus"]:
            for instance in one["gpuInstances"]:
                computes = instance["computeInstances"]
                found.append((one["index"], instance["profile"], instance["placement"]["start"],
                              computes[0]["uuid"] if computes else None, instance["id"]))
        return [one for one in found if gpu in (None, one[0])]

    def exec(self, pod, *command):
        """Runs a program in the first container of a pod by crictl; what it wrote."""
        found = self.crictl("ps", "--quiet", "--label", f"io.kubernetes.pod.name={pod}").stdout.split()
        if not found:
            raise AssertionError(f"no container of pod {pod} runs on {self.name}")
        return self.crictl("exec", "--sync", found[0], *command).stdout

    def components(self):
        return [one for one in (self.migd, self.kubelet, self.containerd) if one]

    def stop(self):
        for component in self.components():
            component.stop()
        if self.holder and self.holder.process:
            self.holder.stop()

# SPDX-License-Identifier: Apache-2.0
"""A simulated machine on which every check of `migctl doctor` is well, and ways to break it."""
import json
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile
import time


class Machine:
    """A simulated machine called box, in a root of its own; files of its tree can be put and changed."""

    def __init__(self, binaries, gpus, *options):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="migctl-doctor-"))
        self.folder.chmod(0o755)
        self.environment = {"PATH": f"{binaries}:{os.environ['PATH']}", "HOME": str(self.folder), "LC_ALL": "C.UTF-8",
                            "MIGSIM_ROOT": str(self.folder / "machines"), "NO_COLOR": "1"}
        self.daemons = []
        self.run("migctl", "sim", "create", "box", "--gpus", gpus, "--latency", "none", *options)
        self.dir = self.folder / "machines/box"
        self.tree = self.dir / "tree"

    def close(self):
        for daemon in self.daemons:
            daemon.kill()
            daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *words, check=True, **more):
        done = subprocess.run(words, env={**self.environment, **more.pop("add", {})}, cwd=self.folder, capture_output=True, text=True,
                              timeout=300, check=False, **more)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def migctl(self, *words, **more):
        return self.run("migctl", "--sim", "box", *words, **more)

    def sim(self, verb, *words):
        return self.run("migctl", "sim", verb, "box", *words)

    def doctor(self, *words, **more):
        """(exit code, document)"""
        done = self.migctl("doctor", "--json", *words, check=False, **more)
        try:
            return done.returncode, json.loads(done.stdout)
        except json.JSONDecodeError as error:
            raise RuntimeError(f"doctor {words}: {done.returncode}\n{done.stdout}{done.stderr}") from error

    def check(self, name, *words, **more):
        """The result of one check."""
        code, document = self.doctor("--check", name, *words, **more)
        result, = document["checks"]
        bad = result["verdict"] in ("warning", "problem")
        if code != (22 if bad else 0):
            raise AssertionError(f"{name}: exit code {code} with verdict {result['verdict']}")
        return result

    def put(self, path, text, mode=0o644):
        """Writes a file of the machine's tree."""
        file = self.tree / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def edit(self, path, old, new):
        text = (self.tree / path.lstrip("/")).read_text()
        if old not in text:
            raise AssertionError(f"{path} has no {old!r}: {text[:300]}")
        self.put(path, text.replace(old, new), 0o444)

    def remove(self, path):
        file = self.tree / path.lstrip("/")
        shutil.rmtree(file) if file.is_dir() and not file.is_symlink() else file.unlink()

    def minors(self):
        """Minor of each capability: {"gpu0/gi1/access": 12}"""
        lines = (self.tree / "proc/driver/nvidia-caps/mig-minors").read_text().split("\n")
        return {line.split()[0]: int(line.split()[1]) for line in lines if line}

    def instances(self):
        """(GPU, GPU instance, compute instance) documents of `list --json`."""
        document = json.loads(self.migctl("list", "--json").stdout)
        return [(gpu, gi, ci) for gpu in document["gpus"] for gi in gpu["gpuInstances"] for ci in gi["computeInstances"]]

    def serve(self, guard="off"):
        log = open(self.folder / "migd.log", "w", encoding="utf-8")  # pylint: disable=consider-using-with
        daemon = subprocess.Popen(["migctl", "--sim", "box", "serve", f"--guard-nodes={guard}"], env=self.environment, cwd=self.folder,  # pylint: disable=consider-using-with
                                  stdout=log, stderr=log)
        self.daemons.append(daemon)
        self.until(lambda: self.migctl("lease", "list", check=False).returncode == 0 and self.socket().exists())
        return daemon

    def socket(self):
        return self.dir / "run/migd.sock"

    @staticmethod
    def until(true):
        """Waits for a condition that comes; a minute is only for a defect."""
        end = time.monotonic() + 60
        while not true():
            if time.monotonic() > end:
                raise AssertionError("it did not come within a minute")
            time.sleep(0.05)

    def write_cdi(self, path="/etc/cdi/nvidia.yaml"):
        """A CDI file of the instances that are there, as NVIDIA's toolkit writes them."""
        minors = self.minors()
        lines = ["---", "cdiVersion: 0.5.0", "kind: nvidia.com/gpu", "devices:"]
        for gpu, gi, ci in self.instances():
            minor = gpu["index"]
            nodes = [f"/dev/nvidia{minor}"] + [
                f"/dev/nvidia-caps/nvidia-cap{minors[key]}"
                for key in (f"gpu{minor}/gi{gi['id']}/access", f"gpu{minor}/gi{gi['id']}/ci{ci['id']}/access")]
            for name in (f"{gpu['index']}:{ci['index']}", ci["uuid"]):
                lines += [f"    - name: \"{name}\"", "      containerEdits:", "        deviceNodes:"]
                lines += [f"            - path: {node}" for node in nodes]
        version = (self.tree / "sys/module/nvidia/version").read_text().strip()
        library = f"/usr/lib/x86_64-linux-gnu/libcuda.so.{version}"
        lines += ["containerEdits:", "    env:", "        - NVIDIA_VISIBLE_DEVICES=void", "    deviceNodes:",
                  "        - path: /dev/nvidiactl", "    mounts:", f"        - hostPath: {library}",
                  f"          containerPath: {library}", "          options: [ro, nosuid, nodev, rbind, rprivate]"]
        self.put(path, "\n".join(lines) + "\n")

    def make_well(self, guard="off"):
        """Everything that a check may look at, and as it should be."""
        self.migctl("smi", "-pm", "1")
        self.put("layout.yaml", LAYOUT)
        self.migctl("apply", "-f", str(self.tree / "layout.yaml"), "-c", "well")
        self.write_cdi()
        self.put("/usr/bin/podman", "#!/bin/sh\n", 0o755)
        self.put("/usr/bin/nvidia-ctk", "#!/bin/sh\necho NVIDIA Container Toolkit CLI version 1.18.0\n", 0o755)
        self.put("/sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n")
        self.put("/etc/modprobe.d/nvidia.conf", "options nvidia NVreg_ModifyDeviceFiles=1\n")
        self.migctl("lease", "acquire", "--profile", "1g.18gb", "--for", "1h")
        lease = json.loads(self.migctl("lease", "list", "--json").stdout)["leases"][0]["id"]
        self.migctl("lease", "release", str(lease))
        self.serve(guard)


LAYOUT = """version: v1
mig-configs:
  well:
    - devices: all
      mig-enabled: true
      mig-devices: {"1g.18gb": 1, "2g.35gb": 3}
"""


def is_root():
    return os.geteuid() == 0


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)

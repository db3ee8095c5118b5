#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A container of an OCI runtime gets the whole GPU from our CDI spec, on real hardware, and nothing of it without the spec.

Usage: bundle.py MIGCTL MIG_WORKLOAD RUNC INJECT > bundle.json       needs root and a GPU with NVIDIA's driver; changes nothing of it

RUNC is any static OCI runtime (runc, crun). INJECT is a program `inject SPEC_DIR CONFIG.json DEVICE...` that applies CDI devices to a bundle
by the reference implementation (tags.cncf.io/container-device-interface, InjectDevices); it is not part of this repository.

The bundle's root has mig-workload, a shell, mknod and cat with the libraries that they are linked with, and nothing of the driver. Three starts:
  with     `mig-workload info` beside the device: must print the GPU's name and memory as outside of the container
  node     another GPU's node, made by mknod in the container, must be refused (the runtime's device rules)
  without  the same bundle without the device: must find no GPU
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PROGRAMS = ("/bin/sh", "/usr/bin/mknod", "/usr/bin/cat")


def config(command):
    """An OCI configuration: namespaces of its own, no devices but the runtime's."""
    return {
        "ociVersion": "1.0.2",
        "process": {"user": {"uid": 0, "gid": 0}, "args": command, "cwd": "/", "env": ["PATH=/usr/bin:/bin", "LC_ALL=C"],
                    "noNewPrivileges": True, "capabilities": {"bounding": ["CAP_MKNOD"], "effective": ["CAP_MKNOD"], "permitted": ["CAP_MKNOD"]}},
        "root": {"path": "rootfs", "readonly": False},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]}],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts", "network")],
                  "resources": {"devices": [{"allow": False, "access": "rwm"}]}},
    }


def host_file(spec, name):
    """Where the host has a library that the spec mounts."""
    return next(mount["hostPath"] for mount in spec["containerEdits"]["mounts"] if mount["containerPath"].endswith("/" + name))


def make_root(folder, workload, driver):
    """A root file system of a few programs and what they and the driver's library are linked with, each at its path of the host."""
    root = folder / "rootfs"
    shutil.rmtree(root, ignore_errors=True)
    for name in ("proc", "dev", "tmp"):
        (root / name).mkdir(parents=True)
    files = set(PROGRAMS)
    for program in (*PROGRAMS, workload, driver):
        linked = subprocess.run(["ldd", program], capture_output=True, text=True, timeout=60, check=True).stdout
        files |= {word for word in linked.split() if word.startswith("/")}
    for file in files:
        copy = root / file.lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(file), copy)
    shutil.copy(workload, root / "mig-workload")


def start(runc, folder, what):
    """Runs the bundle; exit code and what it printed."""
    done = subprocess.run([runc, "--root", str(folder / "state"), "run", "--bundle", str(folder), f"migctl-{what}-{os.getpid()}"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    return {"exit": done.returncode, "printed": done.stdout[-4000:], "errors": done.stderr[-2000:]}


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    migctl, workload, runc, inject = (str(pathlib.Path(word).resolve()) for word in sys.argv[1:])
    outside = subprocess.run([workload, "info", "--json"], capture_output=True, text=True, timeout=120, check=True)
    result = {"outside": json.loads(outside.stdout)}
    with tempfile.TemporaryDirectory(prefix="migctl-bundle-") as name:
        folder = pathlib.Path(name)
        specs = folder / "cdi"
        specs.mkdir()
        text = subprocess.run([migctl, "cdi", "generate", "--output", "-"], capture_output=True, text=True, timeout=120, check=True).stdout
        (specs / "migctl.json").write_text(text, encoding="utf-8")
        spec = json.loads(text)
        device = f"{spec['kind']}={spec['devices'][0]['name']}"
        result["device"], result["devices"] = device, [one["name"] for one in spec["devices"]]
        commands = {
            "look": (["/bin/sh", "-c", "echo /dev/* /usr/lib/*/libcuda* /usr/lib64/*"], True),
            "with": (["/mig-workload", "info", "--json", "--backend", "cuda"], True),
            "node": (["/bin/sh", "-c", "mknod /tmp/n c 195 77 && cat /tmp/n"], True),
            "without": (["/mig-workload", "info", "--json", "--backend", "cuda"], False),
        }
        for what, (command, given) in commands.items():
            make_root(folder, workload, host_file(spec, "libcuda.so.1"))
            path = folder / "config.json"
            path.write_text(json.dumps(config(command)), encoding="utf-8")
            if given:
                subprocess.run([inject, str(specs), str(path), device], check=True, timeout=60)
            result[what] = start(runc, folder, what)
    print(json.dumps(result, indent=1))
    same = ("device", "uuid", "memoryTotalBytes", "sm")
    try:
        inside = json.loads(result["with"]["printed"])
        right = all(inside.get(key) == result["outside"].get(key) for key in same)
    except ValueError:
        right = False
    refused = "Operation not permitted" in result["node"]["errors"] + result["node"]["printed"]
    sys.exit(0 if right and refused and result["without"]["exit"] != 0 else 1)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A container of an OCI runtime gets the whole GPU from our CDI spec, on real hardware, and nothing of it without the spec.

Usage: bundle.py MIGCTL MIG_WORKLOAD RUNC INJECT > bundle.json       needs root and a GPU with NVIDIA's driver; changes nothing of it

RUNC is any static OCI runtime (runc, crun). INJECT is a program `inject SPEC_DIR CONFIG.json DEVICE...` that applies CDI devices to a bundle
by the reference implementation (tags.cncf.io/container-device-interface, InjectDevices); it is not part of this repository.

The bundle's root is an empty folder with the host's /usr, read-only, so the programs in it are the host's; /dev is the runtime's own. Three starts:
  with     `mig-workload info` beside the device: must print the GPU's name and memory as outside of the container
  node     another GPU's node made by mknod in the container must be refused when opened (the runtime's device rules)
  without  the same bundle without the device: must find no GPU
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


def config(workload, command):
    """An OCI configuration: own namespaces, the host's /usr read-only, no devices but the runtime's."""
    def bind(source, target):
        return {"destination": target, "type": "bind", "source": source, "options": ["rbind", "ro", "nosuid"]}
    return {
        "ociVersion": "1.0.2",
        "process": {"user": {"uid": 0, "gid": 0}, "args": command, "cwd": "/", "env": ["PATH=/usr/bin:/bin", "LC_ALL=C"],
                    "noNewPrivileges": True, "capabilities": {"bounding": ["CAP_MKNOD"], "effective": ["CAP_MKNOD"], "permitted": ["CAP_MKNOD"]}},
        "root": {"path": "rootfs", "readonly": False},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
                   bind("/usr", "/usr"), bind(workload, "/mig-workload")],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts", "network")],
                  "resources": {"devices": [{"allow": False, "access": "rwm"}]}},
    }


def make_root(folder):
    """An empty root: links as the host's into /usr, and places to mount on."""
    root = folder / "rootfs"
    for name in ("proc", "dev", "usr", "tmp", "etc"):
        (root / name).mkdir(parents=True)
    (root / "mig-workload").touch()
    for name in ROOT_LINKS:
        host = pathlib.Path("/", name)
        if host.is_symlink():
            (root / name).symlink_to(os.readlink(host))
    cache = pathlib.Path("/etc/ld.so.cache")
    if cache.exists():
        shutil.copy(cache, root / "etc")
    return root


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
        make_root(folder)
        commands = {
            "with": (["/mig-workload", "info", "--json"], True),
            "node": (["/usr/bin/sh", "-c", "mknod /tmp/n c 195 77 && cat /tmp/n"], True),
            "without": (["/mig-workload", "info", "--json"], False),
        }
        for what, (command, given) in commands.items():
            path = folder / "config.json"
            path.write_text(json.dumps(config(workload, command)), encoding="utf-8")
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

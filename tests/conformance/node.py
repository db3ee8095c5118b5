# SPDX-License-Identifier: Apache-2.0
"""Expected devices and nodes for programs of a container node, read from migctl and the machine's own files."""

import os
import pathlib
import subprocess

import harness


def tree():
    return pathlib.Path(os.environ["MIGSIM_MACHINE"]) / "tree"


def in_shell(client, *command, options=(), timeout=60):
    """Runs a program inside `migctl sim shell`, which provides /proc, /sys and /dev: (exit code, out, err)."""
    done = subprocess.run([str(harness.binaries() / "migctl"), "sim", "shell", *options, "box", "--", *map(str, command)],
                          capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, env=harness.as_client(client))
    return done.returncode, done.stdout, done.stderr


def minors():
    """{"gpu0/gi1/ci0/access": number of the node in /dev/nvidia-caps}"""
    lines = (tree() / "proc" / "driver" / "nvidia-caps" / "mig-minors").read_text().splitlines()
    return {path: int(number) for path, number in (line.split() for line in lines)}


class Device:
    """A MIG device: its ids, its profile, and the three nodes that give access to it."""

    def __init__(self, gpu, gi, ci, number):
        self.gpu, self.index, self.uuid = gpu["index"], ci["index"], ci["uuid"]
        self.profile, self.gpu_name = gi["profile"], gpu["name"]
        self.whole = ci["profile"] == gi["profile"]
        place, ci_number = f"gpu{self.gpu}/gi{gi['id']}", ci["id"]
        self.nodes = {f"/dev/nvidia{self.gpu}", f"/dev/nvidia-caps/nvidia-cap{number[f'{place}/access']}",
                      f"/dev/nvidia-caps/nvidia-cap{number[f'{place}/ci{ci_number}/access']}"}


def devices():
    """(GPUs without MIG, MIG devices) of `migctl list`; every node exists in the machine's tree."""
    number, gpus = minors(), harness.migctl_json("list")["gpus"]
    migs = [Device(gpu, gi, ci, number) for gpu in gpus for gi in gpu["gpuInstances"] for ci in gi["computeInstances"]]
    for mig in migs:
        for node in mig.nodes:
            assert (tree() / node[1:]).exists(), node
    return [gpu for gpu in gpus if gpu["mig"]["current"] != "enabled"], migs

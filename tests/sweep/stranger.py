#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The "stranger", another program on a simulated machine: on command it creates or destroys an instance or switches a
mode through the driver's library, as an administrator's script would.

Usage: stranger.py LIBRARY          reads {"seed", "gpus", "made"} a line, answers {"words", "made"}
"""
import ctypes
import json
import random
import subprocess
import sys


class Place(ctypes.Structure):
    _fields_ = [("start", ctypes.c_uint), ("size", ctypes.c_uint)]


class InstanceInfo(ctypes.Structure):
    _fields_ = [("device", ctypes.c_void_p), ("id", ctypes.c_uint), ("profile", ctypes.c_uint), ("place", Place)]


class Stranger:
    """Client side: runs the stranger in a process of its own (an injected kill may hit it), with one line per
    command and reply."""

    def __init__(self, machine):
        self.machine, self.made = machine, []  # (gpu index, start, size) of GPU instances that the stranger made
        self.start()

    def start(self):
        library = self.machine.bins.parent / "lib" / "sim" / "libnvidia-ml.so.1"
        self.process = subprocess.Popen([sys.executable, __file__, str(library)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=dict(self.machine.env, MIGSIM_MACHINE=str(self.machine.root / "m")))
        self.process.stdout.readline()

    def act(self, rng, gpus):
        """Returns a sentence that describes the act, or None when the driver refused it."""
        if self.process.poll() is not None:
            self.close()
            self.start()
        ask = {"seed": rng.randrange(1 << 30), "gpus": gpus, "made": self.made}
        try:
            print(json.dumps(ask), file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline()
        except OSError:
            return None
        if not answer:
            return "was killed in the middle of an act"
        answer = json.loads(answer)
        self.made = [tuple(one) for one in answer["made"]]
        return answer["words"]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Actor:
    """The acts of the stranger through the driver's library: init, one act, shutdown."""

    def __init__(self, library):
        self.nvml, self.made = ctypes.CDLL(library), []

    def serve(self):
        print("ready", flush=True)
        for line in sys.stdin:
            ask = json.loads(line)
            self.made = [tuple(one) for one in ask["made"]]
            words = self.act(random.Random(ask["seed"]), ask["gpus"])
            print(json.dumps({"words": words, "made": self.made}), flush=True)

    def act(self, rng, gpus):
        if self.nvml.nvmlInit_v2() != 0:
            return None
        try:
            index = rng.randrange(gpus)
            device = ctypes.c_void_p()
            if self.nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(device)) != 0:
                return None
            return rng.choice([self.create, self.create, self.destroy, self.destroy_compute, self.mode])(rng, index, device)
        finally:
            self.nvml.nvmlShutdown()

    def create(self, rng, index, device):
        profile, instance = rng.choice([19, 14, 9, 15, 0]), ctypes.c_void_p()
        if self.nvml.nvmlDeviceCreateGpuInstance(device, profile, ctypes.byref(instance)) != 0:
            return None
        info = InstanceInfo()
        self.nvml.nvmlGpuInstanceGetInfo(instance, ctypes.byref(info))
        self.made.append((index, info.place.start, info.place.size))
        if rng.random() < 0.5:
            compute = ctypes.c_void_p()
            self.nvml.nvmlGpuInstanceCreateComputeInstance(instance, 0, ctypes.byref(compute))
        return f"made a GPU instance of profile {profile} on GPU {index} at {info.place.start}:{info.place.size}"

    def existing(self, device):
        for number in range(16):
            instance = ctypes.c_void_p()
            if self.nvml.nvmlDeviceGetGpuInstanceById(device, number, ctypes.byref(instance)) == 0:
                yield number, instance

    def destroy_compute(self, rng, index, device):
        all_of_them = list(self.existing(device))
        for number, instance in rng.sample(all_of_them, k=len(all_of_them)):
            compute = ctypes.c_void_p()
            if self.nvml.nvmlGpuInstanceGetComputeInstanceById(instance, 0, ctypes.byref(compute)) == 0 and \
                    self.nvml.nvmlComputeInstanceDestroy(compute) == 0:
                return f"destroyed ci 0 of gi {number} on GPU {index}"
        return None

    def destroy(self, rng, index, device):
        all_of_them = list(self.existing(device))
        for number, instance in rng.sample(all_of_them, k=len(all_of_them)):
            info = InstanceInfo()
            self.nvml.nvmlGpuInstanceGetInfo(instance, ctypes.byref(info))
            if (index, info.place.start, info.place.size) in self.made:
                continue
            for compute_id in range(8):
                compute = ctypes.c_void_p()
                if self.nvml.nvmlGpuInstanceGetComputeInstanceById(instance, compute_id, ctypes.byref(compute)) == 0 and \
                        self.nvml.nvmlComputeInstanceDestroy(compute) != 0:
                    break
            else:
                if self.nvml.nvmlGpuInstanceDestroy(instance) == 0:
                    return f"destroyed gi {number} on GPU {index}"
        return None

    def mode(self, rng, index, device):
        status, to = ctypes.c_int(-1), rng.choice([0, 1])
        done = self.nvml.nvmlDeviceSetMigMode(device, to, ctypes.byref(status))
        return f"switched MIG of GPU {index} to {to}" if done == 0 else None


if __name__ == "__main__":
    Actor(sys.argv[1]).serve()

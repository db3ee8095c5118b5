#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""migd's activity, power and energy on a real GPU under loads of known kind, beside two other readings of the same minute.

Usage: activity.py BIN_DIR [--seconds S] [--gpu I] > activity.json        needs a GPU with NVIDIA's driver; read-only

Per kind of `mig-workload hog` (none, dram, tensor, compute, launch): the mean of migd's GPM shares and the mean of what
`nvidia-smi dmon --gpm-metrics` prints in the same seconds, in percent, with the largest difference in points (target: 3).
Energy over the whole run: the sum of the GPU's instances and of what no instance is charged with against the board's own counter,
read here through NVML (target: 0.1 %), and against nvidia-smi's power reading ten times a second, which is another register.
"""
import argparse
import ctypes
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
from sampler import sample  # pylint: disable=wrong-import-position

# Name in /v1/sample, id of the GPM metric (NVML's nvmlGpmMetricId_t, as `nvidia-smi dmon -h` lists them).
METRICS = (("graphics", 1), ("sm", 2), ("occupancy", 3), ("tensor", 5), ("dram", 10), ("fp32", 12))
KINDS = ("none", "dram", "tensor", "compute", "launch")
ENDS = 6.0  # seconds in which migd's sum is held against the counter, before and after the loads, on an idle GPU
TICK = 0.1  # seconds that pass at most between migd's reading of a counter and its sample: a tick, and its accounts to the disk
SETTLE = 3.0  # seconds at a load's begin and end that no mean includes: each reading is of the second before it


class Counter:
    """The board's energy counter in millijoules, by NVML itself."""

    def __init__(self, gpu):
        self.nvml = ctypes.CDLL("libnvidia-ml.so.1")
        self.device = ctypes.c_void_p()
        for code in (self.nvml.nvmlInit_v2(), self.nvml.nvmlDeviceGetHandleByIndex_v2(gpu, ctypes.byref(self.device))):
            if code:
                sys.exit(f"NVML: error {code}")

    def read(self):
        value = ctypes.c_ulonglong()
        if code := self.nvml.nvmlDeviceGetTotalEnergyConsumption(self.device, ctypes.byref(value)):
            sys.exit(f"NVML: no energy: error {code}")
        return value.value


class Lines(threading.Thread):
    """Lines of a program with the time at which each came; it writes to a terminal, as to a pipe its lines would come late."""

    def __init__(self, words):
        super().__init__(daemon=True)
        self.terminal, its_own = os.openpty()
        self.child = subprocess.Popen(words, stdout=its_own, stderr=its_own, stdin=subprocess.DEVNULL)
        os.close(its_own)
        self.lines = []
        self.start()

    def run(self):
        rest = b""
        while True:
            try:
                read = os.read(self.terminal, 4096)
            except OSError:  # EIO: the program has ended
                return
            at = time.monotonic()
            *whole, rest = (rest + read).split(b"\n")
            self.lines += [(at, line.decode(errors="replace").split()) for line in whole]

    def end(self):
        self.child.terminate()
        self.child.wait(10)


class Ticks(threading.Thread):
    """migd's samples, one per tick, with the time at which each was seen."""

    def __init__(self, path, gpu):
        super().__init__(daemon=True)
        self.path, self.gpu, self.seen, self.stop, self.fault = path, gpu, [], False, None
        self.start()

    def run(self):
        last = None
        try:
            while not self.stop:
                document = sample(self.path)
                if document["gpus"] and document["tick"] != last:
                    last = document["tick"]
                    self.seen.append((time.monotonic(), document["gpus"][self.gpu]))
                time.sleep(0.05)
        except OSError as fault:
            self.fault = fault


def mean(values):
    known = [value for value in values if value is not None]
    return statistics.mean(known) if known else None


def number(word):
    return None if word == "-" else float(word)


def load(arguments, kind):
    """Runs a load; returns the time in which both readings are of it alone."""
    begin = time.monotonic()
    if kind == "none":
        time.sleep(arguments.seconds)
    else:
        done = subprocess.run([arguments.bin / "mig-workload", "hog", kind, "--seconds", str(arguments.seconds)], capture_output=True,
                              text=True, check=False, env={**os.environ, "CUDA_VISIBLE_DEVICES": str(arguments.gpu)})
        if done.returncode:
            sys.exit(f"mig-workload hog {kind}: {done.stdout}{done.stderr}")
    return begin + SETTLE, time.monotonic() - 1.0


def compare(window, ticks, dmon):
    begin, end = window
    ours = [gpu for at, gpu in ticks if begin <= at <= end]
    theirs = [words for at, words in dmon if begin <= at <= end and words and words[0] != "#"]
    row = {"ticks": len(ours), "dmonLines": len(theirs), "powerWatts": round(mean([gpu["powerWatts"] for gpu in ours]), 1),
           "metrics": {}}
    for place, (name, _) in enumerate(METRICS):
        of_ours = mean([(gpu["activity"] or {}).get(name) for gpu in ours])
        of_theirs = mean([number(words[place - len(METRICS)]) for words in theirs])
        difference = None if of_ours is None or of_theirs is None else abs(of_ours * 100 - of_theirs)
        row["metrics"][name] = {"migd": None if of_ours is None else round(of_ours * 100, 2),
                                "dmon": None if of_theirs is None else round(of_theirs, 2),
                                "points": None if difference is None else round(difference, 2)}
    return row


def charged(gpu):
    return sum(instance["energyMj"] for instance in gpu["gpuInstances"]) + gpu["energyGoneMj"] + gpu["energyUnattributedMj"]


def offset(counter, path, gpu):
    """migd's sum less the board's counter, which would be constant were both read at once: (least, most, counter, when).

    migd read the counter of a new sum no longer than TICK before the sum was seen, so its reading lies between the counter of
    then and the counter of now. Several new sums narrow that.
    """
    least, most, read = float("-inf"), float("inf"), []
    last = charged(sample(path)["gpus"][gpu])
    end = time.monotonic() + ENDS
    while time.monotonic() < end:
        read.append((time.monotonic(), counter.read()))
        now = charged(sample(path)["gpus"][gpu])
        after = counter.read()
        before = [value for at, value in read if at < time.monotonic() - TICK]
        if now != last and before:
            least, most, last = max(least, now - after), min(most, now - before[-1]), now
        time.sleep(0.005)
    if most == float("inf"):
        sys.exit(f"migd: no new energy in {ENDS} s")
    return least, most, counter.read(), time.monotonic()


def energy(counter, begin, path, gpu, power):
    """How much migd charged between the two ends, as far as it can be told apart from when its counter was read."""
    end = offset(counter, path, gpu)
    by_counter = end[2] - begin[2]
    apart = max(abs(end[0] - begin[1]), abs(end[1] - begin[0]))  # the most that charged and used may differ by
    watts = [(at, number(words[0])) for at, words in power if begin[3] <= at <= end[3] and words]
    joules = sum((later - at) * (now + then) / 2 for (at, now), (later, then) in zip(watts, watts[1:]))
    return {"seconds": round(end[3] - begin[3], 1), "counterJoules": by_counter / 1e3, "mostApartJoules": apart / 1e3,
            "differencePercent": round(apart / by_counter * 100, 4),
            "powerReadings": len(watts), "powerJoules": round(joules, 1),
            "powerDifferencePercent": round(abs(joules - by_counter / 1e3) / (by_counter / 1e3) * 100, 2)}


def measure(arguments, path):
    counter = Counter(arguments.gpu)
    ticks = Ticks(path, arguments.gpu)
    dmon = Lines(["nvidia-smi", "dmon", "-i", str(arguments.gpu), "--gpm-metrics", ",".join(str(number) for _, number in METRICS)])
    power = Lines(["nvidia-smi", "-i", str(arguments.gpu), "--query-gpu=power.draw.instant", "--format=csv,noheader,nounits", "-lms", "100"])
    time.sleep(SETTLE)
    begin = offset(counter, path, arguments.gpu)
    windows = {kind: load(arguments, kind) for kind in arguments.kinds}
    time.sleep(SETTLE)
    whole = energy(counter, begin, path, arguments.gpu, power.lines)
    ticks.stop = True
    ticks.join(10)
    dmon.end()
    power.end()
    if ticks.fault:
        sys.exit(f"migd: {ticks.fault}")
    rows = {kind: compare(window, ticks.seen, dmon.lines) for kind, window in windows.items()}
    points = [metric["points"] for row in rows.values() for metric in row["metrics"].values() if metric["points"] is not None]
    if not points:
        print("\n".join(" ".join(words) for _, words in dmon.lines[:6]), file=sys.stderr)
    last = sample(path)
    return {"driverVersion": last["driverVersion"], "simulated": last["simulated"], "gpu": last["gpus"][arguments.gpu]["name"],
            "loads": rows, "mostPoints": max(points, default=None), "comparedReadings": len(points), "energy": whole,
            "targets": {"mostPoints": 3, "differencePercent": 0.1}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--gpu", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    arguments = parser.parse_args()
    arguments.bin = arguments.bin.resolve()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "migd.sock")
        environment = {**os.environ, "MIGCTL_STATE_DIR": os.path.join(folder, "state")}
        words = [arguments.bin / "migctl", "serve", "--socket", path, "--sample", "1s", "--guard-nodes=off"]
        with subprocess.Popen(words, env=environment, stdout=sys.stderr) as daemon:
            try:
                for _ in range(300):
                    if os.path.exists(path) or daemon.poll() is not None:
                        break
                    time.sleep(0.1)
                if daemon.poll() is not None:
                    return daemon.returncode
                result = measure(arguments, path)
            finally:
                daemon.terminate()
    print(json.dumps(result, indent=2))
    good = result["mostPoints"] is not None and result["mostPoints"] <= 3 and result["energy"]["differencePercent"] <= 0.1
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every driver call of a change made to fail, hang, or kill the client, once each: afterwards the
layout is the old one or the new one, the journal is closed, and what ran still runs.

Usage: fault_sweep.py BIN_DIR [--full] [--points N] [--only NAME] [--jobs N] [--out FILE]

A point is (transition, k, fault): the k-th driver call of `migctl apply`, counted over all functions,
meets the fault. Without --full: every changing call meets every fault, and of the reading calls a
seeded sample, up to --points points in all. Prints the number of points swept; exit 1 on any
violation, each with the command that repeats it.
"""
import argparse
import concurrent.futures
import itertools
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

CODES = ["NVML_ERROR_UNKNOWN", "NVML_ERROR_IN_USE", "NVML_ERROR_INSUFFICIENT_RESOURCES", "NVML_ERROR_TIMEOUT",
         "NVML_ERROR_NO_PERMISSION", "NVML_ERROR_INVALID_ARGUMENT", "NVML_ERROR_GPU_IS_LOST"]
FAULTS = [("fail", code) for code in CODES] + [("kill", "before"), ("kill", "after"), ("hang", "")]
CHANGING = ("nvmlDeviceSetMigMode", "nvmlDeviceCreateGpuInstance", "nvmlDeviceCreateGpuInstanceWithPlacement",
            "nvmlGpuInstanceDestroy", "nvmlGpuInstanceCreateComputeInstance",
            "nvmlGpuInstanceCreateComputeInstanceWithPlacement", "nvmlComputeInstanceDestroy", "reset_gpu")

UNIFORM = {"devices": "all", "mig-enabled": True, "mig-devices": {"1g.5gb": 7}}


def layout(*entries):
    return json.dumps({"version": "v1", "mig-configs": {"x": list(entries)}})


def entry(devices, instances=None):
    made = {"devices": devices, "mig-enabled": instances is not None}
    if instances is not None:
        made["mig-devices"] = instances
    return made


# name, GPUs, layout before (None: MIG off), single creates before, busy GPU instance (gpu, start), layout wanted
TRANSITIONS = [
    ("uniform-to-mixed", "1x a100-sxm4-40gb", layout(UNIFORM), [], [],
     layout(entry("all", {"3g.20gb": 1, "2g.10gb": 2}))),
    ("mixed-around-busy", "1x a100-sxm4-40gb", layout(entry("all", {})), ["3g.20gb:4", "2g.10gb:0", "1g.5gb:2"],
     [(0, 4), (0, 2)], layout(entry("all", {"3g.20gb": 1, "1g.5gb": 4}))),
    ("enable-and-create", "1x h100-sxm5-80gb", None, [], [],
     layout(entry("all", {"3g.40gb": 1, "2g.20gb": 1, "1g.10gb": 1}))),
    ("enable-and-create-ampere", "1x a100-sxm4-40gb", None, [], [], layout(entry("all", {"7g.40gb": 1}))),
    ("compute-only", "1x a100-sxm4-40gb", layout(entry("all", {"3g.20gb": 1, "2g.10gb": 1})), [], [(0, 0)],
     layout(entry("all", {"1c.3g.20gb": 3, "2g.10gb": 1}))),
    ("two-gpus", "2x a100-sxm4-40gb",
     layout(entry([0], {"1g.5gb": 7}), entry([1], {"3g.20gb": 2})), [], [(1, 4)],
     layout(entry([0], {"4g.20gb": 1, "3g.20gb": 1}), entry([1], {"3g.20gb": 1, "2g.10gb": 2}))),
    ("disable", "1x h200-141gb", layout(entry("all", {"3g.71gb": 2})), [], [], layout(entry("all"))),
]


class Machine:
    """A clone of a prepared machine, for one point."""

    def __init__(self, bins, root):
        self.bins, self.root = bins, root
        self.env = dict(os.environ, MIGSIM_ROOT=str(root), MIGCTL_STATE_DIR=str(root / "state"), NO_COLOR="1")
        self.env.pop("MIGSIM_MACHINE", None)

    def migctl(self, *args, stdin=None, timeout=60, extra=None):
        return subprocess.run([str(self.bins / "migctl"), "--sim", "m", *args], input=stdin, text=True,
                              capture_output=True, timeout=timeout, env=dict(self.env, **(extra or {})), check=False)

    def must(self, *args, **kw):
        done = self.migctl(*args, **kw)
        if done.returncode != 0:
            raise RuntimeError(f"migctl {' '.join(args)}: exit {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout

    def layout(self):
        """Modes and instances at their places; ids and UUIDs are not part of a layout."""
        document = json.loads(self.must("list", "--json"))
        gpus = []
        for gpu in document["gpus"]:
            instances = sorted((gi["profile"], gi["placement"]["start"], gi["placement"]["size"],
                                tuple(sorted((ci["profile"], json.dumps(ci.get("placement")))
                                             for ci in gi["computeInstances"])))
                               for gi in gpu["gpuInstances"])
            gpus.append((gpu["mig"]["current"], gpu["mig"]["pending"], tuple(instances)))
        return tuple(gpus)

    def busy(self):
        document = json.loads(self.must("list", "--json"))
        return sorted((gpu["index"], gi["placement"]["start"], p["pid"])
                      for gpu in document["gpus"] for gi in gpu["gpuInstances"] for p in gi.get("processes", []))


class Transition:
    def __init__(self, bins, folder, spec):
        self.bins = bins
        self.name, gpus, before, creates, busy, self.wanted = spec
        self.root = folder / self.name
        (self.root / "state").mkdir(parents=True)
        machine = Machine(bins, self.root)
        self.jobs = []
        sim = subprocess.run([str(bins / "migctl"), "sim", "create", "m", "--gpus", gpus, "--latency", "none"],
                             env=machine.env, capture_output=True, text=True, check=False)
        if sim.returncode != 0:
            raise RuntimeError(sim.stderr)
        if before:
            machine.must("apply", "-f", "-", "-c", "x", stdin=before)
        for one in creates:
            machine.must("create", one)
        for gpu, start in busy:
            self.occupy(machine, gpu, start)
        self.before = machine.layout()
        self.held = machine.busy()
        if len(self.held) != len(busy):
            raise RuntimeError(f"{self.name}: wanted {len(busy)} busy instances, have {self.held}")
        self.snapshot = folder / f"{self.name}.snapshot"
        shutil.copytree(self.root, self.snapshot, symlinks=True, ignore=shutil.ignore_patterns("tree"))
        self.calls = self.trace()

    def occupy(self, machine, gpu, start):
        document = json.loads(machine.must("list", "--json"))
        uuid = next(gi["computeInstances"][0]["uuid"] for gi in document["gpus"][gpu]["gpuInstances"]
                    if gi["placement"]["start"] == start)
        env = dict(machine.env, MIGSIM_MACHINE=str(self.root / "m"), CUDA_VISIBLE_DEVICES=uuid)
        job = subprocess.Popen([str(self.bins / "mig-workload"), "train", "--seconds", "100000"], env=env,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.jobs.append(job)
        for _ in range(200):
            if any(pid == job.pid for _, _, pid in machine.busy()):
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self.name}: the workload on GPU {gpu} slot {start} does not show")

    def clone(self, root):
        shutil.copytree(self.snapshot, root, symlinks=True)
        return Machine(self.bins, root)

    def trace(self):
        """The driver calls of an undisturbed apply, in order; also where it leads."""
        with tempfile.TemporaryDirectory(dir=self.root.parent) as folder:
            machine = self.clone(pathlib.Path(folder) / "t")
            log = pathlib.Path(folder) / "trace"
            machine.must("apply", "-f", "-", "-c", "x", stdin=self.wanted, extra={"MIGSIM_TRACE": str(log)})
            self.after = machine.layout()
            if self.after == self.before:
                raise RuntimeError(f"{self.name}: the transition changes nothing")
            return [line.split()[2] for line in log.read_text().splitlines()]

    def close(self):
        for job in self.jobs:
            job.kill()
            job.wait()


def inject_arguments(k, fault):
    kind, what = fault
    base = ["sim", "inject", "m", "--call", "*", "--nth", str(k)]
    if kind == "fail":
        return base + ["--fail", what]
    if kind == "kill":
        return base + ["--kill", what]
    return base + ["--hang", "forever"]


def run_point(transition, k, fault, folder):
    """Returns None or what was violated."""
    root = folder / f"{transition.name}-{k}-{'-'.join(fault)}"
    machine = transition.clone(root)
    try:
        done = subprocess.run([str(machine.bins / "migctl"), *inject_arguments(k, fault)], env=machine.env,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return f"inject: {done.stderr}"
        apply = machine.migctl("apply", "-f", "-", "-c", "x", stdin=transition.wanted, timeout=60,
                               extra={"MIGCTL_DRIVER_TIMEOUT": "700ms"})
        died = apply.returncode < 0 or (fault[0] == "hang")
        subprocess.run([str(machine.bins / "migctl"), "sim", "inject", "m", "--clear"], env=machine.env,
                       capture_output=True, check=False)
        if died:
            recover = machine.migctl("recover")
            if recover.returncode not in (0, 18):
                return f"recover: exit {recover.returncode}: {recover.stderr}"
        if fault[0] == "kill" and apply.returncode != -signal.SIGKILL and apply.returncode >= 0:
            return f"the client was to be killed, but apply ended with {apply.returncode}: {apply.stderr}"
        layout_now = machine.layout()
        if layout_now not in (transition.before, transition.after):
            return f"neither before nor after (apply exit {apply.returncode}): {layout_now}\n{apply.stderr}"
        if apply.returncode == 0 and layout_now != transition.after and not died:
            return f"apply said done, but the layout is the old one\n{apply.stdout}"
        held = machine.busy()
        if held != transition.held:
            return f"busy instances {transition.held} became {held}"
        history = json.loads(machine.must("history", "--json"))
        still_open = [c for c in history["changes"] if c["state"] in ("open", "stuck")]
        if still_open:
            return f"journal not closed: {still_open}"
        return None
    except (subprocess.TimeoutExpired, RuntimeError, KeyError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        shutil.rmtree(root, ignore_errors=True)


def points_of(transition, full, rng, sample):
    changing = [k + 1 for k, name in enumerate(transition.calls) if name in CHANGING]
    reading = [k + 1 for k, name in enumerate(transition.calls) if name not in CHANGING]
    certain = list(itertools.product(changing, FAULTS))
    rest = [(k, fault) for k, fault in itertools.product(reading, FAULTS)]
    if not full:
        # Hangs cost a timeout each, so few of them; the rest by lot.
        quick = [p for p in rest if p[1][0] != "hang"]
        slow = [p for p in rest if p[1][0] == "hang"]
        rest = rng.sample(quick, min(len(quick), sample)) + rng.sample(slow, min(len(slow), 3))
    return certain + rest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bins", type=pathlib.Path)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--points", type=int, default=1500)
    parser.add_argument("--only")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    start = time.time()
    violations, swept, table = [], 0, []
    with tempfile.TemporaryDirectory(prefix="sweep") as name:
        folder = pathlib.Path(name)
        transitions = []
        try:
            for spec in TRANSITIONS:
                if not args.only or args.only == spec[0]:
                    transitions.append(Transition(args.bins.resolve(), folder, spec))
            per = args.points // max(1, len(transitions))
            with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
                for t in transitions:
                    certain = len([c for c in t.calls if c in CHANGING]) * len(FAULTS)
                    points = points_of(t, args.full, rng, max(0, per - certain))
                    futures = {pool.submit(run_point, t, k, f, folder): (k, f) for k, f in points}
                    bad = 0
                    for future in concurrent.futures.as_completed(futures):
                        k, fault = futures[future]
                        swept += 1
                        if future.result():
                            bad += 1
                            violations.append((t.name, k, t.calls[k - 1], fault, future.result()))
                    table.append({"transition": t.name, "calls": len(t.calls), "points": len(points), "violations": bad})
                    print(f"{t.name:26} {len(t.calls):5} driver calls, {len(points):6} points, {bad} violations",
                          flush=True)
        finally:
            for t in transitions:
                t.close()
    for name, k, call, fault, what in violations[:20]:
        print(f"VIOLATION {name} call {k} ({call}) {fault}: {what}")
    print(f"points swept: {swept}, violations: {len(violations)}, {time.time() - start:.0f} s")
    if args.out:
        pathlib.Path(args.out).write_text(json.dumps(
            {"sweep": "faults", "simulated": True, "full": args.full, "seed": args.seed, "points": swept,
             "violations": len(violations), "transitions": table}, indent=1) + "\n")
    return 1 if violations or swept == 0 else 0


if __name__ == "__main__":
    sys.exit(main())

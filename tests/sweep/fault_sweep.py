#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every driver call of a change made to fail, hang, or kill the client, once each: afterwards the
layout is the old one or the new one, the journal is closed, and what ran still runs.

Usage: fault_sweep.py BIN_DIR [--full | --points N] [--only NAME] [--point K:FAULT] [--jobs N] [--seed N] [--out FILE]

A point is (transition, k, fault): the k-th driver call of `migctl apply`, counted over all functions, meets
the fault. That it did is read from the simulator's trace. After a kill or a hang `migctl recover` is run; in
points of two kills that one is killed too, and run again. Then must hold: the layout (modes, GPU instances and
compute instances at their places) is the one before or the one after; the exit code says which; the
journal is closed; the busy instances have their processes. A change that was cut short when every changing call had
been made is recovered forwards ("recovered, after"), any other backwards.

Without --full: every changing call meets every fault, as far as --points goes, and of the reading calls a
seeded sample. Prints the number of points swept; exit 1 on any violation, each with the words that repeat it.
"""
import argparse
import collections
import concurrent.futures
import itertools
import json
import multiprocessing
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
KILLS = [("kill", "before"), ("kill", "after")]
FAULTS = [("fail", code) for code in CODES] + KILLS + [("hang", "forever")]
# Timeout of a hang; far above the time between two driver calls on a loaded machine.
PATIENCE = "700ms"
APPLIED, TIMED_OUT, ROLLED_BACK, STUCK = 0, 13, 18, 19
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


# name, GPUs, layout before (None: MIG off), single creates before, busy GPU instance (gpu, start), desired layout
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

# The transition under test: each pool of workers inherits it by fork.
CURRENT = []


class Machine:
    """A simulated machine below `root`, and its journal."""

    def __init__(self, bins, root):
        self.bins, self.root = bins, root
        self.env = dict(os.environ, MIGSIM_ROOT=str(root), MIGCTL_STATE_DIR=str(root / "state"), NO_COLOR="1")
        self.env.pop("MIGSIM_MACHINE", None)

    def run(self, *args, stdin="", extra=None):
        return subprocess.run([str(self.bins / "migctl"), *args], input=stdin, text=True, capture_output=True,
                              timeout=60, env=dict(self.env, **(extra or {})), check=False)

    def migctl(self, *args, **kw):
        return self.run("--sim", "m", *args, **kw)

    def must(self, *args, **kw):
        done = self.migctl(*args, **kw)
        if done.returncode != 0:
            raise RuntimeError(f"migctl {' '.join(args)}: exit {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout

    def inject(self, k, fault):
        kind, what = fault
        done = self.run("sim", "inject", "m", "--call", "*", "--nth", str(k), f"--{kind}", what)
        if done.returncode != 0:
            raise RuntimeError(f"inject: {done.stderr}")

    def look(self):
        """The layout, and (gpu, start, pid) of the processes. Ids and UUIDs are not part of a layout."""
        gpus, busy = [], []
        for gpu in json.loads(self.must("list", "--json"))["gpus"]:
            instances = []
            for gi in gpu["gpuInstances"]:
                computes = sorted((ci["profile"], json.dumps(ci.get("placement"))) for ci in gi["computeInstances"])
                place = gi["placement"]
                instances.append((gi["profile"], place["start"], place["size"], tuple(computes)))
                busy += [(gpu["index"], place["start"], p["pid"]) for p in gi.get("processes", [])]
            gpus.append((gpu["mig"]["current"], gpu["mig"]["pending"], tuple(sorted(instances))))
        return tuple(gpus), sorted(busy)


class Transition:
    """A prepared machine: its state before, its processes, the desired layout and the number of calls to reach it."""

    def __init__(self, bins, folder, spec):
        self.bins = bins
        self.name, gpus, before, creates, busy, self.wanted = spec
        self.root = folder / self.name
        (self.root / "state").mkdir(parents=True)
        machine = Machine(bins, self.root)
        self.jobs = []
        made = machine.run("sim", "create", "m", "--gpus", gpus, "--latency", "none")
        if made.returncode != 0:
            raise RuntimeError(made.stderr)
        if before:
            machine.must("apply", "-f", "-", "-c", "x", stdin=before)
        for one in creates:
            machine.must("create", one)
        for gpu, start in busy:
            self.occupy(machine, gpu, start)
        self.before, self.held = machine.look()
        if len(self.held) != len(busy):
            raise RuntimeError(f"{self.name}: wanted {len(busy)} busy instances, have {self.held}")
        self.snapshot = folder / f"{self.name}.snapshot"
        shutil.copytree(self.root, self.snapshot, symlinks=True)
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
            if any(pid == job.pid for _, _, pid in machine.look()[1]):
                job.send_signal(signal.SIGSTOP)  # a stopped process keeps its instance without using the CPU
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self.name}: the workload on GPU {gpu} slot {start} does not show")

    def clone(self, root):
        shutil.copytree(self.snapshot, root, symlinks=True)
        return Machine(self.bins, root)

    def trace(self):
        """Driver calls of an undisturbed apply, in order; also the resulting layout."""
        root = self.root.parent / f"{self.name}.trace"
        machine = self.clone(root)
        machine.must("apply", "-f", "-", "-c", "x", stdin=self.wanted, extra={"MIGSIM_TRACE": str(root / "trace")})
        self.after, held = machine.look()
        if self.after == self.before or held != self.held:
            raise RuntimeError(f"{self.name}: the transition changes nothing, or more than it may")
        return [line.split()[2] for line in (root / "trace").read_text().splitlines()]

    def close(self):
        for job in self.jobs:
            job.kill()
            job.wait()


def met(trace, k, fault, transition):
    """True when the fault hit the k-th call of apply, and the call was the intended one."""
    lines = [line.split() for line in trace.read_text().splitlines()] if trace.exists() else []
    whole = k if fault[0] == "fail" or fault == ("kill", "after") else k - 1
    if len(lines) < whole or (fault[0] != "fail" and len(lines) != whole):
        return False
    return fault[0] != "fail" or (lines[k - 1][2] == transition.calls[k - 1] and lines[k - 1][4] != "0")


def all_done(trace, transition):
    """True when apply had executed every changing call of its transition."""
    lines = [line.split() for line in trace.read_text().splitlines()] if trace.exists() else []
    made = sum(line[2] in CHANGING and line[4] == "0" for line in lines)
    return made >= sum(name in CHANGING for name in transition.calls)


def cut_short(apply, fault, where, done):
    """A change ended by a kill or a hang: if complete, recovery keeps it, otherwise rolls it back."""
    code = apply.returncode
    expected = "after" if done else "before"
    if where != expected:
        return f"recovered, {where}, but {'every' if done else 'not every'} step was done: {apply.stderr}"
    if fault[0] == "kill":
        return None if code == -signal.SIGKILL else f"not killed but {code}: {apply.stderr}"
    return None if code == TIMED_OUT else f"no timeout but {code}: {apply.stderr}"


def outcome_of(apply, fault, layout, transition, done):
    """(name of the outcome, violation or None): the exit code must match the layout."""
    where = "after" if layout == transition.after else "before" if layout == transition.before else None
    if where is None:
        return "neither", f"neither before nor after (apply exit {apply.returncode}): {layout}\n{apply.stderr}"
    code = apply.returncode
    if fault[0] != "fail":
        return f"recovered, {where}", cut_short(apply, fault, where, done)
    if code == APPLIED:
        return "applied", None if where == "after" else f"said done, but the layout is the old one\n{apply.stdout}"
    wrong = None if where == "before" else f"exit {code}, but the layout is the new one: {apply.stderr}"
    return "rolled back" if code == ROLLED_BACK else "refused", wrong


def recovered(machine, again):
    """Runs recover; `again`: recover is killed at its `again`-th call first."""
    if again:
        machine.run("sim", "inject", "m", "--clear")
        machine.inject(again, ("kill", "after"))
        first = machine.migctl("recover")
        if first.returncode not in (0, -signal.SIGKILL):
            return f"recover that is to be killed: exit {first.returncode}: {first.stderr}"
        machine.run("sim", "inject", "m", "--clear")
    done = machine.migctl("recover")
    return None if done.returncode == 0 else f"recover: exit {done.returncode}: {done.stderr}"


def run_point(k, fault, again, folder):
    """Returns the outcome, and None or the violation."""
    transition = CURRENT[0]
    root = folder / f"{os.getpid()}-{k}"
    machine = transition.clone(root)
    try:
        machine.inject(k, fault)
        extra = {"MIGSIM_TRACE": str(root / "trace")}
        if fault[0] == "hang":
            extra["MIGCTL_DRIVER_TIMEOUT"] = PATIENCE
        apply = machine.migctl("apply", "-f", "-", "-c", "x", stdin=transition.wanted, extra=extra)
        if not met(root / "trace", k, fault, transition):
            return "not met", f"the fault did not meet its call (apply exit {apply.returncode}): {apply.stderr}"
        if fault[0] != "fail":
            problem = recovered(machine, again)
            if problem:
                return "not recovered", problem
        layout, held = machine.look()
        outcome, problem = outcome_of(apply, fault, layout, transition, all_done(root / "trace", transition))
        if not problem and held != transition.held:
            problem = f"busy instances {transition.held} became {held}"
        still = [c for c in json.loads(machine.must("history", "--json"))["changes"] if c["state"] in ("open", "stuck")]
        if not problem and still:
            problem = f"journal not closed: {still}\n{apply.stderr}"
        return outcome, problem
    except (subprocess.TimeoutExpired, RuntimeError, KeyError, ValueError) as error:
        return "error", f"{type(error).__name__}: {error}"
    finally:
        shutil.rmtree(root, ignore_errors=True)


def points_of(transition, full, rng, room):
    """(k, fault, call at which recover is killed too, or 0), at most `room` of them unless `full`."""
    changing = [k + 1 for k, name in enumerate(transition.calls) if name in CHANGING]
    reading = [k + 1 for k, name in enumerate(transition.calls) if name not in CHANGING]
    first = [(k, fault, 0) for k, fault in itertools.product(changing, FAULTS)]
    twice = [(k, fault, rng.randrange(1, 2 * len(transition.calls) // 3))
             for k, fault in itertools.product(changing, KILLS)]
    rest = [(k, fault, 0) for k, fault in itertools.product(reading, FAULTS)]
    if full:
        return first + twice + rest
    # Each hang costs its timeout: few of them on read calls. A small sample covers every kind.
    slow = [p for p in rest if p[1][0] == "hang"]
    rest = [p for p in rest if p[1][0] != "hang"]
    if len(first) + len(twice) > room * 3 // 4:
        first = rng.sample(first, min(len(first), max(1, room // 2)))
        twice = rng.sample(twice, min(len(twice), max(1, room // 6)))
    slow = rng.sample(slow, min(len(slow), max(1, room // 50)))
    rest = rng.sample(rest, min(len(rest), max(0, room - len(first) - len(twice) - len(slow))))
    return first + twice + slow + rest


def one_point(text):
    """Parses "12:fail:NVML_ERROR_UNKNOWN", "12:kill:after", "12:kill:after:40"."""
    words = text.split(":")
    return int(words[0]), (words[1], words[2]), int(words[3]) if len(words) > 3 else 0


def sweep(transition, points, jobs, folder):
    """One row of the table, and the violations. Processes instead of threads, to use many cores."""
    CURRENT[:] = [transition]
    outcomes, violations = collections.Counter(), []
    with concurrent.futures.ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
        futures = {pool.submit(run_point, *point, folder): point for point in points}
        for future in concurrent.futures.as_completed(futures):
            outcome, problem = future.result()
            outcomes[outcome] += 1
            if problem:
                violations.append((transition, futures[future], problem))
    row = {"transition": transition.name, "calls": len(transition.calls),
           "changing": sum(name in CHANGING for name in transition.calls), "busy": len(transition.held),
           "points": len(points), "violations": len(violations), "outcomes": dict(sorted(outcomes.items()))}
    print(f"{row['transition']:25} {row['calls']:5} driver calls, {row['changing']:3} changing, {row['points']:6} "
          f"points, {row['violations']} violations; "
          + ", ".join(f"{name}: {count}" for name, count in row["outcomes"].items()), flush=True)
    return row, violations


def run_all(args, folder):
    bins, rng = args.bins.resolve(), random.Random(args.seed)
    specs = [spec for spec in TRANSITIONS if not args.only or args.only == spec[0]]
    rows, violations = [], []
    for spec in specs:
        transition = Transition(bins, folder, spec)
        try:
            points = [one_point(args.point)] if args.point else points_of(
                transition, args.full, rng, args.points // len(specs))
            row, bad = sweep(transition, points, args.jobs, folder)
        finally:
            transition.close()
        rows.append(row)
        violations += bad
    for transition, (k, fault, again), problem in violations[:args.show]:
        point = ":".join([str(k), *fault] + ([str(again)] if again else []))
        print(f"VIOLATION --only {transition.name} --point {point} ({transition.calls[k - 1]}): {problem}")
    return rows, violations


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bins", type=pathlib.Path, metavar="BIN_DIR")
    parser.add_argument("--full", action="store_true", help="every call meets every fault")
    parser.add_argument("--points", type=int, default=4000, help="about how many points (4000)")
    parser.add_argument("--only", choices=[spec[0] for spec in TRANSITIONS], help="this transition")
    parser.add_argument("--point", help="this point alone: 12:fail:NVML_ERROR_UNKNOWN, 12:kill:after")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=20, help="how many violations are printed (20)")
    parser.add_argument("--out", type=pathlib.Path, help="write the table there as JSON")
    args = parser.parse_args()
    start = time.time()
    # On tmpfs if available: the order of writes is under test, not a disk.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="sweep", dir=memory) as name:
        rows, violations = run_all(args, pathlib.Path(name))
    swept = sum(row["points"] for row in rows)
    print(f"points swept: {swept}, violations: {len(violations)}, {time.time() - start:.0f} s")
    if args.out:
        args.out.write_text(json.dumps(
            {"sweep": "faults", "simulated": True, "full": args.full, "seed": args.seed, "points": swept,
             "violations": len(violations), "transitions": rows}, indent=1) + "\n")
    return 1 if violations or swept == 0 else 0


if __name__ == "__main__":
    sys.exit(main())

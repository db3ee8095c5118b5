#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A change killed at each driver call and at each operation on files: the CDI file never names a device that is not so,
and after `migctl recover` it is that of the layout.

Usage: cdi_crash.py BIN_DIR [--full] [--only NAME] [--point KIND:K] [--seed N]

Points of kind "call" kill before and after the k-th driver call (the simulator's faults); those of kind "file" before
the k-th rename, unlink, fsync or open for writing (a preloaded library, compiled here). After each kill the file is
compared with what `cdi generate --output -` says of the machine as it is: a device in the file must be there, with the
same nodes. Without --full a seeded sample of the points is made. Exit 1 on any violation, each with its point.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

KILLED = -9
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static int seen;
static void point(void) {
  const char* at = getenv("CDI_KILL_AT");
  ++seen;
  if (at != NULL && seen == atoi(at)) {
    kill(getpid(), SIGKILL);
  }
}
__attribute__((destructor)) static void tell(void) {
  const char* file = getenv("CDI_KILL_COUNT");
  FILE* out = file != NULL ? fopen(file, "w") : NULL;
  if (out != NULL) {
    fprintf(out, "%d\n", seen);
    fclose(out);
  }
}
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
int rename(const char* a, const char* b) { point(); return REAL(rename)(a, b); }
int renameat(int x, const char* a, int y, const char* b) { point(); return REAL(renameat)(x, a, y, b); }
int renameat2(int x, const char* a, int y, const char* b, unsigned f) { point(); return REAL(renameat2)(x, a, y, b, f); }
int unlink(const char* a) { point(); return REAL(unlink)(a); }
int unlinkat(int x, const char* a, int f) { point(); return REAL(unlinkat)(x, a, f); }
int fsync(int fd) { point(); return REAL(fsync)(fd); }
int fdatasync(int fd) { point(); return REAL(fdatasync)(fd); }
"""


def layout(*entries):
    return json.dumps({"version": "v1", "mig-configs": {"x": list(entries)}})


def entry(devices, instances):
    return {"devices": devices, "mig-enabled": instances is not None, **({"mig-devices": instances} if instances else {})}


# name, GPUs, layout before, layout wished
TRANSITIONS = [
    ("same-minors-other-instance", "1x a100-sxm4-40gb", layout(entry("all", {"1g.5gb": 7})),
     layout(entry("all", {"3g.20gb": 1, "2g.10gb": 2}))),
    ("one-of-two-gpus", "2x h200-141gb", layout(entry("all", {"3g.71gb": 2})),
     layout(entry([0], {"2g.35gb": 3}), entry([1], {"3g.71gb": 2}))),
    ("mode-off", "1x h200-141gb", layout(entry("all", {"3g.71gb": 2})), layout(entry("all", None))),
]


class Trial:
    def __init__(self, bins, root):
        self.bins, self.root = bins, root
        self.env = dict(os.environ, MIGSIM_ROOT=str(root), NO_COLOR="1")
        for name in ("MIGSIM_MACHINE", "MIGCTL_STATE_DIR"):
            self.env.pop(name, None)
        self.file = root / "m/tree/var/run/cdi/migctl.json"

    def run(self, *words, text="", extra=None):
        return subprocess.run([str(self.bins / "migctl"), *words], input=text, text=True, capture_output=True,
                              timeout=120, env=dict(self.env, **(extra or {})), check=False)

    def must(self, *words, text=""):
        done = self.run("--sim", "m", *words, text=text)
        if done.returncode != 0:
            raise RuntimeError(f"migctl {' '.join(words)}: exit {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout

    def devices(self, text):
        return {device["name"]: device["containerEdits"]["deviceNodes"] for device in json.loads(text)["devices"]}

    def kept(self):
        return self.devices(self.file.read_text()) if self.file.exists() else {}

    def real(self):
        """What the machine has now; nothing where there is no device."""
        done = self.run("--sim", "m", "cdi", "generate", "--output", "-")
        if done.returncode == 4 and "no device" in done.stderr:
            return {}
        if done.returncode != 0:
            raise RuntimeError(f"cdi generate: exit {done.returncode}: {done.stderr}")
        return self.devices(done.stdout)


def violations(trial, point, after):
    """What is wrong after the kill, and after recover."""
    found = []
    kept, real = trial.kept(), trial.real()
    for name, nodes in kept.items():
        if real.get(name) != nodes:
            found.append(f"{point}: the file gives {name} nodes that it does not have")
    if not after:
        return found
    done = trial.run("--sim", "m", "recover")
    if done.returncode not in (0, 18):
        found.append(f"{point}: recover: exit {done.returncode}: {done.stderr}")
    if trial.kept() != trial.real():
        found.append(f"{point}: after recover the file has {sorted(trial.kept())}, the machine {sorted(trial.real())}")
    check = trial.run("--sim", "m", "cdi", "check")
    if check.returncode != 0:
        found.append(f"{point}: after recover, cdi check: {check.stdout}")
    return found


def compile_shim(folder):
    source, shim = folder / "shim.c", folder / "shim.so"
    source.write_text(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(shim), str(source), "-ldl"], check=True)
    return shim


class Sweep:
    def __init__(self, bins, folder, spec):
        self.bins, self.folder = bins, folder
        self.name, gpus, before, self.wanted = spec
        self.master = folder / f"{self.name}-master"
        machine = Trial(bins, self.master)
        made = machine.run("sim", "create", "m", "--gpus", gpus, "--latency", "none")
        if made.returncode != 0:
            raise RuntimeError(made.stderr)
        machine.must("apply", "-f", "-", "-c", "x", text=before)

    def fresh(self):
        """A copy of the machine that keeps a file of its own, and a slot in it."""
        root = self.folder / "trial"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.master, root, symlinks=True)
        trial = Trial(self.bins, root)
        trial.must("cdi", "generate")
        return trial

    def apply(self, trial, extra=None):
        return trial.run("--sim", "m", "apply", "-f", "-", "-c", "x", text=self.wanted, extra=extra)

    def counts(self, shim):
        """Numbers of driver calls and of operations on files of the change."""
        trial = self.fresh()
        trace, count = trial.root / "trace", trial.root / "count"
        done = self.apply(trial, {"MIGSIM_TRACE": str(trace), "LD_PRELOAD": str(shim), "CDI_KILL_COUNT": str(count)})
        if done.returncode != 0 or trial.kept() != trial.real():
            raise RuntimeError(f"{self.name} without a kill: exit {done.returncode}, {done.stderr}")
        return len(trace.read_text().splitlines()), int(count.read_text())

    def control(self):
        """What is found in a file that nobody keeps: nothing would mean that the sweep is blind."""
        trial = self.fresh()
        (trial.root / "m/cdi.json").unlink()
        done = self.apply(trial)
        return done.returncode == 0 and bool(violations(trial, "control", False))

    def kill(self, shim, kind, k):
        trial = self.fresh()
        point = f"{self.name} {kind}:{k}"
        if kind == "file":
            done = self.apply(trial, {"LD_PRELOAD": str(shim), "CDI_KILL_AT": str(k)})
        else:
            when = "before" if kind == "before" else "after"
            injected = trial.run("sim", "inject", "m", "--call", "*", "--nth", str(k), "--kill", when)
            if injected.returncode != 0:
                raise RuntimeError(injected.stderr)
            done = self.apply(trial)
            trial.run("sim", "inject", "m", "--clear")
        return done.returncode == KILLED, violations(trial, point, True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bins", type=pathlib.Path)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only")
    parser.add_argument("--point", help="before:K, after:K or file:K")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--points", type=int, default=8, help="of each kind and transition")
    options = parser.parse_args()
    bins = options.bins.resolve()
    swept = killed = 0
    wrong = []
    with tempfile.TemporaryDirectory(prefix="mig-cdi-crash-") as name:
        folder = pathlib.Path(name)
        shim = compile_shim(folder)
        for spec in TRANSITIONS:
            if options.only and options.only != spec[0]:
                continue
            sweep = Sweep(bins, folder, spec)
            calls, files = sweep.counts(shim)
            if not sweep.control():
                wrong.append(f"{spec[0]}: a file that nobody keeps is not found to be stale")
            points = {"before": range(1, calls + 1), "after": range(1, calls + 1), "file": range(1, files + 1)}
            for kind, numbers in points.items():
                chosen = list(numbers)
                if options.point:
                    kind_of, at = options.point.split(":")
                    chosen = [int(at)] if kind == kind_of else []
                elif not options.full and len(chosen) > options.points:
                    chosen = sorted(random.Random(options.seed).sample(chosen, options.points))
                for k in chosen:
                    died, found = sweep.kill(shim, kind, k)
                    swept += 1
                    killed += died
                    wrong += found
            print(f"{spec[0]}: {calls} driver calls, {files} operations on files", flush=True)
    for line in wrong:
        print(f"WRONG: {line}")
    print(f"{swept} points, {killed} killed, {len(wrong)} violations")
    if swept and killed * 2 < swept and not options.point:
        print("WRONG: too few points killed anything: the sweep does not sweep")
        return 1
    return 1 if wrong or not swept else 0


if __name__ == "__main__":
    sys.exit(main())

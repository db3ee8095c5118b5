#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stress test: many clients of many kinds on one simulated machine at once, some of them killed.

    tests/hammer/hammer.py build/dev [--seconds 60] [--processes 64] [--seed 1] [--foreign auto|no]

BUILD is a build folder (its bin/, lib/sim/ and tests/mig-hammer-client are used); one made with a
sanitizer preset reports through the clients. Kept running at all times: `--processes` programs of
these kinds: mig-hammer-client read and change (C, four threads each), migctl list/profiles/create/
destroy, migctl smi, mig-workload train, and where tests/conformance fetched them nvidia-ml-py, nvitop -1
(Python) and nvidia-mig-parted (Go). With a sanitized library its runtime is preloaded into the
foreign programs. Each tenth or so of a second one of all is killed with SIGKILL at random.

At the end: every client succeeded (or was killed), no inventory had overlapping instances, no sanitizer reported a
fault, a new client gets the lock at once, and the machine's invariants hold. Exit code 0 if all of this is true.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# The first GPU is changed by the C clients, the second by commands too; the third is full and has the workloads; the
# fourth is reserved for commands, which on the second mostly lose the race.
BOARDS = "1x a100-sxm4-40gb, 1x h200-141gb, 1x a30-24gb, 1x h200-141gb"
# In a run of some length each of these kinds must succeed at least once, not only be refused.
MUST_SUCCEED = {"list", "profiles", "create", "destroy", "recover", "smi", "train", "nvidia-ml-py", "mig-parted"}
LONG_S = 30
REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|^WRONG", re.M)
# The thread sanitizer does not see the synchronisation of Go's own threads; its reports about those alone are ignored.
GO = {"mig-parted"}
# Allowed exit codes of a kind beside 0: refusals caused by concurrent clients.
REFUSED = {
    "create": {4, 5, 8, 9, 11, 18, 19}, "destroy": {4, 5, 8, 11, 18, 19}, "recover": {11, 18, 19}, "list": {11}, "profiles": {11},
    "smi": {2, 6, 19, 23}, "train": {3, 4, 5, 6, 8}, "mig-parted": {1},
}
# A client's own bug when an instance is destroyed between two of its calls.
OWN_FAULT = {"nvitop": "KeyError: 'bar1_memory_percent_string'"}
PY_CLIENT = r"""
import sys, time
import pynvml as n
n.nvmlInit()
end = time.monotonic() + float(sys.argv[1])
gone = (n.NVMLError_NotFound, n.NVMLError_InvalidArgument, n.NVMLError_NotSupported)
while time.monotonic() < end:
    for g in range(n.nvmlDeviceGetCount()):
        gpu = n.nvmlDeviceGetHandleByIndex(g)
        for i in range(n.nvmlDeviceGetMaxMigDeviceCount(gpu)):
            try:
                d = n.nvmlDeviceGetMigDeviceHandleByIndex(gpu, i)
                a = n.nvmlDeviceGetAttributes(d)
                m = n.nvmlDeviceGetMemoryInfo(d)
                assert m.total == a.memorySizeMB << 20, "WRONG torn reading"
                n.nvmlDeviceGetComputeRunningProcesses(d)
            except gone:
                pass
n.nvmlShutdown()
"""


class Kind:
    """A kind of client: a command, and the check of its output."""

    def __init__(self, name, weight, command, check=None):
        self.name, self.weight, self.command, self.check = name, weight, command, check


def overlapping(text):
    """None, or the fault of an inventory: two instances at one placement are a torn read."""
    for gpu in json.loads(text)["gpus"]:
        taken = set()
        for instance in gpu["gpuInstances"]:
            place = instance["placement"]
            slots = set(range(place["start"], place["start"] + place["size"]))
            if taken & slots:
                return f"GPU {gpu['index']}: instances overlap: {gpu['gpuInstances']}"
            taken |= slots
    return None


def sanitizer_of(build):
    """Sanitizer runtime that a foreign program must preload to use a sanitized library, or None."""
    listed = subprocess.run(["ldd", f"{build}/lib/sim/libnvidia-ml.so.1"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"=> (\S*lib[at]san\S*)", listed)
    return found.group(1) if found else None


def reports(kind, text):
    """True when a sanitizer or a client reports a fault in the library."""
    blocks = text.split("=" * 18) if kind in GO else [text]
    return any(REPORT.search(block) and (kind not in GO or "ThreadSanitizer" not in block or "libnvidia-ml" in block)
               for block in blocks)


def foreign_kinds(build):
    """Unmodified third-party programs that get_clients.py has fetched."""
    third_party = ROOT / "build" / "third_party"
    python, mig_parted = third_party / "venv" / "bin" / "python3", third_party / "bin" / "nvidia-mig-parted"
    runtime = sanitizer_of(build)
    loading = ["env", f"LD_PRELOAD={runtime}"] if runtime else []
    kinds = []
    if python.is_file():
        kinds += [Kind("nvidia-ml-py", 6, lambda r: [*loading, str(python), "-c", PY_CLIENT, f"{r.uniform(0.5, 2):.2f}"]),
                  Kind("nvitop", 1, lambda r: [*loading, str(python), "-m", "nvitop", "-1", "--no-unicode"])]
    if mig_parted.is_file():
        go_on = ["TSAN_OPTIONS=exitcode=0"] if runtime else []
        kinds += [Kind("mig-parted", 3, lambda r: [f"{build}/bin/migctl", "sim", "shell", "anvil", "--", *loading, *go_on,
                                                   str(mig_parted), "export"])]
    return kinds


def kinds_of(build, foreign):
    """The mix of kinds. Weights are shares of the processes."""
    migctl, workload = f"{build}/bin/migctl", f"{build}/bin/mig-workload"
    client = f"{build}/tests/mig-hammer-client"

    def native(role):
        return lambda r: [client, role, f"{r.uniform(0.5, 3):.2f}", str(r.randrange(1 << 30)), "4"]

    def patience(r):
        return r.choice([[], ["--wait", "20s"]])  # patience for the writer lock, under contention

    def create(r):
        return [migctl, "create", "-i", r.choice("13"), r.choice(["1g.18gb", "2g.35gb", "1g.35gb"]), *patience(r), "--json"]

    def destroy(r):
        what = ["--all"] if r.random() < 0.3 else ["--gi", str(r.randrange(3, 14))]
        return [migctl, "destroy", "-i", r.choice("13"), *what, *patience(r), "--json"]

    def smi(r):
        return [migctl, "smi"] + r.choice([["-L"], [], ["-q"], ["pmon", "-c", "1"], ["mig", "-lgi"], ["mig", "-lci"],
                                           ["mig", "-lgip"], ["mig", "-dci", "-i", "0,1"], ["mig", "-dgi", "-i", "0"],
                                           ["mig", "-cgi", "19", "-C", "-i", "1"], ["mig", "-cgi", "14", "-C", "-i", "1"]])

    def train(r):
        last = r.choice([1, 2, 3, 4, 5, 6])  # third GPU in most cases
        script = (f"u=$('{migctl}' smi -L | grep -o 'MIG-[0-9a-f-]*' | tail -n {last} | head -n 1); "
                  f"[ -n \"$u\" ] || exit 3; CUDA_VISIBLE_DEVICES=$u exec '{workload}' train --seconds 0.5 --json")
        return ["sh", "-c", script]

    kinds = [Kind("read", 14, native("read")), Kind("change", 18, native("change")),
             Kind("list", 6, lambda r: [migctl, "list", "--json"], overlapping),
             Kind("profiles", 2, lambda r: [migctl, "profiles", "--json"]),
             Kind("create", 4, create), Kind("destroy", 4, destroy),
             # A client killed during a change leaves its journal open, and until recovery all changes are refused.
             Kind("recover", 2, lambda r: [migctl, "recover", "--json"]),
             Kind("smi", 6, smi), Kind("train", 6, train)]
    if foreign:
        kinds += foreign_kinds(build)
    return kinds


class Hammer:
    """The running clients and their results."""

    def __init__(self, build, arguments, folder):
        self.random = random.Random(arguments.seed)
        self.folder = folder
        self.kinds = kinds_of(build, arguments.foreign == "auto")
        self.environment = dict(os.environ, MIGSIM_ROOT=os.path.join(folder, "machines"), NO_COLOR="1", LC_ALL="C.UTF-8",
                                XDG_STATE_HOME=os.path.join(folder, "state"), LD_LIBRARY_PATH=f"{build}/lib/sim",
                                MIGSIM_MACHINE=os.path.join(folder, "machines", "anvil"), TERM="dumb",
                                TSAN_OPTIONS="halt_on_error=1 exitcode=66", ASAN_OPTIONS="exitcode=66:detect_leaks=0",
                                UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1")
        self.migctl = f"{build}/bin/migctl"
        self.running = []
        self.ended = collections.Counter()
        self.killed = collections.Counter()
        self.refused = collections.Counter()
        self.counts = collections.Counter()
        self.wrong = []
        self.number = 0

    def tool(self, *words, timeout=30):
        return subprocess.run([self.migctl, *words], env=self.environment, capture_output=True, text=True,
                              timeout=timeout, check=False)

    def start(self):
        """Starts one more client."""
        kind = self.random.choices(self.kinds, [k.weight for k in self.kinds])[0]
        self.number += 1
        out = open(os.path.join(self.folder, f"{self.number}.out"), "w+", encoding="utf-8", errors="replace")  # pylint: disable=consider-using-with
        process = subprocess.Popen(kind.command(self.random), stdin=subprocess.DEVNULL, stdout=out,  # pylint: disable=consider-using-with
                                   stderr=subprocess.STDOUT if kind.check is None else subprocess.DEVNULL,
                                   env=self.environment, cwd=self.folder, start_new_session=True)
        self.running.append((kind, process, out, time.monotonic()))

    def end(self, kind, process, out):
        """Checks a client that has ended."""
        out.seek(0)
        text = out.read()
        out.close()
        os.unlink(out.name)
        code = process.returncode
        if code == -signal.SIGKILL:
            self.killed[kind.name] += 1
            return
        self.ended[kind.name] += 1
        problem = None
        if reports(kind.name, text):
            problem = "said that something is wrong"
        elif code in REFUSED.get(kind.name, ()) or OWN_FAULT.get(kind.name, "\0") in text:
            self.refused[kind.name, code] += 1
        elif code != 0:
            problem = f"ended with {code}"
        elif kind.check:
            problem = kind.check(text)
        for name, value in re.findall(r"(calls|created|taken|refused|gone|seen) (\d+)", text if kind.name in ("read", "change") else ""):
            self.counts[name] += int(value)
        if problem:
            self.wrong.append(f"{kind.name}: {problem}\n{text[-3000:]}")

    def reap(self):
        still = []
        for kind, process, out, started in self.running:
            if process.poll() is not None:
                self.end(kind, process, out)
            elif time.monotonic() - started > 120:
                self.wrong.append(f"{kind.name}: no end after 120 s: {process.args}")
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                out.close()
            else:
                still.append((kind, process, out, started))
        self.running = still

    def run(self, seconds, processes):
        end = time.monotonic() + seconds
        kill_at = time.monotonic() + 0.2
        while time.monotonic() < end and len(self.wrong) < 5:
            self.reap()
            while len(self.running) < processes:
                self.start()
            if time.monotonic() > kill_at:
                kill_at = time.monotonic() + self.random.uniform(0.02, 0.2)
                victim = self.random.choice(self.running)[1]
                os.killpg(victim.pid, signal.SIGKILL)
            time.sleep(0.01)
        deadline = time.monotonic() + 120
        while self.running and time.monotonic() < deadline:
            self.reap()
            time.sleep(0.01)

    def hold_against_idleness(self):
        """Fails when every client of a kind was refused: then it was not tested."""
        for kind in self.kinds:
            refused = sum(count for (name, _), count in self.refused.items() if name == kind.name)
            if kind.name in MUST_SUCCEED and self.ended[kind.name] <= refused:
                self.wrong.append(f"{kind.name}: nothing done by any of {self.ended[kind.name]} clients")

    def aftermath(self):
        """Checks that the lock is free, the machine is consistent and can be emptied."""
        began = time.monotonic()
        fresh = self.tool("list", "--json")
        waited = time.monotonic() - began
        if fresh.returncode != 0 or overlapping(fresh.stdout):
            self.wrong.append(f"a fresh client: {fresh.returncode} {fresh.stdout[-500:]}{fresh.stderr}")
        check = self.tool("sim", "list", "--check")
        if check.returncode != 0:
            self.wrong.append("invariants: " + check.stdout + check.stderr)
        for words in (["smi", "mig", "-dci"], ["smi", "mig", "-dgi"]):
            done = self.tool(*words)
            if done.returncode not in (0, 6):
                self.wrong.append(f"{words}: {done.stdout}{done.stderr}")
        done = self.tool("smi", "mig", "-cgi", "0", "-C")
        if done.returncode != 0 or done.stdout.count("Successfully") != 8:
            self.wrong.append(f"an emptied machine takes no whole instances: {done.stdout}{done.stderr}")
        return waited


def main():
    """See the top of the file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--processes", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--foreign", choices=["auto", "no"], default="auto")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("skipped: a driver lets only root change instances")
        return 77
    with tempfile.TemporaryDirectory(prefix="mig-hammer-") as folder:
        hammer = Hammer(arguments.build.resolve(), arguments, folder)
        os.mkdir(os.path.join(folder, "machines"))
        made = hammer.tool("sim", "create", "anvil", "--gpus", BOARDS, "--latency", "none")
        for words in (["mode", "enable", "-i", "0"], ["mode", "enable", "-i", "1"], ["mode", "enable", "-i", "2"], ["mode", "enable", "-i", "3"],
                      ["create", "-i", "2"] + ["1g.6gb"] * 4):
            done = hammer.tool(*words)
            if made.returncode != 0 or done.returncode != 0:
                print(made.stdout + made.stderr + done.stdout + done.stderr)
                return 1
        began = time.monotonic()
        hammer.run(arguments.seconds, arguments.processes)
        took = time.monotonic() - began
        waited = hammer.aftermath()
        if arguments.seconds >= LONG_S:
            hammer.hold_against_idleness()
        shutil.rmtree(os.path.join(folder, "state"), ignore_errors=True)
    print(f"{arguments.processes} processes at a time for {took:.0f} s, seed {arguments.seed}: {hammer.number} clients")
    for kind in hammer.kinds:
        refused = ", ".join(f"{count} with {code}" for (name, code), count in sorted(hammer.refused.items()) if name == kind.name)
        print(f"  {kind.name:13} {hammer.ended[kind.name]:6} ended, {hammer.killed[kind.name]:4} killed"
              + (f"; refused because of what others did: {refused}" if refused else ""))
    print("  C clients: " + ", ".join(f"{name} {hammer.counts[name]}" for name in ("calls", "created", "taken", "refused", "gone", "seen")))
    print(f"  a fresh client afterwards answered in {waited * 1000:.0f} ms")
    for text in hammer.wrong[:5]:
        print("WRONG " + text)
    print("nothing wrong" if not hammer.wrong else f"{len(hammer.wrong)} wrong")
    return 1 if hammer.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's mig-parted and our command line under its name, side by side on the same simulated machines, in one run.

Usage: mig_parted_side_by_side.py [--bin FOLDER] [--boards KEY,...] [--per-board N] [--seed N] [--out NAME]

Transitions are drawn from the layouts that mig-parted ships (config-default.yaml of its module): every pair of a
board's configs that share a profile, then others by chance. Each is made from the same state by both tools, whose turn
comes first alternates:
  plain     hardware's latencies: wall time, driver calls, GPU instances destroyed, outcome
  work      a training runs on one instance of a profile that both layouts have: does it live
  failure   a GPU instance creation, and in another run a compute instance creation, fails once: what is there afterwards
Writes bench/results/NAME.json and NAME.md. Needs root and the client that tests/conformance/get_clients.py fetches.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import random
import re
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
THIRD_PARTY = ROOT / "build" / "third_party"
VERSION = "v0.10.0"
# The simulator's default latencies of these calls (published create and destroy times; sim/machine/call.cc).
LATENCIES = {"nvmlDeviceCreateGpuInstance": 140, "nvmlDeviceCreateGpuInstanceWithPlacement": 140,
             "nvmlGpuInstanceDestroy": 105, "nvmlGpuInstanceCreateComputeInstance": 100,
             "nvmlGpuInstanceCreateComputeInstanceWithPlacement": 100, "nvmlComputeInstanceDestroy": 100,
             "nvmlDeviceSetMigMode": 2000}
CREATE_GI = ["nvmlDeviceCreateGpuInstance", "nvmlDeviceCreateGpuInstanceWithPlacement"]
CREATE_CI = ["nvmlGpuInstanceCreateComputeInstance", "nvmlGpuInstanceCreateComputeInstanceWithPlacement"]
TIMED = 's=$EPOCHREALTIME; env MIGSIM_TRACE="$TRACE" "$@"; c=$?; echo "$s $EPOCHREALTIME" > "$CLOCK"; exit $c'


class Bench:
    def __init__(self, folder, binaries, board):
        self.folder, self.binaries, self.board = pathlib.Path(folder), binaries, board
        self.layouts = next((THIRD_PARTY / "go/pkg/mod").glob(
            f"**/mig-parted@{VERSION}/deployments/systemd/config-default.yaml"), None)
        if self.layouts is None:
            sys.exit("mig-parted's layouts are not there: run tests/conformance/get_clients.py")
        os.environ["MIGSIM_ROOT"] = str(self.folder / board)
        self.migctl("sim", "create", "box", "--gpus", f"1x {board}", "--latency", "true")
        self.latencies(False)
        self.tools = {"mig-parted": THIRD_PARTY / "bin/nvidia-mig-parted", "migctl": binaries / "nvidia-mig-parted"}

    def migctl(self, *words, check=True):
        done = subprocess.run([self.binaries / "migctl", *words], capture_output=True, text=True, timeout=300,
                              stdin=subprocess.DEVNULL, check=False)
        if check and done.returncode != 0:
            sys.exit(f"migctl {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def state(self):
        """MIG mode, and the number of instances of each compute profile; None as number for a GPU instance without any."""
        gpu = json.loads(self.migctl("--sim", "box", "list", "--json").stdout)["gpus"][0]
        names = [c["profile"] for i in gpu["gpuInstances"] for c in i["computeInstances"]]
        bare = sum(1 for i in gpu["gpuInstances"] if not i["computeInstances"])
        return {"mode": gpu["mig"]["current"], "pending": gpu["mig"]["pending"], "bare": bare,
                "instances": {name: names.count(name) for name in sorted(set(names))}}

    def instances(self):  # (profile, MIG UUID)
        gpu = json.loads(self.migctl("--sim", "box", "list", "--json").stdout)["gpus"][0]
        return [(c["profile"], c["uuid"]) for i in gpu["gpuInstances"] for c in i["computeInstances"]]

    def put(self, label):
        self.migctl("sim", "inject", "box", "--clear")
        self.migctl("--sim", "box", "apply", "-f", str(self.layouts), "-c", label)
        return self.state()

    def latencies(self, on):
        words = [word for name, ms in LATENCIES.items() for word in ("--latency", f"{name}={ms if on else 0}ms")]
        self.migctl("sim", "inject", "box", *words)

    def apply(self, tool, label):
        trace, clock = self.folder / "trace", self.folder / "clock"
        trace.unlink(missing_ok=True)
        done = subprocess.run([self.binaries / "migctl", "sim", "shell", "box", "--", "bash", "-c", TIMED, "bash",
                               self.tools[tool], "apply", "-f", self.layouts, "-c", label],
                              env=dict(os.environ, TRACE=str(trace), CLOCK=str(clock)), capture_output=True, text=True,
                              timeout=300, stdin=subprocess.DEVNULL, check=False)
        start, end = (float(word) for word in clock.read_text().split())
        calls = [line.split() for line in trace.read_text().splitlines()]
        return {"exit": done.returncode, "seconds": round(end - start, 3), "calls": len(calls),
                "destroyed": sum(c[2] == "nvmlGpuInstanceDestroy" and c[4] == "0" for c in calls),
                "changing": sum(c[2] in LATENCIES for c in calls),
                "said": (done.stdout + done.stderr).strip().splitlines()[-1:]}

    def labels(self):
        """Configs of the file that name this board's profiles. Left out: the double-memory 1g, which the pinned
        mig-parted could not create on the boards of the recorded run; so numbers stay comparable."""
        board = json.loads((ROOT / "sim/gpus" / f"{self.board.replace('-', '_')}.json").read_text())
        known = {"all-disabled", "all-enabled", "all-balanced"} | {
            "all-" + p["name"].removeprefix("MIG ").replace("+", ".") for p in board["mig"]["profiles"] if p["enum"] != 9}
        found = {}
        for label in re.findall(r"^  ([\w.-]+):$", self.layouts.read_text(), re.M):
            if label in known and self.migctl("--sim", "box", "apply", "-f", str(self.layouts), "-c", label,
                                                   check=False).returncode == 0:
                found[label] = self.state()
        return found

    def plain(self, tool, before, after, states):
        self.put(before)
        self.latencies(True)
        row = self.apply(tool, after)
        self.latencies(False)
        return dict(row, state=self.classified(states, before, after))

    def classified(self, states, before, after):
        now = self.state()
        return "after" if now == states[after] else "before" if now == states[before] else "neither"

    def work(self, tool, before, after, states, profile):
        self.put(before)
        uuid = next(uuid for name, uuid in self.instances() if name == profile)
        with subprocess.Popen([self.binaries / "mig-workload", "train", "--seconds", "60"],
                              env=dict(os.environ, CUDA_VISIBLE_DEVICES=uuid), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as work:
            deadline = time.monotonic() + 10
            while str(work.pid) not in self.migctl("--sim", "box", "list", "--json").stdout:
                if time.monotonic() > deadline or work.poll() is not None:
                    sys.exit(f"the workload does not start on {profile}")
            row = self.apply(tool, after)
            row["lost"] = work.poll() is not None or uuid not in [u for _, u in self.instances()]
            others = [u for _, u in self.instances()]
            work.kill()
        return dict(row, state=self.classified(states, before, after), left=len(others))

    def failure(self, tool, before, after, states, calls):
        self.put(before)
        for call in calls:
            self.migctl("sim", "inject", "box", "--call", call, "--nth", "1", "--fail", "NVML_ERROR_UNKNOWN")
        row = self.apply(tool, after)
        self.migctl("sim", "inject", "box", "--clear")
        return dict(row, state=self.classified(states, before, after))


def draw(states, count, rng):
    pairs = [(a, b) for a in states for b in states if a != b]
    shared = [p for p in pairs if set(states[p[0]]["instances"]) & set(states[p[1]]["instances"])]
    others = [p for p in pairs if p not in shared]
    rng.shuffle(shared)
    rng.shuffle(others)
    keep = shared[:count // 2]
    return keep + others[:count - len(keep)]


def of_board(bench, args, rng):
    states = bench.labels()
    rows = []
    for number, (before, after) in enumerate(draw(states, args.per_board, rng)):
        row = {"board": bench.board, "before": before, "after": after}
        shared = sorted(set(states[before]["instances"]) & set(states[after]["instances"]))
        creates = bool(states[after]["instances"])
        tools = ["mig-parted", "migctl"] if number % 2 == 0 else ["migctl", "mig-parted"]
        for tool in tools:
            row[tool] = {"plain": bench.plain(tool, before, after, states)}
            if shared:
                row[tool]["work"] = bench.work(tool, before, after, states, shared[0])
            if creates:
                row[tool]["failure"] = [bench.failure(tool, before, after, states, calls)
                                        for calls in (CREATE_GI, CREATE_CI)]
        rows.append(row)
        print(f"{bench.board:16} {before:14} -> {after:14} " + "  ".join(
            f"{tool}: {row[tool]['plain']['seconds']:.2f} s {row[tool]['plain']['state']}" for tool in bench.tools),
              flush=True)
    return rows


def summary(rows, tool):
    plain = [row[tool]["plain"] for row in rows]
    work = [row[tool]["work"] for row in rows if "work" in row[tool]]
    failed = [one for row in rows for one in row[tool].get("failure", [])]
    return {"transitions": len(plain), "applied": sum(p["exit"] == 0 and p["state"] == "after" for p in plain),
            "seconds_total": round(sum(p["seconds"] for p in plain), 1),
            "seconds_median": round(statistics.median(p["seconds"] for p in plain), 2),
            "driver_calls": sum(p["calls"] for p in plain),
            "changing_calls": sum(p["changing"] for p in plain), "destroyed": sum(p["destroyed"] for p in plain),
            "with_work": len(work), "work_lost": sum(w["lost"] for w in work),
            "with_work_applied": sum(w["state"] == "after" for w in work),
            "with_work_untouched": sum(w["state"] == "before" for w in work),
            "with_work_neither": sum(w["state"] == "neither" for w in work),
            "failures": len(failed), "failure_after": sum(f["state"] == "after" for f in failed),
            "failure_before": sum(f["state"] == "before" for f in failed),
            "failure_neither": sum(f["state"] == "neither" for f in failed),
            "failure_told_wrong": sum((f["exit"] == 0) != (f["state"] == "after") for f in failed)}


TABLE = [("transitions applied", "applied"), ("wall time, all transitions, s", "seconds_total"),
         ("wall time, median, s", "seconds_median"), ("driver calls, all", "driver_calls"),
         ("... that change the machine", "changing_calls"),
         ("GPU instances destroyed", "destroyed"), ("runs beside running work", "with_work"),
         ("... work lost", "work_lost"), ("... new layout reached around it", "with_work_applied"),
         ("... refused, nothing changed", "with_work_untouched"),
         ("... neither layout: half taken down", "with_work_neither"), ("runs with an injected failure", "failures"),
         ("... new layout (retried)", "failure_after"), ("... old layout (rolled back)", "failure_before"),
         ("... neither layout", "failure_neither"), ("... exit code contradicts the state", "failure_told_wrong")]


def markdown(document):
    both = document["summary"]
    lines = ["# mig-parted and migctl, side by side", "",
             f"{both['migctl']['transitions']} transitions between layouts that mig-parted ships, on simulated machines of "
             f"one GPU ({', '.join(document['boards'])}); both tools from the same state, in one run, "
             f"{document['date']}. Made by `bench/mig_parted_side_by_side.py --seed {document['seed']}`; per transition: "
             f"`{document['name']}.json`.", "",
             "Simulated hardware: calls take what published measurements say (create 140 ms, destroy 105 ms, compute "
             "instances 100 ms, mode 2 s). Times show the order of work, not a GPU. mig-parted is "
             f"{document['mig_parted']}, unmodified; migctl a {document['build']} build under mig-parted's name.", "",
             "| | mig-parted | migctl |", "|---|---:|---:|"]
    lines += [f"| {text} | {both['mig-parted'][key]} | {both['migctl'][key]} |" for text, key in TABLE]
    lines += ["", "A failure is one `NVML_ERROR_UNKNOWN` from the first creation of a GPU instance, and in another run of "
              "a compute instance. mig-parted then tries another order where there is one, else leaves the GPU empty. "
              "migctl reads the GPU before and after each step, which is most of its calls; the simulator lets reads take no time.", "",
              "| board | from | to | mig-parted s / calls / destroyed | migctl s / calls / destroyed |", "|---|---|---|---|---|"]
    for row in document["transitions"]:
        cells = [f"{p['seconds']:.2f} / {p['calls']} / {p['destroyed']}" + ("" if p["state"] == "after" else f" ({p['state']})")
                 for p in (row[tool]["plain"] for tool in ("mig-parted", "migctl"))]
        lines.append(f"| {row['board']} | {row['before']} | {row['after']} | {cells[0]} | {cells[1]} |")
    return "\n".join(line if line.startswith("|") else textwrap.fill(line, width=150, break_on_hyphens=False) for line in lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bin", default=ROOT / "build/bin")
    parser.add_argument("--boards", default="a100-sxm4-40gb,a100-sxm4-80gb,a30-24gb,h100-sxm5-80gb,h200-141gb")
    parser.add_argument("--per-board", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", default="mig_parted_side_by_side")
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("this needs root: both tools run in a private mount namespace")
    binaries, rows = pathlib.Path(args.bin).resolve(), []
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="mig-bench-") as folder:
        for board in args.boards.split(","):
            rows += of_board(Bench(folder, binaries, board), args, rng)
    cache = (binaries.parent / "CMakeCache.txt").read_text() if (binaries.parent / "CMakeCache.txt").exists() else ""
    build = re.findall(r"^CMAKE_BUILD_TYPE:\w+=(.*)$", cache, re.M)
    document = {"name": args.out, "date": datetime.date.today().isoformat(), "seed": args.seed,
                "boards": args.boards.split(","), "mig_parted": VERSION, "build": {"None": "lightly optimised (-O1)"}.get((build or ["?"])[0], (build or ["?"])[0] or "plain"),
                "host": {"kernel": platform.release(), "cpus": os.cpu_count()}, "latencies_ms": LATENCIES,
                "summary": {tool: summary(rows, tool) for tool in ("mig-parted", "migctl")}, "transitions": rows}
    results = ROOT / "bench" / "results"
    results.mkdir(exist_ok=True)
    (results / f"{args.out}.json").write_text(json.dumps(document, indent=1) + "\n")
    (results / f"{args.out}.md").write_text(markdown(document))
    print(markdown(document).split("| board")[0])


if __name__ == "__main__":
    main()

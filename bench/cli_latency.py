#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Start-to-answer time of migctl against NVIDIA's nvidia-smi on one machine, in one run.

Usage: cli_latency.py MIGCTL [--runs N] [--warmup N] [--out FILE] [--sim NAME]
Pairs are run alternately so that drift hits both; the ratio is of medians, with the range of ratios
of a bootstrap. Read-only. With --sim the peer is migctl's own dialect: only for trying the script.
"""
import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import time

PAIRS = [
    ("list", ["list"], ["-L"]),
    ("list --json", ["list", "--json"], ["-L"]),
    ("smi -L", ["smi", "-L"], ["-L"]),
    ("smi mig -lgip", ["smi", "mig", "-lgip"], ["mig", "-lgip"]),
    ("smi mig -lgipp", ["smi", "mig", "-lgipp"], ["mig", "-lgipp"]),
    ("smi --query-gpu", ["smi", "--query-gpu=index,name,uuid,mig.mode.current", "--format=csv"],
     ["--query-gpu=index,name,uuid,mig.mode.current", "--format=csv"]),
    ("smi", ["smi"], []),
]


def once(command):
    start = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=False)
    elapsed = (time.perf_counter() - start) * 1e3
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.decode()[:500]}")
    return elapsed


def bootstrap_ratio(ours, theirs, rounds=2000):
    rng = random.Random(1)
    ratios = sorted(statistics.median(rng.choices(ours, k=len(ours))) /
                    statistics.median(rng.choices(theirs, k=len(theirs))) for _ in range(rounds))
    return ratios[int(rounds * 0.025)], ratios[int(rounds * 0.975)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("migctl")
    parser.add_argument("--runs", type=int, default=41)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--out")
    parser.add_argument("--sim")
    args = parser.parse_args()
    own = [args.migctl] + (["--sim", args.sim] if args.sim else [])
    peer = own + ["smi"] if args.sim else [shutil.which("nvidia-smi") or "/usr/local/nvidia/bin/nvidia-smi"]
    rows = []
    print(f"{'command':18} {'migctl ms':>10} {'peer ms':>10} {'ratio':>7}  95 % of ratio")
    for name, ours_args, peer_args in PAIRS:
        ours, theirs = [], []
        for i in range(args.warmup + args.runs):
            a, b = once(own + ours_args), once(peer + peer_args)
            if i >= args.warmup:
                ours.append(a)
                theirs.append(b)
        low, high = bootstrap_ratio(ours, theirs)
        row = {"command": name, "peer": " ".join(["nvidia-smi"] + peer_args), "runs": args.runs,
               "migctl_ms_median": round(statistics.median(ours), 3),
               "peer_ms_median": round(statistics.median(theirs), 3),
               "ratio": round(statistics.median(ours) / statistics.median(theirs), 4),
               "ratio_95": [round(low, 4), round(high, 4)]}
        rows.append(row)
        print(f"{name:18} {row['migctl_ms_median']:10.2f} {row['peer_ms_median']:10.2f} "
              f"{row['ratio']:7.3f}  {low:.3f}..{high:.3f}")
    result = {"benchmark": "cli_latency", "simulated": bool(args.sim), "machine": platform.platform(),
              "cpus": os.cpu_count(), "rows": rows}
    if args.out:
        with open(args.out, "w", encoding="utf-8") as out:
            json.dump(result, out, indent=1)
            out.write("\n")


if __name__ == "__main__":
    main()

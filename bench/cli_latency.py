#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Start-to-exit time of migctl against NVIDIA's nvidia-smi on one machine, in one run: cold and warm.

Usage: cli_latency.py MIGCTL [--runs N] [--warmup N] [--out FILE] [--sim NAME] [--only WORDS]
A pair is run alternately so that drift hits both; the ratio is of medians, with the range of ratios
of a bootstrap. Cold: migctl reads the driver itself (--direct). Warm: it asks a daemon that this
script starts on a socket and with records of its own, and ends; each warm command is first seen to
be answered by that daemon, with the bytes of a cold one. Changes nothing; any user may run it. The
daemon keeps the driver open for as long as the warm rows take. With --sim the peer is migctl's own
`smi`, cold: only for trying the script. Exit code 1: a command failed, or a target was missed with
--check.
"""
import argparse
import json
import os
import platform
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

QUERY = ["--query-gpu=index,name,uuid,mig.mode.current", "--format=csv"]
# name, our arguments, nvidia-smi's arguments, upper bound of the ratio (None: shown only)
COLD = [
    ("version", ["version"], ["-L"], 0.95),
    ("list", ["list"], ["-L"], 1.1),
    ("list --json", ["list", "--json"], ["-L"], None),
    ("smi -L", ["smi", "-L"], ["-L"], 1.0),
    ("smi mig -lgip", ["smi", "mig", "-lgip"], ["mig", "-lgip"], None),
    ("smi mig -lgipp", ["smi", "mig", "-lgipp"], ["mig", "-lgipp"], None),
    ("smi --query-gpu", ["smi"] + QUERY, QUERY, None),
    ("smi", ["smi"], [], None),
]
WARM = [
    ("list", ["list"], ["-L"], 0.2),
    ("list --json", ["list", "--json"], ["-L"], 0.2),
    ("profiles", ["profiles"], ["-L"], 0.2),
    ("placements", ["placements"], ["-L"], 0.2),
    ("holders", ["holders"], ["-L"], 0.2),
    ("plan", ["plan", "-f", "LAYOUT"], ["-L"], 0.2),
    ("slot list", ["slot", "list"], ["-L"], 0.2),
    ("lease list", ["lease", "list"], ["-L"], 0.2),
    ("smi -L", ["smi", "-L"], ["-L"], 0.2),
    ("smi mig -lgip", ["smi", "mig", "-lgip"], ["mig", "-lgip"], None),
    ("smi --query-gpu", ["smi"] + QUERY, QUERY, None),
]
DAEMON_STARTS_WITHIN_S = 30


def once(command, environment):
    """Wall time of a program in milliseconds; spawned with posix_spawn, to keep Python's overhead small."""
    quiet = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
             (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
             (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)]
    start = time.perf_counter()
    pid = os.posix_spawn(command[0], command, environment, file_actions=quiet)
    status = os.waitpid(pid, 0)[1]
    elapsed = (time.perf_counter() - start) * 1e3
    if status != 0:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        sys.exit(f"{' '.join(command)}: exit {os.waitstatus_to_exitcode(status)}, again "
                 f"{done.returncode}: {(done.stdout + done.stderr).decode(errors='replace')[:800]}")
    return elapsed


def bootstrap_ratio(ours, theirs, rounds=2000):
    rng = random.Random(1)
    ratios = sorted(statistics.median(rng.choices(ours, k=len(ours))) /
                    statistics.median(rng.choices(theirs, k=len(theirs))) for _ in range(rounds))
    return ratios[int(rounds * 0.025)], ratios[int(rounds * 0.975)]


def measure(row, own, peer, environment, args):
    name, ours_words, peer_words, target = row
    ours, theirs = [], []
    for i in range(args.warmup + args.runs):
        a, b = once(own + ours_words, environment), once(peer + peer_words, environment)
        if i >= args.warmup:
            ours.append(a)
            theirs.append(b)
    low, high = bootstrap_ratio(ours, theirs)
    return {"command": name, "peer": " ".join(["nvidia-smi"] + peer_words), "runs": args.runs,
            "migctl_ms_median": round(statistics.median(ours), 3),
            "peer_ms_median": round(statistics.median(theirs), 3),
            "ratio": round(statistics.median(ours) / statistics.median(theirs), 4),
            "ratio_95": [round(low, 4), round(high, 4)], "target": target}


def output_of(command, environment):
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


def start_daemon(own, environment):
    path = environment["MIGCTL_SOCKET"]
    daemon = subprocess.Popen(own + ["-q", "serve", "--keep-open", "1h"], env=environment, stdin=subprocess.DEVNULL)
    until = time.monotonic() + DAEMON_STARTS_WITHIN_S
    while time.monotonic() < until and daemon.poll() is None:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(path) == 0:
                return daemon
        time.sleep(0.01)
    daemon.kill()
    sys.exit(f"migctl serve does not listen on {path}")


def see_that_it_is_warm(row, own, environment):
    """The daemon serves the reading, and the output equals a direct reading's."""
    name, words = row[0], row[1]
    if name == "lease list":  # leases are the daemon's own: while it runs there is no direct way
        return
    output_of(own + words, environment)  # the daemon opens the driver
    code, warm, told = output_of(own + ["-v"] + words, environment)
    if b"through the daemon" not in told:
        sys.exit(f"{name}: not answered by the daemon: {told.decode(errors='replace')[:800]}")
    direct = output_of(own + ["--direct"] + words, environment)[:2]
    if direct != (code, warm):
        sys.exit(f"{name}: warm and direct readings differ:\n{warm.decode()}\n{direct[1].decode()}")


def write_layout(own, environment, folder):
    """A feasible desired layout for this machine: as many instances of its smallest profile as fit, on the first GPU."""
    profiles = json.loads(output_of(own + ["profiles", "--json"], environment)[1])
    first = next(gpu for gpu in profiles["gpus"] if gpu["profiles"])
    name = next(p["name"] for p in first["profiles"] if p["maxCount"] > 1)
    path = os.path.join(folder, "layout.yaml")
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"version: v1\nmig-configs:\n  bench:\n  - devices: [{first['index']}]\n"
                  f"    mig-enabled: true\n    mig-devices: {{ \"{name}\": 1 }}\n")
    return path


def show(heading, rows):
    print(f"{heading:18} {'migctl ms':>10} {'peer ms':>10} {'ratio':>7}  95 % of ratio   target")
    for row in rows:
        target = "" if row["target"] is None else f"{row['target']:.2f}"
        print(f"{row['command']:18} {row['migctl_ms_median']:10.2f} {row['peer_ms_median']:10.2f} "
              f"{row['ratio']:7.3f}  {row['ratio_95'][0]:.3f}..{row['ratio_95'][1]:.3f}   {target}", flush=True)


def run_rows(args, folder):
    own = [os.path.abspath(args.migctl)] + (["--sim", args.sim] if args.sim else [])
    environment = dict(os.environ, MIGCTL_SOCKET=os.path.join(folder, "migd.sock"), MIGCTL_STATE_DIR=folder,
                       XDG_RUNTIME_DIR=folder)
    peer = own + ["--direct", "smi"]
    if not args.sim:
        peer = [shutil.which("nvidia-smi") or "/usr/local/nvidia/bin/nvidia-smi"]
    wanted = lambda row: args.only in row[0]
    cold = [measure(row, own + ["--direct"], peer, environment, args) for row in COLD if wanted(row)]
    show("cold", cold)
    layout = write_layout(own + ["--direct"], environment, folder)
    rows = [(name, [layout if word == "LAYOUT" else word for word in words], peer_words, target)
            for name, words, peer_words, target in WARM]
    warm = []
    daemon = start_daemon(own, environment)
    try:
        for row in filter(wanted, rows):
            see_that_it_is_warm(row, own, environment)
            warm.append(measure(row, own, peer, environment, args))
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait()
    show("warm", warm)
    start = measure(("--help", ["--help"], ["-L"], None), own, peer, environment, args)
    show("start alone", [start])
    return cold, warm, start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("migctl")
    parser.add_argument("--runs", type=int, default=41)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--out")
    parser.add_argument("--sim")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--check", action="store_true", help="exit 1 where a target is missed")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mig-latency-") as folder:
        cold, warm, start = run_rows(args, folder)
    result = {"benchmark": "cli_latency", "simulated": bool(args.sim), "machine": platform.platform(),
              "cpus": os.cpu_count(), "cold": cold, "warm": warm, "start": start}
    if args.out:
        with open(args.out, "w", encoding="utf-8") as out:
            json.dump(result, out, indent=1)
            out.write("\n")
    missed = [row["command"] for row in cold + warm if row["target"] is not None and row["ratio"] > row["target"]]
    if missed:
        print("above the target: " + ", ".join(missed))
    return 1 if missed and args.check else 0


if __name__ == "__main__":
    sys.exit(main())

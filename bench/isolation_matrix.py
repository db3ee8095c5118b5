#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a neighbour does to a victim on one real GPU that is shared without MIG.

Usage: isolation_matrix.py MIG_WORKLOAD [--seconds S] [--rounds N] [--modes M,...] [--out FILE]
The victim trains (tf32, one wait per step); beside it runs a hog or a fault, for the victim's whole time.
Modes: time-slicing (two processes, nothing else); mps (both clients of one MPS server); mps-50 (each client
limited to half of the SMs). The MPS server is ours: a private folder, stopped at the end; nothing of the GPU
is set or reset. A row is the victim's speed as a share of its speed alone in the same mode (median and range
over the rounds), the p99 of a step, and whether the victim lived.
"""
import argparse
import contextlib
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

NEIGHBOURS = [None, ("hog", "dram"), ("hog", "tensor"), ("hog", "compute"), ("hog", "pcie"), ("hog", "launch"),
              ("fault", "illegal-address"), ("fault", "trap"), ("fault", "endless-kernel"), ("fault", "context-storm"),
              ("oom",)]


def tool(name):
    return shutil.which(name) or shutil.which(name, path="/usr/local/nvidia/bin:/usr/bin")


class Mps:
    """An MPS control daemon of our own, in the foreground of a child that we stop."""

    def __init__(self):
        self.base = tempfile.mkdtemp(prefix="migctl-mps-")
        for part in ("p", "l"):
            os.mkdir(f"{self.base}/{part}", 0o700)
        self.env = {**os.environ, "CUDA_MPS_PIPE_DIRECTORY": f"{self.base}/p", "CUDA_MPS_LOG_DIRECTORY": f"{self.base}/l"}
        self.env.pop("CUDA_MPS_ACTIVE_THREAD_PERCENTAGE", None)
        self.child = subprocess.Popen([tool("nvidia-cuda-mps-control"), "-f"], env=self.env, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)
        if self.child.poll() is not None:
            raise OSError(f"nvidia-cuda-mps-control ended with {self.child.returncode}")

    def control(self, words):
        done = subprocess.run([tool("nvidia-cuda-mps-control")], input=words + "\n", env=self.env, text=True,
                              capture_output=True, timeout=20, check=False)
        return done.stdout.strip()

    def clients(self):
        return [pid for server in self.control("get_server_list").split()
                for pid in self.control(f"get_client_list {server}").split()]

    def stop(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.control("quit -t 5")
        self.child.terminate()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
        shutil.rmtree(self.base, ignore_errors=True)


def start(command, env):
    return subprocess.Popen(command, env=env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, start_new_session=True)


def result_of(process, timeout):
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        return {"exitCode": -signal.SIGKILL, "error": "did not end"}
    lines = out.strip().splitlines()
    with contextlib.suppress(ValueError, IndexError):
        return {**json.loads(lines[-1]), "exitCode": process.returncode}
    return {"exitCode": process.returncode, "error": (err or out).strip()[-300:]}


def one(binary, neighbour, env, seconds, mps):
    """The victim's result beside `neighbour`, which is started anew for as long as the victim runs."""
    victim = start([binary, "train", "--backend", "cuda", "--precision", "tf32", "--seconds", str(seconds),
                    "--step-times", "--json"], env)
    time.sleep(1.5)
    member = mps is None or str(victim.pid) in mps.clients()
    neighbours, ends = 0, []
    deadline = time.monotonic() + seconds + 30
    while neighbour and victim.poll() is None and time.monotonic() < deadline:
        words = [binary, *neighbour, "--backend", "cuda", "--json"]
        if neighbour[0] != "oom":
            words += ["--seconds", str(seconds)]
        other = start(words, env)
        neighbours += 1
        while other.poll() is None and victim.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        if other.poll() is None:
            os.killpg(other.pid, signal.SIGTERM)
        ends.append(result_of(other, 15)["exitCode"])
    answer = result_of(victim, seconds + 30)
    answer.update(mpsMember=member, neighbours=neighbours, neighbourExits=sorted(set(ends)))
    return answer


@contextlib.contextmanager
def sharing(mode):
    """(environment of the clients, MPS or None); MPS anew each time: a fault may leave its server refusing clients."""
    mps = Mps() if mode.startswith("mps") else None
    env = dict(mps.env if mps else os.environ)
    if mode == "mps-50":
        env["CUDA_MPS_ACTIVE_THREAD_PERCENTAGE"] = "50"
    try:
        yield env, mps
    finally:
        if mps:
            mps.stop()


def row_of(mode, neighbour, answers, alone):
    lived = [answer for answer in answers if answer["exitCode"] == 0]
    speeds = [answer["stepsPerSecond"] for answer in lived]
    alone = alone or (statistics.median(speeds) if speeds else None)
    row = {"mode": mode, "neighbour": "/".join(neighbour) if neighbour else "alone", "lived": len(lived),
           "rounds": len(answers), "stepsPerSecond": speeds,
           "shareOfAlone": [round(speed / alone, 4) for speed in speeds] if alone else [],
           "stepMsP50": [answer["stepMsP50"] for answer in lived], "stepMsP99": [answer["stepMsP99"] for answer in lived],
           "neighbourExits": [answer["neighbourExits"] for answer in answers],
           "mpsMember": all(answer["mpsMember"] for answer in answers) if mode.startswith("mps") else None,
           "victimErrors": sorted({a.get("error", f"exit {a['exitCode']}") for a in answers if a["exitCode"] != 0})}
    shares = row["shareOfAlone"]
    share = f"{statistics.median(shares):7.2f} ({min(shares):.2f}..{max(shares):.2f})" if shares else "   none"
    p99 = f"{statistics.median(row['stepMsP99']):8.3f}" if lived else "       -"
    print(f"{mode:13} {row['neighbour']:22} {len(lived)}/{len(answers)} {share:24} {p99}  "
          f"{'; '.join(row['victimErrors'])[:70]}", flush=True)
    return row, alone


def run_mode(mode, args):
    with sharing(mode) as (env, _):
        info = result_of(start([args.mig_workload, "info", "--backend", "cuda", "--json"], env), 60)
    rows, alone = [], None
    for neighbour in NEIGHBOURS:
        answers = []
        for _ in range(args.rounds):
            with sharing(mode) as (env, mps):
                answers.append(one(args.mig_workload, neighbour, env, args.seconds, mps))
        row, alone = row_of(mode, neighbour, answers, alone)
        if alone is None:
            raise OSError(f"{mode}: the victim fails alone: {row['victimErrors']}")
        rows.append({**row, "sm": info.get("sm")})
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("mig_workload")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--modes", default="time-slicing,mps,mps-50")
    parser.add_argument("--out")
    args = parser.parse_args()
    print(f"{'mode':13} {'neighbour':22} lived  share of alone (range)    p99 ms")
    rows = []
    for mode in args.modes.split(","):
        if mode not in ("time-slicing", "mps", "mps-50"):
            sys.exit(f"unknown mode {mode}: time-slicing, mps, mps-50")
        if mode.startswith("mps") and tool("nvidia-cuda-mps-control") is None:
            print(f"{mode:13} skipped: no nvidia-cuda-mps-control here")
            continue
        try:
            rows += run_mode(mode, args)
        except OSError as error:
            print(f"{mode:13} skipped: {error}")
        if args.out:
            with open(args.out, "w", encoding="utf-8") as out:
                json.dump({"benchmark": "isolation_matrix", "simulated": False, "machine": platform.platform(),
                           "seconds": args.seconds, "rounds": args.rounds, "rows": rows}, out, indent=1)
                out.write("\n")


if __name__ == "__main__":
    main()

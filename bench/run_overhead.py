#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What it costs to start a command on an instance: `migctl run` against plain exec and `podman run`.

Usage: run_overhead.py BIN_DIR [--rounds N] [--out FILE]
A simulated machine of our own, one A100 with seven instances, latencies of driver calls off, so this is migctl's
own cost. The command does nothing (a static program), the ways of starting it take turns in each round:
  exec             fork and exec
  run              lease, record, cgroup, namespace with the instance's nodes; through migd
  run, no daemon   the same on the store itself, as root
  run --devices all  without the namespace
  podman run       a container from a folder with that program alone, no network, no image to unpack (--rootfs)
A way that is not here is left out, and said so.
"""
import argparse
import json
import os
import pathlib
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

# Setting that Debian 12's podman needs on machines where it may not raise limits (docs/status.md).
CONTAINERS = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
netns = "none"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
"""


def run(words, environment):
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def timed(words, environment):
    begin = time.perf_counter()
    done = run(words, environment)
    took = time.perf_counter() - begin
    if done.returncode != 0:
        raise OSError(f"{' '.join(words)}: exit {done.returncode}: {done.stderr.strip()[-300:]}")
    return took


def make_machine(migctl, root):
    environment = {**os.environ, "MIGSIM_ROOT": root, "HOME": root, "NO_COLOR": "1"}
    environment.pop("MIGSIM_MACHINE", None)
    for words in (["sim", "create", "one", "--gpus", "1x a100-sxm4-40gb", "--latency", "none"],
                  ["-q", "mode", "enable"], ["-q", "create", "-i", "0", *["1g.5gb"] * 7]):
        timed([migctl, *words], environment)
    return environment


def serve(migctl, environment):
    daemon = subprocess.Popen([migctl, "--sim", "one", "-q", "serve"], env=environment, stdout=subprocess.DEVNULL)
    while not os.path.exists(environment["MIGCTL_SOCKET"]):
        time.sleep(0.02)
    return daemon


def ways(migctl, root, environment):
    nothing = os.path.join(root, "rootfs", "nothing")
    os.mkdir(os.path.dirname(nothing))
    source = os.path.join(root, "nothing.c")
    pathlib.Path(source).write_text("int main(void) { return 0; }\n", encoding="ascii")
    subprocess.run(["cc", "-static", "-O1", "-o", nothing, source], check=True)
    alone = {**environment, "MIGCTL_SOCKET": os.path.join(root, "nobody.sock")}
    start = [migctl, "--sim", "one", "-q", "run"]
    found = {"exec": ([nothing], environment), "run": ([*start, "--", nothing], environment),
             "run, no daemon": ([*start, "--", nothing], alone),
             "run --devices all": ([*start, "--devices", "all", "--", nothing], environment)}
    if shutil.which("podman") and shutil.which("runc"):
        settings = os.path.join(root, "containers.conf")
        pathlib.Path(settings).write_text(CONTAINERS, encoding="ascii")
        container = ["podman", "--root", os.path.join(root, "store"), "--runroot", os.path.join(root, "runroot"),
                     "run", "--rm", "--rootfs", os.path.dirname(nothing), "/nothing"]
        found["podman run"] = (container, {**os.environ, "CONTAINERS_CONF": settings})
    else:
        print("podman run      left out: podman and runc are not installed")
    return found


def row(times, plain):
    ordered = sorted(times)
    median = statistics.median(ordered)
    return {"medianMs": round(median * 1e3, 3), "p95Ms": round(ordered[len(ordered) * 95 // 100] * 1e3, 3),
            "overExecMs": round((median - plain) * 1e3, 3)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin_dir")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--out")
    args = parser.parse_args()
    migctl = os.path.join(os.path.abspath(args.bin_dir), "migctl")
    with tempfile.TemporaryDirectory(prefix="mig-over-") as root:
        environment = make_machine(migctl, root)
        environment["MIGCTL_SOCKET"] = os.path.join(root, "migd.sock")
        daemon = serve(migctl, environment)
        try:
            found = ways(migctl, root, environment)
            times = {name: [] for name in found}
            for words, setting in found.values():  # warm-up: fills caches
                timed(words, setting)
            for _ in range(args.rounds):
                for name, (words, setting) in found.items():
                    times[name].append(timed(words, setting))
        except OSError as error:
            sys.exit(str(error))
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(20)
    plain = statistics.median(times["exec"])
    rows = {name: row(values, plain) for name, values in times.items()}
    for name, values in rows.items():
        print(f"{name:18} median {values['medianMs']:8.2f} ms   p95 {values['p95Ms']:8.2f} ms   "
              f"over exec {values['overExecMs']:8.2f} ms")
    if "podman run" in rows:
        ratio = rows["podman run"]["overExecMs"] / rows["run"]["overExecMs"]
        print(f"podman run costs {ratio:.1f} times what run costs")
    if args.out:
        document = {"name": "run_overhead", "date": time.strftime("%Y-%m-%d"), "simulated": True, "rounds": args.rounds,
                    "host": {"kernel": platform.release(), "cpus": os.cpu_count()}, "ways": rows}
        pathlib.Path(args.out).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

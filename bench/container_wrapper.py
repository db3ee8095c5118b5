#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a lease costs a container: `migctl podman run` against `podman run` on the same instance of a simulated machine.

Usage: container_wrapper.py [--rounds N] [--out FILE]     needs root; $MIG_BIN_DIR, as the tests of containers
Both start the same container, which does nothing, with the same CDI device, in turns, with a daemon that keeps the leases. Each
round is a pair, and its ratio is taken within the pair.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "containers"))
import cases  # noqa: E402
import engine  # noqa: E402


def timed(words, env):
    begin = time.perf_counter()
    done = subprocess.run(words, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    took = time.perf_counter() - begin
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}: exit {done.returncode}: {done.stderr.strip()[-300:]}")
    return took * 1e3


def settings(box):
    storage = pathlib.Path(box.folder, "storage.conf")
    storage.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{box.folder}/store"\nrunroot = "{box.folder}/run"\n')
    conf = pathlib.Path(box.env["CONTAINERS_CONF"])
    conf.write_text(conf.read_text().replace("[engine]\n", f'[engine]\nruntime = "{engine.runtimes()[0]}"\n'))
    return dict(box.env, CONTAINERS_STORAGE_CONF=str(storage))


def measure(rounds):
    box = cases.Core.machine()
    daemon = None
    try:
        env = settings(box)
        migctl = [str(engine.BIN / "migctl"), "--sim", "box"]
        daemon = subprocess.Popen([*migctl, "-q", "serve"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not os.path.exists(f"{box.machine}/run/migd.sock"):
            time.sleep(0.02)
        uuid = box.json("list")["gpus"][0]["gpuInstances"][0]["computeInstances"][0]["uuid"]
        root = box.fresh_root()
        ways = {
            "podman run": ["podman", "run", "--rm", "--device", f"nvidia.com/gpu={uuid}", "--rootfs", root, "/bin/test", "1"],
            "migctl podman run": [*migctl, "-q", "podman", "run", "--uuid", uuid, "--", "--rm", "--rootfs", root, "/bin/test", "1"]}
        times = {name: [] for name in ways}
        for words in ways.values():  # fills caches
            timed(words, env)
        for _ in range(rounds):
            for name, words in ways.items():
                times[name].append(timed(words, env))
        return times
    finally:
        if daemon:
            daemon.terminate()
            daemon.wait()
        box.__exit__()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--out")
    args = parser.parse_args()
    if engine.INSIDE not in os.environ:
        engine.enter(engine.PODMAN)
    engine.mount_private()
    times = measure(args.rounds)
    ratios = [with_lease / plain for with_lease, plain in zip(times["migctl podman run"], times["podman run"])]
    over = [with_lease - plain for with_lease, plain in zip(times["migctl podman run"], times["podman run"])]
    rows = {name: {"medianMs": round(statistics.median(values), 1)} for name, values in times.items()}
    summary = {"medianRatio": round(statistics.median(ratios), 3), "medianOverMs": round(statistics.median(over), 1)}
    for name, row in rows.items():
        print(f"{name:18} median {row['medianMs']:8.1f} ms")
    print(f"in pairs           {summary['medianRatio']:.2f} times, {summary['medianOverMs']:.0f} ms more")
    if args.out:
        document = {"name": "container_wrapper", "date": time.strftime("%Y-%m-%d"), "simulated": True, "rounds": args.rounds,
                    "host": {"kernel": platform.release(), "cpus": os.cpu_count()}, "ways": rows, **summary}
        pathlib.Path(args.out).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    os.chdir(ROOT)
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cost of the CDI file inside a change: `migctl apply` between two layouts of a simulated H200 with and without a kept
file, in turns on one machine.

Usage: cdi_rewrite.py BIN_DIR [--pairs N] [--out FILE]

The file lies where the machine does (on disk here: /var/run/cdi of a real machine is memory). Driver latencies are off,
so that the difference is the file's; a real creation takes some hundred milliseconds. Prints medians of time and of
processor time, the latter of use where others use the machine too.
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import tempfile
import time

LAYOUTS = {"seven": {"1g.18gb": 7}, "mixed": {"3g.71gb": 1, "1g.18gb": 4}}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bins", type=pathlib.Path)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    migctl = str(options.bins.resolve() / "migctl")
    with tempfile.TemporaryDirectory(prefix="mig-bench-cdi-") as folder:
        env = dict(os.environ, MIGSIM_ROOT=folder, NO_COLOR="1")

        def run(*words, text=""):
            begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([migctl, *words], input=text, text=True, capture_output=True, check=True, env=env)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            return (time.monotonic() - begun) * 1000, processor * 1000

        run("sim", "create", "m", "--gpus", "1x h200-141gb", "--latency", "none")
        texts = {name: json.dumps({"version": "v1", "mig-configs": {"x": [
            {"devices": "all", "mig-enabled": True, "mig-devices": devices}]}}) for name, devices in LAYOUTS.items()}

        def there_and_back():
            both = [run("--sim", "m", "apply", "-f", "-", "-c", "x", text=texts[name]) for name in ("mixed", "seven")]
            return [sum(part) / 2 for part in zip(*both)]

        run("--sim", "m", "apply", "-f", "-", "-c", "x", text=texts["seven"])
        times = {"without": [], "with": []}
        for _ in range(options.pairs):
            times["without"].append(there_and_back())
            run("--sim", "m", "cdi", "generate")
            times["with"].append(there_and_back())
            run("--sim", "m", "cdi", "remove")
    result = {"unit": "ms for one change, command included", "pairs": options.pairs, "load": round(os.getloadavg()[0], 1)}
    for part, name in enumerate(("time", "processor")):
        of = {key: [pair[part] for pair in values] for key, values in times.items()}
        result[name] = {key: round(statistics.median(values), 2) for key, values in of.items()}
        result[name]["difference"] = round(statistics.median(b - c for c, b in zip(of["without"], of["with"])), 2)
    text = json.dumps(result, indent=1) + "\n"
    print(text, end="")
    if options.out:
        options.out.write_text(text)


if __name__ == "__main__":
    main()

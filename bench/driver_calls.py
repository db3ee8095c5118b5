#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How often each command of migctl calls the driver, from the simulator's call trace ($MIGSIM_TRACE).

Usage: driver_calls.py BIN_DIR [--check] [--out FILE] [--name before|after]
A call costs 1 to 400 microseconds on real boards, and a reading of a whole machine is dozens of them. Counts on the simulated
machine are the same in every run, so a growth is a change of the code:
  --check      exit code 1 when a command makes more calls or whole readings than bench/results/driver_calls.json has it
  --out FILE   writes what was counted into the file's column --name (after), beside the other column
A whole reading is told by nvmlDeviceGetCount_v2, which begins one.
"""
import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile

RESULTS = pathlib.Path(__file__).resolve().parent / "results" / "driver_calls.json"
READING = "nvmlDeviceGetCount_v2"

LAYOUTS = """version: v1
mig-configs:
  before:
    - devices: [0]
      mig-enabled: true
      mig-devices: {"3g.20gb": 1, "2g.10gb": 1}
    - devices: [1]
      mig-enabled: true
      mig-devices: {"1g.5gb": 7}
  after:
    - devices: [0]
      mig-enabled: true
      mig-devices: {"4g.20gb": 1, "1g.5gb": 2}
    - devices: [1]
      mig-enabled: true
      mig-devices: {"1g.5gb": 7}
"""
HOOKS = """version: v1
hooks:
  apply-start:
    - {command: "/bin/true"}
  pre-apply-config:
    - {command: "/bin/true"}
  apply-exit:
    - {command: "/bin/true"}
"""

# Name, words, whether the layout "before" is applied again first.
CASES = (
    ("version", ["version"], False),
    ("list", ["list"], False),
    ("list --json", ["list", "--json"], False),
    ("holders", ["holders"], False),
    ("slot list", ["slot", "list"], False),
    ("lease list", ["lease", "list"], False),
    ("plan", ["plan", "-f", "layouts.yaml", "-c", "after"], False),
    ("assert", ["assert", "-f", "layouts.yaml", "-c", "before"], False),
    ("apply, nothing to do", ["apply", "-f", "layouts.yaml", "-c", "before"], False),
    ("apply", ["apply", "-f", "layouts.yaml", "-c", "after"], True),
    ("apply with hooks", ["apply", "-f", "layouts.yaml", "-c", "after", "-k", "hooks.yaml"], True),
    ("destroy", ["destroy", "-i", "0", "--all"], True),
    ("create", ["create", "1g.5gb", "-i", "0"], False),
    ("undo", ["undo"], False),
    ("run", ["run", "--profile", "1g.5gb", "--", "/bin/true"], True),
    ("run --slot", ["run", "--slot", "train-a", "--", "/bin/true"], False),
)


class Machine:
    """A simulated machine of two A100s with latencies off, in a folder of its own."""

    def __init__(self, bin_dir, root):
        self.migctl = str(pathlib.Path(bin_dir).resolve() / "migctl")
        self.root = pathlib.Path(root)
        self.environment = {"PATH": os.environ["PATH"], "HOME": root, "MIGSIM_ROOT": root, "NO_COLOR": "1"}
        (self.root / "layouts.yaml").write_text(LAYOUTS, encoding="ascii")
        (self.root / "hooks.yaml").write_text(HOOKS, encoding="ascii")
        self.must("sim", "create", "one", "--gpus", "2x a100-sxm4-40gb", "--latency", "none")
        self.again()
        self.must("slot", "set", "train-a", "--gpu", "1", "--profile", "1g.5gb", "--placement", "0")

    def must(self, *words, trace=None):
        environment = {**self.environment, **({"MIGSIM_TRACE": str(trace)} if trace else {})}
        done = subprocess.run([self.migctl, "-q", *words], env=environment, cwd=self.root, capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise OSError(f"migctl {' '.join(words)}: exit {done.returncode}: {done.stderr.strip()[-300:]}")

    def again(self):
        self.must("apply", "-f", "layouts.yaml", "-c", "before")

    def count(self, words):
        trace = self.root / "trace"
        trace.unlink(missing_ok=True)
        self.must(*words, trace=trace)
        lines = trace.read_text(encoding="ascii").splitlines() if trace.exists() else []
        calls = collections.Counter(line.split()[2] for line in lines)
        return {"calls": sum(calls.values()), "readings": calls[READING]}, calls


def measure(bin_dir, verbose):
    counts = {}
    with tempfile.TemporaryDirectory(prefix="driver-calls-") as root:
        machine = Machine(bin_dir, root)
        for name, words, again in CASES:
            if again:
                machine.again()
            counts[name], calls = machine.count(words)
            if verbose:
                print(f"  {name}: " + ", ".join(f"{call} {n}" for call, n in calls.most_common()))
    return counts


def grown(counts, kept):
    """A line for each count that is more than what is kept of it."""
    for name, now in counts.items():
        was = kept.get(name)
        if was is None:
            yield f"{name}: nothing is kept of it in {RESULTS.name}; write it with --out"
            continue
        for what in ("calls", "readings"):
            if now[what] > was[what]:
                yield f"{name}: {now[what]} {what}, and {was[what]} are kept"
    for name in kept.keys() - counts.keys():
        yield f"{name}: kept, but not measured any more"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin_dir")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--out")
    parser.add_argument("--name", choices=("before", "after"), default="after")
    parser.add_argument("--verbose", action="store_true", help="also which functions were called how often")
    options = parser.parse_args()
    counts = measure(options.bin_dir, options.verbose)
    document = json.loads(RESULTS.read_text(encoding="ascii")) if RESULTS.exists() else {}
    print(f"{'command':<22} {'calls':>6} {'readings':>9}")
    for name, now in counts.items():
        print(f"{name:<22} {now['calls']:>6} {now['readings']:>9}")
    if options.out:
        document.update({"name": "driver_calls", "simulated": True, "machine": "2x a100-sxm4-40gb"})
        document[options.name] = counts
        pathlib.Path(options.out).write_text(json.dumps(document, indent=1) + "\n", encoding="ascii")
    if not options.check:
        return 0
    offences = list(grown(counts, document.get("after", {})))
    for line in offences:
        print(f"driver_calls: {line}", file=sys.stderr)
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())

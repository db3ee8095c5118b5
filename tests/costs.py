#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/costs.txt, seconds of each test, from the log of a complete run of ctest. CMake gives them to ctest, which starts
the longest tests first; by itself it knows the times of earlier runs of the same build folder only, so that on a fresh one a
long test may start last, alone.

    costs.py [LOG]                default: build/dev/Testing/Temporary/LastTest.log
    costs.py --longest [LOG]      prints the longest tests and what all took together
"""

import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COSTS = ROOT / "tests" / "costs.txt"
LEAST_S = 2  # a shorter test fits anywhere
HEAD = "# SPDX-License-Identifier: Apache-2.0\n# Seconds of the tests that take some, written by tests/costs.py. They order the tests, no more: a wrong one fails nothing.\n"


def times(log):
    """(seconds, whether something was skipped) by test; of tests that passed."""
    found = {}
    for part in re.split(r"(?m)^(?=\d+/\d+ Testing: )", log):
        name = re.match(r"\d+/\d+ Testing: (\S+)", part)
        end = re.search(r"(?m)^<end of output>\nTest time = +([\d.]+) sec\n-+\nTest Passed\.", part)
        if name and end:
            found[name[1]] = float(end[1]), bool(re.search(r"(?m)^SKIPPED: ", part))
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--longest", action="store_true")
    parser.add_argument("log", nargs="?", type=pathlib.Path, default=ROOT / "build/dev/Testing/Temporary/LastTest.log")
    options = parser.parse_args()
    if not options.log.is_file():
        sys.exit(f"costs.py: {options.log} is not there; ctest writes it")
    found = times(options.log.read_text(errors="replace"))
    if not found:
        sys.exit(f"costs.py: {options.log} has no test with a time")
    if options.longest:
        ordered = sorted(((seconds, name) for name, (seconds, _) in found.items()), reverse=True)
        for seconds, name in ordered[:30]:
            print(f"{seconds:8.1f}  {name}")
        print(f"{sum(seconds for seconds, _ in ordered):8.1f}  all {len(ordered)} together")
        return 0
    kept = dict(line.split() for line in COSTS.read_text().splitlines() if not line.startswith("#")) if COSTS.is_file() else {}
    kept = {name: int(seconds) for name, seconds in kept.items()}
    # A log of some of the tests leaves the others' figures as they are, and what was skipped says nothing of a run in which it is not.
    kept.update({name: round(seconds) for name, (seconds, skipped) in found.items() if not skipped or seconds > kept.get(name, 0)})
    lines = sorted(((name, seconds) for name, seconds in kept.items() if seconds >= LEAST_S), key=lambda item: (-item[1], item[0]))
    COSTS.write_text(HEAD + "".join(f"{name} {seconds}\n" for name, seconds in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())

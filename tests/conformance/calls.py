#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""NVML functions that each client called, with return codes: results/calls.json, and calls.md generated from it.

    calls.py            writes results/calls.md anew from results/calls.json
    MIG_RECORD_CALLS=1 tests/conformance/X_test.py     records the calls of X_test.py's clients, then writes calls.md

A test fails when one of its clients calls an unimplemented function (a stub that returns NOT_SUPPORTED) that is not
recorded for it, or no longer calls a recorded one.
"""

import collections
import json
import os
import pathlib
import sys
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "results" / "calls.json"
NOT_SUPPORTED = 3


def unwritten():
    """Functions of the driver's list that no source of sim/exports defines; the build lists them."""
    binaries = pathlib.Path(os.environ.get("MIG_BIN_DIR", HERE.parent.parent / "build" / "bin")).resolve()
    return set((binaries.parent / "sim" / "exports" / "unimplemented.txt").read_text().split())


def read_trace(path):
    """{function: [calls, of these NOT_SUPPORTED]}; a line of the trace is `<ns> <pid> <function> <gpu> <code>`."""
    found = collections.defaultdict(lambda: [0, 0])
    for line in path.read_text().splitlines():
        _, _, function, _, code = line.split()
        found[function][0] += 1
        found[function][1] += int(code) == NOT_SUPPORTED
    return found


def summary(path):
    found, nobody = read_trace(path), unwritten()
    return {"answered": sorted(f for f, (calls, refused) in found.items() if refused < calls),
            "notSupportedHere": sorted(f for f, (calls, refused) in found.items() if refused == calls and f not in nobody),
            "notWritten": sorted(f for f in found if f in nobody)}


def check(test, folder):
    """0 when the clients of this test called exactly the recorded unimplemented functions."""
    recorded = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    code = 0
    for path in sorted(pathlib.Path(folder).glob("*.trace")):
        key, now = f"{path.stem} ({test})", summary(path)
        if os.environ.get("MIG_RECORD_CALLS"):
            recorded[key] = now
            continue
        before = recorded.get(key, {"notWritten": []})["notWritten"]
        if now["notWritten"] != before:
            print(f"{key}: called, though nobody wrote it: {now['notWritten']}; recorded: {before}\n"
                  "record anew with MIG_RECORD_CALLS=1 (calls.py)", file=sys.stderr)
            code = 1
    if os.environ.get("MIG_RECORD_CALLS"):
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")
        write_page()
    return code


def listed(functions):
    return " ".join(f"`{f}`" for f in functions)


def wrapped(text, indent=""):
    return textwrap.fill(text, width=150, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def write_page():
    recorded = json.loads(RESULTS.read_text())
    lines = ["<!-- Made by tests/conformance/calls.py from calls.json. -->", "# Which NVML calls each client makes, and what answers", "",
             "From the simulator's trace (`MIGSIM_TRACE`) of each client's processes in each test. *Answered*: at least once with something",
             "other than NOT_SUPPORTED. *Not supported here*: written, but these machines do not have it, as the hardware they copy or for lack of",
             "a published figure. *Not written*: NOT_SUPPORTED on every machine because nobody wrote it; the tests fail when that list changes.", "",
             "Each client (its test): how many it called, and how many were answered.", ""]
    for key, row in sorted(recorded.items()):
        total = sum(len(row[part]) for part in ("answered", "notSupportedHere", "notWritten"))
        lines.append(f"- {key}: {total} called, {len(row['answered'])} answered")
        lines += [wrapped(f"  - {words}: {listed(row[part])}", "    ")
                  for words, part in (("not supported here", "notSupportedHere"), ("not written", "notWritten")) if row[part]]
    everything = sorted({f for row in recorded.values() for f in row["answered"]})
    lines += ["", wrapped(f"Answered to somebody, {len(everything)} functions: {listed(everything)}"), ""]
    (RESULTS.parent / "calls.md").write_text("\n".join(lines))


if __name__ == "__main__":
    write_page()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds docs/reference/nvml_calls.md against what the build put into libnvidia-ml.so.1.

    nvml_calls_page.py LISTS            exit code 1 and the difference where the page is not what the build says
    nvml_calls_page.py LISTS --write    makes the page

LISTS is the folder of the build's implemented.txt and unimplemented.txt (build/dev/sim/exports).
"""

import collections
import difflib
import pathlib
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "nvml_calls.md"
SYMBOLS = ROOT / "sim" / "exports" / "symbols_r580.txt"
REFUSED = ROOT / "sim" / "exports" / "not_supported.txt"

# Subject by the first match in the name.
SUBJECTS = [("Vgpu", "vGPU"), ("ConfCompute", "confidential computing"), ("nvmlUnit", "S-class units"), ("NvLink", "NVLink"),
            ("Nvlink", "NVLink"), ("Prm", "registers"), ("PRM", "registers"), ("PowerSmoothing", "power smoothing"),
            ("WorkloadPowerProfile", "workload power profiles"), ("Drain", "removing a GPU"), ("RemoveGpu", "removing a GPU"),
            ("DiscoverGpus", "removing a GPU"), ("Fan", "fans"), ("Grid", "licences"), ("Clock", "clocks"), ("ClkVf", "clocks"),
            ("ClkMin", "clocks"), ("Pstate", "clocks"), ("PState", "clocks"), ("Performance", "clocks"), ("Power", "power"),
            ("Thermal", "heat"), ("Temperature", "heat"), ("Cooler", "heat"), ("Ecc", "memory errors"), ("Remapp", "memory errors"),
            ("Retired", "memory errors"), ("Gpm", "GPM"), ("MigDevice", "MIG"), ("GpuInstance", "MIG"), ("ComputeInstance", "MIG"),
            ("MigMode", "MIG"), ("Event", "events"), ("Accounting", "accounting"), ("nvmlSystem", "the machine"),
            ("Set", "settings"), ("Get", "the device")]


def names(path):
    """Lines of a list."""
    return path.read_text(encoding="utf-8").split()


def subject(name):
    """Subject of a call, for a reader who looks for gaps."""
    return next((words for part, words in SUBJECTS if part in name), "other")


def subjects(calls):
    """One list item per subject, in short source lines."""
    rows = collections.defaultdict(list)
    for call in sorted(calls):
        rows[subject(call)].append(f"`{call}`")
    return "\n".join(textwrap.fill(f"- {about}: {' '.join(rows[about])}", width=150, subsequent_indent="  ",
                                   break_long_words=False, break_on_hyphens=False) for about in sorted(rows, key=str.lower))


def page(lists):
    """The page's text, generated from the lists alone."""
    every = set(names(SYMBOLS))
    answered, missing, refused = (set(names(path)) for path in (lists / "implemented.txt", lists / "unimplemented.txt", REFUSED))
    if answered | missing | refused != every or len(answered) + len(missing) + len(refused) != len(every):
        raise SystemExit(f"the lists do not make up {SYMBOLS.name}: {sorted(every ^ (answered | missing | refused))}")
    return f"""<!-- Made by tests/nvml_calls_page.py; a test holds it against the build. -->
# NVML calls of a simulated machine

The simulator's `libnvidia-ml.so.1` exports the {len(every)} functions of a R580 driver (580.159.04) and no other. {len(answered)} answer from the machine's
state or its board; {len(refused)} are NOT_SUPPORTED because a real H200 says so too; {len(missing)} are *not simulated*: NOT_SUPPORTED whatever a real GPU
would say. A figure that a board file does not have is NOT_SUPPORTED as well. Which client calls what:
[results of the conformance tests](../../tests/conformance/results/calls.md).

## Not simulated: {len(missing)}

{subjects(missing)}

## NOT_SUPPORTED by the hardware's own answer: {len(refused)}

Asked on an H200, 580.159.04, MIG off, one GPU without NVLink neighbours.

{subjects(refused)}

## Answered: {len(answered)}

{subjects(answered)}
"""


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    text = page(pathlib.Path(sys.argv[1]))
    if "--write" in sys.argv[2:]:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    found = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    if found == text:
        print(f"{PAGE.name} is what the build says")
        return 0
    sys.stdout.writelines(difflib.unified_diff(found.splitlines(True), text.splitlines(True), "the page", "the build", n=0))
    print(f"make it anew: tests/nvml_calls_page.py {sys.argv[1]} --write")
    return 1


if __name__ == "__main__":
    sys.exit(main())

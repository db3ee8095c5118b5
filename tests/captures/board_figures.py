#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/reference/board_figures.md from the board files (sim/gpus/*.json): what each figure of
each board is, captured, documented, derived or assumed, and where it comes from.

    board_figures.py            write the page
    board_figures.py --check    fail when the page is not what the board files say

The part after the mark of the corrections is kept as it is: people write it.
"""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "board_figures.md"
MARK = "<!-- written by hand from here -->"
KINDS = ("measured", "captured", "documented", "derived", "assumed")
BLOCKS = ("identity", "memory", "power", "temperature", "clocks", "settable", "links", "roofline")
OPTIONAL = {"provenance": []}
GROUPS = {"profile": "profile rows", "placements": "placements", "name": "compute names", "count": "compute counts",
          "places": "compute places", "sm": "compute SMs"}
WIDTH = 158


def boards():
    """Boards in the order of `sim boards`."""
    text = (ROOT / "sim/gpus/CMakeLists.txt").read_text(encoding="utf-8")
    names = re.search(r"set\(boards ([^)]*)\)", text).group(1).split()
    return [json.loads((ROOT / f"sim/gpus/{name}.json").read_text(encoding="utf-8")) for name in names]


def count_from(block, labels, counts):
    for label in block.get("from", {}).values():
        counts[labels[label]["kind"]] += 1


def count_figures(board):
    counts = dict.fromkeys(KINDS, 0)
    for block in BLOCKS:
        for entry in board.get(block, OPTIONAL)["provenance"]:
            counts[entry["kind"]] += len(entry["of"])
    mig = board["mig"]
    count_from(mig, mig["sources"], counts)
    for profile in mig["profiles"]:
        count_from(profile, mig["sources"], counts)
        for compute in profile["compute_profiles"]:
            count_from(compute, mig["sources"], counts)
    return counts


def unknown(board):
    return [f"{block}.{figure}" for block in BLOCKS for figure, value in board.get(block, {}).items() if value is None]


def wrapped(words, indent):
    lines, line = [], ""
    for word in words:
        if line and len(line) + len(word) + 2 + indent > WIDTH:
            lines.append(line.rstrip())
            line = ""
        line += word + " "
    return ("\n" + " " * indent).join([*lines, line.rstrip()])


def item(text):
    return "- " + wrapped(text.split(), 2)


def with_driver(entry):
    driver = f", driver {entry['driver']}" if entry["driver"] else ""
    return f"{entry['source'].rstrip('.')}{driver} ({entry['date']})"


def block_items(board, kind):
    for block in BLOCKS:
        for entry in board.get(block, OPTIONAL)["provenance"]:
            if entry["kind"] == kind:
                yield item(f"{block}: {', '.join(entry['of'])}: {with_driver(entry)}")


def uses_of(mig):
    """{label: {group of figures: [profiles]}}, in the file's order."""
    uses = {}
    for group, label in mig["from"].items():
        uses.setdefault(label, {}).setdefault(group, [])
    for profile in mig["profiles"]:
        name = profile["name"][4:]
        for group, label in profile["from"].items():
            uses.setdefault(label, {}).setdefault(GROUPS[group], []).append(name)
        for compute in profile["compute_profiles"]:
            for group, label in compute["from"].items():
                part = f"{compute['name'][4:]} (ID {compute['enum']})"
                part += "" if name == compute["name"][4:].split(".", 1)[-1] or name == compute["name"][4:] else f" of {name}"
                uses.setdefault(label, {}).setdefault(GROUPS[group], []).append(part)
    return uses


def mig_items(board, kind):
    mig = board["mig"]
    every = sum(len(profile["compute_profiles"]) for profile in mig["profiles"])
    for label, groups in uses_of(mig).items():
        entry = mig["sources"][label]
        if entry["kind"] != kind:
            continue
        parts = []
        for group, names in groups.items():
            total = every if group.startswith("compute ") else len(mig["profiles"])
            parts.append(f"{group} of " + (f"all {total}" if len(names) == total else ", ".join(names)) if names else group)
        yield item(f"MIG: {'; '.join(parts)}: {with_driver(entry)}")


def page():
    out = ["# Figures of the boards, and how each is known", "",
           wrapped(("Written by `tests/captures/board_figures.py` from the board files in `sim/gpus/`; a test holds it to them. "
                    "What each kind means stands in [sim/gpus/README.md](../../sim/gpus/README.md). A figure that nobody has seen is "
                    "unknown: the call that would report it answers NOT_SUPPORTED.").split(), 0), "",
           "| board | " + " | ".join(KINDS) + " | unknown |", "|---|" + "---|" * (len(KINDS) + 1)]
    known = boards()
    for board in known:
        counts = count_figures(board)
        out.append(f"| [{board['key']}](#{board['key']}) | " + " | ".join(str(counts[kind]) for kind in KINDS)
                   + f" | {len(unknown(board))} |")
    out += ["", wrapped(("B200, GB200, B300, GB300, H20 and GH200 are not simulated: of each, figures that a MIG table cannot do without (engines, "
                         "SMs or memory of the larger profiles, the total memory) were found nowhere.").split(), 0), ""]
    for board in known:
        out += [f"## {board['key']}", "", board["identity"]["name"] + ".", ""]
        for kind in KINDS:
            items = [*block_items(board, kind), *mig_items(board, kind)]
            if items:
                out += [f"**{kind.capitalize()}**", "", *items, ""]
        if unknown(board):
            out += ["**Unknown**", "", item(", ".join(unknown(board))), ""]
    return "\n".join(out)


def main():
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else MARK + "\n"
    new = page() + "\n" + old[old.index(MARK):]
    if sys.argv[1:] == ["--check"]:
        if new != old:
            sys.exit("docs/reference/board_figures.md is not what the board files say: run tests/captures/board_figures.py")
        print("docs/reference/board_figures.md says what the board files say")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        PAGE.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()

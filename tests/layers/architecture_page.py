#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the include matrix of docs/architecture.md from the table of rooms (rooms.py), between the two marks of the
page.

    architecture_page.py            rewrites it
    architecture_page.py --check    exit code 1 and the difference when the page is out of date
"""

import difflib
import pathlib
import sys
import textwrap

import rooms as table

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "architecture.md"
BEGIN = "<!-- Made by tests/layers/architecture_page.py; a test holds it against tests/layers/rooms.py. -->\n"
END = "<!-- End of what is made. -->\n"


def folder(name):
    """Folder of a room's files."""
    if name == "mig":
        return "include/mig"
    if name.startswith("kubernetes/"):
        return f"integrations/{name}"
    return name if name.startswith("sim/") or name in ("abi", "workload") else f"src/{name}"


def purposes():
    """One list item per room."""
    return [textwrap.fill(f"- `{folder(name)}`: {room.purpose}", width=150, subsequent_indent="  ", break_on_hyphens=False)
            for name, room in table.ROOMS.items()]


def matrix():
    """Rows include columns. A column has the number of its room's row, tens above units."""
    names = list(table.ROOMS)
    width = max(map(len, names))
    numbers = range(1, len(names) + 1)
    lines = [" " * (width + 4) + "".join(f" {number // 10 or ' '}" for number in numbers),
             " " * (width + 4) + "".join(f" {number % 10}" for number in numbers)]
    for number, name in enumerate(names, 1):
        marks = ["o" if other == name else "x" if other in table.ROOMS[name].may_include else "." for other in names]
        lines.append(f"{number:>2}  {name:<{width}}" + "".join(f" {mark}" for mark in marks))
    return lines


def made():
    """The generated text between the marks."""
    return "\n".join(purposes() + ["", "`x`: files of the row's room may include the column's room; `.`: they may not, also not through another room.",
                                   "", "```"] + matrix() + ["```"]) + "\n"


def main():
    text = PAGE.read_text(encoding="utf-8")
    before, mark, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise SystemExit(f"{PAGE} lacks the marks between which the matrix stands")
    wanted = before + BEGIN + "\n" + made() + "\n" + END + after
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(wanted, encoding="utf-8")
        return 0
    if text == wanted:
        print("docs/architecture.md says what tests/layers/rooms.py says")
        return 0
    sys.stdout.writelines(difflib.unified_diff(text.splitlines(True), wanted.splitlines(True), "the page", "the table", n=0))
    print("make it anew: tests/layers/architecture_page.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())

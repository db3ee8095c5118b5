#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks every Markdown page of the repository: lines of at most 160 characters, and no dead link within the
repository.

    markdown_test.py [REPOSITORY]
"""

import os
import pathlib
import re
import sys

LONGEST = 160
SKIPPED = ("build", "shared", "node_modules")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+\s+(.*?)\s*$")
ANCHOR = re.compile(r'<a id="([^"]+)">')


def without_code(text):
    """The lines with their numbers, fenced blocks and code spans taken out."""
    fenced, lines = False, []
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            lines.append((number, re.sub(r"`[^`]*`", "", line)))
    return lines


def slug(heading):
    """Anchor of a heading, as GitHub derives it."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def anchors(text):
    """All anchors of a page."""
    found, fenced = set(ANCHOR.findall(text)), False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        match = None if fenced else HEADING.match(line)
        if match:
            base, name, again = slug(match.group(1)), slug(match.group(1)), 0
            while name in found:
                again += 1
                name = f"{base}-{again}"
            found.add(name)
    return found


def long_lines(text):
    return [(number, len(line)) for number, line in enumerate(text.splitlines(), 1) if len(line) > LONGEST]


def dead_links(page, text):
    """(line, link) for each dead link into the repository."""
    joined = "\n".join(line for _, line in without_code(text))
    for target in LINK.findall(joined.replace("\n", " ")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            yield f"link to {target}: there is no {path}"
        elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text(encoding="utf-8") if path else text):
            yield f"link to {target}: {file.name} has no heading or anchor of that name"


def faults(page, text):
    """Faults of one page."""
    for number, length in long_lines(text):
        yield f"{number}: {length} characters, the longest line may have {LONGEST}: wrap it, or make a list of the table"
    for fault in dead_links(page, text):
        yield f" {fault}"


def pages(root):
    # What is left out is not walked either: the modules of other people's programs in build/ are a third of a million files.
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED and not name.startswith("."))
        yield from (pathlib.Path(folder, name) for name in sorted(names) if name.endswith(".md") and not name.startswith("."))


def self_check(root):
    """Runs the check on pages with known faults, to show that it can fail."""
    page = root / "README.md"
    text = f"# A `b`, c\n{'x' * LONGEST}\n{'x' * (LONGEST + 1)}\n[a](#a-b-c) [b](docs/none.md) [c](#d) [d\ne](LICENSE#x)\n```\n[f](none)\n```\n`[g](none)`\n"
    told = list(faults(page, text))
    if len(told) != 3 or not told[0].startswith("3: 161") or "docs/none.md" not in told[1] or "has no heading" not in told[2]:
        raise SystemExit(f"markdown: the check itself is broken: {told}")


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent.parent).resolve()
    self_check(root)
    count, wrong = 0, 0
    for page in pages(root):
        count += 1
        for fault in faults(page, page.read_text(encoding="utf-8")):
            wrong += 1
            print(f"{page.relative_to(root)}:{fault}")
    if count < 10:
        raise SystemExit(f"markdown: only {count} pages under {root}: wrong folder?")
    print(f"markdown: {count} pages, {wrong} faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Mutants, changes to the code that the tests must notice: changes/ROOM.txt; rooms.json names the tests of each room.

A change is

    == short-name: what is wrong with the program then
    file src/lease/schedule.cc
    old
    | text of the file
    new
    | text instead
    tests e2e_leases lease_broker          (optional: run before the room's own)
    equivalent because nothing can see it  (optional: equivalent mutant, not run)

Texts are compared word by word, so that another line break or indentation does not matter. The old text stands in its
file exactly once. A room in a file's name has "-" for "/": changes/sim-machine.txt.
"""

import json
import os
import re
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))


@dataclass
class Change:
    room: str
    name: str
    what: str
    file: str = ""
    old: str = ""
    new: str = ""
    tests: list = field(default_factory=list)
    equivalent: str = ""

    @property
    def id(self):
        return f"{self.room}/{self.name}"

    def mark(self):
        """Equal as long as the mutant is unchanged: results of earlier runs stay valid."""
        return "\0".join((self.file, self.old, self.new))


class BadData(Exception):
    pass


def parse(text, room):
    changes, part = [], None
    for number, line in enumerate(text.splitlines(), 1):
        def bad(why):
            raise BadData(f"changes of {room}, line {number}: {why}: {line!r}")

        if line.startswith("|"):
            if part not in ("old", "new") or not changes:
                bad("a line of text outside of old and new")
            change = changes[-1]
            text_line = line[2:] if line.startswith("| ") else line[1:]
            setattr(change, part, getattr(change, part) + text_line + "\n")
            continue
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("== "):
            name, colon, what = line[3:].partition(": ")
            if not colon or not re.fullmatch(r"[a-z0-9.-]+", name) or not what.strip():
                bad("wanted: == short-name: what is wrong then")
            changes.append(Change(room, name, what.strip()))
            part = None
            continue
        word, _, rest = line.partition(" ")
        if not changes:
            bad("before the first change")
        if word in ("old", "new") and not rest:
            part = word
        elif word == "file" and rest:
            changes[-1].file = rest
        elif word == "tests" and rest:
            changes[-1].tests = rest.split()
        elif word == "equivalent" and rest:
            changes[-1].equivalent = rest
        else:
            bad("not understood")
    return changes


def load(folder=os.path.join(HERE, "changes")):
    changes = []
    for name in sorted(os.listdir(folder)):
        if name.endswith(".txt"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                changes += parse(file.read(), name[:-4].replace("-", "/"))
    return changes


def rooms():
    with open(os.path.join(HERE, "rooms.json"), encoding="utf-8") as file:
        return json.load(file)


def places(source, old):
    """Positions of `old` in `source`, ignoring white space between words."""
    words = [re.escape(word) for word in old.split()]
    return [found.span() for found in re.finditer(r"\s+".join(words), source)] if words else []


def changed(source, change):
    found = places(source, change.old)
    if len(found) != 1:
        raise BadData(f"{change.id}: the old text stands {len(found)} times in {change.file}")
    begin, end = found[0]
    return source[:begin] + change.new.strip() + source[end:]


def offences(changes, rooms_table, root):
    """Faults of the data, one line each."""
    lines, seen, marks = [], set(), {}
    for change in changes:
        if change.id in seen:
            lines.append(f"{change.id}: the name is there twice")
        seen.add(change.id)
        if change.mark() in marks:
            lines.append(f"{change.id}: the same change as {marks[change.mark()]}")
        marks[change.mark()] = change.id
        path = os.path.join(root, change.file)
        if change.room not in rooms_table:
            lines.append(f"{change.id}: rooms.json does not have this room")
        elif not change.file.startswith(tuple(rooms_table[change.room]["folders"])):
            lines.append(f"{change.id}: {change.file} is not in this room")
        if not change.file or not os.path.isfile(path):
            lines.append(f"{change.id}: there is no file {change.file!r}")
            continue
        if change.old.split() == change.new.split():
            lines.append(f"{change.id}: old and new are the same")
        with open(path, encoding="utf-8") as file:
            try:
                changed(file.read(), change)
            except BadData as error:
                lines.append(str(error))
    for room, entry in rooms_table.items():
        count = sum(change.room == room for change in changes)
        if count < entry["least"]:
            lines.append(f"{room}: {count} changes; at least {entry['least']} are wanted")
    return lines

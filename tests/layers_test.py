#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds every #include of ours against the table of rooms, tests/layers/rooms.py.

    layers_test.py REPOSITORY       exit code 0 when every include is allowed, 1 with a line per offence

Each room has one closed list: a room that is reached through another one is refused unless the list names it. Files that still
include what their list refuses stand in STILL_TO_GO, which can only shrink. That this test can fail: layers/can_fail_test.py.
"""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from layers import rooms as table  # noqa: E402  pylint: disable=wrong-import-position

TREES = ("abi", "include", "src", "sim", "workload", "integrations", "examples")
SUFFIXES = (".h", ".cc", ".c", ".inc")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.M)
FEWEST_ROOMS = 8


def room_of_path(path):
    """Room of a file, by its path in the repository."""
    parts = path.parts
    if parts[0] == "src":
        return parts[1]
    if parts[0] == "integrations":
        return "/".join(parts[1:3])
    if parts[0] == "sim":
        return "/".join(parts[:2])
    return {"include": "mig"}.get(parts[0], parts[0])


def room_of_include(name, here):
    """Room of an included header; None when it is not ours."""
    first = name.split("/")[0]
    if first in ("sim", "kubernetes"):
        return "/".join(name.split("/")[:2])
    if first in table.ROOMS:
        return first
    return here if "/" not in name else None


def is_test(path):
    return path.name.endswith("_test.cc") or "test" in path.stem.split("_") or "testing" in path.parts


def cycles():
    """Rooms with cyclic includes: these have no order, and cannot be tested or linked one by one."""
    done, order = set(), []

    def walk(room, way):
        if room in way:
            yield f"rooms include each other: {' -> '.join(way[way.index(room):] + [room])}"
            return
        if room in done:
            return
        for other in table.ROOMS[room].may_include:
            yield from walk(other, way + [room])
        done.add(room)
        order.append(room)

    for room in table.ROOMS:
        yield from walk(room, [])


def refusal(path, room, name, target):
    """Why an include is not allowed; None when it is."""
    if target == room or target in table.ROOMS[room].may_include:
        return None
    if is_test(path) and target in table.TESTS_MAY_INCLUDE.get(room, ()):
        return None
    if room.startswith("sim/") and not target.startswith("sim/"):
        return f'sim includes "{name}": the simulator shares nothing with src/'
    return (f'{room} may not include "{name}" (room {target}); its closed list: '
            f"{', '.join(table.ROOMS[room].may_include) or 'nothing'}")


def offences_of_file(path, text, still_there):
    """Violations of one file; adds to still_there the known exceptions that really occur."""
    room = room_of_path(path)
    if room == "examples":  # compiled against the installed library: public headers only
        for _, name in INCLUDE.findall(text):
            if room_of_include(name, None) not in (None, "mig"):
                yield f'{path}: an example includes "{name}", which is not installed'
        return
    if room not in table.ROOMS:
        yield f"{path}: room '{room}' is not in the table (tests/layers/rooms.py)"
        return
    for quote, name in INCLUDE.findall(text):
        for library, allowed in table.LIBRARIES.items():
            if name.startswith(library) and room not in allowed and not is_test(path):
                yield f"{path}: <{name}> belongs to {', '.join(allowed)} only"
        if quote == "<" and not name.startswith("mig/"):
            continue
        target = room_of_include(name, room)
        why = refusal(path, room, name, target) if target else None
        if not why:
            continue
        if (str(path), name) in table.STILL_TO_GO:
            still_there.add((str(path), name))
        else:
            yield f"{path}: {why}"


def offences(root):
    """One line for each forbidden include, each obsolete exception, each cycle of rooms."""
    yield from cycles()
    seen, still_there = set(), set()
    # Not below build/, where other people's programs have a great many files.
    for path in sorted(path for tree in TREES for path in (root / tree).glob("**/*")):
        place = path.relative_to(root)
        if path.suffix not in SUFFIXES:
            continue
        seen.add(room_of_path(place))
        yield from offences_of_file(place, path.read_text(encoding="utf-8", errors="replace"), still_there)
    for file, name in sorted(table.STILL_TO_GO - still_there):
        yield f'{file}: no longer includes "{name}": take it off STILL_TO_GO (tests/layers/rooms.py)'
    if len(seen) < FEWEST_ROOMS:
        yield f"only {len(seen)} rooms found under {root}: wrong folder?"


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    found = list(offences(pathlib.Path(sys.argv[1]).resolve()))
    for line in found:
        print(line)
    print(f"layers: {len(found)} offences, {len(table.STILL_TO_GO)} exceptions still to go")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

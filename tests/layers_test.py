#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds every #include of ours against the table of rooms in docs/architecture.md.

Usage: layers_test.py REPOSITORY. Exit 0 when every include is allowed, 1 with a line per offence.
Heavy libraries are held to the rooms named in HEAVY, so that builds stay lean.
"""
import pathlib
import re
import sys

# room -> rooms it may include directly or through them (closed below)
ALLOWED = {
    "mig": [],
    "abi": [],
    "base": ["mig"],
    "model": ["base", "abi"],
    "catalog": ["model"],
    "config": ["model"],
    "planner": ["model"],
    "nvml": ["base", "abi"],
    "device": ["nvml", "model"],
    "store": ["base"],
    "holders": ["model", "store"],
    "apply": ["planner", "device", "store", "holders"],
    "lease": ["model", "store", "planner", "holders"],
    "launch": ["lease", "model"],
    "advise": ["model", "lease", "store"],
    "service": ["config", "apply", "launch", "advise"],
    "wire": ["model", "planner"],
    "smi": ["nvml", "base"],
    "http": ["base"],
    "cli": ["service", "catalog", "wire", "smi", "http", "daemon", "sim/tools"],
    "daemon": ["service", "wire", "http"],
    "sim/machine": ["abi"],
    "sim/gpus": ["sim/machine"],
    "sim/tree": ["sim/machine"],
    "sim/exports": ["sim/machine", "sim/tree", "abi"],
    "sim/client": ["sim/machine"],
    "sim/tools": ["sim/machine", "sim/gpus", "sim/tree", "sim/client", "abi"],
    "workload": ["sim/client"],
}
# A room that is reached through another is allowed too, but cli may not reach into these through
# service: a command parses, calls one service function and prints.
OPAQUE = {"sim/tools"}
HEAVY = {
    "CLI/": {"cli", "sim/tools", "workload"},
    "yaml-cpp/": {"config"},
    "nlohmann/json.hpp": {"base", "config", "wire", "launch", "cli", "sim/gpus", "sim/tools", "workload", "apply", "store"},
    "boost/": {"http"},
    "sqlite3.h": {"store"},
    "dlfcn.h": {"nvml", "workload"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.M)


def closure(room, seen=None):
    seen = set() if seen is None else seen
    for dep in ALLOWED.get(room, []):
        if dep not in seen:
            seen.add(dep)
            if dep not in OPAQUE:
                closure(dep, seen)
    return seen


def room_of_path(path):
    parts = path.parts
    if parts[0] == "src":
        return parts[1]
    if parts[0] == "sim":
        return "/".join(parts[:2])
    if parts[0] == "include":
        return "mig"
    return parts[0]


def room_of_include(name, here):
    first = name.split("/")[0]
    if first == "sim":
        return "/".join(name.split("/")[:2])
    if first in ALLOWED or first in ("mig", "abi", "workload"):
        return first
    return here if "/" not in name else None


def offences(root):
    rooms_seen = set()
    for path in sorted(root.glob("**/*")):
        rel = path.relative_to(root)
        if path.suffix not in (".h", ".cc", ".c", ".inc") or rel.parts[0] not in (
                "abi", "include", "src", "sim", "workload"):
            continue
        room = room_of_path(rel)
        rooms_seen.add(room)
        if room not in ALLOWED:
            yield f"{rel}: room '{room}' is not in the table (tests/layers_test.py, docs/architecture.md)"
            continue
        is_test = rel.name.endswith("_test.cc") or "test" in rel.stem.split("_")
        allowed = closure(room) | {room}
        for quote, name in INCLUDE.findall(path.read_text(encoding="utf-8", errors="replace")):
            for heavy, rooms in HEAVY.items():
                if name.startswith(heavy) and room not in rooms and not is_test:
                    yield f"{rel}: <{name}> belongs to {sorted(rooms)} only"
            if quote == "<" and not name.startswith("mig/"):
                continue
            target = room_of_include(name, room)
            if target is None:
                continue
            if room.startswith("sim") and (target in ("mig",) or (
                    target in ALLOWED and not target.startswith("sim") and target != "abi")):
                yield f"{rel}: sim includes \"{name}\": the simulator shares nothing with src/"
            elif target not in allowed and not (is_test and target in test_extra(room)):
                yield f"{rel}: {room} may not include \"{name}\" (room {target})"
    if len(rooms_seen) < 8:
        yield f"only {len(rooms_seen)} rooms found under {root}: wrong folder?"


def test_extra(room):
    """What a unit's tests may include beyond the unit: data loaders, never the other side's rules."""
    return {"sim/machine": {"sim/gpus", "sim/tree"}, "sim/exports": {"sim/gpus", "sim/client"},
            "sim/client": {"sim/gpus"}, "sim/tree": {"sim/gpus"},
            "workload": {"sim/tools"},  # makes the machine that the jobs run on
            "service": {"nvml", "device"}}.get(room, set())


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    found = list(offences(pathlib.Path(sys.argv[1]).resolve()))
    for line in found:
        print(line)
    print(f"layers: {len(found)} offences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

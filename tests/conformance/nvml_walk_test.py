#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every MIG call through nvidia-ml-py, through go-nvml and through NVIDIA's header, on every board: each line of the
three walks (nvml_walk/walk.py, go/walk, nvml_walk/walk.cc) follows from the board's file."""

import difflib
import os
import re
import subprocess
import tempfile
import unittest

import harness

BOARDS = sorted(path.stem.replace("_", "-") for path in (harness.ROOT / "sim" / "gpus").glob("*.json"))
HERE = harness.ROOT / "tests" / "conformance" / "nvml_walk"
KNOWN_GI_PROFILES, KNOWN_CI_PROFILES = 0x11, 8  # a 580 driver returns INVALID_ARGUMENT from these indices on


def engines(profile):
    return " ".join(f"{name} {profile['engines'][name]}" for name in ("ce", "dec", "enc", "jpeg", "ofa"))


def gi_id(board, profile, start):
    """Id of a GPU instance: the node of the driver's tree over the memory slices."""
    parts = board["mig"]["memory_slices"] // profile["size"]
    return parts - 1 + start // profile["size"]


def placed(starts, size):
    return " ".join(f"{start}:{size}" for start in starts)


class Expected:
    """Expected output of the walk for one GPU, from its board file alone. Where a profile has more placements than
    its maximum count, `chosen` (profile id -> start) has the driver's choice."""

    def __init__(self, gpu, board, chosen):
        self.gpu, self.board, self.chosen = gpu, board, chosen
        self.mig, self.lines = board["mig"], []
        self.name = board["identity"]["name"]

    def say(self, line):
        self.lines.append(f"gpu {self.gpu} {line}")

    def all(self):
        profiles = sorted(self.mig["profiles"], key=lambda p: p["enum"])
        self.say(f"name {self.name} memory {self.board['memory']['total_bytes']}")
        self.say("mig: mode 0 0 devices 0 is 0")
        self.profiles({p["enum"]: p for p in profiles})
        for p in profiles:
            self.say(f"gi places {p['id']}: {placed(p['starts'], p['size'])} room {p['max_count']}")
        self.say("create with mig off: NOT_SUPPORTED")
        self.say("enable: SUCCESS SUCCESS")
        self.say(f"enable: mode 1 1 devices {self.mig['compute_slices']} is 0")
        for p in profiles:
            self.fill(p)
            for start in p["starts"]:
                self.say(f"place {p['id']} at {start}: SUCCESS gi {gi_id(self.board, p, start)} at {start}:{p['size']} "
                         "again INSUFFICIENT_RESOURCES destroy SUCCESS")
            self.say(f"place {p['id']} crooked: INVALID_ARGUMENT")
        self.say("disable: SUCCESS SUCCESS")
        self.say("disable: mode 0 0 devices 0 is 0")
        return self.lines

    def profiles(self, by_enum):
        for index in range(KNOWN_GI_PROFILES + 1):
            p = by_enum.get(index)
            if p is None:
                code = "NOT_SUPPORTED" if index < KNOWN_GI_PROFILES else "INVALID_ARGUMENT"
                self.say(f"gi profile {index}: {code} {code}")
                continue
            self.say(f"gi profile {index}: id {p['id']} slices {p['slices']} max {p['max_count']} sm {p['sm']} {engines(p)} "
                     f"mib {p['memory_mib']} p2p {int(p['p2p'])} name {p['name']}")

    def fill(self, p):
        most = p["max_count"]
        left = "".join(f" {n}" for n in range(most - 1, -1, -1))
        self.say(f"fill {p['id']}: made {most} then INSUFFICIENT_RESOURCES left{left}")
        starts = p["starts"] if most == len(p["starts"]) else [self.chosen[p["id"]]]
        for start in starts:
            self.say(f"fill {p['id']} gi {gi_id(self.board, p, start)} profile {p['id']} at {start}:{p['size']} same 1 "
                     f"listed 1 of {most} own 1")
        by_enum = {c["enum"]: c for c in p["compute_profiles"] if c["sm"] is not None}
        for index in range(9):
            c = by_enum.get(index)
            if c is None:
                code = "NOT_SUPPORTED" if index < KNOWN_CI_PROFILES else "INVALID_ARGUMENT"
                self.say(f"in {p['id']} ci profile {index}: {code} {code}")
            else:
                self.compute(p, c, gi_id(self.board, p, starts[0]))
        self.say(f"emptied {p['id']}: SUCCESS stale INVALID_ARGUMENT by id NOT_FOUND")

    def compute(self, p, c, gi):
        most, slices, size = c["max_count"], c["slices"], c["size"]
        self.say(f"in {p['id']} ci profile {c['enum']}: id {c['enum']} slices {slices} max {most} sm {c['sm']} {engines(p)} "
                 f"name {c['name']} places {placed(c['starts'], size)}")
        say = f"in {p['id']} ci fill {c['enum']}"
        self.say(f"{say}: made {most} then INSUFFICIENT_RESOURCES left 0 listed {most} "
                 f"at {placed(side_by_side(c['starts'], size), size)} fits 1")
        self.say(f"mig device {most}: NOT_FOUND")
        for i in range(most):
            self.say(f"mig device {i}: name {self.name} {c['name']} gi {gi} ci {i} is 1 sm {c['sm']} {engines(p)} "
                     f"slices {p['slices']} {slices} mib {p['memory_mib']} memory {p['memory_mib'] << 20} back 1 parent 1 of ci 1")
        self.say(f"{say}: destroy gi IN_USE")
        self.say(f"{say}: destroy SUCCESS stale INVALID_ARGUMENT")


def side_by_side(starts, size):
    """The first start, and each further one that overlaps none before it: the result of a driver that takes the
    first free span. On aligned boards these are all starts."""
    taken = []
    for start in sorted(starts):
        if not taken or start >= taken[-1] + size:
            taken.append(start)
    return taken


def chosen_in(lines, gpu):
    """{profile id: start} of fills with a choice of placements."""
    found = re.findall(rf"^gpu {gpu} fill (\d+) gi \d+ profile \d+ at (\d+):", "\n".join(lines), re.M)
    return {int(profile): int(start) for profile, start in found}


class NvmlWalk(unittest.TestCase):
    def walk(self, client, *command):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120,
                              stdin=subprocess.DEVNULL, env=harness.as_client(client))
        self.assertEqual(done.returncode, 0, f"{command[0]}: {done.stdout[-500:]}{done.stderr[-2000:]}")
        return done.stdout.splitlines()

    def check(self, lines):
        expected = []
        for gpu, key in enumerate(BOARDS):
            board, chosen = harness.board(key), chosen_in(lines, gpu)
            for profile in board["mig"]["profiles"]:
                self.assertIn(chosen[profile["id"]], profile["starts"], f"{key} {profile['name']}")
            expected += Expected(gpu, board, chosen).all()
        self.assertEqual(lines, expected, "\n".join(list(difflib.unified_diff(expected, lines, "board files", "answers", n=0,
                                                                             lineterm=""))[:40]))
        self.assertGreater(len(lines), 100 * len(BOARDS))

    def test_through_nvidia_ml_py(self):
        self.check(self.walk("nvidia-ml-py", harness.THIRD_PARTY / "venv" / "bin" / "python3", HERE / "walk.py"))

    def test_through_go_nvml(self):
        harness.need_or_skip(self, "go-nvml")
        self.check(self.walk("go-nvml", harness.THIRD_PARTY / "bin" / "walk"))

    def test_through_nvidias_header(self):
        """Compiled against NVIDIA's nvml.h and linked with our library, as C and C++ clients of the driver are."""
        harness.need_or_skip(self, "nvml.h")
        library = harness.binaries().parent / "lib" / "sim" / "libnvidia-ml.so.1"
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "walk")
            sources = [str(path) for path in sorted(HERE.glob("*.cc"))]
            built = subprocess.run(["c++", "-std=c++20", "-Wall", "-Wextra", "-Werror", f"-I{harness.THIRD_PARTY / 'nvml'}",
                                    "-o", program, *sources, str(library)], capture_output=True, text=True, timeout=120)
            self.assertEqual(built.returncode, 0, built.stderr)
            self.check(self.walk("C++ on nvml.h", program))


if __name__ == "__main__":
    harness.main(", ".join(f"1x {key}" for key in BOARDS), "--latency", "none", root=True)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's mig-parted applies, asserts and exports every typical layout on a simulated machine; migctl agrees.

    mig_parted_test.py [board]      two GPUs of that board; default a100-sxm4-40gb

mig-parted is a Go program that reads /proc, /sys and the library by their real names, so it runs inside
`migctl sim shell`.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import harness

if "MIG_TEST_BOARD" not in os.environ:  # only in the inner of harness.main()'s two runs
    os.environ["MIG_TEST_BOARD"] = sys.argv.pop(1) if len(sys.argv) > 1 else "a100-sxm4-40gb"
BOARD = os.environ["MIG_TEST_BOARD"]


def profiles():
    """{profile name: maximum}, from the board's file."""
    return {p["name"].removeprefix("MIG "): p["max_count"] for p in harness.board(BOARD)["mig"]["profiles"]}


def by_slices(slices):
    """The plain profile of that slice count: `3` -> 3g.20gb."""
    return next(name for name in profiles() if re.fullmatch(rf"{slices}g\.\d+gb", name))


def entry(devices, mig_devices=None, enabled=True):
    text = f"    - devices: {devices}\n      mig-enabled: {'true' if enabled else 'false'}\n"
    if enabled:
        text += "      mig-devices:" + ("".join(f"\n        \"{name}\": {count}" for name, count in mig_devices.items())
                                        if mig_devices else " {}") + "\n"
    return text


def layouts():
    """{label: entries}, modelled on the file that mig-parted ships."""
    one, two, three = by_slices(1), by_slices(2), by_slices(3)
    found = {"all-disabled": entry("all", enabled=False), "all-enabled": entry("all")}
    for name, count in profiles().items():
        found[f"all-{name.replace('+', '.')}"] = entry("all", {name: count})
    found["all-balanced"] = entry("all", {one: 2, two: 1, three: 1})
    found["mixed"] = entry("[0]", {one: 7}) + entry("[1]", {three: 1, two: 2})
    found["half"] = entry("[0]", enabled=False) + entry("[1]", {three: 2})
    return found


def smaller():
    """{layout: profile} where mig-parted creates less than possible: of the two one-slice compute profiles of a
    double-memory 1g v0.10.0 takes number 0, with the SMs of a plain 1g (README.md; fixed in go-nvlib#85). Both
    have one name to it; to migctl they differ."""
    return {f"all-{name}": name for name in harness.with_two_full_profiles(BOARD)}


def impossible():
    """{impossible layout: migctl's exit code} (docs/reference/errors.md: no_capacity)."""
    one, three = by_slices(1), by_slices(3)
    return {"too-many": (entry("all", {one: 8}), 9), "too-big": (entry("all", {three: 3}), 9),
            "two-media-extensions": (entry("all", {f"{one}+me": 2}), 9)}


def nonsense():
    """Layouts that mig-parted v0.10.0 reports as applied without any effect; migctl must refuse them (not_supported,
    nothing_matched)."""
    return {"unknown-profile": (entry("all", {"9g.90gb": 1}), 6), "no-such-gpu": (entry("[7]", {by_slices(1): 1}), 4)}


def document(entries):
    return "version: v1\nmig-configs:\n" + "".join(f"  {label}:\n{text}" for label, text in entries.items())


class MigParted(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.file = os.path.join(cls.folder.name, "layouts.yaml")
        with open(cls.file, "w", encoding="utf-8") as out:
            bad = {label: text for label, (text, _) in {**impossible(), **nonsense()}.items()}
            out.write(document({**layouts(), **bad}))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def mig_parted(self, *arguments):
        """Runs mig-parted as on a node; returns (exit code, stdout, stderr)."""
        done = subprocess.run([str(harness.binaries() / "migctl"), "sim", "shell", "box", "--",
                               str(harness.THIRD_PARTY / "bin" / "nvidia-mig-parted"), *arguments],
                              capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
                              env=harness.as_client("mig-parted"))
        return done.returncode, done.stdout, done.stderr

    def works(self, *arguments):
        code, out, err = self.mig_parted(*arguments)
        self.assertEqual(code, 0, f"mig-parted {' '.join(arguments)}:\n{out}{err}")
        return out

    def exports_agree(self):
        theirs = json.loads(self.works("export", "-o", "json"))
        ours = json.loads(harness.migctl("export", "-o", "json"))
        self.assertEqual(ours["mig-configs"]["current"], theirs["mig-configs"]["current"])
        return ours

    def test_what_mig_parted_applies_both_assert_and_export_alike(self):
        for label in [label for label in layouts() if label not in smaller()]:
            with self.subTest(layout=label):
                self.works("apply", "-f", self.file, "-c", label)
                self.works("assert", "-f", self.file, "-c", label)
                harness.migctl("assert", "-f", self.file, "-c", label)
                self.exports_agree()

    def test_of_two_compute_profiles_it_takes_the_smaller_and_migctl_sees_it(self):
        for label, name in smaller().items():
            with self.subTest(layout=label):
                self.works("apply", "-f", self.file, "-c", label)
                self.works("assert", "-f", self.file, "-c", label)
                harness.migctl("assert", "-f", self.file, "-c", label, code=10)
                (ours,) = json.loads(harness.migctl("export", "-o", "json"))["mig-configs"]["current"]
                self.assertEqual(list(ours["mig-devices"]), [harness.smaller_name(BOARD, name)])
                harness.migctl("apply", "-f", self.file, "-c", label)
                harness.migctl("assert", "-f", self.file, "-c", label)
                self.works("assert", "-f", self.file, "-c", label)
                self.exports_agree()

    def test_what_migctl_applies_mig_parted_asserts(self):
        for label in layouts():
            with self.subTest(layout=label):
                harness.migctl("apply", "-f", self.file, "-c", label)
                self.works("assert", "-f", self.file, "-c", label)

    def test_an_export_is_an_input_again(self):
        self.works("apply", "-f", self.file, "-c", "mixed")
        saved = harness.migctl("export")
        with open(os.path.join(self.folder.name, "saved.yaml"), "w", encoding="utf-8") as out:
            out.write(saved)
        self.works("apply", "-f", self.file, "-c", "all-disabled")
        self.works("apply", "-f", os.path.join(self.folder.name, "saved.yaml"), "-c", "current")
        harness.migctl("assert", "-f", self.file, "-c", "mixed")

    def test_another_layout_is_not_asserted(self):
        self.works("apply", "-f", self.file, "-c", "mixed")
        code, _, err = self.mig_parted("assert", "-f", self.file, "-c", "all-balanced")
        self.assertEqual(code, 1, err)
        ours = subprocess.run([str(harness.binaries() / "migctl"), "--sim", "box", "assert", "-f", self.file, "-c",
                               "all-balanced"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        self.assertNotIn(ours.returncode, (0, 1), ours.stdout + ours.stderr)  # 1 would be a usage error

    def test_what_cannot_be_is_refused_by_both(self):
        self.works("apply", "-f", self.file, "-c", "all-enabled")
        for label, (_, code) in impossible().items():
            with self.subTest(layout=label):
                harness.migctl("apply", "-f", self.file, "-c", label, code=code)
                harness.migctl("assert", "-f", self.file, "-c", "all-enabled")
                theirs, out, err = self.mig_parted("apply", "-f", self.file, "-c", label)
                self.assertNotEqual(theirs, 0, out + err)
        self.exports_agree()

    def test_a_file_with_a_name_that_it_does_not_know_is_refused_as_a_whole(self):
        self.works("apply", "-f", self.file, "-c", "all-enabled")
        path = os.path.join(self.folder.name, "special.yaml")
        with open(path, "w", encoding="utf-8") as out:
            out.write(document({"plain": entry("all", {by_slices(1): 2}), "special": entry("all", {f"{by_slices(1)}@14sm": 1})}))
        code, _, err = self.mig_parted("apply", "-f", path, "-c", "plain")
        self.assertEqual(code, 1, err)
        self.assertIn("invalid format", err)
        harness.migctl("assert", "-f", self.file, "-c", "all-enabled")

    def test_what_makes_no_sense_is_refused_by_migctl(self):
        self.works("apply", "-f", self.file, "-c", "mixed")
        for label, (_, code) in nonsense().items():
            with self.subTest(layout=label):
                harness.migctl("apply", "-f", self.file, "-c", label, code=code)
                harness.migctl("assert", "-f", self.file, "-c", "mixed")


if __name__ == "__main__":
    harness.need_root("a private mount namespace")
    harness.main(f"2x {BOARD}", "--latency", "none", client="mig-parted")

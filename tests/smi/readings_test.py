# SPDX-License-Identifier: Apache-2.0
"""nvidia-smi's reading commands on simulated H200s compared with NVIDIA's own on real ones: recordings in the
repository (src/smi/testdata/*_reading_lines.txt), and captures of a machine of two in ../shared/hardware/h200_x2,
if present. readings.py lists each allowed difference."""

import os
import re
import sys
import unittest

import readings
from machine import CAPTURES, ROOT, Machine

GOLDEN = ROOT / "src" / "smi" / "testdata"

# Commands of the repository's recordings whose output differs on purpose.
OTHERWISE = {
    "-x -q": "an idle machine's document is compared in IdleDocument",
}
# Captures of NVIDIA's help, whose wording is not ours. Compared: the exit code, and the names of our options and
# properties.
HELPS = {"dmon_h", "help", "help_accounted-apps", "help_compute-apps", "help_remapped-rows", "help_retired-pages",
         "help_supported-clocks", "mig_h", "nvlink_h", "pmon_h", "topo_h"}
OTHER_TESTS = {"q_x_dtd": "xml_test.py holds documents against it"}
# Captured with a training on GPU 0.
LOADED = {"dmon", "dmon_all", "dmon_gpm", "main", "pmon_um", "q", "q_x"}


def capture_names():
    return sorted(path.stem for path in CAPTURES.glob("*.txt"))


class OwnReadings(unittest.TestCase):
    def check(self, name, machine, count):
        compared, differed = 0, set()
        for words, theirs, code in readings.blocks(GOLDEN / name):
            line = " ".join(words)
            if line in OTHERWISE:
                continue
            with self.subTest(line):
                ours, exit_code = machine.smi(*self.on(machine, words))
                problems, different = readings.compare(words, theirs, ours)
                self.assertEqual(problems, [], f"nvidia-smi {line}")
                self.assertEqual(exit_code, code, f"nvidia-smi {line}")
                differed |= different
                compared += 1
        self.assertEqual(compared, count)
        return differed

    @staticmethod
    def on(machine, words):
        """The words with the PCI addresses of this machine's GPUs: in the capture they were 00:06.0 and 00:07.0."""
        buses = machine.smi("--query-gpu=pci.bus_id", "--format=csv,noheader")[0].split()
        theirs = {"0000:00:06.0": 0, "0:0:7.0": 1}
        return [buses[theirs[word]] if word in theirs and theirs[word] < len(buses) else word for word in words]

    def test_one_h200(self):
        with Machine("1x h200-141gb", "--vm") as machine:
            self.check("h200_580_reading_lines.txt", machine, 153)

    def test_two_h200(self):
        with Machine("2x h200-141gb", "--vm") as machine:
            self.check("h200x2_580_reading_lines.txt", machine, 107)

    def test_detail(self):
        with Machine("1x h200-141gb", "--vm") as machine:
            ours, code = machine.smi("-q")
            self.assertEqual(code, 0)
            problems, _ = readings.compare(["-q"], (GOLDEN / "h200_580_q.txt").read_text(), ours)
            self.assertEqual(problems, [])
            self.assertEqual(machine.smi("-a")[0].count("\n"), ours.count("\n"))

    def test_idle_document(self):
        theirs = dict((" ".join(words), said) for words, said, _ in readings.blocks(GOLDEN / "h200_580_reading_lines.txt"))
        with Machine("1x h200-141gb", "--vm") as machine:
            ours, code = machine.smi("-x", "-q")
            self.assertEqual(code, 0)
            problems, differed = readings.compare(["-x", "-q"], theirs["-x -q"], ours)
            self.assertEqual(problems, [])
            xml_paths = {path for path in readings.ALWAYS_DIFFER if "/" in path and path[0].islower()}
            self.assertEqual(xml_paths - differed, set(), "named as different, but equal by now")


@unittest.skipUnless(CAPTURES.is_dir(), "")
class Captures(unittest.TestCase):
    def check(self, names, machine):
        for name in names:
            (words, theirs, code), = readings.blocks(CAPTURES / f"{name}.txt")
            with self.subTest(name):
                ours, exit_code = machine.smi(*words)
                self.assertEqual(exit_code, code)
                if name in HELPS:
                    self.check_help(name, theirs, ours)
                else:
                    problems, _ = readings.compare(words, theirs, ours)
                    self.assertEqual(problems, [], name)

    def check_help(self, name, theirs, ours):
        if "--help-query-" in theirs or theirs.startswith("List of valid"):
            names = re.compile(r'^"([\w.]+)"(?: or "([\w.]+)")?', re.M)
            self.assertEqual(names.findall(ours), names.findall(theirs))
            return
        # Pairs such as "-s | --select", "-L,   --list-gpus": each of ours must be one of NVIDIA's.
        pairs = re.compile(r"(-[A-Za-z0-9]+)(?: *\| *|, +)(--?[A-Za-z0-9_-]+)")
        known = set(pairs.findall(theirs))
        for pair in pairs.findall(ours):
            self.assertIn(pair, known, name)

    def test_idle(self):
        with Machine("2x h200-141gb", "--vm") as machine:
            self.check([name for name in capture_names() if name not in LOADED and name not in OTHER_TESTS], machine)

    def test_with_a_training(self):
        with Machine("2x h200-141gb", "--vm") as machine, machine.train(0):
            self.check(sorted(LOADED), machine)

    def test_each_capture_is_compared(self):
        self.assertGreaterEqual(len(capture_names()), 39)
        self.assertLessEqual(HELPS | LOADED | set(OTHER_TESTS), set(capture_names()))


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("SKIPPED: readings_test: a driver tells capacities only to root")
        sys.exit(77)
    if not CAPTURES.is_dir():
        print(f"SKIPPED: readings_test.Captures: no {CAPTURES.parent.parent.name}/ beside this checkout; our own readings are compared")
    unittest.main()

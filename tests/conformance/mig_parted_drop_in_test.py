#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our nvidia-mig-parted compared with NVIDIA's: the same command line on the same machine gives the same layouts, lines
and exit codes,
and each restores the other's checkpoint.

Both run inside `migctl sim shell` on one simulated machine, one after the other from the same state.
"""

import json
import os
import re
import subprocess
import tempfile
import unittest

import harness

BOARD = "a100-sxm4-40gb"
LAYOUTS = """version: v1
mig-configs:
  all-disabled:
  - {devices: all, mig-enabled: false}
  all-enabled:
  - {devices: all, mig-enabled: true, mig-devices: {}}
  sevens:
  - {devices: all, mig-enabled: true, mig-devices: {1g.5gb: 7}}
  balanced:
  - {devices: all, mig-enabled: true, mig-devices: {1g.5gb: 2, 2g.10gb: 1, 3g.20gb: 1}}
  mixed:
  - {devices: [0], mig-enabled: true, mig-devices: {3g.20gb: 2}}
  - {device-filter: "0x20B010DE", devices: [1], mig-enabled: true, mig-devices: {2g.10gb: 3, 1g.5gb: 1}}
  thirds:
  - {devices: [0], mig-enabled: true, mig-devices: {1c.3g.20gb: 3, 1g.5gb: 1}}
  - {devices: [1], mig-enabled: false}
  half:
  - {devices: [0], mig-enabled: false}
  - {devices: [1], mig-enabled: true, mig-devices: {4g.20gb: 1}}
"""
LABELS = ["all-disabled", "all-enabled", "sevens", "balanced", "mixed", "thirds", "half"]
HOOKS = """version: v1
hooks:
  apply-start: [{command: /bin/sh, args: ["-c", "echo start; env | grep MIG_PARTED | sort"]}]
  pre-apply-mode: [{command: /bin/sh, args: ["-c", "echo mode"], envs: {A: b}}]
  pre-apply-config: [{command: /bin/sh, args: ["-c", "echo config in $(pwd)"], workdir: /}]
  apply-exit: [{command: /bin/sh, args: ["-c", "echo exit"]}]
"""


def silent(text):
    """Standard error without lines that only ours prints: the mark of a simulated machine, and warnings."""
    return [line for line in text.splitlines() if "level=warning" not in line]


def said(text):
    """Message of the fatal log line, without its time."""
    found = re.findall(r'level=fatal msg="(.*)"$', text, re.M)
    return found[0] if found else None


class DropIn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.file = cls.path("layouts.yaml")
        for name, text in (("layouts.yaml", LAYOUTS), ("hooks.yaml", HOOKS)):
            with open(cls.path(name), "w", encoding="utf-8") as out:
                out.write(text)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    @staticmethod
    def call(program, *words, environment=None, **variables):
        done = subprocess.run([str(harness.binaries() / "migctl"), "sim", "shell", "box", "--", str(program), *words],
                              capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
                              env=dict(environment or os.environ, **variables))
        return done.returncode, done.stdout, done.stderr

    def theirs(self, *words, **variables):
        return self.call(harness.THIRD_PARTY / "bin" / "nvidia-mig-parted", *words,
                         environment=harness.as_client("mig-parted"), **variables)

    def ours(self, *words, **variables):
        return self.call(harness.binaries() / "nvidia-mig-parted", *words, **variables)

    def works(self, program, *words, **variables):
        code, out, err = program(*words, **variables)
        self.assertEqual(code, 0, f"{' '.join(words)}:\n{out}{err}")
        return out

    def from_state(self, label):
        harness.migctl("apply", "-f", self.file, "-c", label)

    @staticmethod
    def places():
        """{GPU: instances with placements and compute instances}"""
        found = harness.migctl_json("list")
        return [(gpu["mig"]["current"],
                 sorted((i["profile"], i["placement"]["start"], sorted(c["profile"] for c in i["computeInstances"]))
                        for i in gpu["gpuInstances"])) for gpu in found["gpus"]]

    @staticmethod
    def counts():
        return [(mode, sorted((profile, inside) for profile, _, inside in instances))
                for mode, instances in DropIn.places()]

    def test_every_transition_gives_the_same_layout_and_line(self):
        for before in LABELS:
            for after in LABELS:
                with self.subTest(before=before, after=after):
                    self.from_state(before)
                    line = self.works(self.theirs, "apply", "-f", self.file, "-c", after)
                    layout = self.counts()
                    exported = self.works(self.theirs, "export")
                    self.from_state(before)
                    self.assertEqual(self.works(self.ours, "apply", "-f", self.file, "-c", after), line)
                    self.assertEqual(self.counts(), layout)
                    self.assertEqual(self.works(self.ours, "export"), exported)

    def test_asserts_agree(self):
        for there in LABELS:
            self.from_state(there)
            for label in LABELS:
                for more in ([], ["-m"]):
                    with self.subTest(there=there, label=label, more=more):
                        words = ["assert", "-f", self.file, "-c", label, *more]
                        theirs, ours = self.theirs(*words), self.ours(*words)
                        self.assertEqual(ours[:2], theirs[:2])
                        self.assertEqual(said(ours[2]), said(theirs[2]))

    def test_exports_agree_to_the_byte(self):
        for label in LABELS:
            self.from_state(label)
            for words in ([], ["-o", "json"], ["-l", "tuesday"], ["--config-label=on", "-o=yaml"]):
                with self.subTest(label=label, words=words):
                    self.assertEqual(self.works(self.ours, "export", *words), self.works(self.theirs, "export", *words))

    def test_each_restores_what_the_other_recorded(self):
        for label in LABELS:
            for record, restore in ((self.theirs, self.ours), (self.ours, self.theirs), (self.ours, self.ours)):
                with self.subTest(label=label, record=record.__name__, restore=restore.__name__):
                    self.from_state(label)
                    layout, saved = self.places(), self.path("saved.json")
                    self.works(record, "checkpoint", "-f", saved)
                    # NVIDIA's switches the mode before it destroys, which the driver refuses while instances exist.
                    self.from_state("all-enabled" if restore == self.theirs else "half" if label != "half" else "sevens")
                    self.assertEqual(self.works(restore, "restore", "-f", saved),
                                     "MIG configuration restored successfully\n")
                    self.assertEqual(self.places(), layout)

    def test_a_checkpoint_says_the_same_in_mig_parteds_members(self):
        def members(value, like):
            if isinstance(like, dict):
                return {key: members(value[key], like[key]) for key in like}
            if isinstance(like, list):
                self.assertEqual(len(value), len(like))
                return [members(one, other) for one, other in zip(value, like)]
            return value
        for label in LABELS:
            with self.subTest(label=label):
                self.from_state(label)
                self.works(self.theirs, "checkpoint", "-f", self.path("theirs.json"))
                self.works(self.ours, "checkpoint", "-f", self.path("ours.json"))
                with open(self.path("theirs.json"), encoding="utf-8") as file:
                    theirs = json.load(file)
                with open(self.path("ours.json"), encoding="utf-8") as file:
                    ours = json.load(file)
                for state in (theirs, ours):
                    for device in state["MigState"]["Devices"]:
                        device["GpuInstances"] = sorted(device["GpuInstances"] or [],
                                                        key=lambda i: (i["Placement"]["Start"], i["ProfileID"]))
                self.assertEqual(members(ours, theirs), theirs)

    def test_hooks_run_alike(self):
        for before, after in (("all-disabled", "mixed"), ("mixed", "sevens"), ("mixed", "mixed"), ("sevens", "all-disabled")):
            with self.subTest(before=before, after=after):
                words = ["-d", "apply", "-f", self.file, "-c", after, "-k", self.path("hooks.yaml")]
                lines = []
                for program in (self.theirs, self.ours):
                    self.from_state(before)
                    code, out, err = program(*words)
                    self.assertEqual(code, 0, out + err)
                    lines.append([line for line in (out + "\n" + err).splitlines()
                                  if re.match(r"(start|mode|config in|exit|MIG_PARTED_)", line)])
                theirs, ours = lines
                if after == "all-disabled":  # nothing left to hook: NVIDIA's re-checks after the mode
                    ours = [line for line in ours if not line.startswith("config")]
                    theirs = [line for line in theirs if not line.startswith("config")]
                self.assertEqual(ours, theirs)
                self.assertIn("MIG_PARTED_SELECTED_CONFIG=" + after, ours)

    def test_variables_are_read_alike(self):
        variables = {"MIG_PARTED_CONFIG_FILE": self.file, "MIG_PARTED_SELECTED_CONFIG": "mixed",
                     "MIG_PARTED_OUTPUT_FORMAT": "json", "MIG_PARTED_CHECKPOINT_FILE": self.path("variable.json")}
        self.works(self.ours, "apply", **variables)
        self.works(self.theirs, "assert", **variables)
        self.assertEqual(self.works(self.ours, "export", **variables), self.works(self.theirs, "export", **variables))
        self.works(self.ours, "checkpoint", **variables)
        self.from_state("sevens")
        self.works(self.theirs, "restore", **variables)
        self.works(self.ours, "assert", **variables)

    def test_refusals_agree(self):
        for words in (["apply"], ["apply", "-f", "/nonexistent"], ["apply", "-f", self.file],
                      ["apply", "-f", self.file, "-c", "nope"], ["assert"], ["checkpoint"], ["restore"],
                      ["export", "-o", "xml"], ["restore", "-f", "/nonexistent"], ["apply", "--bogus"]):
            with self.subTest(words=words):
                theirs, ours = self.theirs(*words), self.ours(*words)
                self.assertEqual((ours[0], theirs[0]), (1, 1))
                self.assertTrue(said(ours[2]), ours)
                if "/nonexistent" not in words:  # the reason is the system's error text, worded differently
                    self.assertEqual(said(ours[2]), said(theirs[2]))


if __name__ == "__main__":
    harness.need_root("a private mount namespace")
    harness.main(f"2x {BOARD}", "--latency", "none", client="mig-parted")

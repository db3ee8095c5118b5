#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`migctl cdi generate` against NVIDIA's `nvidia-ctk cdi generate`, of the same machine, field by field. Every difference
is one that docs/reference/cdi.md explains; any other fails.
"""

import json
import os
import tempfile
import unittest

import harness
import node

CTK = harness.THIRD_PARTY / "toolkit" / "nvidia-ctk"
# What CDI says of a node that says nothing.
DEFAULTS = {"type": "c", "permissions": "rwm"}


def nodes(edits):
    return {device["path"]: {**DEFAULTS, **device} for device in edits.get("deviceNodes", [])}


class Compare(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        for gpu, profiles in (("0", ["3g.20gb", "2g.10gb", "1g.5gb+me", "1g.5gb"]), ("1", ["1g.35gb", "3g.71gb"])):
            harness.migctl("mode", "enable", "-i", gpu)
            for profile in profiles:
                harness.migctl("create", "-i", gpu, profile)
        harness.migctl("slot", "set", "train-a", "--gpu", "0", "--profile", "3g.20gb", "--placement",
                       cls.place_of("3g.20gb"))
        cls.ours = json.loads(harness.migctl("cdi", "generate", "--output", "-"))
        cls.theirs = cls.ctk()

    @staticmethod
    def place_of(profile):
        found = next(i for i in harness.migctl_json("list")["gpus"][0]["gpuInstances"] if i["profile"] == profile)
        return f"{found['placement']['start']}:{found['placement']['size']}"

    @staticmethod
    def ctk():
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "nvidia.json")
            code, _, err = node.in_shell("nvidia-ctk", CTK, "cdi", "generate", "--format", "json", "--output", path,
                                         options=["--char-devices"])
            if code != 0:
                raise AssertionError(err)
            with open(path, encoding="utf-8") as file:
                return json.load(file)

    def check(self, ours, theirs):
        """The same nodes, and each field that theirs has; what theirs leaves to its reader is test_numbers' matter."""
        ours, theirs = nodes(ours), nodes(theirs)
        self.assertEqual({path: {field: ours[path].get(field) for field in fields} for path, fields in theirs.items()}, theirs)
        self.assertEqual(set(ours), set(theirs))

    def test_numbers_and_modes_are_those_of_the_nodes(self):
        """Theirs are compared with ours elsewhere, as far as it says them (1.18.0 said none)."""
        code, out, err = node.in_shell("stat", "sh", "-c", "stat -c '%n %t %T %a' /dev/nvidia* /dev/nvidia-caps/* 2>/dev/null",
                                       options=["--char-devices"])
        self.assertEqual(code, 0, err)
        there = {}
        for line in out.splitlines():
            path, major, minor, mode = line.split()
            there[path] = (int(major, 16), int(minor, 16), int(mode, 8))
        for edits in [self.ours["containerEdits"], *(device["containerEdits"] for device in self.ours["devices"])]:
            for path, fields in nodes(edits).items():
                self.assertEqual((fields["major"], fields["minor"], fields["fileMode"]), there[path], path)

    def test_version_and_kind(self):
        for field in ("cdiVersion", "kind"):
            self.assertEqual(self.ours[field], self.theirs[field], field)
        self.assertEqual(set(self.ours), set(self.theirs))

    def test_every_device_of_theirs_is_in_ours_with_the_same_nodes(self):
        ours = {device["name"]: device["containerEdits"] for device in self.ours["devices"]}
        for device in self.theirs["devices"]:
            with self.subTest(device=device["name"]):
                self.check(ours[device["name"]], device["containerEdits"])

    def test_further_names_are_ordinals_and_slots(self):
        further = {device["name"] for device in self.ours["devices"]} - {device["name"] for device in self.theirs["devices"]}
        self.assertEqual(further, {"3g.20gb-0", "2g.10gb-0", "1g.5gb.me-0", "1g.5gb-0", "1g.35gb-0", "3g.71gb-0", "train-a"})

    def test_common_nodes(self):
        self.check(self.ours["containerEdits"], self.theirs["containerEdits"])

    def test_environment(self):
        ours, theirs = (dict(one.split("=", 1) for one in spec["containerEdits"]["env"]) for spec in (self.ours, self.theirs))
        self.assertEqual(ours.pop("NVIDIA_VISIBLE_DEVICES"), theirs.pop("NVIDIA_VISIBLE_DEVICES"))
        self.assertEqual(set(ours), {"MIGSIM_MACHINE"})  # of a simulated machine only
        self.assertEqual(set(theirs) - {"NVIDIA_CTK_LIBCUDA_DIR"}, set())  # for their hooks

    def test_the_older_hook_is_told_to_do_nothing(self):
        """By the variable above, and by a mount."""
        def told(spec):
            return [mount["containerPath"] for mount in spec["containerEdits"]["mounts"] if mount["hostPath"] == "/dev/null"]
        self.assertEqual(told(self.ours), told(self.theirs))
        self.assertEqual(len(told(self.ours)), 1)

    def test_hooks(self):
        self.assertEqual(self.ours["containerEdits"].get("hooks", []), [])
        names = {hook["args"][1] for hook in self.theirs["containerEdits"]["hooks"]}
        self.assertLessEqual(names, {"create-symlinks", "enable-cuda-compat", "update-ldcache",
                                     "disable-device-node-modification", "update-application-profile"})

    def test_mount_options(self):
        def options(spec):
            return {frozenset(mount["options"]) for mount in spec["containerEdits"]["mounts"]}
        read_only = frozenset(["ro", "nosuid", "nodev", "rbind", "rprivate"])
        self.assertIn(read_only, options(self.theirs))
        writable = [m["hostPath"] for m in self.ours["containerEdits"]["mounts"] if set(m["options"]) != read_only]
        self.assertEqual([os.path.basename(path) for path in writable], ["machine.state"])  # of a simulated machine


if __name__ == "__main__":
    harness.need_root("device nodes in a private mount namespace")
    harness.main("1x a100-sxm4-40gb, 1x h200-141gb, 1x a30-24gb", "--latency", "none", client="nvidia-ctk")

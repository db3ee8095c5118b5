#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""NVIDIA Container Toolkit's `nvidia-ctk cdi generate` and `cdi list` list exactly the machine's devices: each MIG
device with the
nodes of its GPU, GPU instance and compute instance, each GPU without MIG with its own.

nvidia-ctk requires character devices, so the shell is `migctl sim shell --char-devices`; and it looks for the driver's
libraries, which are an empty file in the machine's tree (docs/simulator.md).
"""

import json
import os
import tempfile
import unittest

import harness
import node

CTK = harness.THIRD_PARTY / "toolkit" / "nvidia-ctk"
CONTROL = {"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"}


def nodes(edits):
    return {device["path"] for device in edits["deviceNodes"]}


class ContainerToolkit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for gpu, profiles in (("0", ["3g.20gb", "2g.10gb", "1g.5gb+me", "1g.5gb"]), ("1", ["1g.35gb", "3g.71gb"])):
            harness.migctl("mode", "enable", "-i", gpu)
            for profile in profiles:
                harness.migctl("create", "-i", gpu, profile)
        harness.migctl("smi", "mig", "-i", "1", "-cgi", "2g.35gb")  # and two compute instances in it
        gi = max(harness.migctl_json("list")["gpus"][1]["gpuInstances"], key=lambda i: not i["computeInstances"])
        harness.migctl("smi", "mig", "-i", "1", "-gi", str(gi["id"]), "-cci", "0,0")
        cls.folder = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def ctk(self, *words):
        code, out, err = node.in_shell("nvidia-ctk", CTK, *words, options=["--char-devices"])
        self.assertEqual(code, 0, err)
        return out

    def generate(self, *words):
        """Writes the specification to a file, as a service would."""
        path = os.path.join(self.folder.name, "nvidia.json")
        self.ctk("cdi", "generate", "--format", "json", "--library-search-path", node.tree() / "usr/lib/x86_64-linux-gnu",
                 "--output", path, *words)
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def expected(self, named):
        """{name: nodes} for the names that named(GPU or None, MIG device or None) returns."""
        gpus, migs = node.devices()
        found = {name: {f"/dev/nvidia{gpu['index']}"} for gpu in gpus for name in named(gpu, None)}
        found.update({name: mig.nodes for mig in migs for name in named(None, mig)})
        found["all"] = set().union(*found.values())
        return found

    def check(self, spec, named):
        self.assertEqual({device["name"]: nodes(device["containerEdits"]) for device in spec["devices"]}, self.expected(named))

    def test_every_device_by_index_and_uuid_with_its_nodes(self):
        spec = self.generate()
        self.check(spec, lambda gpu, mig: [str(gpu["index"]), gpu["uuid"]] if gpu else [f"{mig.gpu}:{mig.index}", mig.uuid])
        self.assertEqual(len(spec["devices"]), 2 * (1 + 4 + 4) + 1)
        self.assertEqual((spec["kind"], nodes(spec["containerEdits"])), ("nvidia.com/gpu", CONTROL))
        words = [word for hook in spec["containerEdits"]["hooks"] for word in hook["args"]]
        self.assertIn(f"--host-driver-version={harness.migctl_json('list')['driverVersion']}", words)

    def test_other_names(self):
        self.check(self.generate("--device-name-strategy", "type-index"),
                   lambda gpu, mig: [f"gpu{gpu['index']}"] if gpu else [f"mig{mig.gpu}:{mig.index}"])
        self.check(self.generate("--device-name-strategy", "uuid"), lambda gpu, mig: [gpu["uuid"] if gpu else mig.uuid])

    def test_the_list_has_the_names(self):
        self.generate()
        listed = self.ctk("cdi", "list", "--spec-dir", self.folder.name).split()
        names = self.expected(lambda gpu, mig: [str(gpu["index"]), gpu["uuid"]] if gpu else [f"{mig.gpu}:{mig.index}", mig.uuid])
        self.assertEqual(sorted(listed), sorted(f"nvidia.com/gpu={name}" for name in names))

    def test_a_change_is_in_the_next_specification(self):
        before = self.generate()
        gpu = harness.migctl_json("list")["gpus"][0]
        gone = next(i for i in gpu["gpuInstances"] if i["profile"] == "2g.10gb")
        harness.migctl("destroy", "-i", "0", "--gi", str(gone["id"]))
        after = self.generate("--device-name-strategy", "uuid")
        self.check(after, lambda gpu, mig: [gpu["uuid"] if gpu else mig.uuid])
        uuid = gone["computeInstances"][0]["uuid"]
        self.assertIn(uuid, [device["name"] for device in before["devices"]])
        self.assertNotIn(uuid, [device["name"] for device in after["devices"]])
        harness.migctl("create", "-i", "0", "2g.10gb")

    def test_it_finds_the_drivers_files_where_packages_put_them(self):
        """Without path options: found in the loader's folder and /usr/bin, as on a machine with a driver."""
        edits = json.loads(self.ctk("cdi", "generate", "--format", "json"))["containerEdits"]
        mounts = {mount["containerPath"] for mount in edits["mounts"]}
        version = harness.migctl_json("list")["driverVersion"]
        self.assertIn("/usr/bin/nvidia-smi", mounts)
        self.assertEqual({os.path.basename(path) for path in mounts if "/lib" in path},
                         {f"libcuda.so.{version}", f"libnvidia-ml.so.{version}"})

    def test_plain_files_are_no_devices_to_it(self):
        """Without --char-devices no device can be passed into a container, and nvidia-ctk reports that."""
        code, _, err = node.in_shell("nvidia-ctk", CTK, "cdi", "generate", "--library-search-path",
                                     node.tree() / "usr/lib/x86_64-linux-gnu")
        self.assertIn("Could not locate /dev/nvidia0", err)
        self.assertNotEqual(code, 0, err)


if __name__ == "__main__":
    harness.need_root("device nodes in a private mount namespace")
    harness.main("1x a100-sxm4-40gb, 1x h200-141gb, 1x a30-24gb", "--latency", "none", client="nvidia-ctk")

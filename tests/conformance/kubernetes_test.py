#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's GPU feature discovery (one shot) and Kubernetes device plugin on machines with MIG layouts, in each
strategy: the labels match the layout and the board file, the resources match the devices, and an allocation returns
their nodes. The plugin talks to go/kubelet, a minimal kubelet, whose folder is a tmpfs of the shell's mount namespace.
"""

import json
import os
import re
import tempfile
import unittest

import harness
import node

BIN = harness.THIRD_PARTY / "bin"
BOARD = "a100-sxm4-40gb"
STRATEGIES = ("none", "single", "mixed")
CONTROL = {"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"}
MIXED = ["3g.20gb", "2g.10gb", "1g.5gb+me", "1g.5gb"]


def dotted(profile):
    """A profile name as Kubernetes writes it: 1g.5gb.me."""
    return profile.replace("+", ".")


def product():
    return harness.board(BOARD)["identity"]["name"].replace(" ", "-")


def board_profile(name):
    return next(p for p in harness.board(BOARD)["mig"]["profiles"] if p["name"] == f"MIG {name}")


def about(prefix, profile, count):
    """The labels of one kind of MIG device."""
    found, whole = board_profile(profile), f"{product()}-MIG-{dotted(profile)}"
    compute = next(c for c in found["compute_profiles"] if c["slices"] == found["slices"])
    engines = found["engines"]
    return {f"{prefix}.product": whole, f"{prefix}.count": str(count), f"{prefix}.memory": str(found["memory_mib"]),
            f"{prefix}.multiprocessors": str(compute["sm"]), f"{prefix}.slices.gi": str(found["slices"]),
            f"{prefix}.slices.ci": str(compute["slices"]), f"{prefix}.engines.copy": str(engines["ce"]),
            f"{prefix}.engines.decoder": str(engines["dec"]), f"{prefix}.engines.encoder": str(engines["enc"]),
            f"{prefix}.engines.jpeg": str(engines["jpeg"]), f"{prefix}.engines.ofa": str(engines["ofa"])}


class Kubernetes(unittest.TestCase):
    def layout(self, *per_gpu):
        """Creates a layout: a list of profiles for each GPU; None: no MIG."""
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("version: v1\nmig-configs:\n  wanted:\n")
            for index, profiles in enumerate(per_gpu):
                counts = {name: profiles.count(name) for name in profiles or []}
                file.write(f"  - devices: [{index}]\n    mig-enabled: {json.dumps(profiles is not None)}\n"
                           + (f"    mig-devices: {json.dumps(counts)}\n" if profiles is not None else ""))
            file.flush()
            harness.migctl("apply", "-f", file.name, "-c", "wanted")
        return node.devices()

    def labels(self, strategy):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "gfd")
            code, out, err = node.in_shell("gpu-feature-discovery", BIN / "gpu-feature-discovery", "--oneshot", "--no-timestamp",
                                           "--mig-strategy", strategy, "--output-file", path)
            self.assertEqual(code, 0, out + err)
            with open(path, encoding="utf-8") as file:
                return {key.removeprefix("nvidia.com/"): value for key, value in
                        (line.split("=", 1) for line in file.read().splitlines())}

    def resources(self, strategy, count):
        """{resource: what the plugin returns for each of its devices}"""
        script = f"mount -t tmpfs none /var/lib && exec {BIN}/kubelet {count} {BIN}/nvidia-device-plugin " \
                 f"--mig-strategy={strategy} --pass-device-specs"
        code, out, err = node.in_shell("nvidia-device-plugin", "sh", "-c", script)
        self.assertEqual(code, 0, err)
        return {name.removeprefix("nvidia.com/"): devices for name, devices in json.loads(out).items()}

    def check_devices(self, given, expected):
        """expected: {id: nodes}."""
        self.assertEqual({one["id"]: set(one["devices"]) for one in given},
                         {uuid: CONTROL | nodes for uuid, nodes in expected.items()})
        for one in given:
            self.assertEqual((one["health"], one["envs"]), ("Healthy", {"NVIDIA_VISIBLE_DEVICES": one["id"]}))

    @staticmethod
    def of_gpus(gpus):
        return {gpu["uuid"]: {f"/dev/nvidia{gpu['index']}"} for gpu in gpus}

    @staticmethod
    def of_migs(migs):
        return {mig.uuid: mig.nodes for mig in migs}

    def includes(self, labels, wanted):
        self.assertEqual({key: labels.get(key) for key in wanted}, wanted)

    def test_labels_of_the_machine(self):
        self.layout(None, None)
        driver = harness.migctl_json("list")["driverVersion"]
        board = harness.board(BOARD)
        for strategy in STRATEGIES:
            with self.subTest(strategy=strategy):
                labels = self.labels(strategy)
                self.includes(labels, {
                    "cuda.driver-version.full": driver, "gpu.count": "2", "gpu.product": product(), "gpu.family": "ampere",
                    "gpu.memory": str(board["memory"]["total_bytes"] >> 20), "gpu.compute.major": "8", "gpu.compute.minor": "0",
                    "mig.capable": "true", "vgpu.present": "false", "gpu.sharing-strategy": "none"})
                self.assertEqual(labels.get("mig.strategy"), None if strategy == "none" else strategy)
                self.assertFalse([key for key in labels if key.startswith("mig-")])

    def test_mixed_labels_are_the_layout(self):
        self.layout(MIXED, None)
        labels = self.labels("mixed")
        wanted = {}
        for profile in MIXED:
            wanted.update(about(f"mig-{dotted(profile)}", profile, 1))
        self.includes(labels, wanted)
        kinds = {match[1] for key in labels if (match := re.match(r"mig-(\d+g\.\d+gb(?:\.me)?)\.count$", key))}
        self.assertEqual(kinds, {dotted(profile) for profile in MIXED})
        self.includes(labels, {"mig.strategy": "mixed", "gpu.product": product(), "mig.capable": "true"})

    def test_single_labels_are_the_one_profile(self):
        for profile, count in (("1g.5gb", 7), ("3g.20gb", 2)):
            with self.subTest(profile=profile):
                self.layout([profile] * count, [profile] * count)
                self.includes(self.labels("single"), about("gpu", profile, 2 * count) | {"mig.strategy": "single"})

    def test_single_refuses_what_is_not_of_one_kind(self):
        for layout in ((MIXED, MIXED), (["1g.5gb"] * 7, None), ([], [])):
            with self.subTest(layout=layout):
                self.layout(*layout)
                self.includes(self.labels("single"), {"gpu.product": f"{product()}-MIG-INVALID", "gpu.count": "0",
                                                      "gpu.memory": "0"})

    def test_none_sees_whole_gpus(self):
        self.layout(MIXED, None)
        labels = self.labels("none")
        self.includes(labels, {"gpu.product": product(), "gpu.count": "2"})
        self.assertFalse([key for key in labels if key.startswith("mig-") or key == "mig.strategy"])

    def test_mixed_resources_are_the_devices(self):
        gpus, migs = self.layout(MIXED, None)
        given = self.resources("mixed", 4)
        self.check_devices(given.pop("gpu"), self.of_gpus(gpus))
        # v0.18.0 matches profiles by name prefix: 1g.5gb+me appears as 1g.5gb.
        resources = {name: {name} for name in MIXED if "+" not in name} | {"1g.5gb": {"1g.5gb", "1g.5gb+me"}}
        self.assertEqual(set(given), {f"mig-{name}" for name in resources})
        for name, profiles in resources.items():
            self.check_devices(given[f"mig-{name}"], self.of_migs(m for m in migs if m.profile in profiles))

    def test_single_resources_are_the_devices(self):
        _, migs = self.layout(["1g.5gb"] * 7, ["1g.5gb"] * 7)
        given = self.resources("single", 1)
        self.assertEqual((set(given), len(given["gpu"])), ({"gpu"}, 14))
        self.check_devices(given["gpu"], self.of_migs(migs))

    def test_none_resources_are_the_gpus(self):
        gpus, _ = self.layout(None, None)
        self.check_devices(self.resources("none", 1)["gpu"], self.of_gpus(gpus))


if __name__ == "__main__":
    harness.need_root("a mount namespace")
    harness.main(f"2x {BOARD}", "--latency", "none", client="k8s-device-plugin")

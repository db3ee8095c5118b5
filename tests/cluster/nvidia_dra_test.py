#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's DRA driver 0.4.1, unmodified, on the simulated machine in the real cluster: it publishes the board's devices, and a
pod gets the 3g instance that its claim asks for; an old-style pod gets a 1g. What it does wrong is measured in
bench/kubernetes, beside ours.
"""

import unittest

import cluster
import drivers
import pods


class NvidiaDra(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.own = cluster.Cluster()
        cls.own.__enter__()
        cls.addClassCleanup(cls.own.__exit__)
        cls.driver = drivers.NvidiaDra(cls.own).start()
        cls.driver.classes(("3g.71gb", "1g.18gb"))

    def test_it_reads_the_machine_as_a_real_one(self):
        devices = self.driver.devices()
        one = next(device for device in devices if device["attributes"]["type"] == {"string": "mig"})
        self.assertEqual(one["attributes"]["productName"], {"string": "NVIDIA H200"})
        # From /sys/bus/pci/devices, whose entries are links.
        self.assertRegex(one["attributes"]["resource.kubernetes.io/pcieRoot"]["string"], "^pci0000:[0-9a-f]{2}$")
        profiles = {device["attributes"]["profile"]["string"] for device in devices if "profile" in device["attributes"]}
        self.assertGreaterEqual(profiles, {"1g.18gb", "2g.35gb", "3g.71gb", "4g.71gb", "7g.141gb"})

    def run_on_an_instance(self, pod, profile):
        self.own.api.create(pod)
        name = pod["metadata"]["name"]
        self.own.wait_for_phase(name, "Running")
        (made,) = self.own.node.instances()
        self.assertEqual(made[1], profile)
        wrote = self.own.node.exec(name, "sh", "-c", "env; ls -l /dev/nvidia-caps")
        self.assertEqual(wrote.count("nvidia-cap"), 2, wrote)
        self.own.remove_pod(name)
        self.own.wait("the instance is gone with its pod", lambda: not self.own.node.instances())

    def test_a_pod_with_a_claim_has_its_instance(self):
        self.run_on_an_instance(pods.with_claim("claims", "mig-3g-71gb"), "3g.71gb")

    def test_an_old_style_pod_has_one_too(self):
        self.run_on_an_instance(pods.with_resource("old", "nvidia.com/mig-1g.18gb"), "1g.18gb")


if __name__ == "__main__":
    cluster.main("nvidia-dra", "nvidia-ctk")

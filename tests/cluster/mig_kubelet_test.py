#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mig-kubelet in the real cluster, with the rights and classes that are delivered: pods get instances by claim and as an
extended resource, run mig-workload on them, and give them back."""

import json
import unittest

import cluster
import drivers
import pods

PROFILES = ("1g.18gb", "2g.35gb", "3g.71gb", "4g.71gb")


class MigKubelet(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # With the kubelet's own pace: what it asks again a minute after a refusal would be too late for these tests.
        cls.own = cluster.Cluster()
        cls.own.__enter__()
        cls.addClassCleanup(cls.own.__exit__)
        cls.driver = drivers.MigKubelet(cls.own).start()
        cls.driver.classes(PROFILES)

    def tearDown(self):
        """What a test that failed has left is no business of the next."""
        self.own.node.inject("--clear")
        for pod in self.own.api.list("Pod"):
            self.own.api.delete("Pod", pod["metadata"]["name"])
        self.own.wait("no pod is left", lambda: not self.own.api.list("Pod"))

    def none_left(self):
        self.own.wait(lambda: f"no instance is left: {self.own.node.instances()}\n{self.driver.component.tail()}",
                      lambda: not self.own.node.instances())

    def run_on_an_instance(self, pod, profile):
        self.own.api.create(pod)
        name = pod["metadata"]["name"]
        self.own.wait_for_phase(name, "Running")
        (made,) = self.own.node.instances()
        self.assertEqual(made[1], profile)
        said = json.loads(self.own.node.exec(name, "mig-workload", "train", "--steps", "5", "--json"))
        self.assertIn(f"MIG {profile}", said["device"])
        (lease,) = self.own.node.json("lease", "list")["leases"]
        self.assertIn(made[3], json.dumps(lease))
        self.own.remove_pod(name)
        self.none_left()

    def test_a_claim(self):
        self.run_on_an_instance(pods.with_claim("claims", "mig-3g-71gb"), "3g.71gb")

    def test_an_old_style_pod(self):
        self.run_on_an_instance(pods.with_resource("old", "nvidia.com/mig-1g.18gb"), "1g.18gb")

    def test_small_instances_leave_room_for_a_large_one(self):
        names = ("small-1", "small-2", "large")
        for name, profile in zip(names, ("1g-18gb", "2g-35gb", "4g-71gb")):
            self.own.api.create(pods.with_claim(name, f"mig-{profile}"))
            self.own.wait_for_phase(name, "Running")
        self.assertEqual(sorted(one[1] for one in self.own.node.instances()), ["1g.18gb", "2g.35gb", "4g.71gb"])
        for name in names:
            self.own.remove_pod(name)
        self.none_left()

    def test_a_failed_call_is_made_good(self):
        for call in ("nvmlGpuInstanceCreateComputeInstance", "nvmlGpuInstanceCreateComputeInstanceWithPlacement"):
            self.own.node.inject("--call", call, "--nth", "1", "--fail", "NVML_ERROR_INSUFFICIENT_RESOURCES")
        self.own.api.create(pods.with_claim("victim", "mig-3g-71gb"))
        self.own.wait_for_phase("victim", "Running")
        self.assertEqual(len(self.own.node.instances()), 1)
        self.own.remove_pod("victim")
        self.none_left()

    def test_killed_beside_a_running_pod(self):
        self.own.api.create(pods.with_claim("stays", "mig-2g-35gb"))
        self.own.wait_for_phase("stays", "Running")
        (before,) = self.own.node.instances()
        node = self.own.node
        self.own.crash(self.driver.component, node.migd, node.kubelet, node.containerd)
        self.own.api.create(pods.with_claim("after", "mig-1g-18gb"))
        self.own.wait_for_phase("after", "Running")
        self.assertIn(before, self.own.node.instances())
        for name in ("stays", "after"):
            self.own.remove_pod(name)
        self.none_left()


if __name__ == "__main__":
    if not (cluster.programs.BIN / "mig-kubelet").exists():
        cluster.engine.skip("mig-kubelet is not built")
    cluster.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mig-kubelet as a device plugin beside the real kubelet: the node's allocatable resources follow the layout, a pod computes on
the one instance that it was given, and the lease in migd lives as long as the pod, whoever is killed meanwhile."""

import json
import time
import unittest

import cluster
import drivers
import pods
import verdict

SMALL, MIDDLE = "nvidia.com/mig-1g.18gb", "nvidia.com/mig-2g.35gb"
LAYOUT = {SMALL: 2, MIDDLE: 1}
XID = 94  # contained memory error: of one instance
CLEARED = "mig.migctl.dev/health-cleared"


class DevicePlugin(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.own = cluster.Cluster(kubelet={"syncFrequency": "5s", "nodeStatusUpdateFrequency": "1s"})
        cls.own.__enter__()
        cls.addClassCleanup(cls.own.__exit__)
        cls.node = cls.own.node
        cls.node.migctl("mode", "enable", "-i", "0")
        cls.node.migctl("create", "-i", "0", "2g.35gb", "1g.18gb", "1g.18gb")
        cls.driver = drivers.MigKubelet(cls.own, mode="device-plugin").start()

    def setUp(self):
        self.offered(LAYOUT)

    def tearDown(self):
        """What a test that failed has left is no business of the next."""
        for pod in self.own.api.list("Pod"):
            self.own.api.delete("Pod", pod["metadata"]["name"])
        self.own.wait("no pod is left", lambda: not self.own.api.list("Pod"))
        # By itself it is given back half a minute after it was taken, at the earliest; one test waits for that.
        for lease in self.node.json("lease", "list")["leases"]:
            self.node.migctl("lease", "release", str(lease["id"]))

    def given_back(self, stays):
        self.own.wait(lambda: f"only {stays} is leased: {self.leased()}\n{self.driver.component.tail()}",
                      lambda: set(self.leased()) == set(stays), 2 * verdict.PATIENCE_S)

    def offered(self, wanted):
        self.own.wait(lambda: f"the node has {wanted}: {self.driver.allocatable()}\n{self.driver.component.tail()}",
                      lambda: self.driver.allocatable() == wanted)

    def leased(self):
        """Resource by instance, as migd knows it."""
        return {one["uuid"]: one.get("job", "") for one in self.node.json("lease", "list")["leases"]}

    def run_pod(self, name, resource):
        """The instance that a new pod with a running workload has got."""
        before = self.leased()
        self.own.api.create(pods.with_resource(name, resource, command=pods.TRAIN))
        self.own.wait_for_phase(name, "Running")
        (uuid,) = set(self.leased()) - set(before)
        self.assertEqual(self.leased()[uuid], f"kubelet:{resource}")
        return uuid

    def in_pod(self, name, *words):
        (container,) = self.node.crictl("ps", "--quiet", "--label", f"io.kubernetes.pod.name={name}").stdout.split()
        return self.node.crictl("exec", "--sync", container, "mig-workload", *words, code=None)

    def sees(self, name, uuid):
        """The pod sees this instance and cannot open the others."""
        for _, profile, _, other, _ in self.node.instances():
            said = self.in_pod(name, "info", "--look-only", "--json", "--device", other)
            if other == uuid:
                self.assertEqual(said.returncode, 0, said.stdout + said.stderr)
                self.assertIn(f"MIG {profile}", json.loads(said.stdout)["device"])
            else:
                self.assertNotEqual(said.returncode, 0, f"{name} opened {other}: {said.stdout}")
                self.assertIn("exited with 3", said.stderr, "3: no device")

    def count_in_log(self, text):
        return self.driver.component.log.read_text().count(text)

    def test_each_pod_has_one_instance(self):
        first, second = self.run_pod("first", SMALL), self.run_pod("second", SMALL)
        self.assertNotEqual(first, second)
        self.sees("first", first)
        self.sees("second", second)
        self.own.api.create(pods.with_resource("third", SMALL))
        self.own.wait(lambda: f"the third has no place: {self.own.api.events('third')}",
                      lambda: any("Insufficient nvidia.com/mig-1g.18gb" in event for event in self.own.api.events("third")))
        self.own.remove_pod("first")
        self.own.wait_for_phase("third", "Running")
        self.sees("third", first)
        self.assertEqual(set(self.leased()), {first, second})

    def test_a_layout_change_is_seen_beside_a_pod(self):
        uuid = self.run_pod("stays", MIDDLE)
        gone = [one for one in self.node.instances() if one[1] == "1g.18gb"]
        for one in gone:
            self.destroy(one)
        self.offered({MIDDLE: 1})
        self.node.migctl("create", "-i", "0", "3g.71gb")
        self.offered({MIDDLE: 1, "nvidia.com/mig-3g.71gb": 1})
        self.run_pod("large", "nvidia.com/mig-3g.71gb")
        self.sees("stays", uuid)
        self.own.remove_pod("large")
        self.given_back([uuid])
        (large,) = [one for one in self.node.instances() if one[1] == "3g.71gb"]
        self.destroy(large)
        self.node.migctl("create", "-i", "0", *(f"1g.18gb:{one[2]}" for one in gone))
        self.offered(LAYOUT)
        self.sees("stays", uuid)

    def test_killed_beside_a_running_pod(self):
        uuid = self.run_pod("stays", SMALL)
        registered = self.count_in_log("registered nvidia.com/mig-1g.18gb")
        told = len(self.driver.component.log.read_text())
        self.own.crash(self.driver.component)
        self.own.wait(lambda: f"it is registered again: {self.driver.component.tail()}",
                      lambda: self.count_in_log("registered nvidia.com/mig-1g.18gb") > registered)
        self.offered(LAYOUT)
        other = self.run_pod("after", SMALL)
        self.assertEqual(set(self.leased()), {uuid, other})
        self.sees("stays", uuid)
        self.assertNotIn("2 devices, 1 healthy", self.driver.component.log.read_text()[told:], "the pod's own work is no fault")

    def test_the_kubelet_is_restarted(self):
        uuid = self.run_pod("stays", SMALL)
        registered = self.count_in_log("registered nvidia.com/mig-1g.18gb")
        self.own.crash(self.node.kubelet, self.node.containerd)
        self.own.wait(lambda: f"it is registered again: {self.driver.component.tail()}",
                      lambda: self.count_in_log("registered nvidia.com/mig-1g.18gb") > registered)
        self.offered(LAYOUT)
        other = self.run_pod("after", SMALL)
        self.assertEqual(set(self.leased()), {uuid, other})
        self.assertEqual(self.own.api.phase("stays"), "Running")

    def test_an_instance_with_an_xid_is_not_given(self):
        ill, well = self.run_pod("ill", SMALL), self.run_pod("well", SMALL)
        (number,) = [one[4] for one in self.node.instances() if one[3] == ill]
        self.node.inject("--xid", str(XID), "--gpu", "0", "--gi", str(number), "--ci", "0")
        self.offered({SMALL: 1, MIDDLE: 1})
        self.assertEqual([self.own.api.phase(one) for one in ("ill", "well")], ["Running", "Running"])
        self.own.remove_pod("ill")
        self.own.api.create(pods.with_resource("next", SMALL))
        self.own.wait(lambda: f"the next has no place: {self.own.api.events('next')}",
                      lambda: any("Insufficient nvidia.com/mig-1g.18gb" in event for event in self.own.api.events("next")))
        registered = self.count_in_log("registered nvidia.com/mig-1g.18gb")
        told = len(self.driver.component.log.read_text())
        self.own.crash(self.driver.component)
        self.own.wait(lambda: f"it is registered again: {self.driver.component.tail()}",
                      lambda: self.count_in_log("registered nvidia.com/mig-1g.18gb") > registered)
        self.offered({SMALL: 1, MIDDLE: 1})
        self.assertNotIn("2 devices, 2 healthy", self.driver.component.log.read_text()[told:], "the Xid outlives a restart")
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
        self.own.api.patch("Node", self.node.name, {"metadata": {"annotations": {CLEARED: now}}})
        self.own.wait_for_phase("next", "Running", 2 * verdict.PATIENCE_S)
        self.sees("well", well)

    def test_somebody_elses_instance_is_not_given(self):
        (uuid,) = [one[3] for one in self.node.instances() if one[1] == "2g.35gb"]
        self.node.migctl("lease", "acquire", "--uuid", uuid, "--for", "30m", "--name", "by-hand")
        self.offered({SMALL: 2})
        (lease,) = self.node.json("lease", "list")["leases"]
        self.node.migctl("lease", "release", str(lease["id"]))
        self.offered(LAYOUT)

    def test_single_strategy(self):
        self.driver.stop()
        self.offered({})
        (middle,) = [one for one in self.node.instances() if one[1] == "2g.35gb"]
        type(self).driver = drivers.MigKubelet(self.own, mode="device-plugin", strategy="single")
        self.own.add(self.prepared())
        self.own.wait(lambda: f"two kinds are refused: {self.driver.component.tail()}",
                      lambda: self.count_in_log("more than one MIG device type present on node"))
        self.destroy(middle)
        self.offered({"nvidia.com/gpu": 2})
        self.sees("plain", self.run_pod("plain", "nvidia.com/gpu"))
        self.own.remove_pod("plain")
        self.driver.stop()
        self.node.migctl("create", "-i", "0", f"2g.35gb:{middle[2]}")
        type(self).driver = drivers.MigKubelet(self.own, mode="device-plugin").start()

    def prepared(self):
        self.driver.install()
        self.driver.component = self.driver.make()
        return self.driver.component

    def destroy(self, instance):
        self.node.migctl("destroy", "-i", "0", "--gi", str(instance[4]))


if __name__ == "__main__":
    if not (cluster.programs.BIN / "mig-kubelet").exists():
        cluster.engine.skip("mig-kubelet is not built")
    cluster.main()

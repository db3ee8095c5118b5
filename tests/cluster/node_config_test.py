#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The layout of a node by its label nvidia.com/mig.config, in the real cluster, beside pods that run: what stays is not touched, what
must go is asked for. And the published devices follow what an administrator does on the node."""

import json
import time
import unittest

import cluster
import drivers
import pods
import verdict

CONFIG, STATE = "nvidia.com/mig.config", "nvidia.com/mig.config.state"
DRAIN, MESSAGE = "mig.migctl.dev/drain", "mig.migctl.dev/config.message"
# Both fill the GPU, so a claim for 1g.18gb or 3g.71gb can have nothing but an instance of the layout.
LAYOUTS = """version: v1
mig-configs:
  smalls:
  - {devices: all, mig-enabled: true, mig-devices: {3g.71gb: 1, 1g.18gb: 4}}
  pairs:
  - {devices: all, mig-enabled: true, mig-devices: {3g.71gb: 1, 2g.35gb: 2}}
  empty:
  - {devices: all, mig-enabled: true, mig-devices: {}}
"""
WRONG = LAYOUTS.replace("mig-enabled: true, mig-devices: {}", "mig-enabled: maybe, mig-devices: {}")
WRONG_LINE = 1 + WRONG[:WRONG.index("maybe")].count("\n")
ROUNDS = 3  # of creating and destroying by hand


class NodeConfig(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.own = cluster.Cluster(kubelet={"syncFrequency": "5s"})
        cls.own.__enter__()
        cls.addClassCleanup(cls.own.__exit__)
        cls.driver = drivers.MigKubelet(cls.own).start()
        cls.driver.classes(("1g.18gb", "3g.71gb"))

    def setUp(self):
        self.addCleanup(self.tidy)
        self.layouts(LAYOUTS)

    def tidy(self):
        """What a test that failed has left is no business of the next."""
        self.annotate(DRAIN, None)
        self.label(None)
        self.own.api.delete("PodDisruptionBudget", "one-stays")
        for pod in self.own.api.list("Pod"):
            self.own.api.delete("Pod", pod["metadata"]["name"])
        self.own.wait("no pod is left", lambda: not self.own.api.list("Pod"))
        self.own.wait("no lease is left", lambda: not self.own.node.json("lease", "list")["leases"])
        if self.own.node.instances():
            self.own.node.migctl("destroy", "--all")

    def layouts(self, text):
        self.own.api.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mig-layouts", "namespace": "migctl"},
                            "data": {"config.yaml": text}})

    def meta(self, which, name):
        return self.own.api.get("Node", "n1")["metadata"].get(which, {}).get(name)

    def label(self, value):
        self.own.api.patch("Node", "n1", {"metadata": {"labels": {CONFIG: value}}})

    def annotate(self, name, value):
        self.own.api.patch("Node", "n1", {"metadata": {"annotations": {name: value}}})

    def message(self):
        return self.meta("annotations", MESSAGE) or ""

    def becomes(self, state):
        self.own.wait(lambda: f"state {state}: it is {self.meta('labels', STATE)}, {self.message()}\n{self.driver.component.tail()}",
                      lambda: self.meta("labels", STATE) == state)

    def apply(self, name, state="success"):
        """The label anew, and the state that comes of it."""
        self.label(None)
        self.becomes(None)
        begun = time.monotonic()
        self.label(name)
        self.becomes(state)
        print(f"label {name}: {state} after {time.monotonic() - begun:.2f} s", flush=True)

    def profiles(self):
        return sorted(one[1] for one in self.own.node.instances())

    def counts(self):
        labels = self.own.api.get("Node", "n1")["metadata"]["labels"]
        return {name.split("mig-")[1][:-len(".count")]: value for name, value in labels.items()
                if name.startswith("nvidia.com/mig-") and name.endswith(".count")}

    def start(self, name, profile, **labels):
        pod = pods.with_claim(name, f"mig-{drivers.dashed(profile)}")
        pod["metadata"]["labels"] = labels
        self.own.api.create(pod)
        self.own.wait_for_phase(name, "Running")

    def test_what_stays_and_what_must_go(self):
        self.apply("smalls")
        self.assertEqual(self.profiles(), ["1g.18gb"] * 4 + ["3g.71gb"])
        self.own.wait(lambda: f"labels count the instances: {self.counts()}", lambda: self.counts() == {"1g.18gb": "4", "3g.71gb": "1"})
        self.assertEqual(self.meta("labels", "nvidia.com/mig.strategy"), "mixed")
        before = self.own.node.instances()
        (large,) = [one for one in before if one[1] == "3g.71gb"]
        self.own.wait("the layout is published", lambda: {one[3] for one in before} == self.published())
        self.start("stays", "3g.71gb")
        self.start("goes", "1g.18gb", app="small")
        self.assertEqual(self.own.node.instances(), before, "pods adopt what there is")

        self.apply("pairs", "failed")
        self.assertIn("default/goes", self.message())
        self.assertNotIn("default/stays", self.message())
        self.assertEqual(self.own.node.instances(), before)

        self.own.api.apply({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "one-stays"},
                            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "small"}}}})
        self.annotate(DRAIN, "true")
        self.own.wait(lambda: f"the budget holds it: {self.message()}", lambda: "disruption budget" in self.message())
        self.assertEqual(self.meta("labels", STATE), "pending")
        self.assertNotIn("deletionTimestamp", self.own.api.get("Pod", "goes")["metadata"])
        self.assertEqual(self.own.node.instances(), before)

        self.own.api.delete("PodDisruptionBudget", "one-stays")
        self.becomes("success")
        self.assertIsNone(self.own.api.get("Pod", "goes"))
        self.assertEqual(self.profiles(), ["2g.35gb", "2g.35gb", "3g.71gb"])
        self.assertIn(large, self.own.node.instances())
        self.assertIn("MIG 3g.71gb", json.loads(self.own.node.exec("stays", "mig-workload", "train", "--steps", "5", "--json"))["device"])
        self.own.wait(lambda: f"labels follow: {self.counts()}", lambda: self.counts() == {"2g.35gb": "2", "3g.71gb": "1"})
        self.own.remove_pod("stays")
        self.own.wait("the claim is given back", lambda: not self.own.node.json("lease", "list")["leases"])
        self.assertIn(large, self.own.node.instances(), "an adopted instance is not destroyed")

    def test_what_cannot_be(self):
        self.apply("smalls")
        before = self.own.node.instances()
        self.apply("smals", "failed")
        for word in ("smals", "smalls, pairs, empty", "did you mean smalls?"):
            self.assertIn(word, self.message())
        self.layouts(WRONG)
        self.apply("empty", "failed")
        self.assertIn(f":{WRONG_LINE}:", self.message())
        self.assertIn("maybe", self.message())
        self.assertEqual(self.own.node.instances(), before, "nothing was touched")
        self.layouts(LAYOUTS)  # mended: tried again without a new label
        self.becomes("success")
        self.assertEqual(self.profiles(), [])
        self.label(None)
        self.becomes(None)
        self.assertEqual(self.message(), "")

    def published(self):
        """UUIDs of instances that anybody may have."""
        return {one["attributes"]["uuid"]["string"] for one in self.driver.devices() if one["attributes"]["static"]["bool"]}

    def follow(self, what):
        """Seconds until the devices show the instances that there are."""
        want, begun = {one[3] for one in self.own.node.instances()} - self.held, time.monotonic()
        self.own.wait(lambda: f"{what}: published {self.published()}, not {want}\n{self.driver.component.tail()}",
                      lambda: self.published() == want)
        return time.monotonic() - begun

    def test_devices_follow_the_layout(self):
        self.start("runs", "3g.71gb")
        (made,) = self.own.node.instances()
        self.held = {made[3]}
        seconds = {"create": [], "destroy": []}
        for _ in range(ROUNDS):
            self.own.node.migctl("create", "-i", "0", "2g.35gb")
            seconds["create"].append(self.follow("created by hand"))
            (new,) = [one for one in self.own.node.instances() if one[3] not in self.held]
            self.own.node.migctl("destroy", "-i", "0", "--gi", str(new[4]))
            seconds["destroy"].append(self.follow("destroyed by hand"))
        print("devices followed after (s):", {what: [round(one, 2) for one in all_of] for what, all_of in seconds.items()}, flush=True)
        self.assertLess(max(map(max, seconds.values())), verdict.PATIENCE_S)
        self.assertEqual(self.own.node.instances(), [made])
        self.assertEqual(self.own.api.phase("runs"), "Running")


if __name__ == "__main__":
    if not (cluster.programs.BIN / "mig-kubelet").exists():
        cluster.engine.skip("mig-kubelet is not built")
    cluster.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Claims of every kind on a node with two GPUs: two instances of one GPU, the first of a list that fits, one claim for two pods, an
instance that was there before, one that somebody else uses; and the samples, as they are delivered."""

import json
import unittest

import cluster
import drivers
import images
import pods
import verdict

PROFILES = ("1g.18gb", "2g.35gb", "3g.71gb", "4g.71gb")
SAMPLES = drivers.MigKubelet.BASE.parent / "samples"
OWN = f"device.attributes['{drivers.MigKubelet.name}']"


def with_claim_object(name, claim, command=None):
    """A pod that names a claim which others may name too."""
    pod = pods.with_claim(name, "", command)
    pod["spec"]["resourceClaims"] = [{"name": "g", "resourceClaimName": claim}]
    return pod


class Claims(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.own = cluster.Cluster("2x h200-141gb", kubelet={"syncFrequency": "5s"})
        cls.own.__enter__()
        cls.addClassCleanup(cls.own.__exit__)
        cls.node, cls.driver = cls.own.node, drivers.MigKubelet(cls.own).start()
        cls.driver.classes(PROFILES)
        cls.own.kubectl("apply", "-f", str(SAMPLES / "claims.yaml"))

    def tearDown(self):
        """What a test that failed has left is no business of the next."""
        self.own.kubectl("delete", "jobs", "--all", "--wait=false")
        self.remove(*(pod["metadata"]["name"] for pod in self.own.api.list("Pod")))

    def remove(self, *names):
        for name in names:
            self.own.api.delete("Pod", name)
        for name in names:
            self.own.wait_for_phase(name, "")

    def run_pod(self, pod):
        """{profile: (GPU, UUID)} of what it got."""
        self.own.api.create(pod)
        self.own.wait_for_phase(pod["metadata"]["name"], "Running")
        return self.instances_of(pod["metadata"]["name"])

    def instances_of(self, pod):
        found = self.own.api.get("Pod", pod)
        names = [one["resourceClaimName"] for one in found["status"].get("resourceClaimStatuses", ()) if "resourceClaimName" in one]
        names += [one["resourceClaimName"] for one in found["spec"].get("resourceClaims", ()) if "resourceClaimName" in one]
        leased = [one["uuid"] for one in self.leases() if one.get("job") in [f"default/{name}" for name in names]]
        return {profile: (gpu, uuid) for gpu, profile, _, uuid, _ in self.node.instances() if uuid in leased}

    def leases(self):
        return self.node.json("lease", "list")["leases"]

    def left(self, *wanted):
        """Only these instances are left, and no lease."""
        self.own.wait(lambda: f"only {wanted} are left: {self.node.instances()}\n{self.driver.component.tail()}",
                      lambda: [one[3] for one in self.node.instances()] == list(wanted) and not self.leases())

    def make(self, gpu, profile):
        """As an administrator by hand: (UUID, the words that destroy it)."""
        before = {one[3] for one in self.node.instances()}
        self.node.migctl("create", "-i", str(gpu), profile)
        (made,) = [one for one in self.node.instances() if one[3] not in before]
        words = ("destroy", "-i", str(gpu), "--gi", str(made[4]))
        self.addCleanup(self.node.migctl, *words)
        return made[3]

    def offers(self, uuid):
        return [one for one in self.driver.devices() if one["attributes"].get("uuid", {}).get("string") == uuid]

    def test_two_instances_of_one_gpu(self):
        """One GPU has room for the larger of them, and only the other one for both."""
        (filler,) = self.run_pod(pods.with_claim("filler", "mig-4g-71gb")).values()
        pair = self.run_pod(pods.with_claim("pair", "two-on-one-gpu"))
        self.assertEqual(set(pair), {"3g.71gb", "1g.18gb"})
        self.assertEqual({gpu for gpu, _ in pair.values()}, {1 - filler[0]})
        self.remove("pair", "filler")
        self.left()

    def test_the_first_that_fits(self):
        for name in ("one", "other"):
            self.run_pod(pods.with_claim(name, "mig-4g-71gb"))
        self.assertEqual(set(self.run_pod(pods.with_claim("second-best", "largest-first"))), {"2g.35gb"})
        self.remove("one")
        self.assertEqual(set(self.run_pod(pods.with_claim("best", "largest-first"))), {"4g.71gb"})
        self.remove("other", "second-best", "best")
        self.left()

    def test_one_claim_for_two_pods(self):
        first = self.run_pod(with_claim_object("first", "shared-3g", pods.TRAIN))
        self.assertEqual(set(first), {"3g.71gb"})
        self.assertEqual(self.run_pod(with_claim_object("second", "shared-3g", pods.TRAIN)), first)
        self.assertEqual(len(self.node.instances()), 1)
        self.remove("first")
        said = json.loads(self.node.exec("second", "mig-workload", "info", "--look-only", "--json"))
        self.assertEqual(("3g.71gb", (self.node.instances()[0][0], said["uuid"])), *first.items())
        self.assertEqual(self.instances_of("second"), first)
        self.remove("second")
        self.left()
        self.assertIsNotNone(self.own.api.get("ResourceClaim", "shared-3g"), "the claim is the user's")

    def test_an_instance_of_before(self):
        uuid = self.make(1, "2g.35gb")
        (device,) = self.own.wait("it is offered", lambda: self.offers(uuid))
        self.assertTrue(device["attributes"]["static"]["bool"])
        self.own.api.apply(pods.template("static", "mig.migctl.dev", expression=f"has({OWN}.static) && {OWN}.static"))
        for name in ("once", "again"):
            self.assertEqual(self.run_pod(pods.with_claim(name, "static", pods.TRAIN)), {"2g.35gb": (1, uuid)})
            self.assertIn(uuid, [one["uuid"] for one in self.leases()])
            self.remove(name)
            self.left(uuid)

    def test_what_somebody_else_uses(self):
        uuid = self.make(0, "3g.71gb")
        self.own.wait("it is offered", lambda: self.offers(uuid))
        foreign = self.own.add(self.node.component("foreign", [
            cluster.programs.BIN / "migctl", "sim", "shell", "box", "--", cluster.programs.BIN / "mig-workload", *pods.TRAIN[1:],
            "--device", uuid]))
        self.addCleanup(self.own.extra.remove, foreign)
        self.addCleanup(foreign.stop)
        self.own.wait("it is not offered", lambda: not self.offers(uuid))
        self.own.api.apply(pods.template("that-one", "mig.migctl.dev", expression=f"has({OWN}.uuid) && {OWN}.uuid == '{uuid}'"))
        self.own.api.create(pods.with_claim("patient", "that-one"))
        self.own.wait(lambda: f"it has a reason: {self.own.api.events('patient')}",
                      lambda: any(event.startswith("FailedScheduling") for event in self.own.api.events("patient")))
        # All the rest of the machine can be had: three more halves, as the fourth is not ours.
        for number in range(3):
            self.assertNotIn(uuid, [one for _, one in self.run_pod(pods.with_claim(f"half-{number}", "mig-3g-71gb")).values()])
        self.assertEqual(self.own.api.phase("patient"), "Pending")
        foreign.stop()
        self.own.wait_for_phase("patient", "Running")
        self.assertEqual(self.instances_of("patient"), {"3g.71gb": (0, uuid)})
        self.remove("patient", "half-0", "half-1", "half-2")
        self.left(uuid)

    def test_samples(self):
        self.own.kubectl("apply", "-f", str(SAMPLES / "layouts.yaml"))
        text = (SAMPLES / "workloads.yaml").read_text()
        self.assertIn("image: mig-workload:0.1.0", text)
        self.own.kubectl("apply", "-f", "-", text=text.replace("mig-workload:0.1.0", images.WORKLOAD))
        self.own.wait_for_phase("two-parts", "Running", 2 * verdict.PATIENCE_S)
        pair = self.instances_of("two-parts")
        self.assertEqual((set(pair), len({gpu for gpu, _ in pair.values()})), ({"3g.71gb", "1g.18gb"}, 1))
        self.own.wait("the old-style pod runs", lambda: self.own.api.phase("old-style-1g") in ("Running", "Succeeded"))
        for name in ("train-3g", "info-1g"):
            self.own.wait_for_phase(name, "Succeeded", 2 * verdict.PATIENCE_S)
        self.own.kubectl("wait", "--for=condition=Complete", "job/sharing", "--timeout=100s")
        self.assertIn("1g.18gb", self.own.kubectl("logs", "info-1g"))
        self.own.kubectl("delete", "job", "sharing")
        self.remove("two-parts", "old-style-1g", "train-3g", "info-1g")
        self.left()


if __name__ == "__main__":
    if not (cluster.programs.BIN / "mig-kubelet").exists():
        cluster.engine.skip("mig-kubelet is not built")
    cluster.main()

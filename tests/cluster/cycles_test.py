#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random cycles on a node with mig-kubelet: pods come by claim and as extended resources, and go; mig-kubelet, migd, the kubelet and
containerd are killed at random; driver calls fail at random; somebody else's instance is on the GPU. After each cycle every pod
runs or has a reason, and no running pod has lost its instance; at the end nothing is left but what was there before.

    cycles_test.py                 12 cycles
    MIG_CYCLES=200 MIG_CYCLES_SEED=1 MIG_CYCLES_OUT=bench/results/kubernetes_cycles.json cycles_test.py
"""

import json
import os
import pathlib
import random
import time
import unittest

import cluster
import drivers
import pods
import verdict

CYCLES = int(os.environ.get("MIG_CYCLES", "12"))
SEED = int(os.environ.get("MIG_CYCLES_SEED", "1"))
OUT = os.environ.get("MIG_CYCLES_OUT", "")
PROFILES = ("1g.18gb", "2g.35gb", "3g.71gb", "4g.71gb")
CALLS = ("nvmlDeviceCreateGpuInstanceWithPlacement", "nvmlGpuInstanceCreateComputeInstance", "nvmlGpuInstanceCreateComputeInstanceWithPlacement",
         "nvmlComputeInstanceDestroy", "nvmlGpuInstanceDestroy")
FAULTS = ("NVML_ERROR_INSUFFICIENT_RESOURCES", "NVML_ERROR_UNKNOWN", "NVML_ERROR_IN_USE")
MOST_PODS = 5
REASONS = ("FailedScheduling", "FailedPrepareDynamicResources", "FailedCreatePodSandBox", "Failed", "FailedMount")


class Cycles(unittest.TestCase):
    def setUp(self):
        self.own = cluster.Cluster()
        self.own.__enter__()
        self.addCleanup(self.own.__exit__)
        self.node, self.random = self.own.node, random.Random(SEED)
        self.pods, self.seen = {}, {}  # by name: profile; instance of a pod that was seen running
        self.counts = {"pods": 0, "ran": 0, "withReason": 0, "kills": {}, "faults": 0, "inUseDestroyed": 0}
        self.slowest, self.last = 0.0, ""

    def leased(self):
        """Instance by claim, as migd knows it."""
        return {lease["job"]: lease["uuid"] for lease in self.node.json("lease", "list")["leases"] if lease.get("job")}

    def claim_of(self, pod):
        found = self.own.api.get("Pod", pod)
        status = found["status"] if found else {}
        names = [one.get("resourceClaimName") for one in status.get("resourceClaimStatuses", ())]
        names.append(status.get("extendedResourceClaimStatus", {}).get("resourceClaimName"))
        return next((f"default/{name}" for name in names if name), None)

    def settled(self, pod):
        """Its phase, once it runs or somebody has said why not."""
        if self.own.api.phase(pod) == "Running":
            return "Running"
        return "reason" if any(event.startswith(REASONS) for event in self.own.api.events(pod)) else None

    def come(self, cycle):
        for number in range(self.random.randint(1, 2)):
            if len(self.pods) >= MOST_PODS:
                return
            name, profile = f"p{cycle}-{number}", self.random.choice(PROFILES)
            pod = (pods.with_claim(name, f"mig-{drivers.dashed(profile)}") if self.random.random() < 0.5
                   else pods.with_resource(name, f"nvidia.com/mig-{profile}"))
            self.own.api.create(pod)
            self.pods[name] = profile
            self.counts["pods"] += 1

    def go(self, most):
        for name in self.random.sample(sorted(self.pods), min(most, len(self.pods))):
            self.own.api.delete("Pod", name)
            self.pods.pop(name)
            self.seen.pop(name, None)
            self.own.wait(lambda pod=name: f"pod {pod} is gone: {self.own.api.events(pod)[-3:]}\n{self.driver.component.tail()}",
                          lambda pod=name: not self.own.api.phase(pod), 3 * verdict.PATIENCE_S)

    def trouble(self):
        dice, self.last = self.random.random(), "no trouble was made"
        if dice < 0.35:
            self.node.inject("--clear")  # those that no call has met
            self.node.inject("--call", self.random.choice(CALLS), "--nth", str(self.random.randint(1, 2)), "--fail", self.random.choice(FAULTS))
            self.counts["faults"] += 1
            self.last = "a driver call fails"
        elif dice < 0.7:
            victims = self.random.sample((self.driver.component, self.node.migd, self.node.kubelet, self.node.containerd), self.random.randint(1, 2))
            time.sleep(self.random.random())  # in the middle of whatever goes on
            self.last = f"killed: {', '.join(victim.name for victim in victims)}"
            self.own.crash(*victims)
            for victim in victims:
                self.counts["kills"][victim.name] = self.counts["kills"].get(victim.name, 0) + 1

    def stuck(self, pod):
        """All that tells whose fault it is."""
        status = (self.own.api.get("Pod", pod) or {}).get("status", {})
        return "\n".join([str(self.own.api.events(pod)), self.last, json.dumps(status), self.node.crictl("ps", "--all", code=None).stdout,
                          *(f"{one.name}:\n{one.tail(40)}" for one in (self.node.kubelet, self.node.containerd, self.driver.component))])

    def check(self):
        for name in sorted(self.pods):
            begun = time.monotonic()
            how = self.own.wait(lambda pod=name: f"pod {pod} runs or has a reason: {self.stuck(pod)}", lambda pod=name: self.settled(pod))
            self.slowest = max(self.slowest, time.monotonic() - begun)
            self.counts["ran" if how == "Running" else "withReason"] += how != "Running" or name not in self.seen
        leased, there = self.leased(), {one[3] for one in self.node.instances()}
        for name in sorted(self.pods):
            if self.own.api.phase(name) != "Running":
                continue
            instance = leased.get(self.claim_of(name))
            self.assertIsNotNone(instance, f"pod {name} runs without a lease: {leased}")
            self.counts["inUseDestroyed"] += instance not in there
            self.assertIn(instance, there, f"the instance of pod {name}, which runs, is gone")
            self.assertEqual(self.seen.setdefault(name, instance), instance, f"pod {name} has another instance than before")
        self.assertIn(self.foreign, self.node.instances(), "somebody else's instance is gone")

    def test_cycles(self):
        self.node.migctl("mode", "enable", "-i", "0")
        self.node.migctl("create", "-i", "0", "1g.18gb")
        (self.foreign,) = self.node.instances()
        self.driver = drivers.MigKubelet(self.own).start()
        self.driver.classes(PROFILES)
        begun = time.monotonic()
        for cycle in range(CYCLES):
            self.come(cycle)
            self.trouble()
            self.check()
            self.go(self.random.randint(0, 2))
            print(f"cycle {cycle}: {len(self.pods)} pods, {len(self.node.instances())} instances", flush=True)
        self.node.inject("--clear")
        self.go(len(self.pods))
        self.own.wait(lambda: f"nothing is left but {self.foreign}: {self.node.instances()}\n{self.driver.component.tail()}",
                      lambda: self.node.instances() == [self.foreign], 3 * verdict.PATIENCE_S)
        self.assertEqual(self.leased(), {}, "leases are left")
        if OUT:
            (pathlib.Path(cluster.programs.ROOT) / OUT).write_text(json.dumps({
                "simulated": True, "cycles": CYCLES, "seed": SEED, "seconds": round(time.monotonic() - begun), "leaked": 0,
                "slowestWaitS": round(self.slowest, 1), **self.counts}, indent=1) + "\n")
        print(json.dumps(self.counts))


if __name__ == "__main__":
    if not (cluster.programs.BIN / "mig-kubelet").exists():
        cluster.engine.skip("mig-kubelet is not built")
    cluster.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What mig-kubelet needs goes away and comes back, in the real cluster: the API server, migd, the kubelet, its token. And what
nobody can give: a device that there is not, a second mig-kubelet. And an instance with an Xid."""

import json
import pathlib
import time
import unittest

import api
import cluster
import credentials
import drivers
import pods

PROFILES = ("1g.18gb", "7g.141gb")
AWAY_S = 30
XID = 94  # contained memory error: of one instance
IGNORED = 119  # the GPU's firmware does not answer
CLEARED = "mig.migctl.dev/health-cleared"
CONFLICT = 11  # exit code
PREPARE = "FailedPrepareDynamicResources"


class WithTokenFile(drivers.MigKubelet):
    """Its token is in a file of its own, as a pod's is, which the kubelet replaces."""

    def install(self):
        super().install()
        config = json.loads(pathlib.Path(self.config).read_text())
        self.token_file = self.worker.folder / "mig-kubelet.token"
        (user,) = config["users"]
        credentials.private_file(self.token_file, user["user"]["token"])
        user["user"] = {"tokenFile": str(self.token_file)}
        self.config = self.worker.folder / "with-token-file.kubeconfig"
        credentials.private_file(self.config, json.dumps(config))

    def new_token(self):
        written = json.loads(pathlib.Path(self.kubeconfig(self.ACCOUNT, self.NAMESPACE)).read_text())
        credentials.private_file(self.token_file, written["users"][0]["user"]["token"])


class Trouble(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # A kubelet asks a driver that has refused again at its next look at the pod: by default a minute later.
        cls.own = cluster.Cluster(kubelet={"syncFrequency": "5s"})
        cls.own.__enter__()
        cls.addClassCleanup(cls.own.__exit__)
        cls.driver = WithTokenFile(cls.own).start()
        cls.driver.classes(PROFILES)
        cls.node, cls.api = cls.own.node, cls.own.api

    def tearDown(self):
        """What a test that failed has left is no business of the next."""
        self.node.inject("--clear")
        for pod in self.api.list("Pod"):
            self.api.delete("Pod", pod["metadata"]["name"])
        self.own.wait("no pod is left", lambda: not self.api.list("Pod"))
        for claim in self.api.list("ResourceClaim"):
            self.api.delete("ResourceClaim", claim["metadata"]["name"])
        self.own.wait(lambda: f"no instance is left: {self.node.instances()}\n{self.driver.component.tail()}",
                      lambda: not self.node.instances())

    def start(self, name, profile="1g.18gb"):
        self.api.create(pods.with_claim(name, f"mig-{drivers.dashed(profile)}"))

    def runs(self, name):
        begun = time.monotonic()
        self.own.wait_for_phase(name, "Running", 180)
        print(f"{self._testMethodName}: {name} runs after {time.monotonic() - begun:.1f} s", flush=True)

    def refused(self, pod):
        """The event that says why its claim is not prepared."""
        return self.own.wait(lambda: f"pod {pod} says why: {self.api.events(pod)}\n{self.driver.component.tail()}",
                             lambda: next((one for one in self.api.events(pod) if one.startswith(PREPARE)), None))

    def test_the_api_server_is_away(self):
        self.start("runs", "7g.141gb")
        self.runs("runs")
        self.start("waits")
        before = self.node.instances()
        self.own.wait("pod waits has no place",
                      lambda: any(one.startswith("FailedScheduling") for one in self.api.events("waits")))
        server = next(one for one in self.own.components if one.name == "apiserver")
        server.kill()
        time.sleep(AWAY_S)
        self.assertTrue(self.driver.component.alive(), self.driver.component.tail())
        self.assertEqual(self.node.instances(), before)
        self.node.exec("runs", "mig-workload", "train", "--steps", "5")
        server.start()
        for one in self.own.components:
            if not one.alive():  # an init system would
                one.start()
        self.own.wait("the API server is back", self.api.ready)
        self.assertEqual(self.api.phase("runs"), "Running")
        back = time.monotonic()
        self.api.delete("Pod", "runs")
        self.own.wait("its claim is given back", lambda: not self.node.instances() or self.node.instances() != before)
        print(f"freed {time.monotonic() - back:.1f} s after the API server's return", flush=True)
        self.own.wait("pod waits has a place", lambda: self.api.get("Pod", "waits")["spec"].get("nodeName"), 180)
        print(f"a place {time.monotonic() - back:.1f} s after", flush=True)
        self.runs("waits")
        self.assertEqual([one[1] for one in self.node.instances()], ["1g.18gb"])

    def test_migd_is_away(self):
        self.start("stays")
        self.runs("stays")
        (before,) = self.node.instances()
        self.node.migd.stop()
        self.start("comes")
        said = self.refused("comes")
        self.assertIn("migd", said)
        self.assertIn(str(self.node.migd_socket), said)
        self.node.migd.start()
        self.runs("comes")
        self.assertIn(before, self.node.instances())
        self.assertEqual(self.api.phase("stays"), "Running")

    def test_migd_is_away_when_a_pod_ends(self):
        self.start("ends")
        self.runs("ends")
        self.node.migd.stop()
        self.api.delete("Pod", "ends")
        time.sleep(5)
        self.assertEqual(len(self.node.json("--direct", "list")["gpus"][0]["gpuInstances"]), 1)
        self.node.migd.start()
        self.own.wait_for_phase("ends", "")
        self.own.wait(lambda: f"given back: {self.node.instances()}\n{self.driver.component.tail()}", lambda: not self.node.instances())

    def test_the_kubelets_folders_are_emptied(self):
        self.start("stays")
        self.runs("stays")
        (before,) = self.node.instances()
        self.node.kubelet.stop()
        self.node.inside(["find", "/var/lib/kubelet/plugins_registry", "/var/lib/kubelet/plugins/mig.migctl.dev", "-type", "s", "-delete"])
        self.node.kubelet.start()
        self.start("comes")
        self.runs("comes")
        self.assertIn(before, self.node.instances())
        for name in ("stays", "comes"):
            self.own.remove_pod(name)

    def test_the_token_is_replaced(self):
        """An account that is made anew makes its old tokens void."""
        self.api.delete("ServiceAccount", self.driver.ACCOUNT, self.driver.NAMESPACE)
        self.api.create({"apiVersion": "v1", "kind": "ServiceAccount",
                         "metadata": {"name": self.driver.ACCOUNT, "namespace": self.driver.NAMESPACE}})
        old = self.driver.token_file.read_text()
        void = type(self.api)(self.own.server, self.own.plane.credentials.path("ca.crt"), old)

        def is_void():
            try:
                void.list("ResourceSlice")
            except api.Refused as refused:
                return refused.code == 401
            return False
        self.own.wait("the old token is void", is_void)
        self.start("waits")
        self.assertIn("401", self.refused("waits"))
        self.driver.new_token()
        self.runs("waits")

    def forge(self, name, device):
        """A claim that has a device which the scheduler would never give it."""
        claim = self.api.create({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": name}, "spec": {
            "devices": {"requests": [{"name": "mig", "exactly": {"deviceClassName": "mig.migctl.dev", "count": 1}}]}}})
        # The scheduler would add the time to an allocation without one, which the API server refuses to change.
        claim["status"] = {"allocation": {
            "allocationTimestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "devices": {"results": [{"request": "mig", "driver": self.driver.name, "pool": "n1", "device": device}]},
            "nodeSelector": {"nodeSelectorTerms": [{"matchFields": [
                {"key": "metadata.name", "operator": "In", "values": ["n1"]}]}]}}}
        self.api.request("PUT", self.api.path("ResourceClaim", name) + "/status", claim)
        pod = pods.plain(name, resourceClaims=[{"name": "g", "resourceClaimName": name}])
        pod["spec"]["containers"][0]["resources"] = {"claims": [{"name": "g"}]}
        self.api.create(pod)

    def test_devices_that_are_not_there(self):
        for number, device in enumerate(("gpu-7-mig-1g-18gb-0", "gpu-0-mig-9g-999gb-0", "gpu-0-mig-3g-71gb-1", "no-device")):
            self.forge(f"forged-{number}", device)
            said = self.refused(f"forged-{number}")
            print(f"{device}: {said}", flush=True)
            self.assertIn(device, said)
        self.assertEqual(self.node.instances(), [])
        self.start("honest")
        self.runs("honest")

    def test_a_second_one(self):
        done = self.node.inside(self.driver.make().command, code=CONFLICT)
        self.assertIn("one mig-kubelet per node", done.stderr)
        self.assertIn(str(self.driver.component.pid), done.stderr, "it says which one is there")
        self.start("p")
        self.runs("p")

    def tainted(self):
        return sorted(one["name"] for one in self.driver.devices() if one.get("taints"))

    def test_an_xid(self):
        for name in ("ill", "well"):
            self.start(name)
            self.runs(name)
        ill = self.node.instances()[0]
        name = f"gpu-0-mig-1g-18gb-{ill[2]}"
        self.node.inject("--xid", str(XID), "--gpu", "0", "--gi", str(ill[4]), "--ci", "0")
        begun = time.monotonic()
        self.own.wait(lambda: f"a device is tainted:\n{self.driver.component.tail()}", self.tainted)
        print(f"tainted after {time.monotonic() - begun:.2f} s", flush=True)
        self.assertEqual(self.tainted(), [name])
        self.assertEqual([self.api.phase(one) for one in ("ill", "well")], ["Running", "Running"])
        self.clear_xids()

    def with_words(self, *words):
        """mig-kubelet anew with further words, until the end of the test. What they kept from view is forgotten then."""
        component, plain = self.driver.component, list(self.driver.component.command)

        def anew(command):
            def registered():
                return component.log.read_text().count("registered with the kubelet")
            before, component.command = registered(), command
            component.restart()
            self.own.wait(lambda: f"the kubelet knows it again:\n{component.tail()}", lambda: registered() > before)

        def back():
            anew(plain)
            self.clear_xids()
        self.addCleanup(back)
        anew([*plain, *words])

    def clear_xids(self):
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
        self.api.patch("Node", "n1", {"metadata": {"annotations": {CLEARED: now}}})
        self.own.wait(lambda: f"cleared: {self.tainted()}\n{self.driver.component.tail()}", lambda: not self.tainted())

    def instance_of(self, pod):
        (uuid,) = [one["uuid"] for one in self.node.json("lease", "list")["leases"] if (one.get("job") or "").startswith(f"default/{pod}-")]
        return next(one for one in self.node.instances() if one[3] == uuid)

    def test_an_xid_that_evicts_and_one_that_is_ignored(self):
        self.with_words("--xid-effect", "NoExecute", "--ignore-xids", str(IGNORED))
        for name in ("ill", "well"):
            self.start(name)
            self.runs(name)
        ill, well = self.instance_of("ill"), self.instance_of("well")
        self.node.inject("--xid", str(IGNORED), "--gpu", "0")  # of the whole GPU, were it not ignored
        self.node.inject("--xid", str(XID), "--gpu", "0", "--gi", str(ill[4]), "--ci", "0")
        begun = time.monotonic()
        self.own.wait(lambda: f"its pod is evicted: {self.tainted()}\n{self.driver.component.tail()}",
                      lambda: [one["metadata"]["name"] for one in self.api.list("Pod")] == ["well"])
        print(f"evicted after {time.monotonic() - begun:.2f} s", flush=True)
        self.assertEqual(self.api.phase("well"), "Running")
        self.own.wait(lambda: f"its instance goes with it: {self.node.instances()}", lambda: self.node.instances() == [well])
        self.own.wait(lambda: f"and the taint: {self.tainted()}\n{self.driver.component.tail()}", lambda: not self.tainted())


if __name__ == "__main__":
    if not (cluster.programs.BIN / "mig-kubelet").exists():
        cluster.engine.skip("mig-kubelet is not built")
    cluster.main()

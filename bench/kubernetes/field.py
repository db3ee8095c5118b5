# SPDX-License-Identifier: Apache-2.0
"""What both drivers of the race run on: one node of a real cluster with one simulated GPU, brought back to the same state
before each trial."""

import http.client
import json
import pathlib
import random
import ssl
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "cluster"), str(ROOT / "tests")]

import cluster  # noqa: E402
import drivers  # noqa: E402
import network  # noqa: E402
import pods  # noqa: E402
import verdict  # noqa: E402
import worker as workers  # noqa: E402

GPUS = "1x h200-141gb"
# Driver calls take as long as on hardware (by default a simulated machine takes a hundredth).
MACHINE = ("--latency", "true")
PROFILES = ("1g.18gb", "2g.35gb", "3g.71gb", "4g.71gb", "7g.141gb")
# How soon a kubelet asks again after a driver has refused; by default a minute, in which little could be tried.
KUBELET = {"syncFrequency": "5s"}
SETTLED_S = 8
ENOUGH_S = 60  # what has not happened by then does not count as recovered


def template(profile):
    return f"mig-{drivers.dashed(profile)}"


class Field:
    """A cluster, and one driver on its node at a time."""

    def __init__(self, own, kind):
        self.own, self.node, self.api, self.kind = own, own.node, own.api, kind
        self.driver = None

    def begin(self, foreign=()):
        """The state in which every trial begins: an empty GPU, no pod, nothing of an earlier driver on the node; then instances
        that are somebody else's, and the driver."""
        self.clear()
        if foreign:
            self.node.migctl("mode", "enable", "-i", "0")
            for profile in foreign:
                self.node.migctl("create", "-i", "0", profile)
        self.driver = drivers.DRIVERS[self.kind](self.own)
        self.driver.start()
        self.driver.classes(PROFILES)

    def clear(self):
        if self.driver:
            self.driver.component.kill()
            self.driver.stop()
            self.driver = None
        for pod in self.api.list("Pod"):
            self.api.delete("Pod", pod["metadata"]["name"], grace=0)
        self.node.kubelet.stop()
        left = self.node.crictl("pods", "--quiet").stdout.split()
        if left:
            self.node.crictl("rmp", "--force", *left)
        self.node.inside(["sh", "-c", "umount /var/lib/kubelet/pods/*/volumes/*/* 2>/dev/null; rm -rf /var/lib/kubelet/* /var/lib/mig-kubelet; "
                          "mkdir -p /var/lib/kubelet/plugins /var/lib/kubelet/plugins_registry"])
        for claim in self.api.list("ResourceClaim"):
            self.api.patch("ResourceClaim", claim["metadata"]["name"], {"metadata": {"finalizers": None}})
            self.api.delete("ResourceClaim", claim["metadata"]["name"])
        # Templates cannot be changed, and only one class may stand for an extended resource.
        for kind in ("ResourceClaimTemplate", "DeviceClass"):
            for one in self.api.list(kind):
                self.api.delete(kind, one["metadata"]["name"])
        self.node.inject("--clear")
        if self.node.migd and self.node.migd.alive():
            self.node.migd.stop()
        self.node.inside(["rm", "-rf", "/var/run/cdi/", "-f"], code=None)
        self.node.migctl("sim", "destroy", workers.MACHINE, "--force", sim=False)
        self.node.migctl("sim", "create", workers.MACHINE, "--gpus", GPUS, *MACHINE, sim=False)
        if self.kind == "ours":
            self.node.start_migd()
        self.node.start_kubelet()
        self.own.wait("no pod is left", lambda: not self.api.list("Pod"))
        self.own.wait("the node is ready", lambda: self.own.node_is_ready(self.node.name))

    def ask(self, name, profile, command=None):
        self.api.create(pods.with_claim(name, template(profile), command))

    def timed(self, name, profile):
        """Seconds from the request until the API server says that the pod runs; None when it does not in time."""
        with Watch(self.own, name) as watch:
            begin = time.perf_counter()
            self.ask(name, profile)
            return watch.until("Running", begin)

    def outcome(self, name, seconds=ENOUGH_S):
        """"Running", or why the pod cannot: the scheduler's or the kubelet's word, once it has stood for SETTLED_S: devices that have
        just become free are published a moment later, and then the scheduler tries again."""
        end, refused_at = time.monotonic() + seconds, None
        while time.monotonic() < end:
            if self.api.phase(name) == "Running":
                return "Running"
            said = [one for one in self.api.events(name) if one.startswith("FailedScheduling") and "not created" not in one]
            if said and refused_at is None:
                refused_at = time.monotonic()
            if said and time.monotonic() - refused_at > SETTLED_S:
                return said[-1]
            time.sleep(0.05)
        said = self.api.events(name)
        return said[-1] if said else "nothing was said"

    def runs(self, name, seconds=ENOUGH_S):
        """Seconds until the pod runs; None if it does not."""
        return self.happens(lambda: self.api.phase(name) == "Running", seconds)

    def gone(self, name, seconds=ENOUGH_S):
        """Deletes the pod; seconds until it is gone, None if it stays."""
        self.api.delete("Pod", name)
        return self.happens(lambda: not self.api.get("Pod", name), seconds)

    @staticmethod
    def happens(condition, seconds=ENOUGH_S):
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            if condition():
                return round(time.monotonic() - begin, 2)
            time.sleep(0.05)
        return None

    def profiles(self):
        return sorted(profile for _, profile, *_ in self.node.instances())


class Watch:
    """The API server's stream of one pod, so that an end is seen when it comes and not at the next poll."""

    def __init__(self, own, name):
        self.own, self.name = own, name

    def __enter__(self):
        api = self.own.api
        self.connection = http.client.HTTPSConnection(network.API_ADDRESS, network.API_PORT, context=api.context, timeout=ENOUGH_S)
        self.connection.request("GET", f"/api/v1/namespaces/default/pods?watch=1&fieldSelector=metadata.name%3D{self.name}",
                                headers={"Authorization": f"Bearer {api.token}"})
        self.answer = self.connection.getresponse()
        return self

    def until(self, phase, begin):
        try:
            while line := self.answer.readline():
                pod = json.loads(line)["object"]
                if pod["status"].get("phase") == phase:
                    return time.perf_counter() - begin
        except (TimeoutError, ssl.SSLError):
            pass
        return None

    def __exit__(self, *_):
        self.connection.close()


def small_pods(rng, slices):
    """Profiles of pods that take that many compute slices of seven."""
    found = []
    while slices > 0:
        found.append(rng.choice([p for p in ("1g.18gb", "2g.35gb") if int(p[0]) <= slices]))
        slices -= int(found[-1][0])
    return found


def generator(seed):
    return random.Random(seed)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Four engines start containers at once while the layout changes at random: Podman with runc, Podman with crun, Docker,
containerd. Each start is refused, or has the instance that its name meant at some moment of the start; never another's.

Usage: during_changes_test.py [--changes N]
"""

import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import sys
import threading
import unittest

import daemons
import engine

KEPT = "/run/cdi/migctl.json"
LOOK = "echo UUID $CUDA_VISIBLE_DEVICES; for n in /dev/nvidia-caps/*; do echo NODE $(stat -c '%T' $n); done"
LAYOUTS = [{"1g.18gb": 7}, {"3g.71gb": 1, "1g.18gb": 3}, {"2g.35gb": 3}, {"1g.18gb": 2, "2g.35gb": 1}, {}, {"4g.71gb": 1, "1g.18gb": 2}]
# By the engine; by the hook (crun says its exit code, not its words); by the runtime, which finds the node of the simulated
# machine's tree gone, before or while it mounts it.
BY_HOOK = r"the container was not started|error executing hook `\S*/migctl` \(exit code: 11\)"
REFUSED = re.compile(rf"unresolvable CDI devices|{BY_HOOK}|nvidia-cap\d+.*(no such file|was moved while re-opening)", re.I)
CHANGES = 20


def without(name, why):
    print(f"SKIPPED: during_changes_test with {name}: {why}", flush=True)


class Starts:
    """What one engine did."""

    def __init__(self, name, one):
        self.name, self.engine = name, one
        self.started = []  # (device, out, err, numbers of the layouts that the start could meet)
        self.refused = []  # (device, err)

    def try_one(self, device, layouts):
        """`layouts` grows by each layout when its change is done: the file may be that of the next one already."""
        first = len(layouts) - 1
        done = self.engine.container([device], LOOK)
        if done.returncode == 0:
            self.started.append((device, done.stdout, done.stderr, range(first, len(layouts) + 1)))
        else:
            self.refused.append((device, done.stderr))

    def __str__(self):
        by_hook = sum(bool(re.search(BY_HOOK, err)) for _, err in self.refused)
        return f"{self.name}: {len(self.started)} started, {len(self.refused)} refused, of these {by_hook} by the hook"


class DuringChanges(unittest.TestCase):
    def setUp(self):
        self.box = engine.Box("1x h200-141gb")
        self.box.__enter__()
        self.addCleanup(self.box.__exit__)
        # Every instance has a UUID of its own, as on real GPUs, and places come back with other instances.
        self.box.migctl("sim", "destroy", "box", "--force", sim=False)
        self.box.migctl("sim", "create", "box", "--gpus", "1x h200-141gb", "--fresh-uuids", sim=False)
        self.box.migctl("mode", "enable", "-i", "0")
        self.box.migctl("slot", "set", "train-a", "--gpu", "0", "--profile", "1g.18gb", "--placement", "0:1")
        self.box.migctl("cdi", "generate", "--output", KEPT, "--hooks", "check")
        self.engines = [Starts(name, one) for name, one in self.make_engines() if self.works(name, one)]
        if not self.engines:
            engine.skip("no engine starts a container here")
        self.known = {}      # UUID -> minors of its capability nodes, of every layout
        self.layouts = []    # of each layout: name -> UUID
        self.over = threading.Event()
        self.tried = threading.Semaphore(0)  # starts that ended

    def make_engines(self):
        found = []
        if all(map(shutil.which, engine.PODMAN)):
            found = [(f"podman {runtime}", engine.Podman(self.box, runtime)) for runtime in engine.runtimes()]
        else:
            without("podman", "not installed (scripts/bootstrap test)")
        why = next(filter(None, map(daemons.why_not, ("runc", "containerd"))), "")
        if why:
            without("containerd and docker", why)
            return found
        ends = contextlib.ExitStack()
        self.addCleanup(ends.close)
        containerd = ends.enter_context(daemons.Containerd(self.box))
        found.append(("containerd", containerd))
        why = next(filter(None, map(daemons.why_not, ("dockerd", "docker"))), "")
        if why:
            without("docker", why)
            return found
        docker = ends.enter_context(daemons.Dockerd(self.box, containerd))
        docker.import_root()
        return [*found, ("docker", docker)]

    @staticmethod
    def works(name, one):
        probe = one.container([], "true")
        if probe.returncode != 0:
            without(name, f"it starts no container here: {probe.stderr.strip()[-300:]}")
        return probe.returncode == 0

    def learn(self):
        names = {}
        for device in self.box.json("cdi", "list")["devices"]:
            if device["uuid"]:
                minors = sorted(int(node.rsplit("cap", 1)[1]) for node in device["nodes"] if "nvidia-cap" in node)
                self.known[device["uuid"]] = minors
                names.update({name: device["uuid"] for name in device["names"]})
        self.layouts.append(names)

    def change(self):
        rng = random.Random(3)
        try:
            for _ in range(CHANGES):
                layout = json.dumps({"version": "v1", "mig-configs": {"x": [
                    {"devices": "all", "mig-enabled": True, "mig-devices": rng.choice(LAYOUTS)}]}})
                self.box.migctl("apply", "-f", "-", "-c", "x", text=layout)
                self.learn()
                # Some changes follow each other at once, others leave each engine time to start a container.
                for _ in range(rng.choice([0, 1, 2]) * len(self.engines)):
                    self.tried.acquire(timeout=20)
        finally:
            self.over.set()

    def names(self):
        try:
            spec = json.loads(pathlib.Path(KEPT).read_text())
        except FileNotFoundError:
            return []
        return [device["name"] for device in spec["devices"] if device["name"] != "all"]

    def start(self, starts, seed):
        rng = random.Random(seed)
        while not self.over.is_set():
            name = rng.choice(self.names() or ["0:0"]) if rng.random() < 0.7 else rng.choice(["train-a", "0:1", "1g.18gb-0"])
            starts.try_one(name, self.layouts)
            self.tried.release()

    def check(self, starts):
        for name, out, err, numbers in starts.started:
            self.assertIn("UUID MIG-", out, f"{starts.name}: {name}: {err}")
            lines = [line.split() for line in out.splitlines()]
            uuid = next(line[1] for line in lines if line[0] == "UUID")
            minors = sorted(int(line[1], 16) for line in lines if line[0] == "NODE")
            self.assertEqual(self.known.get(uuid), minors, f"{starts.name}: {name}: {out}")
            meant = {self.layouts[number].get(name) for number in numbers if number < len(self.layouts)}
            self.assertIn(uuid, meant, f"{starts.name}: {name}")
        for name, err in starts.refused:
            self.assertRegex(err, REFUSED, f"{starts.name}: {name}")
        self.assertTrue(starts.started, f"{starts.name} started no container at all")

    def test_a_start_is_refused_or_right(self):
        self.learn()
        threads = [threading.Thread(target=self.change),
                   *(threading.Thread(target=self.start, args=(starts, 5 + i)) for i, starts in enumerate(self.engines))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"{CHANGES} changes", *self.engines, sep="\n  ", flush=True)
        for starts in self.engines:
            with self.subTest(engine=starts.name):
                self.check(starts)


if __name__ == "__main__":
    if "--changes" in sys.argv:
        at = sys.argv.index("--changes")
        if engine.INSIDE in os.environ:
            CHANGES = int(sys.argv[at + 1])
            del sys.argv[at:at + 2]
    os.chdir(engine.ROOT)
    engine.main(programs=())

# SPDX-License-Identifier: Apache-2.0
"""What every container engine is tried with: the same cases, on the same machine, for each."""

import json
import pathlib
import sys

import engine

sys.path.insert(0, str(engine.ROOT / "tests"))
import verdict  # noqa: E402

KEPT = "/run/cdi/migctl.json"
TRAIN = "mig-workload train --steps 5 --json"
# Opens each node: no driver stands behind it, so that one's own gives ENXIO, and another's, made with mknod, EPERM; an
# engine that allows no mknod refuses that.
NODES = ("for n in /dev/nvidia-caps/*; do echo $n $(stat -c '%a %t:%T' $n); cat $n 2>&1; done;"
         "rm -f /tmp/other; mknod /tmp/other c 241 {other} 2>&1 && cat /tmp/other 2>&1; echo; ls /dev | grep '^nvidia'")
GONE = "unresolvable CDI devices"


class Core:
    """A mixin of unittest.TestCase. A subclass makes `box` by machine(), and sets `engine`, an engine.Engine."""

    @staticmethod
    def machine(*options):
        box = engine.Box("1x h200-141gb, 1x a100-sxm4-40gb", *options)
        box.__enter__()
        box.migctl("mode", "enable", "-i", "0")
        box.migctl("create", "-i", "0", "1g.18gb:0", "1g.18gb:1", "3g.71gb:4")
        box.migctl("cdi", "generate", "--output", KEPT)
        return box

    def run_on(self, device, script, options=()):
        """What a container that must start wrote."""
        done = self.engine.container([device], script, options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def refused(self, device):
        done = self.engine.container([device], "true")
        self.assertNotEqual(done.returncode, 0, device)
        self.assertIn(GONE, done.stderr)
        self.assertIn(f"nvidia.com/gpu={device}", done.stderr)

    def instances(self):
        """Compute instances of GPU 0 by MIG index."""
        found = {}
        for instance in self.box.json("list")["gpus"][0]["gpuInstances"]:
            for compute in instance["computeInstances"]:
                found[compute["index"]] = dict(compute, gi=instance["id"], profile=instance["profile"])
        return found

    def minors(self, name):
        spec = json.loads(pathlib.Path(KEPT).read_text())
        device = next(one for one in spec["devices"] if one["name"] == name)
        return [node["minor"] for node in device["containerEdits"]["deviceNodes"] if "nvidia-cap" in node["path"]]

    def test_two_containers_have_their_own_nodes_and_no_others(self):
        for name, other in (("0:0", "0:1"), ("0:1", "0:0")):
            with self.subTest(device=name):
                own = self.minors(name)
                out = self.run_on(name, NODES.format(other=self.minors(other)[0]))
                for minor in own:
                    self.assertIn(f"/dev/nvidia-caps/nvidia-cap{minor} 444 f1:{minor:x}", out)
                self.assertEqual(out.count("/dev/nvidia-caps/"), 2 * len(own), out)
                self.assertEqual(out.count("No such device or address"), len(own), out)
                self.assertEqual(out.count("Operation not permitted"), 1, out)
                self.assertNotIn("nvidia1", out)

    def test_work_runs_on_the_instance_that_was_named(self):
        instances = self.instances()
        for index in (0, 1):
            uuid = instances[index]["uuid"]
            for name in (f"0:{index}", uuid):
                with self.subTest(device=name):
                    out = self.run_on(name, f"env | grep -E '^(NVIDIA|CUDA)'; {TRAIN}")
                    self.assertIn("NVIDIA_VISIBLE_DEVICES=void", out)
                    self.assertIn(uuid, out)

    def test_another_instance_cannot_be_used(self):
        other = self.instances()[1]["uuid"]
        done = self.engine.container(["0:0"], f"CUDA_VISIBLE_DEVICES={other} {TRAIN}")
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn("cannot open", done.stdout + done.stderr)

    def test_two_devices_and_all(self):
        done = self.engine.container(["0:0", "0:1"], "ls /dev/nvidia-caps | wc -l")
        self.assertEqual((done.returncode, done.stdout.strip()), (0, "4"), done.stderr)
        done = self.engine.container(["all"], "ls /dev | grep -c '^nvidia[0-9]'")
        self.assertEqual((done.returncode, done.stdout.strip()), (0, "2"), done.stderr)

    def test_names_that_do_not_exist_are_refused(self):
        for name in ("0:9", "train-z", "1g.18gb-7"):
            self.refused(name)

    def test_a_slot_keeps_its_name_over_a_change(self):
        self.box.migctl("slot", "set", "train-a", "--gpu", "0", "--profile", "3g.71gb", "--placement", "4:4")
        self.run_on("train-a", TRAIN)
        gone = next(i for i in self.box.json("list")["gpus"][0]["gpuInstances"] if i["profile"] == "3g.71gb")
        self.box.migctl("destroy", "-i", "0", "--gi", str(gone["id"]))
        self.refused("train-a")
        self.box.migctl("create", "-i", "0", "3g.71gb:4")
        now = self.box.json("slot", "resolve", "train-a")["uuid"]
        self.assertIn(f"CUDA_VISIBLE_DEVICES={now}", self.run_on("train-a", "env"))
        self.box.migctl("slot", "remove", "train-a")
        self.refused("train-a")

    def test_a_start_within_a_change_is_refused_and_the_next_is_right(self):
        """The driver hangs in the change: its names are gone, others' hold. Killed and recovered, the next start is right."""
        third = next(one for one in self.instances().values() if one["profile"] == "3g.71gb")
        staying = next(one for one in self.instances().values() if one["profile"] == "1g.18gb")["uuid"]
        self.box.migctl("sim", "inject", "box", "--call", "nvmlGpuInstanceDestroy", "--hang", "forever", sim=False)
        change = self.box.begin("destroy", "-i", "0", "--gi", str(third["gi"]))
        try:
            verdict.wait("the file has lost the instance", lambda: third["uuid"] not in pathlib.Path(KEPT).read_text())
            self.refused(third["uuid"])
            self.refused("0:0")  # by place, which the change may shift
            self.assertIn(staying, self.run_on(staying, TRAIN))
        finally:
            change.kill()
            change.wait()
            self.box.migctl("sim", "inject", "box", "--clear", sim=False)
            self.box.migctl("recover", code=None)
        if not any(one["profile"] == "3g.71gb" for one in self.instances().values()):
            self.refused(third["uuid"])
            self.box.migctl("create", "-i", "0", "3g.71gb:4")
        index, made = next((i, one) for i, one in self.instances().items() if one["profile"] == "3g.71gb")
        self.assertIn(made["uuid"], self.run_on(f"0:{index}", TRAIN))

    def test_a_container_made_before_a_change_is_started_by_what_the_file_says_then(self):
        """The engine has kept the name, and looks it up at each start."""
        before = next(one for one in self.instances().values() if one["profile"] == "3g.71gb")
        names = {before["uuid"]: "by-uuid", "3g.71gb-0": "by-ordinal"}
        for device, name in names.items():
            done = self.engine.create([device], "echo UUID $CUDA_VISIBLE_DEVICES", name)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"UUID {before['uuid']}", self.engine.start(name).stdout)
        self.box.migctl("destroy", "-i", "0", "--gi", str(before["gi"]))
        for device, name in names.items():
            done = self.engine.start(name)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(f"{GONE} nvidia.com/gpu={device}", done.stderr)
        self.box.migctl("create", "-i", "0", "3g.71gb:4")
        now = next(one for one in self.instances().values() if one["profile"] == "3g.71gb")["uuid"]
        self.assertIn(f"UUID {now}", self.engine.start("by-ordinal").stdout)

    def test_a_container_holds_its_instance_against_a_change(self):
        """What runs in it is listed, and has the instance: the change is refused, and the file says what it said."""
        before = pathlib.Path(KEPT).read_text()
        with self.engine.background(["0:0"], "mig-workload train --seconds 600", "holder"):
            verdict.wait("a process appeared on the instance", self.busy)
            gi = self.instances()[0]["gi"]
            self.assertEqual([i["id"] for i in self.busy()], [gi])
            self.assertIn("runs on", self.box.migctl("destroy", "-i", "0", "--gi", str(gi), code=8))
            self.assertEqual(pathlib.Path(KEPT).read_text(), before)
        verdict.wait("the process is gone with its container", lambda: not self.busy())

    def busy(self):
        return [instance for instance in self.box.json("list")["gpus"][0]["gpuInstances"] if instance.get("processes")]


def start(test, make):
    """Enters a context of a test class, and ends it with the class."""
    made = make.__enter__()
    test.addClassCleanup(make.__exit__, None, None, None)
    return made


def works(one):
    """Skips where the engine starts no container at all here."""
    probe = one.container([], "true")
    if probe.returncode != 0:
        engine.skip(f"{type(one).__name__} starts no container here: {probe.stderr.strip()[-300:]}")



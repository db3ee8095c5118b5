#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""containerd, by its `ctr run --device`, starts containers on instances of a simulated machine from the CDI file that
migctl keeps: the cases of cases.py. ctr reads the file itself; CRI, by which a kubelet asks, is not in this build.
"""

import os
import unittest

import cases
import daemons
import engine


class Containerd(cases.Core, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = cls.machine()
        cls.addClassCleanup(cls.box.__exit__)
        cls.engine = cases.start(cls, daemons.Containerd(cls.box))
        cases.works(cls.engine)

    test_a_container_made_before_a_change_is_started_by_what_the_file_says_then = None  # not so: MadeBefore

    def test_gpus_option_names_a_whole_gpu(self):
        """`ctr run --gpus 1` is the CDI name `1`: the GPU without MIG; one in MIG mode has no such name."""
        done = self.engine.container([], "ls /dev", ["--gpus", "1"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("nvidia1\n", done.stdout)
        self.assertNotIn("nvidia0", done.stdout)
        done = self.engine.container([], "true", ["--gpus", "0"])
        self.assertIn("unresolvable CDI devices nvidia.com/gpu=0", done.stderr)


class MadeBefore(unittest.TestCase):
    """`ctr containers create` writes the nodes into the container: started after a change it has whatever these nodes are then,
    unless `--hooks check` refuses it."""

    def start_after_a_change(self, hooks):
        """A container made on an instance, and started when another one has its place and its nodes."""
        with engine.Box("1x h200-141gb") as box:
            box.migctl("sim", "destroy", "box", "--force", sim=False)
            box.migctl("sim", "create", "box", "--gpus", "1x h200-141gb", "--fresh-uuids", sim=False)
            box.migctl("mode", "enable", "-i", "0")
            box.migctl("create", "-i", "0", "1g.18gb:0")
            box.migctl("cdi", "generate", "--output", cases.KEPT, "--hooks", hooks)
            (before,) = box.json("list")["gpus"][0]["gpuInstances"]
            with daemons.Containerd(box) as containerd:
                done = containerd.create([before["computeInstances"][0]["uuid"]], "ls /dev/nvidia-caps", "before")
                self.assertEqual(done.returncode, 0, done.stderr)
                box.migctl("destroy", "-i", "0", "--gi", str(before["id"]))
                box.migctl("create", "-i", "0", "1g.18gb:0")
                return containerd.start("before")

    def test_it_has_its_nodes_of_then_whosever_they_are_now(self):
        done = self.start_after_a_change("none")
        self.assertEqual((done.returncode, done.stdout.count("nvidia-cap")), (0, 2), done.stderr)

    def test_with_the_check_it_is_refused(self):
        done = self.start_after_a_change("check")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("the container was not started", done.stderr)


if __name__ == "__main__":
    os.chdir(engine.ROOT)
    if engine.INSIDE not in os.environ:
        daemons.need("runc", "containerd")
    engine.main(programs=())

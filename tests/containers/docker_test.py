#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Docker's daemon starts containers on instances of a simulated machine from the CDI file that migctl keeps: the cases of
cases.py by `--device`; `--gpus`; containers that are made before a change and started after it.
"""

import os
import unittest

import cases
import daemons
import engine


class Docker(cases.Core, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = cls.machine()
        cls.addClassCleanup(cls.box.__exit__)
        cls.containerd = cases.start(cls, daemons.Containerd(cls.box))
        cls.engine = cases.start(cls, daemons.Dockerd(cls.box, cls.containerd))
        cls.engine.import_root()
        cases.works(cls.engine)

    def gpus(self, device, script):
        return self.engine.container([], script, ["--gpus", f'"device={device}"'])

    def test_gpus_option_gives_what_the_device_option_gives(self):
        """nvidia-cdi-hook is in the daemon's PATH: it takes --gpus as CDI names of the kind nvidia.com/gpu."""
        instances = self.instances()
        for name in ("0:1", instances[1]["uuid"], "1g.18gb-0"):
            with self.subTest(name=name):
                own = self.minors(name)
                done = self.gpus(name, f"env; {cases.NODES.format(other=self.minors('0:0')[0])}; {cases.TRAIN}")
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertIn("NVIDIA_VISIBLE_DEVICES=void", done.stdout)
                self.assertIn(f"CUDA_VISIBLE_DEVICES={instances[1]['uuid']}", done.stdout)
                for minor in own:
                    self.assertIn(f"/dev/nvidia-caps/nvidia-cap{minor} 444 f1:{minor:x}", done.stdout)
                self.assertEqual(done.stdout.count("Operation not permitted"), 1, done.stdout)
                self.assertIn(f'"{instances[1]["uuid"]}"', done.stdout)

    def test_gpus_option_with_a_name_that_is_gone(self):
        done = self.gpus("MIG-00000000-0000-5000-8000-000000000000", "true")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("unresolvable CDI devices nvidia.com/gpu=MIG-00000000-0000-5000-8000-000000000000", done.stderr)

    def test_the_daemon_lists_the_devices(self):
        listed = self.engine.docker("info", "--format", "{{json .DiscoveredDevices}}").stdout
        for one in self.instances().values():
            self.assertIn(f"nvidia.com/gpu={one['uuid']}", listed)


class WithoutHook(unittest.TestCase):
    """A daemon that finds no nvidia-cdi-hook in its PATH."""

    def test_the_device_option_works_and_the_gpus_option_does_not(self):
        box = cases.Core.machine()
        self.addCleanup(box.__exit__)
        with daemons.Containerd(box) as containerd, daemons.Dockerd(box, containerd, cdi_hook=False) as docker:
            docker.import_root()
            done = docker.container(["0:0"], cases.TRAIN)
            self.assertEqual(done.returncode, 0, done.stderr)
            done = docker.container([], "true", ["--gpus", '"device=0:0"'])
            self.assertNotEqual(done.returncode, 0)
            self.assertRegex(done.stderr, "AMD CDI spec not found|could not select device driver")


if __name__ == "__main__":
    os.chdir(engine.ROOT)
    if engine.INSIDE not in os.environ:
        daemons.need("runc", "containerd", "dockerd", "docker", "nvidia-ctk")
    engine.main(programs=())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ray in `migctl run --compat index`: one GPU of the instance's kind; and what it makes of a MIG UUID without.

The instance is on the second GPU, an H200; the first is an A100, which Ray asks about when it wants to know of which kind "its" GPU is.
"""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import harness

PYTHON = str(harness.THIRD_PARTY / "ray-venv" / "bin" / "python3")
PROGRAM = str(pathlib.Path(__file__).with_name("ray_programs.py"))


class Ray(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        harness.migctl("mode", "enable")
        harness.migctl("create", "-i", "0", "1g.5gb")
        harness.migctl("create", "-i", "1", "2g.35gb", "3g.71gb")
        gpus = harness.migctl_json("list")["gpus"]
        cls.gpu_uuids = [gpu["uuid"] for gpu in gpus]
        cls.own = next(one for one in gpus[1]["gpuInstances"] if one["profile"] == "3g.71gb")["computeInstances"][0]["uuid"]

    def seen(self, *options):
        folder = tempfile.mkdtemp(prefix="r", dir="/tmp")  # short: Ray's sockets are there
        environment = dict(harness.without_trace(), RAY_TMPDIR=folder, RAY_USAGE_STATS_ENABLED="0", RAY_DISABLE_DOCKER_CPU_WARNING="1")
        words = [str(harness.binaries() / "migctl"), "-q", "--sim", "box", "run", "--uuid", self.own, *options, "--", PYTHON, PROGRAM,
                 str(harness.binaries() / "mig-workload")]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL, env=environment, cwd=folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        return json.loads(done.stdout.strip().splitlines()[-1])

    def test_with_the_view_it_has_one_gpu_of_the_instances_kind(self):
        seen = self.seen("--compat", "index")
        self.assertEqual(seen["gpus"], 1)
        self.assertEqual(seen["types"], ["H200"])
        self.assertEqual(seen["reported"], [self.own])
        self.assertEqual(seen["task"], {"visible": "0", "ids": ["0"], "uuid": self.own})

    def test_without_it_takes_the_first_gpu_of_the_machine_for_its_own(self):
        seen = self.seen()
        self.assertEqual(seen["types"], ["A100"], "Ray has learnt to ask for the MIG device: docs/reference/compat.md says otherwise")
        self.assertNotEqual(seen["reported"], [self.own])


if __name__ == "__main__":
    os.environ.pop("RAY_ADDRESS", None)
    harness.main("1x a100-sxm4-40gb, 1x h200-141gb", client="ray", root=True)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`migctl run --compat index` with clients of others, unmodified: each sees its instance as device 0, and no other device.

The instance is on the second GPU, a board of another kind than the first, so that an answer for "GPU 0" is wrong in each figure.
"""
import json
import pathlib
import re
import subprocess
import sys
import unittest

import harness

VENV = harness.THIRD_PARTY / "venv" / "bin"
PROGRAMS = str(pathlib.Path(__file__).with_name("index_programs.py"))


def on_instance(uuid, *command, compat=True):
    """What a command prints that runs on the instance, and its exit code."""
    words = [str(harness.binaries() / "migctl"), "-q", "--sim", "box", "run", "--uuid", uuid, *(["--compat", "index"] if compat else []), "--", *command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, env=harness.without_trace())
    return done.returncode, done.stdout, done.stderr


class IndexView(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        harness.migctl("mode", "enable")
        harness.migctl("create", "-i", "0", "1g.5gb", "1g.5gb")
        harness.migctl("create", "-i", "1", "2g.35gb", "3g.71gb")
        gpus = harness.migctl_json("list")["gpus"]
        cls.bus_ids = [gpu["pciBusId"] for gpu in gpus]
        cls.gpu_uuids = [gpu["uuid"] for gpu in gpus]
        instances = {(gpu["index"], one["profile"]): one for gpu in gpus for one in gpu["gpuInstances"]}
        cls.own = instances[1, "3g.71gb"]["computeInstances"][0]["uuid"]
        cls.other = instances[1, "2g.35gb"]["computeInstances"][0]["uuid"]
        cls.elsewhere = instances[0, "1g.5gb"]["computeInstances"][0]["uuid"]

    def answer(self, *words, compat=True):
        code, out, err = on_instance(self.own, sys.executable, PROGRAMS, *words, compat=compat)
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def test_what_vllm_asks_is_answered_for_the_instance(self):
        seen = self.answer("vllm")
        self.assertEqual(seen["uuid"], self.own)
        self.assertEqual(seen["name"], "NVIDIA H200 MIG 3g.71gb")
        self.assertEqual(seen["memory"], 71424 * 1024 * 1024)
        self.assertEqual(seen["capability"], [9, 0])
        self.assertEqual(seen["processes"], [])

    def test_without_the_view_it_refuses_the_uuid(self):
        code, _, err = on_instance(self.own, sys.executable, PROGRAMS, "vllm", compat=False)
        self.assertNotEqual(code, 0)
        self.assertIn("invalid literal for int() with base 10: 'MIG-", err)

    def test_what_torch_counts_is_one_device(self):
        self.assertEqual(self.answer("torch"), {"devices": 1})

    def test_nothing_else_is_to_be_seen(self):
        uuids = [self.own, self.other, self.elsewhere, *self.gpu_uuids]
        seen = self.answer("walk", ",".join(self.bus_ids), ",".join(uuids))
        self.assertEqual((seen["count"], seen["index"], seen["migDevices"]), (1, 0, 0))
        self.assertEqual(seen["second"], "NVMLError_InvalidArgument")
        for about_mig in ("migMode", "migDevice", "gpuAround"):
            self.assertEqual(seen[about_mig], "NVMLError_NotSupported", about_mig)
        self.assertEqual(seen["byBusId"], ["NVMLError_NotFound", self.own])
        # The GPU around the instance is the instance.
        self.assertEqual(seen["byUuid"], [self.own, *["NVMLError_NotFound"] * 3, self.own])
        self.assertEqual(seen["power"], "NVMLError_NotSupported")
        self.assertEqual(seen["driver"], "580.159.04")

    def test_a_job_on_it_is_among_its_processes(self):
        script = ("CUDA_VISIBLE_DEVICES=0 mig-workload train --seconds 60 >/dev/null & job=$!; "
                  f"for i in $(seq 400); do '{sys.executable}' '{PROGRAMS}' vllm >seen; grep -q \"\\[$job\\]\" seen && break; sleep 0.05; done; "
                  "kill $job; cat seen; rm seen; echo $job")
        code, out, err = on_instance(self.own, "env", f"PATH={harness.binaries()}:/usr/bin:/bin", "sh", "-c", f"cd $(mktemp -d); {script}")
        self.assertEqual(code, 0, err)
        seen, job = out.strip().splitlines()
        self.assertEqual(json.loads(seen)["processes"], [int(job)])

    def test_cuda_s_index_0_is_the_instance(self):
        for visible in ("0", None):
            words = ["env", *(["-u", "CUDA_VISIBLE_DEVICES"] if visible is None else []), str(harness.binaries() / "mig-workload"), "info", "--json"]
            code, out, err = on_instance(self.own, *words)
            self.assertEqual(code, 0, err)
            self.assertIn(self.own, out)

    def test_nvitop_shows_one_device_without_mig(self):
        code, out, err = on_instance(self.own, "env", "COLUMNS=120", "LINES=60", str(VENV / "nvitop"), "-1", "--no-unicode")
        self.assertEqual(code, 0, err)
        shown = re.sub(r"\x1b\[[0-9;]*m", "", out)
        self.assertIn("3g.71gb", shown)
        self.assertIn("69.75GiB", shown)
        self.assertNotIn("2g.35gb", shown)
        self.assertNotIn("A100", shown)

    def test_gpustat_shows_one_device(self):
        harness.need_or_skip(self, "gpustat")
        code, out, err = on_instance(self.own, str(VENV / "gpustat"), "--json")
        self.assertEqual(code, 0, err)
        (gpu,) = json.loads(out)["gpus"]
        self.assertEqual((gpu["index"], gpu["uuid"], gpu["memory.total"]), (0, self.own, 71424))

    def test_each_of_several_has_its_own(self):
        words = [str(harness.binaries() / "migctl"), "-q", "--sim", "box", "run", "--gpu", "1", "--all", "--compat", "index", "--", sys.executable, PROGRAMS, "vllm"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, env=harness.without_trace())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(re.findall(r'"uuid": "([^"]+)"', done.stdout)), sorted([self.own, self.other]))


if __name__ == "__main__":
    harness.main("1x a100-sxm4-40gb, 1x h200-141gb", root=True)

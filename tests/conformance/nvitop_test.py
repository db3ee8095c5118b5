#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""nvitop, as users run it, shows the GPUs, the MIG devices and the workload on one of them."""

import re
import subprocess
import unittest

import harness

NVITOP = harness.THIRD_PARTY / "venv" / "bin" / "nvitop"


def nvitop():
    done = subprocess.run([str(NVITOP), "-1", "--no-unicode"], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, env=dict(harness.as_client("nvitop"), COLUMNS="120", LINES="60"))
    if done.returncode != 0:
        raise AssertionError(f"nvitop -1: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)


class Nvitop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        harness.migctl("mode", "enable", "-i", "0")
        for profile in ("3g.71gb", "2g.35gb", "2g.35gb"):
            harness.migctl("create", "-i", "0", profile)
        instances = harness.migctl_json("list")["gpus"][0]["gpuInstances"]
        cls.uuid = next(c["uuid"] for i in instances if i["profile"] == "3g.71gb" for c in i["computeInstances"])

    def test_it_names_driver_and_gpus(self):
        shown = nvitop()
        self.assertIn("580.159.04", shown)
        self.assertIn("H200", shown)
        self.assertIn("A100-SXM4-40GB", shown)

    def test_it_shows_every_mig_device(self):
        shown = nvitop()
        self.assertEqual(len(re.findall(r"\b3g\.71gb", shown)), 1, shown)
        self.assertEqual(len(re.findall(r"\b2g\.35gb", shown)), 2, shown)

    def test_it_shows_mig_devices_of_a_board_whose_bar1_only_tables_tell(self):
        harness.migctl("mode", "enable", "-i", "2")
        harness.migctl("create", "-i", "2", "1g.6gb")
        shown = nvitop()
        self.assertEqual(len(re.findall(r"\b1g\.6gb", shown)), 1, shown)

    def test_it_shows_the_workload_on_its_device(self):
        with harness.Workload(self.uuid) as workload:
            harness.eventually(lambda: re.search(rf"\b{workload.pid}\b", nvitop()), "the workload's pid in nvitop", 20)
            self.assertIn("mig-workload", nvitop())


if __name__ == "__main__":
    harness.main("1x h200-141gb, 1x a100-sxm4-40gb, 1x a30-24gb", root=True)

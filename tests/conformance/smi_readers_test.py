#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs that run `nvidia-smi` and parse its text: nvsmi inside `sim shell`, nvidia-htop on its table. And the
parsing steps of nvidia_gpu_exporter, which itself is not on the module proxy: names from the help, one query for
all, cells by ", "."""

import json
import re
import subprocess
import unittest

import harness
import node

VENV = harness.THIRD_PARTY / "venv" / "bin"


class SmiReaders(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        harness.migctl("mode", "enable", "-i", "0")
        for profile in ("3g.20gb", "1g.5gb"):
            harness.migctl("create", "-i", "0", profile)
        cls.mig, cls.whole = harness.migctl_json("list")["gpus"]
        cls.on_mig = harness.Workload(cls.mig["gpuInstances"][0]["computeInstances"][0]["uuid"])
        cls.on_whole = harness.Workload(cls.whole["uuid"])
        cls.on_mig.__enter__()
        cls.on_whole.__enter__()
        harness.eventually(lambda: cls.pids() == {cls.on_mig.pid, cls.on_whole.pid}, "both workloads listed", 20)

    @classmethod
    def tearDownClass(cls):
        cls.on_whole.__exit__()
        cls.on_mig.__exit__()

    @staticmethod
    def processes():
        """(pid, index of its GPU, MiB)"""
        return {(p["pid"], gpu["index"], p["memoryMib"]) for gpu in harness.migctl_json("list")["gpus"]
                for where in (gpu, *gpu["gpuInstances"]) for p in where["processes"]}

    @classmethod
    def pids(cls):
        return {pid for pid, _, _ in cls.processes()}

    @staticmethod
    def in_shell(client, *command):
        code, out, err = node.in_shell(client, *command)
        if code != 0:
            raise AssertionError(f"{command}: exit code {code}\n{out}{err}")
        return out

    def same_processes(self, found):
        """nvidia-smi rounds MiB up, `list` rounds down."""
        ours = self.processes()
        self.assertEqual({(pid, gpu) for pid, gpu, _ in found}, {(pid, gpu) for pid, gpu, _ in ours})
        for (_, _, theirs), (_, _, mib) in zip(sorted(found), sorted(ours)):
            self.assertIn(theirs - mib, (0, 1))

    def test_nvsmi_sees_the_gpus(self):
        code = "import nvsmi\nfor gpu in nvsmi.get_gpus(): print(gpu.to_json())"
        found = [json.loads(line) for line in self.in_shell("nvsmi", VENV / "python3", "-c", code).splitlines()]
        for theirs, ours in zip(found, harness.migctl_json("list")["gpus"], strict=True):
            self.assertEqual((theirs["id"], theirs["uuid"], theirs["name"], theirs["mem_total"]),
                             (str(ours["index"]), ours["uuid"], ours["name"], float(ours["memoryTotalMib"])))
            self.assertEqual(theirs["driver"], harness.migctl_json("list")["driverVersion"])
            self.assertGreater(theirs["mem_used"], 0)
        self.assertNotEqual(found[0]["gpu_util"], found[0]["gpu_util"])  # nan: unavailable with MIG on
        self.assertGreater(found[1]["gpu_util"], 0)
        listed = [json.loads(line) for line in self.in_shell("nvsmi", VENV / "nvsmi", "ls", "--json").splitlines()]
        self.assertEqual([gpu["id"] for gpu in listed], ["1"])  # only GPUs with a utilisation reading

    def test_nvsmi_sees_the_processes(self):
        found = [json.loads(line) for line in self.in_shell("nvsmi", VENV / "nvsmi", "ps", "--json").splitlines()]
        self.same_processes({(p["pid"], int(p["gpu_id"]), int(p["used_memory"])) for p in found})

    def test_nvidia_htop_finds_its_way_through_the_table(self):
        done = subprocess.run([str(VENV / "python3"), str(VENV / "nvidia-htop.py"), "-l", "100"], input=harness.migctl("smi"),
                              capture_output=True, text=True, timeout=60, env=harness.as_client("nvidia-htop"))
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = re.findall(r"^\| +(\d+) +(\d+) +\S+ +(\d+)MiB .*mig-workload", done.stdout, re.M)
        self.same_processes({(int(pid), int(gpu), int(mib)) for gpu, pid, mib in rows})

    def test_the_steps_of_nvidia_gpu_exporter(self):
        text = self.in_shell("steps of nvidia_gpu_exporter", "nvidia-smi", "--help-query-gpu")
        names = re.findall(r'(?m)\n\s*\n^"([^"]+)"', text)
        self.assertEqual(len(set(names)), len(names))
        self.assertLess({"uuid", "name", "memory.total", "mig.mode.current", "power.draw", "gpu_recovery_action"}, set(names))
        table = self.in_shell("steps of nvidia_gpu_exporter", "nvidia-smi", f"--query-gpu={','.join(names)}", "--format=csv").splitlines()
        heads, *rows = [line.split(", ") for line in table]
        self.assertEqual([head.split(" [")[0] for head in heads], names)
        metrics = [re.sub(r"[^a-z0-9_]", "_", head.lower()) for head in heads]
        self.assertEqual(len(set(metrics)), len(metrics))
        for row, ours in zip(rows, harness.migctl_json("list")["gpus"], strict=True):
            self.assertEqual(len(row), len(names))
            said = dict(zip(names, row))
            self.assertEqual((said["uuid"], said["name"], said["index"]), (ours["uuid"], ours["name"], str(ours["index"])))
            self.assertEqual(said["memory.total"], f"{ours['memoryTotalMib']} MiB")
            self.assertEqual(said["mig.mode.current"].lower(), ours["mig"]["current"])
            self.assertEqual(said["utilization.gpu"] == "[N/A]", ours["mig"]["current"] == "enabled")
            for name, unit in (("power.draw", "W"), ("clocks.current.sm", "MHz"), ("memory.used", "MiB")):
                self.assertRegex(said[name], rf"^\d+(\.\d+)? {unit}$")


if __name__ == "__main__":
    harness.need_root("a private mount namespace, and changing the machine's layout")
    harness.main("2x a100-sxm4-40gb", "--latency", "none")

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Unmodified third-party monitors on a machine with MIG on one GPU and load on both: gpustat, nvtop, nvitop's
Prometheus exporter and NVIDIA's own example of nvidia-ml-py. Their output agrees with `migctl smi` and `migctl
list`."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time
import unittest
import urllib.error
import urllib.request

import harness

VENV = harness.THIRD_PARTY / "venv"
QUERY = ("index", "uuid", "name", "pci.bus_id", "memory.total", "memory.used", "temperature.gpu", "power.draw",
         "enforced.power.limit", "clocks.sm", "clocks.mem", "utilization.gpu")


def smi():
    """{GPU: values that our nvidia-smi prints for QUERY}"""
    printed = harness.migctl("smi", f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader,nounits")
    return [dict(zip(QUERY, line.split(", "))) for line in printed.strip().splitlines()]


def run_client(name, *command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, env=harness.as_client(name))
    if done.returncode != 0:
        raise AssertionError(f"{name}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Screen:
    """A program on a pseudo-terminal of its own, rendered by pyte."""

    def __init__(self, command, environment, columns=200, lines=60):
        import pyte
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment,
                                        start_new_session=True)
        os.close(slave)

    def text(self):
        """The screen's text once the program is quiet for a moment."""
        while select.select([self.master], [], [], 0.2)[0]:
            try:
                self.stream.feed(os.read(self.master, 65536))
            except OSError:  # EIO: the program ended
                break
        return "\n".join(self.screen.display)

    def press(self, key):
        os.write(self.master, key)

    def close(self):
        """Ends the program; returns its exit code."""
        self.press(b"q")
        deadline = time.monotonic() + 5
        while self.process.poll() is None and time.monotonic() < deadline:
            self.text()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        os.close(self.master)
        return self.process.wait()


class Monitors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        harness.migctl("mode", "enable", "-i", "0")
        for profile in ("3g.71gb", "2g.35gb", "1g.18gb"):
            harness.migctl("create", "-i", "0", profile)
        cls.mig, cls.whole = harness.migctl_json("list")["gpus"]
        cls.instances = [(i, c) for i in cls.mig["gpuInstances"] for c in i["computeInstances"]]
        uuid = next(c["uuid"] for i, c in cls.instances if i["profile"] == "3g.71gb")
        cls.on_mig = harness.Workload(uuid)
        cls.on_whole = harness.Workload(cls.whole["uuid"])
        cls.on_mig.__enter__()
        cls.on_whole.__enter__()
        harness.eventually(lambda: cls.pids() == {cls.on_mig.pid, cls.on_whole.pid}, "both workloads listed", 20)

    @classmethod
    def tearDownClass(cls):
        cls.on_whole.__exit__()
        cls.on_mig.__exit__()

    @classmethod
    def pids(cls):
        gpus = harness.migctl_json("list")["gpus"]
        every = [p for gpu in gpus for where in (gpu, *gpu["gpuInstances"]) for p in where["processes"]]
        return {p["pid"] for p in every}

    def near(self, value, wanted, share, what):
        self.assertLessEqual(abs(float(value) - float(wanted)), share * max(abs(float(wanted)), 1), f"{what}: {value} and {wanted}")

    def test_nvidia_ml_pys_example(self):
        example = next(VENV.glob("lib/python3*/site-packages/example.py"))
        printed = run_client("nvidia-ml-py example.py", VENV / "bin" / "python3", example)
        self.assertIn(f"<driver_version>{harness.migctl_json('list')['driverVersion']}</driver_version>", printed)
        self.assertIn("<attached_gpus>2</attached_gpus>", printed)
        found = re.findall(r'<gpu id="([^"]+)">\s*<product_name>([^<]+)</product_name>.*?<uuid>([^<]+)</uuid>', printed, re.S)
        self.assertEqual(found, [(row["pci.bus_id"], row["name"], row["uuid"]) for row in smi()])
        self.assertNotIn("example.py:", printed)  # its message for a failed call

    def test_gpustat(self):
        harness.need_or_skip(self, "gpustat")
        said = json.loads(run_client("gpustat", VENV / "bin" / "gpustat", "--json"))
        self.assertEqual(said["driver_version"], harness.migctl_json("list")["driverVersion"])
        for theirs, ours in zip(said["gpus"], smi(), strict=True):
            self.assertEqual((str(theirs["index"]), theirs["uuid"], theirs["name"], str(theirs["memory.total"])),
                             (ours["index"], ours["uuid"], ours["name"], ours["memory.total"]))
            self.near(theirs["memory.used"], ours["memory.used"], 0.02, "memory.used")
            self.near(theirs["temperature.gpu"], ours["temperature.gpu"], 0.1, "temperature")
            self.near(theirs["power.draw"], ours["power.draw"], 0.2, "power")
            self.assertEqual(theirs["enforced.power.limit"], round(float(ours["enforced.power.limit"])))
        mig, whole = said["gpus"]
        self.assertIsNone(mig["utilization.gpu"])  # unavailable for a GPU in MIG mode
        self.assertGreater(whole["utilization.gpu"], 0)
        self.assertEqual([p["pid"] for p in mig["processes"]], [self.on_mig.pid])
        self.assertEqual([p["pid"] for p in whole["processes"]], [self.on_whole.pid])

    def test_gpustat_for_people(self):
        harness.need_or_skip(self, "gpustat")
        lines = run_client("gpustat", VENV / "bin" / "gpustat", "--no-color", "-cp").splitlines()[1:]
        self.assertRegex(lines[0], rf"^\[0\] NVIDIA H200 .*\?\? %.*/ +143771 MB \| .*mig-workload/{self.on_mig.pid}\(")
        self.assertRegex(lines[1], rf"^\[1\] NVIDIA A100-SXM4-40GB .* / +40960 MB \| .*mig-workload/{self.on_whole.pid}\(")

    def test_nvtop(self):
        harness.need_or_skip(self, "nvtop")
        with tempfile.TemporaryDirectory() as home:
            environment = dict(harness.as_client("nvtop"), HOME=home, XDG_CONFIG_HOME=home, TERM="xterm", LC_ALL="C.UTF-8")
            screen = Screen([str(harness.THIRD_PARTY / "nvtop" / "usr" / "bin" / "nvtop"), "-C", "-d", "2"], environment)
            try:
                text = harness.eventually(lambda: (t := screen.text()) if re.search(rf"\b{self.on_whole.pid}\b", t := screen.text())
                                          and re.search(rf"\b{self.on_mig.pid}\b", t) else None, "both pids in nvtop", 20)
            except AssertionError as error:
                raise AssertionError(f"{error}\n{screen.text()}") from None
            finally:
                code = screen.close()
        self.assertEqual(code, 0)
        for index, row in enumerate(smi()):
            name = row["name"].removeprefix("NVIDIA ")
            self.assertRegex(text, rf"Device {index} +\[(NVIDIA )?{re.escape(name)}\]")
        total = [float(row["memory.total"]) / 1024 for row in smi()]
        shown = [float(found) for found in re.findall(r"/([0-9.]+)Gi\]", text)]
        self.assertEqual(len(shown), 2, text)
        for theirs, ours in zip(shown, total):
            self.near(theirs, ours, 0.01, "total memory")
        rows = {int(pid): line for line in text.splitlines() for pid in re.findall(r"^ *(\d+) ", line)}
        self.assertRegex(rows[self.on_mig.pid], r" 0 .*mig-workload")
        self.assertRegex(rows[self.on_whole.pid], r" 1 .*mig-workload")

    def scrape(self):
        """{(metric, index): value} of nvitop-exporter once every device has its metrics."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen([str(VENV / "bin" / "nvitop-exporter"), "--bind-address", "127.0.0.1", "--port", str(port),
                                    "--interval", "0.3"], env=harness.as_client("nvitop-exporter"),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

        def fetch():
            self.assertIsNone(process.poll(), "nvitop-exporter ended")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                    text = answer.read().decode()
            except (urllib.error.URLError, ConnectionError):
                return None
            found = re.findall(r'^gpu_(\w+)\{[^}]*index="([^"]+)"[^}]*uuid="([^"]+)"[^}]*\} (\S+)$', text, re.M)
            metrics = {(metric, uuid): float(value) for metric, _, uuid, value in found}
            return metrics if len({uuid for _, uuid in metrics}) == 2 + len(self.instances) and \
                ("temperature_C", self.whole["uuid"]) in metrics else None
        try:
            return harness.eventually(fetch, "metrics of every device", 20)
        finally:
            process.terminate()
            process.communicate()

    def test_nvitops_exporter(self):
        metrics, ours = self.scrape(), smi()
        for row in ours:
            self.assertEqual(round(metrics["memory_total_MiB", row["uuid"]]), int(row["memory.total"]))
            self.near(metrics["memory_used_MiB", row["uuid"]], row["memory.used"], 0.02, "memory used")
            self.near(metrics["power_usage_W", row["uuid"]], row["power.draw"], 0.2, "power")
            self.assertEqual(metrics["power_limit_W", row["uuid"]], float(row["enforced.power.limit"]))
            self.near(metrics["temperature_C", row["uuid"]], row["temperature.gpu"], 0.1, "temperature")
            self.near(metrics["clock_sm_MHz", row["uuid"]], row["clocks.sm"], 0.05, "SM clock")
            self.assertEqual(metrics["clock_memory_MHz", row["uuid"]], float(row["clocks.mem"]))
        for instance, compute in self.instances:
            self.assertEqual(metrics["memory_total_MiB", compute["uuid"]], instance["memoryMib"])


if __name__ == "__main__":
    harness.main("1x h200-141gb, 1x a100-sxm4-40gb", root=True)

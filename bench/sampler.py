#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a tick of migd's sampler costs: time, CPU, memory, and a client's wait for the sample.

    sampler.py MIGCTL                       on a simulated machine of 8 H200 with 7 instances each
    sampler.py MIGCTL --h200-latencies      the same, with driver calls as slow as on an H200
    sampler.py MIGCTL --real                the GPUs of this machine, read-only: nothing is changed

Needs migctl alone (and beside it its simulator for the first two). Starts a daemon of its own on a socket in a temporary folder and
prints one JSON document. --seconds and --sample say for how long and how often.

The simulator sleeps for a call's time; a real driver works (nvml_call_cpu.py), on the processor that is counted here. So for
simulated latencies the time of the ticks counts in the place of their thread's: cpuPercentIfTheDriverWorks. The thread that
reads the machine for the leases is left out there: without leases it rests on hardware, and looks every 10 s on a simulated machine
only, whose programs keep no device node open.
"""
import argparse
import http.client
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

# H200, driver 580.159.04, idle, by nvidia-ml-py: medians. Shorter ones are left out: the simulator sleeps, and no sleep is shorter
# than the kernel's 50 us.
H200 = {"nvmlDeviceGetTotalEnergyConsumption": "3ms", "nvmlGpmMetricsGet": "1230us", "nvmlDeviceGetMigMode": "158us"}
TARGETS = {"tickP99Ms": 50, "cpuPercentOfACore": 2}


class Client(http.client.HTTPConnection):
    """HTTP over a UNIX socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def sample(path):
    client = Client(path)
    try:
        client.request("GET", "/v1/sample")
        return json.loads(client.getresponse().read())
    finally:
        client.close()


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def thread_seconds(pid, without=()):
    """The same by the scheduler's own clock, of the threads that live: migd's do. `without`: threads by name."""
    return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
               if (task / "comm").read_text(encoding="ascii").strip() not in without) / 1e9


def memory_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return None


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def run(arguments, environment, words, check=True):
    done = subprocess.run([arguments.migctl, *words], env=environment, capture_output=True, text=True, check=False)
    if check and done.returncode:
        sys.exit(f"migctl {' '.join(words)}: {done.stderr or done.stdout}")
    return done


def make_machine(arguments, environment):
    """8 x H200 with 7 instances each, and work on half of them."""
    run(arguments, environment, ["sim", "create", "bench", "--gpus", "8x h200-141gb",
                                 "--latency", "true" if arguments.h200_latencies else "none"])
    run(arguments, environment, ["--sim", "bench", "mode", "enable"])
    listed = json.loads(run(arguments, environment, ["--sim", "bench", "list", "--json"]).stdout)
    for gpu in listed["gpus"]:
        if len(gpu["gpuInstances"]) == 0:
            run(arguments, environment, ["--sim", "bench", "create", *["1g.18gb"] * 7, "-i", str(gpu["index"])])
    if arguments.h200_latencies:
        words = ["sim", "inject", "bench"]
        for function, time_of in H200.items():
            words += ["--latency", f"{function}={time_of}"]
        run(arguments, environment, words)


def measure(arguments, path, daemon):
    """What it costs when nobody asks; then ticks by the daemon's own clocks, one by one."""
    while (document := sample(path))["tick"] < 3 or not document["gpus"]:
        time.sleep(0.1)
    before, others, at = thread_seconds(daemon.pid), thread_seconds(daemon.pid, ("sampler", "driver")), time.monotonic()
    time.sleep(arguments.seconds)
    quiet = (thread_seconds(daemon.pid) - before) / (time.monotonic() - at) * 100
    others = (thread_seconds(daemon.pid, ("sampler", "driver")) - others) / (time.monotonic() - at) * 100
    ticks, waits, parts, last = [], [], {}, None
    begun, cpu = None, None
    end = None
    while end is None or time.monotonic() < end:
        at = time.monotonic()
        document = sample(path)
        waits.append((time.monotonic() - at) * 1e3)
        if document["gpus"] and document["tick"] != last:
            last = document["tick"]
            if last >= 3 and begun is None:
                begun, cpu, end = time.monotonic(), thread_seconds(daemon.pid), time.monotonic() + arguments.seconds
            if begun is not None:
                seconds = {c["name"]: c["durationSeconds"] * 1e3 for c in document["collectors"]}
                ticks.append(sum(seconds.values()))
                for name, value in seconds.items():
                    parts.setdefault(name, []).append(value)
        time.sleep(arguments.every_ms / 1e3 / 2)
    spent = time.monotonic() - begun
    used = (thread_seconds(daemon.pid) - cpu) / spent * 100
    instances = sum(len(gpu["gpuInstances"]) for gpu in document["gpus"])
    return {
        "simulated": document["simulated"], "driverVersion": document["driverVersion"],
        "gpus": [gpu["name"] for gpu in document["gpus"]], "gpuInstances": instances,
        "ticks": len(ticks), "seconds": round(spent, 1), "intervalMs": arguments.every_ms,
        "tickP50Ms": round(statistics.median(ticks), 3), "tickP99Ms": round(percentile(ticks, 0.99), 3),
        "partsP50Ms": {name: round(statistics.median(values), 3) for name, values in sorted(parts.items())},
        "partsMostMs": {name: round(max(values), 3) for name, values in sorted(parts.items())},
        "cpuPercentOfACore": round(quiet, 2),
        "cpuPercentIfTheDriverWorks": round(others + sum(ticks) / spent / 10, 2) if arguments.h200_latencies else None,
        "cpuPercentWithTwoQuestionsPerTick": round(used, 2),
        "memoryMib": round(memory_mib(daemon.pid), 1),
        "waitForSampleP50Ms": round(statistics.median(waits), 3),
        "waitForSampleP99Ms": round(percentile(waits, 0.99), 3),
        "collectors": {c["name"]: c["error"] for c in document["collectors"] if not c["success"]},
        "last": document["gpus"][0] if document["gpus"] else None, "targets": TARGETS}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("migctl")
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--h200-latencies", action="store_true")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--sample", default="1s")
    arguments = parser.parse_args()
    arguments.migctl = os.path.abspath(arguments.migctl)
    unit = 1 if arguments.sample.endswith("ms") else 1000
    arguments.every_ms = float(arguments.sample.removesuffix("ms").removesuffix("s")) * unit
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "migd.sock")
        environment = {**os.environ, "MIGSIM_ROOT": os.path.join(folder, "sim"), "MIGCTL_STATE_DIR": os.path.join(folder, "state")}
        words = ["serve", "--socket", path, "--sample", arguments.sample, "--guard-nodes=off"]
        if not arguments.real:
            environment.pop("MIGCTL_STATE_DIR")
            os.makedirs(environment["MIGSIM_ROOT"])
            make_machine(arguments, environment)
            words = ["--sim", "bench", *words]
        with subprocess.Popen([arguments.migctl, *words], env=environment, stdout=sys.stderr) as daemon:
            try:
                for _ in range(300):
                    if os.path.exists(path) or daemon.poll() is not None:
                        break
                    time.sleep(0.1)
                if daemon.poll() is not None:
                    return daemon.returncode
                print(json.dumps(measure(arguments, path, daemon), indent=2))
            finally:
                daemon.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())

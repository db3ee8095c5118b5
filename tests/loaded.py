#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs tests many times beside busy loops and says how often each passed.

    tests/loaded.py BUILD [--times 20] [--loops 4] [--jobs 1] [--logs DIR] [NAME...]

Each two cores of the machine are a place of their own: four loops that never sleep, and `--jobs` tests at a time, all
bound to these two. NAMEs are ctest's; without any those that read a clock or wait (CLOCKS below). On demand, not in
CI. Ends with 1 when a run failed, whose output is then in the folder of --logs (a new one in /tmp by default).
"""

import argparse
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time

CLOCKS = """
apply_test base_test cli_test config_test daemon_test device_test holders_test http_test launch_test lease_test
machine_walk_test service_test sim_client_test sim_exports_test sim_machine_test sim_tools_test smi_on_simulator_test
store_test workload_test
e2e_clients e2e_concurrency e2e_drop_in e2e_holders e2e_isolate e2e_jobs e2e_lab_run e2e_lab_smi e2e_layouts e2e_leases
e2e_migrate e2e_output e2e_settings e2e_shell e2e_signals e2e_slots e2e_spare e2e_tenants e2e_transaction e2e_workload
fault_sweep hostile_walk journal_trouble hammer lease_broker lease_contention smi_readings
""".split()

LOOP = 'while kill -0 "$1" 2>/dev/null; do :; done'  # a shell builtin: starts no process, and ends with this one


def tests_of(build):
    """{name: (command, properties)} of all tests in ctest."""
    shown = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], check=True, capture_output=True)
    return {test["name"]: (test["command"], {entry["name"]: entry["value"] for entry in test.get("properties", [])})
            for test in json.loads(shown.stdout)["tests"] if "command" in test}


def end(process):
    """Ends the test with all processes of its session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run(test, log, cores, running):
    """passed, failed, skipped or timed out, as ctest decides; `running` holds the process meanwhile."""
    command, properties = test
    environment = dict(os.environ)
    environment.update(entry.split("=", 1) for entry in properties.get("ENVIRONMENT", []))
    environment.setdefault("TEST_TMPDIR", os.path.dirname(log))  # GoogleTest's variable
    with open(log, "wb") as out:
        process = subprocess.Popen(command, cwd=properties.get("WORKING_DIRECTORY"), env=environment, stdout=out,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
                                   preexec_fn=lambda: os.sched_setaffinity(0, cores))
        running.add(process)
        try:
            code = process.wait(float(properties.get("TIMEOUT", 1500)))
        except subprocess.TimeoutExpired:
            return "timed out"
        finally:
            end(process)
            process.wait()
            running.discard(process)
    if code == int(properties.get("SKIP_RETURN_CODE", -1)):
        return "skipped"
    return "passed" if code == 0 else "failed"


class Runs:
    def __init__(self, tests, names, times, logs):
        self.tests, self.logs, self.lock = tests, logs, threading.Lock()
        self.running = set()
        self.found = {name: [] for name in names}
        self.slowest = dict.fromkeys(names, 0.0)
        self.todo = queue.Queue()
        for number in range(times):
            for name in names:
                self.todo.put((name, number))

    def work(self, cores, until):
        while time.monotonic() < until:
            try:
                name, number = self.todo.get_nowait()
            except queue.Empty:
                return
            log = os.path.join(self.logs, f"{name}.{number}.log")
            began = time.monotonic()
            outcome = run(self.tests[name], log, cores, self.running)
            with self.lock:
                self.found[name].append(outcome)
                self.slowest[name] = max(self.slowest[name], time.monotonic() - began)
            if outcome in ("passed", "skipped"):
                os.remove(log)
            else:
                print(f"{outcome}: {name}, see {log}", flush=True)

    def table(self):
        lines = []
        for name, outcomes in self.found.items():
            counts = {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}
            others = "".join(f", {count} {word}" for word, count in counts.items() if word != "passed")
            lines.append(f"{name:<28} {counts.get('passed', 0):>3} of {len(outcomes)}{others}"
                         f"  (longest {self.slowest[name]:.0f} s)")
        return "\n".join(lines)


def places():
    """Pairs of the available cores; an odd one joins the last pair."""
    cores = sorted(os.sched_getaffinity(0))
    pairs = [set(cores[i:i + 2]) for i in range(0, max(len(cores) - 1, 1), 2)]
    pairs[-1] |= set(cores[2 * len(pairs):])
    return pairs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--loops", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1e9, help="start nothing more after so long")
    parser.add_argument("--logs")
    arguments = parser.parse_intermixed_args()
    tests = tests_of(arguments.build)
    names = arguments.names or CLOCKS
    unknown = [name for name in names if name not in tests]
    if unknown:
        sys.exit("ctest does not know " + ", ".join(unknown))
    logs = arguments.logs or tempfile.mkdtemp(prefix="migctl-loaded-")
    os.makedirs(logs, exist_ok=True)
    runs = Runs(tests, names, arguments.times, logs)
    until = time.monotonic() + arguments.seconds
    loops, threads = [], []
    try:
        for cores in places():
            for _ in range(arguments.loops):
                loops.append(subprocess.Popen(["sh", "-c", LOOP, "sh", str(os.getpid())],
                                              preexec_fn=lambda cores=cores: os.sched_setaffinity(0, cores)))
            threads += [threading.Thread(target=runs.work, args=(cores, until), daemon=True)
                        for _ in range(arguments.jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
        for process in list(runs.running):
            end(process)
        print(runs.table())
    return 0 if all(outcomes == ["passed"] * arguments.times for outcomes in runs.found.values()) else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())

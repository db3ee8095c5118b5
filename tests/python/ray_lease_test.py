#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""integrations/python/examples/ray_lease.py on a simulated machine: actors and tasks have instances of their own, and a killed driver leaves none behind.

Usage: ray_lease_test.py BIN
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import leasing
from verdict import expect, run, wait

EXAMPLE = leasing.ROOT / "integrations" / "python" / "examples" / "ray_lease.py"


def start(temporary, *words):
    environment = dict(os.environ, PYTHONPATH=str(leasing.SOURCE), RAY_TMPDIR=temporary, RAY_USAGE_STATS_ENABLED="0", PYTHONDONTWRITEBYTECODE="1")
    return subprocess.Popen([str(leasing.THIRD_PARTY / "ray-venv" / "bin" / "python3"), *words], env=environment, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)


def the_example(box, temporary):
    with start(temporary, str(EXAMPLE), "1g.5gb") as program:
        said = program.communicate(timeout=300)[0]
    expect(program.returncode == 0, f"the example: {program.returncode} {said[-3000:]}")
    actors = re.findall(r"actor in worker \d+ has (MIG-\S+)", said)
    task = re.findall(r"task had (MIG-\S+)", said)
    expect(len(set(actors)) == 2 and len(task) == 1, f"two actors with instances of their own, and a task: {said}")
    wait("the example left leases", lambda: not box.client.leases())
    jobs = {event["job"] for event in box.client.call("GET", "/v1/history/leases")["events"] if event["action"] == "granted"}
    expect(jobs == {"ray-trainer", "ray-task"}, f"{jobs}")


def a_killed_driver(box, temporary):
    code = (f"import sys; sys.path.insert(0, {str(EXAMPLE.parent)!r})\n"
            "import ray, ray_lease, time\n"
            "ray.init(num_cpus=1, num_gpus=0, include_dashboard=False, logging_level='ERROR')\n"
            "trainer = ray_lease.Trainer.remote('3g.20gb')\nprint('has', *ray.get(trainer.where.remote()), flush=True)\ntime.sleep(600)\n")
    with start(temporary, "-c", code) as program:
        line = ""
        while not line.startswith("has MIG-"):
            line = program.stdout.readline()
            expect(line, "the driver ended")
        (lease,) = box.client.leases()
        expect(lease["holder"]["pid"] == int(line.split()[2]), f"the lease is the worker's: {lease['holder']}, {line}")
        program.kill()
        wait("the driver was killed, its actor's lease is held", lambda: not box.client.leases())


def main():
    leasing.need_root()
    leasing.need("ray")
    temporary = tempfile.mkdtemp(prefix="r", dir="/tmp")  # short: Ray's sockets are there
    with tempfile.TemporaryDirectory(prefix="migctl-ray-") as folder:
        box = leasing.Box(sys.argv[1], folder)
        try:
            the_example(box, temporary)
            a_killed_driver(box, temporary)
        finally:
            box.close()
            shutil.rmtree(temporary, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(run(main))

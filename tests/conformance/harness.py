# SPDX-License-Identifier: Apache-2.0
"""Harness of the conformance tests: a private simulated machine, the pinned client, skips with a reason.

A test file calls main() with the machine it wants. The file then runs twice: first by the system's
python3, which makes the machine and cleans it up, and inside that by the interpreter that has the
client, with the environment `migctl sim env` prints and nothing else that knows of the simulator.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import calls

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
THIRD_PARTY = ROOT / "build" / "third_party"
SKIPPED = 77
INSIDE = "MIG_CONFORMANCE_INSIDE"
CALLS = "MIG_CONFORMANCE_CALLS"  # folder of the clients' call traces


def binaries():
    """Folder of migctl and mig-workload; ctest sets the build under test."""
    return pathlib.Path(os.environ.get("MIG_BIN_DIR", ROOT / "build" / "bin")).resolve()


def skip(why):
    """Ends the test as skipped; scripts/test prints the reason above ctest's summary."""
    print(f"SKIPPED: {pathlib.Path(sys.argv[0]).stem}: {why}")
    sys.exit(SKIPPED)


def need(client):
    """Skips unless get_clients.py could fetch `client` ("python" or "mig-parted")."""
    status = THIRD_PARTY / "status.json"
    if not status.is_file():
        skip("no third-party clients yet; run tests/conformance/get_clients.py (scripts/test does)")
    state = json.loads(status.read_text()).get(client, {"ok": False, "why": "never fetched"})
    if not state["ok"]:
        skip(f"{client} cannot be had: {state['why']}")


def need_or_skip(test, client):
    """Skips one test of a file unless `client` is there; the reason is shown like a skipped file's."""
    state = json.loads((THIRD_PARTY / "status.json").read_text()).get(client, {"ok": False, "why": "never fetched"})
    if not state["ok"]:
        why = f"{client} cannot be had: {state['why']}"
        print(f"SKIPPED: {test.id().removeprefix('__main__.')}: {why}", flush=True)
        test.skipTest(why)


def as_client(name, environment=None):
    """Environment of a client's process, in which the simulator records its calls under that name (calls.py)."""
    environment = dict(os.environ if environment is None else environment)
    environment["MIGSIM_TRACE"] = os.path.join(os.environ[CALLS], f"{name}.trace")
    return environment


def without_trace():
    return {name: value for name, value in os.environ.items() if name != "MIGSIM_TRACE"}


def need_root(what):
    if os.geteuid() != 0:
        skip(f"{what} needs root")


class Machine:
    """Context manager: a simulated machine."""

    def __init__(self, gpus, *options):
        self.gpus, self.options = gpus, options  # as for `migctl sim create`

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="mig-conformance-")
        os.environ[CALLS] = os.path.join(self.folder, "calls")
        os.mkdir(os.environ[CALLS])
        os.environ["MIGSIM_ROOT"] = os.path.join(self.folder, "machines")
        os.environ["NO_COLOR"] = "1"
        migctl("sim", "create", "box", "--gpus", self.gpus, *self.options, sim=False)
        return self

    def __exit__(self, *_):
        migctl("sim", "destroy", "box", "--force", sim=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def environment():
        """The variables `migctl sim env` prints, as a client's environment."""
        printed = migctl("sim", "env", "box", sim=False)
        done = subprocess.run(["sh", "-c", printed + "\nenv -0"], capture_output=True, check=True)
        variables = dict(entry.split("=", 1) for entry in done.stdout.decode().split("\0") if entry)
        return variables


def migctl(*arguments, sim=True, code=0, text=None):
    """Runs migctl on the test's machine; fails on an exit code other than `code` (None: any)."""
    command = [str(binaries() / "migctl"), *(["--sim", "box"] if sim else []), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, input=text or "", env=without_trace())
    if code is not None and done.returncode != code:
        raise AssertionError(f"{' '.join(command)}: exit code {done.returncode}, not {code}\n"
                             f"{done.stdout}{done.stderr}")
    return done.stdout


def migctl_json(*arguments, **options):
    return json.loads(migctl(*arguments, "--json", **options))


def board(key):
    """The board file of `key`: the expected figures of the simulated machine."""
    return json.loads((ROOT / "sim" / "gpus" / f"{key.replace('-', '_')}.json").read_text())


def full_profiles(profile):
    """Compute profiles with all slices of a GPU instance profile of a board file."""
    return [c for c in profile["compute_profiles"] if c["slices"] == profile["slices"]]


def with_two_full_profiles(key):
    """GPU instance profiles, by name, with two full compute profiles: a double-memory 1g with more SMs than a 1g."""
    return [p["name"].removeprefix("MIG ") for p in board(key)["mig"]["profiles"] if len(full_profiles(p)) > 1]


def smaller_name(key, name):
    """migctl's name of the compute instance with fewer SMs."""
    (profile,) = [p for p in board(key)["mig"]["profiles"] if p["name"] == f"MIG {name}"]
    return f"{name}@{min(c['sm'] for c in full_profiles(profile))}sm"


class Workload:
    """Context manager: a mig-workload training, attached before the body runs."""

    def __init__(self, visible, seconds=60):
        self.visible, self.seconds = visible, seconds

    def __enter__(self):
        environment = dict(without_trace(), CUDA_VISIBLE_DEVICES=self.visible)
        self.process = subprocess.Popen(
            [str(binaries() / "mig-workload"), "train", "--seconds", str(self.seconds)],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return self

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def eventually(condition, what, seconds=10):
    """Polls condition() until it is truthy and returns its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(0.05)


def main(gpus, *options, client="python", root=False, caller="nvidia-ml-py"):
    """Entry of a test file: `gpus` and more options as for `migctl sim create --gpus`. `caller` is the name under
    which the calls of the test's own process are recorded; other clients use as_client()."""
    if os.environ.get(INSIDE):
        unittest.main()
    if client:
        need(client)
    if root:
        need_root("changing the machine's layout")
    with Machine(gpus, *options) as machine:
        environment = machine.environment()
        python = sys.executable
        if client == "python":
            python = THIRD_PARTY / "venv" / "bin" / "python3"
            environment = as_client(caller, environment)
        code = subprocess.call([str(python), *sys.argv], env=dict(environment, **{INSIDE: "1"}), stdin=subprocess.DEVNULL)
        if code == 0 and len(sys.argv) == 1:  # only when all tests of the file ran: otherwise calls are missing
            code = calls.check(pathlib.Path(sys.argv[0]).stem, os.environ[CALLS])
    sys.exit(code)

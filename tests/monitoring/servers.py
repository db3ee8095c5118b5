# SPDX-License-Identifier: Apache-2.0
"""Debian's Prometheus and Alertmanager, and migd, as processes of a test."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
THIRD_PARTY = ROOT / "build" / "third_party"
PROGRAMS = THIRD_PARTY / "prometheus" / "usr" / "bin"
SKIPPED = 77


def need():
    """Ends the program as skipped unless get_clients.py could fetch Prometheus."""
    status = THIRD_PARTY / "status.json"
    state = json.loads(status.read_text()).get("prometheus") if status.is_file() else None
    state = state or {"ok": False, "why": "never fetched; run tests/conformance/get_clients.py (scripts/test does)"}
    if not state["ok"]:
        print(f"SKIPPED: {pathlib.Path(sys.argv[0]).stem}: prometheus cannot be had: {state['why']}")
        sys.exit(SKIPPED)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(address, timeout=10, **headers):
    request = urllib.request.Request(address, headers={name.replace("_", "-"): value for name, value in headers.items()})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return answer.read().decode()


def eventually(condition, what, seconds=60):
    """Polls until condition() is truthy, and returns that. The limit is for a loaded machine; none of it is waited for otherwise."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(0.1)


class Process:
    """A program whose output goes to a file, ended with the `with` block."""

    def __init__(self, folder, name, *command, environment=None):
        self.log = pathlib.Path(folder) / f"{name}.log"
        self.command, self.name, self.environment = [str(part) for part in command], name, environment

    def __enter__(self):
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def alive(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.log.read_text()[-4000:]}")


class Prometheus(Process):
    def __init__(self, folder, config):
        self.port = free_port()
        super().__init__(folder, "prometheus", PROGRAMS / "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
                         f"--web.listen-address=127.0.0.1:{self.port}")

    def __enter__(self):
        super().__enter__()
        eventually(self.ready, "Prometheus is ready")
        return self

    def ready(self):
        self.alive()
        try:
            return "Ready" in get(f"http://127.0.0.1:{self.port}/-/ready")
        except (urllib.error.URLError, ConnectionError):
            return False

    def ask(self, path, **parameters):
        answer = json.loads(get(f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=60))
        if answer["status"] != "success":
            raise AssertionError(f"{path} {parameters}: {answer}")
        return answer["data"]["result"]

    def query(self, expression):
        """[(labels, value)]; for a range vector the value is [(time, value)]."""
        return [(one["metric"], one["values"] if "values" in one else float(one["value"][1]))
                for one in self.ask("query", query=expression)]

    def over(self, expression, seconds, step):
        """Series that the expression had at any time of the last `seconds`."""
        now = time.time()
        return self.ask("query_range", query=expression, start=now - seconds, end=now, step=step)


# Debian's Alertmanager reads /usr/share/prometheus. It is unpacked, not installed: in a mount namespace of its own it finds it.
IN_PLACE = 'mount -t tmpfs tmpfs /usr/share && mkdir /usr/share/prometheus && mount --bind "$0" /usr/share/prometheus && exec "$@"'


class Alertmanager(Process):
    def __init__(self, folder, config):
        self.port = free_port()
        super().__init__(folder, "alertmanager", "unshare", "--mount", "--propagation", "private", "sh", "-c", IN_PLACE,
                         (PROGRAMS.parent / "share" / "prometheus").resolve(),
                         (PROGRAMS / "prometheus-alertmanager").resolve(), f"--config.file={config}",
                         f"--storage.path={folder}/alerts", f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address=")

    def __enter__(self):
        super().__enter__()
        eventually(self.answers, "Alertmanager is ready")
        return self

    def answers(self):
        self.alive()
        try:
            return "OK" in get(f"http://127.0.0.1:{self.port}/-/ready")
        except (urllib.error.URLError, ConnectionError):
            return False

    def alerts(self):
        """Labels of the alerts that fire now."""
        return [alert["labels"] for alert in json.loads(get(f"http://127.0.0.1:{self.port}/api/v2/alerts"))
                if alert["status"]["state"] in ("active", "suppressed")]


class Migd(Process):
    def __init__(self, folder, migctl, *options):
        self.port = free_port()
        super().__init__(folder, "migd", migctl, "--sim", "box", "serve", "--listen", f"127.0.0.1:{self.port}", *options)

    def __enter__(self):
        super().__enter__()
        eventually(self.samples, "migd has taken a sample")
        return self

    def samples(self):
        self.alive()
        try:
            return "mig_gpu_info{" in self.page()
        except (urllib.error.URLError, ConnectionError):
            return False

    def page(self, **options):
        return get(f"http://127.0.0.1:{self.port}/metrics", **options)


def series(page, name):
    """[(labels, value)] of a family on a page."""
    found = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", page, re.M)
    return [(dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels)), float(value)) for labels, value in found]


def expressions(dashboard):
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]


def bin_folder():
    return pathlib.Path(os.environ.get("MIG_BIN_DIR", ROOT / "build" / "bin")).resolve()

# SPDX-License-Identifier: Apache-2.0
"""migd on a simulated machine, and programs that lease there by integrations/python; for the tests of this folder."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE = ROOT / "integrations" / "python" / "src"
sys.path[:0] = [str(ROOT / "tests" / "api"), str(ROOT / "tests"), str(SOURCE)]
import client as frame  # noqa: E402  pylint: disable=wrong-import-position
from verdict import Skip, expect, wait  # noqa: E402  pylint: disable=wrong-import-position

import migctl_lease  # noqa: E402  pylint: disable=wrong-import-position

# One that users other than root can start: an interpreter in root's home is none.
PYTHON = next(path for path in ("/usr/bin/python3", sys.executable) if os.path.exists(path))
THIRD_PARTY = ROOT / "build" / "third_party"
USER, LOOKER = 61002, 61003
SYSTEM_USER = "games"  # every Debian has it, and nothing runs as it
TENANTS = f"""version: v1
others: none
tenants:
  team: {{users: [{USER}], role: user, quota: {{instances: 2}}, job: {{time: 1h}}}}
  class: {{users: [{SYSTEM_USER}], role: user}}
  lookers: {{users: [{LOOKER}], role: viewer}}
"""


class Box:
    """migd on a machine with four 1g.5gb and one 3g.20gb, and programs that lease there."""

    def __init__(self, binaries, folder):
        self.folder = pathlib.Path(folder)
        self.folder.chmod(0o755)
        (self.folder / "tenants.yaml").write_text(TENANTS, encoding="utf-8")
        shutil.copytree(SOURCE / "migctl_lease", self.folder / "py" / "migctl_lease")  # where every user can read it
        shutil.copy(pathlib.Path(__file__).with_name("programs.py"), self.folder / "py")
        self.daemon = frame.Daemon(binaries, folder, "--tenants", str(self.folder / "tenants.yaml"))
        self.daemon.on_box("mode", "enable", "-i", "0")
        self.daemon.on_box("create", "-i", "0", "3g.20gb:4", *["1g.5gb"] * 4)
        self.daemon.start()
        os.environ["MIGCTL_SOCKET"] = str(self.daemon.socket)
        os.environ["PATH"] = self.daemon.environment["PATH"]
        os.environ["MIGSIM_MACHINE"] = str(self.folder / "machines" / "box")
        self.client = migctl_lease.Client()
        self.programs = []

    def program(self, *words, uid=0):
        """A program of programs.py as that user."""
        more = {"user": uid, "group": uid, "extra_groups": []} if uid else {}
        process = subprocess.Popen([PYTHON, str(self.folder / "py" / "programs.py"), *words], stdout=subprocess.PIPE, text=True,
                                   stdin=subprocess.DEVNULL, env=dict(os.environ, PYTHONPATH=str(self.folder / "py"), PYTHONDONTWRITEBYTECODE="1"), **more)
        self.programs.append(process)
        return process

    def line(self, process):
        found = process.stdout.readline().strip()
        expect(found, f"a program ended without a word: {process.poll()}")
        return found

    def held(self):
        return {lease["id"]: lease for lease in self.client.leases() if lease["ending"] is None}

    def until_free(self, what):
        wait(what, lambda: not self.client.leases())

    def close(self):
        for process in self.programs:
            process.kill()
            process.wait()
        self.daemon.stop()


def need(client):
    """Skips unless get_clients.py could fetch it."""
    status = THIRD_PARTY / "status.json"
    state = json.loads(status.read_text()).get(client) if status.is_file() else None
    if not state or not state["ok"]:
        raise Skip(f"{client} cannot be had: {state['why'] if state else 'never fetched: tests/conformance/get_clients.py'}")


def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root: clients are processes of other users")

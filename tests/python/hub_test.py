#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""integrations/python/examples/jupyterhub_spawner.py in a real JupyterHub on a simulated machine: a server has an instance for its life, who finds none
gets no server, and a restart of the hub takes nobody's instance. The notebook server and the proxy are stand-ins (hub_config.py).

Usage: hub_test.py BIN
"""
import http.client
import json
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import leasing
from verdict import expect, run, wait

HERE = pathlib.Path(__file__).resolve().parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Hub:
    """A hub; with `system_user` one that starts servers as that user of this machine."""

    def __init__(self, folder, system_user=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        (self.folder / "said").mkdir()
        server = shutil.copy(HERE / "notebook_server.py", self.folder)  # where every user can read it
        if system_user:
            os.chown(self.folder / "said", pwd.getpwnam(system_user).pw_uid, -1)
        self.port, self.token = free_port(), secrets.token_hex(16)
        self.environment = dict(os.environ, HUB_PORT=str(self.port), PUBLIC_PORT=str(free_port()), TEST_TOKEN=self.token, SAID=str(self.folder / "said"),
                                EXAMPLES=str(leasing.ROOT / "integrations" / "python" / "examples"), SERVER=str(server), SERVERS_PYTHON=leasing.PYTHON, SYSTEM_USERS="yes" if system_user else "",
                                PYTHONPATH=str(leasing.SOURCE), PYTHONDONTWRITEBYTECODE="1", HOME=str(self.folder))
        self.process = None

    def start(self):
        with (self.folder / "hub.log").open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen([str(leasing.THIRD_PARTY / "python-venv" / "bin" / "python3"), "-m", "jupyterhub", "-f", str(HERE / "hub_config.py")],
                                            cwd=self.folder, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait(lambda: f"the hub does not answer: {self.log()}", lambda: self.process.poll() is not None or self.ask("GET", "/hub/api/")[0] == 200)
        expect(self.process.poll() is None, f"the hub ended: {self.log()}")

    def log(self):
        return (self.folder / "hub.log").read_text(encoding="utf-8")[-3000:]

    def ask(self, method, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, headers={"Authorization": f"token {self.token}"})
            answer = connection.getresponse()
            text = answer.read().decode()
            return answer.status, json.loads(text) if text.startswith(("{", "[")) else text
        except OSError as error:
            return 0, str(error)
        finally:
            connection.close()

    def user(self, name):
        return self.ask("GET", f"/hub/api/users/{name}")[1]

    def server(self, name):
        """What the user's server wrote, once it is ready."""
        wait(lambda: f"{name}'s server is not ready: {self.user(name)} {self.log()}", lambda: self.user(name)["servers"].get("", {}).get("ready"))
        return json.loads((self.folder / "said" / f"{name}.json").read_text(encoding="utf-8"))

    def end(self, number):
        self.process.send_signal(number)
        self.process.wait(60)


def walk(box, hub):
    for name in ("ada", "ben"):
        expect(hub.ask("POST", f"/hub/api/users/{name}")[0] == 201, f"{name} cannot be made: {hub.log()}")
    status, answer = hub.ask("POST", "/hub/api/users/ada/server")
    expect(status in (201, 202), f"ada's server: {status} {answer} {hub.log()}")
    said = hub.server("ada")
    (lease,) = box.client.leases()
    expect(lease["job"] == "jupyter-ada" and lease["holder"]["pid"] == said["pid"], f"the lease is the server's: {lease}, {said}")
    expect(said["visible"] == lease["uuid"] and lease["uuid"] in said["seen"], f"the server sees its instance: {said}")

    # The only 3g.20gb is ada's: ben waits for 2 s, and then has no server and no place in the queue.
    hub.ask("POST", "/hub/api/users/ben/server")
    wait(lambda: f"ben's server is still pending: {hub.user('ben')}", lambda: not hub.user("ben").get("pending") and not hub.user("ben")["servers"])
    expect([lease["job"] for lease in box.client.leases()] == ["jupyter-ada"] and not box.client.queue(), "ben left something behind")

    # A hub that was killed and comes back still knows whose lease is whose.
    hub.end(signal.SIGKILL)
    hub.start()
    expect([one["id"] for one in box.client.leases()] == [lease["id"]], "the lease went with the hub")
    expect(hub.server("ada")["pid"] == said["pid"], "the server went with the hub")
    status, answer = hub.ask("DELETE", "/hub/api/users/ada/server")
    expect(status in (202, 204), f"{status} {answer}")
    wait("the server has stopped, its lease is held", lambda: not box.client.leases())

    # A server that dies takes its lease along.
    hub.ask("POST", "/hub/api/users/ben/server")
    os.kill(hub.server("ben")["pid"], signal.SIGKILL)
    wait("the server was killed, its lease is held", lambda: not box.client.leases())


def in_the_users_name(box, hub):
    """A hub of root's leases for the user: the user's tenant and quota count, and the server may end the lease."""
    hub.ask("POST", f"/hub/api/users/{leasing.SYSTEM_USER}")
    hub.ask("POST", f"/hub/api/users/{leasing.SYSTEM_USER}/server")
    said = hub.server(leasing.SYSTEM_USER)
    (lease,) = box.client.leases()
    expect(lease["uid"] == pwd.getpwnam(leasing.SYSTEM_USER).pw_uid and lease["tenant"] == "class", f"{lease}")
    # Not what its program sees of it: the simulated machine is root's own.
    expect(lease["holder"]["pid"] == said["pid"] and said["visible"] == lease["uuid"], f"{lease}, {said}")
    hub.ask("DELETE", f"/hub/api/users/{leasing.SYSTEM_USER}/server")
    wait("the server has stopped, its lease is held", lambda: not box.client.leases())


def main():
    leasing.need_root()
    leasing.need("python-tools")
    with tempfile.TemporaryDirectory(prefix="migctl-hub-") as folder:
        box = leasing.Box(sys.argv[1], folder)
        hubs = [(Hub(box.folder / "hub"), walk), (Hub(box.folder / "roots-hub", leasing.SYSTEM_USER), in_the_users_name)]
        try:
            for hub, work in hubs:
                hub.start()
                work(box, hub)
        finally:
            for hub, _ in hubs:
                if hub.process:
                    hub.end(signal.SIGKILL)
            for lease in box.client.leases():  # servers outlive the hub
                box.client.release(lease["id"])
            box.close()


if __name__ == "__main__":
    sys.exit(run(main))

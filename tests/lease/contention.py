#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many clients contend for the instances of a simulated machine while clients and daemon are killed.

Usage: contention.py BIN [--clients N] [--seconds S] [--kill-every S]
Long form (what the issue asks): MIGCTL_LEASE_CONTENTION=long contention.py build/bin

Each client is a process of its own that asks migd for an instance with itself as the holder, marks
the instance as its own in a folder, works a moment, checks that the lease is still its own, and gives
it back. Held against that:
  double   an instance is marked by another client that lives
  lost     a lease that was never given back was not there any more
  order    among requests alike, one that came later was served first
  leak     after the end something is still leased or waits
It lasts S seconds, and on a loaded machine until each client has been served once on average: how much is done in a
second is no business of this test.
"""
import argparse
import http.client
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time

GPUS = 8
PER_GPU = 7


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("migd", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)
        self.sock.settimeout(60)


def ask(path, method, target, body=None):
    """(status, document); None while the daemon is away."""
    connection = UnixConnection(path)
    try:
        connection.request(method, target, json.dumps(body) if body is not None else None)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def is_over(folder):
    """True also when the parent process died and its folder is gone."""
    return (folder / "over").exists() or not (folder / "held").exists()


def insist(path, method, target, body=None, folder=None):
    """As ask(), retried until the daemon is back or, in a client process, the run is over."""
    while True:
        answer = ask(path, method, target, body)
        if answer is not None:
            return answer
        if folder is not None and is_over(folder):
            return None
        time.sleep(0.05)


def start_ticks(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat[stat.rfind(")") + 2:].split()
    return None if fields[0] in "ZX" else fields[19]


def mark(folder, uuid):
    """Claims the instance in the test's own records; returns the text of a live previous owner.

    A mark file appears atomically (link): a client killed while writing leaves no half-written mark.
    """
    path = folder / uuid
    written = folder / f".new-{os.getpid()}"
    written.write_text(f"{os.getpid()} {start_ticks(os.getpid())}")
    try:
        while True:
            try:
                os.link(written, path)
                return None
            except FileExistsError:
                pass
            try:
                pid, start = path.read_text().split()
                if start_ticks(pid) == start:
                    return f"{uuid} is marked by {pid}, which lives"
                path.rename(folder / f".dead-{uuid}-{os.getpid()}-{time.monotonic_ns()}")
            except FileNotFoundError:
                pass  # just removed
    finally:
        written.unlink()


def client(path, folder, number):
    """One client, until the end of the run; logs its observations as lines of JSON."""
    random.seed(number)
    out = open(folder / f"log-{os.getpid()}", "w", encoding="utf-8", buffering=1)
    count = 0
    while not is_over(folder):
        count += 1
        key = f"{os.getpid()}-{count}"
        body = {"need": {"profile": "1g.5gb"}, "holder": {"pid": os.getpid()}, "waitMs": 120000,
                "key": key, "job": key}
        while True:
            answer = insist(path, "POST", "/v1/leases", body, folder)
            if answer is None:
                return
            status, document = answer
            if status != 202:
                break
            if is_over(folder):
                return  # our end ends the request
        if status != 200:
            out.write(json.dumps({"error": document}) + "\n")
            continue
        lease = document["leases"][0]
        trouble = mark(folder / "held", lease["uuid"])
        if trouble:
            out.write(json.dumps({"double": trouble, "lease": lease["id"]}) + "\n")
        time.sleep(random.uniform(0.0, 0.02))
        if not trouble:
            (folder / "held" / lease["uuid"]).unlink()
        answer = ask(path, "DELETE", f"/v1/leases/{lease['id']}")
        tries = 1
        while answer is None:
            tries += 1
            time.sleep(0.05)
            answer = ask(path, "DELETE", f"/v1/leases/{lease['id']}")
        # A try whose answer was lost with the daemon may have been carried out.
        if answer[0] != 200 and tries == 1:
            out.write(json.dumps({"lost": lease["id"], "answer": answer[1]}) + "\n")
        out.write(json.dumps({"lease": lease["id"], "request": lease["request"]}) + "\n")


class Machine:
    def __init__(self, binaries, root):
        self.migctl = str(pathlib.Path(binaries) / "migctl")
        self.environment = dict(os.environ, MIGSIM_ROOT=str(root))
        self.environment.pop("MIGSIM_MACHINE", None)
        self.environment["MIGCTL_SOCKET"] = self.socket = str(root / "migd.sock")
        self.daemon = None

    def run(self, *words):
        subprocess.run([self.migctl, *words], env=self.environment, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def make(self):
        self.run("sim", "create", "many", "--gpus", f"{GPUS}x a100-sxm4-40gb", "--latency", "none")
        self.run("--sim", "many", "mode", "enable")
        for gpu in range(GPUS):
            self.run("--sim", "many", "create", "-i", str(gpu), *["1g.5gb"] * PER_GPU)

    def serve(self):
        self.daemon = subprocess.Popen([self.migctl, "--sim", "many", "-q", "serve"],
                                       env=self.environment, stdout=subprocess.DEVNULL)

    def wait_until_ready(self):
        while not self.is_ready():
            if self.daemon.poll() is not None:
                sys.exit("migd did not start")
            time.sleep(0.02)

    def is_ready(self):
        return ask(self.socket, "GET", "/v1/leases") is not None


def fork_client(machine, folder, number):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            client(machine.socket, folder, number)
            code = 0
        finally:
            os._exit(code)
    return pid


def rows(folder):
    """Logs of the clients."""
    for log in folder.glob("log-*"):
        for line in log.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue  # truncated by a kill, or being written


def is_enough(folder, options):
    return sum("request" in row for row in rows(folder)) >= options.clients


def contend(machine, folder, options):
    until = time.monotonic() + options.seconds
    clients = {fork_client(machine, folder, n) for n in range(options.clients)}
    killed = {"clients": 0, "daemon": 0}
    random.seed(1)
    next_number = options.clients
    next_kill = time.monotonic() + options.kill_every
    while time.monotonic() < until or not is_enough(folder, options):
        time.sleep(min(0.05, options.kill_every))
        if time.monotonic() < next_kill:
            continue
        if machine.daemon.poll() is not None:
            sys.exit(f"migd ended by itself with {machine.daemon.returncode}")
        next_kill = time.monotonic() + options.kill_every
        # Progress: a daemon is killed only after it has served a request; otherwise frequent kills would prevent all
        # service.
        if killed["clients"] % 4 == 3 and killed["daemon"] * 5 < killed["clients"] and machine.is_ready():
            machine.daemon.send_signal(signal.SIGKILL)
            machine.daemon.wait()
            killed["daemon"] += 1
            machine.serve()
        victim = random.choice(sorted(clients))
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        clients.discard(victim)
        killed["clients"] += 1
        clients.add(fork_client(machine, folder, next_number))
        next_number += 1
    (folder / "over").touch()
    for pid in clients:
        os.waitpid(pid, 0)
    return killed


def left_after_all(machine):
    """Leases and requests left over by dead processes; the daemon has a minute from each death."""
    before, end = None, 0
    while True:
        left = insist(machine.socket, "GET", "/v1/leases")[1]["leases"]
        waiting = insist(machine.socket, "GET", "/v1/queue")[1]["queue"]
        if not left and not waiting:
            return None
        count = len(left) + len(waiting)
        if before is None or count < before:
            before, end = count, time.monotonic() + 60
        if time.monotonic() > end:
            return {"leak": {"leases": left, "queue": waiting}}
        time.sleep(0.1)


def verdict(machine, folder):
    troubles, served = [], []
    for row in rows(folder):
        if "request" in row:
            served.append((row["lease"], row["request"]))
        else:
            troubles.append(row)
    served.sort()
    for (one, first), (two, second) in zip(served, served[1:]):
        if second < first:
            troubles.append({"order": f"lease {two} of request {second} after lease {one} of {first}"})
    leak = left_after_all(machine)
    if leak:
        troubles.append(leak)
    return troubles, len(served)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bin")
    lengthy = os.environ.get("MIGCTL_LEASE_CONTENTION") == "long"
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60 if lengthy else 8)
    parser.add_argument("--kill-every", type=float, default=0.2)
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("skipped: changing the layout of a simulated machine of ours needs root")
        return 77
    with tempfile.TemporaryDirectory(prefix="migctl-contention-") as name:
        folder = pathlib.Path(name)
        (folder / "held").mkdir()
        machine = Machine(options.bin, folder)
        machine.make()
        machine.serve()
        try:
            machine.wait_until_ready()
            killed = contend(machine, folder, options)
            troubles, served = verdict(machine, folder)
        finally:
            machine.daemon.kill()
            machine.daemon.wait()
    for trouble in troubles[:20]:
        print("VIOLATION", json.dumps(trouble))
    print(f"{options.clients} clients, {GPUS * PER_GPU} instances, {options.seconds:g} s: {served} leases "
          f"served, {killed['clients']} clients and {killed['daemon']} daemons killed, "
          f"{len(troubles)} violations")
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of migd against hostile clients: excessive requests, false claims, spoofed identities.

Usage: broker.py BIN            needs root: the clients are processes of other users

Every check talks to a running migd over its socket, as a client other than migctl would.
"""
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

ALICE, BOB, VIEWER, STRANGER = 4001, 4002, 4003, 4004
TENANTS = """version: v1
others: none
tenants:
  alice: {users: [4001], quota: {instances: 2}}
  bob: {users: [4002]}
  lookers: {users: [4003], role: viewer}
"""
failures = []


def expect(what, good, seen=""):
    print(("ok      " if good else "FAILED  ") + what + ("" if good else f": {seen}"), flush=True)
    if not good:
        failures.append(what)


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("migd", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)  # without a timeout connect() blocks while the listen backlog is full
        self.sock.settimeout(30)


def as_user(uid, work):
    """Result (JSON) of `work`, run in a process of that user."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        try:
            if uid:
                os.setgroups([])
                os.setgid(uid)
                os.setuid(uid)
            with os.fdopen(writer, "w") as out:
                json.dump(work(), out)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    return json.loads(text)


class Broker:
    def __init__(self, binaries, root):
        self.migctl = str(pathlib.Path(binaries) / "migctl")
        self.root = root
        self.socket = str(root / "migd.sock")
        self.environment = dict(os.environ, MIGSIM_ROOT=str(root / "sim"), MIGCTL_SOCKET=self.socket)
        self.environment.pop("MIGSIM_MACHINE", None)
        (root / "tenants.yaml").write_text(TENANTS, encoding="utf-8")
        self.run("sim", "create", "box", "--gpus", "1x a100-sxm4-40gb", "--latency", "none")
        self.run("--sim", "box", "mode", "enable", "-i", "0")
        self.run("--sim", "box", "create", "-i", "0", *["1g.5gb"] * 5)
        self.daemon = None

    def run(self, *words):
        subprocess.run([self.migctl, *words], env=self.environment, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE)

    def serve(self):
        self.daemon = subprocess.Popen(
            [self.migctl, "--sim", "box", "-q", "serve", "--tenants", str(self.root / "tenants.yaml")],
            env=self.environment, stdout=subprocess.DEVNULL)
        for _ in range(400):
            if self.listens():
                return
            time.sleep(0.05)
        sys.exit("migd did not start")

    def listens(self):
        probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            probe.connect(self.socket)
            return True
        except OSError:
            return False
        finally:
            probe.close()

    def ask(self, method, target, body=None):
        connection = Connection(self.socket)
        text = body if isinstance(body, (str, bytes)) or body is None else json.dumps(body)
        connection.request(method, target, text)
        answer = connection.getresponse()
        document = json.loads(answer.read())
        connection.close()
        return [answer.status, document]

    def raw(self, data):
        """First line of the response to these bytes."""
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.settimeout(60)
        stream.connect(self.socket)
        try:
            stream.sendall(data)
        except OSError:
            pass  # refused while sending: the response is there already
        answer = stream.recv(200)
        stream.close()
        return answer.split(b"\r\n")[0].decode()


def lease_body(**members):
    return {"need": {"profile": "1g.5gb"}, "holder": {"pid": os.getppid()}, **members}


def malformed(broker):
    expect("not HTTP is 400", "400" in broker.raw(b"\x16\x03\x01hello\r\n\r\n"))
    header = b"GET /v1/leases HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40000 + b"\r\n\r\n"
    expect("a header of 40 kB is 413", "413" in broker.raw(header))
    body = b"POST /v1/leases HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"a" * 100000
    expect("a body of 1 MB is 413", "413" in broker.raw(body))
    for what, text in (("no JSON", "{"), ("a list", "[]"), ("an unknown member", '{"uid": 0}'),
                       ("a count of -1", '{"count": -1}'), ("nesting of 30,000", "[" * 30000),
                       ("a priority of 1e300", '{"priority": 1e300}'), ("a name of 1 kB", json.dumps({"job": "x" * 1000, "limitMs": 1000}))):
        status, document = broker.ask("POST", "/v1/leases", text)
        expect(f"{what} is refused", 400 <= status < 500 and document["kind"] == "Error", document)
    expect("an unknown path is 404", broker.ask("GET", "/v2/leases")[0] == 404)
    expect("an unknown method is refused", broker.ask("PUT", "/v1/leases/1", "{}")[0] == 405)
    expect("and so is one that HTTP has", broker.ask("PROPFIND", "/v1/leases")[0] == 405)
    expect("a name is one line of text", broker.ask("POST", "/v1/leases", {"job": "a\0b", "limitMs": 1})[0] == 422)
    expect("nobody's lease is 404", broker.ask("DELETE", "/v1/leases/99")[0] == 404)


def other_users(broker):
    status, mine = as_user(ALICE, lambda: broker.ask("POST", "/v1/leases", {
        "need": {"profile": "1g.5gb"}, "limitMs": 600000, "job": "alices-secret", "key": "k"}))
    expect("alice leases", status == 200, mine)
    lease = mine["leases"][0]["id"]
    for what, path in (("leases", "/v1/leases"), ("queue", "/v1/queue"), ("tenants", "/v1/tenants"),
                       ("inventory", "/v1/inventory")):
        text = json.dumps(as_user(BOB, lambda path=path: broker.ask("GET", path)))
        expect(f"bob sees nothing of alice's in {what}", "alice" not in text and "4001" not in text, text)
    expect("bob cannot release hers", as_user(BOB, lambda: broker.ask("DELETE", f"/v1/leases/{lease}"))[0] == 404)
    expect("bob cannot bind hers to himself", as_user(BOB, lambda: broker.ask(
        "PATCH", f"/v1/leases/{lease}", {"holder": {"pid": os.getpid()}}))[0] == 404)
    expect("bob cannot inherit hers", as_user(BOB, lambda: broker.ask(
        "PATCH", f"/v1/leases/{lease}", {"heir": {"pid": os.getpid()}}))[0] in (400, 404))
    status, his = as_user(BOB, lambda: broker.ask("POST", "/v1/leases", {
        "need": {"profile": "1g.5gb"}, "limitMs": 600000, "key": "k"}))
    expect("the same key of bob's is another request", status == 200 and his["leases"][0]["id"] != lease, his)
    expect("bob cannot bind one to root's process", as_user(BOB, lambda: broker.ask(
        "POST", "/v1/leases", {"holder": {"pid": 1}}))[0] == 403)
    status, denied = as_user(BOB, lambda: broker.ask("POST", "/v1/leases", {
        "need": {"uuid": mine["leases"][0]["uuid"]}, "holder": {"pid": os.getpid()}}))
    expect("hers is not leased to bob", status == 409 or denied.get("code") == "in_use", denied)
    expect("...nor is he told whose it is", "alice" not in json.dumps(denied), denied)
    expect("a viewer cannot lease", as_user(VIEWER, lambda: broker.ask(
        "POST", "/v1/leases", {"holder": {"pid": os.getpid()}}))[0] == 403)
    expect("a viewer may look", as_user(VIEWER, lambda: broker.ask("GET", "/v1/leases"))[0] == 200)
    expect("a stranger cannot even look", as_user(STRANGER, lambda: broker.ask("GET", "/v1/leases"))[0] == 403)
    expect("without limits and holder is refused", as_user(BOB, lambda: broker.ask("POST", "/v1/leases", {}))[0] == 400)
    store = broker.root / "sim" / "box" / "leases.db"

    def read_store():
        try:
            store.read_bytes()
            return "read"
        except OSError as error:
            return error.strerror
    expect("bob cannot read the store", as_user(BOB, read_store) == "Permission denied")
    expect("root releases hers", broker.ask("DELETE", f"/v1/leases/{lease}")[0] == 200)
    broker.ask("DELETE", f"/v1/leases/{his['leases'][0]['id']}")


def limits(broker):
    body = {"need": {"profile": "1g.5gb"}, "limitMs": 600000}

    def alice_takes_three():
        return [broker.ask("POST", "/v1/leases", body) for _ in range(3)]
    answers = as_user(ALICE, alice_takes_three)
    expect("two within the quota", [status for status, _ in answers[:2]] == [200, 200], answers)
    expect("the third says which quota", answers[2][1]["code"] == "no_capacity" and
           "2 of 2 instances are in use" in answers[2][1]["message"], answers[2])
    never = as_user(ALICE, lambda: broker.ask("POST", "/v1/leases", {**body, "count": 3, "waitMs": 60000}))
    expect("what the quota never allows is refused at once", never[0] == 403, never)

    def fill_queue():
        """Each request on a connection of its own, left open; returns the last response."""
        open_ones = []
        for number in range(1001):
            connection = Connection(broker.socket)
            connection.request("POST", "/v1/leases", json.dumps({**body, "waitMs": 600000, "key": f"q{number}"}))
            open_ones.append(connection)
        answer = open_ones[-1].getresponse()
        return [answer.status, json.loads(answer.read())]
    full = as_user(ALICE, fill_queue)
    expect("the 1001st of a user that waits is told that the queue is full",
           full[1].get("code") == "no_capacity" and "queue is full" in full[1]["message"], full)
    end = time.monotonic() + 60
    while broker.ask("GET", "/v1/queue")[1]["queue"] and time.monotonic() < end:
        time.sleep(0.05)
    expect("those who waited and died are struck out", not broker.ask("GET", "/v1/queue")[1]["queue"])

    def many_connections():
        streams = []
        for _ in range(2100):
            stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            stream.connect(broker.socket)
            stream.settimeout(60)
            streams.append(stream)
        return streams[-1].recv(100).split(b"\r\n")[0].decode()
    expect("the 2100th connection of one user is turned away", "409" in as_user(BOB, many_connections))
    expect("and others are still served", broker.ask("GET", "/v1/leases")[0] == 200)


def full_line(broker):
    """More clients than the listen backlog of a busy daemon holds: further ones block in connect()."""
    broker.daemon.send_signal(signal.SIGSTOP)
    line = []
    for _ in range(5000):
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.setblocking(False)
        line.append(stream)
        try:
            stream.connect(broker.socket)
        except BlockingIOError:
            break
    asking = subprocess.Popen([broker.migctl, "lease", "list"], env=broker.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
    time.sleep(0.3)
    waits = asking.poll() is None
    for stream in line:
        stream.close()
    broker.daemon.send_signal(signal.SIGCONT)
    text = asking.communicate(timeout=60)[0]
    expect("a client before a full line waits and is served", waits and asking.returncode == 0, text)


def slow_client(broker):
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stream.connect(broker.socket)
    stream.sendall(b"POST /v1/leases HTTP/1.1\r\nHo")
    return stream


def restart(broker):
    status, kept = broker.ask("POST", "/v1/leases", {"need": {"profile": "1g.5gb"}, "limitMs": 600000, "job": "kept"})
    expect("a lease before the restart", status == 200, kept)
    broker.daemon.send_signal(signal.SIGKILL)
    broker.daemon.wait()
    expect("a dead daemon leaves its socket", os.path.exists(broker.socket))
    broker.serve()
    jobs = [lease["job"] for lease in broker.ask("GET", "/v1/leases")[1]["leases"]]
    expect("the next one takes the socket over and knows the lease", "kept" in jobs, jobs)
    holder = subprocess.Popen(["sleep", "60"])
    broker.ask("POST", "/v1/leases", {"need": {"profile": "1g.5gb"}, "holder": {"pid": holder.pid}, "job": "short"})
    holder.kill()
    holder.wait()
    end = time.monotonic() + 60
    while "short" in json.dumps(broker.ask("GET", "/v1/leases")) and time.monotonic() < end:
        time.sleep(0.02)
    expect("a dead holder's lease is gone", "short" not in json.dumps(broker.ask("GET", "/v1/leases")))
    waiting = []
    for number in range(20):
        connection = Connection(broker.socket)
        connection.request("POST", "/v1/leases", json.dumps(
            {"need": {"profile": "1g.5gb"}, "count": 5, "limitMs": 1000, "waitMs": 60000, "key": f"w{number}"}))
        waiting.append(connection)
    while len(broker.ask("GET", "/v1/queue")[1]["queue"]) < len(waiting):
        time.sleep(0.02)
    broker.daemon.send_signal(signal.SIGTERM)
    expect("SIGTERM while 20 wait ends it with 0", broker.daemon.wait(60) == 0, broker.daemon.returncode)
    expect("and its socket goes", not os.path.exists(broker.socket))


def main():
    if os.geteuid() != 0:
        print("skipped: needs root, to be other users")
        return 77
    with tempfile.TemporaryDirectory(prefix="migctl-broker-") as name:
        root = pathlib.Path(name)
        root.chmod(0o755)
        broker = Broker(sys.argv[1], root)
        broker.serve()
        try:
            slow = slow_client(broker)
            malformed(broker)
            other_users(broker)
            limits(broker)
            full_line(broker)
            restart(broker)
            slow.close()
        finally:
            broker.daemon.kill()
            broker.daemon.wait()
    print(f"{len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

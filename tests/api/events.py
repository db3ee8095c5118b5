#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Server-sent events: what happens arrives, once, for those who may see it; who comes back goes on; slow readers are dropped.

Usage: events.py BIN           needs root (a tenants file for two users)
"""
import contextlib
import json
import pathlib
import socket
import sys
import tempfile

import client as frame
from client import Failed, expect, wait

TENANTS = """version: v1
others: none
tenants:
  a: {users: [61001], role: user, job: {create: true}}
  b: {users: [61002], role: user}
  ops: {users: [61003], role: operator}
"""


class Listener:
    """One client of /v1/events."""

    def __init__(self, daemon, token, last=None, query=""):
        self.connection = daemon.connection()
        headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        if last is not None:
            headers["Last-Event-ID"] = last
        self.connection.request("GET", "/v1/events" + query, headers=headers)
        self.answer = self.connection.getresponse()
        if self.answer.status != 200:
            raise Failed(f"events: {self.answer.status} {self.answer.read()}")
        expect(self.lines() == ["retry: 2000"], "a stream begins with how soon to come back")

    def lines(self):
        found = []
        while True:
            line = self.answer.readline().decode("utf-8")
            if line == "":
                raise EOFError
            if line == "\n":
                return found
            found.append(line.rstrip("\n"))

    def next(self):
        """The next event; comments are passed over."""
        while True:
            lines = self.lines()
            if lines and not lines[0].startswith(":"):
                fields = dict(line.split(": ", 1) for line in lines)
                document = json.loads(fields["data"])
                expect(fields["id"] == document["id"] and fields["event"] == document["type"], f"{fields}")
                expect(document["simulated"] is True and document["kind"] == "Event", f"{document}")
                return document

    def until(self, right):
        seen = []
        while not seen or not right(seen[-1]):
            seen.append(self.next())
        return seen

    def ended(self):
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                self.lines()
        return True

    def close(self):
        self.answer.close()
        self.connection.close()


def lease(daemon, token, job):
    body = json.dumps({"need": {"profile": "1g.5gb"}, "limitMs": 600000, "job": job})
    status, grant = daemon.document("POST", "/v1/leases", body, token=token)
    expect(status == 200, f"a lease: {grant}")
    return grant["leases"][0]["id"]


def release(daemon, token, number):
    status, text, _ = daemon.ask("DELETE", f"/v1/leases/{number}", token=token)
    expect(status == 200, text)


def marker(daemon, words=("1g.5gb",)):
    """A change that everybody is told of."""
    daemon.on_box("create", *words)


def what_happens_arrives(daemon, tokens):
    a, b, ops, jobs = (Listener(daemon, tokens["a"]), Listener(daemon, tokens["b"]), Listener(daemon, tokens["ops"]),
                       Listener(daemon, tokens["a"], query="?type=job"))
    number = lease(daemon, tokens["a"], "train")
    for listener, name in ((a, "a"), (ops, "ops")):
        seen = listener.until(lambda event: event["type"] == "job")
        granted = [event for event in seen if event["type"] == "lease" and event["action"] == "granted"]
        expect(len(granted) == 1 and granted[0]["lease"] == number and granted[0]["tenant"] == "a" and granted[0]["uid"] == 61001,
               f"{name}: {seen}")
        expect(seen[-1]["action"] == "started" and seen[-1]["job"] == "train", f"{name}: {seen}")
    release(daemon, tokens["a"], number)
    ends = [jobs.next(), jobs.next()]
    expect([event["action"] for event in ends] == ["started", "ended"], f"only jobs, and both: {ends}")
    marker(daemon)
    for listener, name in ((a, "a"), (b, "b"), (ops, "ops")):
        seen = listener.until(lambda event: event["type"] == "layout")
        expect("1g.5gb" in seen[-1]["message"] and seen[-1]["gpu"] == 0, f"{name}: {seen}")
        ids = [int(event["id"].split("-")[1]) for event in seen]
        expect(ids == sorted(set(ids)), f"{name}: each once, in order: {ids}")
        expect(name != "b" or len(seen) == 1, f"b saw what is a's: {seen}")
    for listener in (a, b, jobs):
        listener.close()
    return ops


def who_comes_back_goes_on(daemon, tokens, ops):
    number = lease(daemon, tokens["a"], "one")
    last = ops.until(lambda event: event["type"] == "job" and event["job"] == "one")[-1]["id"]
    ops.close()
    release(daemon, tokens["a"], number)
    second = lease(daemon, tokens["a"], "two")
    release(daemon, tokens["a"], second)
    listener = Listener(daemon, tokens["ops"], last)
    seen = listener.until(lambda event: event["type"] == "job" and event["job"] == "two" and event["action"] == "ended")
    jobs = [(event["job"], event["action"]) for event in seen if event["type"] == "job"]
    expect(jobs == [("one", "ended"), ("two", "started"), ("two", "ended")], f"since {last}: {jobs}")
    listener.close()
    for unknown in ("0-1", "x", last.split("-")[0] + "-999999999", "\u00e9", "-", "1" * 300):
        listener = Listener(daemon, tokens["ops"], unknown.encode().decode("latin-1"))
        expect(listener.next()["type"] == "reset", f"{unknown!r} is an id of ours")
        listener.close()
    return seen[-1]["id"]


def a_new_daemon_says_so(daemon, tokens, last):
    daemon.kill()
    daemon.start()
    listener = Listener(daemon, tokens["ops"], last)
    expect(listener.next()["type"] == "reset", "an id of the daemon before")
    number = lease(daemon, tokens["a"], "after")
    seen = listener.until(lambda event: event["type"] == "job")
    expect(seen[-1]["job"] == "after", f"{seen}")
    release(daemon, tokens["a"], number)
    listener.close()


def who_may_no_more_is_cut_off(daemon, tokens):
    token = daemon.token("short", 61003, "--role", "operator")
    listener = Listener(daemon, token)
    daemon.on_box("token", "revoke", token.split("_")[1])
    expect(listener.ended(), "a stream of a revoked token goes on")
    token = daemon.token("shorter", 61003, "--role", "operator", "--expires", "1s")
    expect(Listener(daemon, token).ended(), "a stream of a token that is over goes on")
    listener = Listener(daemon, tokens["b"])
    daemon.folder.joinpath("tenants.yaml").write_text(TENANTS.replace("  b: {users: [61002]", "  b: {users: [61004]"), encoding="utf-8")
    status, text, _ = daemon.ask("POST", "/v1/reload", which="unix")
    expect(status == 200, text)
    expect(listener.ended(), "a stream of a user who may look no more goes on")
    expect(daemon.ask("GET", "/v1/events", token=tokens["b"])[0] == 403, "b may come back")
    daemon.folder.joinpath("tenants.yaml").write_text(TENANTS, encoding="utf-8")
    daemon.ask("POST", "/v1/reload", which="unix")


def clients_have_limits(daemon, tokens):
    expect(daemon.ask("GET", "/v1/events?type=x", token=tokens["a"])[0] == 400, "an unknown type")
    many = [Listener(daemon, tokens["a"]) for _ in range(32)]
    expect(daemon.ask("GET", "/v1/events", token=tokens["a"])[0] == 409, "33 streams of one user")
    expect(daemon.ask("GET", "/v1/leases", token=tokens["a"])[0] == 200, "others are served")
    Listener(daemon, tokens["b"]).close()
    for listener in many:
        listener.close()
    wait("places come free", lambda: daemon.ask("GET", "/v1/health", token=tokens["a"])[0] == 200)

    def again():
        with contextlib.suppress(Failed):
            Listener(daemon, tokens["a"]).close()
            return True
        return False
    wait("a place for a stream", again)


def a_slow_reader_is_dropped(daemon, tokens):
    """It reads nothing; 1000 events and more are far beyond what is kept for it, and nobody else waits."""
    slow = socket.create_connection(("127.0.0.1", int(daemon.urls[0][2])))
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.sendall(f"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {tokens['ops']}\r\n\r\n".encode())
    before = memory(daemon)
    quick = Listener(daemon, tokens["ops"], query="?type=job")
    for i in range(60):
        number = lease(daemon, tokens["a"], "x" * 60 + str(i))
        release(daemon, tokens["a"], number)
        while quick.next()["action"] != "ended":
            pass
    expect(memory(daemon) - before < 16 * 1024, "a client that does not read costs memory without end")
    quick.close()
    slow.close()


def memory(daemon):
    for line in pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise Failed("no VmRSS")


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="mig-events-") as folder:
        tenants = pathlib.Path(folder, "tenants.yaml")
        tenants.write_text(TENANTS, encoding="utf-8")
        daemon = frame.Daemon(sys.argv[1], folder, "--tenants", str(tenants), "--listen", "127.0.0.1:0")
        daemon.on_box("mode", "enable", "-i", "0")
        daemon.on_box("create", "1g.5gb")
        tokens = {"a": daemon.token("a", 61001, "--role", "user"), "b": daemon.token("b", 61002, "--role", "user"),
                  "ops": daemon.token("ops", 61003, "--role", "operator")}
        daemon.start()
        try:
            ops = what_happens_arrives(daemon, tokens)
            last = who_comes_back_goes_on(daemon, tokens, ops)
            a_new_daemon_says_so(daemon, tokens, last)
            who_may_no_more_is_cut_off(daemon, tokens)
            clients_have_limits(daemon, tokens)
            a_slow_reader_is_dropped(daemon, tokens)
        finally:
            daemon.stop()
        expect(not any(token in daemon.text() for token in tokens.values()), "a token is in the log")
    print("ok: events")
    return 0


if __name__ == "__main__":
    frame.end(main)

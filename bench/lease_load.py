# SPDX-License-Identifier: Apache-2.0
"""Clients that lease, hold and give back without a pause, thousands of them in one process: one epoll loop, one
connection each, no thread. Used by leases.py.

A group is (uid, clients, hold in seconds); each group is a process of that user."""
import heapq
import json
import os
import pathlib
import resource
import select
import socket
import time

CONTINUE = b"\r\n\r\n"


def raise_descriptors(wanted):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if os.geteuid() == 0:
        hard = max(hard, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, wanted), hard), hard))


class Client:
    """One connection that asks for an instance, holds it, and gives it back, again and again."""

    def __init__(self, load):
        self.load, self.buffer, self.granted, self.asked, self.holds = load, b"", 0.0, 0.0, False
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        while True:
            try:
                self.socket.connect(load.path)
                break
            except BlockingIOError:
                time.sleep(0.01)
        self.socket.setblocking(False)

    def send(self, method, target, body=b""):
        head = f"{method} {target} HTTP/1.1\r\nHost: migd\r\nContent-Length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode() + body)

    def ask(self):
        self.asked, self.granted = time.perf_counter(), 0.0
        self.send("POST", "/v1/leases", self.load.body)

    def readable(self):
        data = self.socket.recv(65536)
        if not data:
            self.load.errors["closed"] = self.load.errors.get("closed", 0) + 1
            self.load.forget(self)
            return
        self.buffer += data
        head = self.buffer.find(CONTINUE)
        if head < 0:
            return
        length = self.buffer.lower().index(b"content-length:")
        size = int(self.buffer[length + 15:self.buffer.index(b"\r\n", length)])
        if len(self.buffer) < head + 4 + size:
            return
        status, body = int(self.buffer[9:12]), self.buffer[head + 4:]
        self.buffer = b""
        self.answered(status, body)

    def answered(self, status, body):
        load, now = self.load, time.perf_counter()
        if self.granted:  # given back
            return self.ask()
        if status != 200:
            code = json.loads(body).get("message", str(status))[:80]
            load.errors[code] = load.errors.get(code, 0) + 1
            heapq.heappush(load.due, (now + 1, id(self), self.ask))
            return None
        self.granted, self.holds = now, True
        lease = json.loads(body)["leases"][0]["id"]
        heapq.heappush(load.due, (now + load.hold, id(self), lambda: self.give_back(lease)))
        return None

    def give_back(self, lease):
        now, self.holds = time.perf_counter(), False
        self.load.served.append((self.asked, self.granted, now))
        self.send("DELETE", f"/v1/leases/{lease}")


class Load:
    def __init__(self, path, clients, hold):
        self.path, self.hold = path, hold
        self.due, self.served, self.errors, self.by_fd = [], [], {}, {}
        self.poll = select.epoll()
        self.body = json.dumps({"need": {"profile": "1g.5gb"}, "holder": {"pid": os.getpid()}, "waitMs": 3_600_000,
                                "limitMs": 600_000}).encode()
        for _ in range(clients):
            client = Client(self)
            self.by_fd[client.socket.fileno()] = client
            self.poll.register(client.socket.fileno(), select.EPOLLIN)

    def forget(self, client):
        self.poll.unregister(client.socket.fileno())
        del self.by_fd[client.socket.fileno()]

    def run(self, until):
        for client in list(self.by_fd.values()):
            client.ask()
            self.turn(0)
        while time.perf_counter() < until:
            self.turn(min(until - time.perf_counter(), self.due[0][0] - time.perf_counter() if self.due else 0.1))

    def turn(self, timeout):
        for fd, _ in self.poll.poll(max(timeout, 0), 256):
            self.by_fd[fd].readable()
        while self.due and self.due[0][0] <= time.perf_counter():
            heapq.heappop(self.due)[2]()


def one_group(path, uid, clients, hold, until):
    raise_descriptors(clients + 64)
    if uid != os.getuid():
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    load = Load(path, clients, hold)
    begun = time.perf_counter()
    load.run(until)
    for client in load.by_fd.values():
        if client.holds:
            load.served.append((client.asked, client.granted, until))
        client.socket.close()
    return {"served": load.served, "errors": load.errors, "begun": begun, "cpu": time.process_time()}


def latencies(path, until):
    """Times of `GET /v1/leases` by somebody who only looks."""
    times = []
    while time.perf_counter() < until:
        begin = time.perf_counter()
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.connect(path)
        stream.sendall(b"GET /v1/leases HTTP/1.1\r\nHost: migd\r\nConnection: close\r\n\r\n")
        while stream.recv(1 << 20):
            pass
        times.append(time.perf_counter() - begin)
        time.sleep(0.05)
    return times


def forked(call):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with os.fdopen(writer, "w") as out:
            json.dump(call(), out)
        os._exit(0)
    os.close(writer)
    return child, os.fdopen(reader)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def contention(path, daemon, groups, instances, seconds, settle=2.0):
    """All groups at once, for `seconds` after all have asked; figures of that time only."""
    clients = sum(group[1] for group in groups)
    begin = time.perf_counter() + settle + clients / 1000
    until = begin + seconds
    loads = [forked(lambda g=group: one_group(path, *g, until)) for group in groups]
    time.sleep(max(begin - time.perf_counter(), 0))
    looks = forked(lambda: latencies(path, until))
    before = cpu_seconds(daemon)
    time.sleep(max(until - time.perf_counter(), 0))
    used = cpu_seconds(daemon) - before
    results = [json.load(reader) for _, reader in loads]
    times = sorted(json.load(looks[1]))
    for child, _ in [*loads, looks]:
        os.waitpid(child, 0)
    held = []
    served = 0
    for result in results:
        inside = [(max(granted, begin), min(back, until)) for _, granted, back in result["served"] if back > begin]
        held.append(sum(back - granted for granted, back in inside))
        served += len(inside)
    most = min(clients, instances)
    errors = {}
    for result in results:
        for what, count in result["errors"].items():
            errors[what] = errors.get(what, 0) + count
    return {"clients": clients, "holdMs": round(groups[0][2] * 1e3), "seconds": seconds, "served": served,
            "servedPerSecond": round(served / seconds, 1),
            "ofPossible": round(sum(held) / (most * seconds), 4),
            "listMedianMs": round(times[len(times) // 2] * 1e3, 2),
            "listP99Ms": round(times[min(len(times) - 1, len(times) * 99 // 100)] * 1e3, 2),
            "daemonCpu": round(used / seconds, 3),
            "clientsCpu": round(sum(result["cpu"] for result in results) / (seconds + settle), 3),
            "heldByGroup": [round(one, 2) for one in held], "errors": errors}

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random requests against migd's socket, of two users and of root: well-formed ones with odd values, and ones that are not.

Usage: fuzz.py BIN [--requests N] [--seed N] [--clients N]       needs root

A request is counted when it was answered, or when it was one that may end its connection (HTTP that is none) and did. Every
answer has a known status and a JSON document; nobody sees or moves what a third user has leased; the daemon neither ends nor
grows nor writes a sanitizer's report, and with SIGTERM it ends with 0 (where the build has LeakSanitizer: without leaks).
The same seed makes the same requests.
"""
import argparse
import collections
import contextlib
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import time

import box as frame
from box import Failed, expect, wait

SECRET = "a-secret-name-of-a"
STATUSES = {200, 202, 400, 403, 404, 405, 408, 409, 411, 413, 414, 415, 417, 422, 429, 431, 501, 503, 504, 505}
NUMBERS = [0, 1, 2, 7, 48, 49, 100, 1000, -1, -2**31, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, 1.5, 1e308]
TEXTS = ["", "a", "1g.5gb", "2g.10gb", "3g.20gb", "1c.3g.20gb", "9g", "1g.5gb+me", "0", "MIG-x", "MIG-x\nprofile=7g.40gb", "x" * 300,
         "\0", "a\0b", "\x1b[2J", "\u202e", "\ud800", "%s%n", "../..", ".", "jupyter.service", "'; DROP TABLE leases; --", "\u00e9\u4e2d\U0001f600"]
OTHERS = [None, True, False, [], {}, [1], {"pid": 1}, [[[[]]]]]
PATHS = ["/v1/leases", "/v1/queue", "/v1/tenants", "/v1/history/leases", "/v1/usage", "/v1/inventory", "/v1/machine", "/v1/smi", "/v1/rest", "/v1/free",
         "/v1/jobs", "/v1/leases/1", "/v1/leases/2", "/v1/leases/0", "/v1/leases/-1", "/v1/leases/9223372036854775807",
         "/v1/leases/9223372036854775808", "/v1/leases/1x", "/v1/leases/1/2", "/", "//", "/v1", "/v2/leases", "/v1/%6ceases", "/v1/leases/%31",
         "/v1/../v1/leases", "*", "http:" "//x/v1/leases", "/v1/leases#x", "/v1/leases;x", "/v1/tenants/reload", "/v1/leases/1/members"]
QUERY_NAMES = ["tenant", "uid", "sinceMs", "before", "limit", "user", "untilMs", "x", "", "%74enant", "tenant%00"]
METHODS = ["GET", "POST", "DELETE", "PATCH", "PUT", "OPTIONS", "TRACE", "PROPFIND", "get", "X"]
MEMBERS = ["profile", "memoryMib", "sms", "uuid", "slot", "gpu"]
GARBAGE = [b"", b"{", b"[]", b"null", b"0", b'""', b"[" * 2000, b'{"need":' * 800, b"\xff\xfe", b"{}x", b" " * 3000, b"[" * 500 + b"]" * 500,
           b'{"limitMs":1,"limitMs":2}', b'{"limitMs":1e999}', b'{"job":"\\ud800","limitMs":1}']
READING_LIMIT_S = 20  # a changed byte can make a request wait for hours; who asked goes away then


class Maker:
    """Requests of one client."""

    def __init__(self, seed, own_pid, root, share_refused):
        self.share_refused = share_refused
        self.random = random.Random(seed)
        self.own_pid = own_pid
        self.made = 0
        self.root = root  # may end everybody's lease, and is to leave the third user's alone

    def value(self):
        kind = self.random.random()
        if kind < 0.4:
            return self.random.choice(NUMBERS)
        return self.random.choice(TEXTS) if kind < 0.8 else self.random.choice(OTHERS)

    def lease_request(self):
        chance = self.random.random
        body = {"limitMs": self.random.choice([1, 20, 300, 1000, 60000])}
        if chance() < 0.6:
            body["need"] = {"profile": self.random.choice(["1g.5gb", "2g.10gb", "3g.20gb"])}
        if chance() < 0.3:
            body["holder"] = {"pid": self.random.choice([self.own_pid, self.own_pid, 1, 0, 4194304])}
        if chance() < 0.3:
            body["waitMs"] = self.random.choice([0, 1, 5])
        for member, values in (("count", [1, 1, 2, 5]), ("shared", [1, 2, 4]), ("priority", [-100, -1, 0, 1]), ("create", [not self.root or chance() < 0.1]),
                               ("preempt", [True, False]), ("graceMs", [0, 10]), ("every", [True]), ("job", TEXTS), ("key", TEXTS),
                               ("stoppable", [True]), ("linger", [True]), ("uid", [0, 1000])):
            if chance() < 0.05:
                body[member] = self.random.choice(values)
        return body

    def body(self):
        chance = self.random.random()
        if chance < 0.45:
            document = self.lease_request()
        elif chance < 0.65:
            document = self.random.choice([{"holder": {"pid": self.own_pid}}, {"heir": {"pid": self.own_pid}}, {"members": [self.own_pid]},
                                           {"holder": None}, {"limitMs": 5}])
            if self.random.random() < 0.02:  # the daemon searches all control groups for it
                document = {"holder": {"unit": "x.service"}}
        elif chance < 0.85:
            document = {self.random.choice(["need", "holder", "limitMs", "count", "job", "key", "x"]): self.value() for _ in range(3)}
        else:
            return self.random.choice(GARBAGE)
        self.disturb(document)
        return json.dumps(document).encode("utf-8", "surrogatepass")

    def disturb(self, document):
        """Every third document gets an odd value, a member too many or one too few."""
        if self.random.random() > 0.33 or not document:
            return
        name = self.random.choice(list(document))
        what = self.random.random()
        if what < 0.4 and name != "waitMs":
            document[name] = self.value()
        elif what < 0.6:
            del document[name]
        elif what < 0.8:
            document["need"] = {self.random.choice(MEMBERS): self.value() for _ in range(2)}
        else:
            document["holder"] = {self.random.choice(["pid", "unit", "x"]): self.value()}

    def mutated(self, data):
        """Some bytes changed, left out, doubled, or cut."""
        data = bytearray(data)
        for _ in range(self.random.randint(1, 4)):
            at = self.random.randrange(len(data) + 1)
            what = self.random.random()
            if what < 0.4 and at < len(data):
                data[at] = self.random.randrange(256)
            elif what < 0.6:
                del data[at:at + self.random.randint(1, 8)]
            elif what < 0.8:
                data[at:at] = data[at:at + self.random.randint(1, 40)]
            else:
                data[at:at] = self.random.choice([b"\0", b"\r\n", b"\r\n\r\n", b"\xff", b'"', b"{", b":", b"%", b" "])
        return bytes(data)

    def refused(self):
        """A request that the parsers of HTTP, of queries and of bodies have to refuse, or that names no lease: cheap, so there are
        many of them."""
        what = self.random.random()
        number = self.random.choice(["0", "4294967296", "9223372036854775807", "9223372036854775808", "99999999999999999999", "-1", "1x", "%31"])
        if what < 0.5:
            body = self.mutated(self.random.choice(GARBAGE) if self.random.random() < 0.3 else b'{"limitMs": 1000, "x": ' + self.body() + b"}")
            return "POST", "/v1/leases", body
        if what < 0.65:
            return ("GET" if self.root else self.random.choice(["DELETE", "PATCH"])), f"/v1/leases/{number}", self.body()
        if what < 0.85:
            path = self.random.choice(PATHS)
            return "GET", path + "?" + self.random.choice(["x", "tenant", "limit", "uid", "%74"]) + "=" + self.random.choice(
                ["%zz", "%", "", "-1", "1&limit=2&limit=3", "99999999999999999999", "x" * 300, "%00", "1;2"]), b""
        return self.random.choice(METHODS[4:]), self.query(self.random.choice(PATHS)), self.body()

    def line(self):
        """Method and path: three of four are ones that the API has."""
        self.made += 1
        what = self.random.random()
        if what < 0.4:
            return "POST", "/v1/leases"
        if what < 0.55:  # ids grow with the grants
            method = "GET" if self.root else self.random.choice(["DELETE", "DELETE", "PATCH"])
            return method, f"/v1/leases/{self.random.randint(1, 3 + self.made // 2)}"
        if what < 0.75:
            return "GET", self.query(self.random.choice(PATHS[:7]))
        method = self.random.choice(METHODS)
        return "POST" if self.root and method in ("DELETE", "PATCH") else method, self.query(self.random.choice(PATHS))

    def query(self, path):
        if self.random.random() < 0.3:
            pairs = []
            for _ in range(self.random.randint(1, 3)):
                value = self.random.choice(["1", "0", "b", "%41", "%zz", "%", "", "-1", "18446744073709551616", "99999", "a%00", "%ff%fe", "x" * 200])
                pairs.append(f"{self.random.choice(QUERY_NAMES)}{self.random.choice(['=', '=', '=', '', '=='])}{value}")
            path += "?" + self.random.choice(["&", "&", ";", "&&"]).join(pairs)
        return path

    def headers(self):
        text = "Host: x\r\n"
        if self.random.random() < 0.2:
            text += self.random.choice(["Accept: */*\r\n", "X-Forwarded-For: 1.2.3.4\r\n", "Authorization: Basic cm9vdDo=\r\n", "Cookie: " + "a" * 500 + "\r\n",
                                        "X-Uid: 0\r\n", "Upgrade: h2c\r\n", "Range: bytes=0-1\r\n", "If-Match: *\r\n", "Content-Type: text/xml\r\n",
                                        "Content-Encoding: gzip\r\n", "Host: y\r\n", "x: \t \r\n", "Keep-Alive: timeout=0\r\n"])
        return text

    def framed(self):
        """A request whose end a server finds, whatever it thinks of the rest."""
        if self.random.random() < self.share_refused:
            method, target, body = self.refused()
        else:
            method, target = self.line()
            body = self.body() if method not in ("GET", "TRACE") or self.random.random() < 0.05 else b""
            if body and self.random.random() < 0.25:
                body = self.mutated(body)
        head = f"{method} {target} HTTP/1.1\r\n{self.headers()}"
        if self.random.random() < 0.06:
            size = self.random.choice([1, 7, 64, 4096])
            chunks = b"".join(f"{len(body[i:i + size]):x}\r\n".encode() + body[i:i + size] + b"\r\n" for i in range(0, len(body), size))
            return (head + "Transfer-Encoding: chunked\r\n\r\n").encode("utf-8", "replace") + chunks + b"0\r\n\r\n"
        return (head + f"Content-Length: {len(body)}\r\n\r\n").encode("utf-8", "replace") + body

    def broken(self):
        """Bytes after which a connection may be of no use."""
        what = self.random.random()
        if what < 0.5 and not self.root:
            return self.mutated(self.framed())
        if what < 0.75:
            return self.random.choice([
                b"\x00\xff\xfe garbage\r\n\r\n", b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\n\r\n\r\n",
                b"GET /v1/leases\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"a" * 20000 + b"\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * 4000 + b"\r\n",
                b"POST /v1/leases HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"POST /v1/leases HTTP/1.1\r\nContent-Length: 9223372036854775808\r\n\r\n",
                b"POST /v1/leases HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\n{}aaa",
                b"POST /v1/leases HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
                b"POST /v1/leases HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", b"GET / HTTP/1.1\r\n folded: x\r\n\r\n",
                b"POST /v1/leases HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", b"POST /v1/leases HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
                b"POST /v1/leases HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;" + b"x" * 30000 + b"\r\n{}\r\n0\r\n\r\n",
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"POST /v1/leases HTTP/1.1\r\nContent-Length: 70000\r\n\r\n" + b" " * 70000])
        return bytes(self.random.randrange(256) for _ in range(self.random.randint(1, 300)))


class Answers:
    """Answers read from one connection."""

    def __init__(self, stream):
        self.stream, self.rest = stream, b""

    def more(self):
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            chunk = self.stream.recv(1 << 18)
            self.rest += chunk
            return bool(chunk)
        return False

    def next(self):
        """(status, head, body), or None at the end of the connection."""
        while b"\r\n\r\n" not in self.rest:
            if not self.more():
                return None
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        status = int(head[9:12])
        if status == 100:
            return self.next()
        length = 0
        for line in head.split(b"\r\n")[1:]:
            if line.lower().startswith(b"content-length:"):
                length = int(line[15:])
        while len(self.rest) < length:
            if not self.more():
                return None
        body, self.rest = self.rest[:length], self.rest[length:]
        return status, head, body


class Client:
    """Sends its share of the requests; `counts` by status, "ended" for connections that ended instead of an answer."""

    def __init__(self, path, uid, seed, number, share_refused, end):
        self.path, self.uid, self.number, self.may_see, self.end = path, uid, number, uid == 0, end
        self.maker = Maker(seed, 0, uid == 0, share_refused)
        self.counts = collections.Counter()
        self.job = None

    def done(self):
        return sum(self.counts.values())

    def run(self):
        while self.done() < self.number and time.monotonic() < self.end:
            self.live_job()
            self.one_connection()
        if self.job:
            self.job.kill()
        return self.counts

    def live_job(self):
        """What leases are bound to. The daemon ends it with a lease that says "stoppable", as it should."""
        if self.job is None or self.job.poll() is not None:
            self.job = subprocess.Popen(["sleep", "100000"])  # pylint: disable=consider-using-with
            self.maker.own_pid = self.job.pid

    def one_connection(self):
        stream = socket.socket(socket.AF_UNIX)
        stream.connect(self.path)
        stream.settimeout(READING_LIMIT_S)
        count = self.maker.random.choice([1, 5, 40, 60, 60])
        requests = [self.maker.framed() for _ in range(count)]
        broken = self.maker.broken() if self.maker.random.random() < 0.6 else b""
        with stream, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if self.maker.random.random() < 0.03:
                stream.sendall(b"".join(requests[:3]))  # and away, with the answers unread
                self.counts["left"] += min(3, count)
                return
            stream.sendall(b"".join(requests))
            answers = Answers(stream)
            for request in requests:
                try:
                    answer = answers.next()
                except TimeoutError:
                    self.counts["waited"] += 1
                    return
                if answer is None:
                    self.counts["ended"] += 1
                    return
                self.judge(request, *answer)
            if broken:
                self.send_broken(stream, answers, broken)

    def send_broken(self, stream, answers, broken):
        self.counts["not HTTP"] += 1
        with contextlib.suppress(OSError):
            stream.sendall(broken)
            stream.shutdown(socket.SHUT_WR)
        while True:
            try:
                answer = answers.next()
            except TimeoutError:
                return
            if answer is None:
                return
            self.judge(broken, *answer, counted=False)

    def judge(self, request, status, head, body, counted=True):
        if counted:
            self.counts[status] += 1
        if status not in STATUSES:
            raise Failed(f"status {status} for {request[:300]!r}: {body[:300]!r}")
        if not self.may_see and SECRET.encode() in head + body:
            raise Failed(f"shows another user's job: {request[:300]!r}")
        if not body:
            return
        try:
            document = json.loads(body)
        except ValueError as error:
            raise Failed(f"{error}: {body[:300]!r} for {request[:300]!r}") from error
        if "kind" not in document or (status >= 400) != (document["kind"] == "Error"):
            raise Failed(f"status {status} with {body[:200]!r} for {request[:300]!r}")


def start_client(box, uid, seed, number, share_refused, end):
    """A client in a process of that user: (pid, pipe with its counts)."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    result = {}
    try:
        if uid:
            frame.become(uid)
        result = {str(key): value for key, value in Client(box.socket, uid, seed, number, share_refused, end).run().items()}
    except Failed as error:
        result = {"failed": str(error)}
    except Exception as error:  # pylint: disable=broad-except
        result = {"failed": repr(error)}
    finally:
        os.write(writer, json.dumps(result).encode())
        os._exit(0)


def resident_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


def attack(box, options):
    box.environment["ASAN_OPTIONS"] = "abort_on_error=0:detect_leaks=1:exitcode=23:malloc_context_size=4:quarantine_size_mb=32"
    box.environment["UBSAN_OPTIONS"] = "print_stacktrace=1:halt_on_error=1"
    box.machine("1g.5gb", "1g.5gb", "1g.5gb", "2g.10gb", "1g.5gb")
    box.serve(tenants=f"""version: v1
others: none
tenants:
  a: {{users: [{box.a}]}}
  b: {{users: [{box.b}], quota: {{instances: 2}}}}
  c: {{users: [{box.c}], quota: {{instances: 2}}, job: {{priority: 1}}}}
""")
    holder = box.start(box.a, "sleep", "100000")
    status, document = box.ask(box.a, "POST", "/v1/leases", {"holder": {"pid": holder.pid}, "job": SECRET})
    expect(status == 200, document)
    lease = document["leases"][0]
    uids = [box.b, box.c, 0]
    shares = [options.requests * 9 // 20, options.requests * 9 // 20, options.requests - options.requests * 9 // 20 * 2]
    began = time.monotonic()
    before = resident_kib(box.daemon.pid)
    running = {}
    for client, (uid, share) in enumerate(zip(uids, shares)):
        pid, reader = start_client(box, uid, f"{options.seed}/{client}", share, options.refused, began + options.seconds)
        running[pid] = reader
    counts = collections.Counter()
    for pid, reader in running.items():
        text = b""
        while chunk := os.read(reader, 1 << 16):
            text += chunk
        os.waitpid(pid, 0)
        result = json.loads(text)
        if "failed" in result:
            for other in running:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    os.kill(other, signal.SIGKILL)
            raise Failed(f"seed {options.seed}: {result['failed']}; {log_of(box)}")
        counts.update(result)
    seconds = time.monotonic() - began
    expect(counts["waited"] * 1000 <= options.requests, f"{counts['waited']} requests had no answer for {READING_LIMIT_S} s")
    after_all(box, lease, options)
    print(f"seed {options.seed}: {sum(counts.values())} requests in {seconds:.0f} s "
          f"({', '.join(f'{key}: {counts[key]}' for key in sorted(counts))}); memory {before >> 10} -> {options.after >> 10} MiB")


def log_of(box):
    return box.log.read_text(errors="replace")[-3000:]


def after_all(box, lease, options):
    expect(box.daemon.poll() is None, f"migd ended with {box.daemon.returncode}: {log_of(box)}")
    options.after = resident_kib(box.daemon.pid)
    left = box.leases()
    theirs = [one for one in left if one["id"] == lease["id"]]
    expect(theirs and all(theirs[0][name] == lease[name] for name in ("uuid", "uid", "tenant", "job", "grantedMs")),
           f"the third user's lease is what it was: {left}")
    events = [event for event in box.ask(0, "GET", f"/v1/history/leases?uid={box.a}&limit=1000")[1].get("events", [])
              if event.get("lease") == lease["id"]]
    expect(all(event.get("event", event.get("what")) in ("granted", None) for event in events), f"and nothing else happened to it: {events}")
    for one in left:
        if one["id"] != lease["id"]:
            box.ask(0, "DELETE", f"/v1/leases/{one['id']}")
    wait(lambda: f"only that lease is left: {box.leases()} {box.ask(0, 'GET', '/v1/queue')}",
         lambda: [one["id"] for one in box.leases()] == [lease["id"]] and not box.ask(0, "GET", "/v1/queue")[1]["queue"])
    box.kill_daemon(signal.SIGTERM)
    expect(box.daemon.returncode == 0, f"SIGTERM: it ends with {box.daemon.returncode}: {log_of(box)}")
    for word in ("Sanitizer", "runtime error", "terminate called", "assert"):
        expect(word not in box.log.read_text(errors="replace"), log_of(box))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after that time, whatever is left")
    parser.add_argument("--refused", type=float, default=0.8, help="share of requests that a parser has to refuse; the others may lease")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("SKIPPED: fuzz: needs root, to be other users")
        return frame.SKIPPED
    with frame.programs_for_all(options.bin) as binaries:
        os.environ["PATH"] = f"{binaries}:{os.environ['PATH']}"
        verdict, reason = frame.try_one(lambda box: attack(box, options), binaries)
    print(f"{verdict}: fuzz" + (f": {reason}" if reason else ""))
    return 0 if verdict == "ok" else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random requests against migd over TCP, with and without tokens: HTTP, bodies, queries, header fields, event streams.

Usage: fuzz.py BIN [--requests N] [--seed N] [--seconds S]        needs root; ends at the first of the two limits

Every answer has a status that the API has and, where it refuses, an Error document; what has no token that counts is never
answered but with a refusal (and the anonymous paths); the daemon neither ends nor grows nor writes a sanitizer's report, and
no token is in its log. The same seed makes the same requests.
"""
import argparse
import collections
import json
import pathlib
import random
import re
import socket
import tempfile
import time

import client as frame
from client import expect

TENANTS = "version: v1\nothers: none\ntenants:\n  ops: {users: [61001], role: operator, job: {create: true}}\n"
PATHS = ["/v1/leases", "/v1/leases/1", "/v1/leases/99999999999999999999", "/v1/queue", "/v1/free", "/v1/tenants", "/v1/reload", "/v1/inventory",
         "/v1/history/leases", "/v1/usage", "/v1/health", "/v1/events", "/v1/openapi.json", "/v1/machine", "/v1/smi", "/v1/rest", "/metrics", "/", "//", "/v1",
         "/v1/%6ceases", "/v1/../metrics", "*", "/v1/events/", "/metrics?x", "/v1/health/../leases", "/%00", "/v1/leases/%2e%2e"]
METHODS = ["GET"] * 8 + ["POST", "DELETE", "PATCH", "PUT", "HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "X" * 40]
# The dashboard's files, which hold no data, are given to everybody.
PAGE = re.compile(rb"(GET|HEAD) /(web/[a-z]+\.[a-z]+)?[? ]")
STATUSES = {200, 202, 304, 400, 401, 403, 404, 405, 408, 409, 413, 422, 503, 504}
ANONYMOUS = {"/metrics", "/v1/health"}


class Maker:
    """Requests of a seed."""

    def __init__(self, seed, token):
        self.random = random.Random(seed)
        self.token = token

    def authorization(self):
        """A value, and whether it counts."""
        broken = self.random.choice([
            "", "Bearer", "Bearer ", "Basic YTpi", "Bearer migt_00000000_" + "0" * 64, "Bearer " + "x" * 5000, self.token,
            "Bearer " + self.token[:-1], "Bearer " + self.token + "0", "Bearer " + self.token.upper(), "Bearer \x00" + self.token,
            "Bearer " + self.token.replace("_", "-"), "Digest " + self.token])
        return ("Bearer " + self.token, True) if self.random.random() < 0.5 else (broken, False)

    def request(self):
        """Bytes, the path, and whether an answer with contents may come."""
        chance = self.random.random
        method, path = self.random.choice(METHODS), self.random.choice(PATHS)
        if chance() < 0.3:
            path += "?" + self.random.choice(["tenant=ops", "limit=1", "limit=x", "type=lease", "type=%00", "before=%zz", "a=b&a=b", "=", "type=", "&&"])
        fields = {"Host": "localhost"}
        shown, counts = self.authorization()
        if shown:
            fields["Authorization"] = shown
        for name, values, share in (
                ("Host", ["evil.example", "", "[::1", "127.0.0.1:1", "localhost, evil"], 0.1), ("Origin", ["null", "http:" "//evil", "\xff"], 0.05),
                ("Sec-Fetch-Site", ["cross-site", "same-site", "none", "x"], 0.05), ("X-Forwarded-For", ["1.2.3.4", ","], 0.1),
                ("Last-Event-ID", ["x", "1-1", "-", "9" * 200, "\xe9", "0-18446744073709551616"], 0.3), ("Accept-Encoding", ["gzip", "x" * 900], 0.1),
                ("Transfer-Encoding", ["chunked", "gzip", "chunked, chunked"], 0.03), ("Content-Length", ["-1", "x", "99999999", "1", "18446744073709551616"], 0.05),
                ("Expect", ["100-continue"], 0.02), ("Upgrade", ["h2c"], 0.02), ("X" * 200, ["y" * 8000], 0.02), ("Y", ["z" * 20000], 0.01)):
            if chance() < share:
                fields[name] = self.random.choice(values)
        body = self.random.choice([b"", b"", b"{", b"{}", b"[" * 500, b'{"need": {"profile": "1g.5gb"}, "limitMs": 5}', b'{"limitMs": 1e999}',
                                   b"\xff\xfe", b'{"key": "\\ud800"}', b"x" * 70000])
        if body and "Content-Length" not in fields:
            fields["Content-Length"] = str(len(body))
        head = f"{method} {path} HTTP/1.{self.random.choice('1111110')}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        data = head.encode("latin-1", "replace") + b"\r\n" + body
        mutated = chance() < 0.25
        if mutated:
            data = bytearray(data)
            for _ in range(self.random.randint(1, 4)):
                at = self.random.randrange(len(data))
                data[at:at + self.random.randint(0, 3)] = self.random.choice([b"", b"\0", b"\r\n", b"\n", b" ", b":", b"\xff", b"\r\n\r\n", b"\t"])
            data = bytes(data)
        bare = path.split("?")[0]
        return data, not counts and not mutated, bare in ANONYMOUS


def ask(port, data):
    """What comes within a moment; an event stream is left after its beginning."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(data)
        if not data.startswith(b"GET /v1/events"):
            client.shutdown(socket.SHUT_WR)
        out = b""
        try:
            while b"retry: 2000" not in out and len(out) < 1 << 20:
                part = client.recv(65536)
                if not part:
                    break
                out += part
                head = out.split(b"\r\n\r\n", 1)
                if len(head) == 2 and data.startswith(b"HEAD"):
                    break
                length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head[0])
                if len(head) == 2 and length and len(head[1]) >= int(length[1]):
                    break
        except (ConnectionResetError, TimeoutError):
            pass
        return out


def check(answer, data, refused, anonymous):
    if not answer:
        return "ended"
    found = re.match(rb"HTTP/1\.[01] (\d{3}) ", answer)
    expect(found, f"no HTTP: {answer[:80]!r} to {data[:300]!r}")
    status = int(found[1])
    expect(status in STATUSES, f"{status} to {data[:300]!r}")
    if refused and status < 400:
        expect(anonymous or PAGE.match(data), f"{status} without a token to {data[:300]!r}")
    if status >= 400 and status != 503 and not data.startswith(b"HEAD"):
        body = answer.split(b"\r\n\r\n", 1)[1]
        document, _ = json.JSONDecoder().raw_decode(body.decode("utf-8"))  # a changed byte may make two requests of one
        expect(document["kind"] == "Error", f"{body[:200]!r} to {data[:300]!r}")
    return status


def memory(daemon):
    text = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) // 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bin")
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mig-fuzz-") as folder:
        tenants = pathlib.Path(folder, "tenants.yaml")
        tenants.write_text(TENANTS, encoding="utf-8")
        daemon = frame.Daemon(arguments.bin, folder, "--tenants", str(tenants), "--listen", "127.0.0.1:0")
        daemon.on_box("mode", "enable", "-i", "0")
        token = daemon.token("fuzz", 61001, "--role", "operator")
        daemon.start()
        counts = collections.Counter()
        try:
            maker, port = Maker(arguments.seed, token), int(daemon.urls[0][2])
            before, end = 0, time.monotonic() + arguments.seconds
            for i in range(arguments.requests):
                if time.monotonic() > end:
                    break
                data, refused, anonymous = maker.request()
                counts[check(ask(port, data), data, refused, anonymous)] += 1
                if i == min(arguments.requests // 5, 20_000):
                    before = memory(daemon)
            expect(daemon.process.poll() is None, f"migd ended: {daemon.text()[-2000:]}")
            after = memory(daemon)
            before = before or after  # ended by its time before there was a first reading
            expect(after < before * 2 + 32, f"memory: {before} -> {after} MiB")
        finally:
            daemon.stop()
        expect(token not in daemon.text() and "runtime error" not in daemon.text() and "Sanitizer" not in daemon.text(), daemon.text()[-3000:])
    shown = ", ".join(f"{status}: {count}" for status, count in sorted(counts.items(), key=str))
    print(f"seed {arguments.seed}: {sum(counts.values())} requests ({shown}); memory {before} -> {after} MiB\nok: fuzz")
    return 0


if __name__ == "__main__":
    frame.end(main)

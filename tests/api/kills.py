#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon is killed at random under clients, scrapers and listeners: nothing is lost, nothing goes back, nobody hangs.

Usage: kills.py BIN [--minutes N] [--clients N] [--scrapers N] [--seed N] [--json FILE]       needs root (a tenants file)

Clients lease an instance for a job, look whether they have it, and give it back, again and again, and repeat what got no answer. At the end
each lease was granted once and released once, none is left, and none was made that nobody asked for. Counters of energy and of changes never
fall over the restarts. Listeners come back with the id of their last event: of the same daemon they miss none, a new one says `reset`.
"""
import argparse
import collections
import http.client
import json
import pathlib
import random
import re
import socket
import tempfile
import threading
import time

import client as frame
from client import Failed, expect

USERS = range(61001, 61009)
TENANTS = "version: v1\nothers: none\ntenants:\n  ops: {users: [61000], role: operator}\n" + "".join(
    f"  t{user}: {{users: [{user}], role: user}}\n" for user in USERS)
LONGEST = 90  # seconds that an answer may take; the daemon keeps a waiting request for 20
AWAY = (ConnectionError, http.client.HTTPException, EOFError)
COUNTER = re.compile(r"^(mig_\w*(?:energy_\w*joules|layout_changes)_total(?:\{[^}]*\})?) ([0-9.e+]+)$", re.MULTILINE)


class Run:
    """What all threads share."""

    def __init__(self, daemon, port, seconds):
        self.daemon, self.port = daemon, port
        self.until = time.monotonic() + seconds
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.granted = {}  # lease -> key
        self.released = set()
        self.problem = None

    def goes_on(self):
        return self.problem is None and time.monotonic() < self.until

    def count(self, what):
        with self.lock:
            self.counts[what] += 1

    def fail(self, text):
        with self.lock:
            self.problem = self.problem or text

    def ask(self, method, path, token, body=None):
        """Status and text; None where the daemon was away. No answer within the time is a failure."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONGEST)
        try:
            connection.request(method, path, body, {"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8")
        except AWAY:
            self.count("without an answer")
            time.sleep(0.05)
            return None
        except TimeoutError:
            raise Failed(f"{method} {path}: no answer within {LONGEST} s") from None
        finally:
            connection.close()

    def insist(self, method, path, token, body=None):
        """The same until it is answered."""
        end = time.monotonic() + 4 * LONGEST
        while time.monotonic() < end:
            answer = self.ask(method, path, token, body)
            if answer is not None:
                return answer
        raise Failed(f"{method} {path}: the daemon does not come back")


def client(run, number, token, rng):
    turn = 0
    while run.goes_on():
        turn += 1
        key = f"client-{number}-{turn}"
        body = json.dumps({"need": {"profile": "1g.18gb"}, "limitMs": 3600000, "waitMs": 3600000, "key": key, "job": key})
        status, text = 202, ""
        while status == 202:
            status, text = run.insist("POST", "/v1/leases", token, body)
        expect(status == 200, f"{key}: {status} {text}")
        lease = json.loads(text)["leases"][0]["id"]
        with run.lock:
            expect(lease not in run.granted, f"lease {lease} is {run.granted.get(lease)}'s and {key}'s")
            run.granted[lease] = key
        for _ in range(rng.randint(1, 3)):
            time.sleep(rng.random() * 0.5)
            status, text = run.insist("GET", "/v1/leases", token)
            mine = [one for one in json.loads(text)["leases"] if one["id"] == lease]
            expect(status == 200 and len(mine) == 1 and mine[0]["job"] == key, f"{key} lost lease {lease}: {status} {text[:500]}")
        status, text = run.insist("DELETE", f"/v1/leases/{lease}", token)
        expect(status in (200, 404), f"{key}: {status} {text}")  # 404: the one whose answer did not come did it
        with run.lock:
            run.released.add(lease)
        run.count("leases")


def scraper(run, token, rng):
    known = {}
    while run.goes_on():
        answer = run.ask("GET", "/metrics", token)
        if answer is not None:
            status, page = answer
            expect(status == 200, f"/metrics: {status} {page[:300]}")
            for series, value in COUNTER.findall(page):
                expect(float(value) >= known.get(series, 0), f"{series} fell from {known.get(series)} to {value}")
                known[series] = float(value)
            run.count("scrapes")
        time.sleep(0.2 + rng.random() * 0.3)
    expect(any("energy" in series for series in known), "no counter of energy was seen")


def listener(run, token, rng):
    last = None
    while run.goes_on():
        epoch, number = last.split("-") if last else (None, None)
        connection = http.client.HTTPConnection("127.0.0.1", run.port, timeout=LONGEST)
        try:
            connection.request("GET", "/v1/events", headers={"Authorization": f"Bearer {token}", **({"Last-Event-ID": last} if last else {})})
            answer = connection.getresponse()
            if answer.status == 409:  # the server has not seen yet that we left
                answer.read()
                continue
            expect(answer.status == 200, f"events: {answer.status}")
            leave = time.monotonic() + rng.random() * 6
            while run.goes_on() and time.monotonic() < leave:
                line = answer.readline()
                if not line:
                    raise EOFError
                if not line.startswith(b"data: "):
                    continue
                event = json.loads(line[6:])
                now_epoch, now = event["id"].split("-")
                if event["type"] == "reset":
                    expect(now_epoch != epoch, f"reset by the same daemon after {last}")
                    run.count("resets")
                elif now_epoch == epoch:
                    expect(int(now) == int(number) + 1, f"after {last} comes {event['id']}")
                else:
                    expect(last is None, f"another daemon without a reset: {last}, then {event['id']}")
                last, epoch, number = event["id"], now_epoch, now
                run.count("events")
        except AWAY:
            time.sleep(0.05)
        except TimeoutError:
            pass  # a quiet time: beats come every 15 s, so this would be a failure of the stream
        finally:
            connection.close()


def killer(run, rng):
    while run.goes_on():
        time.sleep(0.5 + rng.random() * 3)
        run.daemon.kill()
        run.count("kills")
        if rng.random() < 0.3:
            time.sleep(rng.random())
        run.daemon.start()


def guarded(run, work, *words):
    def inner():
        try:
            work(run, *words)
        except (Failed, OSError, ValueError, KeyError, http.client.HTTPException) as failure:
            run.fail(f"{work.__name__}: {type(failure).__name__}: {failure}")
    return threading.Thread(target=inner)


def history(run, token):
    """What happened to each lease, by id."""
    actions, before = collections.defaultdict(list), ""
    while True:
        status, text = run.insist("GET", f"/v1/history/leases?limit=1000{before}", token)
        expect(status == 200, text)
        page = json.loads(text)
        for event in page["events"]:
            actions[event["lease"]].append(event["action"])
        if not page.get("next"):
            return actions
        before = f"&before={page['next']}"


def nothing_lost(run, token):
    status, text = run.insist("GET", "/v1/leases", token)
    expect(status == 200 and json.loads(text)["leases"] == [], f"leases are left: {text[:2000]}")
    actions = history(run, token)
    expect(set(actions) == set(run.granted), f"leases that nobody has, or that are not recorded: {set(actions) ^ set(run.granted)}")
    for lease, seen in actions.items():
        expect(sorted(seen) == ["granted", "released"], f"lease {lease} of {run.granted[lease]}: {seen}")
    expect(run.released == set(run.granted), "not all are released")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--scrapers", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="mig-kills-") as folder:
        tenants = pathlib.Path(folder, "tenants.yaml")
        tenants.write_text(TENANTS, encoding="utf-8")
        port = free_port()
        daemon = frame.Daemon(options.bin, folder, "--tenants", str(tenants), "--listen", f"127.0.0.1:{port}", "--sample", "1s",
                              gpus="2x h200-141gb")
        daemon.on_box("mode", "enable", "-i", "0,1")
        daemon.on_box("create", "-i", "0", *["1g.18gb"] * 7)
        daemon.on_box("create", "-i", "1", *["1g.18gb"] * 7)
        tokens = [daemon.token(f"t{user}", user, "--role", "user") for user in USERS]
        operator = daemon.token("ops", 61000, "--role", "operator")
        daemon.start()
        run = Run(daemon, port, options.minutes * 60)

        def some():
            return random.Random(rng.random())
        threads = [guarded(run, client, i, tokens[i % len(tokens)], some()) for i in range(options.clients)]
        threads += [guarded(run, scraper, operator, some()) for _ in range(options.scrapers)]
        threads += [guarded(run, listener, operator, some()) for _ in range(4)]
        kills = guarded(run, killer, some())
        try:
            for thread in (*threads, kills):
                thread.start()
            kills.join()
            for thread in threads:
                thread.join()
            expect(run.problem is None, run.problem)
            nothing_lost(run, operator)
        finally:
            daemon.stop()
        expect(not any(token in daemon.text() for token in (*tokens, operator)), "a token is in the log")
        expect(run.counts["kills"] > 1 and run.counts["resets"] > 0 and run.counts["leases"] > 0, f"too little happened: {run.counts}")
    shown = {"minutes": options.minutes, "clients": options.clients, "scrapers": options.scrapers, **{key.replace(" ", "_"): run.counts[key] for key in (
        "kills", "leases", "scrapes", "events", "resets", "without an answer")}}
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(shown, indent=2) + "\n", encoding="utf-8")
    print(f"ok: {shown}")
    return 0


if __name__ == "__main__":
    frame.end(main)

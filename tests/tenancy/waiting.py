#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nobody stops the queue: what cannot be had, what has no end, and who asks for too much delays nobody else.

Usage: waiting.py BIN [-k NAME]       needs root
"""
import fcntl
import os
import pathlib
import signal
import sys
import time

import box as frame
from box import Skip, expect, wait


def queue(box):
    return box.ask(0, "GET", "/v1/queue")[1]["queue"]


def waits(box, uid, count=1):
    wait(lambda: f"{count} requests of {uid} wait: {queue(box)}",
         lambda: sum(entry["uid"] == uid for entry in queue(box)) >= count)


def what_cannot_be_made(box):
    """A --create at the head that can never be made (its GPU is cut otherwise, by a lease that stays) is passed."""
    box.machine("4g.20gb", gpus="2x a100-sxm4-40gb", mode="0,1")
    box.serve()
    expect(box.migctl(box.a, "lease", "acquire", "--profile", "4g.20gb", "--for", "5m")[0] == 0, "a lease on GPU 0")
    holder = box.start(box.c, "sleep", "600")
    box.start(box.c, "migctl", "-q", "--sim", "m", "lease", "acquire", "--profile", "7g.40gb", "--gpu", "0", "--create",
              "--wait", "10m", "--for", "1h", "--pid", str(holder.pid))
    waits(box, box.c)
    code, text = box.migctl(box.b, "lease", "acquire", "--profile", "1g.5gb", "--create", "--for", "5s")
    expect(code == 0, f"GPU 1 is empty: {code}: {text}")


def a_lease_without_an_end(box):
    """Three of four instances idle, and somebody waits for four: a short one passes."""
    box.machine("1g.5gb", "1g.5gb", "1g.5gb", "1g.5gb")
    box.serve()
    holder = box.start(box.b, "sleep", "600")
    expect(box.migctl(box.b, "lease", "acquire", "--pid", str(holder.pid))[0] == 0, "a lease without an end")
    box.start(box.c, "migctl", "-q", "--sim", "m", "lease", "acquire", "--profile", "1g.5gb", "--count", "4", "--for", "1m",
              "--wait", "1h")
    waits(box, box.c)
    for _ in range(3):
        code, text = box.migctl(box.a, "lease", "acquire", "--profile", "1g.5gb", "--for", "1s")
        expect(code == 0, f"one second on an idle instance: {code}: {text}")


def who_waits_for_many_is_served(box):
    """...and who waits for all of them gets them, once they can be had, whatever short ones come."""
    box.machine("1g.5gb", "1g.5gb")
    box.serve(tenants=f"version: v1\ndefault_time: 2s\ntenants:\n  t: {{users: [{box.a}, {box.b}, {box.c}]}}\n")
    expect(box.migctl(box.a, "lease", "acquire", "--for", "3s")[0] == 0, "a lease with an end")
    many = box.start(box.c, "migctl", "-q", "--sim", "m", "lease", "acquire", "--profile", "1g.5gb", "--count", "2", "--for", "5m",
                     "--wait", "2m")
    waits(box, box.c)
    while many.poll() is None:
        box.migctl(box.b, "lease", "acquire", "--profile", "1g.5gb", "--for", "1s")
        expect(time.monotonic() - box.began < 2 * frame.PATIENCE_S, f"who waits for two is passed for ever: {queue(box)}")
    expect(many.returncode == 0, f"who waited: {many.text()}")


def the_writers_lock(box):
    """While root changes a layout, a --create waits for it, and nobody else does."""
    box.machine("4g.20gb")
    box.serve()
    with open(box.folder / "machines" / "m" / "run" / "writer.lock", "r+", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        at_once = box.start(box.b, "migctl", "-q", "--sim", "m", "lease", "acquire", "--profile", "1g.5gb", "--create", "--for", "5s")
        holder = box.start(box.c, "sleep", "600")
        creating = box.start(box.c, "migctl", "-q", "--sim", "m", "lease", "acquire", "--profile", "1g.5gb", "--create", "--for", "5m",
                             "--pid", str(holder.pid), "--wait", "1m")
        time.sleep(0.3)
        slowest = 0
        for _ in range(20):
            began = time.monotonic()
            status, _ = box.ask(box.a, "GET", "/v1/leases")
            slowest = max(slowest, time.monotonic() - began)
            expect(status == 200, "lease list")
        expect(slowest < 2, f"lease list took {slowest:.1f} s while root holds the writer's lock")
        del at_once  # served or refused: it named no time to wait
        expect(creating.poll() is None or creating.returncode == 0, f"--create: {creating.text()}")
    wait(lambda: f"--create is served then: {creating.poll()} {creating.text()} {queue(box)}", lambda: creating.poll() is not None)
    expect(creating.returncode == 0, f"--create: {creating.text()}")


def a_driver_that_hangs(box):
    """A driver call that takes long holds up no answer that needs no driver."""
    box.machine("1g.5gb", "1g.5gb")
    box.serve()
    expect(box.migctl(box.a, "lease", "acquire", "--for", "5m")[0] == 0, "a lease")
    box.root("sim", "inject", "m", "--call", "nvmlDeviceGetGpuInstances", "--hang", "4s", "--repeat", "1")
    box.root("sim", "inject", "m", "--call", "nvmlDeviceGetMigMode", "--hang", "4s", "--repeat", "1")
    box.start(box.c, "migctl", "-q", "--sim", "m", "list")
    box.start(box.c, "migctl", "-q", "--sim", "m", "lease", "acquire", "--for", "5m")
    slowest, end = 0, time.monotonic() + 3
    while time.monotonic() < end:
        began = time.monotonic()
        status, _ = box.ask(box.a, "GET", "/v1/leases")
        slowest = max(slowest, time.monotonic() - began)
        expect(status == 200, "lease list")
    expect(slowest < 2, f"lease list took {slowest:.1f} s while a driver call hung")


def fill(box, uid, count, **members):
    """So many waiting requests of a user, on connections that it keeps; the process that holds them."""
    script = f"""
import json, resource, socket, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
held, codes = [], {{}}
for number in range({count}):
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(60)
    stream.connect({box.socket!r})
    body = json.dumps({{**{members!r}, "key": f"k{{number}}"}})
    stream.sendall(f"POST /v1/leases HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: {{len(body)}}\\r\\n\\r\\n{{body}}".encode())
    held.append(stream)
print("filled", flush=True)
time.sleep(600)
"""
    process = box.start(uid, "python3", "-c", script)
    wait(lambda: f"the queue is filled: {process.text()}", lambda: "filled" in process.text())
    return process


def a_full_queue_for_something_else(box):
    """200 of one tenant wait for a 3g: another user of it gets the 1g that is free now."""
    box.machine("1g.5gb", "1g.5gb", "3g.20gb")
    box.serve(tenants=f"version: v1\ntenants:\n  t: {{users: [{box.a}, {box.c}]}}\n")
    fill(box, box.c, 215, need={"profile": "3g.20gb"}, limitMs=7000000, waitMs=3000000)
    waits(box, box.c, 100)
    code, text = box.migctl(box.a, "lease", "acquire", "--profile", "1g.5gb", "--for", "2s")
    expect(code == 0, f"what is free now: {code}: {text}")
    code, text = box.migctl(0, "lease", "acquire", "--profile", "1g.5gb", "--for", "2s")
    expect(code == 0, f"root: {code}: {text}")


def a_full_queue_of_one_user(box):
    """Who fills the queue exceeds its own limit, and nobody else's."""
    box.machine("3g.20gb")
    box.serve()
    expect(box.migctl(box.a, "lease", "acquire", "--for", "5m")[0] == 0, "a lease")
    fill(box, box.c, 450, need={"profile": "3g.20gb"}, limitMs=7000000, waitMs=3000000)
    waits(box, box.c, 100)
    status, document = box.ask(box.b, "POST", "/v1/leases", {"need": {"profile": "3g.20gb"}, "limitMs": 1000, "waitMs": 300, "key": "b"})
    expect(status != 409, f"another user's request: {status} {document}")
    began = time.monotonic()
    status, _ = box.ask(0, "GET", "/v1/leases")
    expect(status == 200 and time.monotonic() - began < 5, f"root is served: {status}")


def connections_of_one_user(box):
    """One user's connections and half sent requests: others and root are served."""
    box.machine("1g.5gb")
    box.serve()
    script = f"""
import resource, socket, time
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
held = []
for number in range(1500):
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(1)
    try:
        stream.connect({box.socket!r})
        stream.sendall(b"POST /v1/leases HTTP/1.1\\r\\nHo")
    except OSError:
        pass
    held.append(stream)
print("filled", flush=True)
time.sleep(600)
"""
    process = box.start(box.c, "python3", "-c", script)
    wait(lambda: f"connected: {process.text()}", lambda: "filled" in process.text())
    for uid in (box.a, box.b, 0):
        began = time.monotonic()
        status, document = box.ask(uid, "GET", "/v1/leases")
        expect(status == 200 and time.monotonic() - began < 5, f"uid {uid}: {status} {document}")
    expect(box.migctl(box.a, "lease", "acquire", "--for", "1s")[0] == 0, "and leases")


def more_connections_than_there_are(box):
    """Three users together take every connection that the daemon has: root gets in."""
    box.machine("1g.5gb")
    box.serve()
    script = f"""
import resource, socket, time
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
held = []
for number in range(500):
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(2)
    try:
        stream.connect({box.socket!r})
    except OSError:
        pass
    held.append(stream)
print("filled", flush=True)
time.sleep(600)
"""
    hogs = [box.start(uid, "python3", "-c", script) for uid in box.users]
    for hog in hogs:
        wait(lambda hog=hog: f"connected: {hog.text()}", lambda hog=hog: "filled" in hog.text())
    status, document = box.ask(0, "GET", "/v1/leases")
    expect(status == 200, f"root: {status} {document}")


def reads_of_one_user(box):
    """Readings of the inventory without pause delay nobody's lease."""
    box.machine("1g.5gb")
    box.serve()
    script = f"""
import socket
while True:
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(60)
        stream.connect({box.socket!r})
        for _ in range(50):
            stream.sendall(b"GET /v1/inventory HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" * 8)
            got = 0
            while got < 8:
                got += stream.recv(1 << 20).count(b"HTTP/1.1 ")
"""
    for _ in range(4):
        box.start(box.c, "python3", "-c", script)
    time.sleep(0.5)
    slowest = 0
    for _ in range(10):
        began = time.monotonic()
        status, document = box.ask(box.a, "POST", "/v1/leases", {"limitMs": 60000})
        expect(status == 200, document)
        box.ask(box.a, "DELETE", f"/v1/leases/{document['leases'][0]['id']}")
        slowest = max(slowest, time.monotonic() - began)
    expect(slowest < 5, f"acquire and release took {slowest:.1f} s beside another user's readings")


def waiting_survives_logout(box):
    """`run -d --wait` stands in the queue when its login session has ended with all its processes, and a daemon was killed, too."""
    roots = [root for root in frame.cgroup_roots() if os.path.basename(root) == "systemd" or
             os.path.exists(f"{root}/cgroup.controllers")]
    if not roots:
        raise Skip("no control groups of systemd's")
    box.machine("1g.5gb")
    box.serve()
    status, document = box.ask(box.b, "POST", "/v1/leases", {"limitMs": 600000})
    expect(status == 200, document)
    slices = [pathlib.Path(root, "user.slice", f"user-{box.a}.slice") for root in roots]
    sessions = [slice_ / "session-1.scope" for slice_ in slices]
    made = [slice_.parent for slice_ in slices if not slice_.parent.exists()]
    try:
        for session in sessions:
            session.mkdir(parents=True)
        done = box.folder / f"home-{box.a}" / "done"
        os.mkfifo(box.folder / "go")
        login = box.start(box.a, "sh", "-c", f"read go <{box.folder}/go; migctl -q --sim m run -d --wait 5m touch {done}; sleep 600")
        for session in sessions:
            (session / "cgroup.procs").write_text(str(login.pid))
        (box.folder / "go").write_text("go\n")
        waits(box, box.a)
        wait(lambda: f"run -d says its job's number: {login.text()}", login.text)
        for session in sessions:
            for pid in (session / "cgroup.procs").read_text().split():
                os.kill(int(pid), signal.SIGKILL)
        login.wait(frame.PATIENCE_S)
        time.sleep(1)
        waits(box, box.a)
        box.kill_daemon()
        box.serve()
        box.ask(box.b, "DELETE", f"/v1/leases/{document['leases'][0]['id']}")
        wait(lambda: f"the job runs: {queue(box)} {box.log.read_text()[-500:]}", done.exists)
        expect(done.stat().st_uid == box.a, "as its user")
    finally:
        frame.end_all([box.a])
        for folder in [*sessions, *(slice_ / "migctl-background" for slice_ in slices), *slices, *made]:
            if folder.exists():
                wait(f"{folder} is empty", lambda folder=folder: not (folder / "cgroup.procs").read_text())
                folder.rmdir()


def sub_second_leases_are_charged(box):
    """Who had an instance for a second and a half, in leases of a tenth each, stands behind who had nothing."""
    box.machine("1g.5gb")
    box.serve(tenants="version: v1\ntenants:\n" + "".join(f"  t{uid}: {{users: [{uid}]}}\n" for uid in box.users))
    for _ in range(15):
        status, document = box.ask(box.a, "POST", "/v1/leases", {"limitMs": 100000})
        expect(status == 200, document)
        time.sleep(0.1)
        box.ask(box.a, "DELETE", f"/v1/leases/{document['leases'][0]['id']}")
    expect(box.ask(box.c, "POST", "/v1/leases", {"limitMs": 600000})[0] == 200, "a lease of c's")
    fill(box, box.a, 1, need={"profile": "1g.5gb"}, limitMs=1000, waitMs=600000)
    waits(box, box.a)
    fill(box, box.b, 1, need={"profile": "1g.5gb"}, limitMs=1000, waitMs=600000)
    waits(box, box.b)
    order = [entry["uid"] for entry in sorted(queue(box), key=lambda entry: entry["position"])]
    expect(order == [box.b, box.a], f"b, who had nothing, stands first: {order} of a={box.a} b={box.b}")


ATTACKS = [what_cannot_be_made, a_lease_without_an_end, who_waits_for_many_is_served, the_writers_lock, a_driver_that_hangs,
           a_full_queue_for_something_else, a_full_queue_of_one_user, connections_of_one_user,
           more_connections_than_there_are, reads_of_one_user, waiting_survives_logout, sub_second_leases_are_charged]

if __name__ == "__main__":
    sys.exit(frame.main(ATTACKS, "waiting"))

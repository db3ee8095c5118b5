#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A service on MIG instances for the cases of migrate.test, and the clients that count its failures.

    serving.py backend FOLDER        on an instance (CUDA_VISIBLE_DEVICES): answers requests until SIGTERM,
                                     then no new ones; those under way are finished
    serving.py start FOLDER UUID     a backend on that instance, and clients pointed to it
    serving.py switch                with $SERVING_FOLDER, the hook of `migctl apply --migrate`: a backend on the new instance,
                                     wait until it answers, point the clients to it, let the old one go
    serving.py clients FOLDER N      N clients in a loop until FOLDER/stop exists; prints what failed; makes FOLDER/enough
                                     after so many requests, and FOLDER/served-UUID with the first answer of each instance

FOLDER/current is a link to the socket that clients use.
"""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

ENOUGH = 100


def backend(folder):
    uuid = os.environ["CUDA_VISIBLE_DEVICES"]
    path = folder / f"{uuid}.sock"
    path.unlink(missing_ok=True)
    work = subprocess.Popen(["mig-workload", "train", "--seconds", "600"], stdout=subprocess.DEVNULL)
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(64)
    server.settimeout(0.05)
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    (folder / f"{uuid}.pid").write_text(f"{os.getpid()}\n")
    idle_since = time.monotonic()
    # After SIGTERM it still serves what clients sent before they learnt of the other backend.
    while not stopping or time.monotonic() - idle_since < 0.5:
        try:
            client, _ = server.accept()
        except TimeoutError:
            continue
        idle_since = time.monotonic()
        with client:
            client.recv(64)
            alive = work.poll() is None  # fails once the instance is gone
            client.sendall(uuid.encode() if alive else b"lost")
    work.terminate()
    work.wait()
    path.unlink()
    (folder / f"{uuid}.pid").unlink()


def ask(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(path))
        client.sendall(b"request")
        return client.recv(64).decode()


def switch(folder):
    old, new = os.environ["MIGCTL_OLD_UUID"], os.environ["MIGCTL_NEW_UUID"]
    if os.environ["MIGCTL_STEP"] == "back" and (folder / f"{new}.sock").exists():
        pass  # the old backend was never stopped
    else:
        start(folder, new)
    point_to(folder, new)
    pid_file = folder / f"{old}.pid"
    if pid_file.exists():
        os.kill(int(pid_file.read_text()), signal.SIGTERM)
    print(f"{os.environ['MIGCTL_STEP']}: {old} -> {new}", flush=True)


def start(folder, uuid):
    """Starts a backend on that instance, and waits until it answers."""
    with open(folder / "backend.log", "a", encoding="utf-8") as log:
        subprocess.Popen(["migctl", "run", "--uuid", uuid, "--", sys.executable, __file__, "backend", str(folder)],
                         stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    for _ in range(1200):
        try:
            if ask(folder / f"{uuid}.sock") == uuid:
                return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"no answer on {uuid}")


def point_to(folder, uuid):
    link = folder / "current.new"
    link.unlink(missing_ok=True)
    link.symlink_to(folder / f"{uuid}.sock")
    link.rename(folder / "current")


def ask_current(folder):
    """One request. A late client, whose backend has gone, retries with the new target of the link."""
    while True:
        target = os.readlink(folder / "current")
        try:
            return ask(target)
        except OSError as error:
            if os.readlink(folder / "current") == target:
                return f"failed: {error}"


def clients(folder, count):
    answers, failed = {}, []
    lock = threading.Lock()

    def loop():
        while not (folder / "stop").exists():
            answer = ask_current(folder)
            with lock:
                answers[answer] = answers.get(answer, 0) + 1
                if not answer.startswith("MIG-"):
                    failed.append(answer)
                elif answers[answer] == 1:
                    (folder / f"served-{answer}").touch()
                if sum(answers.values()) == ENOUGH:
                    (folder / "enough").touch()
            time.sleep(0.005)

    threads = [threading.Thread(target=loop) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    instances = sum(1 for answer in answers if answer.startswith("MIG-"))
    enough = sum(answers.values()) >= ENOUGH
    print(f"{'enough' if enough else 'too few'} requests on {instances} instances, {len(failed)} failed")
    for line in failed[:5]:
        print(line)


def main():
    verb = sys.argv[1]
    folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else os.environ["SERVING_FOLDER"]).resolve()
    if verb == "backend":
        backend(folder)
    elif verb == "start":
        start(folder, sys.argv[3])
        point_to(folder, sys.argv[3])
    elif verb == "switch":
        switch(folder)
    else:
        clients(folder, int(sys.argv[3]))


if __name__ == "__main__":
    main()

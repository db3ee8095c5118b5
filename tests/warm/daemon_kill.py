#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon is killed at random while clients list: none gets a wrong, a torn or no answer.

    daemon_kill.py BINDIR [--seconds 60] [--clients 8]      a minute of it
    daemon_kill.py BINDIR --lists 12                        each client lists so often, and on until the daemon was
                                                            killed twice; nothing depends on the clock

Every client runs commands that only look, one after another, and compares exit code, standard output and standard error
with what a direct reading gave before. Meanwhile the daemon is killed with SIGKILL and started again, without a pause.
Prints how many answers came through the daemon: they must be some, and the daemon must have died under them.
"""
import argparse
import pathlib
import random
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from same_bytes import Failed, Lab, without_notes  # noqa: E402  pylint: disable=wrong-import-position

LOOKS = [["list"], ["list", "--json"], ["profiles", "--json"], ["placements"], ["smi", "-L"], ["smi", "mig", "-lgi"]]


class Count:
    """Results of all clients together."""

    def __init__(self):
        self.lock = threading.Lock()
        self.answers = self.warm = self.kills = 0
        self.problem = None

    def add(self, warm):
        with self.lock:
            self.answers += 1
            self.warm += warm

    def fail(self, text):
        with self.lock:
            self.problem = self.problem or text


def client(lab, expected, count, may_go_on):
    done = 0
    while may_go_on(done) and count.problem is None:
        words = LOOKS[done % len(LOOKS)]
        seen = lab.run("-v", *words)
        got = (seen.returncode, seen.stdout, without_notes(seen))
        if got != expected[tuple(words)]:
            count.fail(f"{' '.join(words)}: exit {seen.returncode}\n{seen.stdout.decode(errors='replace')}"
                       f"{seen.stderr.decode(errors='replace')}")
        count.add(b"read through the daemon" in seen.stderr)
        done += 1


def killer(lab, count, stop, rng):
    while not stop.is_set():
        try:
            lab.start()
        except Failed as failure:
            return count.fail(str(failure))
        # Waits until some requests were served, so that the kill hits the daemon at work.
        target = count.answers + rng.randint(1, 12)
        while count.answers < target and not stop.is_set():
            time.sleep(rng.random() * 0.002)
        lab.daemon.kill()
        lab.daemon.wait()
        lab.daemon = None
        count.kills += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bin")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--lists", type=int)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mig-kill-") as folder:
        lab = Lab(options.bin, folder, "2x a100-sxm4-40gb")
        lab.must("mode", "enable", "-i", "0")
        lab.must("create", "-i", "0", "1g.5gb", "3g.20gb")
        expected = {}
        for words in LOOKS:
            done = lab.run("--direct", *words)
            expected[tuple(words)] = (done.returncode, done.stdout, done.stderr)
        count, stop = Count(), threading.Event()
        until = time.monotonic() + options.seconds

        def may_go_on(done):
            if not options.lists:
                return time.monotonic() < until
            # On a busy machine the daemon's start takes longer than all these lists.
            return done < options.lists or (count.kills < 2 and done < options.lists * 100)

        clients = [threading.Thread(target=client, args=(lab, expected, count, may_go_on))
                   for _ in range(options.clients)]
        kills = threading.Thread(target=killer, args=(lab, count, stop, random.Random(options.seed)))
        for thread in (kills, *clients):
            thread.start()
        for thread in clients:
            thread.join()
        stop.set()
        kills.join()
    print(f"{count.answers} answers, {count.warm} through the daemon, which was killed {count.kills} times")
    if count.problem:
        print(f"FAILED: {count.problem}")
        return 1
    if count.kills < 2:
        print("FAILED: the daemon was not killed under its clients")
        return 1
    if not options.lists and count.warm == 0:
        print("FAILED: no answer came through the daemon")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The eyes of soak.py: its jobs tell processes that live from those that have ended.

Usage: soak_test.py
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest

import soak

LINE = "7 ({name}) {state} 1 7 7 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 {start} 0 0"


def lives(pid, start, proc="/proc"):
    """What a job of the soak says of that process."""
    done = subprocess.run(["bash", "-c", soak.PROCESSES + 'lives "$1" "$2"', "bash", str(pid), start], env={**os.environ, "PROC": str(proc)},
                          check=False, timeout=60, stderr=subprocess.PIPE, text=True)
    assert not done.stderr, done.stderr
    return done.returncode == 0


def start_of(pid):
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return stat[stat.rfind(")") + 2:].split()[19]


class Eyes(unittest.TestCase):
    def test_a_process_lives_until_it_ends(self):
        with subprocess.Popen(["sleep", "600"]) as process:
            start = start_of(process.pid)
            self.assertTrue(lives(process.pid, start))
            self.assertFalse(lives(process.pid, str(int(start) + 1)), "another process of the same number")
            process.kill()
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            self.assertFalse(lives(process.pid, start), "a zombie has ended")
        self.assertFalse(lives(process.pid, start), "it is gone")

    def test_who_ended_before_he_was_seen_has_no_start(self):
        with tempfile.TemporaryDirectory() as proc:
            self.assertFalse(lives(7, "", proc))

    def test_every_letter_of_an_end(self):
        for state, expected in {"R": True, "S": True, "D": True, "T": True, "Z": False, "X": False}.items():
            with tempfile.TemporaryDirectory() as proc:
                folder = pathlib.Path(proc, "7")
                folder.mkdir()
                (folder / "stat").write_text(LINE.format(name="a) b (c", state=state, start=4711) + "\n", encoding="utf-8")
                self.assertEqual(lives(7, "4711", proc), expected, state)

    def test_a_zombie_that_is_reaped_meanwhile_does_not_live(self):
        with tempfile.TemporaryDirectory() as proc:
            folder = pathlib.Path(proc, "7")
            folder.mkdir()
            stat = folder / "stat"
            os.mkfifo(stat)

            def told_once():
                with open(stat, "w", encoding="utf-8") as out:  # waits for the reader
                    stat.unlink()
                    out.write(LINE.format(name="sleep", state="Z", start=4711) + "\n")

            thread = threading.Thread(target=told_once, daemon=True)
            thread.start()
            self.assertFalse(lives(7, "4711", proc))
            thread.join(60)


if __name__ == "__main__":
    sys.exit(unittest.main())

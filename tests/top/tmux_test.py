#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`migctl top` in tmux, a terminal that other people wrote: what is on the screen at 80x24 and 200x60, through a storm
of resizes, after Ctrl-Z and fg, and after the end.

    tmux_test.py BIN     BIN: folder of migctl. Exit code 77: tmux is not installed.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

import terminal

BIN = pathlib.Path()


class Tmux:
    """A tmux server of its own with one window, in which a shell runs."""

    def __init__(self, env):
        self.env = env
        self.name = f"migctl-top-{os.getpid()}"
        self.call("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "env PS1='ready> ' bash --norc -i")

    def call(self, *words):
        return subprocess.run(["tmux", "-u", "-L", self.name, *words], env=self.env, check=True, capture_output=True,
                              text=True).stdout

    def screen(self):
        return self.call("capture-pane", "-p").rstrip("\n").split("\n")

    def keys(self, *words):
        self.call("send-keys", *words)

    def resize(self, columns, rows):
        self.call("resize-window", "-x", str(columns), "-y", str(rows))

    def wait(self, what, test):
        end = time.monotonic() + terminal.PATIENCE
        while True:
            lines = self.screen()
            if test(lines):
                return lines
            if time.monotonic() > end:
                raise AssertionError(f"{what} did not come; the screen:\n" + "\n".join(lines))
            time.sleep(0.05)

    def close(self):
        subprocess.run(["tmux", "-L", self.name, "kill-server"], env=self.env, check=False, capture_output=True)


def whole_frame(columns, rows):
    """A test for a screen that one frame of this size fills from the first to the last line."""
    def test(lines):
        return (len(lines) == rows and lines[0].startswith("SIMULATED m") and lines[-1].startswith("q quit")
                and any("3g.71gb" in line for line in lines) and all(len(line) <= columns for line in lines))
    return test


class TopInTmux(unittest.TestCase):
    def setUp(self):
        context = terminal.machine(BIN)
        self.env = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        self.tmux = Tmux(self.env)
        self.addCleanup(self.tmux.close)
        self.tmux.wait("the shell", lambda lines: lines[0].startswith("ready>"))

    def test_a_session(self):
        tmux = self.tmux
        tmux.keys(f"{BIN}/migctl --sim m top", "Enter")
        lines = tmux.wait("a frame of 80x24", whole_frame(80, 24))
        self.assertTrue(any(line.startswith(" │") and "│3g.71gb" in line for line in lines), lines)
        tmux.resize(200, 60)
        lines = tmux.wait("a frame of 200x60", whole_frame(200, 60))
        self.assertTrue(any("MIG-" in line for line in lines), "wide terminals show UUIDs")
        for i in range(150):
            tmux.resize(10 + i * 37 % 200, 3 + i * 23 % 60)
        tmux.resize(80, 24)
        tmux.wait("a frame after the storm", whole_frame(80, 24))

        tmux.keys("Down", "Down", "Enter")
        tmux.wait("details", lambda lines: any("Details" in line for line in lines) and lines[0].startswith("SIMULATED"))
        tmux.keys("Escape")
        tmux.wait("the frame without details", lambda lines: not any("Details" in line for line in lines))

        tmux.keys("C-z")
        tmux.wait("the shell", lambda lines: any("Stopped" in line for line in lines) and
                  not any("SIMULATED" in line for line in lines))
        tmux.keys("fg", "Enter")
        tmux.wait("a frame after fg", whole_frame(80, 24))

        tmux.keys("q")
        lines = tmux.wait("the shell's screen", lambda lines: any(line.startswith("ready>") for line in lines[2:]) and
                          not any("q quit" in line for line in lines))
        tmux.keys("stty -a | grep -c -- ' echo ' && echo done", "Enter")
        tmux.wait("an echoing terminal", lambda lines: "done" in lines)


if __name__ == "__main__":
    if shutil.which("tmux") is None:
        print("SKIPPED: tmux is not installed")
        sys.exit(77)
    BIN = pathlib.Path(sys.argv[1]).resolve()
    unittest.main(argv=["tmux_test.py"])

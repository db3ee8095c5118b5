#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`migctl top` in a pseudo-terminal: it ends as it should and leaves the terminal as it was, whatever ends it; sizes,
colours, signals to processes, bytes per tick, and memory over thousands of frames.

    terminal_test.py BIN [--frames N]     BIN: folder of migctl and mig-workload
"""
import argparse
import os
import pathlib
import re
import signal
import subprocess
import time
import unittest

import terminal

BIN = pathlib.Path()
FRAMES = 3000
COLOR = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-7]|4[0-7]|9[0-7]|[34]8;[0-9;]+)m")


class Top(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.context = terminal.machine(BIN)
        cls.env = cls.context.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.context.__exit__(None, None, None)

    def top(self, *words, env=None, **size):
        started = terminal.Terminal([BIN / "migctl", "--sim", "m", "top", *words], {**self.env, **(env or {})}, **size)
        self.addCleanup(started.close)
        return started

    def shown(self, *words, **more):
        started = self.top(*words, **more)
        started.wait_for("3g.71gb")
        return started

    def test_the_terminal_is_as_before_whatever_ends_it(self):
        ends = [("q", "q", 0), ("F10", b"\x1b[21~", 0), ("Ctrl-C", b"\x03", 130)]
        ends += [(number.name, number, 128 + number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)]
        ends += [(number.name, number, -number) for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS)]
        for name, way, status in ends:
            with self.subTest(name):
                top = self.shown()
                self.assertIn(b"\x1b[?1049h", top.output)
                if isinstance(way, signal.Signals):
                    top.process.send_signal(way)
                else:
                    top.keys(way)
                self.assertEqual(top.ended(), status)
                self.assertEqual(top.restored(), [])

    def test_a_terminal_that_goes_away_ends_it(self):
        top = self.shown()
        os.close(top.slave)
        os.close(top.master)
        self.assertIn(top.process.wait(terminal.PATIENCE), (0, 128 + signal.SIGHUP))

    def test_without_a_terminal_it_says_what_to_do(self):
        for env, words in (({}, ()), ({"TERM": "no-such-terminal"}, ())):
            with self.subTest(env=env):
                if env:
                    top = self.top(*words, env=env)
                    self.assertEqual(top.ended(), 1)
                    self.assertEqual(top.restored(), [])
                    text = top.output.decode()
                else:
                    done = subprocess.run([BIN / "migctl", "--sim", "m", "top"], env=self.env, stdin=subprocess.DEVNULL,
                                          capture_output=True, text=True, check=False)
                    self.assertEqual(done.returncode, 1)
                    text = done.stderr
                self.assertIn("--once", text)

    def test_sizes(self):
        top = self.shown(columns=0, rows=0)  # a serial line that does not know its size: 80x24
        top.wait_for("quit")
        for columns, rows in ((1, 1), (0, 10), (10, 0), (20, 5), (2000, 900), (3, 400), (80, 2)):
            top.resize(columns, rows)
            top.wait_quiet(0.05)
            self.assertIsNone(top.process.poll(), (columns, rows))
        for i in range(400):
            top.resize(1 + i * 37 % 220, 1 + i * 23 % 70)
            top.read(0.001)
        since = len(top.output)
        top.resize(81, 25)
        top.wait_for("SIMULATED m", since)
        top.wait_for("3g.71gb", since)
        top.keys("q")
        self.assertEqual(top.ended(), 0)
        self.assertEqual(top.restored(), [])

    def test_colors(self):
        self.assertTrue(COLOR.search(self.shown().output))
        plain = self.shown(env={"NO_COLOR": "1"})
        plain.keys("jjh")
        plain.wait_for("help")
        self.assertIsNone(COLOR.search(plain.output))

    def test_without_utf8_it_is_plain_ascii(self):
        top = self.shown(env={"LANG": "C"})
        self.assertTrue(all(byte < 0x80 for byte in top.output), top.output)

    def test_simulated_is_said_on_every_page(self):
        top = self.shown()
        for key in ("d", "E", "h", "q", "p", "\x1b"):
            top.resize(90, 30)
            since = len(top.output)
            top.keys(key)
            top.resize(80, 24)  # draws all anew
            top.wait_for("SIMULATED m", since)

    def test_a_plan_is_previewed_and_nothing_done(self):
        layout = pathlib.Path(self.env["MIGSIM_ROOT"], "layouts.yaml")
        layout.write_text('version: v1\nmig-configs:\n  halves:\n    - devices: [0]\n      mig-enabled: true\n'
                          '      mig-devices: {"3g.71gb": 2}\n', encoding="utf-8")
        before = subprocess.run([BIN / "migctl", "--sim", "m", "list", "--json"], env=self.env, capture_output=True, check=True).stdout
        top = self.shown(columns=100, rows=40)
        top.keys(f"p{layout} -c halves\r")
        for words in ("2 destroyed, 1 created, 1 kept", "before ", "after ", "steps, about"):
            top.wait_for(words)
        top.keys("p" + "\x7f" * 6 + "others\r")
        top.wait_for("others")
        top.wait_for("halves")  # the error names those that there are
        top.keys("p\x1b")
        since = len(top.output)
        top.resize(80, 24)
        top.wait_for("3g.71gb", since)
        top.keys("q")
        self.assertEqual(top.ended(), 0)
        after = subprocess.run([BIN / "migctl", "--sim", "m", "list", "--json"], env=self.env, capture_output=True, check=True).stdout
        self.assertEqual(before, after)

    def hog(self):
        started = subprocess.Popen([BIN / "migctl", "--sim", "m", "-q", "run", "--profile", "2g.35gb", "--",
                                    BIN / "mig-workload", "hog", "compute", "--seconds", "600"],
                                   env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def end():
            if started.poll() is None:
                started.terminate()
            started.wait(terminal.PATIENCE)

        self.addCleanup(end)
        return started

    def test_a_process_gets_a_signal_after_yes_and_not_before(self):
        hog = self.hog()
        reader = self.shown("--readonly")
        reader.wait_for("mig-workl")
        reader.keys("\tK")
        reader.wait_for("--readonly")
        top = self.shown()
        top.wait_for("mig-workl")
        top.keys("\tT")
        top.wait_for("Send SIGTERM?")
        top.keys("n")
        top.wait_for("not sent")
        self.assertIsNone(hog.poll())
        top.keys("T")
        top.wait_quiet()
        top.keys("y")
        top.wait_for("SIGTERM sent to pid")
        hog.wait(terminal.PATIENCE)  # long before its 600 s

    def test_the_mouse_presses_keys_and_selects(self):
        top = self.shown()
        top.keys(b"\x1b[<0;8;24M\x1b[<0;8;24m")  # "help" in the last line
        top.wait_for("Keys")
        since = len(top.output)
        top.keys("q")
        top.keys(b"\x1b[<0;4;5M\x1b[<0;4;5m")  # the row of the first instance
        top.wait_for("gi=", since)
        top.keys(b"\x1b[<0;1;24M\x1b[<0;1;24m")
        self.assertEqual(top.ended(), 0)
        without = self.shown("--no-mouse")
        self.assertNotIn(b"1000h", without.output)

    def test_an_idle_tick_writes_little(self):
        top = self.shown()
        top.wait_quiet(0.5)
        since = len(top.output)
        begun = time.monotonic()
        while time.monotonic() < begun + 5:
            top.read()
        ticks = time.monotonic() - begun
        self.assertGreater(len(top.output), since, "the clock moves")
        self.assertLessEqual(len(top.output) - since, 4096 * ticks)

    def test_memory_is_flat(self):
        top = self.shown("--interval", "100ms")
        # Pages, menus, selection, resize: one frame for each key, since each waits for its output.
        keys = ["j", "j", "k", "\t", "t", "d", "d", "E", "E", "h", "h", "om", "oi", "\x1b[20~", "u", "u"]
        warm = 0
        for frame in range(FRAMES):
            top.keys(keys[frame % len(keys)])
            top.read(0.02)
            top.output = top.output[-65536:]
            if frame == FRAMES // 3:
                warm = top.resident_kib()
        grown = top.resident_kib() - warm
        self.assertLess(grown, 512, f"{grown} KiB more over {FRAMES * 2 // 3} frames")
        top.keys("\x1b")
        top.wait_quiet()
        top.keys("\x1bq")
        top.keys("q")
        self.assertEqual(top.ended(), 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("--frames", type=int, default=FRAMES)
    arguments, rest = parser.parse_known_args()
    BIN = pathlib.Path(arguments.bin).resolve()
    FRAMES = arguments.frames
    unittest.main(argv=["terminal_test.py", *rest])

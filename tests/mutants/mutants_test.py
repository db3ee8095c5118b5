#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The mutants apply to this tree, and the runner classifies their outcomes."""

import os
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import changes  # noqa: E402  (lies beside this file)
from bench import Bench, built, sync  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(changes.HERE))
TEXT = """== one: what is wrong
file code
old
| a = 1
new
| a = 2
tests second
"""


class Data(unittest.TestCase):
    def test_every_change_can_be_made_in_this_tree(self):
        self.assertEqual(changes.offences(changes.load(), changes.rooms(), ROOT), [])

    def test_there_are_enough(self):
        self.assertGreaterEqual(len(changes.load()), 150)

    def test_equivalent_ones_have_a_reason(self):
        for change in changes.load():
            self.assertTrue(not change.equivalent or len(change.equivalent) > 20, change.id)

    def test_what_is_wrong_is_told(self):
        with tempfile.TemporaryDirectory() as root:
            with open(os.path.join(root, "code"), "w", encoding="utf-8") as file:
                file.write("a = 1\na  =\n 1\n")
            table = {"x": {"least": 2, "folders": ["code"]}, "y": {"least": 0, "folders": ["other"]}}
            found = changes.offences(changes.parse(TEXT, "x") + changes.parse(TEXT, "y"), table, root)
        self.assertEqual(found, ["x/one: the old text stands 2 times in code", "y/one: the same change as x/one",
                                 "y/one: code is not in this room", "y/one: the old text stands 2 times in code",
                                 "x: 1 changes; at least 2 are wanted"])

    def test_bad_text_is_refused_with_its_line(self):
        for text in ("file x\n", "== a b: c\n", "== a: b\n| text\n", "== a: b\nnonsense\n"):
            with self.assertRaises(changes.BadData):
                changes.parse(text, "x")

    def test_only_the_words_of_a_text_count(self):
        (change,) = changes.parse(TEXT, "x")
        self.assertEqual(changes.changed("if (a =\n      1) b", change), "if (a = 2) b")


class Running(unittest.TestCase):
    """The runner on a tree of one file whose tests are shell commands."""

    COMPILES = "echo '[1/2] Building CXX object room/CMakeFiles/room.dir/code.o'"

    def run_change(self, build=COMPILES, first="true", second="true", seconds=30, most=30):
        with tempfile.TemporaryDirectory() as tree:
            path = os.path.join(tree, "code")
            with open(path, "w", encoding="utf-8") as file:
                file.write("a = 1\n")
            commands = {"first": first, "second": second, "absent": "false"}
            bench = Bench(tree, lambda targets: ["sh", "-c", build], lambda names: ["sh", "-c", commands[names[0]]],
                          os.path.join(tree, "log"), most)
            (change,) = changes.parse(TEXT, "x")
            found = bench.try_change(change, {"tests": ["first", "second", "absent"]}, {"first", "second"},
                                     time.monotonic() + seconds)
            with open(path, encoding="utf-8") as file:
                self.assertEqual(file.read(), "a = 1\n", "the tree is as it was")
            return found["outcome"], found["by"]

    def test_a_failing_test_notices(self):
        self.assertEqual(self.run_change(first="grep -q 'a = 1' code"), ("noticed", "first"))

    def test_its_own_tests_come_first(self):
        self.assertEqual(self.run_change(first="false", second="false"), ("noticed", "second"))

    def test_when_all_pass_it_survived(self):
        self.assertEqual(self.run_change(), ("survived", ""))

    def test_tests_of_an_old_build_are_no_verdict(self):
        self.assertEqual(self.run_change(build="echo 'ninja: no work to do.'"), ("not built", ""))
        self.assertEqual(self.run_change(build="echo 'Building CXX object room.dir/decode.o'"), ("not built", ""))

    def test_what_was_compiled_is_read_from_the_build(self):
        line = "[3/9] Building CXX object src/base/CMakeFiles/mig_base.dir/%s.o\n"
        self.assertTrue(built("src/base/file.cc", line % "file.cc"))
        self.assertFalse(built("src/base/file.cc", line % "half_file.cc" + line % "file_test.cc"))
        self.assertTrue(built("src/base/file.h", line % "other.cc"))
        self.assertFalse(built("src/base/file.h", "[0/1] Re-checking globbed directories...\nninja: no work to do.\n"))

    def test_what_does_not_build_is_said(self):
        self.assertEqual(self.run_change(build="grep -q 'a = 1' code"), ("does not build", ""))

    def test_a_time_out_counts_and_is_told(self):
        self.assertEqual(self.run_change(first="sleep 60", most=1), ("timed out", "first"))
        self.assertEqual(self.run_change(first="echo '1/1 Test ***Timeout'; false"), ("timed out", "first"))

    def test_no_time_left_is_no_verdict(self):
        self.assertEqual(self.run_change(first="sleep 60", seconds=1)[0], "not finished")


class Copying(unittest.TestCase):
    def test_what_is_equal_keeps_its_time(self):
        with tempfile.TemporaryDirectory() as source, tempfile.TemporaryDirectory() as target:
            for name, text in (("same", "x"), ("changed", "new"), ("build/made", "y")):
                os.makedirs(os.path.dirname(os.path.join(source, name)), exist_ok=True)
                with open(os.path.join(source, name), "w", encoding="utf-8") as file:
                    file.write(text)
            for name, text in (("same", "x"), ("changed", "old"), ("gone", "z")):
                with open(os.path.join(target, name), "w", encoding="utf-8") as file:
                    file.write(text)
            os.utime(os.path.join(target, "same"), (1, 1))
            sync(source, target)
            self.assertEqual(sorted(os.listdir(target)), ["changed", "same"])
            self.assertEqual(os.path.getmtime(os.path.join(target, "same")), 1)
            with open(os.path.join(target, "changed"), encoding="utf-8") as file:
                self.assertEqual(file.read(), "new")


if __name__ == "__main__":
    unittest.main()

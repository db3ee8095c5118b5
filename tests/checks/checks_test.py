#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the checks over all files, scripts/tidy.py and scripts/alone.py. With a deadline: what was changed last comes first,
what was not reached is named and nothing that was found is lost. In a second checkout: what passed is not checked again, and
every change is."""

import contextlib
import io
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import alone  # noqa: E402
import deadline  # noqa: E402
import passed  # noqa: E402
import tidy  # noqa: E402


class ChecksTest(unittest.TestCase):
    def setUp(self):
        self.held = contextlib.ExitStack()
        self.addCleanup(self.held.close)
        self.top = pathlib.Path(self.held.enter_context(tempfile.TemporaryDirectory())).resolve()
        self.held.enter_context(mock.patch.dict(os.environ, {"MIGCTL_CACHE": str(self.top / "cache")}))
        self.work_in(self.top / "first")
        self.root.mkdir()
        self.git("init", "-q")
        (self.root / ".gitignore").write_text("/build/\n")
        (self.root / ".clang-tidy").write_text("Checks: '-*'\n")
        self.files = []
        for name in ("old", "middle", "new"):
            self.write(f"src/{name}/{name}.cc", f"int {name}_one() {{ return 0; }}\n")
            self.git("add", "-A")
            self.git("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", name)

    def work_in(self, root):
        self.root = root
        for module in (alone, deadline, passed, tidy):
            self.held.enter_context(mock.patch.object(module, "ROOT", root))
        self.held.enter_context(mock.patch.object(alone, "OUT", root / "build/commands/alone"))
        self.held.enter_context(mock.patch.object(tidy, "BUILT", root / "build/dev"))
        self.held.enter_context(mock.patch.object(tidy, "OUT", root / "build/tidy"))

    def copy(self, name):
        """Goes on in a checkout of the same files without anything built."""
        there = self.top / name
        shutil.copytree(self.root, there, ignore=shutil.ignore_patterns("build"))
        self.files = [file.replace(str(self.root), str(there)) for file in self.files]
        self.work_in(there)

    def git(self, *words):
        subprocess.run(["git", *words], cwd=self.root, check=True, capture_output=True)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.files.append(str(path))

    def run_check(self, module, until):
        """Exit code and output of a check over all files."""
        for built in ("build/commands", "build/dev"):
            folder = self.root / built
            folder.mkdir(parents=True, exist_ok=True)
            # build/dev joins them, so that it proves none of them.
            flag = "-O0" if built.endswith("dev") else "-O1"
            (folder / "compile_commands.json").write_text(json.dumps([
                {"directory": str(folder), "file": file, "command": f"/usr/bin/c++ {flag} -DFOLDER={folder.name} -o {file}.o -c {file}"}
                for file in self.files]))
        said = io.StringIO()
        arguments = ["check", "--jobs", "1", *(["--until", str(until)] if until else [])]
        saved = os.dup(1), os.dup(2)
        with tempfile.TemporaryFile() as theirs:  # ninja writes past Python
            try:
                os.dup2(theirs.fileno(), 1)
                os.dup2(theirs.fileno(), 2)
                with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), mock.patch.object(sys, "argv", arguments):
                    code = module.main()
            finally:
                os.dup2(saved[0], 1)
                os.dup2(saved[1], 2)
                for number in saved:
                    os.close(number)
            theirs.seek(0)
            return code, said.getvalue() + theirs.read().decode()

    def test_changed_last_comes_first(self):
        self.write("src/young/young.cc", "int young() { return 0; }\n")
        with open(self.root / "src/middle/middle.cc", "a", encoding="utf-8") as file:
            file.write("// changed, not committed\n")
        rank = deadline.latest_first()
        names = [pathlib.Path(file).stem for file in sorted(self.files, key=rank)]
        self.assertEqual(names, ["middle", "young", "new", "old"])
        self.assertGreater(rank(self.root / "unknown.cc"), rank(self.root / "src/old/old.cc"))

    def test_without_git_any_order_will_do(self):
        with mock.patch.object(deadline, "ROOT", pathlib.Path("/")):
            self.assertEqual(sorted(self.files, key=deadline.latest_first()), self.files)

    def test_each_file_by_itself_in_time(self):
        code, said = self.run_check(alone, time.time() + 600)
        self.assertEqual(code, 0, said)
        self.assertNotIn("NOT CHECKED", said)
        order = [line.split("/")[-1].split()[0] for line in said.splitlines() if "by itself" in line and line.startswith("[")]
        self.assertEqual(order, ["new.cc", "middle.cc", "old.cc"])

    def test_each_file_by_itself_too_late(self):
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.SIG_IGN))  # as in a job of a shell
        code, said = self.run_check(alone, time.time() - 1)
        self.assertEqual(code, 0, said)
        self.assertRegex(said, r"alone: NOT CHECKED for want of time: [23] files.*src/old \(1\)")

    def test_what_does_not_compile_fails_with_and_without_time(self):
        self.write("src/bad/bad.cc", "int bad( { return 0; }\n")
        for until in (None, time.time() + 600):
            code, said = self.run_check(alone, until)
            self.assertEqual(code, 1, said)
            self.assertNotIn("NOT CHECKED", said)

    def test_a_failure_before_the_deadline_is_not_lost_and_not_called_unchecked(self):
        self.write("src/bad/bad.cc", "int bad( { return 0; }\n")  # not committed: the first
        # A file that takes until after the deadline: the compiler waits for its text.
        slow = self.root / "slow.h"
        os.mkfifo(slow)
        (self.root / "src/new/new.cc").write_text('#include "../../slow.h"\n')
        self.git("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qam", "slow")

        class WhenRead(threading.Thread):
            """In the timer's place: goes off when the compiler reads that file."""

            def __init__(self, _, function, arguments=()):
                super().__init__(daemon=True)
                self.function, self.arguments = function, arguments

            def run(self):
                with open(slow, "w", encoding="utf-8"):
                    self.function(*self.arguments)

            def cancel(self):
                self.join()
        with mock.patch.object(alone.threading, "Timer", WhenRead):
            code, said = self.run_check(alone, time.time() + 600)
        self.assertEqual(code, 1, said)
        self.assertRegex(said, r"NOT CHECKED for want of time: 3 files")
        self.assertNotIn("src/bad (1)", said)

    @unittest.skipUnless(os.access("/usr/bin/clang-tidy-14", os.X_OK), "clang-tidy-14 is installed by ./scripts/bootstrap ci")
    def test_clang_tidy(self):
        code, said = self.run_check(tidy, time.time() - 1)
        self.assertEqual(code, 0, said)
        self.assertRegex(said, r"clang-tidy: NOT CHECKED for want of time: 3 files.*src/middle \(1\), src/new \(1\), src/old \(1\)")
        (self.root / ".clang-tidy").write_text("Checks: '-*,readability-braces-around-statements'\nWarningsAsErrors: '*'\n")
        self.write("src/bad/bad.cc", "int bad(int a) { if (a) return 1; return 0; }\n")
        code, said = self.run_check(tidy, time.time() + 600)
        self.assertEqual(code, 1, said)
        self.assertIn("readability-braces-around-statements", said)
        self.assertNotIn("NOT CHECKED", said)

    def test_another_checkout_checks_what_differs(self):
        self.write("src/shared.h", "#pragma once\nint shared();\n")
        self.write("src/user/user.cc", '#include "../shared.h"\nint user() { return shared(); }\n')
        self.files = [file for file in self.files if file.endswith(".cc")]
        self.assertEqual(self.run_check(alone, None)[0], 0)
        self.assertIn("4 files, each by itself; 0 of them were built so, 4 passed before", self.run_check(alone, None)[1])
        self.copy("second")
        self.assertIn("4 passed before", self.run_check(alone, None)[1])
        (self.root / "src/shared.h").write_text("#pragma once\nint shared(\n")
        code, said = self.run_check(alone, None)
        self.assertEqual(code, 1)
        self.assertIn("3 passed before", said)
        self.copy("third")
        code, said = self.run_check(alone, None)
        self.assertEqual(code, 1, "what failed was remembered")
        with mock.patch.dict(os.environ, {"MIGCTL_CACHE": "off"}):
            self.assertIn("0 passed before", self.run_check(alone, None)[1])

    def test_a_damaged_entry_is_none(self):
        self.assertEqual(self.run_check(alone, None)[0], 0)
        for entry in (self.top / "cache/checks").iterdir():
            entry.write_bytes(entry.read_bytes()[:20])
        self.copy("second")
        self.assertIn("0 passed before", self.run_check(alone, None)[1])

    @unittest.skipUnless(os.access("/usr/bin/clang-tidy-14", os.X_OK), "clang-tidy-14 is installed by ./scripts/bootstrap ci")
    def test_clang_tidy_in_another_checkout(self):
        (self.root / ".clang-tidy").write_text("Checks: '-*,readability-braces-around-statements'\nWarningsAsErrors: '*'\n")
        self.write("src/quiet/quiet.cc", "int quiet(int a) { if (a) return 1; return 0; }  // NOLINT\n")
        self.assertEqual(self.run_check(tidy, None)[0], 0)
        self.copy("second")
        started, run = [], subprocess.run

        def recorded(command, **options):
            started.append(command[0])
            return run(command, **options)
        with mock.patch.object(tidy.subprocess, "run", recorded):
            self.assertEqual(self.run_check(tidy, None)[0], 0)
        self.assertEqual(started.count("clang-tidy-14"), 1, "for its version only")
        quiet = self.root / "src/quiet/quiet.cc"
        quiet.write_text(quiet.read_text().replace("  // NOLINT", ""))
        self.assertEqual(self.run_check(tidy, None)[0], 1, "a comment decides too")


if __name__ == "__main__":
    unittest.main()

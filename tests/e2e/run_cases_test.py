#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the case runner: a case that should fail does fail, and names the line."""

import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import run_cases  # noqa: E402  (lies beside this file)

# Stub of migctl: `list --json` prints the layout in the file `layout`.
FAKE_MIGCTL = """#!/bin/sh
case "$*" in
  *"list --json") printf '{"gpus":[{"mig":{"current":"%s","pending":"x"},"gpuInstances":[]}]}' "$(cat layout 2>/dev/null)" ;;
esac
"""


class Runner(unittest.TestCase):
    def run_text(self, text):
        """Verdict and output of the only case in `text`."""
        with tempfile.TemporaryDirectory() as folder:
            binary = pathlib.Path(folder) / "migctl"
            binary.write_text(FAKE_MIGCTL)
            binary.chmod(0o755)
            (case,) = run_cases.parse("NAME case\n" + text, "text")
            return run_cases.run_case(case, folder)

    def test_what_holds_passes(self):
        verdict, text = self.run_text(
            'FILE data\n| one\n| two\nRUN cat data; echo \'{"a": [{"n": "x", "v": 1}, {"n": "y", "v": 2}]}\' | tee /dev/null\n'
            "EXPECT two\nEXPECT_NOT three\nEXPECT_REGEX ^o.e$\n")
        self.assertEqual((verdict, text), ("passed", ""))

    def test_each_kind_of_expectation_can_fail(self):
        for wrong in ("EXPECT three", "EXPECT_NOT one", "EXPECT_REGEX ^two$", "RETURN_CODE 3", "EXPECT_JSON a == 1"):
            with self.subTest(wrong=wrong):
                verdict, text = self.run_text(f"RUN echo one\n{wrong}\n")
                self.assertEqual(verdict, "failed")
                self.assertIn("one", text)

    def test_json_paths(self):
        document = {"a": [{"n": "x", "v": 1}, {"n": "y", "v": 2}]}
        self.assertEqual(run_cases.select(document, "a[n=y].v"), 2)
        self.assertEqual(run_cases.select(document, "a[*].v"), [1, 2])
        self.assertEqual(run_cases.select(document, "a[#]"), 2)
        self.assertEqual(run_cases.select(document, "a[0].n"), "x")
        with self.assertRaises(KeyError):
            run_cases.select(document, "a[n=z].v")
        with self.assertRaises(KeyError):
            run_cases.select(document, "b")

    def test_a_changed_machine_is_noticed(self):
        self.assertEqual(self.run_text("SIM x\nRUN true\nUNCHANGED\n")[0], "passed")
        verdict, text = self.run_text("SIM x\nRUN echo other >layout\nUNCHANGED\n")
        self.assertEqual(verdict, "failed")
        self.assertIn("the machine changed", text)

    def test_time_is_limited(self):
        verdict, text = self.run_text("RUN sleep 5\nTIMEOUT 0.2\n")
        self.assertEqual(verdict, "failed")
        self.assertIn("still running", text)

    def test_a_failed_setup_fails_the_case(self):
        self.assertEqual(self.run_text("SETUP false\nRUN true\n")[0], "failed")

    def test_an_unmet_requirement_skips(self):
        self.assertEqual(self.run_text("REQUIRES false\nRUN false\n")[0], "skipped")

    def test_a_slip_in_the_file_is_an_error(self):
        for text in ("NAME x\nRUM true\n", "RUN true\n", "NAME x\n", "| lost\n"):
            with self.subTest(text=text), self.assertRaises(run_cases.BadCase):
                run_cases.parse(text, "text")

    def test_programs_are_copied_only_where_another_user_may_not_enter(self):
        (other,) = run_cases.parse("NAME x\nRUN setpriv --reuid=1 true\n", "text")
        (plain,) = run_cases.parse("NAME x\nRUN true\n", "text")
        # A TemporaryDirectory is accessible to its owner only, as /root is.
        with tempfile.TemporaryDirectory() as folder:
            programs = pathlib.Path(folder).resolve() / "bin"
            programs.mkdir()
            (programs / "migctl").write_text("x")
            with run_cases.binaries_for([plain], programs) as chosen:
                self.assertEqual(chosen, str(programs))
            with run_cases.binaries_for([plain, other], programs) as chosen:
                self.assertNotEqual(chosen, str(programs))
                self.assertTrue(run_cases.open_to_all(pathlib.Path(chosen)))
                self.assertEqual((pathlib.Path(chosen) / "migctl").read_text(), "x")
            self.assertFalse(pathlib.Path(chosen).exists())

    def test_exit_codes(self):
        for text, code in (("RUN true", 0), ("RUN false", 1), ("REQUIRES false\nRUN true", 77)):
            with self.subTest(text=text), tempfile.TemporaryDirectory() as folder:
                file = pathlib.Path(folder) / "x.test"
                file.write_text("NAME x\n" + text + "\n")
                sys.argv = ["run_cases.py", "--bin", folder, str(file)]
                with contextlib.redirect_stdout(io.StringIO()):
                    self.assertEqual(run_cases.main(), code)


if __name__ == "__main__":
    unittest.main()

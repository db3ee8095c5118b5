#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the cache of built programs, with a `go` that counts its builds: what a second checkout copies, what it builds anew,
and that a cache which cannot be used costs no more than a build."""

import contextlib
import io
import os
import pathlib
import tempfile
import time
import unittest
from unittest import mock

import fetch
import program_cache
from program_cache import user_cache

GO = """#!/bin/sh
if [ "$1" = version ]; then echo "go version go1.99.0 linux/amd64"; exit 0; fi
echo "$*" >>"$GO_CALLS"
if [ "$1" = build ]; then
  for word in "$@"; do if [ "$before" = -o ]; then out=$word; fi; before=$word; done
  if [ -d "$out" ]; then out=$out/two; echo one >"${out%two}one"; chmod 755 "${out%two}one"; fi
  echo built >"$out" && chmod 755 "$out"
fi
"""


class CacheTest(unittest.TestCase):
    def setUp(self):
        held = contextlib.ExitStack()
        self.addCleanup(held.close)
        self.top = pathlib.Path(held.enter_context(tempfile.TemporaryDirectory()))
        self.calls = self.top / "calls"
        self.module = self.top / "module"
        self.module.mkdir()
        (self.module / "go.mod").write_text("module ours\ngo 1.20\n")
        (self.module / "go.sum").write_text("sums\n")
        go = self.top / "bin" / "go"
        go.parent.mkdir()
        go.write_text(GO)
        go.chmod(0o755)
        self.cache = self.top / "cache"
        held.enter_context(mock.patch.dict(os.environ, {
            "PATH": f"{go.parent}:{os.environ['PATH']}", "GO_CALLS": str(self.calls), "MIGCTL_CACHE": str(self.cache)}))
        # The run that this test belongs to may have no more time for clients.
        held.enter_context(mock.patch.object(fetch, "UNTIL", float("inf")))
        self.said = held.enter_context(contextlib.redirect_stderr(io.StringIO()))

    def build(self, checkout, **more):
        """Files in the checkout's folder of programs after a build there."""
        folder = self.top / checkout / "programs"
        with mock.patch.object(fetch, "STORE", self.top / checkout):
            fetch.go_build(self.module, "tool", "example.org/cmd/one", "example.org/cmd/two", folder=folder, **more)
        return {path.name: path.read_text() for path in folder.iterdir() if not path.name.endswith(".stamp")}

    def builds(self):
        return sum(line.startswith("build ") for line in self.calls.read_text().splitlines()) if self.calls.exists() else 0

    def test_a_second_checkout_copies(self):
        both = {"one": "one\n", "two": "built\n"}
        self.assertEqual(self.build("first"), both)
        self.assertEqual(self.build("second"), both)
        self.assertTrue(os.access(self.top / "second" / "programs" / "one", os.X_OK))
        self.assertEqual(self.builds(), 1)
        self.assertIn("as an earlier checkout built it", self.said.getvalue())
        self.assertEqual(self.cache.stat().st_mode & 0o777, 0o700)

    def test_the_one_name_that_was_asked_for(self):
        for checkout in ("first", "second"):
            self.assertEqual(self.build(checkout, program="other"), {"other": "built\n"})
        self.assertEqual(self.builds(), 1)

    def test_what_decides_about_the_program_is_in_its_key(self):
        self.build("first")
        (self.module / "go.sum").write_text("other sums\n")
        self.build("second")
        self.assertEqual(self.builds(), 2)
        self.build("third", options=("-tags", "small"))
        self.assertEqual(self.builds(), 3)
        with mock.patch.dict(os.environ, {"GOAMD64": "v3"}):
            self.build("fourth")
        self.assertEqual(self.builds(), 4)
        go = self.top / "bin" / "go"
        go.write_text(GO.replace("go1.99.0", "go1.99.1"))
        self.build("fifth")
        self.assertEqual(self.builds(), 5)

    def test_files_of_a_module_that_are_read_are_fetched_all_the_same(self):
        self.build("first", read_from="example.org/read")
        self.assertNotIn("mod download", self.calls.read_text())
        self.build("second", read_from="example.org/read")
        self.assertIn("mod download example.org/read", self.calls.read_text())

    def test_no_cache(self):
        with mock.patch.dict(os.environ, {"MIGCTL_CACHE": "off"}):
            self.build("first")
            self.build("second")
        self.assertEqual(self.builds(), 2)

    def test_a_cache_that_others_may_write_to_is_not_trusted(self):
        self.build("first")
        (self.cache / "programs").chmod(0o777)
        self.build("second")
        self.assertEqual(self.builds(), 2)
        self.assertIn("others may write to it: not used", self.said.getvalue())

    def test_a_cache_that_cannot_be_made_costs_a_build(self):
        self.cache.write_text("a file in its place")
        self.assertEqual(sorted(self.build("first")), ["one", "two"])
        self.assertEqual(self.builds(), 1)
        self.assertIn("cache: nothing kept", self.said.getvalue())

    def test_half_an_entry_is_none(self):
        copy = program_cache.shutil.copy2

        def full(source, target):
            if str(target).startswith(str(self.cache)) and source.name == "two":
                raise OSError(28, "No space left on device")
            return copy(source, target)
        with mock.patch.object(program_cache.shutil, "copy2", full):
            self.assertEqual(sorted(self.build("first")), ["one", "two"])
        self.assertEqual(list((self.cache / "programs").iterdir()), [])
        self.build("second")
        self.assertEqual(self.builds(), 2)

    def test_another_checkout_was_first(self):
        self.build("first")
        built = self.top / "again"
        built.mkdir()
        (built / "one").write_text("one\n")
        (key,) = os.listdir(self.cache / "programs")
        program_cache.keep(key, built)
        self.assertEqual(os.listdir(self.cache / "programs"), [key])
        self.assertNotIn("nothing kept", self.said.getvalue())

    def test_what_nobody_asks_for_goes(self):
        self.build("first")
        programs = self.cache / "programs"
        (old,) = programs.iterdir()
        half = programs / ".half.killed"
        half.mkdir()
        for path, days in ((old, user_cache.UNUSED_DAYS + 1), (half, 1)):
            os.utime(path, (time.time() - days * 86400,) * 2)
        self.build("second")  # asked for again in time
        self.assertTrue(old.is_dir())
        os.utime(old, (time.time() - (user_cache.UNUSED_DAYS + 1) * 86400,) * 2)
        self.build("third", options=("-tags", "small"))
        self.assertFalse(old.is_dir())
        self.assertFalse(half.is_dir())
        with mock.patch.object(program_cache, "MOST_ENTRIES", 2):
            for tag in ("a", "b", "c"):
                self.build(tag, options=("-tags", tag))
        self.assertEqual(len(list(programs.iterdir())), 2)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""A private copy of the tree in which mutants are applied, built and tested one at a time."""

import os
import re
import shutil
import signal
import subprocess
import time

import changes

SKIPPED = {".git", "build", ".cache", "__pycache__", ".whl", ".dev"}


def source_files(root):
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED]
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                yield os.path.relpath(path, root)


def sync(source, target):
    """Makes `target` equal to `source`; unchanged files keep their time, so that little is rebuilt."""
    wanted = set(source_files(source))
    for name in wanted:
        have = os.path.join(target, name)
        with open(os.path.join(source, name), "rb") as file:
            content = file.read()
        if os.path.isfile(have):
            with open(have, "rb") as file:
                if file.read() == content:
                    continue
        os.makedirs(os.path.dirname(have), exist_ok=True)
        with open(have, "wb") as file:
            file.write(content)
        shutil.copymode(os.path.join(source, name), have)
    if os.path.isdir(target):
        for name in set(source_files(target)) - wanted:
            os.remove(os.path.join(target, name))


def run(command, folder, seconds, log, env=None):
    """(exit code or None on a timeout, output); all child processes are ended too."""
    with open(log, "wb") as out:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                   env=env, start_new_session=True)
        try:
            code = process.wait(max(seconds, 1))
        except subprocess.TimeoutExpired:
            code = None
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
    with open(log, encoding="utf-8", errors="replace") as file:
        return code, file.read()


PROGRAMS = ["migctl", "mig-workload", "sim_nvml", "migsim"]


def built(file, output):
    """True when a build's output shows that `file` was compiled (for a header: that anything was)."""
    stem, ending = os.path.splitext(os.path.basename(file))
    mark = r"\.o\b" if ending == ".h" else re.escape(f"/{stem}{ending}.o") + r"\b"
    return re.search(mark, output) is not None


def targets_of(test):
    """Build targets of a test: a GoogleTest program has the test's name, other tests run the programs."""
    return [test] if test.endswith("_test") else PROGRAMS


class Bench:
    """`build(targets)` and `test(names)` return commands; the tree is at `tree`."""

    def __init__(self, tree, build, test, log, most_seconds=900, most_of_a_test=300):
        self.tree, self.build, self.test, self.log = tree, build, test, log
        self.most_seconds, self.most_of_a_test = most_seconds, most_of_a_test

    def try_change(self, change, room, usable, deadline):
        """A dictionary: outcome (noticed, survived, not built, timed out, does not build, not finished), by, seconds."""
        path = os.path.join(self.tree, change.file)
        with open(path, encoding="utf-8") as file:
            before = file.read()
        began = time.monotonic()
        left = lambda: min(self.most_seconds, deadline - time.monotonic())

        def result(outcome, by="", more=""):
            ended = time.monotonic()
            if outcome == "timed out" and ended >= deadline:
                outcome = "not finished"
            return {"outcome": outcome, "by": by, "seconds": round(ended - began, 1), "more": more}

        try:
            with open(path, "w", encoding="utf-8") as file:
                file.write(changes.changed(before, change))
            names = [name for name in change.tests + room["tests"] if name in usable]
            names = list(dict.fromkeys(names))
            if not names:
                return result("does not build", "", "none of the tests can be used here")
            ready, changed_code_runs = set(), False
            for name in names:  # in order: the most likely test first
                targets = [target for target in targets_of(name) if target not in ready]
                if targets:
                    code, output = run(self.build(targets), self.tree, left(), self.log)
                    if code is None:
                        return result("not finished", name, "building took too long")
                    if code != 0:
                        return result("does not build", "", output[-3000:])
                    ready.update(targets)
                    changed_code_runs = changed_code_runs or built(change.file, output)
                code, output = run(self.test([name]), self.tree, min(left(), self.most_of_a_test), self.log)
                if code is None:
                    return result("timed out", name)
                if code != 0:
                    late = "***Timeout" in output  # ctest's mark of a timeout
                    return result("timed out" if late else "noticed", name)
            return result("survived" if changed_code_runs else "not built", "", " ".join(names))
        finally:
            with open(path, "w", encoding="utf-8") as file:
                file.write(before)

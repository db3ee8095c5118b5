#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Executes the console blocks of a Markdown page and compares their output with the page.

    run_tutorial.py --bin build/dev/bin docs/tutorial/mig_lab.md [--show]

A block is fenced as ```console. A line `$ command` is typed into one shell that lives from the first
to the last block (so directories, functions and background jobs carry over, and `migctl sim shell`
enters the machine until `exit`); lines `> more` continue it; the rest is its output. In the output
`...` alone in a line stands for any lines, `...` within a line for any text. A command must end with
0 unless the next one is `echo $?`. Exit code: 0 equal, 1 different, 77 skipped.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
LIMIT_S = 120
STALE_MARK = re.compile(r"@@\d+\.\d+@@ \d+\n")  # mark of an earlier command, requested twice


@dataclasses.dataclass
class Step:
    """One command of the page."""
    line: int
    command: str
    expected: list


def steps_of(text):
    """Commands of all console blocks, in order."""
    steps, inside = [], False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            inside = line.strip() == "```console"
        elif not inside:
            continue
        elif line.startswith("$ "):
            steps.append(Step(number, line[2:], []))
        elif not steps:
            raise ValueError(f"line {number}: output before any command")
        elif (line.startswith("> ") or line == ">") and not steps[-1].expected:
            steps[-1].command += "\n" + line[2:]
        else:
            steps[-1].expected.append(line)
    return steps


def pattern_of(lines):
    """The expected lines as one regular expression."""
    parts = []
    for line in lines:
        if line.strip() == "...":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            words = [re.escape(word.rstrip() if last else word)
                     for word, last in zip(line.split("..."), [False] * line.count("...") + [True])]
            parts.append(r"[^\n]*?".join(words) + r"[ \t]*\n")
    return re.compile("".join(parts))


class Shell:
    """A bash that reads commands from a pipe; its stderr goes to its stdout."""

    def __init__(self, environment, cwd):
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            ["bash", "--norc", "--noprofile"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=environment, cwd=cwd, start_new_session=True)
        self.count = 0
        self.rest = b""

    def run(self, command):
        """(output, exit status) of a command; None as status on a timeout."""
        self.count += 1
        mark = f"@@{os.getpid()}.{self.count}@@"
        # The mark's line is read by whichever shell is running then.
        self.send(f"{command}\n")
        self.send_mark(mark)
        end = re.compile(re.escape(mark).encode() + rb" (\d+)\n")
        deadline = time.monotonic() + LIMIT_S
        while not (found := end.search(self.rest)):
            # An ending shell may have consumed the mark: then it is sent again, to the outer shell.
            patience = min(1, deadline - time.monotonic()) if command == "exit" else deadline - time.monotonic()
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, patience))
            if not ready and time.monotonic() < deadline:
                self.send_mark(mark)
                continue
            chunk = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not chunk:
                return self.rest.decode(errors="replace"), None
            self.rest += chunk
        output = STALE_MARK.sub("", self.rest[:found.start()].decode(errors="replace"))
        self.rest = self.rest[found.end():]
        return output, int(found.group(1))

    def send_mark(self, mark):
        """Sends the command that prints the mark and the previous command's exit status."""
        self.send(f"_mark=$?; printf '%s %s\\n' '{mark}' $_mark; (exit $_mark)\n")

    def send(self, text):
        """Sends a line."""
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def close(self):
        """Ends the shell and its child processes."""
        self.process.stdin.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def check(step, output, status, next_step):
    """The fault of a step, or None."""
    if status is None:
        return f"no end after {LIMIT_S} s"
    asked = next_step is not None and next_step.command == "echo $?"
    if status != 0 and not asked:
        return f"exit code {status}, and the page does not ask for it"
    text = re.sub(r"[ \t]+\n", "\n", output if output.endswith("\n") or not output else output + "\n")
    if not pattern_of(step.expected).fullmatch(text):
        return "the output is not what the page says:\n" + "".join(
            f"  | {line}\n" for line in step.expected)
    return None


def run_steps(page, steps, shell, show):
    """Runs the commands in that shell; the first fault as text, or None."""
    for step, following in zip(steps, steps[1:] + [None]):
        output, status = shell.run(step.command)
        if show:
            print(f"$ {step.command}\n{output}", end="", flush=True)
        wrong = check(step, output, status, following)
        if wrong:
            return (f"{page}:{step.line}: $ {step.command}\n{wrong}\nprinted (exit code {status}):\n"
                    + "".join(f"  | {line}\n" for line in output.splitlines()))
    return None


def run_page(page, binaries, show, more=()):
    """Number of commands, and the first fault as text (or None)."""
    steps = steps_of(page.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="mig-lab-") as folder:
        cwd = os.path.join(folder, "work")
        os.mkdir(cwd)
        environment = {"PATH": f"{binaries}:{os.environ['PATH']}", "HOME": cwd, "LC_ALL": "C.UTF-8",
                       "SHELL": "/bin/bash", "NO_COLOR": "1", "MIGSIM_ROOT": os.path.join(folder, "machines"),
                       "XDG_STATE_HOME": os.path.join(folder, "state"), **dict(more)}
        os.mkdir(environment["MIGSIM_ROOT"])
        shell = Shell(environment, cwd)
        try:
            wrong = run_steps(page, steps, shell, show)
        finally:
            shell.close()
    return len(steps), wrong


def main():
    """See the top of the file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--show", action="store_true", help="print the commands and what they print")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="a further variable of the page's shell")
    parser.add_argument("page", type=pathlib.Path, nargs="+")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("skipped: a driver lets only root change instances")
        return SKIPPED
    failed = False
    for page in arguments.page:
        count, wrong = run_page(page, os.path.abspath(arguments.bin), arguments.show, [pair.split("=", 1) for pair in arguments.env])
        print(wrong if wrong else f"{page}: {count} commands, all as the page says")
        failed = failed or wrong is not None
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

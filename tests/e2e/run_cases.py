#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs command-line cases written as data; README.md beside this file describes the format.

    run_cases.py --bin build/dev/bin cases/bad_input.test [-k words of a case's name]

Each case runs in an empty folder, with a simulated machine of its own if it asks for one.
Exit code: 0 all passed, 1 something failed, 77 every case of the file was skipped.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import json_check

SKIPPED = 77
HELPERS = pathlib.Path(__file__).resolve().parent / "bin"
WORDS = {"NAME", "SIM", "FILE", "SETUP", "RUN", "EXPECT", "EXPECT_NOT", "EXPECT_REGEX", "EXPECT_JSON",
         "RETURN_CODE", "UNCHANGED", "REQUIRES", "TIMEOUT"}
BLOCKS = {"FILE", "SETUP", "RUN"}
SCHEMA = json_check.load()


@dataclasses.dataclass
class Case:
    """One NAME block: commands to run and expectations."""
    name: str
    line: int
    sim: str = ""
    files: dict = dataclasses.field(default_factory=dict)
    setup: str = ""
    run: str = ""
    checks: list = dataclasses.field(default_factory=list)
    return_code: int = 0
    unchanged: bool = False
    requires: list = dataclasses.field(default_factory=list)
    timeout_s: float = 120


class BadCase(Exception):
    """The case file itself is invalid."""


def parse(text, where):
    """Parses a case file. A line is `WORD rest`; lines starting with `|` continue the block above."""
    cases, block = [], None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("|"):
            if block is None:
                raise BadCase(f"{where}:{number}: no FILE, SETUP or RUN above this line")
            block.append(line[2:] if line.startswith("| ") else line[1:])
            continue
        finish(cases, block)
        block = None
        if not line.strip() or line.startswith("#"):
            continue
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        if word not in WORDS:
            raise BadCase(f"{where}:{number}: unknown word {word}")
        if word == "NAME":
            cases.append(Case(name=rest, line=number))
            continue
        if not cases:
            raise BadCase(f"{where}:{number}: {word} before the first NAME")
        if word in BLOCKS:
            block = Block(cases[-1], word, rest)
        else:
            assign(cases[-1], word, rest, number)
    finish(cases, block)
    for case in cases:
        if not case.run:
            raise BadCase(f"{where}:{case.line}: case '{case.name}' has no RUN")
    return cases


class Block(list):
    """The lines of a FILE, SETUP or RUN."""

    def __init__(self, case, word, rest):
        super().__init__([rest] if rest and word != "FILE" else [])
        self.case, self.word, self.rest = case, word, rest


def finish(cases, block):
    if block is None:
        return
    text = "\n".join(block) + "\n"
    if block.word == "FILE":
        cases[-1].files[block.rest] = text
    elif block.word == "SETUP":
        cases[-1].setup += text
    else:
        cases[-1].run += text


def assign(case, word, rest, number):
    if word == "SIM":
        case.sim = rest
    elif word == "RETURN_CODE":
        case.return_code = int(rest)
    elif word == "UNCHANGED":
        case.unchanged = True
    elif word == "REQUIRES":
        case.requires.append(rest)
    elif word == "TIMEOUT":
        case.timeout_s = float(rest)
    else:
        case.checks.append((word, rest, number))


def select(document, path):
    """Evaluates a path: `gpus[0].profiles[name=1g.5gb].sm`; `[*]` maps over a list; a missing key is an error."""
    values, many = [document], False
    for name, index in re.findall(r"([A-Za-z_][\w-]*)|\[([^\]]+)\]", path):
        found = []
        for value in values:
            if name:
                found.append(value[name])
            elif index == "*":
                found.extend(value)
                many = True
            elif index == "#":
                found.append(len(value))
            elif "=" in index:
                key, _, wanted = index.partition("=")
                match = [item for item in value if str(item[key]) == wanted]
                if not match:
                    raise KeyError(f"[{index}]")
                found.append(match[0])
            else:
                found.append(value[int(index)])
        values = found
    return values if many else values[0]


def check(kind, rest, output, stdout):
    """None when the expectation is met, else the difference."""
    if kind == "EXPECT":
        return None if rest in output else f"the output does not contain: {rest}"
    if kind == "EXPECT_NOT":
        return f"the output contains: {rest}" if rest in output else None
    if kind == "EXPECT_REGEX":
        return None if re.search(rest, output, re.M) else f"nothing matches: {rest}"
    path, _, wanted = rest.partition(" == ")
    try:
        value = select(json.loads(stdout), path.strip())
    except (ValueError, KeyError, IndexError, TypeError) as error:
        return f"no {path} in the JSON on stdout ({error!r})"
    return None if value == json.loads(wanted) else f"{path} is {json.dumps(value)}, not {wanted}"


def layout(environment, cwd):
    """State that a case marked UNCHANGED must not change: MIG modes and every instance."""
    done = subprocess.run(["migctl", "--sim", "box", "list", "--json"], env=environment, cwd=cwd,
                          capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        return f"list --json failed: {done.stdout}{done.stderr}"
    kept = []
    for gpu in json.loads(done.stdout)["gpus"]:
        instances = [(i["id"], i["profile"], i["placement"], [c["uuid"] for c in i["computeInstances"]])
                     for i in gpu["gpuInstances"]]
        kept.append((gpu["mig"]["current"], gpu["mig"]["pending"], instances))
    return kept


def shell(script, environment, cwd, timeout_s):
    return subprocess.run(["sh", "-c", script], env=environment, cwd=cwd, capture_output=True, text=True,
                          errors="replace", timeout=timeout_s, stdin=subprocess.DEVNULL)


def prepare(case, environment, cwd):
    """Creates files and machine and runs SETUP; returns an error, or None."""
    for name, text in case.files.items():
        (pathlib.Path(cwd) / name).write_text(text)
    steps = case.setup
    if case.sim:
        steps = f'migctl sim create box --gpus "{case.sim}" >/dev/null\n' + steps
    if not steps:
        return None
    done = shell("set -e\n" + steps, environment, cwd, case.timeout_s)
    if done.returncode != 0:
        return f"the setup failed with {done.returncode}:\n{done.stdout}{done.stderr}"
    return None


def run_case(case, binaries):
    """Returns (verdict, text): passed, failed or skipped."""
    for command in case.requires:
        if subprocess.run(["sh", "-c", command], capture_output=True, check=False).returncode != 0:
            return "skipped", f"needs: {command}"
    with tempfile.TemporaryDirectory(prefix="mig-e2e-") as folder:
        cwd = os.path.join(folder, "work")
        os.mkdir(cwd)
        environment = {"PATH": f"{binaries}:{HELPERS}:{os.environ['PATH']}", "HOME": cwd, "LC_ALL": "C.UTF-8",
                       "MIGSIM_ROOT": os.path.join(folder, "machines"), "NO_COLOR": "1", "SIM": "box"}
        try:
            wrong = prepare(case, environment, cwd)
            if wrong:
                return "failed", wrong
            before = layout(environment, cwd) if case.unchanged else None
            done = shell(case.run, environment, cwd, case.timeout_s)
        except subprocess.TimeoutExpired:
            return "failed", f"still running after {case.timeout_s} s"
        output = done.stdout + done.stderr
        problems = []
        if done.returncode != case.return_code:
            problems.append(f"exit code {done.returncode}, not {case.return_code}")
        for document in json_check.documents_in(done.stdout):
            problems += [f"the JSON on stdout: {line}" for line in json_check.document_problems(document, SCHEMA)]
        for kind, rest, number in case.checks:
            wrong = check(kind, rest, output, done.stdout)
            if wrong:
                problems.append(f"line {number}: {wrong}")
        if case.unchanged and before != layout(environment, cwd):
            problems.append(f"the machine changed:\n  before {before}\n  after  {layout(environment, cwd)}")
        if problems:
            return "failed", "\n".join(problems) + f"\n--- stdout\n{done.stdout[:4000]}--- stderr\n{done.stderr[:4000]}"
    return "passed", ""


def open_to_all(folder):
    """True when every user may enter and read this folder."""
    return all(part.stat().st_mode & 0o005 == 0o005 for part in (folder, *folder.parents))


@contextlib.contextmanager
def binaries_for(cases, folder):
    """Folder to run the programs from: a copy when a case becomes another user who may not enter `folder`, as with a
    clone in /root. The libraries are placed beside the programs, as in an installation."""
    folder = folder.resolve()
    if open_to_all(folder) or not any("setpriv" in case.setup + case.run for case in cases):
        yield str(folder)
        return
    with tempfile.TemporaryDirectory(prefix="mig-e2e-programs-") as copy:
        os.chmod(copy, 0o755)
        for part in ("bin", "lib"):
            if (folder.parent / part).is_dir():
                shutil.copytree(folder.parent / part, os.path.join(copy, part), symlinks=True)
        yield os.path.join(copy, folder.name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, type=pathlib.Path, help="folder of migctl and mig-workload")
    parser.add_argument("-k", default="", help="only cases whose name contains this")
    parser.add_argument("file", type=pathlib.Path)
    options = parser.parse_args()
    try:
        cases = parse(options.file.read_text(), options.file)
    except BadCase as error:
        print(error)
        return 1
    cases = [case for case in cases if options.k in case.name]
    if not cases:
        print(f"{options.file}: no case to run")
        return 1
    count = {"passed": 0, "failed": 0, "skipped": 0}
    with binaries_for(cases, options.bin) as binaries:
        for case in cases:
            verdict, text = run_case(case, binaries)
            count[verdict] += 1
            if verdict == "skipped":
                print(f"SKIPPED: {options.file.stem}: {case.name}: {text}")
            else:
                print(f"{verdict}: {case.name}")
            if verdict == "failed":
                print(f"  {options.file}:{case.line}\n  " + text.replace("\n", "\n  "))
    print(", ".join(f"{number} {what}" for what, number in count.items()))
    if count["failed"]:
        return 1
    return SKIPPED if count["skipped"] and not count["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())

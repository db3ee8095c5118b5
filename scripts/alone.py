# SPDX-License-Identifier: Apache-2.0
"""Compiles every file of the compilation database by itself, syntax only; called by scripts/alone.

Files that the dev preset too compiles by themselves, alone in a unity unit or apart from one, are proved by their objects,
which are brought up to date. So are those that passed with the same bytes in another checkout (passed.py).
Writes build/commands/alone/build.ninja, one edge for each file; ninja decides what is out of date, runs in parallel and
shows progress. Exit code: ninja's.

With --until, files that were changed last come first, and what is not done by then is named as not checked.
"""

import argparse
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import threading
import time

import deadline
from passed import Passed

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "commands" / "alone"


def syntax_only(entry):
    """The compiler's command for a syntax check, or None for other languages and generated files."""
    if not entry["file"].endswith(".cc") or (ROOT / "build") in pathlib.Path(entry["file"]).parents:
        return None
    words = shlex.split(entry["command"])
    # Before the compiler: ccache and its settings.
    compiler = next(i for i, word in enumerate(words) if re.search(r"(^|/)(g\+\+|c\+\+)[-\d]*$", word))
    words = [word for word in words[compiler:] if word != "-c"]
    if "-o" in words:
        del words[words.index("-o"):words.index("-o") + 2]
    # Generated files are in build/dev. Optimisation and debug information do not affect a syntax check.
    generated, built = str(OUT.parent), str(ROOT / "build" / "dev")
    return [*(word.replace(generated, built) for word in words if not word.startswith(("-O", "-g"))), "-fsyntax-only"]


def proved(commands, jobs):
    """The files of `commands` (file: its syntax check) that build/dev compiles by themselves with the same flags, and that do
    compile there. Nothing is compiled after ./scripts/build dev."""
    built = OUT.parent.parent / "dev"
    objects = {}
    for entry in json.loads((built / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        if path.name.startswith("unity_"):
            included = re.findall(r'^#include "(.+)"', path.read_text(), re.M)
            # A file after the first one lacks nothing that the first includes, and templates of the first are
            # instantiated at the end, with all that the others include.
            if len(included) != 1:
                continue
            words = [included[0] if word == entry["file"] else word for word in shlex.split(entry["command"])]
            entry = {**entry, "file": included[0], "command": shlex.join(words)}
        words = shlex.split(entry["command"])
        if entry["file"] in commands and syntax_only(entry) == commands[entry["file"]]:
            objects[entry["file"]] = words[words.index("-o") + 1]
    done = subprocess.run(["ninja", "-C", str(built), "-j", str(jobs), *objects.values()], capture_output=True, check=False)
    # Where one does not compile, the checks below say which and why.
    return set(objects) if objects and done.returncode == 0 else set()


def ninja(jobs, until, files):
    """Runs it; whether all that was checked compiles, and which of `files` (by the name of the edge) were not checked by then."""
    command = ["ninja", "-C", str(OUT), "-k", "0", "-j", str(jobs)]
    if until is None:
        return subprocess.run(command, check=False).returncode == 0, []
    failed, interrupted = set(), threading.Event()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        def interrupt():
            interrupted.set()
            # It ends what it runs, and remembers what is done. SIGINT would do so too, but a shell has its jobs ignore that.
            running.send_signal(signal.SIGTERM)
        timer = threading.Timer(max(0, until - time.time()), interrupt)
        timer.start()
        for line in running.stdout:
            print(line, end="", flush=True)
            if line.startswith("FAILED: "):
                failed.add(files[line.split()[1]])
        timer.cancel()
    if not interrupted.is_set():
        return running.returncode == 0, []
    todo = subprocess.run([*command, "-n"], capture_output=True, text=True, check=False).stdout
    return not failed, sorted(set(re.findall(r"(?m)^\[\d+/\d+\] (\S+) by itself$", todo)) - failed)


def remember(passed, commands, started):
    """Of the edges that ninja has done: what they read, if nothing of it changed since the run began."""
    edges = subprocess.run(["ninja", "-C", str(OUT), "-t", "deps"], capture_output=True, text=True, check=False).stdout
    for edge in edges.split("\n\n"):
        head, *read = edge.split("\n")
        name, _, state = head.partition(": #deps")
        stamp = OUT / name
        if name not in commands or "(VALID)" not in state or not stamp.is_file() or stamp.stat().st_mtime < started:
            continue
        file, compile_it = commands[name]
        read = sorted({str((OUT / path.strip()).resolve()) for path in read if path.strip()})
        if file in read and all(os.stat(path).st_mtime < started for path in read):
            passed.remember([file], compile_it, read, passed.contents(read))


def quoted(text):
    return text.replace("$", "$$").replace(":", "$:").replace(" ", "$ ")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--until", type=float, help="seconds since 1970; what is not done by then is not checked")
    options = parser.parse_args()
    lines = ["ninja_required_version = 1.10", "rule alone", "  command = $compile -MD -MT $out -MF $out.d && touch $out",
             "  description = $in by itself", "  depfile = $out.d", "  deps = gcc"]
    commands = {}
    for entry in json.loads((OUT.parent / "compile_commands.json").read_text()):
        compile_it = syntax_only(entry)
        # A file that belongs to several targets is checked once.
        if compile_it is not None:
            commands.setdefault(entry["file"], compile_it)
    rank = deadline.latest_first() if options.until is not None else lambda file: 0
    by_build = proved(commands, options.jobs)
    compiler = subprocess.run(["g++", "--version"], capture_output=True, text=True, check=True).stdout
    passed, known, edges = Passed("alone", compiler), 0, {}
    for file, compile_it in sorted(commands.items(), key=lambda item: rank(item[0])):
        if file in by_build:
            continue
        if passed.holds([file], compile_it):
            known += 1
            continue
        stamp = str(pathlib.Path(file).relative_to(ROOT)).replace("/", "-")
        edges[stamp] = file, compile_it
        lines += [f"build {quoted(stamp)}: alone {quoted(file)}", f"  compile = {shlex.join(compile_it).replace('$', '$$')}"]
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "build.ninja").write_text("\n".join(lines) + "\n")
    print(f"alone: {len(commands)} files, each by itself; {len(by_build)} of them were built so, "
          f"{known} passed before", file=sys.stderr)
    started = time.time()
    good, unchecked = ninja(options.jobs, options.until, {stamp: file for stamp, (file, _) in edges.items()})
    remember(passed, edges, started)
    if unchecked:
        deadline.report("alone", [str(pathlib.Path(file).relative_to(ROOT)) for file in unchecked])
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

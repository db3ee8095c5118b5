# SPDX-License-Identifier: Apache-2.0
"""Compiles every file of the compilation database by itself, syntax only; called by scripts/alone.

Writes build/commands/alone/build.ninja, one edge for each file; ninja decides what is out of date, runs in parallel and
shows progress. Exit code: ninja's.
"""

import argparse
import json
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "commands" / "alone"


def syntax_only(entry):
    """The compiler's command for a syntax check, or None for other languages and generated files."""
    if not entry["file"].endswith(".cc") or (ROOT / "build") in pathlib.Path(entry["file"]).parents:
        return None
    words = [word for word in shlex.split(entry["command"]) if word != "-c" and not word.endswith("ccache")]
    if "-o" in words:
        del words[words.index("-o"):words.index("-o") + 2]
    # Generated files are in build/dev. Optimisation and debug information do not affect a syntax check.
    generated, built = str(OUT.parent), str(ROOT / "build" / "dev")
    return [*(word.replace(generated, built) for word in words if not word.startswith(("-O", "-g"))), "-fsyntax-only"]


def quoted(text):
    return text.replace("$", "$$").replace(":", "$:").replace(" ", "$ ")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    lines = ["ninja_required_version = 1.10", "rule alone", "  command = $compile -MMD -MT $out -MF $out.d && touch $out",
             "  description = $in by itself", "  depfile = $out.d", "  deps = gcc"]
    done = set()
    for entry in json.loads((OUT.parent / "compile_commands.json").read_text()):
        compile_it = syntax_only(entry)
        # A file that belongs to several targets is checked once.
        if compile_it is None or entry["file"] in done:
            continue
        done.add(entry["file"])
        stamp = str(pathlib.Path(entry["file"]).relative_to(ROOT)).replace("/", "-")
        lines += [f"build {quoted(stamp)}: alone {quoted(entry['file'])}", f"  compile = {shlex.join(compile_it).replace('$', '$$')}"]
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "build.ninja").write_text("\n".join(lines) + "\n")
    print(f"alone: {len(done)} files, each by itself", file=sys.stderr)
    return subprocess.run(["ninja", "-C", str(OUT), "-k", "0", "-j", str(options.jobs)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

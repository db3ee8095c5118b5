# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over many files in a fraction of the time; called by scripts/tidy.

clang-tidy 14 spends 3 seconds per translation unit on the standard headers, 15 where Boost is among them. So files are checked together, as one
unit that includes them (clang's analyzer knows such unified sources). Which files compile together the dev preset knows:
its own unity units are the parts of a batch, and small ones of different rooms share one. Where the parts do not compile
together, two anonymous names clashing for example, each is checked by itself, and halved if need be. A batch that passed
is not checked again while its files, headers and settings are the same (passed.py).

With --until, batches of files that were changed last come first, and what is not begun by then is named as not checked.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import json
import pathlib
import re
import shlex
import subprocess
import sys
import time

import deadline
from passed import Passed, dependencies

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILT = ROOT / "build" / "dev"
OUT = ROOT / "build" / "tidy"
BATCH = 24
CHECKED = r"(src|sim|workload|integrations/kubernetes)/"
# Warning flags of g++ that clang does not know.
ONLY_GCC = ("-Wno-restrict", "-Wno-stringop-overread")
# abi/ and migsim.h are C interfaces with foreign naming rules.
OURS = r"/(include/mig|src|sim/(exports|gpus|machine|tools|tree)|workload|integrations/kubernetes)/[^ ]*$"


def flags_of(entry):
    """The flags of a compilation that matter to clang-tidy: neither code generation nor what is exported."""
    words = shlex.split(entry["command"])
    start = next(i for i, word in enumerate(words) if re.search(r"(^|/)(g\+\+|c\+\+|cc|gcc)[-\d]*$", word))
    flags = [word for word in words[start + 1:] if word not in {"-c", entry["file"], *ONLY_GCC}]
    if "-o" in flags:
        del flags[flags.index("-o"):flags.index("-o") + 2]
    return tuple(word for word in flags if not re.match(r"-O|-g|-fPI[CE]$|-fvisibility|-D\w+_EXPORTS$", word))


def files_of(entry):
    """The source files of a compilation: of a unity unit those that it includes."""
    path = pathlib.Path(entry["file"])
    if path.name.startswith("unity_"):
        return [str(pathlib.Path(file).resolve()) for file in re.findall(r'^#include "(.+)"', path.read_text(), re.M)]
    return [str(path.resolve())]


def units(wanted):
    """What is to be checked, as (files, flags): the dev preset's compilations, without files that nobody asked for."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.cc"],
                            cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    chosen = wanted or [file for file in listed if re.match(CHECKED, file) and not file.endswith("_test.cc")]
    left = {str((ROOT / file).resolve()): file for file in chosen}
    found = []
    for entry in json.loads((BUILT / "compile_commands.json").read_text()):
        files = [file for file in files_of(entry) if left.pop(file, None)]
        if files:
            found.append((files, flags_of(entry)))
    for file in left.values():
        print(f"tidy: {file} is not part of the build; not checked", file=sys.stderr)
    return found


def batches(found):
    """Batches of units with the same macros, the longest first: (parts, flags). Units of one room do not share a batch, as it
    is their names that clash; rooms of many units choose first."""
    def room(unit):
        return pathlib.Path(unit[0][0]).parent
    count = collections.Counter(map(room, found))
    packed = []
    for unit in sorted(found, key=lambda unit: (-count[room(unit)], room(unit), -len(unit[0]))):
        files, flags = unit
        # Folders of generated headers do no harm to a file that includes none.
        generated = [word for word in flags if word.startswith(f"-I{BUILT}/")]
        same = [word for word in flags if word not in generated]
        for batch in packed:
            if same == batch["flags"] and room(unit) not in batch["rooms"] and batch["files"] + len(files) <= BATCH:
                break
        else:
            batch = {"flags": same, "rooms": set(), "files": 0, "parts": [], "generated": []}
            packed.append(batch)
        batch["parts"].append(files)
        batch["rooms"].add(room(unit))
        batch["files"] += len(files)
        batch["generated"] += [word for word in generated if word not in batch["generated"]]
    packed.sort(key=lambda batch: -batch["files"])
    return [(batch["parts"], (*batch["generated"], *batch["flags"])) for batch in packed]


def recent(work):
    """Batches, those with the files that were changed last first."""
    rank = deadline.latest_first()
    return sorted(work, key=lambda batch: min(rank(file) for part in batch[0] for file in part))


def rooms(files):
    return {str(pathlib.Path(file).parent.relative_to(ROOT)) for file in files}


def settings():
    """What decides about findings besides the files and their flags."""
    version = subprocess.run(["clang-tidy-14", "--version"], capture_output=True, text=True, check=True).stdout
    return "clang-tidy", version, (ROOT / ".clang-tidy").read_text(), OURS


def check(parts, flags, passed):
    """Findings as text; empty when there are none."""
    files = [file for part in parts for file in part]
    if passed.holds(files, flags):
        return ""
    unit = OUT / f"{hashlib.sha256(repr(files).encode()).hexdigest()[:16]}.cc"
    unit.write_text("".join(f'#include "{file}"  // NOLINT(bugprone-suspicious-include)\n' for file in files))
    rule = subprocess.run(["g++", "-M", *flags, str(unit)], cwd=BUILT, capture_output=True, text=True, check=False).stdout
    read = sorted({str((BUILT / path).resolve()) for path in dependencies(rule)} - {str(unit)})
    contents = passed.contents(read)
    done = subprocess.run(["clang-tidy-14", "--quiet", f"--config-file={ROOT / '.clang-tidy'}",
                           f"--header-filter={OURS}", str(unit), "--", *flags],
                          cwd=BUILT, capture_output=True, text=True, check=False)
    findings = "" if done.returncode == 0 else done.stdout or done.stderr
    if "clang-diagnostic-error" in done.stdout and len(files) > 1:
        print(f"clang-tidy: {len(files)} files do not compile together: {', '.join(sorted(rooms(files)))}", file=sys.stderr)
        half = len(files) // 2
        smaller = [[part] for part in parts] if len(parts) > 1 else [[files[:half]], [files[half:]]]
        findings = "".join(check(part, flags, passed) for part in smaller)
    if not findings:
        passed.remember(files, flags, read, contents)
    return findings


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--until", type=float, help="seconds since 1970; what is not begun by then is not checked")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    found = units(options.files)
    work = batches(found)
    if options.until is not None:
        work = recent(work)
    unchecked = []
    passed = Passed(*settings())

    def in_time(parts, flags):
        if options.until is not None and time.time() >= options.until:
            unchecked.extend(str(pathlib.Path(file).relative_to(ROOT)) for part in parts for file in part)
            return ""
        return check(parts, flags, passed)

    print(f"clang-tidy: {sum(len(files) for files, _ in found)} files in {len(work)} batches, {options.jobs} at a time",
          file=sys.stderr)
    seen = set()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for finished in concurrent.futures.as_completed(pool.submit(in_time, *item) for item in work):
            # A header belongs to many batches: each finding is printed once.
            for finding in re.split(r"(?m)^(?=/\S+:\d+:\d+: )", finished.result()):
                if finding.strip() and finding not in seen:
                    seen.add(finding)
                    print(finding.rstrip().replace(f"{ROOT}/", ""), flush=True)
    if unchecked:
        deadline.report("clang-tidy", unchecked)
    print(f"clang-tidy: {len(seen)} findings", file=sys.stderr)
    return 1 if seen else 0


if __name__ == "__main__":
    sys.exit(main())

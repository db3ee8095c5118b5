# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over many files in a fraction of the time; called by scripts/tidy.

clang-tidy 14 spends about ten seconds per file on the standard headers. So the files of one folder are checked
together, as one translation unit that includes them (clang's analyzer
knows such unified sources). Where they do not compile together, two anonymous names clashing for
example, the batch is halved until they do. A batch that passed is cached by the hash of its preprocessed text and the
settings.
"""

import argparse
import concurrent.futures
import hashlib
import itertools
import json
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "tidy"
BATCH = 10
# Warning flags of g++ that clang does not know.
ONLY_GCC = ("-Wno-restrict", "-Wno-stringop-overread")
# abi/ and migsim.h are C interfaces with foreign naming rules.
OURS = r"/(include/mig|src|sim/(exports|gpus|machine|tools|tree)|workload)/[^ ]*$"


def sources(wanted):
    """Compiler flags by file, from the compilation database."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.cc"],
                            cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    chosen = wanted or [file for file in listed if re.match(r"(src|sim|workload)/", file)
                        and not file.endswith("_test.cc")]
    built = {}
    for entry in json.loads((ROOT / "build" / "commands" / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        start = next(i for i, word in enumerate(words) if re.search(r"(^|/)(g\+\+|c\+\+|cc|gcc)[-\d]*$", word))
        flags = [word for word in words[start + 1:] if word not in {"-c", entry["file"], *ONLY_GCC}]
        if "-o" in flags:
            del flags[flags.index("-o"):flags.index("-o") + 2]
        built.setdefault(str(pathlib.Path(entry["file"]).resolve()), flags)
    found = {}
    for file in chosen:
        path = str((ROOT / file).resolve())
        if path in built:
            found[path] = built[path]
        else:
            print(f"tidy: {file} is not part of the build; not checked", file=sys.stderr)
    return found


def batches(found):
    """Batches of files of one folder with the same flags, at most BATCH each."""
    def kind(item):
        return str(pathlib.Path(item[0]).parent), item[1]
    for (_, flags), items in itertools.groupby(sorted(found.items(), key=kind), key=kind):
        files = [file for file, _ in items]
        for i in range(0, len(files), BATCH):
            yield files[i:i + BATCH], flags


def check(files, flags):
    """Findings as text; empty when there are none."""
    name = hashlib.sha256("\n".join(files).encode()).hexdigest()[:16]
    unit = OUT / f"{name}.cc"
    unit.write_text("".join(f'#include "{file}"  // NOLINT(bugprone-suspicious-include)\n' for file in files))
    text = subprocess.run(["g++", "-E", "-P", *flags, str(unit)], cwd=ROOT / "build" / "commands",
                          capture_output=True, check=False).stdout
    hashed = hashlib.sha256(text + repr(flags).encode() + (ROOT / ".clang-tidy").read_bytes()).hexdigest()
    stamp = OUT / f"{name}.passed"
    if stamp.is_file() and stamp.read_text() == hashed:
        return ""
    done = subprocess.run(["clang-tidy-14", "--quiet", f"--config-file={ROOT / '.clang-tidy'}",
                           f"--header-filter={OURS}", str(unit), "--", *flags],
                          cwd=ROOT / "build" / "commands", capture_output=True, text=True, check=False)
    if done.returncode == 0:
        stamp.write_text(hashed)
        return ""
    if "clang-diagnostic-error" in done.stdout and len(files) > 1:
        half = len(files) // 2
        return check(files[:half], flags) + check(files[half:], flags)
    return done.stdout or done.stderr


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    found = sources(options.files)
    work = list(batches(found))
    print(f"clang-tidy: {len(found)} files in {len(work)} batches, {options.jobs} at a time", file=sys.stderr)
    seen = set()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for finished in concurrent.futures.as_completed(pool.submit(check, *item) for item in work):
            # A header belongs to many batches: each finding is printed once.
            for finding in re.split(r"(?m)^(?=/\S+:\d+:\d+: )", finished.result()):
                if finding.strip() and finding not in seen:
                    seen.add(finding)
                    print(finding.rstrip().replace(f"{ROOT}/", ""), flush=True)
    print(f"clang-tidy: {len(seen)} findings", file=sys.stderr)
    return 1 if seen else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""For scripts/tidy.py and scripts/alone.py where a run has a limit of its own (CI): what comes first, and what was left out."""

import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMMITS = 300  # so far back; what is older comes last, in any order


def latest_first():
    """A function of a path that orders files: changed and not committed, then by the latest commit that changed them."""
    def git(*words):
        done = subprocess.run(["git", "-c", "core.quotePath=off", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.splitlines() if done.returncode == 0 else []
    ranks = {}
    for line in [*git("diff", "--name-only", "HEAD"), *git("ls-files", "--others", "--exclude-standard"),
                 *git("log", f"-{COMMITS}", "--format=", "--name-only")]:
        if line:
            ranks.setdefault(str(ROOT / line), len(ranks))
    return lambda file: ranks.get(str(file), len(ranks))


def report(check, unchecked):
    """Names what the time did not allow; a line for each folder with its number of files."""
    folders = {}
    for file in unchecked:
        name = str(pathlib.Path(file).parent)
        folders[name] = folders.get(name, 0) + 1
    print(f"{check}: NOT CHECKED for want of time: {len(unchecked)} files, the least lately changed: "
          f"{', '.join(f'{name} ({count})' for name, count in sorted(folders.items()))}", flush=True)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that no file of this repository names a host to download from.

Packages come through apt, pip and go at pinned versions, from where the machine's own configuration says: a mirror, a
proxy, a company's index. So an address with a host outside of Markdown pages is a fault, unless it is this machine or a
name that is never fetched.

    addresses_test.py [REPOSITORY]
"""

import os
import pathlib
import re
import sys

ADDRESS = re.compile(r"\b(?:https?|ftps?|git|ssh)://([A-Za-z0-9.-]+)")
# This machine; the names of vocabularies; the licence's own address; a name that exists nowhere (RFC 6761), for refusals.
HARMLESS = ("127.0.0.1", "0.0.0.0", "localhost", "www.w3.org", "json-schema.org", "www.apache.org", "evil.test")
SKIPPED = ("build", "shared", "node_modules", "__pycache__")


def faults(text):
    """(line, host) for each address that a program could fetch from."""
    for number, line in enumerate(text.splitlines(), 1):
        for host in ADDRESS.findall(line):
            if host not in HARMLESS:
                yield number, host


def files(root):
    # What is left out is not walked either: the modules of other people's programs in build/ are a third of a million files.
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED and name != ".git")
        for path in (pathlib.Path(folder, name) for name in sorted(names) if name != ".git"):
            if path.is_file() and not path.is_symlink() and path.suffix not in (".md", ".png"):
                yield path


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent.parent).resolve()
    sample = "deb http" + "://mirror.example/debian x\nsee http" + "://127.0.0.1:80/\n"
    if list(faults(sample)) != [(1, "mirror.example")]:
        raise SystemExit("addresses: the check itself is broken")
    wrong, count = 0, 0
    for path in files(root):
        count += 1
        for number, host in faults(path.read_text(encoding="utf-8", errors="replace")):
            wrong += 1
            print(f"{path.relative_to(root)}:{number}: fetches from {host}? The machine's own configuration says from where")
    if count < 500:
        raise SystemExit(f"addresses: only {count} files under {root}: wrong folder?")
    print(f"addresses: {count} files, {wrong} faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""The project's cache of a user, outside the checkouts, so that each further checkout has what the first one made: MIGCTL_CACHE,
else migctl in XDG_CACHE_HOME, else ~/.cache/migctl. It may be deleted at any time. MIGCTL_CACHE=off: none.

A cache that cannot be used, a full disk or a folder that others may write to, costs the time that it would have saved and nothing
else. Several processes may use it at once: entries appear and go whole, by renames.
"""

import os
import pathlib
import shutil
import stat
import sys
import time

UNUSED_DAYS = 30


def folder():
    """Where it is, or None where there is to be none."""
    chosen = os.environ.get("MIGCTL_CACHE")
    if chosen == "off":
        return None
    if chosen:
        return pathlib.Path(chosen)
    try:
        return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "migctl"
    except RuntimeError:  # a user without a home
        return None


def part(name, make):
    """The folder of one kind of entries, made if `make`; None where it is not there or not to be trusted, as its entries decide
    what is started and what is not checked. Raises OSError where it cannot be made."""
    top = folder()
    if top is None:
        return None
    if make:
        top.mkdir(mode=0o700, parents=True, exist_ok=True)
        (top / name).mkdir(mode=0o700, exist_ok=True)
    for path in (top, top / name):
        if not path.is_dir():
            return None
        found = path.stat()
        if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            print(f"    cache: {path} belongs to another user or others may write to it: not used", file=sys.stderr)
            return None
    return top / name


def prune(entries, most):
    """Removes from a part what was not used for long, and the longest unused above `most`. Names that begin with a dot are what
    a killed process left of an entry."""
    now = time.time()
    found = []
    for path in entries.iterdir():
        try:
            found.append((path.stat().st_mtime, path))
        except FileNotFoundError:  # another process prunes too
            pass
    found.sort(reverse=True)
    whole = [(used, path) for used, path in found if not path.name.startswith(".")]
    gone = [path for used, path in found if path.name.startswith(".") and now - used > 3600]
    gone += [path for rank, (used, path) in enumerate(whole) if now - used > UNUSED_DAYS * 86400 or rank >= most]
    for path in gone:
        if not path.is_dir():
            path.unlink(missing_ok=True)
            continue
        if not path.name.startswith("."):  # whole or not at all, for one who copies from it now
            path = path.rename(entries / f".half.{path.name}.{os.getpid()}")
        shutil.rmtree(path, ignore_errors=True)

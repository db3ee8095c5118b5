# SPDX-License-Identifier: Apache-2.0
"""Programs that were built from pinned sources, by a hash of all that decides what comes of them. Outside the checkouts, so that
each further one copies what the first one built: MIGCTL_CACHE, else migctl in XDG_CACHE_HOME, else ~/.cache/migctl. The folder
may be deleted at any time. MIGCTL_CACHE=off: no cache.

An entry appears whole, by a rename, so that several checkouts may use it at once. A cache that cannot be used, a full disk or a
folder that others may write to, costs the time of a build and nothing else.
"""

import os
import pathlib
import shutil
import stat
import sys
import tempfile
import time

UNUSED_DAYS = 30  # entries of pins that no checkout asks for any more
MOST_ENTRIES = 64


def folder():
    """Where the cache is, or None where there is to be none."""
    chosen = os.environ.get("MIGCTL_CACHE")
    if chosen == "off":
        return None
    if chosen:
        return pathlib.Path(chosen)
    try:
        return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "migctl"
    except RuntimeError:  # a user without a home
        return None


def _programs(make):
    """The folder of the entries, or None where it is not there or not to be trusted: its programs are started later."""
    top = folder()
    if top is None:
        return None
    programs = top / "programs"
    if make:
        top.mkdir(mode=0o700, parents=True, exist_ok=True)
        programs.mkdir(mode=0o700, exist_ok=True)
    for path in (top, programs):
        if not path.is_dir():
            return None
        found = path.stat()
        if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            print(f"    cache: {path} belongs to another user or others may write to it: not used", file=sys.stderr)
            return None
    return programs


def fetch(key, into):
    """Whether the entry was there: its programs are in the folder `into` then, each put there whole."""
    try:
        programs = _programs(make=False)
        if programs is None or not (programs / key).is_dir():
            return False
        os.utime(programs / key)
        found = sorted((programs / key).iterdir())
        with tempfile.TemporaryDirectory(prefix=".cache.", dir=into) as half:
            for path in found:
                shutil.copy2(path, half)
            for path in found:
                (pathlib.Path(half) / path.name).replace(into / path.name)
        return bool(found)
    except OSError as error:
        print(f"    cache: not used: {error}", file=sys.stderr)
        return False


def keep(key, built):
    """Makes an entry of all files in the folder `built`, which stay; old entries go."""
    try:
        programs = _programs(make=True)
        if programs is None:
            return
        _prune(programs)
        half = pathlib.Path(tempfile.mkdtemp(prefix=".half.", dir=programs))
        try:
            for path in built.iterdir():
                shutil.copy2(path, half)
            half.rename(programs / key)
        except OSError:
            shutil.rmtree(half, ignore_errors=True)
            if not (programs / key).is_dir():  # else another checkout was first
                raise
    except OSError as error:
        print(f"    cache: nothing kept: {error}", file=sys.stderr)


def _prune(programs):
    """Halves of an hour ago are what a killed program left; the rest goes by its last use."""
    now = time.time()
    entries = sorted(((path.stat().st_mtime, path) for path in programs.iterdir()), reverse=True)
    whole = [(used, path) for used, path in entries if not path.name.startswith(".")]
    gone = [path for used, path in entries if path.name.startswith(".") and now - used > 3600]
    gone += [path for used, path in whole if now - used > UNUSED_DAYS * 86400] + [path for _, path in whole[MOST_ENTRIES - 1:]]
    for path in gone:
        if not path.name.startswith("."):  # whole or not at all, for one who copies from it now
            path = path.rename(programs / f".half.{path.name}.{os.getpid()}")
        shutil.rmtree(path, ignore_errors=True)

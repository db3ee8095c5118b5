# SPDX-License-Identifier: Apache-2.0
"""Programs that were built from pinned sources, by a hash of all that decides what comes of them, in the user's cache
(scripts/user_cache.py): each further checkout copies what the first one built."""

import os
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import user_cache  # noqa: E402

PART = "programs"
MOST_ENTRIES = 64


def fetch(key, into):
    """Whether the entry was there: its programs are in the folder `into` then, each put there whole."""
    try:
        programs = user_cache.part(PART, make=False)
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
        programs = user_cache.part(PART, make=True)
        if programs is None:
            return
        user_cache.prune(programs, MOST_ENTRIES - 1)
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

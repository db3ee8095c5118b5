# SPDX-License-Identifier: Apache-2.0
"""What a check of source files has passed, so that it is not made again for the same bytes, in this checkout or another one of
the same user (scripts/user_cache.py). An entry is named by the check, its settings and the files; it holds the paths of all that
was read, headers included, and one hash of their contents. As with ccache's direct mode, a new header that comes before another
one of its name in the search path is not noticed.
"""

import hashlib
import os
import pathlib
import sys
import tempfile
import zlib

import user_cache

ROOT = pathlib.Path(__file__).resolve().parent.parent
PART = "checks"
MOST_ENTRIES = 20000  # 5 KB each
MOST_TEXT = 16 << 20


class Passed:
    """Of one check. Several threads may use it."""

    def __init__(self, *settings):
        """`settings`: all that decides about the outcome besides the files, texts; paths in this checkout may be absolute."""
        self._settings = [self._portable(text) for text in settings]
        self._hashes = {}
        self._entries = {}
        try:
            self._folder = user_cache.part(PART, make=True)
            if self._folder is not None:
                user_cache.prune(self._folder, MOST_ENTRIES)
                for name in os.listdir(self._folder):
                    if not name.startswith("."):
                        self._entries.setdefault(name.split(".")[0], []).append(name)
        except OSError as error:
            print(f"cache: not used: {error}", file=sys.stderr)
            self._folder = None

    @staticmethod
    def _portable(text):
        return text.replace(str(ROOT), "@")

    def _key(self, files, flags):
        digest = hashlib.sha256()
        for text in (*self._settings, "files", *map(str, files), "flags", *flags):
            digest.update(self._portable(text).encode() + b"\0")
        return digest.hexdigest()[:40]

    def contents(self, paths):
        """One hash of the files' contents, or None where one is not there. Each is read once in the life of this object."""
        digest = hashlib.sha256()
        for path in paths:
            path = str(path)
            if path not in self._hashes:
                try:
                    self._hashes[path] = hashlib.sha256(pathlib.Path(path).read_bytes()).digest()
                except OSError:
                    self._hashes[path] = b""
            if not self._hashes[path]:
                return None
            digest.update(self._hashes[path])
        return digest.hexdigest()

    def holds(self, files, flags):
        """Whether the check has passed with these bytes."""
        for name in self._entries.get(self._key(files, flags), []):
            try:
                unpacked = zlib.decompressobj().decompress((self._folder / name).read_bytes(), MOST_TEXT).decode()
                wanted, *paths = unpacked.splitlines()
                paths = [str(ROOT) + path[1:] if path.startswith("@") else path for path in paths]
                if paths and self.contents(paths) == wanted:
                    os.utime(self._folder / name)
                    return True
            except (OSError, ValueError, zlib.error):
                continue
        return False

    def remember(self, files, flags, read, contents):
        """It has passed; `read` is all that it read, `contents` what contents() said of that before the check began."""
        if self._folder is None or not contents:
            return
        text = "\n".join([contents, *(self._portable(str(path)) for path in read)])
        name = f"{self._key(files, flags)}.{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        try:
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".half.", delete=False) as half:
                half.write(zlib.compress(text.encode()))
            os.replace(half.name, self._folder / name)
        except OSError as error:
            print(f"cache: nothing kept: {error}", file=sys.stderr)
            self._folder = None


def dependencies(text):
    """The files in a rule as g++ -M writes it."""
    _, _, listed = text.replace("\\\n", " ").partition(": ")
    return [word.replace("\0", " ").replace("$$", "$") for word in listed.replace("\\ ", "\0").split()]

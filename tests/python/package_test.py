#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""integrations/python as a package: it installs from its folder without any other, its types hold (mypy --strict), and a program that uses it wrongly is
told so before it runs.

Usage: package_test.py
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import leasing
from verdict import expect, run

PACKAGE = leasing.ROOT / "integrations" / "python"
RIGHT = """import migctl_lease
with migctl_lease.lease(profile="1g.5gb", wait="10m") as instance:
    uuid: str = instance.uuid
    sms: int = instance.sms or 0
async def main() -> None:
    async with migctl_lease.aio.lease(memory_mib=4000, wait=60) as other:
        print(other.uuid)
"""
WRONG = """import migctl_lease
with migctl_lease.lease(profil="1g.5gb") as instance:
    number: int = instance.uuid
"""


def words(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=300, stdin=subprocess.DEVNULL, **options)
    return done.returncode, done.stdout + done.stderr


def main():
    leasing.need("python-tools")
    python = leasing.THIRD_PARTY / "python-venv" / "bin" / "python3"
    with tempfile.TemporaryDirectory(prefix="migctl-package-") as name:
        folder = pathlib.Path(name)
        shutil.copytree(PACKAGE, folder / "source")  # a build leaves files beside the sources
        code, said = words(python, "-m", "pip", "install", "--quiet", "--no-index", "--no-build-isolation", "--target", folder / "installed", folder / "source")
        expect(code == 0, f"pip install: {said}")
        there = {path.name for path in (folder / "installed" / "migctl_lease").iterdir()}
        expect({"__init__.py", "py.typed", "client.py"} <= there, f"the package has {there}")
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder / "installed"), "MYPY_CACHE_DIR": str(folder / "cache")}
        code, said = words(sys.executable, "-c", "import migctl_lease, sys; print(migctl_lease.__version__, migctl_lease.__file__)", env=environment, cwd=folder)
        expect(code == 0 and str(folder / "installed") in said, f"import: {said}")
        code, said = words(python, "-m", "mypy", "--config-file", PACKAGE / "pyproject.toml", PACKAGE / "src" / "migctl_lease", env=environment, cwd=folder)
        expect(code == 0, f"mypy --strict: {said}")
        for text, errors in ((RIGHT, 0), (WRONG, 2)):
            (folder / "program.py").write_text(text, encoding="utf-8")
            code, said = words(python, "-m", "mypy", "--strict", "program.py", env=environment, cwd=folder)
            expect(said.count("error:") == errors, f"mypy --strict of a program: {said}")


if __name__ == "__main__":
    sys.exit(run(main))

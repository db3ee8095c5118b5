#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds examples/plan_layout outside of the tree against an installed prefix, by find_package and by pkg-config, and
runs it.

    example_test.py BUILD REPOSITORY

The prefix is moved after the installation: it must be relocatable. Exit code: 0 passed, 1 failed, 77 skipped.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

INSTALLED = ["include/mig/machine.h", "include/mig/result.h"]
PACKAGE = ["libmig.a", "pkgconfig/mig.pc", "cmake/mig/migConfig.cmake", "cmake/mig/migTargets.cmake"]


def run(*command, code=0, **options):
    """Output of the command; ends the test on an exit code other than `code`."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=300, **options)
    if done.returncode != code:
        raise SystemExit(f"{' '.join(map(str, command))}: exit code {done.returncode}, expected {code}\n{done.stdout}")
    return done.stdout


def by_cmake(source, folder, prefix):
    run("cmake", "-S", source, "-B", folder / "cmake", f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", folder / "cmake")
    return folder / "cmake" / "plan_layout"


def by_pkg_config(source, folder, library):
    environment = dict(os.environ, PKG_CONFIG_PATH=str(library / "pkgconfig"))
    flags = run("pkg-config", "--cflags", "--libs", "mig", env=environment).split()
    program = folder / "by_pkg_config"
    run("c++", "-std=c++20", source / "plan_layout.cc", "-o", program, *flags)
    return program


def machine(folder, prefix):
    """Environment of a simulated machine, from `migctl sim env`."""
    environment = {"PATH": f"{prefix}/bin:/usr/bin:/bin", "HOME": str(folder), "MIGSIM_ROOT": str(folder / "machines"), "LC_ALL": "C.UTF-8"}
    run("migctl", "sim", "create", "lab", "--gpus", "2x a100-sxm4-40gb", env=environment)
    names = ("MIGSIM_MACHINE", "LD_LIBRARY_PATH")
    printed = "".join(f'; echo "${name}"' for name in names)
    told = run("sh", "-c", 'eval "$(migctl sim env lab)"' + printed, env=environment).splitlines()
    if len(told) != len(names) or not all(told):
        raise SystemExit(f"sim env lab says: {told}")
    environment.update(zip(names, told))
    return environment


def check(program, environment):
    """The plan for one instance equals migctl's; a refusal has the exit code of the table."""
    told = run(program, "3g.20gb", env=environment)
    wanted = ["GPU 0  NVIDIA A100-SXM4-40GB  (simulated)", "GPU 1  NVIDIA A100-SXM4-40GB  (simulated)"]
    for line in wanted:
        if line not in told:
            raise SystemExit(f"{program}: no line {line!r} in:\n{told}")
    steps = re.findall(r"^create 3g\.20gb.* on GPU 0", told, re.M)
    if not steps or not re.search(r"^\d+ steps, about [1-9]\d* ms$", told, re.M):
        raise SystemExit(f"{program}: no plan:\n{told}")
    refused = run(program, "3g.99gb", code=6, env=environment)
    if "3g.99gb" not in refused or "hint: " not in refused:
        raise SystemExit(f"{program}: a profile that is not there is refused with a hint, not:\n{refused}")
    run(program, env=dict(environment, MIGSIM_MACHINE="/nowhere", LD_LIBRARY_PATH="", MIGSIM_ROOT="/nowhere"), code=15)
    return told


def main():
    build, repository = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    if shutil.which("pkg-config") is None or shutil.which("cmake") is None:
        print("skipped: pkg-config or cmake is missing")
        return 77
    with tempfile.TemporaryDirectory(prefix="migctl-library-") as name:
        folder = pathlib.Path(name)
        run("cmake", "--install", build, "--prefix", folder / "made")
        prefix = folder / "moved"
        (folder / "made").rename(prefix)
        library = next((path.parent for path in prefix.rglob("libmig.a")), prefix / "lib")
        missing = [part for part in INSTALLED if not (prefix / part).exists()] + [part for part in PACKAGE if not (library / part).exists()]
        if missing:
            raise SystemExit(f"not installed: {missing}")
        source = folder / "source"
        shutil.copytree(repository / "examples" / "plan_layout", source)
        environment = machine(folder, prefix)
        told = {check(program, environment) for program in (by_cmake(source, folder, prefix), by_pkg_config(source, folder, library))}
        if len(told) != 1:
            raise SystemExit(f"the two programs say different things: {told}")
        print(told.pop())
    print("library: the example is built by find_package and by pkg-config, outside of the tree, and plans")
    return 0


if __name__ == "__main__":
    sys.exit(main())

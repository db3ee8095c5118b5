#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Installs a build into an empty folder, looks at what is there, and runs both CI examples of
docs/howto/mig_without_gpu.md from there.

    install_test.py BUILD

Exit code: 0 passed, 1 failed, 77 skipped.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "howto" / "mig_without_gpu.md"
UNITS = ["migd.service", "migd.socket", "migd-tcp.socket", "migctl-restore.service"]
COMPLETIONS = {"bash": "share/bash-completion/completions/migctl", "zsh": "share/zsh/site-functions/_migctl",
               "fish": "share/fish/vendor_completions.d/migctl.fish"}
INSTALLED = ["bin/migctl", "bin/mig-workload", "bin/nvidia-mig-parted", "bin/migd", "lib/migctl/sim/libnvidia-ml.so.1",
             "lib/migctl/sim/libmigsim.so", "lib/migctl/compat/libnvidia-ml.so.1", "include/migctl/migsim.h",
             "share/doc/migctl/reference/leases.md", "share/doc/migctl/systemd.md", *COMPLETIONS.values(),
             *(f"lib/systemd/system/{unit}" for unit in UNITS)]
if (ROOT / "integrations" / "tenants.example.yaml").exists():
    INSTALLED.append("share/doc/migctl/tenants.example.yaml")


def examples():
    """The page's ```sh block, and the last `run:` of its ```yaml block, which calls ./run-my-tests."""
    page = PAGE.read_text(encoding="utf-8")
    shell = re.findall(r"^```sh\n(.*?)^```", page, re.M | re.S)
    steps = re.findall(r"^```yaml\n.*^ +run: \|\n(.*?)^```", page, re.M | re.S)
    if len(shell) != 1 or len(steps) != 1:
        raise ValueError(f"{PAGE}: {len(shell)} sh and {len(steps)} yaml blocks, expected one of each")
    return [shell[0], textwrap.dedent(steps[0])]


def run(*words, **options):
    """Exit code and output of a command."""
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    return done.returncode, done.stdout


def offences_of_units(prefix):
    """The units call what is installed, and systemd finds nothing wrong with them."""
    folder = prefix / "lib" / "systemd" / "system"
    for unit in UNITS:
        text = (folder / unit).read_text(encoding="utf-8")
        for path in re.findall(r"^ExecStart=(\S+)|^Documentation=file:(\S+)", text, re.M):
            program = path[0] or path[1]
            if not os.path.exists(program) or not program.startswith(f"{prefix}/"):
                yield f"{unit} names {program}, which is not what was installed"
    if shutil.which("systemd-analyze"):
        _, said = run("systemd-analyze", "verify", "--man=no", *(str(folder / unit) for unit in UNITS))
        yield from (line for line in said.splitlines() if re.search(r"(migd|migd-tcp|migctl-restore)\.(service|socket)", line))


def offences_of_completions(prefix):
    """Each shell takes the script; bash completes a command with it."""
    ways = {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "--no-execute"]}
    for shell, words in ways.items():
        script = prefix / COMPLETIONS[shell]
        if not script.read_text(encoding="utf-8").strip():
            yield f"the completion of {shell} is empty"
        if shutil.which(shell):
            code, said = run(*words, str(script))
            if code != 0:
                yield f"{shell}: {said}"
    code, said = run("bash", "-c", f"source {prefix / COMPLETIONS['bash']}; COMP_WORDS=(migctl chec); COMP_CWORD=1; _migctl; echo ${{COMPREPLY[*]}}")
    if code != 0 or said.strip() != "checkpoint":
        yield f"bash completes `migctl chec` to {said!r}"


def offences_of_paths(build, prefix):
    """Nothing that is installed, debugging information aside, has a path of the machine that built it."""
    cache = pathlib.Path(build, "CMakeCache.txt").read_text(encoding="utf-8")
    source = re.search(r"^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$", cache, re.M).group(1)
    if re.search(r"^MIG_SANITIZE:\w+=.+$", cache, re.M):
        return  # a sanitizer reports with them
    for path in sorted(prefix.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        if content[:4] == b"\x7fELF" or content[:7] == b"!<arch>":
            if not shutil.which("strip"):
                continue
            stripped = prefix.parent / "stripped"
            code, said = run("strip", "--strip-debug", "-o", str(stripped), str(path))
            if code != 0:
                yield f"{path}: {said}"
                continue
            content = stripped.read_bytes()
        if source.encode() in content:
            yield f"{path.relative_to(prefix)} has {source} in it"


def failures_of_examples(prefix, folder):
    """Runs the page's examples with what is installed."""
    environment = {"PATH": f"{prefix}/bin:/usr/local/bin:/usr/bin:/bin", "HOME": folder, "TMPDIR": folder, "LC_ALL": "C.UTF-8"}
    tests = pathlib.Path(folder, "run-my-tests")
    tests.write_text("#!/bin/sh\nexec migctl smi -L\n", encoding="utf-8")
    tests.chmod(0o755)
    for example in examples():
        code, said = run("sh", "-euc", example, cwd=folder, env=environment, timeout=60)
        print(said)
        devices = len(re.findall(r"^  MIG .*UUID: MIG-", said, re.M))
        if code != 0 or devices != 6:
            yield f"exit code {code}, {devices} MIG devices of 6"


def main():
    """See the top of the file."""
    if os.geteuid() != 0:
        print("skipped: a driver lets only root change instances")
        return 77
    build = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="mig-install-") as folder:
        prefix = pathlib.Path(folder, "prefix")
        code, said = run("cmake", "--install", build, "--prefix", str(prefix))
        if code != 0:
            print(said)
            return 1
        offences = [f"not installed: {name}" for name in INSTALLED if not (prefix / name).exists()]
        if not offences:
            offences += offences_of_units(prefix)
            offences += offences_of_completions(prefix)
            offences += offences_of_paths(build, prefix)
            offences += failures_of_examples(prefix, folder)
        if offences:
            print("\n".join(offences))
            return 1
    print("installed, and the examples run from there")
    return 0


if __name__ == "__main__":
    sys.exit(main())

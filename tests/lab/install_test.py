#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Installs a build into an empty folder and runs both CI examples of docs/howto/mig_without_gpu.md from there.

    install_test.py BUILD

Exit code: 0 passed, 1 failed, 77 skipped.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "howto" / "mig_without_gpu.md"
INSTALLED = ["bin/migctl", "bin/mig-workload", "bin/nvidia-mig-parted", "bin/migd", "lib/migctl/sim/libnvidia-ml.so.1",
             "lib/migctl/sim/libmigsim.so", "include/migctl/migsim.h",
             "share/doc/migctl/reference/leases.md", "share/doc/migctl/systemd.md"]


def examples():
    """The page's ```sh block, and the last `run:` of its ```yaml block, which calls ./run-my-tests."""
    page = PAGE.read_text(encoding="utf-8")
    shell = re.findall(r"^```sh\n(.*?)^```", page, re.M | re.S)
    steps = re.findall(r"^```yaml\n.*^ +run: \|\n(.*?)^```", page, re.M | re.S)
    if len(shell) != 1 or len(steps) != 1:
        raise ValueError(f"{PAGE}: {len(shell)} sh and {len(steps)} yaml blocks, expected one of each")
    return [shell[0], textwrap.dedent(steps[0])]


def main():
    """See the top of the file."""
    if os.geteuid() != 0:
        print("skipped: a driver lets only root change instances")
        return 77
    build = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="mig-install-") as folder:
        prefix = os.path.join(folder, "prefix")
        done = subprocess.run(["cmake", "--install", build, "--prefix", prefix], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(done.stdout + done.stderr)
            return 1
        missing = [name for name in INSTALLED if not os.path.exists(os.path.join(prefix, name))]
        environment = {"PATH": f"{prefix}/bin:/usr/local/bin:/usr/bin:/bin", "HOME": folder, "TMPDIR": folder, "LC_ALL": "C.UTF-8"}
        tests = pathlib.Path(folder, "run-my-tests")
        tests.write_text("#!/bin/sh\nexec migctl smi -L\n", encoding="utf-8")
        tests.chmod(0o755)
        for example in examples():
            done = subprocess.run(["sh", "-euc", example], cwd=folder, env=environment, capture_output=True, text=True,
                                  timeout=60, check=False)
            print(done.stdout + done.stderr)
            devices = len(re.findall(r"^  MIG .*UUID: MIG-", done.stdout, re.M))
            if missing or done.returncode != 0 or devices != 6:
                print(f"missing {missing}, exit code {done.returncode}, {devices} MIG devices of 6")
                return 1
    print("installed, and the examples run from there")
    return 0


if __name__ == "__main__":
    sys.exit(main())

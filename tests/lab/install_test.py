#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Installs a build into an empty folder and runs the shell example of docs/howto/mig_without_gpu.md from there.

    install_test.py BUILD

Exit code: 0 it works, 1 not, 77 cannot run here.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "howto" / "mig_without_gpu.md"
INSTALLED = ["bin/migctl", "bin/mig-workload", "bin/nvidia-mig-parted", "lib/migctl/sim/libnvidia-ml.so.1",
             "lib/migctl/sim/libmigsim.so", "include/migctl/migsim.h"]


def example():
    """The page's one ```sh block."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    if len(blocks) != 1:
        raise ValueError(f"{PAGE}: {len(blocks)} sh blocks, expected one")
    return blocks[0]


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
        done = subprocess.run(["sh", "-euc", example()], cwd=folder, env=environment, capture_output=True, text=True,
                              timeout=60, check=False)
        print(done.stdout + done.stderr)
        devices = len(re.findall(r"^  MIG .*UUID: MIG-", done.stdout, re.M))
        if missing or done.returncode != 0 or devices != 6:
            print(f"missing {missing}, exit code {done.returncode}, {devices} MIG devices of 6")
            return 1
    print("installed, and the example runs from there")
    return 0


if __name__ == "__main__":
    sys.exit(main())

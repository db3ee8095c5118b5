#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that layers_test.py can fail: adds each forbidden include to a copy of the tree, one at a time.

    can_fail_test.py REPOSITORY
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TREES = ("abi", "include", "src", "sim", "workload", "integrations")

# (file, added line, expected message of the test)
REFUSED = [
    # These three passed while the lists were closed transitively.
    ("src/cli/cmd_list.cc", '#include "apply/executor.h"', "cli may not include \"apply/executor.h\" (room apply)"),
    ("src/cli/cmd_list.cc", '#include "nvml/session.h"', "cli may not include \"nvml/session.h\" (room nvml)"),
    ("src/cli/cmd_list.cc", '#include "planner/planner.h"', "cli may not include \"planner/planner.h\" (room planner)"),
    ("src/cli/cmd_list.cc", '#include "config/spec.h"', "cli may not include \"config/spec.h\" (room config)"),
    ("src/cli/cmd_list.cc", '#include "launch/run.h"', "cli may not include \"launch/run.h\" (room launch)"),
    ("src/daemon/daemon.cc", '#include "apply/executor.h"', "daemon may not include \"apply/executor.h\" (room apply)"),
    ("src/daemon/daemon.cc", '#include "lease/lease.h"', "daemon may not include \"lease/lease.h\" (room lease)"),
    ("src/planner/plan.cc", '#include "nvml/session.h"', "planner may not include \"nvml/session.h\" (room nvml)"),
    ("src/base/fd.h", '#include "model/strip.h"', "base may not include \"model/strip.h\" (room model)"),
    ("src/http/server.cc", "#include <nlohmann/json.hpp>", "<nlohmann/json.hpp> belongs to"),
    ("src/daemon/daemon.cc", "#include <boost/asio.hpp>", "<boost/asio.hpp> belongs to http only"),
    ("sim/machine/mig.cc", '#include "planner/search.h"', "the simulator shares nothing with src/"),
    ("sim/machine/mig.cc", "#include <mig/layout.h>", "the simulator shares nothing with src/"),
    ("src/cli/cmd_list.cc", ' #  include "apply/executor.h"', "cli may not include \"apply/executor.h\""),
    ("src/garage/car.cc", '#include "base/fd.h"', "room 'garage' is not in the table"),
    ("examples/plan/plan.cc", '#include "base/fd.h"', "which is not installed"),
]


def layers(tree, script=HERE.parent / "layers_test.py"):
    done = subprocess.run([sys.executable, str(script), str(tree)], stdout=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stdout


def check(what, good):
    if not good:
        raise SystemExit(f"layers can_fail: {what}")


def refused(tree, file, line, words):
    path = tree / file
    new, before = not path.exists(), path.read_text(encoding="utf-8") if path.exists() else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(before + line + "\n", encoding="utf-8")
    code, told = layers(tree)
    check(f"{line} in {file} was not refused:\n{told}", code == 1 and file in told and words in told)
    check(f"{line} in {file} is one offence:\n{told}", "layers: 1 offences" in told)
    if new:
        path.unlink()
    else:
        path.write_text(before, encoding="utf-8")


def other_table(folder, old, new):
    """A copy of the test whose table has `new` for `old`."""
    shutil.copytree(HERE, folder / "layers", ignore=shutil.ignore_patterns("__pycache__"))
    script = shutil.copy(HERE.parent / "layers_test.py", folder)
    rooms = folder / "layers" / "rooms.py"
    text = rooms.read_text(encoding="utf-8")
    check(f"rooms.py has no {old!r}", old in text)
    rooms.write_text(text.replace(old, new, 1), encoding="utf-8")
    return script


def main():
    repository = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="migctl-layers-") as folder:
        tree = pathlib.Path(folder) / "tree"
        for part in TREES:
            shutil.copytree(repository / part, tree / part)
        code, told = layers(tree)
        check(f"the tree as it is must pass:\n{told}", code == 0)
        for row in REFUSED:
            refused(tree, *row)
        mended = pathlib.Path(folder) / "mended"
        mended.mkdir()
        code, told = layers(tree, other_table(mended, "STILL_TO_GO = set()", 'STILL_TO_GO = {("src/cli/main.cc", "apply/apply.h")}'))
        check(f"an exception that is gone must be taken off:\n{told}", code == 1 and "take it off STILL_TO_GO" in told)
        circle = pathlib.Path(folder) / "circle"
        circle.mkdir()
        code, told = layers(tree, other_table(circle, 'atomic write, clock", "mig")', 'atomic write, clock", "mig", "model")'))
        check(f"a circle of rooms must be refused:\n{told}", code == 1 and "rooms include each other" in told)
        code, told = layers(pathlib.Path(folder) / "nothing")
        check(f"an empty folder is no repository:\n{told}", code == 1 and "wrong folder" in told)
    print(f"layers can_fail: {len(REFUSED)} includes refused, one by one; the tree as it is passes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

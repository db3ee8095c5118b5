#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An hour of `migctl top` in tmux at 200x60, and of migd that it reads from, on a machine of eight GPUs with seven instances each:
memory, descriptors and processor time, minute by minute. By hand:

    an_hour.py BIN [--minutes N] [--json FILE]        BIN: folder of migctl

After the fifth minute neither may grow by more than its allowance: top 1 MiB; migd its history of the hour (12 MiB).
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ALLOWED_MIB = {"top": 1.0, "migd": 12.0}
SETTLED = 5  # minutes


def of_process(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return {"residentMib": round(int(status.split("VmRSS:")[1].split()[0]) / 1024, 2), "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
            "threads": int(status.split("Threads:")[1].split()[0]),
            "cpuSeconds": (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")}



def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin", type=pathlib.Path)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    if shutil.which("tmux") is None:
        print("SKIPPED: tmux is not installed")
        return 77
    migctl = options.bin.resolve() / "migctl"
    with tempfile.TemporaryDirectory(prefix="migctl-hour-") as folder:
        env = dict(os.environ, MIGSIM_ROOT=folder, LANG="C.UTF-8", TERM="xterm-256color", MIGCTL_SOCKET=f"{folder}/migd.sock")

        def run(*words, text=""):
            subprocess.run([migctl, *words], env=env, check=True, capture_output=True, text=True, input=text)

        run("sim", "create", "m", "--gpus", "8x h200-141gb")
        run("--sim", "m", "mode", "enable")
        run("--sim", "m", "apply", "-f", "-", "-c", "x", text="version: v1\nmig-configs:\n  x:\n    - devices: all\n      mig-enabled: true\n"
                                                           "      mig-devices: {1g.18gb: 7}\n")
        name = f"migctl-hour-{os.getpid()}"

        def tmux(*words):
            return subprocess.run(["tmux", "-u", "-L", name, *words], env=env, check=True, capture_output=True, text=True).stdout

        with open(f"{folder}/migd.log", "w", encoding="utf-8") as log:
            daemon = subprocess.Popen([migctl, "--sim", "m", "serve", "--socket", f"{folder}/migd.sock", "--guard-nodes=off"], env=env,
                                      stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            time.sleep(3)
            tmux("-f", "/dev/null", "new-session", "-d", "-x", "200", "-y", "60", f"exec {migctl} --sim m top")
            time.sleep(3)
            shell = int(tmux("display-message", "-p", "#{pane_pid}"))
            pids = {"top": shell, "migd": daemon.pid}
            rows, begun = [], time.monotonic()
            for minute in range(options.minutes + 1):
                time.sleep(max(0, begun + 60 * minute - time.monotonic()))
                rows.append({"minute": minute, **{what: of_process(pid) for what, pid in pids.items()}})
                print(json.dumps(rows[-1]), flush=True)
            screen = tmux("capture-pane", "-p").splitlines()
        finally:
            subprocess.run(["tmux", "-L", name, "kill-server"], check=False, capture_output=True)
            daemon.terminate()
            daemon.wait()
    settled, last = rows[min(SETTLED, len(rows) - 1)], rows[-1]
    minutes = max(1, last["minute"] - settled["minute"])
    results = {"screen": {"first": screen[0].split("  ")[0], "via": "via migd" if "via migd" in screen[0] else screen[0]}, "instances": 56}
    wrong = []
    for what, allowed in ALLOWED_MIB.items():
        grown = round(last[what]["residentMib"] - settled[what]["residentMib"], 2)
        results[what] = {f"minute{settled['minute']}": settled[what], f"minute{last['minute']}": last[what], "grownMib": grown,
                         "cpuPercentOfACore": round((last[what]["cpuSeconds"] - settled[what]["cpuSeconds"]) / minutes / 60 * 100, 2)}
        if grown > allowed or last[what]["descriptors"] > settled[what]["descriptors"]:
            wrong.append(f"{what} grew: {results[what]}")
    print(json.dumps(results, indent=2))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    if wrong:
        print("\n".join(wrong))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

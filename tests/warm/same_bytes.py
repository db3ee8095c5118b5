#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the daemon answers is what a command would read itself, byte for byte.

    same_bytes.py BINDIR [-k BOARD]

On several boards, and after every one of a row of changes (by migctl, by a stranger through smi, by a process that starts
and ends, by a GPU that falls off the bus): each command that only looks, as text and as JSON, is run with --direct and
through the daemon; standard output, standard error and exit code must be equal. That the daemon did answer is seen by -v;
a daemon that is late on a busy machine is asked again.
"""
import argparse
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

BOARDS = ["2x a100-sxm4-40gb", "1x h200-141gb, 1x a30-24gb", "1x rtx-pro-6000-maxq"]
LOOKS = [
    ["list"], ["list", "-p"], ["list", "-i", "0"], ["list", "-i", "7"], ["profiles"], ["profiles", "--compute"],
    ["placements"], ["holders"], ["slot", "list"], ["slot", "resolve", "named"], ["slot", "resolve", "nobody"],
    ["plan", "-f", "layouts.yaml", "-c", "one"], ["plan", "-f", "layouts.yaml", "-c", "off"],
    ["plan", "-f", "layouts.yaml", "-c", "none"], ["version"],
]
SMI = [["smi", "-L"], ["smi", "mig", "-lgi"], ["smi", "mig", "-lci"], ["smi", "mig", "-lgip"], ["smi", "mig", "-lgipp"],
       ["smi", "mig", "-lgi", "-i", "9"], ["smi", "--query-gpu=index,name,uuid,mig.mode.current", "--format=csv"],
       ["smi", "--query-compute-apps=pid,used_memory", "--format=csv"]]
TRIES = 200


class Failed(Exception):
    """The difference, in words."""


class Lab:
    """Fixture: a simulated machine with its daemon, in a private folder."""

    def __init__(self, binaries, folder, boards, name="lab", serve=()):
        self.binary = str(pathlib.Path(binaries).resolve() / "migctl")
        self.folder, self.name = folder, name
        self.environment = dict(os.environ, MIGSIM_ROOT=str(folder), NO_COLOR="1", HOME=str(folder))
        for variable in ("MIGCTL_SOCKET", "MIGSIM_MACHINE", "MIGCTL_STATE_DIR", "XDG_STATE_HOME"):
            self.environment.pop(variable, None)
        self.must("sim", "create", name, "--gpus", boards)
        self.socket = os.path.join(folder, name, "run", "migd.sock")
        self.daemon, self.serve = None, list(serve)

    def run(self, *words):
        return subprocess.run([self.binary, "--sim", self.name, *words], env=self.environment, cwd=self.folder,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)

    def must(self, *words):
        command = [self.binary, *([] if words[0] == "sim" else ["--sim", self.name]), *words]
        done = subprocess.run(command, env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=120, check=False)
        if done.returncode != 0:
            raise Failed(f"{' '.join(words)}: exit {done.returncode}: {(done.stdout + done.stderr).decode(errors='replace')}")
        return done.stdout.decode()

    def start(self):
        self.daemon = subprocess.Popen([self.binary, "-q", "--sim", self.name, "serve", "--keep-open", "10m", *self.serve],
                                       env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL)
        for _ in range(6000):
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(self.socket) == 0:
                    return
            if self.daemon.poll() is not None:
                break
            time.sleep(0.01)
        raise Failed("migctl serve does not listen")

    def stop(self):
        if self.daemon is not None:
            self.daemon.send_signal(signal.SIGTERM)
            self.daemon.wait()
        self.daemon = None


def without_notes(done):
    """Standard error without the lines of -v."""
    return b"".join(line for line in done.stderr.splitlines(True)
                    if not line.startswith((b"migctl: read through the daemon", b"migctl: read from the driver: ")))


def compare(lab, words, when):
    direct = lab.run("--direct", *words)
    for _ in range(TRIES):
        warm = lab.run("-v", *words)
        if (warm.returncode, warm.stdout, without_notes(warm)) != (direct.returncode, direct.stdout, direct.stderr):
            raise Failed(f"{when}: {' '.join(words)}:\n--- direct ({direct.returncode})\n{direct.stdout.decode()}"
                         f"{direct.stderr.decode()}\n--- daemon ({warm.returncode})\n{warm.stdout.decode()}{warm.stderr.decode()}")
        if b"read through the daemon" in warm.stderr:
            return
        if b"did not" not in warm.stderr and b"timed out" not in warm.stderr and b"timeout" not in warm.stderr:
            raise Failed(f"{when}: {' '.join(words)}: the daemon was not used: {warm.stderr.decode()}")
    raise Failed(f"{when}: {' '.join(words)}: the daemon never answered in time")


def compare_all(lab, when):
    count = 0
    for words in LOOKS:
        for more in ([], ["--json"]):
            compare(lab, words + more, when)
            count += 1
    for words in SMI:
        compare(lab, words, when)
        count += 1
    return count


def profiles_of(lab):
    """Ids of the profiles of which another instance fits on GPU 0."""
    out = lab.must("--direct", "smi", "mig", "-lgip", "-i", "0")
    rows = [line.split() for line in out.splitlines() if line.startswith("|   0  MIG")]
    return [row[4] for row in rows if not row[5].startswith("0/")]


def write_layouts(lab):
    profiles = json.loads(lab.must("--direct", "profiles", "--json"))["gpus"][0]["profiles"]
    small = [p["name"] for p in profiles if p["maxCount"] > 1][:1] or ["1g.5gb"]
    text = ("version: v1\nmig-configs:\n  one:\n  - devices: [0]\n    mig-enabled: true\n"
            f"    mig-devices: {{ \"{small[0]}\": 1 }}\n  off:\n  - devices: all\n    mig-enabled: false\n")
    (pathlib.Path(lab.folder) / "layouts.yaml").write_text(text, encoding="utf-8")
    return small[0]


def walk(binaries, boards):
    with tempfile.TemporaryDirectory(prefix="mig-warm-") as folder:
        lab = Lab(binaries, folder, boards)
        profile = write_layouts(lab)
        lab.start()
        count = compare_all(lab, "fresh")
        try:
            lab.must("mode", "enable", "-i", "0")
            count += compare_all(lab, "MIG on")
            lab.must("create", "-i", "0", profile)
            lab.must("slot", "set", "named", "--gpu", "0", "-p", profile, "--placement", "0")
            count += compare_all(lab, "created by migctl")
            other = profiles_of(lab)[0]
            made = re.search(r"GPU instance ID +(\d+)", lab.must("smi", "mig", "-cgi", other, "-i", "0")).group(1)
            count += compare_all(lab, "a GPU instance alone, by smi")
            lab.must("smi", "mig", "-cci", "-gi", made, "-i", "0")
            count += compare_all(lab, "its compute instance, by smi")
            work = subprocess.Popen([lab.binary, "--sim", lab.name, "-q", "run", "--profile", profile, "--", "sleep", "600"],
                                    env=lab.environment, cwd=folder, stdin=subprocess.DEVNULL)
            try:
                for _ in range(3000):
                    if b"lease" in lab.run("holders").stdout:
                        break
                    time.sleep(0.02)
                count += compare_all(lab, "leased and in use")
            finally:
                work.terminate()
                work.wait()
            lab.must("destroy", "--all")
            count += compare_all(lab, "destroyed")
            lab.must("create", "-i", "0", profile)
            count += compare_all(lab, "made again")
            lab.must("sim", "inject", lab.name, "--lost", "--gpu", "0")
            count += compare_all(lab, "a GPU is lost")
        finally:
            lab.stop()
        return count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bin")
    parser.add_argument("-k", default="")
    options = parser.parse_args()
    try:
        for boards in BOARDS:
            if options.k in boards:
                print(f"{boards}: {walk(options.bin, boards)} comparisons equal", flush=True)
    except Failed as failure:
        print(f"FAILED: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Churn for a long time: jobs that leave things behind, leases that expire, clients and daemons that are killed, a driver that hangs.

Usage: soak.py BIN [--seconds N] [--seed N]       needs root

Two users run, acquire and release on seven instances; some clients are killed with SIGKILL, the daemon now and then too, and
the driver hangs for a moment. At each grant the client looks whether a process of an earlier lease is on its instance
("twice"). A daemon's memory (PSS) and descriptors are read all the time; those of the last third are held against the first
third of the same daemon's life, or of all of them. In the end nothing is left: no lease, no process, no control group.
"""
import argparse
import os
import pathlib
import random
import statistics
import sys
import threading
import time

import box as frame
from box import TRAIN, Failed, expect, wait

# Processes by pid and start. State and start are of one reading: a zombie that is reaped between two would look alive, and
# where the first process of a machine or container reaps seldom (measured: every 2 s) that happens once in some hundred jobs.
PROCESSES = r"""
look() {  # PID: its state and start, both "" when it is gone
  state= start=
  local pid=$1 line
  { read -r line <${PROC:-/proc}/$pid/stat; } 2>/dev/null || return 0
  set -- ${line##*) }
  state=$1 start=${20}
}
lives() {  # PID START
  look $1
  [ -n "$start" ] && [ "$start" = "$2" ] && [ "$state" != Z ] && [ "$state" != X ]
}
"""

# What each job does: it says which instance it has, and who was on it before and lives.
JOB = PROCESSES + r"""
mark=$SOAK/held/$CUDA_VISIBLE_DEVICES
for other in $(cat $mark 2>/dev/null); do
  pid=${other%:*}
  if lives $pid "${other#*:}"; then
    echo "$CUDA_VISIBLE_DEVICES: $pid ($state) lives, and $BASHPID has the instance: $(tr '\0' ' ' </proc/$pid/cmdline)" >>$SOAK/twice
  fi
done
look $BASHPID
echo $BASHPID:$start >$mark
leave() { setsid "$@" >/dev/null 2>&1 & look $!; echo $!:$start >>$mark; }
"""
TAILS = ["sleep 0.{n}", "leave sleep 600; sleep 0.{n}", f"leave {TRAIN}; sleep 0.{{n}}", f"leave sh -c \"trap '' TERM; {TRAIN}\"; sleep 0.{{n}}",
         "exit 3", f"{TRAIN}"]


# 0 and 3: the job's own; 124, 143, 137, -15: its limit; -9: we killed it; 13, 8, 9: nothing came free in time.
EXPECTED = {0, 3, 124, 143, 137, -15, -9, 13, 8, 9}


class Soak:
    def __init__(self, box, options):
        self.box, self.options = box, options
        self.random = random.Random(options.seed)
        self.end = time.monotonic() + options.seconds
        self.counts = {"runs": 0, "leases": 0, "clients killed": 0, "daemons killed": 0, "hangs": 0}
        self.troubles, self.samples = [], []  # (daemon's number, seconds, PSS in KiB, descriptors)
        self.daemon_number = 0
        self.folders, self.own_folders = set(), frame.folders_of("self")
        self.lock = threading.Lock()
        self.shared = box.folder / "soak"

    def going(self):
        return time.monotonic() < self.end and not self.troubles

    def count(self, what):
        with self.lock:
            self.counts[what] += 1

    def runner(self, uid, seed):
        """Runs jobs one after the other; every sixth migctl is killed."""
        chance = random.Random(seed)
        while self.going():
            script = JOB + chance.choice(TAILS).replace("{n}", str(chance.randint(1, 9)))
            process = self.box.start(uid, "migctl", "-q", "--sim", "m", "run", "--profile", "1g.5gb", "--wait", "60s", "--timeout",
                                     f"{chance.randint(300, 1500)}ms", "--grace", "300ms", "--", "bash", "-c", script,
                                     environment={"SOAK": str(self.shared)})
            if chance.random() < 0.17:
                time.sleep(chance.random())
                process.kill()
                self.count("clients killed")
            process.wait()
            self.count("runs")
            self.note(process)
            self.box.started.remove(process)
            process.close()

    def note(self, process):
        """A job's own end, an end by its limit, by us, by a full queue or by a daemon that was just killed; all else is trouble."""
        text = process.text()
        without_daemon = "nobody listens" in text or "is migd running?" in text
        too_late = process.returncode == 126 and "is over: expired" in text  # before the command was started
        if process.returncode in EXPECTED or too_late or self.counts["daemons killed"] and without_daemon:
            return
        self.troubles.append(f"run ended with {process.returncode}: {text[-300:]}")

    def leaser(self, uid, seed):
        """Leases by hand, given back or left to expire."""
        chance = random.Random(seed)
        while self.going():
            try:
                status, document = self.box.ask(uid, "POST", "/v1/leases", {"limitMs": chance.randint(50, 800), "waitMs": 200})
                if status == 200:
                    self.count("leases")
                    time.sleep(chance.random() * 0.3)
                    if chance.random() < 0.6:
                        self.box.ask(uid, "DELETE", f"/v1/leases/{document['leases'][0]['id']}")
            except Failed:
                time.sleep(0.2)  # the daemon was killed

    def sampler(self):
        while self.going():
            pid, number = self.box.daemon.pid, self.daemon_number
            try:
                pss = sum(int(line.split()[1]) for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                          if line.startswith("Pss:"))
                files = len(os.listdir(f"/proc/{pid}/fd"))
            except OSError:
                continue
            for process in frame.processes(self.box.a):
                try:
                    self.folders |= {folder for folder in frame.folders_of(process.pid) - self.own_folders if "lease" in folder}
                except OSError:
                    continue
            self.samples.append((number, time.monotonic(), pss, files))
            time.sleep(0.5)

    def trouble_maker(self):
        """Kills the daemon, and lets the driver hang; the last third of the time one daemon lives."""
        quiet_from = self.end - self.options.seconds * 2 / 3
        while self.going():
            time.sleep(self.random.uniform(1.5, 3))
            if time.monotonic() < quiet_from and self.random.random() < 0.4:
                self.count("daemons killed")
                self.box.kill_daemon()
                self.box.serve()
                self.daemon_number += 1
            elif self.random.random() < 0.5:
                call = self.random.choice(["nvmlDeviceGetMigMode", "nvmlDeviceGetGpuInstances", "nvmlDeviceGetComputeRunningProcesses_v3", "nvmlInit_v2"])
                self.box.root("sim", "inject", "m", "--call", call, "--hang", "1500ms", "--repeat", "2", check=False)
                self.count("hangs")

    def run(self):
        threads = [threading.Thread(target=self.runner, args=(uid, f"{self.options.seed}/{uid}/{number}"))
                   for uid in (self.box.a, self.box.b) for number in range(2)]
        threads += [threading.Thread(target=self.leaser, args=(uid, f"{self.options.seed}/l{uid}")) for uid in (self.box.b, self.box.c)]
        threads.append(threading.Thread(target=self.sampler))
        threading.excepthook = lambda told: self.troubles.append(repr(told.exc_value))
        for thread in threads:
            thread.start()
        try:
            self.trouble_maker()
        finally:
            self.end = min(self.end, time.monotonic())
            for thread in threads:
                thread.join()

    def verdict(self):
        expect(not self.troubles, self.troubles[:3])
        twice = self.shared / "twice"
        expect(not twice.exists(), f"an instance had two: {twice.exists() and twice.read_text()[:600]}")
        expect(self.counts["runs"] > 0 and self.counts["leases"] > 0, f"something happened: {self.counts}")
        box = self.box
        wait(lambda: f"no lease is left: {box.leases()}", lambda: not box.leases())
        wait(lambda: f"nobody waits: {box.ask(0, 'GET', '/v1/queue')[1]}", lambda: not box.ask(0, "GET", "/v1/queue")[1]["queue"])
        wait(lambda: f"no process is left: {[p for uid in box.users for p in frame.processes(uid)]}",
             lambda: not any(frame.processes(uid) for uid in box.users))
        wait(lambda: f"no control group is left: {self.control_groups()}", lambda: not self.control_groups())

    def control_groups(self):
        """Those that jobs were in, and that are there still."""
        return [folder for folder in self.folders if os.path.exists(folder)]

    def growth(self):
        """Memory and descriptors of the last daemon: medians of the first and of the last third of its life."""
        life = [sample for sample in self.samples if sample[0] == self.daemon_number]
        third = len(life) // 3
        if third < 5:
            return None
        first, last = life[:third], life[-third:]
        return [(statistics.median(s[i] for s in first), statistics.median(s[i] for s in last)) for i in (2, 3)]


def attack(box, options):
    box.machine(*["1g.5gb"] * 7)
    soak = Soak(box, options)
    soak.shared.mkdir(mode=0o777)
    (soak.shared / "held").mkdir(mode=0o777)
    for folder in (soak.shared, soak.shared / "held"):
        folder.chmod(0o777)
    os.umask(0)
    box.serve()
    soak.run()
    soak.verdict()
    growth = soak.growth()
    counts = ", ".join(f"{number} {what}" for what, number in soak.counts.items())
    print(f"{options.seconds:g} s, seed {options.seed}: {counts}")
    if growth:
        (pss_first, pss_last), (files_first, files_last) = growth
        print(f"the last daemon, first and last third of its life: PSS {pss_first / 1024:.1f} -> {pss_last / 1024:.1f} MiB, "
              f"descriptors {files_first:g} -> {files_last:g}")
        expect(pss_last <= pss_first * 1.15 + 2048, f"memory grew from {pss_first} to {pss_last} KiB")
        expect(files_last <= files_first + 12, f"descriptors grew from {files_first} to {files_last}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--seed", default="1")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("SKIPPED: soak: needs root, to be other users")
        return frame.SKIPPED
    with frame.programs_for_all(options.bin) as binaries:
        os.environ["PATH"] = f"{binaries}:{os.environ['PATH']}"
        verdict, reason = frame.try_one(lambda box: attack(box, options), binaries)
    print(f"{verdict}: soak" + (f": {reason}" if reason else ""))
    return 0 if verdict == "ok" else 1


if __name__ == "__main__":
    sys.exit(main())

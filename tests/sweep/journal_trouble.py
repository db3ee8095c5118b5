#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What becomes of a change when its journal or its lock is in trouble: a disk that is full at every moment, a folder
that cannot be written, a file that is no journal or a newer one, and several writers at once, one of them killed.

Usage: journal_trouble.py BIN_DIR [-k WORDS]

No driver call that changes anything is made without a journal, every refusal has its exit code, says what is the
matter and what to do, and the layout is the one before or the one after. Needs root (a mount namespace of its own);
exit 77 where there is none.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

from fault_sweep import CHANGING, Machine, entry, layout

SKIPPED = 77
DONE, PERMISSION, CONFLICT, IO, ROLLED_BACK = 0, 7, 11, 17, 18
BEFORE = layout(entry("all", {"1g.5gb": 7}))
AFTER = layout(entry("all", {"3g.20gb": 1, "2g.10gb": 2}))
OTHER = layout(entry("all", {"2g.10gb": 3, "1g.5gb": 1}))


class Violation(Exception):
    pass


def check(holds, what):
    if not holds:
        raise Violation(what)


class Bed:
    """A prepared machine that is copied for each case, with a private state folder."""

    def __init__(self, bins, folder):
        self.bins, self.folder, self.count = bins, folder, 0
        first = Machine(bins, folder / "first")
        (first.root / "state").mkdir(parents=True)
        done = first.run("sim", "create", "m", "--gpus", "1x a100-sxm4-40gb", "--latency", "true")
        check(done.returncode == 0, done.stderr)
        slow(first, 0)
        first.must("apply", "-f", "-", "-c", "x", stdin=BEFORE)
        self.before = first.look()[0]
        first.must("apply", "-f", "-", "-c", "x", stdin=OTHER)
        self.other = first.look()[0]
        first.must("apply", "-f", "-", "-c", "x", stdin=BEFORE)
        first.must("apply", "-f", "-", "-c", "x", stdin=AFTER)
        self.after = first.look()[0]
        first.must("apply", "-f", "-", "-c", "x", stdin=BEFORE)
        check(first.look()[0] == self.before, "the first layout does not come back")
        self.machine_dir = first.root / "m"

    def machine(self, journal=False):
        """A copy; with the journal of the changes so far, or without one."""
        self.count += 1
        root = self.folder / f"bed{self.count}"
        shutil.copytree(self.machine_dir, root / "m", symlinks=True)
        state = self.folder / "first" / "state"
        if journal:
            shutil.copytree(state, root / "state")
        else:
            (root / "state").mkdir()
        return Machine(self.bins, root)


@contextlib.contextmanager
def tmpfs(folder, options):
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def changing_calls(trace):
    lines = trace.read_text().splitlines() if trace.exists() else []
    return [line.split() for line in lines if line.split()[2] in CHANGING]


def apply(machine, wanted=AFTER):
    """The ended process, and its changing driver calls."""
    trace = machine.root / "trace"
    trace.unlink(missing_ok=True)
    done = machine.migctl("apply", "-f", "-", "-c", "x", stdin=wanted, extra={"MIGSIM_TRACE": str(trace)})
    return done, changing_calls(trace)


def refused(bed, machine, code, *words):
    """apply ends with the code and the words, has changed nothing, and reading commands work as before."""
    done, calls = apply(machine)
    check(done.returncode == code, f"exit {done.returncode}, not {code}: {done.stderr}")
    for word in words:
        check(word in done.stderr, f"'{word}' is not in: {done.stderr}")
    check("hint: " in done.stderr, f"no hint: {done.stderr}")
    check(not calls, f"changed without a journal: {calls}")
    check(machine.look()[0] == bed.before, "the layout changed")


def open_changes(machine):
    return [c for c in json.loads(machine.must("history", "--json"))["changes"] if c["state"] in ("open", "stuck")]


def full_disk(bed):
    """Disks of every size, so that ENOSPC hits at every moment of the change."""
    ends = {}
    for kib in [*range(4, 100, 12), *range(100, 1000, 60)]:
        machine = bed.machine()
        with tmpfs(machine.root / "state", f"size={kib}k"):
            done, calls = apply(machine)
            now = machine.look()[0]
            check(now in (bed.before, bed.after), f"{kib} KiB: neither layout, exit {done.returncode}: {done.stderr}")
            check(done.returncode in (DONE, IO, ROLLED_BACK), f"{kib} KiB: exit {done.returncode}: {done.stderr}")
            check((now == bed.after) or done.returncode != DONE, f"{kib} KiB: said done: {done.stdout}")
            check(done.returncode == DONE or "full" in done.stderr, f"{kib} KiB: does not say why: {done.stderr}")
            begun = (machine.root / "state" / "sim-m.db").exists()
            check(begun or not calls, f"{kib} KiB: {len(calls)} changing calls without a journal")
            subprocess.run(["mount", "-o", "remount,size=8m", machine.root / "state"], check=True)
            recover = machine.migctl("recover")
            check(recover.returncode == 0, f"{kib} KiB: recover: {recover.returncode}: {recover.stderr}")
            check(machine.look()[0] == now, f"{kib} KiB: recover moved from one layout to the other")
            check(not open_changes(machine), f"{kib} KiB: the journal is not closed")
        end = "applied" if done.returncode == DONE else "rolled back" if calls else "refused"
        ends[end] = ends.get(end, 0) + 1
    check({"applied", "rolled back", "refused"} <= set(ends), f"not every end was met: {ends}")
    return ", ".join(f"{end}: {count}" for end, count in sorted(ends.items()))


def read_only(bed):
    """A read-only state folder, empty and with a journal in it."""
    for journal in (False, True):
        machine = bed.machine(journal)
        state = machine.root / "state"
        subprocess.run(["mount", "--bind", state, state], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", state], check=True)
        try:
            refused(bed, machine, PERMISSION, "sim-m.db", "writable", "nothing was changed")
        finally:
            subprocess.run(["umount", state], check=True)
        done, _ = apply(machine)
        check(done.returncode == DONE, f"writable again: exit {done.returncode}: {done.stderr}")
    return "empty and with a journal"


def damaged(bed):
    """A journal that is another file, truncated, or has a page of garbage."""
    def rubbish(text):
        return b"x" * len(text)

    def cut(text):
        return text[:len(text) // 2 + 100]

    def page(text):
        return text[:-2 * 4096] + b"Z" * 4096 + text[-4096:]

    for harm in (rubbish, cut, page):
        machine = bed.machine(journal=True)
        path = machine.root / "state" / "sim-m.db"
        with sqlite3.connect(path) as database:  # checkpoints the WAL into the database file
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        path.write_bytes(harm(path.read_bytes()))
        refused(bed, machine, IO, "sim-m.db", "move ")
        path.rename(path.with_suffix(".damaged"))  # as the hint tells
        done, _ = apply(machine)
        check(done.returncode == DONE, f"{harm.__name__}, moved away: exit {done.returncode}: {done.stderr}")
    return "no database, cut short, a page of rubbish"


def newer(bed):
    """A journal of a newer migctl's format is left alone."""
    machine = bed.machine(journal=True)
    path = machine.root / "state" / "sim-m.db"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version=99")
    database.close()
    refused(bed, machine, CONFLICT, "newer migctl", "format 99")
    with sqlite3.connect(path) as database:
        check(database.execute("PRAGMA user_version").fetchone()[0] == 99, "the format was changed back")
    database.close()
    return "format 99"


def start(machine, wanted, name, *words):
    trace = machine.root / f"trace.{name}"
    process = subprocess.Popen([str(machine.bins / "migctl"), "--sim", "m", "apply", "-f", "-", "-c", "x", *words],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=dict(machine.env, MIGSIM_TRACE=str(trace)))
    process.stdin.write(wanted)
    process.stdin.close()
    process.stdin = None
    return process, trace


def slow(machine, ms):
    for call in CHANGING:
        if call.startswith("nvml"):
            done = machine.run("sim", "inject", "m", "--latency", f"{call}={ms}ms")
            check(done.returncode == 0, done.stderr)


def contiguous(traces):
    """The changing calls of two writers are never interleaved."""
    calls = sorted((line for trace in traces for line in changing_calls(trace)), key=lambda line: int(line[0]))
    order = [line[1] for i, line in enumerate(calls) if i == 0 or calls[i - 1][1] != line[1]]
    check(len(order) == len(set(order)), f"writers took turns: {order}")
    return len(order)


def many_writers(bed, count, *words):
    machine = bed.machine()
    slow(machine, 5)
    begin = time.monotonic()
    writers = [start(machine, OTHER if i % 2 else AFTER, i, *words) for i in range(count)]
    ends, refusals = {}, []
    for process, _ in writers:
        _, errors = process.communicate(timeout=120)
        ends[process.returncode] = ends.get(process.returncode, 0) + 1
        check(process.returncode in (DONE, CONFLICT), f"exit {process.returncode}: {errors}")
        if process.returncode == CONFLICT:
            named = "is locked by" in errors or "has changed since the plan" in errors
            check(named and "hint: " in errors, f"not told why: {errors}")
            refusals.append(errors)
    check(ends.get(DONE, 0) > 0, f"nobody came through: {ends}")
    check(not words or ends == {DONE: count}, f"who waits comes through: {ends} {refusals}")
    now = machine.look()[0]
    # Another writer's layout may use other placements; the profiles are the wanted ones.
    kinds = [sorted(gi[0] for gi in gpu[2]) for layouts in (now, bed.after, bed.other) for gpu in layouts]
    check(kinds[0] in kinds[1:], f"none of the layouts: {now}")
    check(not open_changes(machine), "the journal is not closed")
    turns = contiguous([trace for _, trace in writers])
    told = ", ".join(f"exit {code}: {times}" for code, times in sorted(ends.items()))
    return f"{told}; {turns} changed the machine, one after the other, {time.monotonic() - begin:.1f} s"


def two_writers(bed):
    """Two writers at once: no deadlock, nothing interleaved, each outcome expected."""
    return many_writers(bed, 2)


def ten_writers(bed):
    """The same with ten writers."""
    return many_writers(bed, 10)


def ten_patient_writers(bed):
    """Ten writers that wait for the lock: all succeed, one after the other."""
    if "--wait " not in bed.machine().migctl("apply", "--help").stdout:
        return "skipped: this migctl has no --wait"
    return many_writers(bed, 10, "--wait", "100s")


def killed_writer(bed):
    """A live holder of the lock is named; after its death the lock is free and its change can be recovered."""
    machine = bed.machine()
    slow(machine, 150)
    first, trace = start(machine, AFTER, "first")
    deadline = time.monotonic() + 120
    while len(changing_calls(trace)) < 3:
        check(time.monotonic() < deadline and first.poll() is None, "the first writer does not get on")
        time.sleep(0.02)
    done, calls = apply(machine)
    check(done.returncode == CONFLICT and not calls, f"exit {done.returncode}: {done.stderr}")
    for word in (f"pid {first.pid} (migctl): `--sim m apply -f - -c x`, since ", " s ago)", "--wait"):
        check(word in done.stderr, f"'{word}' is not in: {done.stderr}")
    first.send_signal(signal.SIGKILL)
    first.communicate()
    slow(machine, 0)
    done, calls = apply(machine)
    check(done.returncode == CONFLICT and not calls, f"after the kill: exit {done.returncode}: {done.stderr}")
    check("was not finished" in done.stderr and "migctl recover" in done.stderr, done.stderr)
    check(machine.migctl("recover").returncode == 0, "recover failed")
    check(machine.look()[0] == bed.before, "not the layout before")
    done, _ = apply(machine)
    check(done.returncode == DONE and machine.look()[0] == bed.after, f"exit {done.returncode}: {done.stderr}")
    return "named while it lives, recovered when killed"


CASES = [full_disk, read_only, damaged, newer, two_writers, ten_writers, ten_patient_writers, killed_writer]


def own_namespace():
    """Enters a private mount namespace, so that mounts stay invisible outside."""
    if os.environ.get("MIG_OWN_MOUNTS") == "1":
        return
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        print("skipped: needs root and unshare")
        sys.exit(SKIPPED)
    os.environ["MIG_OWN_MOUNTS"] = "1"
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode != 0:
        print("skipped: no mount namespace to be had here")
        sys.exit(SKIPPED)
    os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable, *sys.argv])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bins", type=pathlib.Path, metavar="BIN_DIR")
    parser.add_argument("-k", default="", metavar="WORDS", help="only cases whose name has these words")
    args = parser.parse_args()
    own_namespace()
    bad = 0
    with tempfile.TemporaryDirectory(prefix="journal") as name:
        bed = Bed(args.bins.resolve(), pathlib.Path(name))
        for case in CASES:
            if args.k not in case.__name__:
                continue
            try:
                print(f"ok    {case.__name__}: {case(bed)}", flush=True)
            except (Violation, RuntimeError, subprocess.SubprocessError, OSError) as error:
                bad += 1
                print(f"FAIL  {case.__name__}: {type(error).__name__}: {error}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

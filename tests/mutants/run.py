#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes each change of changes/ in a private copy of the tree, builds, and says whether the tests notice.

    tests/mutants/run.py --work DIR [--jobs N] [--room ROOM]... [--only ID]... [--shard I/N] [--seconds S]
    tests/mutants/run.py --list

DIR keeps the copy, its build and what was found (results.json, results.md): the same command again goes on where the
last one ended; --again forgets. First all tests run on the unchanged tree: those that fail there are left out and
named. With --jobs each worker has a copy of the built tree, mounted at the same path in a mount namespace of its own
(root, or a user namespace); where that is not allowed each builds its own.
"""

import argparse
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time

import changes
from bench import Bench, run, sync, targets_of

ROOT = os.path.dirname(os.path.dirname(changes.HERE))
BUILD = "build/mutants"


def parsed_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", help="folder for the copies and the results")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--room", action="append", default=[])
    parser.add_argument("--only", action="append", default=[], help="ROOM/NAME")
    parser.add_argument("--shard", default="1/1", help="I/N: every N-th change, from the I-th")
    parser.add_argument("--seconds", type=float, default=7 * 24 * 3600.0, help="stop cleanly after so long")
    parser.add_argument("--cmake", action="append", default=[], help="more for cmake, e.g. --cmake=-DCMAKE_PREFIX_PATH=X")
    parser.add_argument("--again", action="store_true", help="forget what was found before")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


class Notes:
    """Results, written to disk after every mutant."""

    def __init__(self, folder, again):
        self.path = os.path.join(folder, "results.json")
        self.lock = threading.Lock()
        self.done = 0  # in this run
        self.data = {"left_out": {}, "changes": {}}
        if os.path.exists(self.path) and not again:
            with open(self.path, encoding="utf-8") as file:
                self.data = json.load(file)

    def known(self, change):
        found = self.data["changes"].get(change.id)
        open_ones = ("not finished", "not built")
        return found if found and found["mark"] == change.mark() and found["outcome"] not in open_ones else None

    def put(self, change, found):
        with self.lock:
            self.data["changes"][change.id] = dict(found, room=change.room, file=change.file, what=change.what,
                                                   mark=change.mark())
            self.save()
            self.done += 1
            return self.done

    def save(self):
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            json.dump(self.data, file, indent=1)
        os.replace(self.path + ".new", self.path)


def table(all_changes, notes):
    """results.md: a line per room, then all mutants that were not simply noticed."""
    lines = ["| room | changes | noticed | equivalent | survived | not run |", "|---|---|---|---|---|---|"]
    rest = []
    for room in sorted({change.room for change in all_changes}):
        mine = [change for change in all_changes if change.room == room]
        count = {"noticed": 0, "equivalent": 0, "survived": 0, "other": 0}
        for change in mine:
            found = notes.known(change)
            if change.equivalent:
                count["equivalent"] += 1
                rest.append(f"- equivalent: `{change.id}`: {change.what}: {change.equivalent}")
            elif found is None:
                count["other"] += 1
            elif found["outcome"] in ("noticed", "timed out"):
                count["noticed"] += 1
                if found["outcome"] == "timed out":
                    rest.append(f"- noticed by a time-out of {found['by']}: `{change.id}`: {change.what}")
            else:
                count["survived" if found["outcome"] == "survived" else "other"] += 1
                rest.append(f"- {found['outcome']}: `{change.id}`: {change.what} ({change.file})")
        judged = count["noticed"] + count["survived"]
        share = f"{count['noticed']} of {judged} ({100 * count['noticed'] / judged:.0f} %)" if judged else "-"
        lines.append(f"| {room} | {len(mine)} | {share} | {count['equivalent']} | {count['survived']} | {count['other']} |")
    out = "\n".join(lines) + "\n\n" + "\n".join(rest) + "\n"
    left_out = notes.data["left_out"]
    if left_out:
        out += "\nLeft out, because they fail on the unchanged tree here: " + ", ".join(sorted(left_out)) + "\n"
    return out


def cmake_command(arguments):
    return ["cmake", "-S", ".", "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=None", "-DCMAKE_CXX_FLAGS=-O1",
            "-DCMAKE_C_FLAGS=-O1", "-DMIG_WERROR=OFF", "-DCMAKE_UNITY_BUILD=OFF"] + arguments.cmake


def build_command(jobs):
    return lambda targets: ["ninja", "-C", BUILD, f"-j{jobs}"] + targets


def test_command(names):
    pattern = "^(" + "|".join(name.replace("+", r"\+") for name in names) + ")$"
    return ["ctest", "--test-dir", BUILD, "-R", pattern, "--output-on-failure", "--no-tests=error"]


def prepare(tree, arguments, targets, deadline, jobs):
    """Copies, configures and builds; False = no time left. Exits when the unchanged tree does not build."""
    sync(ROOT, tree)
    log = os.path.join(os.path.dirname(tree), os.path.basename(tree) + ".build.log")
    for command in (cmake_command(arguments), build_command(jobs)(targets)):
        code, output = run(command, tree, deadline - time.monotonic(), log)
        if code is None:
            return False
        if code != 0:
            sys.exit(f"the unchanged tree does not build: {' '.join(command)}\n{output[-3000:]}")
    return True


def usable_tests(tree, wanted, notes, jobs, deadline):
    """Tests that pass on the unchanged tree; the others are recorded. None = no time left."""
    known = notes.data.setdefault("passed", [])
    rest = sorted(set(wanted) - set(known) - set(notes.data["left_out"]))
    if rest:
        log = os.path.join(os.path.dirname(tree), "baseline.log")
        command = test_command(rest) + [f"-j{max(1, jobs // 2)}"]
        code, output = run(command, tree, deadline - time.monotonic(), log)
        if code is None:
            return None
        again = []
        for line in output.splitlines():
            words = line.split()
            if "Test" in words and "sec" in line and "/" in words[0]:
                name = next((word for word in words if word in rest), None)
                (known if "Passed" in line else again).append(name)
        for name in filter(None, again):  # serially: a test may fail in parallel only
            code, output = run(test_command([name]), tree, min(600, deadline - time.monotonic()), log)
            if code == 0 and "Skipped" not in output:
                known.append(name)
            else:
                notes.data["left_out"][name] = output[-1500:]
        notes.save()
    return set(known)


def worker(arguments):
    """Reads a mutant's id per line, replies with a line of JSON."""
    tree, log = arguments.worker
    table_of_rooms = changes.rooms()
    by_id = {change.id: change for change in changes.load()}
    bench = Bench(tree, build_command(2), test_command, log)
    for line in sys.stdin:
        asked = json.loads(line)
        change = by_id[asked["id"]]
        found = bench.try_change(change, table_of_rooms[change.room], set(asked["usable"]),
                                 time.monotonic() + asked["left"])
        print(json.dumps(found), flush=True)


class Worker(threading.Thread):
    def __init__(self, number, command, todo, notes, usable, deadline, total):
        super().__init__(daemon=True)
        self.number, self.todo, self.notes, self.usable = number, todo, notes, usable
        self.deadline, self.total = deadline, total
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self):
        while time.monotonic() < self.deadline:
            try:
                group = self.todo.get_nowait()
            except queue.Empty:
                break
            for change in group:
                if time.monotonic() < self.deadline and not self.try_one(change):
                    return
        self.process.stdin.close()
        self.process.wait()

    def try_one(self, change):
        """False: the worker has ended."""
        asked = {"id": change.id, "usable": sorted(self.usable), "left": self.deadline - time.monotonic()}
        try:
            self.process.stdin.write(json.dumps(asked) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = self.process.stdout.readline()
        if not answer:
            print(f"worker {self.number} ended at {change.id}", file=sys.stderr, flush=True)
            return False
        found = json.loads(answer)
        done = self.notes.put(change, found)
        print(f"[{done}/{self.total}] {found['outcome']:<14} {change.id} {found['by']} {found['seconds']} s", flush=True)
        if found["outcome"] == "does not build":
            print(found["more"], file=sys.stderr, flush=True)
        return True


def mount_command(copy, tree, command):
    """`command` in a mount namespace with `copy` mounted at `tree`; None where that is not permitted."""
    script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
    for unshare in (["unshare", "-m", "--propagation", "private"], ["unshare", "-r", "-m"]):
        start = unshare + ["sh", "-c", script, "sh", copy, tree]
        if shutil.which("unshare") and subprocess.run(start + ["true"], capture_output=True, check=False).returncode == 0:
            return start + command
    return None


def worker_command(number, tree, work, arguments, targets, deadline):
    """The first worker uses the tree itself; the others copies at the same path (mount namespace), or builds of
    their own."""
    log = os.path.join(work, f"worker{number}.log")
    command = [sys.executable, os.path.join(changes.HERE, "run.py"), "--worker", tree, log]
    if number == 0:
        return command
    copy = os.path.join(work, f"copy{number}")
    if not os.path.isdir(copy):
        subprocess.run(["cp", "-a", tree, copy + ".new"], check=True)
        os.rename(copy + ".new", copy)
    sync(ROOT, copy)
    mounted = mount_command(copy, tree, command)
    if mounted:
        return mounted
    own = os.path.join(work, f"own{number}")
    shutil.rmtree(copy, ignore_errors=True)
    if not prepare(own, arguments, targets, deadline, 1):
        return None
    return command[:3] + [own, log]


def selected(arguments, all_changes):
    index, count = (int(part) for part in arguments.shard.split("/"))
    chosen = [change for change in all_changes if not change.equivalent
              and (not arguments.room or change.room in arguments.room)
              and (not arguments.only or change.id in arguments.only)]
    missing = set(arguments.only) - {change.id for change in chosen}
    if missing:
        sys.exit("no such change, or an equivalent one: " + ", ".join(sorted(missing)))
    return sorted(chosen[index - 1::count], key=lambda change: (change.room, change.file))


def groups_of(chosen):
    """Mutants of one file together, a few at a time, to limit rebuilding."""
    groups, most = [], 4
    for change in chosen:
        if groups and groups[-1][-1].file == change.file and len(groups[-1]) < most:
            groups[-1].append(change)
        else:
            groups.append([change])
    return groups


def start_workers(tree, work, arguments, targets, todo, notes, usable, deadline, total):
    workers = []
    for number in range(min(arguments.jobs, todo.qsize())):
        command = worker_command(number, tree, work, arguments, targets, deadline)
        if command is None:
            break
        workers.append(Worker(number, command, todo, notes, usable, deadline, total))
    for one in workers:
        one.start()
    return workers


def end_of(workers):
    """Waits for the workers; on a signal ends them with their child processes."""
    try:
        for one in workers:
            one.join()
    finally:
        for one in workers:
            one.process.terminate()


def main():
    arguments = parsed_arguments()
    if arguments.worker:
        return worker(arguments)
    all_changes, table_of_rooms = changes.load(), changes.rooms()
    chosen = selected(arguments, all_changes)
    if arguments.list:
        for change in chosen:
            print(f"{change.id}: {change.what}")
        return 0
    if not arguments.work:
        sys.exit("--work DIR is needed")
    looked_at = {room: entry for room, entry in table_of_rooms.items() if not arguments.room or room in arguments.room}
    wrong = changes.offences([one for one in all_changes if one.room in looked_at], looked_at, ROOT)
    if wrong:
        sys.exit("\n".join(wrong))
    deadline = time.monotonic() + arguments.seconds
    work = os.path.abspath(arguments.work)
    tree = os.path.join(work, "tree")
    os.makedirs(work, exist_ok=True)
    notes = Notes(work, arguments.again)
    chosen = [change for change in chosen if not notes.known(change)]
    chosen.sort(key=lambda change: change.id in notes.data["changes"])  # first those never tried in any form
    print(f"{len(chosen)} changes to try in {tree}", flush=True)
    wanted = {test for change in chosen for test in change.tests + table_of_rooms[change.room]["tests"]}
    targets = sorted({target for test in wanted for target in targets_of(test)})
    if chosen and prepare(tree, arguments, targets, deadline, os.cpu_count() or 1):
        usable = usable_tests(tree, wanted, notes, arguments.jobs, deadline)
        if notes.data["left_out"]:
            print("left out, they fail unchanged: " + ", ".join(sorted(notes.data["left_out"])), flush=True)
        todo = queue.Queue()
        for group in groups_of(chosen):
            todo.put(group)
        workers = []
        if usable is not None:
            workers = start_workers(tree, work, arguments, targets, todo, notes, usable, deadline, len(chosen))
        end_of(workers)
    summary = table(all_changes, notes)
    with open(os.path.join(work, "results.md"), "w", encoding="utf-8") as file:
        file.write(summary)
    print(summary)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())

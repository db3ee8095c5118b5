#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random changes in hostile company: other people's driver calls, signals, kills, failing calls and lost GPUs hit a
change at random driver calls, alone and together. Afterwards the promises of docs/reference/transactions.md must hold.

Usage: hostile_walk.py BIN_DIR [--trials N] [--seed N] [--only SEED] [--jobs N] [--seconds S] [--out FILE]

A trial is a random machine with a random layout, some of it in use, and a random change (apply, create, destroy, mode,
undo), perhaps with a hooks file. One to three events are aimed at its driver calls: the k-th call takes a while, and while
it does the event happens (a signal is sent, another program creates or destroys an instance or switches a mode), or the
call fails, kills the client, or finds the GPU off the bus. What really met the running change is a hit; the number of
hits is printed by kind. A change that is open afterwards is recovered. Then must hold:

 1. What is in use is where it was and runs (unless its GPU was lost).
 2. Nothing that somebody else made during the change is gone (unless a reset or reboot took it).
 3. Without others and without a lost GPU the layout is the one before or the one after, and the exit code says which.
 4. Exit code 0 after another's act means that `assert` of the same layout agrees.
 5. The journal is closed; stuck (19) only where others or a lost GPU were in it.
 6. A pending mode that was there before is there again unless the change is the one that ended it.
 7. apply-exit ran where apply-start did, also where the command was killed, after which it ends by itself; no other hook
    outlives the command.
 8. No exit code 20, and the next command is not refused for what this one left behind.

--only SEED repeats one trial and prints what was done. Exit 1 on any violation, each with the words that repeat it.
"""
import argparse
import collections
import concurrent.futures
import json
import multiprocessing
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from fault_sweep import CHANGING, CODES, Machine, entry, layout
from stranger import Stranger

DONE, ROLLED_BACK, STUCK, INTERNAL = 0, 18, 19, 20
BOARDS = [("1x a100-sxm4-40gb", []), ("1x h100-sxm5-80gb", []), ("1x a30-24gb", []), ("2x a100-sxm4-40gb", []),
          ("1x a100-sxm4-40gb, 1x h200-141gb", []), ("1x a100-sxm4-40gb", ["--vm"])]
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE]
EVENTS = ["signal", "signal", "others", "others", "others", "kill", "fail", "lost"]
# abi/nvml.h
NUMBERS = {"NVML_ERROR_UNKNOWN": 999, "NVML_ERROR_IN_USE": 19, "NVML_ERROR_INSUFFICIENT_RESOURCES": 23,
           "NVML_ERROR_TIMEOUT": 10, "NVML_ERROR_NO_PERMISSION": 4, "NVML_ERROR_INVALID_ARGUMENT": 2,
           "NVML_ERROR_GPU_IS_LOST": 15}
# Latency of an intercepted call. It affects only how many events hit, never the invariants.
WINDOW = "250ms"
EXIT_AFTER_KILL = 30.0  # seconds in which apply-exit has run after a kill


class Event:
    def __init__(self, kind, call, rng, gpus):
        self.kind, self.call, self.hit = kind, call, False
        self.signal = rng.choice(SIGNALS)
        self.code = rng.choice(CODES)
        self.when = rng.choice(["before", "after"])
        self.gpu = rng.randrange(gpus)
        self.words = None  # acts of the other program

    def fault(self):
        """Options of `sim inject` for the fault."""
        at = ["--nth", str(self.call)]
        if self.kind == "kill":
            return ["--call", "*", *at, "--kill", self.when]
        if self.kind == "fail":
            return ["--call", "*", *at, "--fail", self.code]
        if self.kind == "lost":
            return ["--call", "*", *at, "--lost", "--gpu", str(self.gpu)]
        return ["--call", "*", *at, "--hang", WINDOW]

    def __str__(self):
        what = {"signal": self.signal.name, "others": self.words or "nothing that the driver allowed",
                "kill": f"SIGKILL {self.when}", "fail": self.code, "lost": f"GPU {self.gpu} lost"}[self.kind]
        return f"{'hit' if self.hit else 'missed'} at call {self.call}: {what}"


class Trial:
    """One random scenario; `problems` are the violated guarantees."""

    def __init__(self, bins, root, seed):
        self.bins, self.root, self.seed = bins, root, seed
        self.rng = random.Random(seed)
        self.machine = Machine(bins, root)
        self.machine.env.pop("MIGCTL_STATE_DIR")
        self.trace = root / "trace"
        self.problems, self.log, self.jobs, self.strangers = [], [], [], []

    def say(self, text):
        self.log.append(text)

    def expect(self, holds, text):
        if not holds:
            self.problems.append(text)

    # -- before ----------------------------------------------------------------------------------

    def prepare(self):
        gpus, options = self.rng.choice(BOARDS)
        made = self.machine.run("sim", "create", "m", "--gpus", gpus, "--latency", "none", *options)
        if made.returncode != 0:
            raise RuntimeError(made.stderr)
        self.vm = bool(options)
        self.say(f"machine: {gpus} {' '.join(options)}")
        document = json.loads(self.machine.must("profiles", "--json"))
        self.profiles = [[(p["name"], p["maxCount"]) for p in gpu["profiles"]] for gpu in document["gpus"]]
        self.count = len(self.profiles)
        if self.vm and self.rng.random() < 0.6:
            self.machine.migctl("smi", "-mig", "1")  # pending until a reboot, or not: as the machine decides
        for _ in range(4):
            if self.rng.random() < 0.15:
                break
            if self.machine.migctl("apply", "-f", "-", "-c", "x", stdin=self.random_layout(0.1)).returncode == 0:
                break
        self.occupy()
        self.before, self.held = self.machine.look()
        self.say(f"before: {self.before}; in use: {self.held}")

    def random_layout(self, off):
        entries = []
        for gpu in range(self.count):
            if self.rng.random() < off:
                entries.append(entry([gpu]))
                continue
            wanted = collections.Counter()
            for name, most in self.rng.choices(self.profiles[gpu], k=self.rng.randrange(0, 5)):
                if wanted[name] < most and not name.startswith("7g"):
                    wanted[name] += 1
            entries.append(entry([gpu], {k: v for k, v in wanted.items() if v}))
        return layout(*entries)

    def occupy(self):
        document = json.loads(self.machine.must("list", "--json"))
        uuids = [ci["uuid"] for gpu in document["gpus"] for gi in gpu["gpuInstances"] for ci in gi["computeInstances"]]
        for uuid in self.rng.sample(uuids, min(len(uuids), self.rng.choice([0, 0, 1, 2]))):
            env = dict(self.machine.env, MIGSIM_MACHINE=str(self.root / "m"), CUDA_VISIBLE_DEVICES=uuid)
            job = subprocess.Popen([str(self.bins / "mig-workload"), "train", "--seconds", "100000"], env=env,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.jobs.append(job)
            for _ in range(400):
                if job.pid in [pid for _, _, pid in self.machine.look()[1]]:
                    break
                time.sleep(0.03)
            job.send_signal(signal.SIGSTOP)

    # -- the change ------------------------------------------------------------------------------

    def command(self):
        """(arguments, standard input, layout guaranteed by exit 0, or None)."""
        which = self.rng.choice(["apply"] * 6 + ["create", "destroy", "mode", "undo"])
        if which == "create":
            gpu = self.rng.randrange(self.count)
            return ["create", self.rng.choice(self.profiles[gpu])[0], "-i", str(gpu)], "", None
        if which == "destroy":
            return ["destroy", "--all"], "", None
        if which == "mode":
            return ["mode", self.rng.choice(["enable", "disable"]), "-i", "all"], "", None
        if which == "undo":
            return ["undo"], "", None
        wish = self.random_layout(0.15)
        arguments = ["apply", "-f", "-", "-c", "x"]
        if self.rng.random() < 0.3:
            arguments += ["-k", str(self.hooks())]
        return arguments, wish, wish

    def hooks(self):
        path, book = self.root / "hooks.yaml", self.root / "hooks.log"
        program = "echo $1 begin $$ >> $0; sleep 0.05; echo $1 end $$ >> $0"
        path.write_text(json.dumps({"version": "v1", "hooks": {
            name: [{"command": "/bin/sh", "args": ["-c", program, str(book), name], "envs": {"PATH": "/usr/bin:/bin"}}]
            for name in ("apply-start", "pre-apply-mode", "pre-apply-config", "apply-exit")}}))
        return path

    def reference(self, arguments, stdin):
        """Layout after the same change undisturbed, on a copy of the machine; and its number of driver calls."""
        copy = Machine(self.bins, self.root / "copy")
        copy.env.pop("MIGCTL_STATE_DIR")
        shutil.copytree(self.root / "m", self.root / "copy" / "m", symlinks=True)
        trace = self.root / "copy" / "trace"
        done = copy.migctl(*[a for a in arguments if a != "-k" and not a.endswith("hooks.yaml")], stdin=stdin,
                           extra={"MIGSIM_TRACE": str(trace)})
        after = copy.look()[0]
        calls = [line.split()[2] for line in trace.read_text().splitlines()] if trace.exists() else []
        shutil.rmtree(self.root / "copy", ignore_errors=True)
        return done.returncode, after, calls

    def disturb(self, calls):
        changing = [k + 1 for k, name in enumerate(calls) if name in CHANGING]
        self.events = []
        for kind in self.rng.sample(EVENTS, k=self.rng.choice([1, 1, 2, 2, 3])):
            near = self.rng.choice(changing) + self.rng.randrange(-3, 4) if changing and self.rng.random() < 0.75 \
                else self.rng.randrange(1, len(calls) + 8)
            event = Event(kind, max(2, near), self.rng, self.count)
            if all(event.kind != other.kind or kind == "others" for other in self.events):
                self.events.append(event)
        for event in self.events:
            done = self.machine.run("sim", "inject", "m", *event.fault())
            if done.returncode != 0:
                raise RuntimeError(f"inject: {done.stderr}")

    def watch(self, process, stranger, done):
        """Follows the trace; during an intercepted call its event is triggered."""
        waiting = [e for e in self.events if e.kind in ("signal", "others")]
        while waiting and not done.is_set():
            made = self.calls_made()
            for event in [e for e in waiting if made >= e.call - 1]:
                waiting.remove(event)
                if event.kind == "signal":
                    event.hit = process.poll() is None
                    process.send_signal(event.signal)
                else:
                    known = len(stranger.made)
                    event.words = stranger.act(self.rng, self.count)
                    event.made = stranger.made[known:]
                    event.hit = event.words is not None and process.poll() is None
                event.seen_calls = self.calls_made()
            time.sleep(0.002)

    def calls_made(self):
        return self.trace.read_bytes().count(b"\n") if self.trace.exists() else 0

    def change(self, arguments, stdin):
        stranger, done = Stranger(self.machine), threading.Event()
        self.strangers.append(stranger)
        process = subprocess.Popen([str(self.bins / "migctl"), "--sim", "m", *arguments], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=dict(self.machine.env, MIGSIM_TRACE=str(self.trace)))
        watcher = threading.Thread(target=self.watch, args=(process, stranger, done))
        watcher.start()
        try:
            out, err = process.communicate(stdin, timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            self.problems.append(f"did not end within 60 s: {err}")
        finally:
            done.set()
            watcher.join()
        answers = {line.split()[4] for line in self.trace.read_text().splitlines()} if self.trace.exists() else set()
        for event in self.events:
            if event.kind in ("fail", "lost"):
                event.hit = str(NUMBERS["NVML_ERROR_GPU_IS_LOST" if event.kind == "lost" else event.code]) in answers
            if event.kind == "kill":
                event.hit = process.returncode == -signal.SIGKILL
        self.machine.run("sim", "inject", "m", "--clear")
        self.say(f"$ migctl {' '.join(arguments)} < {stdin}\n  exit {process.returncode}\n{out}{err}")
        for event in self.events:
            self.say(f"  {event}")
        return process.returncode, out + err, stranger

    # -- afterwards ------------------------------------------------------------------------------

    def open_changes(self):
        document = json.loads(self.machine.must("history", "--json"))
        return [c for c in document["changes"] if c["state"] == "open"], document["changes"]

    def recover(self, stranger):
        """Recovery: a lost GPU comes back by a reboot; an open change is recovered, sometimes after further acts of
        the other program."""
        if self.lost:
            self.machine.run("sim", "reboot", "m")
        is_open = bool(self.open_changes()[0])
        if is_open and self.others and self.rng.random() < 0.5:
            self.say(f"others, before recover: {stranger.act(self.rng, self.count)}")
        done = self.machine.migctl("recover")
        self.say(f"$ migctl recover\n  exit {done.returncode}\n{done.stdout}{done.stderr}")
        self.expect(done.returncode == DONE or (done.returncode == STUCK and (self.others or self.lost)),
                    f"recover: exit {done.returncode}: {done.stderr}")
        return is_open, done.returncode

    def judge(self, code, stranger, after, wish, arguments):
        was_open, recovered = self.recover(stranger)
        now, held = self.machine.look()
        self.say(f"now: {now}; in use: {held}")
        self.expect(code != INTERNAL, "exit 20: a defect")
        if not self.lost:
            gone = [h for h in self.held if h not in held]
            self.expect(not gone, f"1: in use before, not any more: {gone}")
            # A reset removes all instances of a GPU: only a mode change resets, and only an empty GPU.
            switched = any(a[:2] != b[:2] for a, b in zip(self.before, now))
            for gpu, start, size in self.foreign(stranger):
                there = any((s, z) == (start, size) for _, s, z, _ in now[gpu][2])
                self.expect(there or switched, f"2: what another program made on GPU {gpu} at {start}:{size} is gone")
        self.judge_layout(code, was_open, now, after)
        self.judge_journal(code, recovered, wish, arguments)
        self.judge_hooks()

    def changing_calls(self):
        """Indices of the calls that changed the machine, from 1."""
        lines = self.trace.read_text().splitlines() if self.trace.exists() else []
        return [k + 1 for k, line in enumerate(lines) if line.split()[2] in CHANGING]

    def foreign(self, stranger):
        """Instances that the other program made after the plan was fixed; earlier ones may be in the plan."""
        first = min(self.changing_calls(), default=1 << 30)
        planned = [one for e in self.events if e.kind == "others" and e.words and e.seen_calls < first for one in e.made]
        return [one for one in stranger.made if one not in planned]

    def judge_layout(self, code, was_open, now, after):
        if self.others or self.lost:
            return
        where = "after" if now == after else "before" if now == self.before else None
        self.expect(where is not None, f"3: neither before nor after (exit {code}): {now}")
        if where and not was_open and after != self.before:
            # Exit 12: complete except for a reset, which is not possible in a virtual machine.
            self.expect((code in (DONE, 12)) == (where == "after"), f"3: exit {code}, but the layout is the one {where}")

    def judge_journal(self, code, recovered, wish, arguments):
        still, changes = self.open_changes()
        self.expect(not still, f"5: journal not closed: {still}")
        stuck = code == STUCK or recovered == STUCK
        self.expect(not stuck or self.others or self.lost, "5: stuck, though nobody else was there")
        acts = [e for e in self.events if e.kind == "others" and e.words]
        last = max(self.changing_calls(), default=0)
        if code == DONE and wish and acts and not self.lost and all(e.hit and e.seen_calls < last for e in acts):
            agreed = self.machine.migctl("assert", "-f", "-", "-c", "x", stdin=wish)
            self.expect(agreed.returncode == DONE, f"4: exit 0, but assert says {agreed.returncode}: {agreed.stdout}")
        following = self.machine.migctl("mode", "enable", "-i", "0", "--dry-run")
        self.expect(following.returncode != 11, f"8: the next command is refused: {following.stderr}")

    def judge_hooks(self):
        book = self.root / "hooks.log"
        if not book.exists():
            return
        killed = any(e.kind == "kill" and e.hit for e in self.events)
        end = time.monotonic() + EXIT_AFTER_KILL
        while True:
            lines = [line.split() for line in book.read_text().splitlines()]
            begun = [l[0] for l in lines if l[1] == "begin"]
            alive = [(name, pid) for name, what, pid in lines if what == "begin" and self.is_hook(pid)]
            exits = "apply-start" not in begun or "apply-exit" in begun
            others = [pid for name, pid in alive if name != "apply-exit"]
            if others or not killed or (exits and not alive) or time.monotonic() > end:
                break
            time.sleep(0.02)
        self.expect(exits, f"7: apply-exit did not run: {lines}")
        self.expect(not alive, f"7: hooks outlive the command: {alive}")

    @staticmethod
    def is_hook(pid):
        try:
            return b"hooks.log" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False

    def run(self):
        self.prepare()
        for _ in range(6):
            arguments, stdin, wish = self.command()
            code, after, calls = self.reference(arguments, stdin)
            if any(name in CHANGING for name in calls):
                break
        else:
            return "nothing to do"
        self.say(f"undisturbed: exit {code}, after: {after}, {len(calls)} calls")
        self.disturb(calls)
        code, _, stranger = self.change(arguments, stdin)
        self.others = any(e.kind == "others" and e.words for e in self.events)
        self.lost = any(e.kind == "lost" for e in self.events)
        self.judge(code, stranger, after, wish, arguments)
        return "+".join(sorted(e.kind for e in self.events if e.hit)) or "no hit"

    def close(self):
        for stranger in self.strangers:
            stranger.close()
        for job in self.jobs:
            job.kill()
            job.wait()


def run_trial(bins, folder, seed):
    root = pathlib.Path(tempfile.mkdtemp(prefix=f"trial{seed}-", dir=folder))
    trial = Trial(bins, root, seed)
    hits = []
    try:
        outcome = trial.run()
        hits = [e.kind for e in getattr(trial, "events", []) if e.hit]
    except (subprocess.TimeoutExpired, RuntimeError, KeyError, ValueError, OSError) as error:
        outcome = "error"
        trial.problems.append(f"{type(error).__name__}: {error}")
    finally:
        trial.close()
        shutil.rmtree(root, ignore_errors=True)
    return seed, outcome, hits, trial.problems, trial.log


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bins", type=pathlib.Path, metavar="BIN_DIR")
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1, help="of the first trial; each further one has the next number")
    parser.add_argument("--only", type=int, metavar="SEED", help="this trial alone, told at length")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0, help="start no more trials after so long (0: no limit)")
    parser.add_argument("--show", type=int, default=10, help="how many violations are printed (10)")
    parser.add_argument("--out", type=pathlib.Path, help="write the counts there as JSON")
    args = parser.parse_args()
    bins, start = args.bins.resolve(), time.time()
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    outcomes, hits, violations, done = collections.Counter(), collections.Counter(), [], 0
    with tempfile.TemporaryDirectory(prefix="hostile", dir=memory) as folder:
        if args.only is not None:
            _, outcome, _, problems, log = run_trial(bins, folder, args.only)
            print("\n".join(log), "\n", outcome, problems, sep="")
            return 1 if problems else 0
        pool = concurrent.futures.ProcessPoolExecutor(args.jobs, multiprocessing.get_context("fork"))
        with pool:
            futures = [pool.submit(run_trial, bins, folder, args.seed + n) for n in range(args.trials)]
            for future in concurrent.futures.as_completed(futures):
                if future.cancelled():
                    continue
                seed, outcome, met, problems, log = future.result()
                done += 1
                outcomes[outcome] += 1
                hits.update(met)
                if problems:
                    violations.append((seed, outcome, problems, log))
                if args.seconds and time.time() - start > args.seconds:
                    for waiting in futures:
                        waiting.cancel()
    for seed, outcome, problems, _ in sorted(violations)[:args.show]:
        print(f"VIOLATION --only {seed} ({outcome}): " + "; ".join(problems))
    print(f"trials: {done}, hits: {sum(hits.values())} ({', '.join(f'{k} {n}' for k, n in sorted(hits.items()))}), "
          f"violations: {len(violations)}, {time.time() - start:.0f} s")
    if args.out:
        args.out.write_text(json.dumps(
            {"walk": "hostile", "simulated": True, "seed": args.seed, "trials": done, "hits": dict(sorted(hits.items())),
             "violations": len(violations), "outcomes": dict(sorted(outcomes.items()))}, indent=1) + "\n")
    return 1 if violations or not hits else 0


if __name__ == "__main__":
    sys.exit(main())

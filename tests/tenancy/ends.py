#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The end of a lease is the end of what ran on it: limits, stop, preemption and a normal end, whatever the job left behind.

Usage: ends.py BIN [-k NAME] [--cgroups host|v2|v1|none]       needs root
"""
import os
import signal
import sys
import threading
import time

import box as frame
from box import TRAIN, Failed, expect, processes, wait

GiB = 1 << 30


class Watch:
    """Looks all the time how many trainings a user has; `most` is what it saw."""

    def __init__(self, box, uid):
        self.most, self.over = 0, threading.Event()
        self.thread = threading.Thread(target=self.look, args=(box, uid))

    def look(self, box, uid):
        while not self.over.is_set():
            self.most = max(self.most, len(box.trainings(uid)))
            time.sleep(0.02)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def quota_holds(box, *options):
    box.machine("1g.5gb", "1g.5gb", "1g.5gb")
    box.serve(*options, tenants=f"version: v1\ntenants:\n  t: {{users: [{box.b}], quota: {{instances: 1}}, job: {{time: 20s}}}}\n")
    with Watch(box, box.b) as watch:
        for _ in range(3):
            code, text = box.migctl(box.b, "run", "--profile", "1g.5gb", "--wait", "60s", "--grace", "1s", "--", "sh", "-c",
                                    f"setsid {TRAIN} >/dev/null 2>&1 & sleep 0.5")
            expect(code == 0, f"run within the quota: {code}: {text}")
        wait(lambda: f"the trainings end: {box.trainings(box.b)}", lambda: not box.trainings(box.b))
    expect(watch.most == 1, f"a quota of 1 instance, and {watch.most} trainings of the tenant at once")
    wait(lambda: f"no lease is left: {box.leases()}", lambda: not box.leases())


def quota_of_one_with_jobs_that_leave_trainings(box):
    quota_holds(box)


def quota_without_closed_nodes(box):
    quota_holds(box, "--guard-nodes=off")


def stop_ends_what_it_says(box):
    box.machine("3g.20gb")
    box.serve()
    code, text = box.migctl(box.b, "run", "-d", "--name", "e", "--", "sh", "-c", f"setsid {TRAIN} & wait")
    expect(code == 0, text)
    box.wait_training(box.b)
    code, text = box.migctl(box.b, "stop", "e", "--grace", "2s")
    left = box.trainings(box.b)
    if code == 0 and left:
        wait(lambda: f"stop said {text!r}, and there run {left}", lambda: not box.trainings(box.b), 10)
    expect(code == 0 and not box.trainings(box.b), f"stop: {code}: {text}")
    code, text = box.migctl(box.c, "run", "--wait", "60s", "--", "true")
    expect(code == 0, f"the next user: {text}")


def time_limit_of_a_shell(box):
    """A lease that is bound to nothing but a time: its user's processes on the instance end with it."""
    box.machine("1g.5gb")
    box.serve()
    code, text = box.migctl(box.b, "lease", "acquire", "--for", "3s")
    expect(code == 0, text)
    uuid = text.strip().splitlines()[0]
    box.start(box.b, "sh", "-c", f"trap '' TERM; {TRAIN}", environment={"CUDA_VISIBLE_DEVICES": uuid})
    box.wait_training(box.b)
    began = time.monotonic()
    code, text = box.migctl(box.c, "lease", "acquire", "--for", "1m", "--wait", "2m")
    expect(code == 0, f"the next user: {text}")
    expect(not box.trainings(box.b), f"the instance is leased on, {time.monotonic() - began:.1f} s later, and there runs "
           f"{box.trainings(box.b)}")


def a_job_that_ignores_sigterm(box):
    box.machine("1g.5gb")
    box.serve()
    job = box.start(box.b, "migctl", "-q", "--sim", "m", "run", "--timeout", "2s", "--grace", "1s", "--",
                    "sh", "-c", f"trap '' TERM INT HUP; (trap '' TERM; exec {TRAIN}) & (trap '' TERM; exec setsid {TRAIN}) & wait; wait")
    box.wait_training(box.b, 2)
    wait("its run ends", lambda: job.poll() is not None)
    wait(lambda: f"both trainings end: {box.trainings(box.b)}", lambda: not box.trainings(box.b))


def a_stopped_job(box):
    """SIGSTOP keeps a process from every signal but SIGKILL."""
    box.machine("1g.5gb")
    box.serve()
    box.start(box.b, "migctl", "-q", "--sim", "m", "run", "--timeout", "3s", "--grace", "1s", "--", "sh", "-c", f"{TRAIN} & wait")
    for process in box.wait_training(box.b):
        os.kill(process.pid, signal.SIGSTOP)
    wait(lambda: f"stopped processes end: {box.trainings(box.b)}", lambda: not box.trainings(box.b))


def preemption_by_force(box):
    """The workload of who is preempted has ended before somebody else has the instance."""
    box.machine("3g.20gb")
    box.serve(tenants=f"""version: v1
preemption: {{enabled: true, grace: 1s}}
tenants:
  low: {{users: [{box.b}]}}
  high: {{users: [{box.c}], job: {{priority: 50, preempt: true}}}}
""")
    code, text = box.migctl(box.b, "run", "-d", "--", "sh", "-c", f"trap '' TERM; {TRAIN}; :")
    expect(code == 0, text)
    box.wait_training(box.b)
    body = {"limitMs": 5000, "priority": 50, "preempt": True, "waitMs": 60000, "graceMs": 0, "key": "k"}
    status = 202
    while status == 202:
        status, document = box.ask(box.c, "POST", "/v1/leases", body)
    expect(status == 200, f"the site allows preemption: {status} {document}")
    expect(not box.trainings(box.b), f"granted, and there runs {box.trainings(box.b)}")


def a_helper_bars_nobody(box):
    """What a job leaves (ssh-agent, wandb, tmux) keeps its user from no later run, by the daemon and without it."""
    box.machine("1g.5gb", "1g.5gb")
    box.serve()
    for _ in range(2):
        code, text = box.migctl(box.a, "run", "--", "sh", "-c", "setsid sleep 600 & :")
        expect(code == 0, text)
    code, text = box.migctl(box.a, "run", "--wait", "60s", "--", "true")
    expect(code == 0, f"the next run: {code}: {text}")


def a_helper_bars_nobody_without_a_daemon(box):
    box.machine("1g.5gb")
    for _ in range(3):
        code, text = box.migctl(0, "run", "--wait", "60s", "--", "sh", "-c", "setsid sleep 600 >/dev/null 2>&1 & echo $! >>pids")
        if code != 0:
            break
    for line in (box.folder / "pids").read_text().split():
        try:
            process = frame.Process(line)
        except OSError:
            continue
        if process.words == ["sleep", "600"]:
            os.kill(process.pid, signal.SIGKILL)
    expect(code == 0, f"the next run: {code}: {text}")


def linger_is_a_right(box):
    box.machine("1g.5gb", "1g.5gb")
    box.serve(tenants=f"""version: v1
tenants:
  may: {{users: [{box.a}], job: {{linger: true}}}}
  mayNot: {{users: [{box.b}]}}
""")
    code, text = box.migctl(box.b, "run", "--linger", "--", "true")
    expect(code == 7, f"--linger of a tenant that may not: {code}: {text}")
    if not frame.has_cgroups():
        return  # docs/reference/leases.md: it needs them
    code, text = box.migctl(box.a, "run", "--linger", "--timeout", "6s", "--grace", "1s", "--", "sh", "-c",
                            f"setsid {TRAIN} >/dev/null 2>&1 & sleep 0.3")
    expect(code == 0, text)
    expect(len(box.trainings(box.a)) == 1 and len(box.leases()) == 1,
           f"with --linger what is left keeps the lease: {box.trainings(box.a)} {box.leases()}")
    wait(lambda: f"...until its limit: {box.trainings(box.a)} {box.leases()}",
         lambda: not box.trainings(box.a) and not box.leases())


def logs_are_bounded(box):
    """`yes` for three seconds: its log stays within its limit, and its time ends it."""
    box.machine("1g.5gb")
    box.serve()
    code, text = box.migctl(box.b, "run", "-d", "--timeout", "3s", "--grace", "1s", "--", "yes", "a" * 80)
    expect(code == 0, text)
    folder = box.folder / f"home-{box.b}"

    def size():
        total = 0
        for parent, _, names in os.walk(folder):
            for name in names:
                try:
                    total += os.stat(os.path.join(parent, name)).st_blocks * 512
                except FileNotFoundError:
                    pass
        return total

    def over():
        if size() > GiB // 3:
            raise Failed(f"the logs take {size() >> 20} MiB of a limit of 64 MiB a file")
        return not processes(box.b, "yes")
    wait(lambda: f"its time ends it: {processes(box.b)}", over)


def a_log_whose_migctl_is_killed(box):
    """...and nobody who dies takes the limit along."""
    box.machine("1g.5gb")
    box.serve()
    code, text = box.migctl(box.b, "run", "-d", "--timeout", "4s", "--grace", "1s", "--", "yes", "a" * 80)
    expect(code == 0, text)
    for process in processes(box.b, "migctl"):
        os.kill(process.pid, signal.SIGKILL)
    folder = box.folder / f"home-{box.b}"

    def over():
        used = sum(os.stat(os.path.join(parent, name)).st_blocks * 512 for parent, _, names in os.walk(folder)
                   for name in names if os.path.exists(os.path.join(parent, name)))
        if used > GiB // 3:
            raise Failed(f"the logs take {used >> 20} MiB of a limit of 64 MiB a file")
        return not processes(box.b, "yes")
    wait(lambda: f"the lease's end ends it: {processes(box.b)}", over)


def kill_9_of_ones_own_migctl(box):
    box.machine("1g.5gb")
    box.serve(tenants=f"version: v1\ntenants:\n  t: {{users: [{box.b}], job: {{time: 4s}}}}\n  u: {{users: [{box.c}]}}\n")
    code, text = box.migctl(box.b, "run", "-d", "--grace", "1s", "--", "sh", "-c", f"setsid {TRAIN} & wait")
    expect(code == 0, text)
    box.wait_training(box.b)
    for process in processes(box.b, "migctl"):
        os.kill(process.pid, signal.SIGKILL)
    wait(lambda: f"the time limit of the lease is the daemon's: {box.trainings(box.b)}", lambda: not box.trainings(box.b))
    code, text = box.migctl(box.c, "run", "--wait", "60s", "--", "true")
    expect(code == 0, f"the next user: {text}")


def kill_9_of_migd(box):
    box.machine("1g.5gb")
    box.serve()
    code, text = box.migctl(box.b, "run", "-d", "--timeout", "3s", "--grace", "1s", "--", "sh", "-c", f"setsid {TRAIN} & wait")
    expect(code == 0, text)
    box.wait_training(box.b)
    box.kill_daemon()
    for process in processes(box.b, "migctl"):
        os.kill(process.pid, signal.SIGKILL)
    box.serve()
    wait(lambda: f"the next daemon ends it: {box.trainings(box.b)}", lambda: not box.trainings(box.b))
    wait(lambda: f"and its lease: {box.leases()}", lambda: not box.leases())


def kill_9_of_migd_between_term_and_kill(box):
    """The daemon dies in the grace period: the next one knows that the lease is ending."""
    box.machine("1g.5gb")
    box.serve()
    box.start(box.b, "migctl", "-q", "--sim", "m", "run", "--timeout", "1s", "--grace", "3s", "--", "sh", "-c",
              f"trap '' TERM; (trap '' TERM; exec setsid {TRAIN}) & while :; do sleep 1; done")
    box.wait_training(box.b)
    for process in processes(box.b, "migctl"):
        os.kill(process.pid, signal.SIGKILL)
    for _ in range(4):
        time.sleep(0.4)
        box.kill_daemon()
        box.serve()
    code, text = box.migctl(box.c, "lease", "acquire", "--for", "1m", "--wait", "2m")
    expect(code == 0, f"the next user: {text}")
    expect(not box.trainings(box.b), f"leased on, and there runs {box.trainings(box.b)}")


ATTACKS = [quota_of_one_with_jobs_that_leave_trainings, quota_without_closed_nodes, stop_ends_what_it_says,
           time_limit_of_a_shell, a_job_that_ignores_sigterm, a_stopped_job, preemption_by_force, a_helper_bars_nobody,
           a_helper_bars_nobody_without_a_daemon, linger_is_a_right, logs_are_bounded, a_log_whose_migctl_is_killed,
           kill_9_of_ones_own_migctl, kill_9_of_migd, kill_9_of_migd_between_term_and_kill]

if __name__ == "__main__":
    sys.exit(frame.main(ATTACKS, "ends", frame.KINDS))

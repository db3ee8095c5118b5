#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the end of a lease does not end, and races around it: nobody else's process, no other lease's, no job adopted by the next.

Usage: bounds.py BIN [-k NAME] [--cgroups host|v2|v1|none]       needs root
"""
import os
import signal
import sys
import threading
import time

import box as frame
from box import TRAIN, expect, processes, wait


def acquire(box, uid, **body):
    status, document = box.ask(uid, "POST", "/v1/leases", {"limitMs": 600000, **body})
    expect(status == 200, f"a lease: {status} {document}")
    return document["leases"][0]


def what_is_not_of_the_lease_goes_on(box):
    """Its user's shell, its work on another instance that it leases, and other users' work."""
    box.machine("1g.5gb", "1g.5gb", "1g.5gb")
    box.serve()
    shell = box.start(box.b, "sleep", "600")
    kept, ends, others = acquire(box, box.b), acquire(box, box.b, limitMs=4000), acquire(box, box.c)
    runs = [box.start(uid, *TRAIN.split(), environment={"CUDA_VISIBLE_DEVICES": lease["uuid"]})
            for uid, lease in ((box.b, kept), (box.b, ends), (box.c, others))]
    box.wait_training(box.b, 2)
    box.wait_training(box.c)
    wait(lambda: f"the training of the lease that is over ends: {box.leases()}", lambda: runs[1].poll() is not None)
    wait(lambda: f"and its lease: {box.leases()}", lambda: len(box.leases()) == 2)
    time.sleep(1)
    expect(shell.poll() is None, "a shell of its user goes on")
    expect(runs[0].poll() is None, "its training under another lease goes on")
    expect(runs[2].poll() is None, "another user's training goes on")


def two_users_share(box):
    """The end of one of two leases of a shared instance ends that user's work only."""
    box.machine("3g.20gb")
    box.serve()
    jobs = [box.start(uid, "migctl", "-q", "--sim", "m", "run", "--shared", "2", "--timeout", time_, "--grace", "1s", "--",
                      "sh", "-c", f"setsid {TRAIN} & sleep 100") for uid, time_ in ((box.a, "5s"), (box.b, "10m"))]
    box.wait_training(box.a)
    box.wait_training(box.b)
    wait(lambda: f"a's ends: {box.trainings(box.a)}", lambda: not box.trainings(box.a))
    time.sleep(1)
    expect(len(box.trainings(box.b)) == 1 and jobs[1].poll() is None, "b's goes on")


def two_jobs_of_one_user_share(box):
    """...and of two jobs of one user, that one's work only, where control groups tell them apart."""
    if not frame.has_cgroups():
        raise frame.Skip("without control groups two jobs of one user on one instance are not told apart")
    box.machine("3g.20gb")
    box.serve()
    jobs = [box.start(box.a, "migctl", "-q", "--sim", "m", "run", "--shared", "2", "--timeout", time_, "--grace", "1s", "--",
                      "sh", "-c", f"setsid {TRAIN} --{name} & sleep 100") for name, time_ in (("seed=1", "5s"), ("seed=2", "10m"))]
    del jobs
    if not wait("both start or say why not", lambda: processes(box.a, "sleep")):
        return
    left = box.start(box.a, "migctl", "-q", "--sim", "m", "jobs")
    left.wait(frame.PATIENCE_S)
    sleeps = wait("both run", lambda: len(processes(box.a, "sleep")) == 2 and processes(box.a, "sleep"))
    wait(lambda: f"the first ends: {processes(box.a)}", lambda: len(processes(box.a, "sleep")) == 1)
    time.sleep(1)
    expect(sum(process.lives() for process in sleeps) == 1, "the second goes on")


def a_lease_that_is_taken_again(box):
    """Who waits for its own instance gets it without its old work: time limits are no matter of queueing again in time."""
    box.machine("1g.5gb")
    box.serve()
    lease = acquire(box, box.b, limitMs=4000)
    box.start(box.b, "sh", "-c", f"trap '' TERM; (trap '' TERM; exec {TRAIN})", environment={"CUDA_VISIBLE_DEVICES": lease["uuid"]})
    old = box.wait_training(box.b)
    code, text = box.migctl(box.b, "lease", "acquire", "--for", "5m", "--wait", "2m")
    expect(code == 0, text)
    expect(not any(process.lives() for process in old), f"the old work is on the new lease: {old}")


def release_under_a_running_job(box):
    """`lease release` of one's own lease ends the job, and a second release of it is an error, not somebody else's lease."""
    box.machine("1g.5gb")
    box.serve()
    job = box.start(box.b, "migctl", "-q", "--sim", "m", "run", "--grace", "1s", "--", "sh", "-c", f"setsid {TRAIN} & sleep 600")
    box.wait_training(box.b)
    lease = box.leases()[0]["id"]
    code, text = box.migctl(box.b, "lease", "release", str(lease))
    expect(code == 0, text)
    wait(lambda: f"the job ends: {processes(box.b)}", lambda: not box.trainings(box.b) and job.poll() is not None)
    acquire(box, box.c)
    status, document = box.ask(box.b, "DELETE", f"/v1/leases/{lease}")
    expect(status == 404, f"a second release: {status} {document}")
    expect([one["uid"] for one in box.leases()] == [box.c], f"c's lease stands: {box.leases()}")


def many_at_the_end(box):
    """Three users ask for one instance around the ends of its leases, and the daemon is killed: the audit has no two at a time."""
    box.machine("1g.5gb")
    box.serve()
    over = threading.Event()

    def hammer(uid, milliseconds):
        while not over.is_set():
            try:
                status, document = box.ask(uid, "POST", "/v1/leases", {"limitMs": milliseconds, "waitMs": 50})
                if status == 200 and document["leases"][0]["id"] % 3 == 0:
                    box.ask(uid, "DELETE", f"/v1/leases/{document['leases'][0]['id']}")
            except frame.Failed:
                time.sleep(0.05)  # the daemon was killed

    threads = [threading.Thread(target=hammer, args=(uid, number)) for uid, number in zip(box.users, (5, 20, 60))]
    for thread in threads:
        thread.start()

    def events_so_far():
        return box.ask(0, "GET", "/v1/history/leases?limit=1000")[1]["events"]
    try:
        for number in range(1, 5):
            wait("leases are granted between the kills", lambda number=number: len(events_so_far()) > 8 * number)
            box.kill_daemon()
            box.serve()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    wait(lambda: f"no lease is left: {box.leases()}", lambda: not box.leases())
    events = events_so_far()
    held = set()
    for event in sorted(events, key=lambda event: event["id"]):
        name = event.get("event") or event.get("action")
        if name == "granted":
            expect(not held, f"lease {event['lease']} is granted while {held} is there")
            held.add(event["lease"])
        elif name in ("released", "ended", "expired", "given back", "holder ended"):
            if not event.get("ending"):
                held.discard(event["lease"])


def a_dying_daemon_kills_nothing(box):
    """SIGTERM to the daemon, and a new one: jobs and leases are what they were."""
    box.machine("1g.5gb", "1g.5gb")
    box.serve()
    job = box.start(box.b, "migctl", "-q", "--sim", "m", "run", "--", *TRAIN.split())
    training = box.wait_training(box.b)[0]
    before = [(lease["id"], lease["uuid"]) for lease in box.leases()]
    for number in (signal.SIGTERM, signal.SIGKILL):
        box.kill_daemon(number)
        time.sleep(0.5)
        expect(training.lives() and job.poll() is None, f"{number.name} to migd ends a job: {job.text()}")
        box.serve()
        time.sleep(0.5)
        expect(training.lives() and job.poll() is None, f"a new migd ends a job: {job.text()}")
    expect([(lease["id"], lease["uuid"]) for lease in box.leases()] == before, f"the lease is what it was: {box.leases()}")
    os.kill(training.pid, signal.SIGTERM)
    wait("and ends with its job", lambda: not box.leases())


ATTACKS = [what_is_not_of_the_lease_goes_on, two_users_share, two_jobs_of_one_user_share, a_lease_that_is_taken_again,
           release_under_a_running_job, many_at_the_end, a_dying_daemon_kills_nothing]

if __name__ == "__main__":
    sys.exit(frame.main(ATTACKS, "bounds", frame.KINDS))

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What runs on an instance without a lease of its user: it is named to admins, counts, and is ended where the site says so.

Usage: unleased.py BIN [-k NAME]       needs root
"""
import json
import os
import signal
import sys
import time

import box as frame
from box import TRAIN, expect, wait


def unleased_training(box, uid, uuid, script=TRAIN):
    """A training that its user starts past migctl, while the nodes are open to everybody."""
    process = box.start(uid, "sh", "-c", script, environment={"CUDA_VISIBLE_DEVICES": uuid})
    box.wait_training(uid)
    return process


def told(box, pid):
    """What an admin reads about that process: (in `lease list`, in the daemon's log, in the audit)."""
    number = str(pid)
    return (number in box.root("--sim", "m", "lease", "list").stdout, number in box.log.read_text(),
            number in box.root("--sim", "m", "history", "--leases", "--json").stdout)


def named_to_admins(box):
    """By uid, pid and command: in the list of leases and in the daemon's log; to nobody else."""
    box.machine("1g.5gb", "1g.5gb")
    uuid = box.instances()[0][2]
    unleased_training(box, box.c, uuid)
    pid = box.trainings(box.c)[0].pid
    box.serve("--guard-nodes=off")
    wait(lambda: f"named: {told(box, pid)}: {box.root('--sim', 'm', 'lease', 'list').stdout} {box.log.read_text()}",
         lambda: all(told(box, pid)[:2]))
    text = box.root("--sim", "m", "lease", "list").stdout
    expect("mig-workload" in text and str(box.c) in text, f"with its user and its command: {text}")
    _, seen = box.run_as(box.a, "migctl", "--sim", "m", "lease", "list")
    expect(str(pid) not in seen and str(box.c) not in seen, f"and to other users not: {seen}")
    time.sleep(1)
    expect(box.trainings(box.c), "without `unleased: end` it goes on")


def nobody_else_gets_its_instance(box):
    """An instance that something runs on without a lease is not granted as if it were free."""
    box.machine("1g.5gb", "1g.5gb")
    uuid = box.instances()[0][2]
    unleased_training(box, box.c, uuid)
    box.serve("--guard-nodes=off")
    for _ in range(2):
        status, document = box.ask(box.a, "POST", "/v1/leases", {"limitMs": 600000})
        if status == 200:
            expect(document["leases"][0]["uuid"] != uuid, "it was granted while another user's process runs there")


def counts_against_its_tenant(box):
    """A quota of one instance is used up by a training without a lease."""
    box.machine("1g.5gb", "1g.5gb")
    unleased_training(box, box.c, box.instances()[0][2])
    box.serve("--guard-nodes=off", tenants=f"version: v1\ntenants:\n  t: {{users: [{box.c}], quota: {{instances: 1}}}}\n")
    pid = box.trainings(box.c)[0].pid
    wait("the daemon has seen it", lambda: str(pid) in box.log.read_text())
    code, text = box.migctl(box.c, "lease", "acquire", "--for", "1m")
    expect(code != 0, f"its tenant has one instance in use and a quota of one: {text}")
    frame.end_all([box.c])
    code, text = box.migctl(box.c, "lease", "acquire", "--for", "1m", "--wait", "60s")
    expect(code == 0, f"and when it has ended: {code}: {text}")


def ended_by_policy(box):
    """`unleased: end`: SIGTERM, and SIGKILL for who ignores it; an audit event says so; root's are left alone."""
    box.machine("1g.5gb", "1g.5gb")
    first, second = (uuid for _, _, uuid in box.instances())
    unleased_training(box, box.c, first, f"trap '' TERM; (trap '' TERM; exec {TRAIN})")
    roots = box.start(0, *TRAIN.split(), environment={"CUDA_VISIBLE_DEVICES": second})
    wait("root's training works", lambda: roots.pid in box.pids_on_instances())
    pid = box.trainings(box.c)[0].pid
    box.serve("--guard-nodes=off", tenants=f"version: v1\nunleased: end\nothers: user\ntenants:\n  t: {{users: [{box.a}]}}\n")
    try:
        wait(lambda: f"it is ended: {box.log.read_text()}", lambda: not box.trainings(box.c), 90)
        expect(roots.poll() is None, "root's training goes on")
        wait(lambda: f"log and audit say so: {told(box, pid)}: {box.root('--sim', 'm', 'history', '--leases', '--json').stdout[:1500]}",
             lambda: all(told(box, pid)[1:]))
    finally:
        roots.kill()
        roots.wait()


def on_what_another_user_has(box):
    """A process on an instance that somebody else leases is without a lease, too."""
    box.machine("1g.5gb")
    uuid = box.instances()[0][2]
    box.serve("--guard-nodes=off", tenants=f"version: v1\nunleased: end\ntenants:\n  t: {{users: [{box.a}, {box.c}]}}\n")
    holder = box.start(box.a, "migctl", "-q", "--sim", "m", "run", "--", *TRAIN.split())
    box.wait_training(box.a)
    unleased_training(box, box.c, uuid)
    wait(lambda: f"the stranger is ended: {box.log.read_text()}", lambda: not box.trainings(box.c), 90)
    expect(box.trainings(box.a) and holder.poll() is None, "and who leases it goes on")


def at_the_daemons_start(box):
    """What has a node open from before the daemon closed it is found, too."""
    box.machine("1g.5gb")
    node = box.compute_nodes().pop()
    keeper = box.start(box.c, "sh", "-c", f"trap '' TERM; exec 9<{node}; while :; do sleep 600; done")
    wait("it has the node open", lambda: os.path.realpath(f"/proc/{keeper.pid}/fd/9") == node)
    box.serve(tenants=f"version: v1\nunleased: end\ntenants:\n  t: {{users: [{box.a}]}}\n")
    wait(lambda: f"it is ended: {box.log.read_text()}", lambda: keeper.poll() is not None, 90)
    expect(keeper.returncode == -signal.SIGKILL, f"by SIGKILL, since it ignores SIGTERM: {keeper.returncode}")


def caught_while_it_was_made(box):
    """Between the driver's making of a node and its closing somebody may open it: that is a process without a lease."""
    box.machine("1g.5gb")
    box.serve(tenants=f"version: v1\nunleased: end\ntenants:\n  t: {{users: [{box.a}, {box.c}]}}\n")
    folder = os.path.dirname(box.nodes()[0])
    catcher = box.start(box.c, "python3", box.programs, "catch", folder)
    wait("it is on the watch", lambda: "watches" in catcher.text())
    for _ in range(20):
        box.make("1g.5gb", "2g.10gb")
        if box.open_nodes(catcher.pid, box.compute_nodes()):
            break
        box.root("-q", "--sim", "m", "destroy", "-i", "0", "--all", check=False)
    else:
        return  # there was no such moment
    wait(lambda: f"it is ended: {catcher.text()} {box.log.read_text()}", lambda: catcher.poll() is not None, 90)
    code, text = box.migctl(box.a, "lease", "acquire", "--profile", "2g.10gb", "--for", "1m", "--wait", "60s")
    expect(code == 0, f"and the instances are leased: {text}")


def its_own_lease_elsewhere_covers_nothing(box):
    """A lease of one instance is no right to another."""
    box.machine("1g.5gb", "1g.5gb")
    first, second = (uuid for _, _, uuid in box.instances())
    box.serve("--guard-nodes=off", tenants=f"version: v1\nunleased: end\ntenants:\n  t: {{users: [{box.c}]}}\n")
    status, document = box.ask(box.c, "POST", "/v1/leases", {"limitMs": 600000, "need": {"uuid": first}})
    expect(status == 200, document)
    right = box.start(box.c, *TRAIN.split(), environment={"CUDA_VISIBLE_DEVICES": first})
    wrong = box.start(box.c, *TRAIN.split(), environment={"CUDA_VISIBLE_DEVICES": second})
    wait(lambda: f"the one without a lease is ended: {box.log.read_text()}", lambda: wrong.poll() is not None, 90)
    expect(right.poll() is None, f"the other goes on: {right.text()} {json.dumps(box.leases())}")


ATTACKS = [named_to_admins, nobody_else_gets_its_instance, counts_against_its_tenant, ended_by_policy, on_what_another_user_has,
           at_the_daemons_start, caught_while_it_was_made, its_own_lease_elsewhere_covers_nothing]

if __name__ == "__main__":
    sys.exit(frame.main(ATTACKS, "unleased"))

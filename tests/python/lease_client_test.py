#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""integrations/python against migd on a simulated machine: killed clients, killed daemons, quotas, the queue, threads, forks, cancellation.

Usage: lease_client_test.py BIN [NAME]...           needs root (clients are processes of other users)
"""
import asyncio
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time

from leasing import LOOKER, USER, Box, need_root  # first: it says where the next two are
from verdict import expect, run, wait

import migctl_lease


def a_block_is_a_lease(box):
    with migctl_lease.lease(profile="3g.20gb", job="train") as instance:
        (lease,) = box.held().values()
        expect(lease["uuid"] == instance.uuid and lease["job"] == "train", f"{lease}")
        expect(lease["holder"]["pid"] == os.getpid(), f"the lease is this process's: {lease['holder']}")
        expect(instance.simulated and instance.memory_mib == lease["memoryMib"] and instance.is_held(), f"{instance}")
        with instance.subprocess(["mig-workload", "info", "--json"], stdout=subprocess.PIPE, text=True) as program:
            said = program.communicate()[0]
        expect(program.returncode == 0 and instance.uuid in said, f"the workload is elsewhere: {said}")
        variables = instance.environment({})
        expect(variables["CUDA_VISIBLE_DEVICES"] == instance.uuid and variables["MIGCTL_PROFILE"] == "3g.20gb", f"{variables}")
    box.until_free("the block is over, the lease is not")
    expect(not instance.is_held(), "a lease that is over is held")
    instance.release()  # once more is no error


def an_exception_ends_it(box):
    with contextlib.suppress(ZeroDivisionError):
        with migctl_lease.lease(profile="1g.5gb") as instance:
            sleeper = instance.subprocess(["sleep", "600"])
            raise ZeroDivisionError
    expect(sleeper.wait(60) == -signal.SIGTERM, f"what was started ends with the lease: {sleeper.returncode}")
    box.until_free("the exception left the lease")


def a_killed_client_frees_its_instance(box):
    program = box.program("hold", "3g.20gb")
    box.line(program)
    expect(len(box.held()) == 1, "one lease")
    program.kill()
    box.until_free("the client was killed, its lease is held")


def a_job_keeps_the_lease_of_a_killed_client(box):
    program = box.program("parent_of_a_job", "3g.20gb")
    lease, job = (int(word) for word in box.line(program).split())
    program.kill()
    program.wait()
    for _ in range(20):
        expect(lease in box.held(), "the job runs, its lease is over")
        time.sleep(0.02)
    os.kill(job, signal.SIGKILL)
    box.until_free("the job has ended, the lease has not")


def a_killed_daemon_loses_nothing(box):
    taken = migctl_lease.lease(profile="3g.20gb")
    asked = queue.Queue()
    waiter = threading.Thread(target=lambda: asked.put(migctl_lease.lease(profile="3g.20gb", wait="5m")))
    waiter.start()
    wait("the second waits", box.client.queue)
    (before,) = box.client.queue()
    box.daemon.kill()
    box.daemon.start()
    expect(taken.is_held(), "the lease is lost with its daemon")
    (after,) = wait("the queue is lost with its daemon", box.client.queue)
    expect(after["id"] == before["id"], "the request has lost its place")
    box.daemon.kill()
    giving = threading.Thread(target=taken.release)  # while there is no daemon
    giving.start()
    box.daemon.start()
    giving.join()
    second = asked.get(timeout=60)
    waiter.join()
    expect(second.uuid == taken.uuid, "the second has another instance")
    second.release()
    box.until_free("leases are left")


def refusals_are_typed(box):
    cases = (
        ({"profile": "7g.40gb"}, 0, "NoSuchInstance nothing_matched 404"),
        ({"profile": "nonsense"}, 0, "InvalidRequest invalid_input 422"),
        ({"wait": "forever"}, 0, "InvalidRequest invalid_input None"),
        ({"profile": "1g.5gb"}, LOOKER, "PermissionRefused permission 403"),
        ({"profile": "1g.5gb", "time_limit": "2h"}, USER, "PermissionRefused permission 403"),
        ({"profile": "1g.5gb", "user": "root"}, USER, "PermissionRefused permission 403"))
    for words, uid, wanted in cases:
        said = box.line(box.program("refused", json.dumps(words), uid=uid))
        expect(said.startswith(wanted), f"{words} as {uid}: {said}")
    granted = [box.program("refused", '{"profile": "1g.5gb"}', uid=USER) for _ in range(2)]
    for program in granted:
        expect(box.line(program).startswith("granted"), "within the quota")
    said = box.line(box.program("refused", '{"profile": "1g.5gb"}', uid=USER))
    expect(said.startswith("QuotaExceeded no_capacity 409") and "quota" in said, said)
    with migctl_lease.lease(profile="3g.20gb"):
        said = box.line(box.program("refused", '{"profile": "3g.20gb"}'))
        expect(said.startswith("InUse in_use 409") and "Hint:" in said, said)
        said = box.line(box.program("refused", '{"profile": "3g.20gb", "wait": 0.3}'))
        expect(said.startswith("WaitTimeout timeout 504"), said)
    for program in granted:
        program.kill()
    box.until_free("killed clients hold leases")


def who_comes_first_is_served_first(box):
    first = migctl_lease.lease(profile="3g.20gb")
    order = queue.Queue()

    def work(number):
        with migctl_lease.lease(profile="3g.20gb", wait="5m"):
            order.put(number)

    threads = []
    for number in range(3):
        threads.append(threading.Thread(target=work, args=(number,)))
        threads[-1].start()
        wait(f"{number} waits", lambda number=number: len(box.client.queue()) == number + 1)
    first.release()
    for thread in threads:
        thread.join()
    expect([order.get() for _ in threads] == [0, 1, 2], "not in the order of arrival")
    box.until_free("leases are left")


def threads_never_share(box):
    in_use, lock, twice, most = set(), threading.Lock(), [], []

    def work():
        for _ in range(4):
            with migctl_lease.lease(profile="1g.5gb", wait="5m") as instance:
                with lock:
                    twice.extend([instance.uuid] if instance.uuid in in_use else [])
                    in_use.add(instance.uuid)
                    most.append(len(in_use))
                time.sleep(0.02)
                with lock:
                    in_use.discard(instance.uuid)

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(not twice and len(most) == 40, f"an instance was given to two: {twice}")
    expect(max(most) > 1, "the threads never worked side by side")
    box.until_free("leases are left")


def who_gives_up_leaves_the_queue(box):
    with migctl_lease.lease(profile="3g.20gb"):
        for verb, told in (("wait_and_be_interrupted", "interrupted"), ("cancelled_task", "cancelled")):
            program = box.program(verb, "3g.20gb")
            wait(f"{verb} waits", box.client.queue)
            if verb == "wait_and_be_interrupted":
                program.send_signal(signal.SIGINT)
            said = box.line(program)
            while said.startswith("waits:"):
                said = box.line(program)
            expect(said == told, f"{verb}: {said}")
            wait(f"{verb}: its request waits on", lambda: not box.client.queue())
            expect(program.poll() is None, "the process lives, so it is the request that was withdrawn")
    box.until_free("leases are left")


def another_thread_withdraws(box):
    with migctl_lease.lease(profile="3g.20gb"):
        found = queue.Queue()

        def work():
            try:
                found.put(migctl_lease.lease(profile="3g.20gb", wait="10m", key="mine"))
            except migctl_lease.MigctlError as error:
                found.put(error)

        waiter = threading.Thread(target=work)
        waiter.start()
        wait("it waits", box.client.queue)
        expect(box.client.withdraw("mine"), "it waited")
        waiter.join()
        expect(isinstance(found.get(), migctl_lease.MigctlError), "who waited is told")
        expect(not box.client.withdraw("mine"), "nothing waits")


def a_fork_does_not_give_back(box):
    program = box.program("fork", "1g.5gb")
    expect(box.line(program) == "held", "a child gave back its parent's lease")
    expect(box.line(program) == "given back", "the parent did not")


def asyncio_works_side_by_side(box):
    async def work():
        async with migctl_lease.aio.lease(profile="1g.5gb", wait="5m") as instance:
            await asyncio.sleep(0.05)
            return instance.uuid

    async def main():
        return await asyncio.gather(*(work() for _ in range(8)))

    expect(len(set(asyncio.run(main()))) >= 2, "all tasks had one instance")
    box.until_free("leases are left")


def what_is_no_daemon_is_said(box):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(box.folder / "none.sock")
    try:
        migctl_lease.Client(str(box.folder / "none.sock")).call("GET", "/v1/leases")
        expect(False, "no daemon, and no error")
    except migctl_lease.DaemonUnavailable as error:
        expect("none.sock" in str(error) and error.status is None, f"{error}")


TESTS = (a_block_is_a_lease, an_exception_ends_it, a_killed_client_frees_its_instance, a_job_keeps_the_lease_of_a_killed_client,
         a_killed_daemon_loses_nothing, refusals_are_typed, who_comes_first_is_served_first, threads_never_share, who_gives_up_leaves_the_queue,
         another_thread_withdraws, a_fork_does_not_give_back, asyncio_works_side_by_side, what_is_no_daemon_is_said)


def main():
    need_root()
    wanted = sys.argv[2:]
    with tempfile.TemporaryDirectory(prefix="migctl-python-") as folder:
        box = Box(sys.argv[1], folder)
        try:
            for test in TESTS:
                if not wanted or test.__name__ in wanted:
                    begin = time.monotonic()
                    test(box)
                    print(f"ok {test.__name__} {time.monotonic() - begin:.1f} s", flush=True)
        finally:
            box.close()


if __name__ == "__main__":
    sys.exit(run(main))

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small programs that lease, for lease_client_test.py: each is a process of its own, so that it can be killed.

Usage: programs.py VERB [ARGUMENT]...      with migctl_lease in $PYTHONPATH and the daemon in $MIGCTL_SOCKET
"""
import asyncio
import json
import os
import signal
import sys
import time

import migctl_lease


def say(*words):
    print(*words, flush=True)


def hold(profile):
    """Leases, says which, and waits to be ended."""
    with migctl_lease.lease(profile=profile, wait="1m") as instance:
        say(instance.lease_id, instance.uuid)
        time.sleep(600)


def parent_of_a_job(profile):
    """As hold(), with a program on the instance, whose pid it says."""
    with migctl_lease.lease(profile=profile, wait="1m") as instance:
        job = instance.subprocess(["sleep", "600"])
        say(instance.lease_id, job.pid)
        time.sleep(600)


def refused(words):
    """The class and the code of what acquire() raises."""
    try:
        instance = migctl_lease.Client().acquire(**json.loads(words))
        say("granted", instance.uuid)
        time.sleep(600)
    except migctl_lease.MigctlError as error:
        say(type(error).__name__, error.code, error.status, "|", error)


def wait_and_be_interrupted(profile):
    """Waits in the queue until SIGINT, then lives on."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        migctl_lease.lease(profile=profile, wait="10m", on_wait=lambda reason: say("waits:", reason))
        say("granted")
    except KeyboardInterrupt:
        say("interrupted")
    time.sleep(600)


def cancelled_task(profile):
    """A task that waits in the queue, cancelled after a moment; the process lives on."""
    async def main():
        async def work():
            async with migctl_lease.aio.lease(profile=profile, wait="10m"):
                say("granted")

        task = asyncio.ensure_future(work())
        await asyncio.sleep(1)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            say("cancelled")

    asyncio.run(main())
    time.sleep(600)


def fork(profile):
    """A child that leaves the block of its parent."""
    with migctl_lease.lease(profile=profile) as instance:
        child = os.fork()
        if child == 0:
            instance.release()
            os._exit(0)  # pylint: disable=protected-access
        os.waitpid(child, 0)
        say("held" if instance.is_held() else "gone")
    say("held" if instance.is_held() else "given back")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

# SPDX-License-Identifier: Apache-2.0
"""How a test program in Python ends, and how it waits. Used by tests/api, tests/slurm and tests/tenancy."""
import os
import time
import traceback

SKIPPED = 77  # exit code that ctest counts as skipped
# Seconds that only a fault takes. A busy machine may need more: MIGCTL_TEST_PATIENCE=300.
PATIENCE_S = float(os.environ.get("MIGCTL_TEST_PATIENCE", "60"))


class Skip(Exception):
    """The machine cannot do what the test needs; the text says what."""


class Failed(Exception):
    """The product does not do what the test wants."""


def expect(good, what):
    if not good:
        raise Failed(what)


def run(work):
    """Exit code of a test program that does `work()`: 0, 1 after Failed, SKIPPED after Skip, each told on standard output."""
    begin = time.monotonic()
    try:
        work()
    except Skip as reason:
        print(f"SKIPPED: {reason}")
        return SKIPPED
    except Failed as failure:
        traceback.print_exc()
        print(f"FAILED: {failure}")
        return 1
    print(f"ok, {time.monotonic() - begin:.0f} s")
    return 0


def wait(what, condition, seconds=PATIENCE_S):
    """The first true value of condition(); fails with `what`, a text or a function that gives one, after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"after {seconds} s still not so: {what() if callable(what) else what}")
        time.sleep(0.02)

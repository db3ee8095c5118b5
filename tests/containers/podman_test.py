#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Podman, with runc and with crun, starts containers on instances of a simulated machine from the CDI file that migctl
keeps: the cases of cases.py.
"""

import os
import unittest

import cases
import engine


class Runc(cases.Core, unittest.TestCase):
    runtime = "runc"

    @classmethod
    def setUpClass(cls):
        cls.box = cls.machine()
        cls.addClassCleanup(cls.box.__exit__)
        cls.engine = engine.Podman(cls.box, cls.runtime)
        probe = cls.engine.container([], "true")
        if probe.returncode != 0:
            why = f"{cls.runtime} starts no container here: {probe.stderr.strip()[-300:]}"
            print(f"SKIPPED: podman_test with {why}", flush=True)
            raise unittest.SkipTest(why)


class Crun(Runc):
    runtime = "crun"


if __name__ == "__main__":
    os.chdir(engine.ROOT)
    engine.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`migctl docker run` with a real Docker: the cases of wrapper.py on a daemon of the test's own."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

import cases
import daemons
import engine
import wrapper

sys.path.insert(0, str(engine.ROOT / "tests"))
import verdict  # noqa: E402

USER = 4001


class Docker(wrapper.Cases, unittest.TestCase):
    name = "docker"
    knows_names = False  # its state is not where Docker has it by default

    @classmethod
    def setUpClass(cls):
        cls.box = cases.Core.machine()
        cls.addClassCleanup(cls.box.__exit__)
        containerd = cases.start(cls, daemons.Containerd(cls.box))
        cls.docker = cases.start(cls, daemons.Dockerd(cls.box, containerd))
        cls.docker.import_root()
        cases.works(cls.docker)
        cls.env = cls.docker.env  # $DOCKER_HOST, and its client in $PATH

    def image(self):
        return ["--network", "none", daemons.IMAGE]

    def ask(self, *words):
        return self.docker.docker(*words)


class OfTheGroup(unittest.TestCase):
    """A user who may use Docker's socket and is no root: the lease is the user's, whatever uid the container has."""

    def test_a_user_has_the_lease_and_ends_it(self):
        box = cases.Core.machine()
        self.addCleanup(box.__exit__)
        box.migctl("sim", "destroy", "box", "--force", sim=False)
        box.migctl("sim", "create", "box", "--gpus", "1x h200-141gb", "--shared", sim=False)
        box.migctl("mode", "enable", "-i", "0")
        box.migctl("create", "-i", "0", "1g.18gb:0", "1g.18gb:1")
        box.migctl("cdi", "generate", "--output", cases.KEPT, "--replace")
        with daemons.Containerd(box) as containerd, daemons.Dockerd(box, containerd) as docker:
            docker.import_root()
            home = pathlib.Path(box.folder, "home")
            home.mkdir()
            os.chown(home, USER, USER)
            for path in (os.environ["TMPDIR"], box.folder, f"{box.folder}/machines", docker.folder, docker.folder / "client"):
                os.chmod(path, 0o755)
            os.chmod(docker.socket, 0o666)  # as for a member of its group
            env = dict(docker.env, HOME=str(home))
            env.pop("XDG_STATE_HOME", None)
            migctl = [str(engine.BIN / "migctl"), "--sim", "box"]

            def as_user(*words):
                return subprocess.run(["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups", *migctl, *words],
                                      env=env, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, check=False)

            def leases():
                return json.loads(as_user("lease", "list", "--json").stdout or '{"leases": []}')["leases"]

            daemon = subprocess.Popen([*migctl, "serve"], env=docker.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
            try:
                verdict.wait("migd answers", lambda: as_user("lease", "list").returncode == 0)
                started = as_user("docker", "run", "--profile", "1g.18gb", "--name", "theirs", "-d", "--", "--rm", "--network", "none",
                                  daemons.IMAGE, "mig-workload", "train", "--seconds", "600")
                self.assertEqual(started.returncode, 0, started.stderr)
                work = verdict.wait("it works on its instance", lambda: [
                    one for one in json.loads(subprocess.run([*migctl, "holders", "--json"], env=docker.env, capture_output=True,
                                                             text=True, check=False).stdout)["holders"] if one["container"]])
                self.assertEqual(work[0]["uid"], 0)
                self.assertEqual([one["uid"] for one in leases()], [USER])
                self.assertIn(f"uid-{USER}", as_user("lease", "list").stdout)
                stopped = as_user("stop", "theirs", "--grace", "2s")
                self.assertEqual(stopped.returncode, 0, stopped.stderr)
                verdict.wait("lease and container are gone", lambda: not leases() and not docker.docker("ps", "-q").stdout)
            finally:
                daemon.terminate()
                daemon.wait(timeout=60)


if __name__ == "__main__":
    os.chdir(engine.ROOT)
    if engine.INSIDE not in os.environ:
        daemons.need("runc", "containerd", "dockerd", "docker")
    engine.main(programs=())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`migctl podman run` with a real Podman: the cases of wrapper.py; and engines that are missing or too old."""

import os
import pathlib
import shutil
import subprocess
import unittest

import cases
import daemons
import engine
import wrapper


class Podman(wrapper.Cases, unittest.TestCase):
    name = "podman"
    knows_names = True

    @classmethod
    def setUpClass(cls):
        cls.box = cases.Core.machine()
        cls.addClassCleanup(cls.box.__exit__)
        # As a user sets them: migctl starts `podman` without options of its own.
        storage = pathlib.Path(cls.box.folder, "storage.conf")
        storage.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{cls.box.folder}/store"\nrunroot = "{cls.box.folder}/run"\n')
        runtime = engine.runtimes()[0]
        conf = pathlib.Path(cls.box.env["CONTAINERS_CONF"])
        conf.write_text(conf.read_text().replace("[engine]\n", f'[engine]\nruntime = "{runtime}"\n'))
        cls.env = dict(cls.box.env, CONTAINERS_STORAGE_CONF=str(storage))
        probe = subprocess.run(["podman", "run", "--rm", "--rootfs", cls.box.fresh_root(), "/bin/true"], env=cls.env,
                               capture_output=True, text=True, timeout=120, check=False)
        if "exec" not in probe.stderr and probe.returncode not in (0, 127):
            engine.skip(f"Podman starts no container here: {probe.stderr.strip()[-300:]}")

    def image(self):
        return ["--rootfs", self.box.fresh_root()]

    def ask(self, *words):
        return subprocess.run(["podman", *words], env=self.env, capture_output=True, text=True, timeout=120, check=False)


class Engines(unittest.TestCase):
    """Answers of engines that are not here: a program that prints what they print to `info`."""

    def setUp(self):
        self.box = cases.Core.machine()
        self.addCleanup(self.box.__exit__)

    def answers(self, name, text, code=0):
        """The end of `migctl NAME run`, where `NAME info` answers so."""
        folder = pathlib.Path(self.box.folder, "bin")
        folder.mkdir(exist_ok=True)
        program = folder / name
        program.write_text(f"#!/bin/sh\n[ \"$1\" = info ] || {{ echo \"$@\"; exit 0; }}\ncat <<'END'\n{text}\nEND\nexit {code}\n")
        program.chmod(0o755)
        env = dict(self.box.env, PATH=f"{folder}:/usr/bin:/bin")
        env.pop("DOCKER_HOST", None)
        return subprocess.run([str(engine.BIN / "migctl"), "--sim", "box", name, "run", "--profile", "1g.18gb", "IMAGE", "true"],
                              env=env, capture_output=True, text=True, timeout=120, check=False)

    def test_docker_before_25_takes_the_instance_by_gpus(self):
        done = self.answers("docker", '{"ServerVersion": "24.0.7", "CgroupDriver": "systemd", "CgroupVersion": "2"}')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r'run --gpus "device=MIG-[0-9a-f-]+" --cidfile \S+ --cgroup-parent migctl-sim_box_\w+-lease\d+\.slice ')

    def test_docker_25_without_the_feature(self):
        done = self.answers("docker", '{"ServerVersion": "27.3.1", "CDISpecDirs": [], "CgroupDriver": "systemd"}')
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn('set {"features": {"cdi": true}} in /etc/docker/daemon.json', done.stderr)

    def test_docker_with_cdi(self):
        done = self.answers("docker", '{"ServerVersion": "28.2.0", "CDISpecDirs": ["/etc/cdi", "/var/run/cdi"], "CgroupDriver": "systemd"}')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("run --device nvidia.com/gpu=MIG-", done.stdout)

    def test_a_docker_daemon_that_does_not_answer(self):
        done = self.answers("docker", '{"ServerErrors": ["Cannot connect to the Docker daemon"]}', 1)
        self.assertEqual(done.returncode, 17, done.stderr)
        self.assertIn("Cannot connect to the Docker daemon", done.stderr)

    def test_an_old_podman(self):
        done = self.answers("podman", '{"version": {"Version": "3.4.4"}, "host": {"cgroupManager": "systemd"}}')
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn("install Podman 4.1 or later", done.stderr)

    def test_an_engine_that_is_not_installed(self):
        env = dict(self.box.env, PATH="/nonexistent")
        done = subprocess.run([str(engine.BIN / "migctl"), "--sim", "box", "docker", "run", "IMAGE"], env=env,
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("docker is not installed", done.stderr)

    def refused_elsewhere(self, name, said, path=None, **env):
        """`migctl NAME run` with these variables is refused, before anybody is asked, with these words."""
        clean = {key: value for key, value in self.box.env.items()
                 if not key.startswith(("DOCKER_", "CONTAINER_"))}
        done = subprocess.run([str(engine.BIN / "migctl"), "--sim", "box", name, "run", "IMAGE"],
                              env={**clean, **({"PATH": path} if path else {}), **env}, capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(said, done.stderr)

    def test_an_engine_of_another_machine(self):
        self.refused_elsewhere("podman", "names an engine on another machine", CONTAINER_HOST="tcp://node2.invalid:8080")

    def test_podmans_connection_to_another_machine(self):
        conf = pathlib.Path(self.box.folder, "remote.conf")
        far = "ssh://evil.test:22/run/podman/podman.sock"
        words = f'[engine]\n{{}}[engine.service_destinations.far]\nuri="{far}"\n'
        conf.write_text(words.format(""))
        self.refused_elsewhere("podman", f'Podman\'s connection "far" names an engine on another machine: {far}',
                               CONTAINERS_CONF=str(conf), CONTAINER_CONNECTION="far")
        self.refused_elsewhere("podman", 'Podman has no connection "nope"', CONTAINERS_CONF=str(conf),
                               CONTAINER_CONNECTION="nope")

    def test_dockers_context_of_another_machine(self):
        """The context is followed as Docker's own client does: by $DOCKER_CONTEXT, or by its settings."""
        built = daemons.ENGINES / "docker"
        client = str(built) if built.exists() else shutil.which("docker")
        if client is None:
            self.skipTest("no client of Docker is built or installed")
        env = {"PATH": f"{pathlib.Path(client).parent}:/usr/bin:/bin", "DOCKER_CONFIG": f"{self.box.folder}/client"}
        for name, host in (("far", "ssh://evil.test"), ("here", f"unix://{self.box.folder}/no.sock")):
            subprocess.run([client, "context", "create", name, "--docker", f"host={host}"], env={**self.box.env, **env}, check=True,
                           capture_output=True)
        said = "Docker's context {} names an engine on another machine: ssh://evil.test"
        self.refused_elsewhere("docker", said.format('"far"'), DOCKER_CONTEXT="far", **env)
        self.refused_elsewhere("docker", "cannot be resolved", DOCKER_CONTEXT="nope", **env)
        subprocess.run([client, "context", "use", "far"], env={**self.box.env, **env}, check=True, capture_output=True)
        self.refused_elsewhere("docker", said.format('"far"'), **env)
        # A context of this machine is followed: its daemon is asked, and does not answer.
        done = subprocess.run([str(engine.BIN / "migctl"), "--sim", "box", "docker", "run", "IMAGE"],
                              env={**self.box.env, **env, "DOCKER_CONTEXT": "here"}, capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual(done.returncode, 17, done.stderr)
        self.assertIn("no.sock", done.stderr)


if __name__ == "__main__":
    os.chdir(engine.ROOT)
    engine.main()

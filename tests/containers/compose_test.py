#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Docker Compose on instances of a simulated machine: the three forms in which a file asks for an instance; and the course
lab's exercises 4.1 and 4.2, their commands and files word for word but for the placeholders `MIG-<UUID-n>`.

The lab's image is made from pytorch/pytorch, which this test does not pull: an image of ours has that tag, and `python` in
it is `mig-workload`'s counterpart of the lab's program.
"""

import json
import os
import pathlib
import subprocess
import unittest

import cases
import daemons
import engine
from cases import verdict

BASE = "pytorch/pytorch:2.0.0-cuda11.8-cudnn8-runtime"
PYTHON = """#!/bin/sh
[ "$1" = training_job.py ] && [ -f "$1" ] || exit 127
echo "instance $CUDA_VISIBLE_DEVICES"
exec mig-workload train --steps 300 --every 100 --name "${2:-0}"
"""
# Exercise 4.1: the Dockerfile and the commands.
LAB_DOCKERFILE = f"""FROM {BASE}

WORKDIR /workspace

COPY training_job.py .

CMD ["python", "training_job.py"]
"""
LAB_BUILD = """docker build -t mig-training ."""
LAB_RUN = """docker run --rm --gpus '"device=MIG-<UUID-0>"' mig-training"""
LAB_RUN_THREE = """
docker run -d --name job0 --gpus '"device=MIG-<UUID-0>"' mig-training
docker run -d --name job1 --gpus '"device=MIG-<UUID-1>"' mig-training
docker run -d --name job2 --gpus '"device=MIG-<UUID-2>"' mig-training
"""
# Exercise 4.2.
LAB_COMPOSE = """version: '3'
services:
  training-job-0:
    image: mig-training
    deploy:
      resources:
        reservations:
          devices:
            - driver: nvidia
              device_ids: ['MIG-<UUID-0>']
              capabilities: [gpu]
    environment:
      - JOB_ID=0

  training-job-1:
    image: mig-training
    deploy:
      resources:
        reservations:
          devices:
            - driver: nvidia
              device_ids: ['MIG-<UUID-1>']
              capabilities: [gpu]
    environment:
      - JOB_ID=1
"""
# A service for each form.
SERVICE = """  {service}:
    image: {image}
    network_mode: none
    command: [/bin/sh, -c, "echo UUID $$CUDA_VISIBLE_DEVICES; ls /dev/nvidia-caps; exec mig-workload train --seconds 600"]
"""
SHORT = """    devices: ["nvidia.com/gpu={device}"]
"""
RESERVED = """    deploy: {{resources: {{reservations: {{devices: [{{driver: {driver}, device_ids: ["{device}"], capabilities: [{capability}]}}]}}}}}}
"""


def service(name, form, **values):
    return (SERVICE + form).format(service=name, image=daemons.IMAGE, **values)


class WithDocker(unittest.TestCase):
    MACHINE = ()  # further options of its creation

    @classmethod
    def setUpClass(cls):
        cls.box = cases.Core.machine(*cls.MACHINE)
        cls.addClassCleanup(cls.box.__exit__)
        containerd = cases.start(cls, daemons.Containerd(cls.box))
        cls.docker = cases.start(cls, daemons.Dockerd(cls.box, containerd))
        cls.docker.import_root()
        cases.works(cls.docker)
        found = {compute["index"]: compute["uuid"] for instance in cls.box.json("list")["gpus"][0]["gpuInstances"]
                 for compute in instance["computeInstances"]}
        cls.uuids = [found[index] for index in sorted(found)]

    def folder(self, files):
        path = pathlib.Path(self.box.folder) / self.id().rsplit(".", 1)[1]
        path.mkdir()
        for name, text in files.items():
            (path / name).write_text(text)
        return path

    def good(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def busy(self):
        """UUIDs of the instances on which work runs."""
        return {compute["uuid"] for instance in self.box.json("list")["gpus"][0]["gpuInstances"] if instance.get("processes")
                for compute in instance["computeInstances"]}


class Compose(WithDocker):
    def project(self, *services):
        return self.folder({"compose.yml": "services:\n" + "".join(services)})

    def test_the_three_forms_up_ps_logs_down(self):
        first, second, third = self.uuids
        folder = self.project(service("short", SHORT, device=first),
                              service("reserved", RESERVED, driver="cdi", device=f"nvidia.com/gpu={second}", capability=""),
                              service("legacy", RESERVED, driver="nvidia", device=third, capability="gpu"))
        try:
            self.good(self.docker.compose("up", "--detach", cwd=folder))
            verdict.wait(lambda: f"work on all three, now on {self.busy()}", lambda: self.busy() == set(self.uuids))
            listed = [json.loads(line) for line in self.good(self.docker.compose("ps", "--format", "json", cwd=folder)).splitlines()]
            self.assertEqual({(one["Service"], one["State"]) for one in listed},
                             {("short", "running"), ("reserved", "running"), ("legacy", "running")})
            logs = self.good(self.docker.compose("logs", "--no-color", cwd=folder))
            for name, uuid in (("short", first), ("reserved", second), ("legacy", third)):
                mine = "\n".join(line for line in logs.splitlines() if line.startswith(name))
                self.assertIn(f"UUID {uuid}", mine)
                self.assertEqual(mine.count("nvidia-cap"), 2, mine)
        finally:
            self.good(self.docker.compose("down", "--timeout", "1", cwd=folder))
        self.assertEqual(self.good(self.docker.docker("ps", "-aq")), "")

    def test_the_short_form_takes_no_name_with_a_colon(self):
        folder = self.project(service("short", SHORT, device="0:1"))
        done = self.docker.compose("up", "--detach", cwd=folder)
        self.docker.compose("down", cwd=folder)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("nvidia.com/gpu=0", done.stderr)

    def test_names_that_are_gone_are_refused(self):
        gone = "MIG-00000000-0000-5000-8000-000000000000"
        for name, text in (("short", service("a", SHORT, device=gone)),
                           ("cdi", service("a", RESERVED, driver="cdi", device=f"nvidia.com/gpu={gone}", capability="")),
                           ("nvidia", service("a", RESERVED, driver="nvidia", device=gone, capability="gpu"))):
            with self.subTest(form=name):
                folder = pathlib.Path(self.box.folder) / f"gone-{name}"
                folder.mkdir()
                (folder / "compose.yml").write_text("services:\n" + text)
                done = self.docker.compose("up", "--detach", cwd=folder)
                self.docker.compose("down", cwd=folder)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(f"{cases.GONE} nvidia.com/gpu={gone}", done.stderr)


class Rendered(WithDocker):
    """`migctl compose render` gives services their instances, and gives them again when these were made anew."""

    MACHINE = ("--fresh-uuids",)  # as a driver's

    def works_on(self, folder, wanted):
        try:
            self.good(self.docker.compose("-f", "compose.yml", "-f", "override.yml", "up", "--detach", cwd=folder))
            verdict.wait(lambda: f"work on {wanted}, now on {self.busy()}", lambda: self.busy() == set(wanted.values()))
            logs = self.good(self.docker.compose("logs", "--no-color", cwd=folder))
            for name, uuid in wanted.items():
                mine = "\n".join(line for line in logs.splitlines() if line.startswith(name))
                self.assertIn(f"UUID {uuid}", mine)
                self.assertEqual(mine.count("nvidia-cap"), 2, mine)
        finally:
            self.good(self.docker.compose("down", "--timeout", "1", cwd=folder))

    def wanted(self):
        place = {instance["placement"]["start"]: instance["computeInstances"][0]["uuid"]
                 for instance in self.box.json("list")["gpus"][0]["gpuInstances"]}
        return {"large": place[4], "slot": place[0], "small": place[1]}

    def test_each_form_and_after_a_re_creation(self):
        self.box.migctl("slot", "set", "train-a", "--gpu", "0", "--profile", "1g.18gb", "--placement", "0:1")
        self.box.migctl("cdi", "generate", "--output", cases.KEPT)
        base = "".join(service(name, f"    x-migctl: {{{{{wish}}}}}\n")
                       for name, wish in (("slot", "slot: train-a"), ("large", "profile: 3g.71gb"), ("small", "profile: 1g.18gb")))
        folder = self.folder({"compose.yml": "services:\n" + base})
        for form in ("devices", "cdi", "nvidia"):
            self.box.migctl("compose", "render", "--form", form, "-o", str(folder / "override.yml"), "--replace", str(folder / "compose.yml"))
            with self.subTest(form=form):
                self.works_on(folder, self.wanted())
        self.box.migctl("compose", "render", "-o", str(folder / "override.yml"), "--replace", str(folder / "compose.yml"))
        before = self.wanted()
        self.box.migctl("destroy", "--all")
        self.box.migctl("create", "-i", "0", "3g.71gb:4", "1g.18gb:1", "1g.18gb:0")
        self.assertNotEqual(self.wanted(), before, "the instances have other UUIDs")
        self.box.migctl("compose", "check", str(folder / "compose.yml"), str(folder / "override.yml"))
        self.works_on(folder, self.wanted())


class Lab(WithDocker):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        python = cls.box.root / "usr/local/bin/python"
        python.write_text(PYTHON)
        python.chmod(0o755)
        cls.docker.import_root(BASE)
        cls.lab = pathlib.Path(cls.box.folder) / "lab"
        cls.lab.mkdir()
        for name, text in (("Dockerfile", LAB_DOCKERFILE), ("training_job.py", "# the lab's program\n"), ("docker-compose.yml", LAB_COMPOSE)):
            (cls.lab / name).write_text(cls.filled(text))
        cls.build = cls.sh(LAB_BUILD)

    @classmethod
    def filled(cls, text):
        for index, uuid in enumerate(cls.uuids):
            text = text.replace(f"MIG-<UUID-{index}>", uuid)
        return text

    @classmethod
    def sh(cls, commands):
        """The lab's lines, typed into a shell."""
        return subprocess.run(["sh", "-e"], input=cls.filled(commands), capture_output=True, text=True, timeout=180,
                              env=cls.docker.env, cwd=cls.lab, check=False)

    def test_4_1_build_and_run(self):
        self.good(self.build)
        out = self.good(self.sh(LAB_RUN))
        self.assertIn(f"instance {self.uuids[0]}", out)
        self.assertIn("Completed", out)

    def test_4_1_three_at_once(self):
        self.good(self.sh(LAB_RUN_THREE))
        listed = self.good(self.sh("docker ps -a"))
        for index, uuid in enumerate(self.uuids):
            self.assertIn(f"job{index}", listed)
            self.assertEqual(self.good(self.sh(f"docker wait job{index}")).strip(), "0")
            logs = self.good(self.sh(f"docker logs job{index}"))
            self.assertIn(f"instance {uuid}", logs)
            self.assertIn("Completed", logs)
        self.good(self.sh("docker rm -f job0 job1 job2"))
        self.assertEqual(self.good(self.sh("docker ps -aq")), "")

    def test_4_2_compose(self):
        self.good(self.sh("docker-compose up -d"))
        logs = self.good(self.sh("docker-compose logs -f"))  # follows until both have ended
        for index in (0, 1):
            mine = "\n".join(line for line in logs.splitlines() if f"training-job-{index}" in line)
            self.assertIn(f"instance {self.uuids[index]}", mine)
            self.assertIn("Completed", mine)
        self.good(self.sh("docker-compose down"))
        self.assertEqual(self.good(self.sh("docker ps -aq")), "")


if __name__ == "__main__":
    os.chdir(engine.ROOT)
    if engine.INSIDE not in os.environ:
        daemons.need("runc", "containerd", "dockerd", "docker", "nvidia-ctk")
    engine.main(programs=())

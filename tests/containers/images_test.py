#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The images of integrations/containers, built by Podman from the programs of this build on a Debian that mmdebstrap makes
(no registry): their size; migd in one container serves a simulated machine to the host and to another container, without
capabilities; mig-workload in a container runs on the instance that its CDI device names.
"""
import os
import pathlib
import shutil
import subprocess
import time
import unittest

import engine

BASE = "localhost/mig-base:12"
BASE_TAR = engine.ROOT / "build/third_party/debian12-base.tar"
FILES = engine.ROOT / "integrations/containers"
MOST_OF_MIGCTL, MOST_OF_WORKLOAD = 40 << 20, 8 << 20  # bytes over the base
SHOWN = ("usr/bin/migctl", "usr/bin/mig-workload", "usr/lib/migctl/sim/libnvidia-ml.so.1", "usr/lib/migctl/sim/libmigsim.so")


def mirrors():
    """Where Debian 12 may be had, as words for mmdebstrap: where it looks by itself, then where this host's apt has it from."""
    asked = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)", "Created-By: Packages"],
                           capture_output=True, text=True, check=False)
    own = {line.split()[0] for line in asked.stdout.splitlines() if line.split()[1:] == ["bookworm", "main"]}
    return [[], *([mirror] for mirror in sorted(own))]


def proxy():
    """The proxy of the host's apt, which mmdebstrap does not read, as variables that it does."""
    words = ("apt-config", "--format", "%v%n", "dump", "Acquire::http::Proxy")
    said = subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
    return {"http_proxy": said} if said and "http_proxy" not in os.environ else {}


def complaint(stderr):
    """What went wrong, by mmdebstrap's own lines and those of the programs that it ran."""
    lines = [line for line in stderr.splitlines() if line.startswith(("E:", "W:", "Err:")) or "rror" in line]
    return "; ".join((lines or stderr.splitlines())[-6:]) or "it says nothing"


def base_archive():
    """Debian 12 as an archive, made once and kept. Outside of the test's namespaces, which have no network."""
    if BASE_TAR.exists():
        return
    if not shutil.which("mmdebstrap"):
        engine.skip("mmdebstrap is not installed (scripts/bootstrap test)")
    BASE_TAR.parent.mkdir(parents=True, exist_ok=True)
    half = BASE_TAR.with_name(f"half-{os.getpid()}.tar")
    said = []
    for mirror in mirrors() * 2:  # a mirror may be in the middle of its own update
        words = ["mmdebstrap", "--variant=minbase", *(f"--dpkgopt=path-exclude=/usr/share/{one}/*" for one in ("doc", "man", "locale")),
                 "bookworm", str(half), *mirror]
        where = " ".join(mirror) or "mmdebstrap's own mirror"
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=400, env={**os.environ, **proxy()}, check=False)
        except subprocess.TimeoutExpired:
            said.append(f"{where}: not done in 400 s")
            continue
        if done.returncode == 0:
            half.rename(BASE_TAR)
            return
        half.unlink(missing_ok=True)
        said.append(f"{where}: {complaint(done.stderr)}")
    engine.skip("mmdebstrap cannot make a Debian 12:\n  " + "\n  ".join(said))


class Images(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.box = engine.Box("1x h200-141gb")
        cls.box.__enter__()
        cls.addClassCleanup(cls.box.__exit__)
        if cls.box.container([], "true").returncode != 0:
            engine.skip("Podman starts no container here")
        cls.stage = pathlib.Path(cls.box.folder, "stage")
        built = {"usr/bin/migctl": engine.BIN / "migctl", "usr/bin/mig-workload": engine.BIN / "mig-workload"}
        for name in SHOWN[2:]:
            built[name] = engine.BIN.parent / "lib/sim" / pathlib.Path(name).name
        for name, source in built.items():
            (cls.stage / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, cls.stage / name)
            subprocess.run(["strip", str(cls.stage / name)], check=True)
        cls.podman("import", str(BASE_TAR), BASE)
        for name in ("migctl", "workload"):
            cls.podman("build", "--format", "docker", "--isolation", "chroot", "--network", "host", "--target", "binaries",
                       "--build-arg", f"BASE={BASE}", "-f", str(FILES / f"Containerfile.{name}"), "-t", f"localhost/mig-{name}",
                       str(cls.stage))

    @classmethod
    def podman(cls, *words, code=0):
        command = cls.box.podman_words(*words, runtime=engine.runtimes()[0])
        done = subprocess.run(command, capture_output=True, text=True, timeout=400, env=cls.box.env, stdin=subprocess.DEVNULL,
                              check=False)
        if code is not None and done.returncode != code:
            raise AssertionError(f"{' '.join(words)}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
        return done.stdout

    def on_machine(self, *options):
        """Words of `podman run` for a container with the machine's folder, and no capability."""
        return ("run", "--cap-drop", "all", "--security-opt", "no-new-privileges", "-v",
                f"{self.box.env['MIGSIM_ROOT']}:/var/lib/migctl/sim", "-e", "MIGSIM_MACHINE=/var/lib/migctl/sim/box", *options)

    def test_sizes(self):
        size = {name: int(self.podman("image", "inspect", "--format", "{{.Size}}", name))
                for name in (BASE, "localhost/mig-migctl", "localhost/mig-workload")}
        over = {name: size[name] - size[BASE] for name in size}
        print(", ".join(f"{name}: {size[name] / 1e6:.1f} MB, {over[name] / 1e6:.1f} over its base" for name in size), flush=True)
        self.assertLess(over["localhost/mig-migctl"], MOST_OF_MIGCTL)
        self.assertLess(over["localhost/mig-workload"], MOST_OF_WORKLOAD)

    def test_version_and_no_driver(self):
        self.assertRegex(self.podman("run", "--rm", "localhost/mig-migctl", "version"), r"^migctl \d+\.\d+\.\d+\nno driver: ")
        self.podman("run", "--rm", "localhost/mig-migctl", "list", code=15)

    def test_a_daemon_in_a_container(self):
        self.box.migctl("mode", "enable", "-i", "0")
        name = f"migd-{os.getpid()}"
        self.podman(*self.on_machine("-d", "--name", name, "localhost/mig-migctl"))
        self.addCleanup(self.podman, "rm", "-f", name, code=None)
        socket = pathlib.Path(self.box.machine, "run/migd.sock")
        end = time.monotonic() + 60
        while not socket.exists():
            self.assertLess(time.monotonic(), end, self.podman("logs", name, code=None))
            time.sleep(0.05)
        # The health check, from inside; then both readings, that of the host and of a second container, are the daemon's.
        self.podman("exec", name, "/usr/bin/migctl", "doctor", "--check", "migd")
        said = self.podman("image", "inspect", "--format", "{{json .HealthCheck}}{{json .Healthcheck}}", "localhost/mig-migctl", code=None)
        print(f"health check: {said.strip()}", flush=True)
        self.box.migctl("create", "-i", "0", "1g.18gb:0")
        here = self.box.json("list")["gpus"][0]["gpuInstances"]
        there = self.podman(*self.on_machine("--rm", "localhost/mig-migctl", "--verbose", "list"))
        self.assertIn("1g.18gb", there)
        self.assertEqual(len(here), 1)
        looked = self.podman(*self.on_machine("--rm", "localhost/mig-migctl", "doctor", "--check", "migd", "--evidence"))
        self.assertIn("GET /v1/queue: 200", looked)
        # SIGTERM ends it with 0.
        self.podman("stop", "-t", "20", name)
        self.assertEqual(self.podman("inspect", "--format", "{{.State.ExitCode}}", name).strip(), "0")

    def test_a_workload_on_its_instance(self):
        self.box.migctl("mode", "enable", "-i", "0", code=None)
        self.box.migctl("destroy", "--all", code=None)
        self.box.migctl("create", "-i", "0", "1g.18gb:0", "1g.18gb:1")
        self.box.migctl("slot", "set", "train-a", "--gpu", "0", "--profile", "1g.18gb", "--placement", "1:1")
        self.box.migctl("cdi", "generate", "--output", "/run/cdi/migctl.json")
        uuid = self.box.json("slot", "resolve", "train-a")["uuid"]
        # As root, to whom alone the state of a simulated machine belongs; a real driver's nodes are for everybody.
        words = ("run", "--rm", "--cap-drop", "all", "--user", "0", "--device", "nvidia.com/gpu=train-a")
        out = self.podman(*words, "localhost/mig-workload", "train", "--steps", "5")
        self.assertIn("Starting on NVIDIA H200 MIG 1g.18gb (simulated)", out)
        self.assertIn("Completed", out)
        self.assertIn(f"={uuid}\n", self.podman(*words, "--entrypoint", "/usr/bin/env", "localhost/mig-workload"))
        self.podman("run", "--rm", "--device", "nvidia.com/gpu=nope", "localhost/mig-workload", "train", "--steps", "5", code=126)


if __name__ == "__main__":
    os.chdir(engine.ROOT)
    if engine.INSIDE not in os.environ:
        engine.needs(engine.PODMAN)
        base_archive()
    engine.main()

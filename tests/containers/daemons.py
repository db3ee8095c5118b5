# SPDX-License-Identifier: Apache-2.0
"""containerd and Docker's daemon of the test's own: data, sockets, cgroups and network inside of the test's namespaces
(engine.py), so that an engine of the host is neither met nor needed.

    with daemons.Containerd(box) as containerd, daemons.Dockerd(box, containerd) as docker:
        docker.import_root()
        docker.container(["0:0"], "env")

What can be done with a container is that of engine.Engine, which Podman has too.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

import engine

sys.path.insert(0, str(engine.ROOT / "tests"))
import verdict  # noqa: E402

ENGINES = engine.ROOT / "build" / "third_party" / "engines"
TOOLKIT = engine.ROOT / "build" / "third_party" / "toolkit"
IMAGE = "localhost/mig-test:1"


def why_not(client):
    """Why get_clients.py could not fetch the client; "" where it is there."""
    status = engine.ROOT / "build" / "third_party" / "status.json"
    if not status.is_file():
        return "no third-party clients yet; run tests/conformance/get_clients.py (scripts/test does)"
    state = json.loads(status.read_text()).get(client, {"ok": False, "why": "never fetched"})
    return "" if state["ok"] else f"{client} cannot be had: {state['why']}"


def need(*clients):
    """Ends the test as skipped unless all are there."""
    for client in clients:
        if why_not(client):
            engine.skip(why_not(client))


class Daemon:
    """A program that runs until stop(), and what it wrote."""

    def __init__(self, command, env, log):
        self.name, self.log = pathlib.Path(command[0]).name, pathlib.Path(log)
        with open(log, "ab") as out:
            self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def wait_for(self, ready):
        def answered():
            verdict.expect(self.process.poll() is None, f"{self.name} ended with {self.process.poll()}:\n{self.tail()}")
            return ready()
        verdict.wait(lambda: f"{self.name} answers:\n{self.tail()}", answered)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=verdict.PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Containerd(engine.Engine):
    """containerd with its `ctr`; containers are made from the box's root file system, without an image."""

    RUN, CREATE = ("run", "--rm"), ("containers", "create")

    def __init__(self, box, name="containerd"):
        self.box, self.folder = box, pathlib.Path(box.folder) / name
        self.socket = self.folder / "containerd.sock"
        self.env = dict(box.env, PATH=f"{ENGINES}:{os.environ['PATH']}")
        self.count = 0

    def __enter__(self):
        self.folder.mkdir()
        config = self.folder / "config.toml"
        config.write_text(f'version = 3\nroot = "{self.folder}/root"\nstate = "{self.folder}/state"\n'
                          f'[grpc]\n  address = "{self.socket}"\n[ttrpc]\n  address = "{self.socket}.ttrpc"\n')
        self.daemon = Daemon([str(ENGINES / "containerd"), "--config", str(config)], self.env, self.folder / "log")
        try:
            self.daemon.wait_for(lambda: self.ctr("version").returncode == 0)
        except BaseException:
            self.daemon.stop()
            raise
        return self

    def __exit__(self, *_):
        self.daemon.stop()

    def words(self, *words):
        # A namespace of containerd gives the cgroups of its containers their folder, too.
        return [str(ENGINES / "ctr"), "--address", str(self.socket), "--namespace", engine.cgroups(), *words]

    def ctr(self, *words):
        return self.client(self.words(*words))

    def command(self, devices, script, options=(), name=None, verb=RUN):
        self.count += 1
        name = name or f"c{self.count}"
        wanted = [word for device in devices for word in ("--device", f"nvidia.com/gpu={device}")]
        return self.words(*verb, "--runc-binary", str(ENGINES / "runc"), "--runc-root", f"{self.folder}/runc", "--env",
                          "PATH=/usr/local/bin:/bin", *wanted, *options, "--rootfs", self.box.fresh_root(), name, "/bin/sh", "-c",
                          script)

    def start(self, name):
        return self.logged(lambda option: self.ctr("tasks", "start", *option, name))

    def logged(self, act):
        """What the container wrote is in `stdout`, ctr's own words in `stderr`. By way of a file: ctr itself may lose it all
        when a container ends before ctr has opened its pipes."""
        log = self.folder / f"output-{self.count}-{time.monotonic_ns()}"
        done = act(["--log-uri", f"file://{log}"])
        if log.exists():
            done.stdout += log.read_text()
        return done

    def container(self, devices, script, options=()):
        return self.logged(lambda option: super(Containerd, self).container(devices, script, [*options, *option]))

    def kill(self, name):
        self.ctr("tasks", "kill", "--signal", "SIGKILL", name)


class Dockerd(engine.Engine):
    """Docker's daemon on that containerd; NVIDIA's `nvidia-cdi-hook` in its PATH, without which it takes no `--gpus`."""

    RUN, CREATE = ("run", "--rm"), ("create",)

    def __init__(self, box, containerd, cdi_hook=True):
        self.box, self.containerd, self.folder = box, containerd, pathlib.Path(box.folder) / "docker"
        self.socket = self.folder / "docker.sock"
        path = [str(ENGINES), *([str(TOOLKIT)] if cdi_hook else []), os.environ["PATH"]]
        self.daemon_env = dict(box.env, PATH=":".join(path))
        # For clients: `docker` and Compose find the daemon by it, and read no settings of the user.
        self.env = dict(self.daemon_env, DOCKER_HOST=f"unix://{self.socket}", DOCKER_CONFIG=f"{self.folder}/client")

    def __enter__(self):
        plugins = self.folder / "client/cli-plugins"
        plugins.mkdir(parents=True)
        (plugins / "docker-compose").symlink_to(ENGINES / "docker-compose")
        config = {
            "data-root": f"{self.folder}/data", "exec-root": f"{self.folder}/exec", "pidfile": f"{self.folder}/pid",
            "hosts": [f"unix://{self.socket}"], "containerd": str(self.containerd.socket), "storage-driver": "vfs",
            "iptables": False, "ip6tables": False, "ip-forward": False, "userland-proxy": False, "bridge": "none",
            "exec-opts": ["native.cgroupdriver=cgroupfs"], "cgroup-parent": f"/{engine.cgroups()}/docker",
            "features": {"containerd-snapshotter": False},
            "default-runtime": "own", "runtimes": {"own": {"path": str(ENGINES / "runc")}},
        }
        (self.folder / "daemon.json").write_text(json.dumps(config))
        self.daemon = Daemon([str(ENGINES / "dockerd"), "--config-file", f"{self.folder}/daemon.json"], self.daemon_env,
                             self.folder / "log")
        try:
            self.daemon.wait_for(lambda: self.docker("version").returncode == 0)
        except BaseException:
            self.daemon.stop()
            raise
        return self

    def __exit__(self, *_):
        left = self.docker("ps", "-aq").stdout.split()
        if left:
            self.docker("rm", "-f", *left)
        self.daemon.stop()

    def docker(self, *words, cwd=None, text=None):
        return subprocess.run([str(ENGINES / "docker"), *words], env=self.env, capture_output=True, text=True, timeout=120,
                              input=text or "", cwd=cwd, check=False)

    def import_root(self, tag=IMAGE):
        """The box's root file system as an image."""
        with subprocess.Popen(["tar", "-C", str(self.box.root), "-c", "."], stdout=subprocess.PIPE) as tar:
            done = subprocess.run([str(ENGINES / "docker"), "import", "-", tag], env=self.env, stdin=tar.stdout,
                                  capture_output=True, text=True, timeout=120, check=False)
        verdict.expect(done.returncode == 0, f"docker import: {done.stderr}")

    def command(self, devices, script, options=(), name=None, verb=RUN):
        words = [word for device in devices for word in ("--device", f"nvidia.com/gpu={device}")]
        return [str(ENGINES / "docker"), *verb, "--network", "none", *(["--name", name] if name else []), *words, *options,
                IMAGE, "/bin/sh", "-c", script]

    def start(self, name):
        return self.docker("start", "--attach", name)

    def kill(self, name):
        self.docker("rm", "--force", name)

    def compose(self, *words, cwd):
        return subprocess.run([str(ENGINES / "docker"), "compose", *words], env=self.env, capture_output=True, text=True,
                              timeout=180, stdin=subprocess.DEVNULL, cwd=cwd, check=False)

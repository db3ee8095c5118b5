# SPDX-License-Identifier: Apache-2.0
"""What the tests of containers share: private namespaces with empty CDI folders, a root file system of busybox and
mig-workload, a simulated machine, and Podman on it; daemons.py has the engines that are daemons.

A test file calls main(), which runs it again inside of namespaces for mounts, network and processes. The host's /etc/cdi,
/var/run/cdi, /run/docker, /run/containerd and its network are not touched, and an engine of the host is not met. The kernel
ends every process and mount when the test ends, however it ends; what stays on disk and in cgroups is named after the
test's pid, removed at its end, and by the next test where the end was SIGKILL.
"""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("MIG_BIN_DIR", ROOT / "build" / "bin")).resolve()
SKIPPED = 77
INSIDE = "MIG_CONTAINERS_INSIDE"  # pid of the process that made the namespaces
LEFT = "mig-ct-"  # and that pid: names of temporary folders and of cgroups
PROGRAMS = ("busybox", "unshare", "setpriv")
PODMAN = ("podman", "conmon")
PRIVATE = ("/run/cdi", "/run/containerd", "/run/docker")
# Podman's own defaults raise limits and make networks, which a test machine may not allow.
CONTAINERS_CONF = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
netns = "none"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
"""


def skip(why):
    print(f"SKIPPED: {pathlib.Path(sys.argv[0]).stem}: {why}")
    sys.exit(SKIPPED)


def runtimes():
    """The OCI runtimes that are installed and work here; the first is used where one will do."""
    return [name for name in ("runc", "crun") if shutil.which(name)]


def needs(programs):
    if os.geteuid() != 0:
        skip("mounts and device nodes need root")
    missing = [name for name in (*PROGRAMS, *programs) if not shutil.which(name)]
    if missing:
        skip(f"not installed: {', '.join(missing)} (scripts/bootstrap test)")
    if "podman" in programs and not runtimes():
        skip("neither runc nor crun is installed (scripts/bootstrap test)")
    if os.path.exists("/proc/driver/nvidia/version"):
        skip("this host has NVIDIA's driver: a simulated machine's nodes would be its own")


def cgroups():
    """The name of this test's cgroups, in whichever hierarchies engines make them."""
    return LEFT + os.environ[INSIDE]


def remove_cgroups(name):
    for top in [*pathlib.Path("/sys/fs/cgroup").glob(f"*/{name}"), pathlib.Path("/sys/fs/cgroup") / name]:
        for folder, _, _ in os.walk(top, topdown=False):
            try:
                os.rmdir(folder)
            except OSError as error:
                print(f"cannot remove the cgroup {folder}: {error}", file=sys.stderr)


def sweep():
    """Removes what tests left that were killed."""
    found = [*pathlib.Path(tempfile.gettempdir()).glob(LEFT + "*"), *pathlib.Path("/sys/fs/cgroup").glob(f"*/{LEFT}*")]
    for path in found:
        pid = path.name.removeprefix(LEFT).split("-")[0]
        if pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
            shutil.rmtree(path, ignore_errors=True) if path.parts[1] != "sys" else remove_cgroups(path.name)


def enter(programs):
    """Runs the calling program again in namespaces of its own."""
    needs(programs)
    sweep()
    for folder in ("/etc/cdi", *PRIVATE):
        os.makedirs(folder, exist_ok=True)
    pid = os.getpid()
    folder = tempfile.mkdtemp(prefix=f"{LEFT}{pid}-")
    environment = dict(os.environ, **{INSIDE: str(pid), "TMPDIR": folder})
    # The shell is the namespace's init and reaps what engines leave to it. Its end ends all; it ends with unshare, and
    # that with this process.
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
               "--propagation", "private", "sh", "-c", '"$@"; exit $?', "sh", sys.executable, *sys.argv]
    try:
        code = subprocess.run(command, env=environment, check=False).returncode
    finally:
        remove_cgroups(LEFT + str(pid))
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(code)


def mount_private():
    """Empty folders for CDI files and for the sockets of engines; and cgroups as crun wants them, which refuses the
    hybrid form."""
    for folder in ("/etc/cdi", *PRIVATE):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)
    if os.path.ismount("/sys/fs/cgroup/unified"):
        subprocess.run(["umount", "/sys/fs/cgroup/unified"], check=False)


def copy_program(program, root):
    """The program with the libraries that it is linked to, at their own paths; under /usr/local/bin."""
    shutil.copy(program, root / "usr/local/bin")
    linked = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout
    for word in linked.split():
        if word.startswith("/") and not (root / word[1:]).exists():
            (root / word[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(os.path.realpath(word), root / word[1:])


def make_root(folder):
    root = pathlib.Path(folder) / "rootfs"
    for name in ("bin", "etc", "proc", "sys", "dev", "tmp", "root", "run", "var", "usr/local/bin"):
        (root / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), root / "bin/busybox")
    for name in ("sh", "ls", "cat", "env", "mknod", "sleep", "stat", "test", "id", "rm"):
        (root / "bin" / name).symlink_to("busybox")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\n")
    copy_program(BIN / "mig-workload", root)
    return root


class Box:
    """A simulated machine, and Podman with a store of its own."""

    def __init__(self, gpus, *options):
        self.options = options
        self.folder = tempfile.mkdtemp(prefix="b-")  # Podman takes no runroot of over 50 characters
        self.gpus = gpus
        self.env = dict(os.environ, MIGSIM_ROOT=f"{self.folder}/machines", NO_COLOR="1",
                        CONTAINERS_CONF=f"{self.folder}/containers.conf")
        self.env.pop("MIGSIM_MACHINE", None)
        self.machine = f"{self.folder}/machines/box"

    def __enter__(self):
        pathlib.Path(self.env["CONTAINERS_CONF"]).write_text(CONTAINERS_CONF)
        self.root = make_root(self.folder)
        self.migctl("sim", "create", "box", "--gpus", self.gpus, *self.options, sim=False)
        return self

    def __exit__(self, *_):
        self.migctl("sim", "destroy", "box", "--force", sim=False, code=None)
        for kept in pathlib.Path("/run/cdi").iterdir():  # the test's own folder
            kept.unlink()
        # Podman mounts the folder of its store over itself.
        subprocess.run(["umount", f"{self.folder}/store/overlay"], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def fresh_root(self):
        """A root file system for one container. What an engine makes in it to mount on stays there, and would be nodes of
        other instances to the simulator in the next container."""
        folder = tempfile.mkdtemp(prefix="root-", dir=self.folder)
        subprocess.run(["cp", "-al", f"{self.root}/.", folder], check=True)
        return folder

    def migctl(self, *words, sim=True, code=0, text=""):
        command = [str(BIN / "migctl"), *(["--sim", "box"] if sim else []), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, input=text, env=self.env, check=False)
        if code is not None and done.returncode != code:
            raise AssertionError(f"{' '.join(command)}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr if code != 0 else done.stdout

    def begin(self, *words):
        """A command that the test goes beside."""
        return subprocess.Popen([str(BIN / "migctl"), "--sim", "box", *words], env=self.env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def json(self, *words, **options):
        return json.loads(self.migctl(*words, "--json", **options))

    def podman_words(self, *words, runtime):
        return ["podman", "--root", f"{self.folder}/store", "--runroot", f"{self.folder}/run", "--runtime", runtime, *words]

    def container(self, devices, script, runtime=None, options=()):
        """A container of Podman on the devices; the finished process."""
        return Podman(self, runtime or runtimes()[0]).container(devices, script, options)


class Engine:
    """What the tests ask of an engine: `command`, the words that start a container on CDI devices, or with another verb make
    one; `start` of one that was made; `kill`; `env` of the client."""

    def client(self, command):
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=self.env, check=False,
                              stdin=subprocess.DEVNULL)

    def container(self, devices, script, options=()):
        """Runs a container to its end; the finished process."""
        return self.client(self.command(devices, script, options))

    def create(self, devices, script, name):
        """Makes a container that start() starts."""
        return self.client(self.command(devices, script, name=name, verb=self.CREATE))

    @contextlib.contextmanager
    def background(self, devices, script, name):
        """A container that runs while the body does."""
        with subprocess.Popen(self.command(devices, script, name=name), env=self.env, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as client:
            try:
                yield client
            finally:
                self.kill(name)
                client.wait(timeout=60)


class Podman(Engine):
    """Podman with one of the runtimes; containers are made from the box's root file system, without an image."""

    RUN, CREATE = ("run", "--rm"), ("create",)

    def __init__(self, box, runtime):
        self.box, self.runtime, self.env = box, runtime, box.env

    def command(self, devices, script, options=(), name=None, verb=RUN):
        words = [word for device in devices for word in ("--device", f"nvidia.com/gpu={device}")]
        return self.box.podman_words(*verb, *(["--name", name] if name else []), "--cgroup-parent", f"/{cgroups()}/podman",
                                     *words, *options, "--rootfs", self.box.fresh_root(), "/bin/sh", "-c", script,
                                     runtime=self.runtime)

    def start(self, name):
        return self.client(self.box.podman_words("start", "--attach", name, runtime=self.runtime))

    def kill(self, name):
        subprocess.run(self.box.podman_words("kill", name, runtime=self.runtime), env=self.env, capture_output=True, check=False)


def main(programs=PODMAN):
    """Entry of a test file; `programs` are those that it needs beside PROGRAMS."""
    if INSIDE not in os.environ:
        enter(programs)
    mount_private()
    unittest.main(verbosity=2)

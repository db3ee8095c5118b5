# SPDX-License-Identifier: Apache-2.0
"""A simulated machine with a migd and users that exist as numbers only, for the tests of this folder.

A test file holds functions `attack(box)` in a list and calls main(); each gets a machine of its own. Nothing here waits for
as long as something should take: wait() looks until it is so, and a minute without it is a failure.
"""
import argparse
import contextlib
import ctypes
import http.client
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from verdict import PATIENCE_S, SKIPPED, Failed, Skip, expect, wait  # pylint: disable=wrong-import-position

CLONE_NEWNS, MS_PRIVATE, MS_REC, MNT_DETACH = 0x20000, 1 << 18, 1 << 14, 2
MOST_PROCESSES = 120  # of a user of a test: a fork bomb stops there
TRAIN = "mig-workload train --steps 100000000"
libc = ctypes.CDLL(None, use_errno=True)


def holds(seconds, condition, what):
    """Fails when condition() is false once within that time. A slow machine looks less often, which fails nothing."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        expect(condition(), what)
        time.sleep(0.02)


class Process:
    """A process of /proc that is no zombie."""

    def __init__(self, pid):
        self.pid = int(pid)
        folder = pathlib.Path("/proc", str(pid))
        stat = (folder / "stat").read_text(errors="replace")
        fields = stat[stat.rfind(")") + 2:].split()
        if fields[0] in "ZX":
            raise ProcessLookupError(pid)
        self.start = fields[19]
        self.parent = int(fields[1])
        self.uid = _uid(folder)
        self.words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]

    def __repr__(self):
        return f"pid {self.pid} ({' '.join(self.words)[:60]})"

    @property
    def name(self):
        return os.path.basename(self.words[0]) if self.words else ""

    def lives(self):
        try:
            return Process(self.pid).start == self.start
        except OSError:
            return False


def _uid(folder):
    for line in (folder / "status").read_text(errors="replace").splitlines():
        if line.startswith("Uid:"):
            return int(line.split()[2])  # the effective one
    raise ProcessLookupError(folder)


def processes(uid, name=None):
    """Processes of that user, with that name."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, IndexError):
                process = Process(entry)
                if process.uid == uid and (name is None or process.name == name):
                    found.append(process)
    return found


def wait_reaped(uids):
    """Until pid 1 has reaped what those users left: zombies count against a user's limit of processes, and the next box has the same users."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and any(real_uid(entry) in uids for entry in os.listdir("/proc") if entry.isdigit()):
        time.sleep(0.05)


def real_uid(pid):
    """Of a zombie too."""
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("Uid:"):
                return int(line.split()[1])
    return None


def end_all(uids):
    """Ends every process of these users, also those that fork meanwhile: they are stopped before they are killed."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        left = [process for uid in uids for process in processes(uid)]
        if not left:
            return True
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for process in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, number)
        time.sleep(0.01)
    return False


class Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout=PATIENCE_S):
        super().__init__("migd", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)
        self.sock.settimeout(self.timeout)


def become(uid):
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def call_as(uid, work):
    """The result (JSON) of work() in a process of that user."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        try:
            if uid:
                become(uid)
            with os.fdopen(writer, "w") as out:
                json.dump(work(), out)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    expect(text, "a client of the test ended without an answer")
    return json.loads(text)


class Box:
    """One machine; users a, b and c are ordinary, and nobody else's test has them."""

    def __init__(self, binaries, folder):
        self.binaries = binaries
        self.folder = folder
        first = 1_000_000_000 + os.getpid() * 8
        self.a, self.b, self.c = first, first + 1, first + 2
        self.users = (self.a, self.b, self.c)
        self.environment = {"PATH": f"{binaries}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "NO_COLOR": "1",
                            "HOME": str(folder), "MIGSIM_ROOT": str(folder / "machines")}
        (folder / "machines").mkdir(mode=0o755)
        self.programs = str(folder / "programs.py")
        shutil.copy(pathlib.Path(__file__).with_name("programs.py"), self.programs)
        os.chmod(self.programs, 0o644)
        for uid in self.users:
            home = folder / f"home-{uid}"
            home.mkdir(mode=0o700)
            os.chown(home, uid, uid)
        self.socket = str(folder / "machines" / "m" / "run" / "migd.sock")
        self.daemon = None
        self.log = folder / "migd.log"
        self.started = []
        self.began = time.monotonic()

    # The machine -------------------------------------------------------------------------------

    def machine(self, *profiles, gpus="1x a100-sxm4-40gb", mode="0"):
        self.root("sim", "create", "m", "--shared", "--gpus", gpus, "--latency", "none")
        self.root("-q", "--sim", "m", "mode", "enable", "-i", mode)
        if profiles:
            self.make(*profiles)

    def make(self, *profiles, gpu="0"):
        self.root("-q", "--sim", "m", "create", "-i", gpu, *profiles)

    def root(self, *words, check=True):
        done = subprocess.run(["migctl", *words], env=self.environment, text=True, capture_output=True, timeout=120)
        expect(not check or done.returncode == 0, f"migctl {' '.join(words)}: {done.stdout}{done.stderr}")
        return done

    def serve(self, *options, tenants=None):
        if tenants is not None:
            self.write_tenants(tenants)
        if (self.folder / "tenants.yaml").exists():
            options = (*options, "--tenants", str(self.folder / "tenants.yaml"))
        with open(self.log, "a", encoding="utf-8") as log:
            self.daemon = subprocess.Popen(["migctl", "--sim", "m", "serve", *options], env=self.environment,
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        wait(lambda: "migd listens: " + self.log.read_text(), self.listens)

    def write_tenants(self, text):
        (self.folder / "tenants.yaml").write_text(text, encoding="utf-8")

    def listens(self):
        expect(self.daemon.poll() is None, f"migd ended with {self.daemon.returncode}: {self.log.read_text()}")
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(self.socket)
            return True
        return False

    def kill_daemon(self, number=signal.SIGKILL):
        self.daemon.send_signal(number)
        self.daemon.wait(PATIENCE_S)

    # Users -------------------------------------------------------------------------------------

    def start(self, uid, *words, cwd=None, environment=None, pipe=True, **more):
        """A program of that user; its output goes into a file, so that no child of it keeps a pipe of ours open."""
        out = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace", dir=self.folder)  # pylint: disable=R1732
        home = str(self.folder / f"home-{uid}") if uid else str(self.folder)
        process = subprocess.Popen(
            words, env={**self.environment, "HOME": home, "XDG_RUNTIME_DIR": home, **(environment or {})}, cwd=cwd or home, user=uid, group=uid,
            extra_groups=[], stdin=subprocess.DEVNULL, stdout=out if pipe else subprocess.DEVNULL,
            stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=limit_processes if uid else None, **more)
        process.text = lambda: (out.seek(0), out.read())[1]
        process.close = out.close
        self.started.append(process)
        return process

    def run_as(self, uid, *words, timeout=PATIENCE_S * 2, **more):
        """That program until its end: (exit code, output)."""
        process = self.start(uid, *words, **more)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{' '.join(map(str, words))} does not end: {process.text()}") from error
        return process.returncode, process.text()

    def migctl(self, uid, *words, **more):
        return self.run_as(uid, "migctl", "-q", "--sim", "m", *words, **more)

    def ask(self, uid, method, target, body=None):
        """(status, document) of a request of that user, by hand."""
        def work():
            connection = Connection(self.socket)
            connection.request(method, target, body if body is None or isinstance(body, str) else json.dumps(body))
            answer = connection.getresponse()
            return [answer.status, json.loads(answer.read())]
        return call_as(uid, work)

    def leases(self, uid=0):
        return self.ask(uid, "GET", "/v1/leases")[1]["leases"]

    def instances(self):
        """[(gpu, gpu instance, UUID)]"""
        document = json.loads(self.root("--sim", "m", "list", "--json").stdout)
        return [(gpu["index"], gi["id"], ci["uuid"]) for gpu in document["gpus"] for gi in gpu["gpuInstances"]
                for ci in gi["computeInstances"]]

    def nodes(self):
        """Capability nodes of instances, as paths (those of the configuration and of the monitor are root's)."""
        folder = self.folder / "machines" / "m" / "tree" / "dev" / "nvidia-caps"
        return [str(node) for node in sorted(folder.iterdir()) if node.name not in ("nvidia-cap1", "nvidia-cap2")]

    def compute_nodes(self):
        """Those of compute instances: who has one open uses the instance."""
        tree = self.folder / "machines" / "m" / "tree"
        numbers = []
        for access in tree.glob("proc/driver/nvidia/capabilities/gpu*/mig/gi*/ci*/access"):
            numbers += [line.split()[1] for line in access.read_text().splitlines() if line.startswith("DeviceFileMinor:")]
        return {str(tree / "dev" / "nvidia-caps" / f"nvidia-cap{number}") for number in numbers}

    def open_nodes(self, pid, nodes=None):
        """Those of the nodes that a process has open, by whatever name: by inode, since the link says "/" where the mount
        namespace that a node was opened in is gone."""
        wanted = {(os.stat(node).st_dev, os.stat(node).st_ino): node for node in nodes or self.nodes()}
        found = set()
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    info = os.stat(f"/proc/{pid}/fd/{name}")
                    found |= {wanted[key] for key in [(info.st_dev, info.st_ino)] if key in wanted}
        return found

    def trainings(self, uid):
        return processes(uid, "mig-workload")

    def wait_training(self, uid, count=1):
        """Until so many trainings of that user are on instances by the driver's word."""
        def there():
            pids = {process.pid for process in self.trainings(uid)}
            return self.pids_on_instances() & pids if len(pids) >= count else False
        wait(lambda: f"{count} trainings of {uid} work: {self.trainings(uid)}; {self.log.read_text()[-500:]}",
             lambda: len(there() or ()) >= count)
        return self.trainings(uid)

    def pids_on_instances(self):
        document = json.loads(self.root("--sim", "m", "list", "--json", "--direct").stdout)
        return {process["pid"] for gpu in document["gpus"] for gi in gpu["gpuInstances"]
                for process in gi["processes"]}

    def close(self):
        ended = end_all(self.users)
        if self.daemon and self.daemon.poll() is None:
            self.daemon.kill()
            self.daemon.wait()
        for process in self.started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.close()
        wait_reaped(set(self.users))
        self.root("sim", "destroy", "--force", "m", check=False)
        return ended


def limit_processes():
    resource.setrlimit(resource.RLIMIT_NPROC, (MOST_PROCESSES, MOST_PROCESSES))


# Control groups ----------------------------------------------------------------------------------

CGROUPS = "/sys/fs/cgroup"
KINDS = ("host", "v2", "v1", "none")


def mount(source, target, kind, flags=0, data=None):
    if libc.mount(source.encode(), target.encode(), kind.encode() if kind else None, flags,
                  data.encode() if data else None) != 0:
        raise Skip(f"cannot mount {kind} {data or ''} on {target}: {os.strerror(ctypes.get_errno())}")


def show_only(kind):
    """This process and its children see no control groups but those of that kind, in a mount namespace of their own."""
    if kind == "host":
        return
    if libc.unshare(CLONE_NEWNS) != 0:
        raise Skip(f"no mount namespace of its own: {os.strerror(ctypes.get_errno())}")
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    if not os.path.isdir(CGROUPS):
        raise Skip(f"no {CGROUPS}")
    while libc.umount2(CGROUPS.encode(), MNT_DETACH) == 0:
        pass
    if kind == "v2":
        mount("cgroup2", CGROUPS, "cgroup2")
        return
    mount("tmpfs", CGROUPS, "tmpfs", 0, "mode=755")
    if kind == "v1":
        for controller in ("freezer", "pids", "none,name=systemd"):
            folder = f"{CGROUPS}/{controller.split('=')[-1]}"
            os.mkdir(folder)
            mount("cgroup", folder, "cgroup", 0, controller)


def cgroup_roots():
    """Mount points of the control groups that this process sees."""
    return [line.split()[1] for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()
            if line.split()[2] in ("cgroup", "cgroup2") and line.split()[1].startswith(CGROUPS)]


def has_cgroups():
    """True where a job can be held by a control group: version 2, or one that needs no other setting."""
    def good(root):
        return (os.path.exists(f"{root}/cgroup.controllers") or
                os.path.basename(root) in ("freezer", "pids", "systemd")) and os.access(root, os.W_OK)
    return any(good(root) for root in cgroup_roots())


def folders_of(pid):
    """Folders of the control groups that a process is in."""
    found = set()
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        path = line.split(":", 2)[2]
        if path != "/":
            found |= {root + path for root in cgroup_roots() if os.path.isdir(root + path)}
    return found


# The frame of a test file ------------------------------------------------------------------------

def open_to_all(folder):
    return all(part.stat().st_mode & 0o005 == 0o005 for part in (folder, *folder.parents))


@contextlib.contextmanager
def programs_for_all(folder):
    """The programs where every user may run them: a copy, when a folder above them is closed."""
    folder = pathlib.Path(folder).resolve()
    if open_to_all(folder):
        yield str(folder)
        return
    with tempfile.TemporaryDirectory(prefix="migctl-programs-") as copy:
        os.chmod(copy, 0o755)
        for part in ("bin", "lib"):
            if (folder.parent / part).is_dir():
                shutil.copytree(folder.parent / part, os.path.join(copy, part), symlinks=True)
        yield os.path.join(copy, folder.name)


def try_one(attack, binaries):
    """(verdict, reason)"""
    with tempfile.TemporaryDirectory(prefix="migctl-tenancy-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        box = Box(binaries, folder)
        try:
            attack(box)
            return "ok", ""
        except Skip as reason:
            return "SKIPPED", str(reason)
        except Failed as reason:
            return "FAILED", str(reason)
        except Exception as error:  # pylint: disable=broad-except
            traceback.print_exc()
            return "FAILED", repr(error)
        finally:
            box.close()


def main(attacks, group, kinds=("host",)):
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("-k", default="", help="only attacks whose name contains this")
    parser.add_argument("--cgroups", choices=kinds, default=kinds[0], help="control groups that the machine has")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print(f"SKIPPED: {group}: needs root, to be other users")
        return SKIPPED
    counts = {"ok": 0, "FAILED": 0, "SKIPPED": 0}
    try:
        show_only(options.cgroups)
    except Skip as reason:
        print(f"SKIPPED: {group} on cgroups {options.cgroups}: {reason}")
        return SKIPPED
    kind = "" if options.cgroups == "host" else f" on cgroups {options.cgroups}"
    with programs_for_all(options.bin) as binaries:
        # PATH is what subprocess searches for "migctl".
        os.environ["PATH"] = f"{binaries}:{os.environ['PATH']}"
        for attack in attacks:
            name = attack.__name__
            if options.k not in name:
                continue
            began = time.monotonic()
            verdict, reason = try_one(attack, binaries)
            counts[verdict] += 1
            line = f"{verdict}: {group}: {name}{kind}"
            print(line + (f": {reason}" if reason else f" ({time.monotonic() - began:.1f} s)"), flush=True)
    print(", ".join(f"{number} {what}" for what, number in counts.items()))
    if counts["FAILED"] or not sum(counts.values()):
        return 1
    return SKIPPED if not counts["ok"] else 0

# SPDX-License-Identifier: Apache-2.0
"""A real Slurm of one node on a simulated machine: munged, slurmctld and slurmd of Debian's packages, everything in one folder,
on 127.0.0.1, with a node name and ports of its own. The machine's device nodes are character devices of a major number that
nobody has: a job that may open one gets ENXIO, any other EPERM.
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from verdict import PATIENCE_S, Failed, Skip, expect, wait  # pylint: disable=wrong-import-position

PROGRAMS = ("munged", "slurmctld", "slurmd", "scontrol", "squeue", "srun", "sbatch")
ROOT = pathlib.Path(__file__).resolve().parents[2]
DEVICES = pathlib.Path("/sys/fs/cgroup/devices")

CONF = """ClusterName=migtest
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmdPort={slurmd_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/run/munge.sock
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin={task}
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=0
KillWait=1
SlurmdParameters=config_overrides
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SchedulerParameters=sched_min_interval=200000
PrologFlags=Alloc
Prolog={folder}/prolog
Epilog={folder}/epilog
TaskProlog={folder}/task-prolog
GresTypes=gpu
# the line that migctl changes
NodeName={node} NodeAddr=127.0.0.1 NodeHostname=localhost \\
  CPUs=16 RealMemory=1000 State=UNKNOWN
PartitionName=p Nodes={node} Default=YES MaxTime=INFINITE State=UP
"""
CGROUP = "CgroupPlugin=cgroup/v1\nCgroupMountpoint=/sys/fs/cgroup\nCgroupAutomount=no\nConstrainDevices=yes\n"


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def unused_major():
    """A number of character devices that no driver of this kernel has."""
    text = pathlib.Path("/proc/devices").read_text(encoding="utf-8").split("Block devices:", maxsplit=1)[0]
    used = {int(line.split()[0]) for line in text.splitlines() if line[:3].strip().isdigit()}
    return next(number for number in range(510, 234, -1) if number not in used)


def constrains():
    """Whether a Slurm of 22.05 can keep jobs from devices here: by the devices controller of cgroup v1."""
    return (DEVICES / "devices.deny").exists() or (DEVICES / "devices.list").exists()


class Cluster:
    def __init__(self, binaries, folder, gpus):
        self.binaries, self.folder = binaries, folder
        self.node = f"gpu{os.getpid()}"
        self.dev = folder / "dev"
        self.constrained = constrains()
        self.environment = {"PATH": f"{binaries}:/usr/sbin:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "NO_COLOR": "1",
                            "HOME": str(folder), "MIGSIM_ROOT": str(folder / "machines"),
                            "MIGSIM_MACHINE": str(folder / "machines" / "lab"), "SLURM_CONF": str(folder / "slurm.conf"),
                            "MIGCTL_SLURM_SETTINGS": str(folder / "slurm.yaml")}
        for name in ("spool", "state", "log", "run", "dev/nvidia-caps", "machines"):
            (folder / name).mkdir(parents=True)
        (folder / "out").mkdir()
        os.chmod(folder / "out", 0o1777)  # jobs of all users write here
        self.migctl("sim", "create", "lab", "--gpus", gpus, "--latency", "none", sim=False)
        self.make_nodes()
        self.write_files()

    # The machine -------------------------------------------------------------------------------

    def run(self, *words, check=True, timeout=PATIENCE_S * 3, **more):
        done = subprocess.run(list(map(str, words)), env=self.environment, text=True, capture_output=True, timeout=timeout, check=False,
                              stdin=subprocess.DEVNULL, **more)
        expect(not check or done.returncode == 0, f"{' '.join(map(str, words))} ({done.returncode}): {done.stdout}{done.stderr}{self.logs()}")
        return done

    def migctl(self, *words, sim=True, **more):
        return self.run("migctl", *(("--sim", "lab") if sim else ()), *words, **more)

    def start(self, *words):
        return subprocess.Popen(list(map(str, words)), env=self.environment, text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)

    def layout(self, *profiles, gpu=0):
        """A layout file of GPU 0."""
        counts = {}
        for profile in profiles:
            counts[profile] = counts.get(profile, 0) + 1
        path = self.folder / "layout.yaml"
        path.write_text(json.dumps({"version": "v1", "mig-configs": {"x": [
            {"devices": [gpu], "mig-enabled": True, "mig-devices": counts}]}}), encoding="utf-8")
        return path

    def instances(self):
        """UUID -> (profile, own device nodes)."""
        files = json.loads(self.migctl("slurm", "generate", "--json").stdout)
        return {device["uuid"]: (device["type"], device["files"]) for device in files["devices"]}

    def make_nodes(self):
        major = unused_major()
        minors = self.folder / "machines/lab/tree/proc/driver/nvidia-caps/mig-minors"
        gpus = [node.name for node in (self.folder / "machines/lab/tree/dev").glob("nvidia[0-9]*")]
        for name in (*gpus, "nvidiactl"):
            self.make_node(self.dev / name, major, int(name[6:]) if name[6:].isdigit() else 255)
        for line in minors.read_text(encoding="utf-8").splitlines():
            where, minor = line.split()
            if where.split("/")[0] in {"gpu" + name[6:] for name in gpus}:
                self.make_node(self.dev / "nvidia-caps" / f"nvidia-cap{minor}", major, 1000 + int(minor))

    @staticmethod
    def make_node(path, major, minor):
        try:
            os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
        except OSError as error:
            raise Skip(f"device nodes cannot be made here: {error}") from error
        os.chmod(path, 0o666)

    # Slurm -------------------------------------------------------------------------------------

    def write_files(self):
        ctld_port, slurmd_port = free_ports(2)
        task = "task/cgroup" if self.constrained else "task/none"
        self.file("slurm.conf").write_text(
            CONF.format(folder=self.folder, ctld_port=ctld_port, slurmd_port=slurmd_port, node=self.node, task=task), encoding="utf-8")
        self.file("cgroup.conf").write_text(CGROUP, encoding="utf-8")
        exports = "".join(f"export {name}='{value}'\n" for name, value in self.environment.items())
        for name in ("prolog", "epilog", "task-prolog"):
            self.script(name, f"{exports}exec {ROOT}/integrations/slurm/{name} 2>>{self.folder}/log/{name}.log\n"
                        if name != "task-prolog" else f"{exports}exec {ROOT}/integrations/slurm/{name}\n")
        for name, command in (("slurmctld", "slurmctld -f"), ("slurmd", f"slurmd -N {self.node} -f")):
            self.script(f"restart-{name}", f"""echo begun >> {self.folder}/run/restarts-{name}
while test -e {self.folder}/run/hold-{name}; do sleep 0.05; done
test -e {self.folder}/run/fail-{name} && {{ echo "no {name} today" >&2; exit 3; }}
pid=$(cat {self.folder}/run/{name}.pid 2>/dev/null)
test -n "$pid" && kill "$pid" 2>/dev/null
for i in $(seq 400); do test -n "$pid" && kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
test -e {self.folder}/run/lost-{name} && exit 4
{command} {self.folder}/slurm.conf
""")
        self.settings()

    def settings(self, **more):
        settings = {"version": "v1", "node": self.node, "dev": str(self.dev), "hpc_jobs": str(self.folder / "jobs"), "settle": "60s",
                    "restart": {name: [str(self.folder / f"restart-{name}")] for name in ("slurmctld", "slurmd")}, **more}
        self.file("slurm.yaml").write_text(json.dumps(settings), encoding="utf-8")

    def file(self, name):
        return self.folder / name

    def script(self, name, text):
        self.file(name).write_text("#!/bin/sh\n" + text, encoding="utf-8")
        os.chmod(self.file(name), 0o755)

    def start_munge(self):
        key = self.folder / "run/munge.key"
        if not key.exists():
            key.write_bytes(os.urandom(1024))
            os.chmod(key, 0o400)
        run = self.folder / "run"
        self.run("munged", f"--key-file={key}", f"--socket={run}/munge.sock", f"--pid-file={run}/munged.pid",
                 f"--log-file={self.folder}/log/munged.log", f"--seed-file={run}/munged.seed")

    def up(self):
        """All daemons, on the layout that is there."""
        self.migctl("slurm", "generate", "--write")
        self.start_munge()
        self.run(self.file("restart-slurmctld"))
        self.run(self.file("restart-slurmd"))
        self.wait_state("IDLE")

    def state(self):
        """State of the node: IDLE+DRAIN; "" = no answer."""
        done = self.run("scontrol", "--oneliner", "show", "node", self.node, check=False)
        words = [word for word in done.stdout.split() if word.startswith("State=")]
        return words[0][len("State="):] if words else ""

    def wait_state(self, *flags):
        wait(lambda: f"node {self.node} is {'+'.join(flags)}: {self.state()} {self.logs()}", lambda: self.state() == "+".join(flags))

    def gone(self, name):
        """Ends a daemon, and waits for it."""
        path = self.folder / f"run/{name}.pid"
        with contextlib.suppress(OSError, ValueError):
            pid = int(path.read_text(encoding="utf-8"))
            os.kill(pid, signal.SIGTERM)
            with contextlib.suppress(Failed):
                wait(f"{name} ends", lambda: not lives(pid), 20)
            if lives(pid):
                os.kill(pid, signal.SIGKILL)

    def down(self):
        for job in self.run("squeue", "--noheader", "--format=%i", check=False, timeout=60).stdout.split():
            self.run("scancel", "--signal=KILL", job, check=False)
        with contextlib.suppress(Failed):
            wait("jobs are gone", lambda: not self.steps(), 15)
        for name in ("slurmd", "slurmctld", "munged"):
            self.gone(name)
        for pid in self.steps():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for group in pathlib.Path("/sys/fs/cgroup").glob(f"*/slurm_{self.node}"):
            for path, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(path)

    def steps(self):
        """Pids of slurmstepd processes of this node, by the folder that they are told."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                with contextlib.suppress(OSError):
                    words = pathlib.Path("/proc", entry, "environ").read_bytes()
                    if pathlib.Path("/proc", entry, "comm").read_text(encoding="utf-8").strip() == "slurmstepd" \
                            and str(self.folder).encode() in words:
                        found.append(int(entry))
        return found

    def logs(self):
        text = ""
        for path in sorted((self.folder / "log").glob("*.log")):
            text += f"\n--- {path.name}\n" + path.read_text(encoding="utf-8", errors="replace")[-1500:]
        return text

    # Jobs --------------------------------------------------------------------------------------

    def submit(self, gres, command, *options):
        out = self.folder / "out" / f"job-{time.monotonic_ns()}.out"
        words = ("sbatch", "--parsable", "-o", out, *((f"--gres={gres}",) if gres else ()), *options, "--wrap", command)
        return self.run(*words).stdout.strip(), out

    def queue(self):
        """Job -> state of all that are not over."""
        lines = self.run("squeue", "--noheader", "--format=%i %T").stdout.split("\n")
        return dict(line.split() for line in lines if line)

    def wait_job(self, job, *states):
        wait(lambda: f"job {job} is {states or 'over'}: {self.queue()} {self.state()} {self.logs()}",
             lambda: self.queue().get(job) in (states or (None, "COMPLETED", "COMPLETING")))


def lives(pid):
    try:
        return pathlib.Path("/proc", str(pid), "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


@contextlib.contextmanager
def cluster(binaries, gpus, profiles):
    """A cluster on a machine with that layout of GPU 0."""
    if os.geteuid() != 0:
        raise Skip("only root can run slurmd and make device nodes")
    missing = [name for name in PROGRAMS if not shutil.which(name, path=f"/usr/sbin:{os.environ['PATH']}")]
    if missing:
        raise Skip(f"{', '.join(missing)} not installed: slurm-wlm and munge of scripts/packages.txt")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mig-slurm-"))
    os.chmod(folder, 0o755)
    made = None
    try:
        made = Cluster(pathlib.Path(binaries).resolve(), folder, gpus)
        made.migctl("apply", "-f", made.layout(*profiles))
        made.up()
        yield made
    finally:
        if made is not None:
            made.down()
        shutil.rmtree(folder, ignore_errors=True)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ways out of a lease: each job below tries to leave something on its instance that outlives its lease.

Usage: escapes.py BIN [-k NAME] [--cgroups host|v2|v1|none]       needs root

Each is run with the control groups of the machine, with version 2 or 1 only, and with none. In all of them nothing of the
job is on the instance when the next user has it.
"""
import contextlib
import os
import pathlib
import shutil
import sys
import time

import box as frame
from box import TRAIN, Skip, expect, processes, wait

TIME = ("--timeout", "2500ms", "--grace", "500ms")
DEVICES = "all"  # of the jobs that need setuid programs or control groups of their own; see run's --devices


def start_job(box, script, *options):
    """A job of b's, whose lease lasts 3 s."""
    (box.folder / "job.sh").write_text(script + "\n", encoding="utf-8")
    return box.start(box.b, "migctl", "--sim", "m", "run", *TIME, *options, "--", "bash", str(box.folder / "job.sh"))


def next_user_has_it_alone(box, job, what=""):
    """c gets the instance, and then nothing of b's is on it, in it or with its nodes open."""
    code, text = box.migctl(box.c, "lease", "acquire", "--for", "5m", "--wait", "3m", timeout=frame.PATIENCE_S * 3)
    on_it = box.pids_on_instances()
    left = [process for process in processes(box.b) if process.pid in on_it or process.name == "mig-workload"
            or has_node_open(box, process.pid)]
    expect(code == 0, f"the next user: {code}: {text}; {what}; {job.text()}; log: {box.log.read_text()[-800:]}")
    expect(not left, f"the next user has the instance, and so have {left} {what}")


def has_node_open(box, pid):
    return bool(box.open_nodes(pid))


def escape(script, count=1, options=()):
    """A test of a job that is only a shell script."""
    def decorate(function):
        def attack(box):
            box.machine("1g.5gb")
            box.serve()
            job = start_job(box, script, *options)
            box.wait_training(box.b, count)
            next_user_has_it_alone(box, job)
        attack.__name__, attack.__doc__ = function.__name__, function.__doc__
        return attack
    return decorate


@escape(f"setsid {TRAIN} & sleep 60")
def setsid(_):
    """Another session and process group."""


@escape(f"(cd / && setsid sh -c '{TRAIN} </dev/null >/dev/null 2>&1 &'); sleep 60")
def double_fork(_):
    """As a daemon does: fork, setsid, fork, no terminal, no folder, no output."""


@escape(f"setsid sh -c '{TRAIN} >/dev/null 2>&1 &'; sleep 0.7")
def reparented(_):
    """The command ends by itself; what it started belongs to init then."""


@escape(f"nohup {TRAIN} >/dev/null 2>&1 & disown; sleep 60")
def nohup(_):
    """SIGHUP ignored, and out of the shell's table."""


@escape(f"trap '' TERM INT HUP QUIT USR1 USR2; nice -n 19 setsid {TRAIN} & sleep 60")
def every_signal_ignored(_):
    """But SIGKILL."""


@escape(f"unshare -Urmn --propagation private setsid {TRAIN} & sleep 60")
def user_namespace(_):
    """Processes that are root in namespaces of their own."""


def tmux(box):
    """A server that the first client starts and that lives on."""
    if not shutil.which("tmux"):
        raise Skip("no tmux")
    box.machine("1g.5gb")
    box.serve()
    job = start_job(box, f"tmux -L x -f /dev/null new-session -d '{TRAIN}'; sleep 60")
    box.wait_training(box.b)
    next_user_has_it_alone(box, job)


def fork_bomb(box):
    """Processes that fork as fast as they can, up to the user's limit of processes."""
    box.machine("1g.5gb")
    box.serve()
    job = start_job(box, f"setsid {TRAIN} & bomb() {{ trap '' TERM; while :; do bomb & done; }}; (bomb) 2>/dev/null & sleep 60")
    box.wait_training(box.b)
    wait("the bomb goes off", lambda: len(processes(box.b)) >= frame.MOST_PROCESSES // 2)
    next_user_has_it_alone(box, job)
    if frame.has_cgroups():
        wait(lambda: f"and its bomb has ended: {len(processes(box.b))} processes", lambda: not processes(box.b, "bash"))


def runs_from_the_kill(box):
    """A process that is always another one: each forks the next, which stays on the instance, and ends."""
    box.machine("1g.5gb")
    box.serve()
    job = start_job(box, f"exec python3 {box.programs} rabbit")
    # A look at /proc may miss each of its processes.
    wait(lambda: f"the chain runs: {job.text()}", lambda: "runs with" in job.text())
    time.sleep(1)
    code, text = box.migctl(box.c, "lease", "acquire", "--for", "5m", "--wait", "3m", timeout=frame.PATIENCE_S * 3)
    expect(code == 0, f"the next user: {code}: {text} {job.text()}")
    left = [process for process in processes(box.b) if has_node_open(box, process.pid)]
    expect(not left, f"the next user has the instance, and so have {left}")


def traced(box):
    """A tracer outside of the lease swallows its tracee's signals."""
    if not shutil.which("strace"):
        raise Skip("no strace")
    box.machine("1g.5gb")
    box.serve()
    job = start_job(box, f"setsid {TRAIN} & sleep 60")
    training = box.wait_training(box.b)[0]
    tracer = box.start(box.b, "python3", box.programs, "trace", str(training.pid))
    wait(lambda: f"the tracer has it: {tracer.text()}", lambda: "has it" in tracer.text() or tracer.poll() is not None)
    if tracer.poll() is not None:
        raise Skip(f"ptrace: {tracer.text()}")
    next_user_has_it_alone(box, job)


def entered_from_outside(box):
    """A process that the job did not start enters its namespaces (nsenter) and uses its instance."""
    box.machine("1g.5gb")
    box.serve()
    job = start_job(box, f"{TRAIN} & sleep 60")
    training = box.wait_training(box.b)[0]
    environ = dict(line.split("=", 1) for line in
                   pathlib.Path(f"/proc/{training.pid}/environ").read_text().split("\0") if "=" in line)
    other = box.start(box.b, "nsenter", "--preserve-credentials", "-U", "-m", "-t", str(training.pid), *TRAIN.split(),
                      environment={"CUDA_VISIBLE_DEVICES": environ["CUDA_VISIBLE_DEVICES"]})
    wait(lambda: f"the second is on the instance: {other.text()}",
         lambda: len(box.trainings(box.b)) == 2 or other.poll() is not None)
    expect(other.poll() is None or "denied" in other.text() or "not permitted" in other.text() or
           "nsenter" in other.text(), f"nsenter: {other.text()}")
    next_user_has_it_alone(box, job)


def from_cron(box):
    """A process that nobody's lease started, as at or cron do, on what its user has leased meanwhile."""
    box.machine("1g.5gb")
    box.serve()
    uuid = box.instances()[0][2]
    job = start_job(box, f"{TRAIN} & sleep 60")
    box.wait_training(box.b)
    box.start(box.b, "sh", "-c", f"trap '' TERM; {TRAIN}", environment={"CUDA_VISIBLE_DEVICES": uuid})
    box.wait_training(box.b, 2)
    next_user_has_it_alone(box, job)


def descriptor_kept(box):
    """An open capability node that goes to a process outside of the job, over a socket."""
    box.machine("1g.5gb")
    box.serve()
    path = box.folder / f"home-{box.b}" / "fd.sock"
    keeper = box.start(box.b, "python3", box.programs, "keep", str(path))
    wait("the keeper listens", path.exists)
    job = start_job(box, f"setsid {TRAIN} & python3 {box.programs} give {path} {' '.join(box.nodes())}; sleep 60")
    box.wait_training(box.b)
    wait(lambda: f"the keeper has a node: {keeper.text()} {job.text()}", lambda: "kept" in keeper.text())
    expect(has_node_open(box, keeper.pid), f"the descriptor is open in pid {keeper.pid}")
    next_user_has_it_alone(box, job)
    expect(not has_node_open(box, keeper.pid), "nor is the descriptor open still")


def node_by_another_name(box):
    """In a mount namespace of its own the job binds its nodes to names that say nothing, and opens those."""
    box.machine("1g.5gb")
    box.serve()
    nodes = " ".join(box.nodes())
    job = start_job(box, f"""cat >$HOME/inner <<'END'
trap '' TERM
mount -t tmpfs none /mnt || exit 9
number=10
for node in {nodes}; do
  : >/mnt/notes-$number && mount --bind $node /mnt/notes-$number && eval "exec $number</mnt/notes-$number"
  number=$((number + 1))
done
umount -l /mnt/notes-10
while :; do sleep 600; done
END
setsid unshare -Urm --propagation private bash $HOME/inner & sleep 60""")
    wait(lambda: f"it has them open: {job.text()}",
         lambda: any(len(box.open_nodes(process.pid)) == 2 for process in processes(box.b)) or job.poll() is not None)
    expect(job.poll() is None, f"the job: {job.text()}")
    next_user_has_it_alone(box, job)


def descriptor_given_to_another_user(box):
    """...of another user, who leases nothing there. Admins are told; with `unleased: end` it ends."""
    box.machine("1g.5gb")
    box.serve(tenants=f"version: v1\nunleased: end\ntenants:\n  t: {{users: [{box.b}, {box.c}]}}\n  u: {{users: [{box.a}]}}\n")
    (box.folder / "open").mkdir()
    (box.folder / "open").chmod(0o1777)
    path = box.folder / "open" / "fd.sock"
    keeper = box.start(box.a, "python3", box.programs, "keep", str(path))
    wait("the keeper listens", path.exists)
    job = start_job(box, f"setsid {TRAIN} & python3 {box.programs} give {path} {' '.join(box.nodes())}; sleep 60")
    wait(lambda: f"the keeper had a node: {keeper.text()} {job.text()}", lambda: "kept" in keeper.text())
    wait(lambda: f"it ends: {keeper.text()} log: {box.log.read_text()}", lambda: keeper.poll() is not None)
    next_user_has_it_alone(box, job)


def opened_at_the_last_moment(box):
    """Processes that open the nodes one after the other around the end of the lease: between the daemon's look and its closing of
    the nodes, too."""
    box.machine("1g.5gb")
    box.serve()
    for delay in (0, 40, 80):
        status, document = box.ask(box.b, "POST", "/v1/leases", {"limitMs": 1500})
        expect(status == 200, document)
        late = box.start(box.b, "python3", box.programs, "late", str(1480 + delay), *box.nodes())
        next_user_has_it_alone(box, late)
        frame.end_all([box.b])
        for lease in box.leases():
            box.ask(0, "DELETE", f"/v1/leases/{lease['id']}")
        wait(lambda: f"no lease is left: {box.leases()}", lambda: not box.leases())


def other_control_group(box):
    """A job that moves itself into a control group that root gave to its user."""
    roots = [root for root in frame.cgroup_roots() if os.access(root, os.W_OK)]
    if not roots:
        raise Skip("no control groups")
    box.machine("1g.5gb")
    box.serve()
    given = []
    for root in roots:
        folder = pathlib.Path(root) / f"given-{box.b}"
        folder.mkdir()
        given.append(folder)
        for part in (folder, folder / "cgroup.procs", folder / "tasks"):
            if part.exists():
                os.chown(part, box.b, box.b)
    try:
        moves = "; ".join(f"echo $BASHPID 2>/dev/null >{folder}/cgroup.procs" for folder in given)
        job = start_job(box, f"({moves}; exec setsid {TRAIN}) 2>/dev/null & sleep 60")
        box.wait_training(box.b)
        next_user_has_it_alone(box, job)
    finally:
        frame.end_all([box.b])
        for folder in given:
            wait(f"{folder} is empty", lambda folder=folder: not (folder / "cgroup.procs").read_text())
            folder.rmdir()


def setuid_program(box):
    """A member that becomes another user by a setuid program (su, sudo) is a member still, where control groups tell."""
    if not frame.has_cgroups():
        raise Skip("without control groups nothing ties another user's process to the job")
    box.machine("1g.5gb")
    box.serve()
    become = box.folder / "become"
    shutil.copy(shutil.which("setpriv"), become)
    become.chmod(0o4755)
    job = start_job(box, f"{become} --reuid {box.a} --clear-groups setsid sleep 600 & {TRAIN} & sleep 60", "--devices", DEVICES)
    box.wait_training(box.b)
    if not processes(box.a, "sleep"):
        time.sleep(0.5)
    if not processes(box.a, "sleep"):
        raise Skip(f"setuid programs have no effect here: {job.text()}")
    next_user_has_it_alone(box, job)
    wait(lambda: f"it ends: {processes(box.a)}", lambda: not processes(box.a, "sleep"))


def sleepers_end_too(box):
    """What is not on the instance (a helper, a shell) ends too where control groups hold it."""
    if not frame.has_cgroups():
        raise Skip("without control groups helpers that use no instance are not told from others")
    box.machine("1g.5gb")
    box.serve()
    job = start_job(box, "setsid sleep 600 & setsid sh -c 'trap \"\" TERM; sleep 600; sleep 600' & setsid sh -c 'sleep 600 &'")
    wait(lambda: f"they run: {job.text()}", lambda: len(processes(box.b, "sleep")) == 3 or job.poll() is not None)
    wait(lambda: f"they end: {processes(box.b)}", lambda: not processes(box.b))


def nothing_is_left_in_control_groups(box):
    """The folders that a job's processes are in are gone after its lease."""
    if not frame.has_cgroups():
        raise Skip("no control groups")
    before = frame.folders_of(os.getpid())
    box.machine("1g.5gb")
    box.serve()

    def folders():
        for process in processes(box.b, "sleep"):
            with contextlib.suppress(OSError):  # it may have ended meanwhile
                return frame.folders_of(process.pid) - before
        return set()
    for script in ("setsid sleep 600 & sleep 3", "sleep 3; exit 3"):
        job = start_job(box, script)
        theirs = wait(lambda job=job: f"the job runs in a control group of its own: {job.text()}", folders)
        wait(lambda: f"its lease ends: {box.leases()}", lambda: not box.leases())
        wait(lambda theirs=theirs: f"{theirs} are removed", lambda: not any(map(os.path.exists, theirs)))


ATTACKS = [setsid, double_fork, reparented, nohup, every_signal_ignored, user_namespace, tmux, fork_bomb,
           runs_from_the_kill, traced, entered_from_outside, from_cron, descriptor_kept, node_by_another_name, descriptor_given_to_another_user,
           opened_at_the_last_moment, other_control_group, setuid_program, sleepers_end_too, nothing_is_left_in_control_groups]

if __name__ == "__main__":
    sys.exit(frame.main(ATTACKS, "escapes", frame.KINDS))

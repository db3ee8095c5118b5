#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may end, see, overwrite and take what: users against each other, and against root.

Usage: rules.py BIN [-k NAME]       needs root
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import box as frame
from box import TRAIN, Skip, call_as, expect, processes, wait

PERMISSION = 7  # exit code
UNTIL_NEXT = ("--wait", "3s")


def stays(box, uid, what):
    """The only training of that user is there still, and so is its lease."""
    expect(len(box.trainings(uid)) == 1 and any(lease["uid"] == uid for lease in box.leases()), what)


def preemption_without_a_file(box):
    """No tenants file: nobody ends anybody."""
    box.machine("3g.20gb")
    box.serve()
    expect(box.migctl(box.b, "run", "-d", "--", *TRAIN.split())[0] == 0, "a job")
    box.wait_training(box.b)
    for words in (["--priority", "100", "--preempt"], ["--priority", "1"], ["--preempt"], ["--priority", "100"]):
        code, text = box.migctl(box.c, "run", *words, *UNTIL_NEXT, "--", "true")
        expect(code == PERMISSION, f"run {' '.join(words)}: {code}: {text}")
        stays(box, box.b, f"{words} of a stranger ended the job")
    status, document = box.ask(box.c, "POST", "/v1/leases", {"limitMs": 5000, "priority": 100, "preempt": True,
                                                           "waitMs": 100, "graceMs": 0})
    expect(status == 403, f"by hand: {status} {document}")
    stays(box, box.b, "a request by hand ended the job")


def preemption_that_the_site_does_not_want(box):
    """A tenant's right is nothing while the site's preemption is off."""
    box.machine("3g.20gb")
    box.serve(tenants=f"""version: v1
tenants:
  low: {{users: [{box.b}]}}
  high: {{users: [{box.c}], job: {{priority: 50, preempt: true}}}}
""")
    expect(box.migctl(box.b, "run", "-d", "--", *TRAIN.split())[0] == 0, "a job")
    box.wait_training(box.b)
    code, text = box.migctl(box.c, "run", "--priority", "50", "--preempt", *UNTIL_NEXT, "--", "true")
    expect(code != 0, f"preemption is off: {code}: {text}")
    stays(box, box.b, "preemption is off, and the job ended")


def the_grace_is_the_sites(box):
    """Who preempts cannot shorten what the site gives to who goes."""
    box.machine("3g.20gb")
    box.serve(tenants=f"""version: v1
preemption: {{enabled: true, grace: 5s}}
tenants:
  low: {{users: [{box.b}]}}
  high: {{users: [{box.c}], job: {{priority: 50, preempt: true}}}}
""")
    note = box.folder / f"home-{box.b}" / "times"
    script = f"trap 'date +%s.%N >>{note}' TERM; {TRAIN} & while :; do date +%s.%N >>{note}.last; sleep 0.1; done"
    expect(box.migctl(box.b, "run", "-d", "--", "bash", "-c", script)[0] == 0, "a job")
    box.wait_training(box.b)
    code, text = box.migctl(box.c, "run", "--priority", "50", "--preempt", "--grace", "0s", "--wait", "60s", "--", "true")
    if code == PERMISSION or "grace" in text:
        return  # refused: that is in order, too
    expect(code == 0, f"the site allows it: {code}: {text}")
    asked, last = float(note.read_text().split()[0]), float(pathlib.Path(f"{note}.last").read_text().split()[-1])
    expect(last - asked > 4, f"the site gives 5 s, the victim had {last - asked:.2f} s")


def others_are_no_stronger(box):
    """`others: user` does not let a stranger do more than a named tenant."""
    box.machine("3g.20gb")
    box.serve(tenants=f"version: v1\nothers: user\ntenants:\n  t: {{users: [{box.a}], job: {{priority: 5}}}}\n")
    expect(box.migctl(box.a, "run", "-d", "--priority", "5", "--", *TRAIN.split())[0] == 0, "a job of a named tenant")
    box.wait_training(box.a)
    for words in (["--priority", "100", "--preempt"], ["--priority", "100"], ["--create", "--profile", "1g.5gb"]):
        code, text = box.migctl(box.c, "run", *words, *UNTIL_NEXT, "--", "true")
        expect(code == PERMISSION, f"run {' '.join(words)} of an unnamed user: {code}: {text}")
        stays(box, box.a, f"{words} of an unnamed user ended the job")


def past_the_daemon(box):
    """A client that pretends that there is no daemon gets no access to what is leased, nor beyond its quota."""
    box.machine("3g.20gb", "1g.5gb")
    box.serve(tenants=f"version: v1\ntenants:\n  a: {{users: [{box.a}]}}\n  b: {{users: [{box.b}], quota: {{slices: 1}}}}\n")
    code, text = box.migctl(box.a, "lease", "acquire", "--profile", "3g.20gb", "--for", "5m")
    expect(code == 0, text)
    uuid = text.split()[0]
    for extra in ([], ["--devices", "all"], ["--uuid", uuid]):
        code, text = box.run_as(box.b, "migctl", "-q", "--sim", "m", "run", *extra, "--", "mig-workload", "train", "--steps", "20",
                                environment={"MIGCTL_SOCKET": "/nowhere"})
        expect(code != 0, f"MIGCTL_SOCKET=/nowhere run {' '.join(extra)} works: {text}")
    code, text = box.run_as(box.b, "mig-workload", "train", "--steps", "20", environment={"CUDA_VISIBLE_DEVICES": uuid})
    expect(code != 0, f"and without migctl: {text}")
    code, text = box.migctl(box.b, "run", "--", "mig-workload", "train", "--steps", "20")
    expect(code == 0, f"and by a lease it works: {code}: {text}")


def new_instances_are_born_closed(box):
    """When the command that made an instance has ended, nobody can open it: not at the daemon's next look only, and without the
    daemon, too."""
    box.machine("1g.5gb")
    box.serve()

    def opened():
        found = []
        for node in box.nodes():
            try:
                os.close(os.open(node, os.O_RDONLY))
                found.append(node)
            except PermissionError:
                continue
        return found
    for number in range(8):
        if number == 6:
            box.kill_daemon()
        box.make("1g.5gb", "2g.10gb")
        found = call_as(box.c, opened)
        expect(not found, f"opened: {found}")
        box.root("-q", "--sim", "m", "destroy", "-i", "0", "--all")


def shell_of_roots_machine(box):
    """`sim shell` makes nobody an admin of root's machine."""
    box.machine("3g.20gb")
    before = box.instances()
    _, text = box.run_as(box.c, "migctl", "sim", "shell", "m", "--", "sh", "-c", "nvidia-smi mig -dci; nvidia-smi mig -dgi; "
                         "migctl destroy -i 0 --all; migctl mode disable -i 0; sudo nvidia-smi mig -dci")
    expect(box.instances() == before, f"a user destroyed instances of root's: {text}")


def links_of_others(box):
    """What root writes follows nobody else's link, in a folder that everybody writes to and in one of another's."""
    box.machine("1g.5gb")
    sticky = box.folder / "sticky"
    sticky.mkdir()
    sticky.chmod(0o1777)
    theirs = box.folder / f"home-{box.c}" / "out"
    call_as(box.c, lambda: theirs.mkdir())
    for folder in (sticky, theirs):
        for number, words in enumerate((["checkpoint", "-f"], ["generate-config", "-f"])):
            victim = box.folder / f"victim-{folder.name}-{number}"
            victim.write_text("precious\n")
            link = folder / f"file-{number}"
            call_as(box.c, lambda link=link, victim=victim: os.symlink(victim, link))
            box.root("-q", "--sim", "m", *words, str(link), check=False)
            expect(victim.read_text() == "precious\n", f"migctl {' '.join(words)} writes through a link of another user's")
            hard = folder / f"hard-{number}"
            try:
                call_as(box.c, lambda hard=hard, victim=victim: os.link(victim, hard))
            except Exception:  # protected_hardlinks
                continue


def machines_below_a_users_folder(box):
    """Root makes no machine through a link of a user's, whose target would become its own."""
    root = box.folder / f"home-{box.c}" / "machines"
    target = box.folder / "roots-own"
    target.mkdir(mode=0o700)
    call_as(box.c, lambda: os.symlink(target, root))
    done = subprocess.run(["migctl", "sim", "create", "x", "--gpus", "1x a100-sxm4-40gb"], text=True, capture_output=True,
                          env={**box.environment, "MIGSIM_ROOT": str(root)})
    expect(not list(target.iterdir()), f"made through another's link: {done.returncode} {done.stdout}{done.stderr}")


def only_roots_processes_are_services(box):
    """A process that calls itself Xorg, or nvidia-persistenced, is evicted like any other."""
    for name in ("Xorg", "nvidia-persiste", "gnome-shell"):
        box.root("sim", "destroy", "--force", "m", check=False)
        box.machine("3g.20gb")
        program = box.folder / f"home-{box.c}" / name
        shutil.copy(shutil.which("sleep"), program)
        program.chmod(0o755)
        node = box.nodes()[0]
        holder = box.start(box.c, "sh", "-c", f"exec 9<{node}; exec {program} 600")
        wait("it has the node open", lambda: node in {os.path.realpath(f"/proc/{holder.pid}/fd/9")})
        done = box.root("-q", "--sim", "m", "destroy", "-i", "0", "--all", "--evict=1s", check=False)
        expect(done.returncode == 0, f"{name} of a user's: {done.returncode}: {done.stdout}{done.stderr}")
        expect(not processes(box.c, name), f"{name} runs on")


def units_of_two_users(box):
    """Two users' own jupyter.service are two units; and a unit of another user's is not one's own."""
    roots = [root for root in frame.cgroup_roots() if os.path.basename(root) == "systemd" or
             os.path.exists(f"{root}/cgroup.controllers")]
    if not roots:
        raise Skip("no control groups of systemd's")
    box.machine("1g.5gb", "1g.5gb", "1g.5gb")
    box.serve()
    made, sleepers = [], []
    root = pathlib.Path(roots[0])
    try:
        for uid in (box.a, box.b):
            folder = root / f"tenancy-{box.a}" / f"user-{uid}.slice" / "jupyter.service"
            folder.mkdir(parents=True)
            made.append(folder)
            sleepers.append(box.start(uid, "sleep", "600"))
            (folder / "cgroup.procs").write_text(str(sleepers[-1].pid))
        for uid in (box.a, box.b):
            code, text = box.migctl(uid, "lease", "acquire", "--unit", "jupyter.service")
            expect(code == 0, f"the own unit: {code}: {text}")
        code, text = box.migctl(box.c, "lease", "acquire", "--unit", "jupyter.service")
        expect(code != 0, f"a unit of others: {text}")
        frame.end_all([box.a])
        wait(lambda: f"a's unit ends, b's does not: {box.leases()}",
             lambda: [lease["uid"] for lease in box.leases()] == [box.b])
    finally:
        frame.end_all(box.users)
        for folder in made:
            wait("the unit is empty", lambda folder=folder: not (folder / "cgroup.procs").read_text())
            folder.rmdir()
            folder.parent.rmdir()
        (root / f"tenancy-{box.a}").rmdir()


def no_driver_is_no_simulator(box):
    """migd on a node without a driver serves no simulated machine that happens to be there."""
    box.machine("1g.5gb")
    other = str(box.folder / "x.sock")
    daemon = subprocess.Popen(["migd", "--socket", other], env=box.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        code, text = box.run_as(box.a, "migctl", "-q", "lease", "acquire", "--for", "2s", environment={"MIGCTL_SOCKET": other})
        expect(code != 0, f"served: {text}")
        wait("it ends", lambda: daemon.poll() is not None)
        expect(daemon.returncode not in (0, None), "and says why not")
    finally:
        daemon.kill()
        daemon.wait()


CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def names_with_control_characters(box):
    """A job's name brings no control character, no row and no direction mark to root's terminal or log."""
    box.machine("1g.5gb", "1g.5gb", "1g.5gb")
    box.serve()
    shown = []
    for name in ("\x1b[2Jx\nfake row", "a\tb\rc", "\x9b31mred", "x\u202egnp.exe", "\x7f\x08\x08", "a\u2028fake row"):
        box.migctl(box.c, "lease", "acquire", "--for", "1m", "--name", name)
        box.migctl(box.c, "run", "-d", "--name", name, "--timeout", "20s", "--", "sleep", "20")
        box.ask(box.c, "POST", "/v1/leases", {"limitMs": 60000, "job": name})
        box.ask(box.c, "POST", "/v1/leases", {"limitMs": 60000, "job": name, "waitMs": 100, "key": name})
        for words in (["lease", "list"], ["lease", "queue"], ["jobs", "--all"], ["history", "--leases"]):
            shown.append(box.root("--sim", "m", *words, check=False).stdout)
        shown.append(box.root("-v", "--sim", "m", "lease", "release", "1", check=False).stderr)
        for lease in box.leases():
            box.ask(0, "DELETE", f"/v1/leases/{lease['id']}")
    text = "".join(shown) + box.log.read_text()
    found = CONTROL.search(text)
    expect(not found, f"{found and text[max(0, found.start() - 60):found.end() + 20]!r}")
    expect(not re.search("^ *fake row", text, re.M), "a name makes a row of its own")


def what_another_user_may_do_to_a_lease(box):
    box.machine("1g.5gb", "1g.5gb")
    box.serve()
    holder = box.start(box.a, "sleep", "600")
    status, document = box.ask(box.a, "POST", "/v1/leases", {"holder": {"pid": holder.pid}})
    expect(status == 200, document)
    lease = document["leases"][0]["id"]
    own = box.start(box.c, "sleep", "600")
    for method, body in (("DELETE", None), ("PATCH", {"holder": {"pid": own.pid}}), ("PATCH", {"heir": {"pid": own.pid}}),
                         ("PATCH", {"holder": {"unit": "x.service"}})):
        status, document = box.ask(box.c, method, f"/v1/leases/{lease}", body)
        expect(status in (400, 403, 404), f"{method} {body} of another user's lease: {status} {document}")
    for pid in (holder.pid, 1, os.getpid(), own.pid):
        status, document = box.ask(box.a, "PATCH", f"/v1/leases/{lease}", {"heir": {"pid": pid}})
        expect((status == 200) == (pid == holder.pid), f"heir pid {pid}: {status} {document}")
    expect([one["id"] for one in box.leases()] == [lease], f"the lease stands: {box.leases()}")
    frame.end_all([box.a])
    wait(lambda: f"and ends with its holder: {box.leases()}", lambda: not box.leases())


def after_its_end(box):
    """A lease that is ending can be bound, inherited and lengthened by nobody, its user included."""
    box.machine("1g.5gb")
    box.serve()
    holder = box.start(box.a, "sleep", "600")
    status, document = box.ask(box.a, "POST", "/v1/leases", {"holder": {"pid": holder.pid}})
    expect(status == 200, document)
    lease, uuid = document["leases"][0]["id"], document["leases"][0]["uuid"]
    box.start(box.a, "sh", "-c", f"trap '' TERM; (trap '' TERM; exec {TRAIN})", environment={"CUDA_VISIBLE_DEVICES": uuid})
    box.wait_training(box.a)
    holder.kill()
    holder.wait()
    other = box.start(box.a, "sleep", "600")
    end = time.monotonic() + frame.PATIENCE_S
    while box.leases() and time.monotonic() < end:
        row = next((one for one in box.leases() if one["id"] == lease), None)
        if row and row.get("ending"):
            for body in ({"holder": {"pid": other.pid}}, {"heir": {"pid": other.pid}}, {"limitMs": 600000}):
                status, answer = box.ask(box.a, "PATCH", f"/v1/leases/{lease}", body)
                expect(status >= 400, f"PATCH {body} of a lease that is over: {status} {answer}")
            box.ask(box.a, "DELETE", f"/v1/leases/{lease}")
            status, _ = box.ask(box.a, "POST", "/v1/leases", {"limitMs": 1000, "waitMs": 1})
            expect(status != 200 or not box.trainings(box.a), "nor is the instance granted meanwhile")
        time.sleep(0.05)
    expect(not box.leases(), f"it ends: {box.leases()}")
    expect(not box.trainings(box.a), f"and what it had: {box.trainings(box.a)}")


def a_pid_that_comes_again(box):
    """A pid of a holder that has ended names another process: its lease is over, and who has the pid inherits nothing."""
    path = pathlib.Path("/proc/sys/kernel/ns_last_pid")
    if not os.access(path, os.W_OK):
        raise Skip("ns_last_pid cannot be set")
    box.machine("1g.5gb")
    box.serve()
    holder = box.start(box.a, "sleep", "600")
    status, document = box.ask(box.a, "POST", "/v1/leases", {"holder": {"pid": holder.pid}})
    expect(status == 200, document)
    box.kill_daemon()
    holder.kill()
    holder.wait()
    for _ in range(300):
        path.write_text(str(holder.pid - 1))
        again = box.start(box.c, "sleep", "600")
        if again.pid == holder.pid:
            break
        again.kill()
        again.wait()
    else:
        raise Skip("the pid did not come again")
    box.serve()
    wait(lambda: f"the lease is over: {box.leases()}", lambda: not box.leases())
    expect(again.poll() is None, "and who has the pid now lives")


def priority_upward(box):
    """One lowers one's own priority; upward stands the tenant's limit."""
    box.machine("1g.5gb")
    box.serve(tenants=f"version: v1\ntenants:\n  t: {{users: [{box.a}], job: {{priority: 3}}}}\n  u: {{users: [{box.b}]}}\n")
    for uid, priority, good in ((box.a, 3, True), (box.a, 4, False), (box.a, -100, True), (box.b, 0, True), (box.b, 1, False),
                                (box.b, -5, True)):
        code, text = box.migctl(uid, "run", "--priority", str(priority), "--wait", "60s", "--", "true")
        expect(code == (0 if good else PERMISSION), f"priority {priority}: {code}: {text}")


def create_is_a_right(box):
    box.machine()
    box.serve(tenants=f"version: v1\nothers: user\ntenants:\n  t: {{users: [{box.a}], job: {{create: true}}}}\n  u: {{users: [{box.b}]}}\n")
    for uid in (box.b, box.c):
        code, text = box.migctl(uid, "lease", "acquire", "--create", "--profile", "1g.5gb", "--for", "1s")
        expect(code == PERMISSION and not box.instances(), f"--create without the right: {code}: {text}")
    code, text = box.migctl(box.a, "lease", "acquire", "--create", "--profile", "1g.5gb", "--for", "1s")
    expect(code == 0 and len(box.instances()) == 1, f"--create with the right: {code}: {text}")


def environment_of_root(box):
    """A user's files and variables do not steer root's daemon: no tenants file, socket or library of a user's."""
    box.machine("1g.5gb")
    home = box.folder / f"home-{box.c}"
    own = home / "t.yaml"
    own.write_text(f"version: v1\ntenants:\n  m: {{users: [{box.c}], role: admin}}\n")
    os.chown(own, box.c, box.c)
    box.serve()
    code, text = box.run_as(box.c, "migctl", "-q", "--sim", "m", "lease", "list", environment={"MIGCTL_TENANTS": str(own)})
    expect(code == 0, text)
    holder = box.start(box.a, "sleep", "600")
    box.ask(box.a, "POST", "/v1/leases", {"holder": {"pid": holder.pid}, "job": "secret"})
    code, text = box.run_as(box.c, "migctl", "-q", "--sim", "m", "lease", "release", "1", environment={"MIGCTL_TENANTS": str(own)})
    expect(code != 0 and len(box.leases()) == 1, f"a tenants file of one's own: {code}: {text}")


def parallel_daemons(box):
    """A user's own daemon on root's machine: it takes no socket over, and its grants are worth nothing."""
    box.machine("1g.5gb")
    box.serve()
    box.start(box.c, "migctl", "--sim", "m", "serve")
    box.start(box.c, "migctl", "--sim", "m", "serve", "--socket", str(box.folder / f"home-{box.c}" / "s"))
    time.sleep(0.5)
    code, text = box.migctl(box.a, "lease", "acquire", "--for", "5m")
    expect(code == 0 and box.leases()[0]["uid"] == box.a, f"root's daemon serves: {code}: {text}")
    uuid = box.leases()[0]["uuid"]
    code, text = box.run_as(box.c, "migctl", "-q", "--sim", "m", "run", "--devices", "all", "--", "mig-workload", "train",
                            "--steps", "5", environment={"MIGCTL_SOCKET": str(box.folder / f"home-{box.c}" / "s"),
                                                         "CUDA_VISIBLE_DEVICES": uuid})
    expect(code != 0, f"on what is a's: {text}")


ATTACKS = [preemption_without_a_file, preemption_that_the_site_does_not_want, the_grace_is_the_sites, others_are_no_stronger,
           past_the_daemon, new_instances_are_born_closed, shell_of_roots_machine, links_of_others,
           machines_below_a_users_folder, only_roots_processes_are_services, units_of_two_users, no_driver_is_no_simulator,
           names_with_control_characters, what_another_user_may_do_to_a_lease, after_its_end, a_pid_that_comes_again,
           priority_upward, create_is_a_right, environment_of_root, parallel_daemons]

if __name__ == "__main__":
    sys.exit(frame.main(ATTACKS, "rules"))

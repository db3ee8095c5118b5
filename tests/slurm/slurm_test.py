#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real Slurm 22.05 on a simulated H200, driven by `migctl slurm`.

    slurm_test.py BIN jobs | changes [--layouts N] | failures | daemons | crashes

jobs: each job gets the UUIDs of its instances, opens their nodes and no other's, and has a lease and a file for metrics as long
as it runs. changes: growth, shrink and random layouts with jobs in the queue: the node is in use at the end, no job is lost.
failures, daemons: what can go wrong, each told in words, with files, layout and node as they were. crashes: kill -9 in every step, then
recover. Exit code 77: not root, or no Slurm.
"""
import argparse
import json
import os
import pwd
import random
import re
import signal
import sys
import time

from cluster import cluster
import verdict  # its folder is on the path by cluster
from verdict import expect, wait

BOARD = "1x h200-141gb"
FIRST = ("1g.18gb", "1g.18gb", "3g.71gb")
OPEN = "for f in $(cat {list}); do dd if=$f of=/dev/null count=1 2>&1 | head -1; done"
LIVES = 'echo "$CUDA_VISIBLE_DEVICES" >> {out}.uuid; sleep 600'


def apply(box, *profiles, options=(), check=True, **more):
    return box.migctl("slurm", "apply", "-f", box.layout(*profiles), *options, check=check, **more)


def files_of(box):
    return {name: box.file(name).read_text(encoding="utf-8") for name in ("slurm.conf", "gres.conf")}


def shape(box):
    """Profiles of the machine, with their places."""
    document = json.loads(box.migctl("list", "--json", "--direct").stdout)
    return sorted((gi["profile"], gi["placement"]["start"]) for gpu in document["gpus"] for gi in gpu["gpuInstances"])


def expect_good(box, done=None):
    """The node takes jobs, and everything fits."""
    box.wait_state("IDLE")
    check = box.migctl("slurm", "check", check=False)
    expect(check.returncode == 0, f"slurm check: {check.stdout}{check.stderr} {done.stderr if done else ''}")


# jobs ------------------------------------------------------------------------------------------


def uuids_and_nodes(box):
    """srun, as users do: the UUID of the right profile; own nodes are open, others' refused."""
    instances = box.instances()
    listing = box.file("nodes")
    every = sorted({path for _, files in instances.values() for path in files})
    listing.write_text("\n".join(every) + "\n", encoding="utf-8")
    script = box.file("job.sh")
    box.script("job.sh", 'echo "uuid $CUDA_VISIBLE_DEVICES $NVIDIA_VISIBLE_DEVICES"\n' + OPEN.format(list=listing) + "\n")
    for gres, profile, count in (("gpu:1g.18gb:1", "1g.18gb", 1), ("gpu:3g.71gb:1", "3g.71gb", 1), ("gpu:1g.18gb:2", "1g.18gb", 2)):
        done = box.run("srun", f"--gres={gres}", script)
        found = re.search(r"^uuid (\S+) (\S+)$", done.stdout, re.MULTILINE)
        expect(found and found[1] == found[2], f"{gres}: {done.stdout}{done.stderr}{box.logs()}")
        uuids = found[1].split(",")
        expect(len(set(uuids)) == count and all(instances[uuid][0] == profile for uuid in uuids), f"{gres}: {uuids} of {instances}")
        own = {path for uuid in uuids for path in instances[uuid][1]}
        refused = {path for path in every if f"'{path}': Operation not permitted" in done.stdout}
        if box.constrained:
            expect(refused == set(every) - own, f"{gres}: refused {sorted(refused)}, own {sorted(own)}: {done.stdout}")
    none = box.run("srun", script)
    expect("MIG-" not in none.stdout, f"a job without GPUs has {none.stdout}")
    if box.constrained:
        expect(none.stdout.count("Operation not permitted") == len(every), f"a job without GPUs opens nodes: {none.stdout}")
        each = box.run("srun", "-n2", "--gpus-per-task=1g.18gb:1", script)
        found = re.findall(r"^uuid (\S+) ", each.stdout, re.MULTILINE)
        expect(len(found) == 2 and len(set(found)) == 2, f"tasks of one step: {each.stdout}")
    wrong = box.run("srun", "--gres=gpu:2g.35gb:1", "true", check=False)
    expect(wrong.returncode != 0, "a type that is not there was given")


def parallel_jobs_and_leases(box):
    """Jobs of two users at once have different instances; each has a lease and a file for metrics until it ends."""
    jobs = []
    for user in ("root", "nobody"):
        out = box.file(f"out/parallel-{user}")
        jobs.append((*box.submit("gpu:1g.18gb:1", LIVES.format(out=out), f"--uid={user}", f"--chdir={out.parent}"), out))
    uuids = []
    for job, log, out in jobs:
        file = out.with_suffix(".uuid")
        wait(lambda file=file, log=log: f"{file}: {box.queue()} {log.exists() and log.read_text()}{box.logs()}", file.exists)
        uuids.append(wait("a UUID", lambda file=file: file.read_text(encoding="utf-8").strip()))
    expect(len(set(uuids)) == 2 and all(uuid.startswith("MIG-") for uuid in uuids), f"two jobs have {uuids}")
    leases = {lease["uuid"]: lease for lease in json.loads(box.migctl("lease", "list", "--json").stdout)["leases"]}
    for (job, _, _), uuid in zip(jobs, uuids):
        expect(leases.get(uuid, {}).get("job") == f"slurm-{job}", f"the lease of job {job} on {uuid}: {leases}{box.logs()}")
    nobody = pwd.getpwnam("nobody").pw_uid
    expect([leases[uuid]["uid"] for uuid in uuids] == [0, nobody], f"leases are of {[leases[uuid]['uid'] for uuid in uuids]}")
    told = sorted(path.read_text(encoding="utf-8").strip() for path in box.file("jobs").glob("0.*"))
    expect(told == sorted(job for job, _, _ in jobs), f"hpc_job files: {told}")
    refused = apply(box, "7g.141gb", options=("--drain", "1s"), check=False)
    expect(refused.returncode == 13 and jobs[0][0] in refused.stderr, f"jobs run, and apply says: {refused.stderr}")
    box.wait_state("MIXED")
    for job, _, _ in jobs:
        box.run("scancel", job)
    wait(lambda: f"leases go: {box.migctl('lease', 'list').stdout}{box.logs()}",
         lambda: not json.loads(box.migctl("lease", "list", "--json").stdout)["leases"])
    wait("hpc_job files go", lambda: not list(box.file("jobs").glob("0.*")))


def a_foreign_lease(box):
    """An instance that is leased outside of Slurm is not shared with a job: the prolog fails."""
    uuid = next(uuid for uuid, (profile, _) in box.instances().items() if profile == "3g.71gb")
    lease = json.loads(box.migctl("lease", "acquire", "--uuid", uuid, "--for", "1h", "--json").stdout)["leases"][0]["id"]
    variables = {"SLURM_JOB_ID": "77", "SLURM_JOB_UID": "0", "SLURM_JOB_GPUS": "2"}
    box.environment.update(variables)
    done = box.migctl("slurm", "prolog", check=False)
    expect(done.returncode == 8, done.stderr)
    expect("leased outside of Slurm" in done.stderr, done.stderr)
    box.migctl("lease", "release", lease)
    box.migctl("slurm", "prolog")
    box.environment["SLURM_JOB_ID"] = "78"  # 77 ended without an epilog: the node was switched off
    box.migctl("slurm", "prolog")
    jobs = [one["job"] for one in json.loads(box.migctl("lease", "list", "--json").stdout)["leases"]]
    expect(jobs == ["slurm-78"], f"leases after the next job: {jobs}")
    box.migctl("slurm", "epilog")
    box.migctl("slurm", "epilog")  # once more is no failure
    for name in variables:
        del box.environment[name]


def through_the_daemon(box):
    """The same where migd keeps the leases."""
    daemon = box.start("migctl", "--sim", "lab", "serve")
    try:
        socket = box.file("machines/lab/run/migd.sock")
        wait(f"{socket}", socket.exists)
        for file in box.file("out").iterdir():
            file.unlink()
        parallel_jobs_and_leases(box)
        events = box.migctl("lease", "list").stdout
        expect("no leases" in events, events)
    finally:
        daemon.terminate()
        daemon.wait(60)


# changes ---------------------------------------------------------------------------------------


def grow_and_shrink(box):
    """Jobs wait in the queue while the layout changes under them; each runs in the end."""
    first, out = box.submit("gpu:3g.71gb:1", LIVES.format(out=box.file("first")))
    box.wait_job(first, "RUNNING")
    waiting = [box.submit("gpu:1g.18gb:1", 'echo "got $CUDA_VISIBLE_DEVICES"') for _ in range(3)]
    later = box.start("migctl", "--sim", "lab", "slurm", "apply", "-f", box.layout(*["1g.18gb"] * 5))
    wait(lambda: f"draining: {box.state()}", lambda: "DRAIN" in box.state())
    box.run("scancel", first)
    text, _ = later.communicate(timeout=180)
    expect(later.returncode == 0 and "waiting for" in text, f"growth ({later.returncode}): {text}{box.logs()}")
    for job, log in waiting:
        box.wait_job(job)
        wait(lambda log=log: f"{log}: {log.exists()} {box.logs()}", lambda log=log: log.exists() and "got MIG-" in log.read_text(encoding="utf-8"))
    expect_good(box)
    held, log = box.submit("gpu:1g.18gb:4", 'echo "got $CUDA_VISIBLE_DEVICES"', "--begin=now+1hour")
    done = apply(box, "1g.18gb", "4g.71gb")
    expect_good(box, done)
    expect(held in box.queue(), f"job {held} is lost by the shrink: {box.queue()}")
    again = apply(box, "1g.18gb", "4g.71gb")
    expect("has this layout" in again.stdout, f"the same once more: {again.stdout}{again.stderr}")
    apply(box, *["1g.18gb"] * 4)
    box.run("scontrol", "update", f"jobid={held}", "starttime=now")
    wait(lambda: f"job {held} runs after all: {box.queue()}", lambda: log.exists() and log.read_text(encoding="utf-8").count("MIG-") == 4)
    box.wait_job(held)
    expect_good(box)


def random_layouts(box, count, seed):
    profiles = ["1g.18gb", "1g.35gb", "2g.35gb", "3g.71gb", "4g.71gb", "7g.141gb"]
    chosen = random.Random(seed)
    done = tried = 0
    while done < count and tried < count * 20:
        tried += 1
        wanted = [chosen.choice(profiles) for _ in range(chosen.randint(1, 5))]
        if box.migctl("plan", "-f", box.layout(*wanted), check=False).returncode != 0:
            continue
        job, log = box.submit(f"gpu:{wanted[0]}:1", 'echo "got $CUDA_VISIBLE_DEVICES"') if done and wanted[0] in last else (None, None)
        if job:
            box.wait_job(job)
        ended = apply(box, *wanted)
        expect_good(box, ended)
        ran = box.run("srun", f"--gres=gpu:{wanted[-1]}:1", "sh", "-c", "echo $CUDA_VISIBLE_DEVICES").stdout.strip()
        expect(box.instances()[ran][0] == wanted[-1], f"{wanted}: a job has {ran} of {box.instances()}")
        if job:
            expect("got MIG-" in log.read_text(encoding="utf-8"), f"job {job} was lost")
        last, done = wanted, done + 1
    expect(done == count, f"only {done} layouts fit")
    print(f"{count} random layouts (seed {seed})")


# failures --------------------------------------------------------------------------------------


def unchanged(box, before, what, code, text, run):
    """run() fails with that exit code and text, and nothing else is so afterwards."""
    done = run()
    expect(done.returncode == code and text in done.stderr, f"{what}: exit code {done.returncode}, {done.stderr}")
    expect((files_of(box), shape(box)) == before, f"{what}: files or layout differ: {shape(box)} {done.stderr}")
    print(f"  {what}: {done.stderr.strip().splitlines()[-2:]}", flush=True)


def failures(box):
    before = files_of(box), shape(box)
    job, _ = box.submit("gpu:3g.71gb:1", "sleep 600")
    box.wait_job(job, "RUNNING")
    unchanged(box, before, "a job at the time limit", 13, f"job: {job} (root", lambda: apply(box, "7g.141gb", options=("--drain", "1s"), check=False))
    box.run("scancel", job)
    box.wait_state("IDLE")
    unchanged(box, before, "a layout that does not fit", 9, "4g.71gb", lambda: apply(box, "4g.71gb", "4g.71gb", check=False))
    unchanged(box, before, "a node that Slurm does not know", 5, "NodeName=nobody",
              lambda: apply(box, "7g.141gb", options=("--node", "nobody"), check=False))
    path = box.environment["PATH"]
    box.environment["PATH"] = str(box.binaries)
    unchanged(box, before, "no scontrol", 5, "scontrol", lambda: apply(box, "7g.141gb", check=False))
    box.environment["PATH"] = path
    for name in ("slurmctld", "slurmd"):
        box.file(f"run/fail-{name}").touch()
        unchanged(box, before, f"{name} does not start again", 18, f"no {name} today", lambda: apply(box, "7g.141gb", check=False))
        box.file(f"run/fail-{name}").unlink()
        expect_good(box)
    stuck(box, before)
    foreign = box.file("gres.conf").read_text(encoding="utf-8")
    box.file("gres.conf").write_text(foreign + f"NodeName={box.node} Name=gpu File=/dev/null\n", encoding="utf-8")
    done = apply(box, "7g.141gb", check=False)
    expect(done.returncode == 11 and "did not write" in done.stderr, f"foreign lines: {done.stderr}")
    check = box.migctl("slurm", "check", check=False)
    expect(check.returncode == 10 and "did not write" in check.stdout, f"check of foreign lines: {check.stdout}")
    box.file("gres.conf").write_text(foreign, encoding="utf-8")
    unwritable(box, before)


def daemons_down(box):
    before = files_of(box), shape(box)
    box.gone("munged")
    unchanged(box, before, "munge down", 17, "munge does not answer", lambda: apply(box, "7g.141gb", check=False))
    box.start_munge()
    box.gone("slurmctld")
    unchanged(box, before, "slurmctld down", 17, "slurmctld does not answer", lambda: apply(box, "7g.141gb", check=False))
    box.run(box.file("restart-slurmctld"))
    expect_good(box)


def stuck(box, before):
    """slurmd is gone and does not come back: nothing can be resumed, and recover goes on once it can be started."""
    box.file("run/lost-slurmd").touch()
    box.settings(settle="3s")
    done = apply(box, "7g.141gb", check=False)
    expect(done.returncode == 19 and "migctl slurm recover" in done.stderr, f"slurmd is gone ({done.returncode}): {done.stderr}")
    expect("DRAIN" in box.state(), f"slurmd is gone, and the node is {box.state()}")
    again = box.migctl("slurm", "recover", check=False)
    expect(again.returncode == 19, f"recover without slurmd ({again.returncode}): {again.stderr}")
    box.file("run/lost-slurmd").unlink()
    box.settings()
    box.migctl("slurm", "recover")
    expect((files_of(box), shape(box)) == before, f"recovered, and something differs: {shape(box)} {files_of(box)}")
    expect_good(box)
    print("  slurmd gone for good: stuck, then recovered", flush=True)


def unwritable(box, before):
    """The file's folder becomes read-only while jobs are waited for."""
    folder, gres = box.file("etc"), box.file("etc/gres.conf")
    folder.mkdir()
    gres.write_bytes(box.file("gres.conf").read_bytes())
    box.run("mount", "--bind", folder, folder)
    try:
        job, _ = box.submit("gpu:3g.71gb:1", "sleep 600")
        box.wait_job(job, "RUNNING")
        later = box.start("migctl", "--sim", "lab", "slurm", "apply", "-f", box.layout("7g.141gb"), "--gres-conf", gres)
        wait(lambda: f"draining: {box.state()}", lambda: "DRAIN" in box.state())
        box.run("mount", "-o", "remount,ro,bind", folder)
        box.run("scancel", job)
        text, _ = later.communicate(timeout=180)
    finally:
        box.run("umount", folder)
    expect(later.returncode == 18 and "Read-only" in text, f"an unwritable gres.conf ({later.returncode}): {text}")
    expect((files_of(box), shape(box)) == before, f"an unwritable gres.conf: {text} {shape(box)}")
    expect(gres.read_text(encoding="utf-8") == before[0]["gres.conf"], "gres.conf differs")
    expect_good(box)
    print(f"  an unwritable gres.conf: {text.strip().splitlines()[-2:]}", flush=True)


def bad_check(box):
    """`check` names what is wrong: an instance that is gone, ConstrainDevices, a layout that changed without Slurm."""
    good = box.file("cgroup.conf").read_text(encoding="utf-8")
    box.file("cgroup.conf").write_text(good.replace("ConstrainDevices=yes", ""), encoding="utf-8")
    box.migctl("apply", "-f", box.layout("1g.18gb", "2g.35gb"))
    document = json.loads(box.migctl("slurm", "check", "--json", check=False).stdout)
    text = " ".join(finding["what"] for finding in document["findings"] if finding["wrong"])
    for wanted in ("exists no more", "is not there", "Gres of node", "ConstrainDevices", "slurmctld has Gres"):
        expect(wanted in text, f"check does not say {wanted}: {text}")
    box.file("cgroup.conf").write_text(good, encoding="utf-8")
    apply(box, "1g.18gb", "2g.35gb")  # the layout is there: Slurm is told
    expect_good(box)


# crashes ---------------------------------------------------------------------------------------


def killed(box, what, ready, layout, release=lambda: None):
    """kill -9 of `slurm apply` in a step; then everything fits, by recover or the next apply."""
    started = box.start("migctl", "--sim", "lab", "slurm", "apply", "-f", box.layout(*layout))
    try:
        wait(lambda: f"{what}: {box.state()}", lambda: ready() or started.poll() is not None)
        expect(started.poll() is None, f"{what}: ended before: {started.stdout.read() if started.poll() is not None else ''}")
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
    release()


def recovered(box, what, outcomes):
    done = box.migctl("slurm", "recover", "--json")
    outcome = json.loads(done.stdout)["outcome"]
    expect(outcome in outcomes, f"{what}: {outcome}: {done.stderr}")
    expect_good(box, done)
    nothing = json.loads(box.migctl("slurm", "recover", "--json").stdout)["outcome"]
    expect(nothing == "nothing", f"{what}: recover once more: {nothing}")
    print(f"  kill -9 {what}: {outcome}, {shape(box)}", flush=True)


def crashes(box):
    begun = box.file("run/restarts-slurmctld")
    before = files_of(box), shape(box)
    job, _ = box.submit("gpu:3g.71gb:1", "sleep 600")
    box.wait_job(job, "RUNNING")
    killed(box, "while jobs are waited for", lambda: "DRAIN" in box.state(), ["7g.141gb"], lambda: box.run("scancel", job))
    box.wait_state("IDLE", "DRAIN")
    recovered(box, "while jobs are waited for", ("taken_back",))
    expect((files_of(box), shape(box)) == before, "kill -9 while jobs are waited for: something differs")
    # In the layout: its own journal takes it back.
    box.migctl("sim", "inject", "lab", "--call", "nvmlDeviceCreateGpuInstance*", "--hang", "30s", sim=False, check=False)
    box.migctl("sim", "inject", "lab", "--call", "nvmlGpuInstanceDestroy", "--hang", "30s", sim=False)
    record = box.file("machines/lab/slurm.json")
    killed(box, "in the layout", lambda: record.exists() and '"layout"' in record.read_text(encoding="utf-8") and time.sleep(0.5) is None,
           ["7g.141gb"])
    box.migctl("sim", "inject", "lab", "--clear", sim=False)
    recovered(box, "in the layout", ("taken_back", "recovered"))
    for name in ("slurmctld", "slurmd"):
        hold = box.file(f"run/hold-{name}")
        hold.touch()
        count = (box.file(f"run/restarts-{name}")).read_text(encoding="utf-8").count("begun")
        killed(box, f"while {name} restarts", lambda name=name, count=count:
               box.file(f"run/restarts-{name}").read_text(encoding="utf-8").count("begun") > count,
               ["7g.141gb"] if name == "slurmctld" else ["1g.18gb", "4g.71gb"], hold.unlink)
        recovered(box, f"while {name} restarts", ("recovered",))
    del begun
    # At any moment, and the next apply takes it up.
    chosen = random.Random(os.getpid())
    for _ in range(2):
        started = box.start("migctl", "--sim", "lab", "slurm", "apply", "-f", box.layout(*chosen.choice((FIRST, ["7g.141gb"], ["2g.35gb"]))))
        time.sleep(chosen.uniform(0.2, 3))
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
    done = apply(box, *FIRST)
    expect_good(box, done)


PARTS = {"jobs": (uuids_and_nodes, parallel_jobs_and_leases, a_foreign_lease, through_the_daemon), "changes": (grow_and_shrink,),
         "failures": (failures,), "daemons": (daemons_down, bad_check), "crashes": (crashes,)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin")
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--layouts", type=int, default=3)
    parser.add_argument("--seed", type=int, default=14)
    options = parser.parse_args()
    begin = time.monotonic()
    with cluster(options.bin, BOARD, FIRST) as box:
        if not box.constrained:
            print("note: no devices controller of cgroup v1 here: that others' nodes are refused is not tested")
        for part in PARTS[options.part]:
            part(box)
            print(f"{part.__name__}: ok, {time.monotonic() - begin:.0f} s", flush=True)
        if options.part == "changes":
            random_layouts(box, options.layouts, options.seed)


if __name__ == "__main__":
    sys.exit(verdict.run(main))

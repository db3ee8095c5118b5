#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real Slurm 22.05 on a simulated H200 whose jobs may ask for a layout of their own (--constraint=mig-NAME).

    job_layouts_test.py BIN

After each job, however it ended, the node has its own layout again, Slurm's files fit it, and no daemon was restarted. What a job
cannot have it says itself, and the node stays in use. Exit code 77: not root, or no Slurm.
"""
import json
import os
import pathlib
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
CONFIGS = {"7x1g": {"1g.18gb": 7}, "whole": {"7g.141gb": 1}, "too-much": {"4g.71gb": 2}}
OFF = "off"  # a config without MIG
ALL = f"--gres=gpu:{len(FIRST)}"


def shape(box):
    document = json.loads(box.migctl("list", "--json", "--direct").stdout)
    return sorted((gi["profile"], gi["placement"]["start"]) for gpu in document["gpus"] for gi in gpu["gpuInstances"])


def expect_own_layout(box, before, what):
    """The node takes jobs, with its own layout and files that fit it."""
    box.wait_state("IDLE")
    wait(lambda: f"{what}: the layout comes back: {shape(box)}{box.logs()}", lambda: shape(box) == before)
    check = box.migctl("slurm", "check", check=False)
    expect(check.returncode == 0 and "layout of its own" not in check.stdout, f"{what}: {check.stdout}{check.stderr}{box.logs()}")
    expect(not list(box.file("told").glob("*")), f"{what}: files for tasks are left: {list(box.file('told').glob('*'))}")
    leases = json.loads(box.migctl("lease", "list", "--json").stdout)["leases"]
    expect(not leases, f"{what}: leases are left: {leases}")


def set_up(box):
    layouts = {"version": "v1", "mig-configs": {name: [{"devices": [0], "mig-enabled": True, "mig-devices": devices}]
                                                for name, devices in CONFIGS.items()}}
    layouts["mig-configs"][OFF] = [{"devices": [0], "mig-enabled": False}]
    box.file("job-layouts.yaml").write_text(json.dumps(layouts), encoding="utf-8")
    box.settings(job_layouts=str(box.file("job-layouts.yaml")), job_state=str(box.file("told")))
    check = box.migctl("slurm", "check").stdout
    expect("the node has no feature mig-NAME" in check, f"features are missing, and check says {check}")
    conf = box.file("slurm.conf")
    features = ",".join(f"mig-{name}" for name in (*CONFIGS, OFF, "unknown"))
    conf.write_text(conf.read_text(encoding="utf-8").replace("State=UNKNOWN", f"State=UNKNOWN Feature={features}"), encoding="utf-8")
    box.run(box.file("restart-slurmctld"))
    box.run(box.file("restart-slurmd"))
    box.wait_state("IDLE")


def tasks_have_their_own(box, before):
    """Each of seven tasks has an instance of its own, and may open its nodes; a single task has the whole GPU."""
    starts = [len(box.file(f"run/restarts-{name}").read_text(encoding="utf-8")) for name in ("slurmctld", "slurmd")]
    box.script("task.sh", 'echo "uuid $CUDA_VISIBLE_DEVICES"\n')
    done = box.run("srun", ALL, "--constraint=mig-7x1g", "--ntasks=7", box.file("task.sh"))
    uuids = re.findall(r"^uuid (MIG-\S+)$", done.stdout, re.MULTILINE)
    expect(len(uuids) == 7 and len(set(uuids)) == 7, f"seven tasks have {done.stdout}{done.stderr}{box.logs()}")
    expect_own_layout(box, before, "seven tasks")
    done = box.run("srun", ALL, "--constraint=mig-whole", box.file("task.sh"))
    expect(re.search(r"^uuid MIG-[^,\s]+$", done.stdout, re.MULTILINE), f"one task has {done.stdout}{done.stderr}")
    expect_own_layout(box, before, "one task")
    now = [len(box.file(f"run/restarts-{name}").read_text(encoding="utf-8")) for name in ("slurmctld", "slurmd")]
    expect(now == starts, "a daemon was restarted")
    plain = box.run("srun", "--gres=gpu:3g.71gb:1", box.file("task.sh"))
    expect("uuid MIG-" in plain.stdout, f"a job without a layout has {plain.stdout}")


def while_it_runs(box, before):
    """Nodes, leases, `slurm check` and `slurm apply` beside a job with a layout; a job of processors only goes on beside it."""
    out = box.file("out/job")
    job, log = box.submit(f"gpu:{len(FIRST)}", f'echo "$CUDA_VISIBLE_DEVICES" > {out}.tmp; mv {out}.tmp {out}; sleep 600', "--constraint=mig-7x1g")
    wait(lambda: f"the job runs: {box.queue()} {log.exists() and log.read_text()}{box.logs()}", out.exists)
    uuids = out.read_text(encoding="utf-8").strip().split(",")
    expect(set(uuids) == set(box.instances()) and len(uuids) == 7, f"the job has {uuids} of {sorted(box.instances())}")
    leases = json.loads(box.migctl("lease", "list", "--json").stdout)["leases"]
    expect(sorted(lease["uuid"] for lease in leases) == sorted(uuids) and {lease["job"] for lease in leases} == {f"slurm-{job}"}, f"{leases}")
    beside = box.run("srun", "sh", "-c", "echo beside", check=False)
    expect("beside" in beside.stdout, f"a job of processors only: {beside.stdout}{beside.stderr}")
    expect(len(shape(box)) == 7, f"a job of processors only ended the layout: {shape(box)}")
    check = box.migctl("slurm", "check")
    expect(f"job {job} has a layout of its own" in check.stdout, check.stdout)
    refused = box.migctl("slurm", "apply", "-f", box.layout("7g.141gb"), check=False)
    expect(refused.returncode == 8 and f"job {job}" in refused.stderr, f"slurm apply ({refused.returncode}): {refused.stderr}")
    box.run("scancel", job)
    expect_own_layout(box, before, "a cancelled job")


def what_a_job_cannot_have(box, before):
    """The job says why and ends; the node is neither drained nor changed."""
    for what, options, text in (
            ("a share of the node", ("--gres=gpu:1g.18gb:1", "--constraint=mig-7x1g"), "has all 3 GPUs"),
            ("processors only", ("--constraint=mig-7x1g",), "this one has 0"),
            ("a layout that does not fit", (ALL, "--constraint=mig-too-much"), "4g.71gb"),
            ("a layout without MIG", (ALL, "--constraint=mig-off"), "changes MIG modes"),
            ("a layout that is not in the file", (ALL, "--constraint=mig-unknown"), "unknown"),
            ("alternatives", (ALL, "--constraint=mig-7x1g|mig-whole"), "leaves open")):
        done = box.run("srun", *options, "sh", "-c", "echo ran", check=False)
        expect(done.returncode != 0 and "ran" not in done.stdout.split(), f"{what} ran: {done.stdout}{done.stderr}")
        expect("migctl: " in done.stdout and text in done.stdout, f"{what}: the job does not say {text}: {done.stdout}{done.stderr}{box.logs()}")
        expect_own_layout(box, before, what)
        print(f"  {what}: {done.stdout.strip()}", flush=True)
    uuid = next(iter(box.instances()))
    lease = json.loads(box.migctl("lease", "acquire", "--uuid", uuid, "--for", "1h", "--json").stdout)["leases"][0]["id"]
    done = box.run("srun", ALL, "--constraint=mig-7x1g", "true", check=False)
    expect(done.returncode != 0 and "migctl: " in done.stdout, f"an instance is leased outside of Slurm: {done.stdout}{done.stderr}{box.logs()}")
    print(f"  an instance that is leased outside of Slurm: {done.stdout.strip()}", flush=True)
    box.migctl("lease", "release", lease)
    expect_own_layout(box, before, "a lease outside of Slurm")


def killed_programs(box, before, rounds):
    """kill -9 of prolog or epilog at any moment; the next epilog, or the prolog of the next job, puts the layout back."""
    chosen = random.Random(7)
    variables = {"SLURM_JOB_UID": "0", "SLURM_JOB_GPUS": "0,1,2", "SLURM_JOB_CONSTRAINTS": "mig-7x1g"}
    box.migctl("sim", "inject", "lab", "--call", "nvmlGpuInstanceDestroy", "--delay", "60ms", "--count", "100000", sim=False, check=False)
    box.environment.update(variables)
    seen = set()
    for number in range(900, 900 + rounds):
        box.environment["SLURM_JOB_ID"] = str(number)
        program = chosen.choice(("prolog", "epilog"))
        if program == "epilog":
            box.migctl("slurm", "prolog")
        started = box.start("migctl", "--sim", "lab", "slurm", program)
        time.sleep(chosen.uniform(0.02, 0.5))
        with_end = started.poll() is not None
        if not with_end:
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()
        seen.add((program, with_end, len(shape(box))))
        if chosen.random() < 0.5:
            box.environment["SLURM_JOB_ID"] = str(number + 1000)  # no epilog came
            box.environment["SLURM_JOB_CONSTRAINTS"] = ""
            box.migctl("slurm", "prolog")
            expect(shape(box) == before, f"the next job's prolog leaves {shape(box)}")
            box.environment["SLURM_JOB_CONSTRAINTS"] = variables["SLURM_JOB_CONSTRAINTS"]
        box.migctl("slurm", "epilog")
        box.environment["SLURM_JOB_ID"] = str(number)
        (box.file("told") / f"{number}.conf.0123456789ab").write_text("as of a prolog killed while it wrote", encoding="utf-8")
        box.migctl("slurm", "epilog")
        expect_own_layout(box, before, f"kill -9 of the {program} {number}")
    for name in (*variables, "SLURM_JOB_ID"):
        del box.environment[name]
    box.migctl("sim", "inject", "lab", "--clear", sim=False)
    print(f"  kill -9 in {rounds} rounds; (program, had ended, instances then): {sorted(seen)}", flush=True)


def left_over(box, before):
    """A layout whose job is over and had no epilog: `slurm recover` and `slurm apply` put it back first."""
    for verb in ("recover", "apply"):
        box.environment.update({"SLURM_JOB_ID": "990", "SLURM_JOB_UID": "0", "SLURM_JOB_GPUS": "0,1,2", "SLURM_JOB_CONSTRAINTS": "mig-whole"})
        box.migctl("slurm", "prolog")
        expect(len(shape(box)) == 1, f"{shape(box)}")
        for name in ("SLURM_JOB_UID", "SLURM_JOB_GPUS", "SLURM_JOB_CONSTRAINTS", "SLURM_JOB_ID"):
            del box.environment[name]
        words = ("-f", box.layout(*FIRST)) if verb == "apply" else ()
        done = box.migctl("slurm", verb, *words)
        expect("job 990, which is over" in done.stderr, f"slurm {verb}: {done.stdout}{done.stderr}")
        expect_own_layout(box, before, f"slurm {verb}")


def main():
    begin = time.monotonic()
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 6
    with cluster(pathlib.Path(sys.argv[1]), BOARD, FIRST) as box:
        set_up(box)
        before = shape(box)
        for part in (tasks_have_their_own, while_it_runs, what_a_job_cannot_have, left_over):
            part(box, before)
            print(f"{part.__name__}: ok, {time.monotonic() - begin:.0f} s", flush=True)
        killed_programs(box, before, rounds)


if __name__ == "__main__":
    sys.exit(verdict.run(main))

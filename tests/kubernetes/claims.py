#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Claims of Kubernetes on a simulated machine, without Kubernetes: prepared and given back through a real migd, with mig-kubelet's part and
migd killed before each step, and with each driver call failing. Nothing leaks, and nothing that others made is destroyed.

Usage: claims.py BIN DRIVER [--only PART] [--json FILE]
"""
import argparse
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))
import client as frame  # pylint: disable=wrong-import-position
from client import Failed, expect, wait  # pylint: disable=wrong-import-position

FOREIGN = "2g.10gb"  # at slots 4-5, made by an admin, used by nobody
DEVICES = ["gpu-0-mig-1g-5gb-0", "gpu-0-mig-2g-10gb-2"]
CLAIM = ["default", "two", "11111111-2222-3333-4444-555555555555"]
CALLS = {
    "nvmlDeviceCreateGpuInstanceWithPlacement": "prepare", "nvmlGpuInstanceCreateComputeInstance": "prepare",
    "nvmlGpuInstanceCreateComputeInstanceWithPlacement": "prepare", "nvmlComputeInstanceDestroy": "unprepare",
    "nvmlGpuInstanceDestroy": "unprepare"}
MOST_STEPS = 40


class Node:
    """A migd, a machine with one foreign instance, and the engine's checkpoint."""

    def __init__(self, binaries, driver, folder):
        self.driver = pathlib.Path(driver).resolve()
        self.folder = pathlib.Path(folder)
        self.checkpoint = self.folder / "checkpoint.json"
        self.daemon = frame.Daemon(binaries, folder)
        self.daemon.on_box("mode", "enable")
        self.daemon.on_box("create", f"{FOREIGN}:4")
        self.daemon.on_box("cdi", "generate")
        self.daemon.start()
        self.foreign = self.instances()
        expect(len(self.foreign) == 1, f"one foreign instance: {self.foreign}")
        self.runs = 0

    def call(self, *words, die_at=None):
        """Exit status and both outputs of one call of the engine in a process of its own."""
        self.runs += 1
        death = [] if die_at is None else ["--die-at", str(die_at)]
        done = subprocess.run([str(self.driver), str(self.checkpoint), str(self.daemon.socket), *death, *words], capture_output=True,
                              text=True, check=False, timeout=frame.PATIENCE, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout, done.stderr

    def must(self, *words):
        status, out, err = self.call(*words)
        expect(status == 0, f"{' '.join(words)}: {status} {err}")
        return out

    def prepare(self):
        lines = [line.split() for line in self.must("prepare", *CLAIM, *DEVICES).splitlines()]
        expect([line[0] for line in lines] == DEVICES, f"the answer names the devices: {lines}")
        return [line[1] for line in lines]

    def gpus(self):
        status, document = self.daemon.document("GET", "/v1/inventory", which="unix")
        expect(status == 200, f"inventory: {status} {document}")
        return document["gpus"]

    def instances(self):
        """Compute instances by UUID, with their places."""
        found = {}
        for gpu in self.gpus():
            for instance in gpu["gpuInstances"]:
                computes = instance["computeInstances"] or [{"uuid": f"empty gi {instance['id']}"}]
                for compute in computes:
                    found[compute["uuid"]] = (instance["profile"], instance["placement"]["start"])
        return found

    def leases(self):
        status, document = self.daemon.document("GET", "/v1/leases", which="unix")
        expect(status == 200, f"leases: {status} {document}")
        return document["leases"]

    def claims(self):
        return json.loads(self.checkpoint.read_text(encoding="utf-8"))["claims"] if self.checkpoint.exists() else []

    def clean(self, when):
        """Nothing of ours is left, and the foreign instance is as it was."""
        expect(self.claims() == [], f"{when}: the checkpoint has {self.claims()}")
        wait(f"{when}: no lease", lambda: not self.leases())
        expect(self.instances() == self.foreign, f"{when}: {self.instances()}, not {self.foreign}")

    def holds(self, names, when):
        """Both devices are there, leased to the claim, and in the CDI file."""
        there = self.instances()
        mine = {name.partition("=")[2] for name in names}
        expect({there.get(uuid) for uuid in mine} == {("1g.5gb", 0), ("2g.10gb", 2)}, f"{when}: {there}")
        expect(set(there) == mine | set(self.foreign), f"{when}: {there}")
        leases = {lease["uuid"]: lease for lease in self.leases()}
        expect(set(leases) == mine, f"{when}: leases {leases}")
        expect({lease["job"] for lease in leases.values()} == {"default/two"}, f"{when}: {leases}")


def ordinary(node):
    """Prepared twice with the same answer, held, given back twice."""
    names = node.prepare()
    expect(node.prepare() == names, "the second answer is another")
    node.holds(names, "prepared")
    expect(node.checkpoint.stat().st_mode & 0o777 == 0o600, "the checkpoint is for its owner only")
    text = node.daemon.on_box("lease", "list", "--json").stdout
    expect("kubernetes/" in text, text)
    expect("external: default/two" in node.daemon.on_box("lease", "list").stdout, "lease list names the claim")
    done = node.daemon.on_box("destroy", "--gpu", "0", "--all", fails=True)
    expect(done.returncode != 0 and "default/two" in done.stderr + done.stdout, f"destroy: {done.returncode} {done.stderr}")
    node.must("unprepare", *CLAIM)
    node.clean("given back")
    node.must("unprepare", *CLAIM)
    node.must("unprepare", "default", "unknown", "99999999")
    return 2


def dies_in(node, command, before, after):
    """The engine is killed before its first step, its second, ... of a call; `after` then mends it."""
    for step in range(1, MOST_STEPS):
        before()
        words = [command, *CLAIM, *(DEVICES if command == "prepare" else [])]
        status, _, err = node.call(*words, die_at=step)
        if status == 0:
            after(f"{command} without a death")
            return step - 1
        expect(status == -signal.SIGKILL, f"{command} at step {step}: {status} {err}")
        nothing_there = node.instances() == node.foreign and not node.leases()
        expect(nothing_there or node.claims(), f"{command}, {err.strip()}: the checkpoint does not know what is there already")
        after(f"{command}: {err.strip()}")
    raise Failed(f"{command} has more than {MOST_STEPS} steps")


def engine_killed(node):
    def mended(when):
        node.holds(node.prepare(), when)
        node.must("unprepare", *CLAIM)
        node.clean(when)

    def given_back(when):
        node.must("unprepare", *CLAIM)
        node.clean(when)

    def reconciled(when):
        node.must("reconcile")
        node.clean(when)

    def kept(when):
        node.must("reconcile", CLAIM[2])
        mended(when)

    def nothing():
        pass

    count = 0
    for after in (mended, given_back, reconciled, kept):
        count += dies_in(node, "prepare", nothing, after)
    for after in (given_back, reconciled, kept, mended):
        count += dies_in(node, "unprepare", node.prepare, after)
    expect(count >= 8 * 4, f"only {count} deaths")
    return count


def calls_fail(node):
    """Each driver call fails once, in each of its turns: the kubelet's next try works."""
    count = 0
    for call, during in CALLS.items():
        for nth in (1, 2):
            if during == "unprepare":
                node.prepare()
            node.daemon.on_box("sim", "inject", "box", "--call", call, "--nth", str(nth), "--fail", "NVML_ERROR_UNKNOWN")
            words = [during, *CLAIM, *(DEVICES if during == "prepare" else [])]
            status, _, err = node.call(*words)
            node.daemon.on_box("sim", "inject", "box", "--clear")
            if status == 0 and during == "unprepare":
                node.clean(f"{call} {nth} did not happen, or was mended")
                continue
            if status != 0:
                count += 1
                expect("NVML" in err or "Unknown" in err or "rolled" in err or call in err or "driver" in err, f"{call}: {err}")
                if during == "prepare":
                    node.clean(f"{call} {nth} failed")
            if during == "prepare":
                node.holds(node.prepare(), f"{call} {nth}, then again")
            node.must("unprepare", *CLAIM)
            node.clean(f"{call} {nth}, given back")
    expect(count >= 4, f"only {count} failures")
    return count


def migd_killed(node):
    """migd dies before and after each driver call, and comes back."""
    count = 0
    for call, during in CALLS.items():
        for moment in ("before", "after"):
            for nth in (1, 2):
                if during == "unprepare":
                    node.prepare()
                node.daemon.on_box("sim", "inject", "box", "--call", call, "--nth", str(nth), "--kill", moment)
                words = [during, *CLAIM, *(DEVICES if during == "prepare" else [])]
                status, _, err = node.call(*words)
                node.daemon.on_box("sim", "inject", "box", "--clear")
                if status != 0:
                    count += 1
                    wait(f"{call} {moment} {nth}: {err}", lambda: node.daemon.process.poll() is not None)
                    node.daemon.start()
                expect(node.daemon.process.poll() is None, f"{call} {moment} {nth}: it died, and the call was well")
                when = f"migd killed {moment} {call} {nth}"
                if during == "prepare":
                    node.holds(node.prepare(), when)
                node.must("unprepare", *CLAIM)
                node.clean(when)
    expect(count >= 8, f"only {count} deaths of migd")
    return count


def found_there(node):
    """A device whose instance is there already is leased, and stays; one in use is refused with its holder's name."""
    device = "gpu-0-mig-2g-10gb-4"
    out = node.must("prepare", *CLAIM, device)
    expect(out.split()[1].partition("=")[2] in node.foreign, out)
    expect("found" in node.must("held"), "held says that it was found")
    second = node.call("prepare", "default", "second", "22222222", device)
    expect(second[0] == 1 and "default/two" in second[2], f"somebody else has it: {second}")
    node.must("unprepare", *CLAIM)
    node.clean("a found instance, given back")
    for name, what in (("gpu-0-mig-1g-5gb-9", "no device"), ("gpu-7-mig-1g-5gb-0", "no device"), ("gpu-0-mig-3g-20gb-4", "2g.10gb")):
        status, _, err = node.call("prepare", *CLAIM, DEVICES[0], name)
        expect(status == 1 and what in err, f"{name}: {status} {err}")
        node.clean(f"{name} cannot be had, so nothing is")
    return 4


def allocated_anew(node):
    """Other devices for the same claim: those of before are given back."""
    node.prepare()
    out = node.must("prepare", *CLAIM, "gpu-0-mig-1g-5gb-1")
    (uuid,) = set(node.instances()) - set(node.foreign)
    expect(out.split()[1].partition("=")[2] == uuid and node.instances()[uuid] == ("1g.5gb", 1), f"{out} {node.instances()}")
    expect([lease["uuid"] for lease in node.leases()] == [uuid], node.leases())
    node.must("unprepare", *CLAIM)
    node.clean("allocated anew")
    return 1


def leases_of_others(node):
    """Another component's lease is none of a claim's: reconciling leaves it."""
    (uuid,) = node.foreign
    wanted = json.dumps({"need": {"uuid": uuid}, "holder": {"external": "slurm/1/d"}})
    status, text, _ = node.daemon.ask("POST", "/v1/leases", wanted, which="unix")
    expect(status == 200, text)
    expect(node.must("reconcile") == "", "nothing is to be mended")
    (lease,) = node.leases()
    expect(node.daemon.ask("DELETE", f"/v1/leases/{lease['id']}", which="unix")[0] == 200, "released")
    node.clean("another's lease")
    return 1


def work_on_what_was_there(node):
    """An instance that was there is given back when nobody works on it any more."""
    (uuid,) = node.foreign
    node.must("prepare", *CLAIM, "gpu-0-mig-2g-10gb-4")
    with works_on(node, uuid) as pod:
        status, _, err = node.call("unprepare", *CLAIM)
        expect(status == 1 and str(pod.pid) in err, f"{status} {err}")
        expect(len(node.claims()) == 1, "the claim is remembered")
    wait("the end of it", lambda: node.call("unprepare", *CLAIM)[0] == 0)
    node.clean("after the pod's end")
    return 1


def without_cdi(node):
    """A container would not get its device: nothing is prepared."""
    node.daemon.on_box("cdi", "remove")
    status, _, err = node.call("prepare", *CLAIM, *DEVICES)
    expect(status == 1 and "CDI" in err, f"{status} {err}")
    node.clean("without CDI")
    node.daemon.on_box("cdi", "generate")
    node.prepare()
    node.must("unprepare", *CLAIM)
    node.clean("with CDI again")
    return 1


@contextlib.contextmanager
def works_on(node, uuid):
    """A process that computes on the instance, as a pod's; killed at the end."""
    environment = {**node.daemon.environment, "CUDA_VISIBLE_DEVICES": uuid, "MIGSIM_MACHINE": str(node.folder / "machines" / "box")}
    with subprocess.Popen(["mig-workload", "train", "--seconds", "600"], env=environment, stdout=subprocess.DEVNULL) as pod:
        try:
            wait("the pod's process is listed", lambda: str(pod.pid) in str(node.gpus()))
            yield pod
        finally:
            pod.kill()


def work_on_it(node):
    """What still runs there is named, not ended."""
    names = node.prepare()
    uuid = names[0].partition("=")[2]
    with works_on(node, uuid) as pod:
        status, _, err = node.call("unprepare", *CLAIM)
        expect(status == 1 and str(pod.pid) in err, f"{status} {err}")
        status, _, err = node.call("unprepare", *CLAIM)
        expect(status == 1 and pod.poll() is None, f"again: {status} {err}")
        expect(uuid in node.instances(), "its instance is there")
        expect(names[1].partition("=")[2] not in node.instances(), "the other one is given back")
    wait("the end of it", lambda: node.call("unprepare", *CLAIM)[0] == 0)
    node.clean("after the pod's end")
    return 2


def checkpoint_lost(node):
    """Leases tell what the checkpoint knew: adopted by a prepare, kept for a claim that exists, given back for one that is gone."""
    names = node.prepare()
    node.checkpoint.unlink()
    expect("kept for the claim" in node.must("reconcile", CLAIM[2]), "the lease is reported")
    node.holds(names, "checkpoint lost")
    expect(node.prepare() == names, "a prepare adopts them")
    node.checkpoint.unlink()
    expect("given back" in node.must("reconcile"), "and gives back what is no claim's")
    node.clean("checkpoint lost, claim gone")
    node.prepare()
    node.checkpoint.unlink()
    node.must("unprepare", *CLAIM)
    node.clean("checkpoint lost, unprepared")
    text = '{"version": 7}'
    node.checkpoint.write_text(text, encoding="utf-8")
    status, _, err = node.call("prepare", *CLAIM, *DEVICES)
    expect(status == 1 and "version 7" in err and node.checkpoint.read_text(encoding="utf-8") == text, f"{status} {err}")
    node.checkpoint.unlink()
    return 4


def instance_gone(node):
    """As after a reboot: the record says so, and the next prepare makes it anew."""
    names = node.prepare()
    uuid = names[0].partition("=")[2]
    place = node.instances()[uuid]
    gi = next(i["id"] for i in node.gpus()[0]["gpuInstances"] if (i["profile"], i["placement"]["start"]) == place)
    node.daemon.on_box("smi", "mig", "-i", "0", "-dci", "-gi", str(gi))
    node.daemon.on_box("smi", "mig", "-i", "0", "-dgi", "-gi", str(gi))
    expect("is gone" in node.must("reconcile", CLAIM[2]), "reconcile tells")
    expect(f"{DEVICES[0]} - made" in node.must("held"), node.must("held"))
    node.holds(node.prepare(), "made anew")
    status, text, _ = node.daemon.ask("DELETE", f"/v1/leases/{node.leases()[0]['id']}", which="unix")
    expect(status == 200, text)
    wait("the lease is gone", lambda: len(node.leases()) == 1)
    expect("taken again" in node.must("reconcile", CLAIM[2]), "an operator released it")
    expect(len(node.leases()) == 2, node.leases())
    expect(node.must("reconcile", CLAIM[2]) == "", "nothing is left to mend")
    node.must("unprepare", *CLAIM)
    node.clean("made anew, given back")
    return 2


def storm(node):
    """Claims in parallel, each asked for by three at once."""
    names = [f"gpu-0-mig-1g-5gb-{slot}" for slot in (0, 1, 2, 3, 6)]
    expect(node.must("storm", *names) == "5 instances\n", "each claim has one instance")
    node.clean("after the storm")
    return 15


def migd_away(node):
    """Without migd nothing is prepared, and nothing is forgotten."""
    names = node.prepare()
    node.daemon.kill()
    status, _, err = node.call("unprepare", *CLAIM)
    expect(status == 1 and "migd" in err, f"{status} {err}")
    expect(len(node.claims()) == 1, "the claim is kept")
    node.must("unprepare", "default", "unknown", "99999999")
    node.daemon.start()
    expect(len(names) == 2, names)
    node.must("unprepare", *CLAIM)
    node.clean("migd is back")
    return 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries")
    parser.add_argument("driver")
    parser.add_argument("--only", action="append", help="the name of a function of this file")
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("SKIPPED: only root is an admin without a tenants file")
        return 77
    counts = {}
    with tempfile.TemporaryDirectory(prefix="claims-") as folder:
        node = Node(arguments.binaries, arguments.driver, folder)
        try:
            for part in (ordinary, found_there, allocated_anew, leases_of_others, work_on_what_was_there, without_cdi, work_on_it, checkpoint_lost, instance_gone, storm, migd_away, engine_killed, calls_fail,
                         migd_killed):
                if arguments.only and part.__name__ not in arguments.only:
                    continue
                counts[part.__name__] = part(node)
                print(f"ok: {part.__name__} {counts[part.__name__]}", flush=True)
        finally:
            node.daemon.kill()
    print(f"{node.runs} calls, 0 instances leaked, 0 of others destroyed: {counts}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"calls": node.runs, "leaked": 0, "foreignDestroyed": 0, **counts}) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    frame.end(main)

# SPDX-License-Identifier: Apache-2.0
"""The trials of the race. Each takes a Field, begins with an empty GPU, and returns what was seen as a dictionary."""

import re
import statistics
import time

from field import ENOUGH_S, generator, small_pods

# Calls of a driver that change the machine, at which one failure is injected; both names of a call, with a placement and without.
STEPS = {
    "create GPU instance": ("nvmlDeviceCreateGpuInstance", "nvmlDeviceCreateGpuInstanceWithPlacement"),
    "create compute instance": ("nvmlGpuInstanceCreateComputeInstance", "nvmlGpuInstanceCreateComputeInstanceWithPlacement"),
    "read the compute instance": ("nvmlComputeInstanceGetInfo", "nvmlComputeInstanceGetInfo_v2"),
    "find the MIG device": ("nvmlDeviceGetMigDeviceHandleByIndex",),
    "destroy compute instance": ("nvmlComputeInstanceDestroy",),
    "destroy GPU instance": ("nvmlGpuInstanceDestroy",),
}
FREED_S = 30  # several attempts of a kubelet to give a claim back
XID = 94  # contained memory error: of one instance


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def start_times(field, options):
    """Pods of 1g.18gb one after another, each on a GPU without instances."""
    field.begin()
    seconds, freed, why = [], [], []
    for number in range(options.pods):
        name = f"start-{number}"
        seconds.append(field.timed(name, "1g.18gb"))
        if seconds[-1] is None:
            why.append(field.api.events(name)[-3:])
        field.gone(name)
        freed.append(field.happens(lambda: not field.node.instances()))
    ran = [one for one in seconds if one is not None]
    return {"pods": len(seconds), "ran": len(ran), "medianS": round(statistics.median(ran), 3) if ran else None,
            "p99S": round(percentile(ran, 0.99), 3) if ran else None, "freed": sum(one is not None for one in freed), "why": why}


def start_beside(field, options):
    """Pods of 1g.18gb that start while others run on the same GPU, four to a group; then one is deleted while the others run on, and
    in the end the others."""
    field.begin()
    seconds, alone_gone, all_gone = [], [], []
    for group in range(max(1, options.pods // 20)):
        names = [f"beside-{group}-{number}" for number in range(5)]
        field.timed(names[0], "1g.18gb")
        seconds += [field.timed(name, "1g.18gb") for name in names[1:]]
        alone_gone.append(field.gone(names[0]))
        for name in names:
            field.api.delete("Pod", name)
        all_gone.append(field.happens(lambda: not field.node.instances() and not any(field.api.get("Pod", name) for name in names), 180))
    ran = [one for one in seconds if one is not None]
    gone = [one for one in alone_gone if one is not None]
    return {"pods": len(seconds), "ran": len(ran), "medianS": round(statistics.median(ran), 3) if ran else None,
            "p99S": round(percentile(ran, 0.99), 3) if ran else None, "groups": len(all_gone), "deletedBesideOthers": len(gone),
            "deletedBesideOthersS": gone, "allGoneS": all_gone}


def room_left(field, options):
    """After random small pods, is a large instance still to be had wherever good placement would have left room for it? Small pods of
    up to three slices leave room for a 4g, and for a 3g too."""
    field.begin()
    rng, rows = generator(options.seed), []
    for number in range(options.layouts):
        small = small_pods(rng, 1 + number % 3)
        row = {"small": small, "placed": 0}
        for order, profile in enumerate(small):
            field.ask(f"small-{number}-{order}", profile)
            row["placed"] += field.outcome(f"small-{number}-{order}") == "Running"
        for profile in ("4g.71gb", "3g.71gb"):
            name = f"large-{number}-{profile[0]}g"
            field.ask(name, profile)
            row[profile] = field.outcome(name) == "Running"
            field.gone(name)
        for order in range(len(small)):
            field.gone(f"small-{number}-{order}")
        field.happens(lambda: not field.node.instances())
        rows.append(row)
    return {"layouts": len(rows), "4g.71gb": sum(row["4g.71gb"] for row in rows), "3g.71gb": sum(row["3g.71gb"] for row in rows),
            "rows": rows}


def one_failing_call(field, options):
    """One call fails once, at each step of a pod's life: does the pod run after all, does it go, what stays on the GPU."""
    rows = {}
    for step, calls in STEPS.items():
        field.begin()
        if "destroy" in step:
            field.ask("victim", "3g.71gb")
            ran = field.runs("victim")
            inject(field, calls)
        else:
            inject(field, calls)
            field.ask("victim", "3g.71gb")
            ran = field.runs("victim")
        went = field.gone("victim")
        field.happens(lambda: not field.node.instances(), FREED_S)
        hit = met(field, calls)
        field.node.inject("--clear")
        rows[step] = {"hit": hit, "ranAfterS": ran, "goneAfterS": went, "leaked": len(field.node.instances())}
    return {"steps": rows, "leaked": sum(row["leaked"] for row in rows.values()),
            "ran": sum(row["ranAfterS"] is not None for row in rows.values()),
            "gone": sum(row["goneAfterS"] is not None for row in rows.values()), "of": len(rows)}


def inject(field, calls):
    for call in calls:
        field.node.inject("--call", call, "--nth", "1", "--fail", "NVML_ERROR_INSUFFICIENT_RESOURCES")


def met(field, calls):
    """Whether a call met its fault: "nvmlGpuInstanceDestroy  GPU any  call 1, 1 times: ... (3 calls so far)"."""
    listed = field.node.migctl("sim", "inject", "box", "--list", sim=False)
    return any(re.search(rf"^{call} .*\([1-9]\d* calls so far\)", listed, re.M) for call in calls)


def room_made_later(field, options):
    """Somebody else's 3g.71gb stands where the claim's instance was to go, made after the devices were published; then it goes."""
    field.begin()
    field.node.migctl("mode", "enable", "-i", "0", code=None)
    field.node.migctl("create", "-i", "0", "7g.141gb")
    field.ask("waits", "3g.71gb")
    early = field.runs("waits", 15)
    for _, _, _, _, instance in field.node.instances():
        field.node.migctl("destroy", "-i", "0", "--gi", str(instance), code=None)
    after = None if early else field.runs("waits")
    return {"ranBeforeThereWasRoom": early is not None, "ranAfterS": after, "recovered": early is None and after is not None}


def foreign_instances(field, options):
    """Two idle instances of somebody else are there when the driver starts; then a pod comes and goes."""
    field.begin(foreign=("1g.18gb:0", "2g.35gb:4"))
    before = 2
    there = len(field.node.instances())
    field.ask("beside", "1g.18gb")
    ran = field.runs("beside", 20)
    field.gone("beside")
    time.sleep(1)
    after = len([one for one in field.profiles()])
    return {"foreign": before, "afterStart": there, "destroyed": max(0, before - min(there, after)), "podRanAfterS": ran}


def xid(field, options):
    """A contained memory error on the instance of one of two pods: which published devices are tainted, and how soon."""
    field.begin()
    field.ask("ill", "1g.18gb")
    field.ask("well", "1g.18gb")
    if field.runs("ill") is None or field.runs("well") is None:
        return {"pods": "did not run"}
    _, _, _, _, instance = field.node.instances()[0]
    field.node.inject("--xid", str(XID), "--gpu", "0", "--gi", str(instance), "--ci", "0")

    def tainted():
        return [one["name"] for one in field.driver.devices() if one.get("taints")]
    seen = field.happens(tainted, 20)
    return {"xid": XID, "seenAfterS": seen, "tainted": len(tainted()), "devices": len(field.driver.devices())}


def restart(field, options):
    """The driver is killed while two pods run, and started again."""
    field.begin()
    for name in ("one", "two"):
        field.ask(name, "1g.18gb")
    both = [field.runs(name) for name in ("one", "two")]
    before = {one[3] for one in field.node.instances()}
    field.driver.component.kill()
    field.driver.component.start()
    field.happens(field.driver.devices, 20)
    time.sleep(3)
    kept = len(before & {one[3] for one in field.node.instances()})
    field.ask("three", "1g.18gb")
    third = field.runs("three")
    went = [field.gone(name) for name in ("one", "two", "three")]
    field.happens(lambda: not field.node.instances(), 20)
    return {"pods": sum(one is not None for one in both), "instancesKept": kept, "newPodRanAfterS": third,
            "gone": sum(one is not None for one in went), "leaked": len(field.node.instances())}


TRIALS = {"start": start_times, "beside": start_beside, "room": room_left, "failures": one_failing_call, "later": room_made_later,
          "foreign": foreign_instances, "xid": xid, "restart": restart}
assert ENOUGH_S <= 60  # "every pod Running or with a reason within a minute"

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every JSON document of migctl and migd (apiVersion migctl/v1), described once.

The encoders beside this file write them (those of `migctl sim` stand in sim/tools). From here come their JSON Schema
and the reference page, and tests hold what the programs give out against it (tests/e2e/json_documents.py, and each case of tests/e2e).

    src/wire/documents.py            writes docs/reference/json/migctl-v1.schema.json and docs/reference/json.md
    src/wire/documents.py --check    exit code 1 when one of them is not what this file says

json_schema.py beside this file says what the types in the tables mean.
"""
import pathlib
import sys

from json_schema import NULL, obj, page_text, schema_text, t

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "docs/reference/json/migctl-v1.schema.json"
PAGE = ROOT / "docs/reference/json.md"
VALUES = {}  # by name: parts of documents
KINDS = {}  # by kind: whole documents
COMMANDS = {}  # by kind: command or path that returns it


def kind(name, note, members, optional=(), command=""):
    """Schema of a document: the envelope and these members."""
    simulated = ("b?", "null: no driver was chosen yet") if name == "Error" else ("b", "true: no hardware")
    envelope = {"apiVersion": {"const": "migctl/v1"}, "kind": {"const": name}, "simulated": simulated,
                "simulatedMachine": "s"}
    KINDS[name] = obj(note, {**envelope, **members}, ("simulatedMachine", *optional))
    COMMANDS[name] = command


def per_gpu(name, members):
    """Schema of a list with an entry for each GPU."""
    return {"type": "array", "items": obj("", {"index": "i", "name": "s", name: members})}


VALUES["placement"] = obj("A run of slots.", {"start": "i", "size": "i"})
VALUES["process"] = obj(
    "A process that the driver lists.",
    {
        "pid": "i", "name": ("s?", "null: not visible to the caller"), "memoryMib": "i?",
        "gpuInstance": ("i?", "null: on the whole GPU"), "computeInstance": "i?"})
VALUES["lostGpu"] = obj(
    "A GPU that the driver counts and cannot open.",
    {"index": "i", "message": "s", "nvml": ("i?", "the driver's return code")})
VALUES["computeInstance"] = obj(
    "A compute instance.",
    {
        "id": "i", "profile": "s", "profileId": "i", "placement": ("@placement?", "inside its GPU instance"),
        "sm": "i?", "uuid": ("s?", "`MIG-...`; null: the driver did not tell"),
        "index": ("i?", "MIG device index on its GPU"), "memoryUsedMib": "i?"})
VALUES["gpuInstance"] = obj(
    "A GPU instance.",
    {
        "id": "i", "profile": "s", "profileId": ("i", "as nvidia-smi prints it"),
        "placement": ("@placement?", "in memory slots"), "memoryMib": "i", "sm": "i",
        "computeInstances": "[@computeInstance]", "processes": "[@process]"})
VALUES["mode"] = {"description": "MIG mode of a GPU.", "enum": ["unsupported", "disabled", "enabled"]}
VALUES["gpu"] = obj(
    "A GPU with its instances.",
    {
        "index": "i", "name": "s", "uuid": "s", "pciBusId": "s",
        "architecture": "=unknown|older|ampere|ada|hopper|blackwell|newer",
        "memoryTotalMib": ("i?", "with MIG on told to root only"),
        "display": obj(
            "What the GPU has to do with screens.",
            {"pciClass": ("s?", "`0x0300` has outputs, `0x0302` has none"), "attached": "b?", "active": "b?"}),
        "mig": obj(
            "Mode, now and after the next reset.",
            {"supported": "b", "current": "@mode", "pending": "@mode", "maxDevices": "i"}),
        "memorySlices": ("i?", "slots of the GPU"), "computeSlices": "i?",
        "instancesComplete": ("b", "false: the driver told only the instances with MIG devices"),
        "gpuInstances": "[@gpuInstance]", "processes": "[@process]"})
VALUES["computeProfile"] = obj(
    "A size of compute instance inside a GPU instance.",
    {"name": "s", "id": "i", "slices": "i", "maxCount": "i", "sm": "i?", "placements": "[@placement]"})
VALUES["profile"] = obj(
    "A size of GPU instance.",
    {
        "name": "s", "id": "i", "enum": ("i", "NVML_GPU_INSTANCE_PROFILE_*"), "slices": "i", "maxCount": "i",
        "free": ("i?", "how many more fit now, by the driver"), "memoryMib": "i", "sm": "i", "copyEngines": "i",
        "decoders": "i", "encoders": "i", "jpeg": "i", "ofa": "i", "p2p": "b", "graphics": "b",
        "computeProfiles": "[@computeProfile]",
        "computeProfilesDerived": ("b", "no instance of the profile exists that the driver could be asked about")})
VALUES["cell"] = obj(
    "An instance of a layout.",
    {
        "profile": "s", "placement": "@placement", "busy": "b",
        "computeInstances": {"type": "array", "items": obj("", {"profile": "s", "sm": "i?"})}})
VALUES["layout"] = obj("What a GPU holds.", {"mode": "@mode", "memorySlices": "i", "instances": "[@cell]"})
VALUES["blocker"] = obj(
    "A process or a lease in a plan's way.",
    {
        "gpu": "i", "gpuInstance": "i?", "process": ("@process?", "null: a lease"), "what": "s",
        "stops": "=destroy|reset|modeChange", "startTicks": ("i?", "when the process started, since boot"),
        "lease": obj(
            "In place of a process.",
            {
                "id": "i", "tenant": "s", "job": "s?", "gpuInstance": "i", "computeInstance": "i",
                "pid": ("i?", "the job that may be signalled")})},
    ("lease",))
VALUES["gpuPlan"] = obj(
    "What a plan does to a GPU.",
    {
        "index": "i", "uuid": "s", "name": "s", "before": "@layout", "after": "@layout", "kept": "[@cell]",
        "destroyed": "[@cell]", "created": "[@cell]", "blockers": "[@blocker]"})
STEP = {
    "kind": "=destroyComputeInstance|destroyGpuInstance|disableMig|enableMig|resetGpu|createGpuInstance|createComputeInstance",
    "gpu": "i", "gpuUuid": "s", "gpuInstance": ("i?", "of an instance; null: known when it is made"),
    "computeInstance": "i?", "profile": "s", "profileId": "i", "profileEnum": "i",
    "placement": ("@placement", "of the GPU instance"), "computePlacement": ("@placement?", "inside it"),
    "sm": ("i?", "of a compute instance"), "estimatedMs": "i", "text": "s", "undo": ("s", "what takes it back")}
INST = ("gpuInstance", "computeInstance", "profile", "profileId", "profileEnum", "placement", "computePlacement", "sm")
VALUES["step"] = obj("A step of a plan. Mode changes and resets name no instance.", STEP, INST)
VALUES["doneStep"] = obj("A step with what came of it.", {**STEP, "done": "b", "undone": "b", "milliseconds": "n"}, INST)
VALUES["recordedStep"] = obj(
    "A step as the journal has it.",
    {
        **{k: v for k, v in STEP.items() if k != "estimatedMs"},
        "outcome": "=not_done|begun|done|failed|undo_begun|undone|undo_failed", "message": "s?"},
    INST)
PLAN = {
    "label": "s", "generation": ("s", "sixteen hexadecimal digits"), "estimatedMs": "i", "blocked": "b",
    "gpus": "[@gpuPlan]", "steps": "[@step]", "warnings": "[s]",
    "keptRoom": {
        "description": "with --spare", "type": "array",
        "items": obj("", {"gpu": "i", "profile": "s", "placement": "@placement"})}}
VALUES["plan"] = obj("A plan.", PLAN, ("keptRoom",))
ERR = {
    "code": ("s", "[errors.md](errors.md) lists them"), "exitCode": "i", "message": "s", "hint": "s?",
    "context": ("[s]", "outermost first"),
    "nvml": {
        "description": "the driver's return code, when one caused it",
        "anyOf": [obj("", {"code": "i", "name": "s?"}), NULL]}}
VALUES["error"] = obj("What went wrong.", ERR)
VALUES["holderOfLease"] = {
    "description": "What a lease lasts with: a process, a unit, or null: its time limit.",
    "anyOf": [
        {"type": "null"},
        {
            "type": "object", "properties": {"pid": t("i"), "startTicks": t("i")}, "required": ["pid", "startTicks"],
            "additionalProperties": False},
        {"type": "object", "properties": {"unit": t("s")}, "required": ["unit"], "additionalProperties": False}]}
VALUES["need"] = obj(
    "Which instances serve; null: any.",
    {
        "profile": "s?", "memoryMib": "i?", "sms": "i?", "uuid": "s?", "slot": "s?",
        "gpu": ("s?", "index, UUID or PCI address"), "gpuInstance": "i?", "computeInstance": "i?"})
VALUES["lease"] = obj(
    "A lease.",
    {
        "id": "i", "request": ("i", "leases of one request share it"), "uuid": "s", "profile": "s", "gpu": "i",
        "gpuUuid": "s", "gpuMinor": "i?", "gpuInstance": "i", "computeInstance": "i", "memoryMib": "i", "sm": "i?",
        "slices": "i", "shared": ("i", "how many may share the instance"), "holder": "@holderOfLease",
        "heir": ("@holderOfLease", "keeps it when the holder is gone: the job itself"),
        "stoppable": ("b", "the holder may be signalled to go"), "uid": "i", "tenant": "s", "job": "s?",
        "priority": "z", "grantedMs": ("i", "Unix time"), "limitMs": "i?", "leftMs": "i?",
        "noticeMs": ("i?", "asked to go: so much of the grace is left"),
        "vanished": ("b", "the instance is not there any more")})
VALUES["queueEntry"] = obj(
    "A request that waits.",
    {
        "id": "i", "position": "i", "need": "@need", "wants": "s", "count": "i", "shared": "i", "uid": "i",
        "tenant": "s", "job": "s?", "priority": "z", "sinceMs": "i", "givesUpInMs": "i?", "reason": "s",
        "forecastMs": ("i?", "null: cannot be told")})
Q = {"slices": "i?", "sms": "i?", "memoryMib": "i?", "instances": "i?"}
VALUES["quota"] = obj("Limits; null: none.", Q)
VALUES["tenant"] = obj(
    "A tenant, its limits and what it uses.",
    {
        "name": "s", "role": "=none|viewer|user|operator|admin", "weight": "i", "users": "[s]", "groups": "[s]",
        "quota": "@quota", "job": obj("Of one job.", {**Q, "timeMs": "i?", "priority": "z"}),
        "used": obj("Now.", {"leases": "i", "slices": "i", "sms": "i", "memoryMib": "i", "instances": "i"})})
VALUES["instance"] = obj("Where a command runs.", {"gpu": "i", "gpuInstance": "i", "computeInstance": "i", "profile": "s", "uuid": "s"})
VALUES["slot"] = obj(
    "A named place.",
    {
        "name": "s", "state": "=ready|empty|taken|mig_off|no_gpu", "profile": "s", "gpu": "i?", "gpuUuid": "s",
        "pciBusId": "s", "standIn": ("b", "another GPU than the one that was named"), "placement": "@placement",
        "computeStart": "i?", "gpuInstance": "i?", "computeInstance": "i?", "uuid": "s?", "previousUuid": "s?",
        "changedMs": "i?", "note": "s?"})
VALUES["holder"] = obj(
    "Who stands in the way of a change.",
    {
        "gpu": "i", "gpuInstance": "i?", "computeInstance": "i?",
        "kind": "=process|service|display|kernel_module|lease", "pid": ("i", "0: no process that is known"),
        "name": "s", "uid": "i?", "unit": "s?", "container": ("s?", "the whole id"), "containerRuntime": "s?",
        "pod": "s?", "slurmJob": "s?", "stops": "=destroy|reset", "stopsFirstInstance": "b", "evidence": "[s]"})
VALUES["job"] = obj(
    "A job of `migctl run`.",
    {
        "id": "i", "name": "s?", "state": "=waiting|running|unsupervised|ended|lost", "command": "s", "folder": "s",
        "createdMs": "i", "startedMs": "i?", "finishedMs": "i?", "exitCode": "i?", "note": "s?", "detached": "b",
        "confined": "b", "supervisorPid": "i",
        "ranks": {
            "type": "array",
            "items": obj(
                "One of its commands.",
                {
                    "rank": "i", "instance": "@instance", "pid": ("i?", "null: not running"), "restarts": "i",
                    "exitCode": "i?", "log": "s?", "note": "s?"})}})
VALUES["estimate"] = obj("A value with its confidence interval.", {"value": "n", "low": "n?", "high": "n?"})
VALUES["sample"] = obj(
    "One run of the victim; what is said of the neighbour only beside one.",
    {
        "lived": "b", "stepsPerSecond": "n?", "stepMsP50": "n?", "stepMsP99": "n?", "error": "s?",
        "neighbourRuns": "i", "neighbourWorked": "b", "neighbourExits": "[z]", "neighbourError": "s?",
        "mpsMember": "b?"},
    ("neighbourRuns", "neighbourWorked", "neighbourExits", "neighbourError"))
VALUES["isolationPlace"] = obj("Where a process of the test runs.", {"uuid": "s", "label": "s", "gpu": "i", "instance": "b", "board": "s"})
VALUES["isolationMode"] = obj(
    "One way to share.",
    {
        "sharing": "=mig|compute-instances|time-slicing|mps|mps-limits", "skipped": ("s?", "why it was not run"),
        "victim": "@isolationPlace?", "neighbour": "@isolationPlace?",
        "caps": {
            "anyOf": [
                obj(
                    "Limits under MPS.",
                    {
                        "smAsked": "i", "smGot": "i?", "smTotal": "i", "activeThreadPercentage": "s",
                        "memoryAskedMib": "i", "memoryFreeMib": "i?", "memoryTotalMib": "i", "refusedBeyond": "b?"}),
                {"type": "null"}]},
        "alone": "[@sample]",
        "cells": {
            "type": "array",
            "items": obj(
                "Beside one neighbour.",
                {
                    "neighbour": "s", "verdict": "=isolated|slowed|killed|undecided", "why": "s?", "rounds": "i",
                    "lived": "i", "shareOfAlone": "@estimate?", "stepP50Factor": "@estimate?",
                    "stepP99Factor": "@estimate?", "longTail": "b", "samples": "[@sample]"})}})
VALUES["savedLayout"] = {"description": "The plan's GPUs as the journal saves them; null: not recorded.", "type": ["object", "null"]}

kind(
    "Inventory",
    "GPUs with modes and instances.",
    {
        "driverVersion": "s", "nvmlVersion": "s", "generation": "s", "gpus": "[@gpu]", "lost": "[@lostGpu]",
        "warnings": "[s]"},
    command="list; GET /v1/inventory")

kind(
    "ProfileList",
    "What sizes of instance each GPU offers.",
    {"gpus": per_gpu("profiles", "[@profile]"), "lost": "[@lostGpu]"},
    command="profiles")
PLACES = {
    "type": "array",
    "items": obj("", {"profile": "s", "id": "i", "size": "i?", "starts": "[i]?", "freeStarts": "[i]?"})}
kind(
    "PlacementList",
    "Where each profile may lie.",
    {"gpus": per_gpu("placements", PLACES), "lost": "[@lostGpu]"},
    command="placements")
kind(
    "Plan",
    "What a change would do.",
    PLAN,
    ("keptRoom",),
    command="plan; -n of apply, create, destroy, mode, restore, undo")
kind(
    "ApplyResult",
    "What a change did.",
    {"outcome": "=applied|unchanged|rolled_back|stuck", "steps": "[@doneStep]", "failure": "@error?", "plan": "@plan"},
    command="apply, create, destroy, mode, restore, undo")
kind(
    "AssertResult",
    "Whether a layout is applied.",
    {"label": "s", "modeOnly": "b", "matches": "b", "differences": "[s]"},
    command="assert")
kind(
    "History",
    "Changes, the newest first.",
    {
        "changes": {
            "type": "array",
            "items": obj(
                "A change.",
                {
                    "id": "i", "state": "=open|applied|rolled_back|stuck|recovered", "startedMs": ("i", "Unix time"),
                    "finishedMs": "i?", "user": "s", "pid": "i", "command": "s", "reason": "s?", "message": "s?",
                    "steps": ("i", "planned"), "plan": ("[@recordedStep]", "with --change"), "before": "@savedLayout",
                    "after": "@savedLayout"},
                ("plan", "before", "after"))}},
    command="history")
kind(
    "Recovery",
    "What became of a change that was cut short.",
    {
        "outcome": "=nothing_to_do|applied|rolled_back|stuck", "change": "i?", "command": "s", "rebuilt": "b",
        "others": "[s]", "failure": "@error?"},
    command="recover")
kind(
    "HolderList",
    "Who holds GPUs and instances.",
    {"unreadableProcesses": "i", "holders": "[@holder]", "lost": "[@lostGpu]"},
    command="holders")
kind("SlotList", "Named places.", {"slots": "[@slot]"}, command="slot list")
kind("Slot", "A named place.", VALUES["slot"]["properties"], command="slot set, slot resolve")
kind("LeaseGrant", "Leases that were taken.", {"leases": "[@lease]"}, command="lease acquire; POST /v1/leases")
kind("LeaseList", "Leases.", {"leases": "[@lease]"}, command="lease list; GET /v1/leases")
kind(
    "LeaseReleased",
    "A lease that was given back.",
    {"leases": "[@lease]"},
    command="lease release; DELETE /v1/leases/ID")
kind("LeaseQueue", "Requests that wait.", {"queue": "[@queueEntry]"}, command="lease queue; GET /v1/queue")
kind(
    "LeaseHistory",
    "What happened to leases, the newest first.",
    {
        "events": {
            "type": "array",
            "items": obj(
                "",
                {
                    "id": "i", "atMs": ("i", "Unix time"), "action": ("s", "granted, released, expired, preempted, ..."),
                    "lease": "i", "tenant": "s", "uid": ("i", "who did it"), "instance": "s", "job": "s?"})},
        "next": ("i?", "the `before` of the page that follows")},
    command="history --leases; GET /v1/history/leases")
kind("TenantList", "Tenants.", {"tenants": "[@tenant]"}, command="tenant list, tenant show; GET /v1/tenants")
kind(
    "RunResult",
    "How a job ended.",
    {
        "instance": ("@instance", "of the first command"), "exitCode": "i", "timedOut": "b",
        "job": ("i?", "null: in no record"),
        "ranks": {
            "type": "array",
            "items": obj("One of its commands.", {"instance": "@instance", "exitCode": "i", "restarts": "i"})}},
    ("instance",),
    command="run, on stderr when the command has ended")
kind("JobStarted", "A job in the background.", {"job": "i"}, command="run --detach")
kind("JobList", "Jobs of the user.", {"jobs": "[@job]"}, command="jobs")
kind(
    "IsolationReport",
    "How far a neighbour disturbs.",
    {
        "driverVersion": "s?", "victim": "s", "rounds": "i", "secondsEach": "n", "orderSeed": "i", "stopped": "b",
        "interval": obj("How certain.", {"method": "s", "confidence": "n"}),
        "criteria": obj("What counts.", {"margin": "n", "tailFactor": "n"}), "modes": "[@isolationMode]",
        "outOfMemory": "s"},
    command="isolate-test")
kind(
    "Version",
    "Versions of migctl and the driver.",
    {"version": "s", "driverVersion": "s?", "nvmlVersion": "s?", "driverNote": ("s?", "why there is no driver")},
    command="version")
kind("Error", "What went wrong.", ERR, command="every command")

VALUES["simulatedGpu"] = obj(
    "A GPU of a simulated machine.",
    {
        "index": "i", "board": "s", "name": "s", "uuid": "s", "migEnabled": "b", "lost": "b", "gpuInstances": "i",
        "processes": "i"})
VALUES["simulatedMachine"] = obj(
    "A simulated machine.",
    {
        "name": "s", "path": "s", "gpus": "[@simulatedGpu]", "error": ("s", "why it cannot be read"),
        "broken": ("s?", "with --check: the rule that does not hold")},
    ("error", "broken"))
VALUES["simulatedClient"] = obj(
    "A service that a simulated machine can have.",
    {"name": "s", "what": "s", "running": "b", "unit": "s?", "pid": "i?", "gpus": "[i]"})
VALUES["simulatedFault"] = obj(
    "A fault that is injected.",
    {"call": "s", "gpu": "i?", "nth": "i", "repeat": ("i", "0: without end"), "action": "s", "calls": "i"})
VALUES["boardDifference"] = obj(
    "A figure in which a capture differs from the built-in board.",
    {"figure": "s", "read": "s", "builtin": "s", "varies": ("b", "a reading that no two moments have alike")})
kind("SimulatedMachine", "A machine that was made.", {"name": "s", "path": "s"}, command="sim create")
kind("SimulatedMachineList", "Machines under the root.", {"machines": "[@simulatedMachine]"}, command="sim list")
kind(
    "SimulatedBoardList",
    "Boards that a machine can have.",
    {
        "boards": {
            "type": "array",
            "items": obj("", {"board": "s", "name": "s", "memoryTotalMib": "i", "sm": "i", "profiles": "[s]"})}},
    command="sim boards")
kind(
    "SimulatedClientList",
    "Services of a machine.",
    {"name": "s", "clients": "[@simulatedClient]"},
    command="sim clients")
kind("SimulatedFaultList", "Faults of a machine.", {"faults": "[@simulatedFault]"}, command="sim inject --list")
kind(
    "SimulatedMachineChange",
    "What was done to a machine.",
    {"action": "s", "name": "s"},
    command="sim destroy, sim reboot, sim reset")
kind(
    "SimulatedMachineEnvironment",
    "What programs need to use a machine.",
    {"environment": obj("", {"MIGSIM_MACHINE": "s", "LD_LIBRARY_PATH": "s"})},
    command="sim env")
kind(
    "BoardCapture",
    "A GPU as a board file (sim/gpus/README.md has its schema).",
    {
        "board": "s", "name": "s", "driverVersion": "s", "nvmlVersion": "s", "host": "s", "builtinBoard": "s?",
        "differences": "[@boardDifference]",
        "notTold": {"type": "array", "items": obj("", {"figure": "s", "why": "s"})}, "notes": "[s]",
        "boardFile": {"type": "object", "description": "without -o"}, "path": ("s", "with -o")},
    ("boardFile", "path"),
    command="sim capture")


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    stale = []
    for path, text in ((SCHEMA, schema_text(KINDS, VALUES)), (PAGE, page_text(KINDS, VALUES, COMMANDS))):
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.relative_to(ROOT))
        if not sys.argv[1:]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{path}: {'is not what src/wire/documents.py says; run it' if sys.argv[1:] else 'written'}")
    return 1 if stale and sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())

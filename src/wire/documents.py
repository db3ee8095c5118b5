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
        "vanished": ("b", "the instance is not there any more"),
        "cgroup": ("s?", "the cgroup of its processes; null: none"),
        "linger": ("b", "processes that outlive the holder keep it"),
        "endGraceMs": ("i", "from SIGTERM to SIGKILL, at its end"),
        "ending": ("s?", "it is over, for this reason, and kept until its processes are gone"),
        "processes": ("i", "of a lease that is ending: left when last looked at")})
VALUES["unleased"] = obj(
    "A process on an instance without a lease of its user there.",
    {
        "pid": "i", "startTicks": "i", "uid": "i", "tenant": "s", "command": "s", "uuid": "s", "profile": "s", "gpu": "i",
        "gpuInstance": "i", "computeInstance": "i"})
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
        "quota": "@quota", "perUser": obj("Of the leases of each of its users.", Q),
        "job": obj("Of one job.", {
            **Q, "timeMs": "i?", "defaultTimeMs": ("i?", "assumed for planning where there is no limit; null: the site's"),
            "priority": "z", "preempt": "b", "create": "b", "linger": "b"}),
        "used": obj("Now.", {"leases": "i", "slices": "i", "sms": "i", "memoryMib": "i", "instances": "i"})})
VALUES["site"] = obj(
    "The site's policy on leases.",
    {
        "file": ("b", "false: no tenants file"), "unleased": "=report|end",
        "preemption": obj("Whether leases of lower priority may be ended.", {"enabled": "b", "graceMs": "i"}),
        "reclaimMs": ("i?", "null: never"), "defaultTimeMs": "i",
        "others": ("@tenant?", "what those have whom no tenant names; null: no file")})
VALUES["madeFor"] = obj(
    "For whom an instance was made (--create).",
    {"uid": "i", "tenant": "s", "request": ("i?", "null: none, the instance of a slot"), "lease": ("i?", "null: none yet")})
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
        "containerName": ("s?", "as its engine calls it"),
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
VALUES["rightsizeInterval"] = obj("A value with bounds.", {"value": "n", "low": "n", "high": "n"})
VALUES["rightsizeRun"] = obj(
    "One run of the command.",
    {
        "how": "=whole-gpu|instance|mps|mps-hog|given", "place": "s", "profile": "s?", "smShare": "n", "bandwidthShare": "n", "sm": "i?",
        "activeThreadPercentage": "s?", "mpsMember": ("b?", "the MPS server named the command's process as its client"),
        "rate": {
            "anyOf": [
                obj(
                    "Units of work.",
                    {
                        "perSecond": "n", "noise": ("n", "relative half-width of the 95 % interval"), "readings": "i",
                        "source": "=mig-workload|progress|regex|whole-run|given"}),
                {"type": "null"}]},
        "peakMemoryMib": "i?", "memorySource": ("s?", "processes, device"), "busy": ("n?", "share of the time with any work"),
        "smActive": "n?", "dramActive": "n?", "tensorActive": "n?", "activityReason": ("s?", "why it is unknown"), "seconds": "n",
        "exitCode": "z?", "outOfMemory": "b", "error": "s?"})
VALUES["rightsizeFit"] = obj(
    "Where a unit's time goes.",
    {
        "fixedSeconds": ("n", "that no share changes"), "deviceSeconds": ("n", "that grows as the share shrinks"),
        "exponent": ("n", "of a job that scales worse than its share; 0: none"), "fixedShare": "n?"})
VALUES["rightsizePrediction"] = obj(
    "Of one profile.",
    {
        "profile": "s", "sm": "i", "memoryMib": "i", "smShare": "n", "bandwidthShare": "n", "priceShare": "n",
        "basis": "=measured|between|beyond|above", "seconds": "@rightsizeInterval", "speed": "@rightsizeInterval",
        "fits": ("b?", "the peak memory with its margin")})
VALUES["rightsizeChoice"] = obj(
    "The advice for a target.",
    {
        "target": "s", "kind": "=speed|deadline|latency|cost", "verdict": "=chosen|undecided|none",
        "profile": ("s?", "the smallest that is certainly enough"), "measure": ("s?", "a smaller one that may be"), "why": "s"})
VALUES["rightsizeCheck"] = obj(
    "A prediction, and the run that checked it.",
    {
        "profile": "s", "predicted": "@rightsizeInterval", "measured": "n", "error": "n", "basis": "=measured|between|beyond|above",
        "inside": "b"})
VALUES["rightsizeRow"] = obj(
    "A model on a profile.",
    {
        "model": "s", "profile": "s", "how": "=whole-gpu|instance|mps|mps-hog|given", "samplesPerSecond": "n?",
        "speed": ("n?", "of the largest profile's"), "peakMemoryMib": "i?", "outOfMemory": "b", "fits": "b?", "error": "s?"})
VALUES["modelProfile"] = obj("A model's profile.", {"model": "s", "profile": ("s?", "null: none")})
VALUES["pastUse"] = obj(
    "What leases of one job did.",
    {
        "tenant": "s", "job": "s?", "profile": "s", "board": "s?", "fromMs": "i", "untilMs": "i", "minutes": "i", "smMean": "n?",
        "smMost": "n?", "dramMean": "n?", "peakMemoryMib": "i?", "smallest": "s?", "verdict": "=idle|measure|right|unknown", "why": "s"})
A = "share of the interval; may exceed 1"
VALUES["activity"] = obj(
    "What an instance or a GPU did, by the driver's counters; null: not told.",
    {
        "graphics": ("n?", A), "sm": "n?", "occupancy": "n?", "tensor": "n?", "dram": "n?", "fp64": "n?", "fp32": "n?",
        "fp16": "n?", "integer": "n?", "pcieTxBytesPerSecond": "n?", "pcieRxBytesPerSecond": "n?"})
VALUES["instanceUse"] = obj(
    "A lease of an instance.", {"lease": "i", "tenant": "s", "job": "s?", "uid": "i", "sinceMs": ("i", "Unix time")})
VALUES["processSample"] = obj(
    "A process on a GPU.",
    {
        "pid": "i", "name": "s?", "uid": "i?", "memoryBytes": "i?", "gpuInstance": "i?", "computeInstance": "i?",
        "owner": obj("", {"unit": "s?", "container": "s?", "containerRuntime": "s?", "containerName": "s?", "pod": "s?", "slurmJob": "s?"}),
        "lease": ("i?", "of its user on that instance"), "tenant": "s?"})
VALUES["computeInstanceSample"] = obj(
    "A compute instance in a sample.",
    {
        "id": "i", "profile": "s", "uuid": "s?", "sm": "i?",
        "activity": ("@activity?", "where the driver tells it of each compute instance"), "uses": "[@instanceUse]"})
SOURCE = {"activitySource": "=unknown|gpm|dcgm", "activityReason": ("s?", "why it is unknown"), "activity": "@activity"}
VALUES["gpuInstanceSample"] = obj(
    "A GPU instance in a sample.",
    {
        "id": "i", "profile": "s", "placement": "@placement",
        "generation": ("s", "of the change that made it: another tenant's instance at the same place has another"),
        "sm": "i", "memoryTotalBytes": "i?", "memoryUsedBytes": "i?", **SOURCE,
        "activitySeconds": ("n?", "the interval that the activity is an average over"),
        "activityAgeSeconds": ("n?", "since the end of that interval"),
        "energyMj": ("i?", "attributed since the first sample; null: the board has no counter"),
        "powerWatts": "n?", "idleSinceMs": "i?", "computeInstances": "[@computeInstanceSample]"})
VALUES["gpuSample"] = obj(
    "A GPU in a sample.",
    {
        "index": "i", "uuid": "s", "name": "s", "pciBusId": "s", "minor": "i?", "migCurrent": "@mode",
        "migPending": "@mode", "memorySlices": "i", "computeSlices": "i", "smTotal": "i?", "smAllocated": "i",
        "smStranded": ("i?", "usable by no instance beside those that exist"), "memoryTotalBytes": "i?",
        "memoryUsedBytes": "i?", "powerWatts": "n?", "powerLimitWatts": "n?",
        "energyMj": ("i?", "the board's counter; the sum of its instances', of the next two"),
        "energyGoneMj": ("i?", "of instances that are gone"),
        "energyUnattributedMj": ("i?", "idle floor, what nobody used, or nobody measured"),
        "energyMethod": ("s?", "`sm_dram_weighted`, `slice_share`"),
        "temperatureCelsius": "n?", "memoryTemperatureCelsius": "n?", "smClockHz": "n?", "memoryClockHz": "n?",
        "gpuUtilization": ("n?", "null with MIG on"), "memoryUtilization": "n?",
        "throttleReasons": ("i?", "bits of nvmlClocksEventReasons"), "eccUncorrected": "i?", "eccCorrected": "i?",
        "remapPending": "b?", "remapFailed": "b?", **SOURCE, "gpuInstances": "[@gpuInstanceSample]",
        "processes": "[@processSample]",
        "xids": {
            "type": "array",
            "items": obj(
                "Xid events since the sampler started.",
                {"xid": "i", "gpuInstance": "i?", "computeInstance": "i?", "count": "i", "lastMs": ("i", "Unix time")})},
        "room": {
            "type": "array",
            "items": obj("How many more of a profile fit beside what is there.", {"profile": "s", "free": "i"})},
        "drift": ("b?", "differs from the last layout that a change by migctl left; null: there is none")})
VALUES["sampleRow"] = obj(
    "A tick, or averages over a minute or an hour.",
    {
        "timeMs": ("i", "Unix time of its beginning"), "periodMs": "i", "gpuUuid": "s",
        "gpuInstance": ("i?", "null: the whole GPU"), "generation": "s?", "profile": "s?",
        "tenant": ("s?", "the last one of the period"), "job": "s?", "ticks": ("i", "that the averages are of"), "sm": "n?",
        "smMax": "n?", "dram": "n?", "tensor": "n?", "graphics": "n?", "occupancy": "n?", "memoryBytes": "i?",
        "memoryMaxBytes": "i?", "powerWatts": "n?"})
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
                    "cause": ("s?", "null: not recorded"), "madeFor": ("@madeFor?", "null: for no request"),
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
kind(
    "Health",
    "Whether the daemon does its work, part by part.",
    {
        "status": "=ok|degraded", "version": "s",
        "parts": {
            "type": "array",
            "items": obj("A part.", {"name": "s", "ok": "b", "trouble": ("s?", "what is wrong, for people; null: nothing")})}},
    command="GET /v1/health")
kind(
    "Caller",
    "Who asks.",
    {
        "uid": "i", "user": ("s?", "null: the system has no name for it"), "tenant": "s",
        "role": "=none|viewer|user|operator|admin", "byToken": "b"},
    command="GET /v1/me")
kind(
    "Event",
    "Something that happened: a server-sent event, on one line.",
    {
        "id": ("s", "to go on after it: `Last-Event-ID`"),
        "type": ("=layout|lease|job|xid|drift|alert|reset", "reset: what happened since is not known, read the state again"),
        "alert": ("s?", "which one: `part/driver`, `part/sampler`, `collector/NAME`, `held_idle`, `row_remap`"),
        "action": ("s?", "layout: the cause; lease: as in `history --leases`; job: started, ended; drift and alert: raised, cleared"),
        "message": ("s", "for people"), "timeMs": ("i", "Unix time"), "gpu": "i?", "gpuUuid": "s?", "gpuInstance": "i?",
        "computeInstance": "i?", "instance": "s?", "lease": "i?", "tenant": ("s?", "whose; others get it without an owner (xid, held_idle), or not at all"),
        "uid": ("i?", "who did it, or whose lease it is"), "job": "s?", "xid": "i?", "count": ("i?", "of that Xid since the last event")},
    command="GET /v1/events")
kind(
    "TokenList",
    "Tokens of clients over TCP, without their secrets.",
    {
        "tokens": {
            "type": "array",
            "items": obj(
                "A token.",
                {
                    "id": "s", "name": "s", "uid": ("i", "as whom it acts"),
                    "role": ("=viewer|user|operator|admin", "at most these rights"), "createdMs": ("i", "Unix time"),
                    "expiresMs": ("i?", "Unix time; null: never")})}},
    command="token list, token revoke")
kind("TokenCreated", "A new token: shown here and never again.", {"token": "s", "file": ("s", "where its hash is kept")},
     command="token create")
kind("SlotList", "Named places.", {"slots": "[@slot]"}, command="slot list")
VALUES["cdiDevice"] = obj(
    "An instance or a GPU under its CDI names.",
    {
        "gpu": ("i?", "null: all"), "profile": ("s?", "of the compute instance; null: a whole GPU, or all"),
        "uuid": ("s?", "`MIG-...` or `GPU-...`; null: all"), "names": ("[s]", "after the kind and `=`"),
        "nodes": ("[s]", "paths in the container"), "inFile": ("b", "the kept file has all these names")})
kind("CdiDeviceList", "What containers can be given.",
     {
         "path": ("s?", "the file that is kept; null: none is"), "cdiKind": ("s", "`nvidia.com/gpu`"),
         "devices": "[@cdiDevice]", "leftOut": ("[s]", "what has no device, and why")},
     command="cdi list, cdi generate")
WHERE = {"file": "s", "line": "i", "column": "i"}
kind("ComposeCheck", "The GPUs of a Compose project, held against the machine.",
     {
         "files": "[s]", "services": ("i", "of all files together"),
         "counts": obj("Findings by verdict.", {"ok": "i", "note": "i", "warning": "i", "problem": "i"}),
         "findings": {
             "type": "array",
             "items": obj(
                 "What a reference means now, or what is wrong with it.",
                 {
                     **WHERE, "service": ("s?", "null: of the file"),
                     "rule": ("s", "[compose.md](compose.md) lists them"), "verdict": "=ok|note|warning|problem",
                     "reference": ("s?", "as it stands in the file, variables replaced; null: of the service"), "found": "s",
                     "mend": ("[s]", "what to write or to run, in order"),
                     "uuid": ("s?", "of the instance or GPU that is meant now")})}},
     command="compose check")
kind("ComposeRender", "A Compose file, and which instance each service gets.",
     {
         "path": ("s?", "where it was written; null: nowhere"), "text": "s",
         "services": {
             "type": "array",
             "items": obj(
                 "A service and an instance.",
                 {
                     "service": "s", "wish": "s", "name": ("s", "as the file has it"), "profile": "s?", "gpu": "i?",
                     "uuid": ("s?", "null: there is none yet")})},
         "notes": "[s]"},
     command="compose render")
kind("Slot", "A named place.", VALUES["slot"]["properties"], command="slot set, slot resolve")
VALUES["slurmDevice"] = obj(
    "An instance, or a whole GPU without MIG, as a generic resource of a Slurm node.",
    {
        "index": ("i", "Slurm's number of it: `SLURM_STEP_GPUS`"), "type": "s", "uuid": "s", "gpu": "i",
        "gpuInstance": ("i?", "null: the whole GPU"), "computeInstance": "i?", "files": ("[s]", "device nodes")})
kind(
    "SlurmFiles",
    "What Slurm's files say of this machine.",
    {
        "node": "s", "gres": ("s", "of the node's line in slurm.conf"), "gresConf": ("s", "the lines of gres.conf"),
        "devices": "[@slurmDevice]", "warnings": "[s]"},
    command="slurm generate")
kind(
    "SlurmCheck",
    "Whether Slurm's files and daemons have what the machine has.",
    {
        "node": "s", "good": ("b", "false: something is wrong"), "devices": ("i", "how many the machine has"),
        "findings": ("[@slurmFinding]", "empty: all is as it should be")},
    command="slurm check")
VALUES["slurmFinding"] = obj(
    "What a check found.",
    {"wrong": ("b", "false: only to be known"), "where": "s", "what": "s", "remedy": "s?"})
kind(
    "SlurmChange",
    "The end of a change of a Slurm node.",
    {
        "node": "s", "outcome": "=unchanged|applied|recovered|taken_back|nothing", "gresBefore": "s", "gres": "s",
        "devices": "[@slurmDevice]"},
    command="slurm apply, slurm recover")
kind("LeaseGrant", "Leases that were taken.", {"leases": "[@lease]"}, command="lease acquire; POST /v1/leases")
OTHERS = {"others": ("i", "how many there are that the reader may not see")}
kind(
    "LeaseList",
    "Leases.",
    {
        "leases": "[@lease]",
        "unleased": ("[@unleased]?", "processes on instances without a lease of their user there; null: not for the caller"),
        **OTHERS},
    command="lease list; GET /v1/leases")
kind(
    "LeaseReleased",
    "A lease that was given back.",
    {"leases": "[@lease]"},
    command="lease release; DELETE /v1/leases/ID")
kind("LeaseQueue", "Requests that wait.", {"queue": "[@queueEntry]", **OTHERS}, command="lease queue; GET /v1/queue")
kind(
    "Free",
    "What is free, and when more will be.",
    {
        "instances": {
            "type": "array",
            "items": obj(
                "An instance.",
                {
                    "uuid": "s", "profile": "s", "gpu": "i", "gpuInstance": "i", "computeInstance": "i", "memoryMib": "i",
                    "sm": "i?", "slices": "i",
                    "state": ("=free|shared|leased|ending|inUse", "shared: has room for who shares it; inUse: without a lease"),
                    "yours": ("b", "a lease of it is the reader's tenant's"), "shared": ("i", "how many may share it"),
                    "leases": "i", "endsInMs": ("i?", "until the first lease's limit; null: cannot be told"),
                    "holders": ("[s]", "the reader's own; everybody's for operators and admins")})},
        "makeable": {
            "type": "array",
            "items": obj(
                "How many of a profile fit into free slices now, if only they are made.",
                {"profile": "s", "count": "i", "memoryMib": "i", "sm": "i", "slices": "i"})},
        "mayCreate": ("b", "the reader may make them with --create"), "leases": ("i", "everybody's"), "yourLeases": "i",
        "queue": {
            "type": "array",
            "items": obj(
                "A request that waits, whoever's.",
                {"need": "@need", "wants": "s", "count": "i", "yours": "b", "forecastMs": ("i?", "null: cannot be told")})}},
    command="free; GET /v1/free")
kind(
    "Sample",
    "What every GPU, instance and process did in the last interval.",
    {
        "timeMs": ("i", "Unix time"), "tick": ("i", "of the sampler, from 1"), "intervalSeconds": "n",
        "generation": ("s", "of the layout"), "driverVersion": "s", "nvmlVersion": "s", "hostname": "s",
        "withdrawn": ("s?", "why there are no readings: the driver hangs, or is closed for a change"),
        "gpus": "[@gpuSample]",
        "collectors": {
            "type": "array",
            "items": obj(
                "A part of a tick.",
                {"name": "s", "success": "b", "error": "s?", "durationSeconds": "n", "lastSuccessMs": "i?"})}},
    command="top; GET /v1/sample")
kind(
    "SampleHistory",
    "What instances and GPUs did in the past, the oldest first.",
    {"rows": "[@sampleRow]"},
    command="GET /v1/history")
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
kind(
    "TenantList", "Tenants.", {"tenants": "[@tenant]", "site": ("@site?", "null: not told"), **OTHERS},
    command="tenant list, tenant show, tenant reload; GET /v1/tenants, POST /v1/reload")
kind(
    "TenantCheck", "A tenants file that is right.",
    {"file": "s", "tenants": ("i", "how many it has"),
     "changes": ("[s]?", "what it would change of what the running daemon has; null: not known")},
    command="tenant check")
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
    "RightsizeReport",
    "Which profile a command needs, and why.",
    {
        "command": "s?", "board": "s", "driverVersion": "s?", "runs": "[@rightsizeRun]", "peakMemoryMib": "i?",
        "memoryMargin": ("n", "with which a profile must hold the peak, relative"),
        "hostShare": ("n?", "of the time in which the device waits for the host; measured"), "hostWords": "s?",
        "fit": ("@rightsizeFit?", "of the two outermost shares"),
        "shape": obj(
            "Constants of the model.",
            {
                "smWeight": "n", "overlap": "n", "width": "n", "noise": "n", "beyond": "n",
                "recalibrated": ("b", "the width is that of this machine's own checks")}),
        "predictions": ("[@rightsizePrediction]", "smallest profile first"), "choices": "[@rightsizeChoice]",
        "checks": "[@rightsizeCheck]", "notes": "[s]", "stopped": "b"},
    command="rightsize")
kind(
    "RightsizeModels",
    "The course's three models on each profile.",
    {
        "board": "s", "driverVersion": "s?", "batch": "i", "precision": "=fp32|tf32|bf16", "rows": "[@rightsizeRow]",
        "minimum": ("[@modelProfile]", "the smallest profile that holds the model"),
        "enough": ("[@modelProfile]", "and that has 80 % of the largest one's speed"), "notes": "[s]", "stopped": "b"},
    command="rightsize --lab-models")
kind(
    "RightsizeHistory",
    "What jobs did in the past, and what that says of their profiles.",
    {"fromMs": "i", "untilMs": "i", "memoryMargin": "n", "uses": "[@pastUse]", "notes": "[s]"},
    command="rightsize --from-history")
kind(
    "Checkup",
    "What is right and wrong with a machine.",
    {
        "privileged": ("b", "false: not run by root, so some checks could not look everywhere"),
        "counts": obj("Checks by verdict.", {"ok": "i", "note": "i", "warning": "i", "problem": "i", "notHere": "i"}),
        "checks": {
            "type": "array",
            "items": obj(
                "A check, in the order of `--list`.",
                {
                    "id": "s", "title": "s",
                    "verdict": ("=ok|note|warning|problem|not_here",
                                "not_here: the machine has no such part, or it could not be read; `found` says why"),
                    "found": "s", "evidence": ("[s]", "what was read where"), "cause": "s?",
                    "mend": ("[s]", "commands, or what to do, in order"), "milliseconds": "i"})}},
    command="doctor")
kind(
    "CheckList",
    "The checks of `migctl doctor`.",
    {
        "checks": {
            "type": "array",
            "items": obj("", {"id": "s", "title": "s", "needsDriver": "b"})}},
    command="doctor --list")
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

PARTS = ("allocated", "idle", "unallocated", "stranded", "notRecorded")
VALUES["costSplit"] = obj(
    "What became of a price, in millionths of the currency, and of the time that it is for.",
    {**{part + "Micros": "i" for part in PARTS}, "totalMicros": "i",
     **{part + "GpuMs": ("i", "milliseconds of a whole GPU") for part in PARTS}})
VALUES["price"] = obj(
    "What a GPU costs an hour.",
    {
        "gpu": ("s?", "words of the board's name"), "uuid": ("s?", "of one GPU"), "hourMicros": "i", "memoryGb": "i?",
        "provider": "s?", "source": "s?", "date": "s?"})
TABLE = {
    "currency": "s", "priceFile": ("s?", "null: the shipped table"), "priceDate": "s?",
    "electricityMicros": ("i?", "of a kilowatt-hour")}
VALUES["amount"] = obj("A part of a GPU, in each unit.", {"slices": "i", "memorySlices": "i", "sm": "i"})
VALUES["tenure"] = obj(
    "The time that a lease had an instance.",
    {
        "lease": ("i", "0: another tenant's"), "gpuUuid": "s", "gpuInstance": "i", "computeInstance": "i", "profile": "s",
        "amount": ("@amount", "of its GPU instance"),
        "part": ("i", "compute slices of it, of `parts` of its GPU instance"), "parts": "i", "shared": ("i", "seats"), "others": "b",
        "tenant": "s?", "uid": "i?", "job": "s?", "fromMs": "i", "untilMs": "i", "open": ("b", "it had not ended"), "energyMj": "i?"})
kind(
    "Usage",
    "What is recorded of a machine in a period. What no list covers is not recorded.",
    {
        "fromMs": ("i", "Unix time"), "untilMs": "i", "nowMs": "i", "recordedFromMs": ("i", "leases are recorded since then"),
        "all": ("b", "false: leases of other tenants have no names"),
        "gpus": {
            "type": "array",
            "items": obj(
                "",
                {
                    "uuid": "s", "index": ("i?", "null: it is not there now"), "name": "s?", "whole": "@amount",
                    "fromMs": ("i", "on the machine since, in the period"), "untilMs": "i",
                    "layouts": {
                        "type": "array",
                        "items": obj(
                            "",
                            {
                                "fromMs": "i", "untilMs": "i", "migEnabled": "b",
                                "instances": {
                                    "type": "array",
                                    "items": obj("", {"gpuInstance": "i", "profile": "s", "amount": "@amount"})},
                                "room": ("@amount", "the most that more instances could take"),
                                "dominantRoom": ("i", "of slices x memory slices of the GPU")})},
                    "activity": {
                        "type": "array",
                        "items": obj("", {"fromMs": "i", "untilMs": "i", "gpuInstance": "i", "idle": "b"})},
                    "energyMj": ("i?", "by the mean power of each minute; null: not measured")})},
        "tenures": "[@tenure]",
        "warnings": "[s]"},
    command="GET /v1/usage")
kind(
    "Cost",
    "What a machine cost in a period and who had it. All parts add up to totalMicros, exactly.",
    {
        "fromMs": ("i", "Unix time"), "untilMs": "i", "recordedFromMs": "i",
        "policy": "=compute|memory|sm|dominant|full-cost", "by": "=tenant|user|job|gpu|profile", **TABLE,
        "all": ("b", "false: other tenants have no names"), "totalMicros": "i", "sum": "@costSplit",
        "spreadMicros": ("i", "with full-cost: of it, what was free or stranded"), "leasedGpuMs": "i",
        "activityKnownGpuMs": ("i", "of the leased time"), "energyMj": "i?", "leasedEnergyMj": "i?",
        "lines": {
            "type": "array",
            "items": obj(
                "",
                {
                    "nobody": ("b", "not leased"), "others": "b", "tenant": "s?", "uid": "i?", "job": "s?", "profile": "s?",
                    "gpuUuid": "s?", "cost": "@costSplit", "leases": "i", "energyMj": "i?"})},
        "gpus": {
            "type": "array",
            "items": obj(
                "",
                {"uuid": "s", "index": "i?", "name": "s?", "price": "@price", "totalMicros": "i", "cost": "@costSplit",
                 "energyMj": "i?"})},
        "warnings": "[s]"},
    command="cost")
kind(
    "CostComparison",
    "MIG against a GPU for each workload.",
    {
        **TABLE, "gpus": {"type": "array", "items": obj("", {"name": "s", "price": "@price"})}, "migHourMicros": "i",
        "workloads": {
            "type": "array",
            "items": obj(
                "", {"profile": "s", "memoryMib": "i", "price": ("@price?", "the cheapest that has the memory; null: none has")})},
        "withoutPrice": ("i", "workloads that no GPU of the table can hold"), "utilizationPercent": "i",
        "dedicatedHourMicros": ("i", "all of them, all the time"),
        "breakEvenPermille": ("i?", "share of time from which MIG is cheaper; above 1000: never"),
        "breakEvenWorkloads": ("i?", "on one GPU, from which MIG is cheaper"),
        "sensitivity": {
            "type": "array",
            "items": obj(
                "",
                {"pricePercent": "i", "utilizationPercent": "i", "dedicatedHourMicros": "i",
                 "savingHourMicros": ("z", "by MIG; negative: it costs more")})}},
    command="cost compare")
kind("CostPrices", "The price table that counts.", {**TABLE, "prices": "[@price]"}, command="cost prices")

# --- written reports ---

VALUES["reportSpan"] = obj(
    "A piece of a line of text. A text is a list of them, or null where it is unknown or there is none.",
    {"kind": "=plain|code|emphasis|link", "text": "s", "address": ("s", "of a link")}, ("address",))
VALUES["reportText"] = {"description": "A line of text, without markup characters.", "anyOf": [t("[@reportSpan]"), NULL]}
VALUES["reportOrigin"] = {
    "description": "Where a figure is from; null: not said.",
    "enum": ["captured", "measured", "simulated", "documented", "derived", "assumed"]}
VALUES["reportTone"] = {"description": "How a cell is judged.", "enum": ["plain", "good", "warning", "bad", "unknown"]}
VALUES["reportReference"] = obj("A line across a chart.", {"value": "n?", "label": "s"})
CHART = {
    "title": "s", "unit": "s?", "description": ("s?", "null: the title says it"), "origin": "@reportOrigin?",
    "source": "@reportText"}
BLOCKS = {
    "Paragraph": ("A paragraph.", {"text": "@reportText"}),
    "List": ("A list.", {"numbered": "b", "items": "[@reportText]"}),
    "Transcript": (
        "A command and what it printed, escape sequences included.",
        {"command": "s", "exitCode": ("z?", "null: ended by a signal, or not known"), "printed": "s",
         "bytesLeftOut": ("i", "in the middle of `printed`"), "durationMs": "i?", "note": "s?"}),
    "Table": (
        "A table.",
        {"caption": "s?", "origin": ("@reportOrigin?", "of all figures without one of their own"),
         "rowHeaders": ("b", "the first column names the row"),
         "columns": {"type": "array", "items": obj("", {"title": "s", "unit": "s?"})},
         "rows": {"type": "array", "items": {"type": "array", "items": obj(
             "", {"text": "@reportText", "value": ("n?", "the figure"), "origin": "@reportOrigin?", "tone": "@reportTone"})}},
         "source": "@reportText"}),
    "Bars": (
        "Grouped bars.",
        {**CHART, "groups": "[s]",
         "series": {"type": "array", "items": obj("", {"name": "s", "values": {"type": "array", "items": {"anyOf": [
             obj("", {"value": "n?", "low": ("n?", "of the 95 % interval"), "high": "n?"}), NULL]}}})},
         "references": "[@reportReference]"}),
    "Lines": (
        "Lines over time or another quantity.",
        {**CHART, "xTitle": "s", "xUnit": "s?",
         "lines": {"type": "array", "items": obj("", {"name": "s", "points": {"type": "array", "items": obj("", {"x": "n?", "y": "n?"})}})},
         "marks": {"type": "array", "items": obj("", {"x": "n?", "label": "s"})}, "references": "[@reportReference]"}),
    "Stacked": (
        "Bars of parts that add up.",
        {**CHART, "groups": "[s]", "parts": "[s]", "values": {"description": "by group, then by part", "type": "array", "items": t("[n?]")},
         "totals": ("[s]", "as text; empty: the sums")}),
    "Matrix": (
        "Verdicts, or a heat map.",
        {**CHART, "rowTitle": "s?", "columns": "[s]", "rows": "[s]",
         "cells": {"description": "by row, then by column", "type": "array", "items": {"type": "array", "items": obj(
             "", {"text": "s?", "tone": "@reportTone", "heat": ("n?", "0 to 1")})}}}),
    "Strip": (
        "A GPU with its instances.",
        {"gpu": "s", "note": "s?", "memorySlices": ("i", "0: MIG is off"),
         "instances": {"type": "array", "items": obj("", {"profile": "s", "placement": "@placement", "busy": "b", "lines": "[s]"})}}),
    "Question": ("A question and its answer.", {"question": "@reportText", "answer": "[@reportText]"}),
    "Notice": (
        "A notice.",
        {"notice": "=simulated|lab-error|not-run|problem|good|note", "text": "@reportText", "commands": ("[s]", "of not-run: those to run")}),
    "Picture": ("A picture.", {"pngBase64": "s", "alt": "s", "caption": "s?"}),
    "Check": ("A check of the machine.", {"name": "s", "passed": "b", "detail": "@reportText"})}
for name, (note, members) in BLOCKS.items():
    VALUES[f"report{name}"] = obj(note, {"type": f"={name.lower()}", **members})
VALUES["reportBlock"] = {
    "description": "One of " + ", ".join(f"[report{name}](#report{name.lower()})" for name in BLOCKS) + "; `type` says which.",
    "anyOf": [{"$ref": f"#/$defs/report{name}"} for name in BLOCKS]}
kind(
    "Report",
    "A written report: sections of blocks.",
    {
        "title": "s", "subtitle": "s?", "program": "s?", "createdMs": "i?",
        "machine": {"type": "array", "items": obj("", {"name": "s", "value": "@reportText"})},
        "sections": {"type": "array", "items": obj(
            "", {"id": "s?", "number": "s?", "title": "s", "level": ("i", "2: below the last one of level 1"), "blocks": "[@reportBlock]"})}})

VALUES["labHint"] = obj(
    "What is wrong with a student's machine.",
    {
        "mistake": ("s", "one word: docs/reference/lab.md"), "found": "s", "missing": "s",
        "shows": ("s", "the command that shows it"), "why": "s", "next": ("s", "what to do")})
kind("LabCheck", "A student's machine against an exercise of the lab.", {
    "exercise": "s", "passed": "b", "seen": ("s", "the GPU in one line"),
    "hints": ("[@labHint]", "the first is the one to begin with")}, command="lab check")
kind("LabClass", "The machines of a class, each against its exercise.", {
    "students": {"type": "array", "items": obj("", {
        "machine": "s", "exercise": ("s?", "null: none was set"), "passed": "b", "seen": "s", "hints": "[@labHint]",
        "error": ("s?", "why the machine could not be read")})}}, command="lab class")
kind("LabExercises", "The lab's exercises.", {
    "exercises": {"type": "array", "items": obj("", {
        "number": "s", "title": "s", "judged": ("b", "`lab check` can judge it")})}}, command="lab list")


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

# SPDX-License-Identifier: Apache-2.0
"""Documents of leases, tenants and readings, of jobs, and of what tests and checks found."""
from json_schema import obj

from .machine_values import ERR
from .registry import kind

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
kind("LeaseQueue", "Requests that wait.", {"queue": "[@queueEntry]", **OTHERS}, command="lease queue; GET /v1/queue; DELETE /v1/queue")
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
        "outOfMemory": ("s", "what that neighbour proves"), "notCovered": ("s", "what `isolated` does not say")},
    command="isolate-test")
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
kind(
    "PlacedInstance",
    "An instance at the placement that was asked for.",
    {
        "uuid": "s", "profile": ("s", "of the compute instance"), "gpu": "i", "gpuUuid": "s", "gpuMinor": "i?",
        "gpuInstance": "i", "computeInstance": "i", "placement": "@placement", "memoryMib": "i", "sm": "i?", "slices": "i",
        "made": ("b", "for the key, by this request or an earlier one; false: it was there, and is only leased"),
        "lease": ("i?", "null: none was asked for"),
        "cdi": obj("For container engines.", {
            "device": ("s?", "qualified name in the kept CDI file"), "missing": ("s?", "why there is none, and what to do")})},
    command="POST /v1/instances")
kind(
    "DestroyedInstance",
    "An instance that is no more.",
    {"uuid": "s"},
    command="DELETE /v1/instances/UUID")

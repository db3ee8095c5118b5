# SPDX-License-Identifier: Apache-2.0
"""Values of leases, tenants, slots, holders and jobs."""
from json_schema import obj, t

from .registry import VALUES

VALUES["holderOfLease"] = {
    "description": "What a lease lasts with: a process, a unit, an external component by its key (until it releases it), or null: its time limit.",
    "anyOf": [
        {"type": "null"},
        {
            "type": "object", "properties": {"pid": t("i"), "startTicks": t("i")}, "required": ["pid", "startTicks"],
            "additionalProperties": False},
        {"type": "object", "properties": {"unit": t("s")}, "required": ["unit"], "additionalProperties": False},
        {"type": "object", "properties": {"external": t("s")}, "required": ["external"], "additionalProperties": False}]}
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
    "For whom an instance was made (--create, POST /v1/instances).",
    {
        "uid": "i", "tenant": "s", "request": ("i?", "null: none, the instance of a slot or of a key"),
        "lease": ("i?", "null: none yet"), "key": ("s?", "of POST /v1/instances; null: made for a request or a slot")})
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

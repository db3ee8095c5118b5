# SPDX-License-Identifier: Apache-2.0
"""Values of isolation tests and of the sampler."""
from json_schema import obj

from .registry import VALUES

VALUES["estimate"] = obj("A value with its confidence interval.", {"value": "n", "low": "n?", "high": "n?"})
VALUES["sample"] = obj(
    "One run of the victim; what is said of the neighbour only beside one.",
    {
        "lived": "b", "stepsPerSecond": "n?", "stepMsP50": "n?", "stepMsP99": "n?", "error": "s?",
        "neighbourRuns": "i", "neighbourWorked": "b", "neighbourExits": "[z]", "neighbourError": "s?",
        "mpsMember": "b?"},
    ("neighbourRuns", "neighbourWorked", "neighbourExits", "neighbourError"))
VALUES["isolationPlace"] = obj("Where a process of the test runs.", {"uuid": "s", "label": "s", "gpu": "i", "instance": "b", "board": "s"})
VALUES["isolationCell"] = obj(
    "Beside one neighbour.",
    {
        "neighbour": "s", "verdict": "=isolated|slowed|killed|undecided", "why": "s?", "rounds": "i",
        "lived": "i", "shareOfAlone": "@estimate?", "stepP50Factor": "@estimate?",
        "stepP99Factor": "@estimate?", "longTail": "b", "samples": "[@sample]"})
VALUES["mpsCaps"] = obj(
    "Limits under MPS.",
    {
        "smAsked": "i", "smGot": "i?", "smTotal": "i", "activeThreadPercentage": "s",
        "memoryAskedMib": "i", "memoryFreeMib": "i?", "memoryTotalMib": "i", "refusedBeyond": "b?"})
VALUES["isolationMode"] = obj(
    "One way to share.",
    {
        "sharing": "=mig|compute-instances|time-slicing|mps|mps-limits", "skipped": ("s?", "why it was not run"),
        "victim": "@isolationPlace?", "neighbour": "@isolationPlace?", "caps": "@mpsCaps?",
        "alone": "[@sample]", "cells": "[@isolationCell]"})
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

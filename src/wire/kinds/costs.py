# SPDX-License-Identifier: Apache-2.0
"""Documents of `migctl cost`."""
from json_schema import obj

from .registry import VALUES, kind

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

# SPDX-License-Identifier: Apache-2.0
"""Documents of `migctl compare-sharing`."""
from json_schema import obj

from .registry import VALUES, kind

VALUES["sharingFigures"] = obj(
    "Over the rounds in which all jobs lived; null: none told it.",
    {
        "throughput": ("@estimate?", "units of all jobs per second of the machine"),
        "gain": ("@estimate?", "over that of `exclusive` in the same rounds"),
        "perJob": {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/estimate"}, {"type": "null"}]}},
        "stepMsP50": ("@estimate?", "median of the jobs"), "stepMsP99": ("@estimate?", "worst of the jobs"),
        "jain": ("@estimate?", "1: all jobs are as fast"), "leastShare": ("@estimate?", "slowest over fastest"),
        "joulesPerUnit": ("@estimate?", "of the whole board"), "died": ("i", "runs of jobs that died")})
VALUES["sharingRound"] = obj(
    "All jobs once.",
    {
        "seconds": "n", "energyJoules": ("n?", "of the whole board"),
        "jobs": {
            "type": "array",
            "items": obj(
                "One job.",
                {
                    "lived": "b", "perSecond": "n?", "stepMsP50": "n?", "stepMsP99": "n?", "memoryBytes": "i?",
                    "error": "s?", "mpsMember": "b?"})}})
VALUES["sharingWay"] = obj(
    "The jobs in one way of sharing.",
    {
        "way": "=exclusive|time-slicing|mps|mps-limits|mps-dmem|mig", "skipped": ("s?", "why it was not run"),
        "note": ("s?", "what makes its places unlike the others'"),
        "places": ("[@isolationPlace]", "one, or one for each job"), "caps": "@mpsCaps?",
        "figures": "@sharingFigures?", "rounds": "[@sharingRound]",
        "alone": ("[@sample]", "one job, for the neighbours"), "neighbours": "[@isolationCell]"})
kind(
    "SharingComparison",
    "The same jobs in each way to share a GPU, and the advice.",
    {
        "driverVersion": "s?", "job": "s", "unit": "s", "jobs": "i", "rounds": "i", "secondsEach": "n", "orderSeed": "i",
        "stopped": "b", "interval": obj("How certain.", {"method": "s", "confidence": "n"}),
        "wishes": obj(
            "What the user said.",
            {"untrusted": "b", "guarantee": "b", "changing": "b", "bursty": "b", "linked": "b", "sameModel": "b"}),
        "ways": "[@sharingWay]",
        "advice": obj(
            "The first rule that fired decides.",
            {
                "choice": "=mig|mps|time-slicing|whole-gpu|mig-with-mps|undecided", "text": "s",
                "rules": {
                    "type": "array",
                    "items": obj("A rule that was asked.", {"name": "s", "says": "s", "fired": "b", "because": "s"})},
                "warnings": "[s]"})},
    command="compare-sharing")

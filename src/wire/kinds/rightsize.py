# SPDX-License-Identifier: Apache-2.0
"""Documents of `migctl rightsize`."""
from json_schema import obj

from .registry import VALUES, kind

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
        "basis": "=measured|between|beyond|above|mps", "seconds": "@rightsizeInterval", "speed": "@rightsizeInterval",
        "fits": ("b?", "the peak memory with its margin"),
        "byMps": ("b", "from a run with as many multiprocessors by MPS, which leaves the memory bandwidth whole")})
VALUES["rightsizeChoice"] = obj(
    "The advice for a target.",
    {
        "target": "s", "kind": "=speed|deadline|latency|cost", "verdict": "=chosen|undecided|none",
        "profile": ("s?", "the smallest that is certainly enough"), "measure": ("s?", "a smaller one that may be"), "why": "s"})
VALUES["rightsizeCheck"] = obj(
    "A prediction, and the run that checked it.",
    {
        "profile": "s", "predicted": "@rightsizeInterval", "measured": "n", "error": "n", "basis": "=measured|between|beyond|above|mps",
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

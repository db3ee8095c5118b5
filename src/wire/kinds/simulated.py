# SPDX-License-Identifier: Apache-2.0
"""Documents of `migctl sim`."""
from json_schema import obj

from .registry import VALUES, kind

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

# SPDX-License-Identifier: Apache-2.0
"""Values of the machine, of plans and of errors."""
from json_schema import NULL, obj

from .registry import VALUES

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
                "pid": ("i?", "the job that may be signalled"),
                "external": ("s?", "key of the component that holds it for others")})},
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

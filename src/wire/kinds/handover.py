# SPDX-License-Identifier: Apache-2.0
"""Documents for containers, Compose files and Slurm."""
from json_schema import obj

from .registry import VALUES, kind

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

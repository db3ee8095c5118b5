# SPDX-License-Identifier: Apache-2.0
"""Documents of the machine, of changes and of the daemon."""
from json_schema import obj

from .machine_values import PLAN
from .registry import kind, per_gpu

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

# SPDX-License-Identifier: Apache-2.0
"""Documents of `migctl lab`."""
from json_schema import obj

from .registry import VALUES, kind

VALUES["labHint"] = obj(
    "What is wrong with a student's machine.",
    {
        "mistake": ("s", "one word: docs/reference/lab.md"), "found": "s", "missing": "s",
        "shows": ("s", "the command that shows it"), "why": "s", "next": ("s", "what to do")})
kind("LabCheck", "A student's machine against an exercise of the lab.", {
    "exercise": "s", "passed": "b", "seen": ("s", "the GPU in one line"),
    "hints": ("[@labHint]", "the first is the one to begin with")}, command="lab check")
kind("LabClass", "The machines of a class, each against its exercise.", {
    "students": {"type": "array", "items": obj("", {
        "machine": "s", "exercise": ("s?", "null: none was set"), "passed": "b", "seen": "s", "hints": "[@labHint]",
        "error": ("s?", "why the machine could not be read")})}}, command="lab class")
kind("LabExercises", "The lab's exercises.", {
    "exercises": {"type": "array", "items": obj("", {
        "number": "s", "title": "s", "judged": ("b", "`lab check` can judge it")})}}, command="lab list")

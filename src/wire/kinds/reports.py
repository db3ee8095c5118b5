# SPDX-License-Identifier: Apache-2.0
"""Written reports."""
from json_schema import NULL, obj, t

from .registry import VALUES, kind

VALUES["reportSpan"] = obj(
    "A piece of a line of text. A text is a list of them, or null where it is unknown or there is none.",
    {"kind": "=plain|code|emphasis|link", "text": "s", "address": ("s", "of a link")}, ("address",))
VALUES["reportText"] = {"description": "A line of text, without markup characters.", "anyOf": [t("[@reportSpan]"), NULL]}
VALUES["reportOrigin"] = {
    "description": "Where a figure is from; null: not said.",
    "enum": ["captured", "measured", "simulated", "documented", "derived", "assumed"]}
VALUES["reportTone"] = {"description": "How a cell is judged.", "enum": ["plain", "good", "warning", "bad", "unknown"]}
VALUES["reportReference"] = obj("A line across a chart.", {"value": "n?", "label": "s"})
CHART = {
    "title": "s", "unit": "s?", "description": ("s?", "null: the title says it"), "origin": "@reportOrigin?",
    "source": "@reportText"}
BLOCKS = {
    "Paragraph": ("A paragraph.", {"text": "@reportText"}),
    "List": ("A list.", {"numbered": "b", "items": "[@reportText]"}),
    "Transcript": (
        "A command and what it printed, escape sequences included.",
        {"command": "s", "exitCode": ("z?", "null: ended by a signal, or not known"), "printed": "s",
         "bytesLeftOut": ("i", "in the middle of `printed`"), "durationMs": "i?", "note": "s?"}),
    "Table": (
        "A table.",
        {"caption": "s?", "origin": ("@reportOrigin?", "of all figures without one of their own"),
         "rowHeaders": ("b", "the first column names the row"),
         "columns": {"type": "array", "items": obj("", {"title": "s", "unit": "s?"})},
         "rows": {"type": "array", "items": {"type": "array", "items": obj(
             "", {"text": "@reportText", "value": ("n?", "the figure"), "origin": "@reportOrigin?", "tone": "@reportTone"})}},
         "source": "@reportText"}),
    "Bars": (
        "Grouped bars.",
        {**CHART, "groups": "[s]",
         "series": {"type": "array", "items": obj("", {"name": "s", "values": {"type": "array", "items": {"anyOf": [
             obj("", {"value": "n?", "low": ("n?", "of the 95 % interval"), "high": "n?"}), NULL]}}})},
         "references": "[@reportReference]"}),
    "Lines": (
        "Lines over time or another quantity.",
        {**CHART, "xTitle": "s", "xUnit": "s?",
         "lines": {"type": "array", "items": obj("", {"name": "s", "points": {"type": "array", "items": obj("", {"x": "n?", "y": "n?"})}})},
         "marks": {"type": "array", "items": obj("", {"x": "n?", "label": "s"})}, "references": "[@reportReference]"}),
    "Stacked": (
        "Bars of parts that add up.",
        {**CHART, "groups": "[s]", "parts": "[s]", "values": {"description": "by group, then by part", "type": "array", "items": t("[n?]")},
         "totals": ("[s]", "as text; empty: the sums")}),
    "Matrix": (
        "Verdicts, or a heat map.",
        {**CHART, "rowTitle": "s?", "columns": "[s]", "rows": "[s]",
         "cells": {"description": "by row, then by column", "type": "array", "items": {"type": "array", "items": obj(
             "", {"text": "s?", "tone": "@reportTone", "heat": ("n?", "0 to 1")})}}}),
    "Strip": (
        "A GPU with its instances.",
        {"gpu": "s", "note": "s?", "memorySlices": ("i", "0: MIG is off"),
         "instances": {"type": "array", "items": obj("", {"profile": "s", "placement": "@placement", "busy": "b", "lines": "[s]"})}}),
    "Question": ("A question and its answer.", {"question": "@reportText", "answer": "[@reportText]"}),
    "Notice": (
        "A notice.",
        {"notice": "=simulated|lab-error|not-run|problem|good|note", "text": "@reportText", "commands": ("[s]", "of not-run: those to run")}),
    "Picture": ("A picture.", {"pngBase64": "s", "alt": "s", "caption": "s?"}),
    "Check": ("A check of the machine.", {"name": "@reportText", "passed": "b", "detail": "@reportText"})}
for name, (note, members) in BLOCKS.items():
    VALUES[f"report{name}"] = obj(note, {"type": f"={name.lower()}", **members})
VALUES["reportBlock"] = {
    "description": "One of the values above that have a `type`, which says which.",
    "anyOf": [{"$ref": f"#/$defs/report{name}"} for name in BLOCKS]}
kind(
    "Report",
    "A written report: sections of blocks.",
    {
        "title": "s", "subtitle": "s?", "program": "s?", "createdMs": "i?",
        "machine": {"type": "array", "items": obj("", {"name": "s", "value": "@reportText"})},
        "sections": {"type": "array", "items": obj(
            "", {"id": "s?", "number": "s?", "title": "s", "level": ("i", "2: below the last one of level 1"), "blocks": "[@reportBlock]"})}})

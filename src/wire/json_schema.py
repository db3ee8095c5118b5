# SPDX-License-Identifier: Apache-2.0
"""From the tables in kinds/ to JSON Schema and to the reference page.

Types in the tables: s text, i whole number from 0, z whole number, n number, b true or false, [X] list of X, @name a value of
VALUES, =a|b one of these words; a ? behind it: or null. (TYPE, "note") adds a note for people.
"""
import json

LETTERS = {"s": "string", "i": "integer", "z": "integer", "n": "number", "b": "boolean"}
NULL = {"type": "null"}
ENVELOPE = ("apiVersion", "kind", "simulated", "simulatedMachine")


def t(text):
    """JSON Schema of a type in the tables."""
    if isinstance(text, dict):
        return text
    note = None
    if isinstance(text, tuple):
        text, note = text
    null = text.endswith("?")
    text = text.removesuffix("?")
    if text.startswith("["):
        out = {"type": "array", "items": t(text[1:-1])}
    elif text.startswith("@"):
        out = {"$ref": "#/$defs/" + text[1:]}
    elif text.startswith("="):
        out = {"enum": text[1:].split("|")}
    else:
        out = {"type": LETTERS[text]}
    if text == "i":
        out["minimum"] = 0
    if null and out.get("type") in LETTERS.values():
        out["type"] = [out["type"], "null"]
    elif null:
        out = {"anyOf": [out, NULL]}
    return {"description": note, **out} if note else out


def obj(note, members, optional=()):
    """Schema of an object with exactly these members; those in `optional` may be missing."""
    out = {"type": "object", "properties": {name: t(kind) for name, kind in members.items()},
           "required": [name for name in members if name not in optional], "additionalProperties": False}
    return {"description": note, **out} if note else out


def schema(kinds, values):
    """One JSON Schema for all documents, selected by `kind`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "migctl/v1",
        "description": "Every document with apiVersion migctl/v1. Made by src/wire/documents.py.",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in kinds],
        "$defs": {**kinds, **values},
    }


def schema_text(kinds, values):
    """Prints one line per member, so that a diff shows single members."""
    document = schema(kinds, values)
    lines = ["{"]
    for key, value in document.items():
        if key != "$defs":
            lines.append(f"  {json.dumps(key)}: {json.dumps(value)},")
    lines.append('  "$defs": {')
    for i, (name, value) in enumerate(document["$defs"].items()):
        comma = "," if i + 1 < len(document["$defs"]) else ""
        if "properties" not in value:
            lines.append(f"    {json.dumps(name)}: {json.dumps(value)}{comma}")
            continue
        lines.append(f"    {json.dumps(name)}: {{")
        for key in ("description", "type", "required", "additionalProperties"):
            if key in value:
                lines.append(f"      {json.dumps(key)}: {json.dumps(value[key])},")
        members = [f"        {json.dumps(member)}: {json.dumps(what)}" for member, what in value["properties"].items()]
        lines += ['      "properties": {', ",\n".join(members), "      }", f"    }}{comma}"]
    lines += ["  }", "}"]
    return "\n".join(lines) + "\n"


def words(what):
    """Describes a type in words for the page."""
    if "$ref" in what:
        name = what["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "const" in what:
        return f"`{what['const']}`"
    if "enum" in what:
        return "one of " + ", ".join(f"`{word}`" for word in what["enum"])
    if "anyOf" in what:
        return " or ".join("null" if one == NULL else words(one) for one in what["anyOf"])
    if what.get("type") == "array":
        return "list of " + words(what["items"])
    if what.get("type") == "object":
        members = what.get("properties", {})
        return "`{" + ", ".join(members) + "}`" if members else "object"
    kinds = what["type"] if isinstance(what["type"], list) else [what["type"]]
    named = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    return " or ".join(named.get(one, one) for one in kinds)


def section(name, value, envelope=(), head=""):
    """A heading, a sentence, and a table row for each member."""
    lines = [f"### {name}", ""]
    if value.get("description") or head:
        lines += [" ".join(part for part in (value.get("description", ""), head) if part), ""]
    if "properties" not in value:
        return lines + [words(value), ""] if "enum" in value else lines
    rows = [(member, what) for member, what in value["properties"].items() if member not in envelope]
    if rows:
        lines += ["| member | what |", "|---|---|"]
    for member, what in rows:
        note = what.get("description", "")
        absent = "" if member in value["required"] else "; may be missing"
        lines.append(f"| `{member}` | {words(what)}{absent}{': ' + note if note else ''} |")
    return lines + [""] if rows else lines


def page_text(kinds, values, commands):
    """Text of docs/reference/json.md."""
    lines = [
        "# JSON documents", "",
        "Made by `src/wire/documents.py`, as is [the JSON Schema](json/migctl-v1.schema.json): change the former.", "",
        'Every document begins with `"apiVersion": "migctl/v1"`, `"kind"`, `"simulated"` and, where it is, the name',
        'of the machine in `"simulatedMachine"`. Keys are camelCase with the unit last. null: not known, not told or',
        "none, never 0. Members may be added; none is taken away or changes its meaning within `migctl/v1`.", "",
        "## Documents", ""]
    for name, value in kinds.items():
        lines += section(name, value, ENVELOPE, f"From `{commands[name]}`." if commands[name] else "")
    lines += ["## Values", ""]
    for name, value in values.items():
        lines += section(name, value)
    return "\n".join(lines).rstrip() + "\n"

# SPDX-License-Identifier: Apache-2.0
"""Validates migctl's JSON documents against docs/reference/json/migctl-v1.schema.json.

Supports only the part of JSON Schema that src/wire/documents.py generates: any other keyword is an error.
"""
import json
import pathlib

SCHEMA = pathlib.Path(__file__).resolve().parents[2] / "docs/reference/json/migctl-v1.schema.json"
TYPES = {"string": str, "boolean": bool, "object": dict, "array": list, "null": type(None)}
KNOWN = {"description", "type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref",
         "minimum"}


def load():
    return json.loads(SCHEMA.read_text(encoding="utf-8"))


def has_type(value, kind):
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[kind])


def problems(value, what, schema, path=""):
    """One line for each violation of `what` (a part of `schema`) in `value`."""
    unknown = set(what) - KNOWN
    if unknown:
        raise ValueError(f"{path}: the schema says {sorted(unknown)}, which nobody here understands")
    if "$ref" in what:
        return problems(value, schema["$defs"][what["$ref"].rsplit("/", 1)[1]], schema, path)
    if "anyOf" in what:
        found = [problems(value, one, schema, path) for one in what["anyOf"]]
        return [] if any(not one for one in found) else min(found, key=len)
    if "const" in what and value != what["const"]:
        return [f"{path}: {json.dumps(value)} is not {json.dumps(what['const'])}"]
    if "enum" in what and value not in what["enum"]:
        return [f"{path}: {json.dumps(value)} is none of {what['enum']}"]
    kinds = what.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if kinds and not any(has_type(value, kind) for kind in kinds):
        return [f"{path}: {json.dumps(value)[:80]} is not {' or '.join(kinds)}"]
    if "minimum" in what and isinstance(value, (int, float)) and value < what["minimum"]:
        return [f"{path}: {value} is below {what['minimum']}"]
    out = []
    if isinstance(value, dict) and "properties" in what:
        out += [f"{path}.{name}: missing" for name in what["required"] if name not in value]
        for name, member in value.items():
            if name in what["properties"]:
                out += problems(member, what["properties"][name], schema, f"{path}.{name}")
            else:
                out.append(f"{path}.{name}: not in the schema")
    if isinstance(value, list) and "items" in what:
        for i, item in enumerate(value):
            out += problems(item, what["items"], schema, f"{path}[{i}]")
    return out


def document_problems(document, schema):
    """Validates a whole document; its kind selects the schema."""
    kind = document.get("kind")
    if kind not in schema["$defs"] or {"$ref": f"#/$defs/{kind}"} not in schema["oneOf"]:
        return [f"kind {kind!r} is in no schema"]
    return problems(document, schema["$defs"][kind], schema, kind)


def documents_in(text):
    """All documents with our apiVersion in a text, ignoring other text between them."""
    decoder, at = json.JSONDecoder(), 0
    while (at := text.find('{\n  "apiVersion"', at)) >= 0:
        try:
            document, end = decoder.raw_decode(text, at)
        except ValueError:
            at += 1
            continue
        at = end
        if document["apiVersion"] == "migctl/v1":
            yield document

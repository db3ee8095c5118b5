# SPDX-License-Identifier: Apache-2.0
"""Where the files of this folder put what they describe, in the order of the schema and the page."""
from json_schema import obj

VALUES = {}  # by name: parts of documents
KINDS = {}  # by kind: whole documents
COMMANDS = {}  # by kind: command or path that returns it


def kind(name, note, members, optional=(), command=""):
    """Schema of a document: the envelope and these members."""
    simulated = ("b?", "null: no driver was chosen yet") if name == "Error" else ("b", "true: no hardware")
    envelope = {"apiVersion": {"const": "migctl/v1"}, "kind": {"const": name}, "simulated": simulated,
                "simulatedMachine": "s"}
    KINDS[name] = obj(note, {**envelope, **members}, ("simulatedMachine", *optional))
    COMMANDS[name] = command


def per_gpu(name, members):
    """Schema of a list with an entry for each GPU."""
    return {"type": "array", "items": obj("", {"index": "i", "name": "s", name: members})}

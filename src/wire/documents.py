#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every JSON document of migctl and migd (apiVersion migctl/v1), described once, in the files of kinds/.

The encoders beside this file write them (those of `migctl sim` stand in sim/tools). From here come their JSON Schema
and the reference page, and tests hold what the programs give out against it (tests/e2e/json_documents.py, and each case of tests/e2e).

    src/wire/documents.py            writes docs/reference/json/migctl-v1.schema.json and docs/reference/json.md
    src/wire/documents.py --check    exit code 1 when one of them is not what kinds/ says

json_schema.py beside this file says what the types in the tables mean.
"""
import pathlib
import sys

from json_schema import page_text, schema_text
from kinds import COMMANDS, KINDS, VALUES

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "docs/reference/json/migctl-v1.schema.json"
PAGE = ROOT / "docs/reference/json.md"


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    stale = []
    for path, text in ((SCHEMA, schema_text(KINDS, VALUES)), (PAGE, page_text(KINDS, VALUES, COMMANDS))):
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.relative_to(ROOT))
        if not sys.argv[1:]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{path}: {'is not what src/wire/documents.py says; run it' if sys.argv[1:] else 'written'}")
    return 1 if stale and sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())

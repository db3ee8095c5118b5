#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes base/device-classes.yaml, and the chart's copy of it, from the board files: a DeviceClass for every profile that a
board of sim/gpus has, one for all instances and one for whole GPUs.

    device_classes.py [--check]      --check: fails where a file is not what this would write
"""

import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
FILES = (HERE / "base" / "device-classes.yaml", HERE / "chart" / "files" / "device-classes.yaml")
DRIVER = "mig.migctl.dev"
# "1g.24gb+me.all": slices, memory, attributes. A minus in front of an attribute: without it.
PROFILE = re.compile(r"^MIG (?P<name>(?P<slices>\d+)g\.(?P<memory>\d+)gb(?P<attributes>(?:[+-][a-z.]+)*))$")
HEAD = """# SPDX-License-Identifier: Apache-2.0
# Made by device_classes.py from the boards of sim/gpus; a test holds it against them. A class does no harm where no node has its
# profile. extendedResourceName: pods that ask for it as a device plugin's resource are served too (Kubernetes 1.36).
"""


def profiles():
    """Match by name of each profile, small ones first."""
    found = {}
    for file in sorted((ROOT / "sim" / "gpus").glob("*.json")):
        for profile in json.loads(file.read_text())["mig"]["profiles"]:
            match = PROFILE.match(profile["name"])
            if not match:
                raise SystemExit(f"{file.name}: a profile named {profile['name']!r}, which this does not understand")
            found[match["name"]] = match
    return sorted(found.values(), key=lambda match: (int(match["slices"]), int(match["memory"]), match["attributes"]))


def class_name(match):
    """As kube::device_class_name() says it: a DNS subdomain, which a plus is not part of."""
    attributes = match["attributes"].replace("+", "-").replace(".", "-") if not match["attributes"].startswith("-") \
        else "-no" + match["attributes"][1:]
    return f"mig-{match['slices']}g-{match['memory']}gb{attributes}.migctl.dev"


def resource_name(match):
    """As NVIDIA's device plugin names the resource: the profile with dots for pluses."""
    return f"nvidia.com/mig-{match['name'].replace('+', '.')}"


def device_class(name, condition, resource=""):
    extended = f"  extendedResourceName: {resource}\n" if resource else ""
    return (f"---\napiVersion: resource.k8s.io/v1\nkind: DeviceClass\nmetadata:\n  name: {name}\nspec:\n{extended}"
            f"  selectors:\n  - cel:\n      expression: >-\n        device.driver == '{DRIVER}' && {condition}\n")


def text():
    own = f"device.attributes['{DRIVER}']"
    parts = [HEAD, device_class(DRIVER, f"{own}.type == 'mig'")]
    parts += [device_class(class_name(match), f"{own}.type == 'mig' && {own}.profile == '{match['name']}'", resource_name(match))
              for match in profiles()]
    return "".join(parts)


def main():
    wanted = text()
    for file in FILES:
        if "--check" in sys.argv[1:]:
            if not file.is_file() or file.read_text() != wanted:
                print(f"{file.relative_to(ROOT)} is not what the boards say; run {pathlib.Path(__file__).relative_to(ROOT)}")
                return 1
        else:
            file.write_text(wanted)
    print(f"device classes: {len(profiles())} profiles")
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Where the programs of a cluster are, and why one is not there."""

import json
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("MIG_BIN_DIR", ROOT / "build" / "bin")).resolve()
THIRD_PARTY = ROOT / "build" / "third_party"
CLUSTER = THIRD_PARTY / "cluster"
RUNC = THIRD_PARTY / "engines" / "runc"
TOOLKIT = THIRD_PARTY / "toolkit"
# Names in build/third_party/status.json, which tests/conformance/fetch.py writes.
NEEDED = ("etcd", "kube-apiserver", "kube-scheduler", "kube-controller-manager", "kubelet", "kubectl", "containerd-cri", "runc",
          "crictl")


def why_not(names=NEEDED):
    """Why a cluster cannot be started from what was built; "" where all is there."""
    status = THIRD_PARTY / "status.json"
    if not status.is_file():
        return "no Kubernetes was built yet; run tests/conformance/get_cluster.py (scripts/test does)"
    known = json.loads(status.read_text())
    for name in names:
        state = known.get(name, {"ok": False, "why": "never built; run tests/conformance/get_cluster.py"})
        if not state["ok"]:
            return f"{name} cannot be had: {state['why']}"
    return ""


def program(name):
    return str(CLUSTER / name)

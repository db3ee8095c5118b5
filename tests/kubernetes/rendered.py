# SPDX-License-Identifier: Apache-2.0
"""Objects of integrations/kubernetes/deploy as kubectl and Helm render them, for manifests_test.py."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "integrations" / "kubernetes" / "deploy"
CHART = DEPLOY / "chart"
STORE = ROOT / "build" / "third_party"
TIMEOUT_S = 60

KUBECTL = next((str(path) for path in (STORE / "cluster" / "kubectl", shutil.which("kubectl")) if path and os.access(path, os.X_OK)), None)
HELM = STORE / "bin" / "helm"


class Refused(Exception):
    """The program's words when it refuses."""


def run(command, text=None):
    done = subprocess.run([str(word) for word in command], input=text, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
                          env={**os.environ, "HOME": "/nonexistent", "HELM_CACHE_HOME": "/tmp/helm-cache", "KUBECONFIG": "/nonexistent/config"})
    if done.returncode != 0:
        raise Refused(done.stderr.strip() or done.stdout.strip())
    return done.stdout


def kustomized(folder):
    return objects(run([KUBECTL, "kustomize", DEPLOY / folder]))


def templated(*options, namespace="migctl"):
    """The chart's objects with these options of `helm template`."""
    return objects(run([HELM, "template", "migctl", CHART, "--namespace", namespace, "--kube-version", "1.36.3", *options]))


def objects(text):
    """The objects of a YAML text, by (kind, namespace, name)."""
    found = {}
    for one in documents(text):
        key = (one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"])
        if key in found:
            raise Refused(f"{key} is there twice")
        found[key] = one
    return found


def documents(text):
    import yaml  # of the clients' environment; main() sees to it
    return [one for one in yaml.safe_load_all(text) if one]


def with_yaml():
    """Starts the program again with an interpreter that has PyYAML, where this one has none."""
    try:
        import yaml  # noqa: F401
    except ImportError:
        for venv in ("python-venv", "ray-venv", "venv"):
            python = STORE / venv / "bin" / "python3"
            if python.exists() and subprocess.run([python, "-c", "import yaml"], capture_output=True, check=False).returncode == 0:
                os.execv(python, [str(python), *sys.argv])
        print("SKIPPED: kubernetes_manifests: no Python here has PyYAML (tests/conformance/get_clients.py fetches one)")
        sys.exit(77)


def status(client):
    """Why a client of get_clients.py is not there; "" when it is."""
    file = STORE / "status.json"
    if not file.is_file():
        return "no third-party clients yet; run tests/conformance/get_clients.py"
    state = json.loads(file.read_text()).get(client, {"ok": False, "why": "never fetched"})
    return "" if state["ok"] else state["why"]

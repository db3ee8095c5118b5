# SPDX-License-Identifier: Apache-2.0
"""The API server over HTTP, for tests and benchmarks that ask often; for YAML there is Cluster.kubectl()."""

import json
import pathlib
import ssl
import urllib.error
import urllib.request

# Kind: (path of its API, plural, whether it is in a namespace).
KINDS = {
    "Pod": ("api/v1", "pods", True), "Node": ("api/v1", "nodes", False), "ConfigMap": ("api/v1", "configmaps", True),
    "Event": ("api/v1", "events", True), "ServiceAccount": ("api/v1", "serviceaccounts", True),
    "Namespace": ("api/v1", "namespaces", False),
    "PodDisruptionBudget": ("apis/policy/v1", "poddisruptionbudgets", True),
    "ResourceClaim": ("apis/resource.k8s.io/v1", "resourceclaims", True),
    "ResourceClaimTemplate": ("apis/resource.k8s.io/v1", "resourceclaimtemplates", True),
    "ResourceSlice": ("apis/resource.k8s.io/v1", "resourceslices", False),
    "DeviceClass": ("apis/resource.k8s.io/v1", "deviceclasses", False),
}


class Refused(Exception):
    """The API server's answer; `code` is HTTP's."""

    def __init__(self, code, text):
        super().__init__(f"{code}: {text[:600]}")
        self.code = code


class Api:
    def __init__(self, server, authority, token):
        self.server, self.token = server, token
        self.context = ssl.create_default_context(cafile=str(pathlib.Path(authority)))

    def request(self, method, path, body=None, content="application/json", timeout=60):
        request = urllib.request.Request(f"{self.server}/{path}", method=method, data=None if body is None else json.dumps(body).encode())
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Content-Type", content)
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=self.context) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.read().decode(errors="replace")) from None
        return json.loads(text) if text.startswith("{") else text

    @staticmethod
    def path(kind, name="", namespace="default"):
        base, plural, inside = KINDS[kind]
        return "/".join(part for part in (base, f"namespaces/{namespace}" if inside else "", plural, name) if part)

    def ready(self):
        try:
            return self.request("GET", "readyz", timeout=5) == "ok"
        except (Refused, OSError):
            return False

    def get(self, kind, name, namespace="default"):
        """The object; None where there is none."""
        try:
            return self.request("GET", self.path(kind, name, namespace))
        except Refused as refused:
            if refused.code == 404:
                return None
            raise

    def list(self, kind, namespace="default", query=""):
        return self.request("GET", self.path(kind, namespace=namespace) + query)["items"]

    def create(self, thing):
        return self.request("POST", self.path(thing["kind"], namespace=thing["metadata"].get("namespace", "default")), thing)

    def apply(self, thing):
        """Server-side, as the owner of every field that it names."""
        place = self.path(thing["kind"], thing["metadata"]["name"], thing["metadata"].get("namespace", "default"))
        return self.request("PATCH", f"{place}?fieldManager=test&force=true", thing, "application/apply-patch+yaml")

    def patch(self, kind, name, body, namespace="default"):
        return self.request("PATCH", self.path(kind, name, namespace), body, "application/merge-patch+json")

    def delete(self, kind, name, namespace="default", grace=None):
        try:
            self.request("DELETE", self.path(kind, name, namespace), {} if grace is None else {"gracePeriodSeconds": grace})
        except Refused as refused:
            if refused.code != 404:
                raise

    def phase(self, pod, namespace="default"):
        """The pod's phase; "" where there is none."""
        found = self.get("Pod", pod, namespace)
        return found["status"].get("phase", "") if found else ""

    def events(self, name, namespace="default"):
        """What was said of the object, oldest first: "Reason: message"."""
        found = self.list("Event", namespace, f"?fieldSelector=involvedObject.name%3D{name}")
        found.sort(key=lambda one: one["metadata"]["resourceVersion"].zfill(20))
        return [f"{one['reason']}: {one['message']}" for one in found]

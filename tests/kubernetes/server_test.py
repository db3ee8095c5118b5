#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manifests before a real API server (tests/cluster): it accepts every object of base, overlay and samples, the rights of
mig-kubelet are those that they say, and the admission policies let a node's mig-kubelet write its own node's objects only.
"""

import copy
import json
import sys
import unittest

import rendered

sys.path.insert(0, str(rendered.ROOT / "tests" / "cluster"))

import api  # noqa: E402
import cluster  # noqa: E402
import pods  # noqa: E402

SAMPLES = rendered.DEPLOY / "samples"
ACCOUNT = "system:serviceaccount:migctl:mig-kubelet"
SLICES = "apis/resource.k8s.io/v1/resourceslices"
DRY = "?dryRun=All"


def slice_of(node, driver="mig.migctl.dev", name="test"):
    return {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": name},
            "spec": {"driver": driver, "nodeName": node, "pool": {"name": node, "generation": 1, "resourceSliceCount": 1},
                     "devices": [{"name": "gpu-0"}]}}


class Server(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.own = cluster.Cluster()
        cls.own.__enter__()
        cls.addClassCleanup(cls.own.__exit__)
        cls.node = cls.own.node.name
        # Namespace, rights and policies for good: the rest needs them. The DaemonSets find no node: none has their labels.
        cls.own.kubectl("apply", "-f", "-", text=rendered.run([rendered.KUBECTL, "kustomize", rendered.DEPLOY / "base"]))
        pod = pods.plain("token-holder", serviceAccountName="mig-kubelet", nodeName=cls.node)
        pod["metadata"]["namespace"] = "migctl"
        holder = cls.own.api.create(pod)
        cls.ours = cls.with_token({"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "token-holder", "uid": holder["metadata"]["uid"]}})
        cls.unbound = cls.with_token({})
        # A policy takes effect some time after it was made.
        cls.own.wait("the policies are in effect", lambda: cls.refusal(cls.ours, "POST", SLICES + DRY, slice_of("another")))

    @classmethod
    def with_token(cls, bound):
        """The API as mig-kubelet's account sees it, with a token that is bound so."""
        answer = cls.own.api.request("POST", "api/v1/namespaces/migctl/serviceaccounts/mig-kubelet/token", {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600, **bound}})
        found = copy.copy(cls.own.api)
        found.token = answer["status"]["token"]
        return found

    @staticmethod
    def refusal(who, method, path, body=None, content="application/json"):
        """The words of the refusal; "" when it is accepted."""
        try:
            who.request(method, path, body, content)
        except api.Refused as refused:
            return str(refused)
        return ""

    def test_it_accepts_every_object(self):
        for folder in ("base", "overlays/host-migd"):
            text = rendered.run([rendered.KUBECTL, "kustomize", rendered.DEPLOY / folder])
            said = self.own.kubectl("apply", "--dry-run=server", "-f", "-", text=text)
            self.assertEqual(len(said.splitlines()), text.count("\nkind: ") + text.startswith("kind: "), said)
        for file in sorted(SAMPLES.glob("*.yaml")):
            with self.subTest(file=file.name):
                self.own.kubectl("apply", "--dry-run=server", "-f", str(file))

    def test_policies_are_well_typed(self):
        """The API server compiles each expression against the types of what it matches, and says what it doubts."""
        def checked():
            found = json.loads(self.own.kubectl("get", "validatingadmissionpolicies", "-o", "json"))["items"]
            ours = [one for one in found if one["metadata"]["name"].startswith("mig-kubelet-own-")]
            return ours if all("typeChecking" in one.get("status", {}) for one in ours) else None
        found = self.own.wait("the policies are checked", checked)
        self.assertEqual(len(found), 2)
        for one in found:
            self.assertFalse(one["status"]["typeChecking"].get("expressionWarnings"), one["metadata"]["name"])

    def test_rights_are_those_and_no_more(self):
        for verb, what, answer in (("get", "resourceclaims", "yes"), ("watch", "resourceclaims", "no"), ("patch", "resourceslices", "no"), ("create", "resourceslices", "yes"),
                                   ("create", "pods --subresource=eviction", "yes"), ("delete", "pods", "no"), ("get", "secrets", "no"),
                                   ("patch", "nodes", "yes"), ("delete", "nodes", "no"), ("get", "configmaps/mig-layouts", "yes"),
                                   ("get", "configmaps/another", "no"), ("create", "pods", "no"), ("patch", "nodes --subresource=status", "no")):
            with self.subTest(verb=verb, what=what):
                said = self.own.kubectl("auth", "can-i", verb, *what.split(), f"--as={ACCOUNT}", "-n", "migctl", code=None)
                self.assertEqual(said.strip().splitlines()[-1], answer)

    def test_a_node_writes_its_own_slices_only(self):
        self.assertEqual(self.refusal(self.ours, "POST", SLICES + DRY, slice_of(self.node)), "")
        self.assertIn("of its own node only", self.refusal(self.ours, "POST", SLICES + DRY, slice_of("another")))
        self.assertIn("driver mig.migctl.dev only", self.refusal(self.ours, "POST", SLICES + DRY, slice_of(self.node, "gpu.nvidia.com")))
        self.assertIn("names no node", self.refusal(self.unbound, "POST", SLICES + DRY, slice_of(self.node)))

    def test_another_nodes_slices_stay(self):
        self.own.api.request("POST", SLICES, slice_of("another", name="of-another"))
        self.addCleanup(self.own.api.request, "DELETE", f"{SLICES}/of-another")
        self.assertIn("of its own node only", self.refusal(self.ours, "DELETE", f"{SLICES}/of-another{DRY}"))

    def test_a_node_labels_itself_only(self):
        def patch(node, body):
            return self.refusal(self.ours, "PATCH", f"api/v1/nodes/{node}{DRY}", body, "application/merge-patch+json")
        self.own.api.request("POST", "api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "another"}})
        self.addCleanup(self.own.api.request, "DELETE", "api/v1/nodes/another")
        label = {"metadata": {"labels": {"nvidia.com/mig.config.state": "success"}}}
        self.assertEqual(patch(self.node, label), "")
        self.assertIn("its own node only", patch("another", label))
        self.assertIn("labels that begin with", patch(self.node, {"metadata": {"labels": {"kubernetes.io/hostname": "other"}}}))
        self.assertIn("labels that begin with", patch(self.node, {"metadata": {"labels": {"kubernetes.io/os": None}}}))
        self.assertEqual(patch(self.node, {"metadata": {"annotations": {"mig.migctl.dev/config.message": "done"}}}), "")
        self.assertIn("annotations that begin with", patch(self.node, {"metadata": {"annotations": {"node.alpha.kubernetes.io/ttl": "1"}}}))
        self.assertIn("spec", patch(self.node, {"spec": {"unschedulable": True}}))


if __name__ == "__main__":
    cluster.main()

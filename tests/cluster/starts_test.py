#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real cluster comes up on a simulated machine: the node is ready, a pod runs, and what is killed comes back."""

import unittest

import api
import cluster
import pods


class Starts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.own = cluster.Cluster(say=lambda text: print(f"starting: {text}", flush=True))
        cls.own.__enter__()
        cls.addClassCleanup(cls.own.__exit__)

    def run_pod(self, name):
        self.own.api.create(pods.plain(name))
        self.own.wait_for_phase(name, "Running")

    def test_a_pod_runs_and_can_be_entered(self):
        self.run_pod("plain")
        self.assertEqual(self.own.node.exec("plain", "echo", "inside").strip(), "inside")
        # By way of the API server and the kubelet, each with the other's certificate.
        self.assertEqual(self.own.kubectl("exec", "plain", "--", "echo", "by kubectl").strip(), "by kubectl")
        self.own.remove_pod("plain")

    def may(self, user, groups, verb, resource, group="", sub=""):
        answer = self.own.api.request("POST", "apis/authorization.k8s.io/v1/subjectaccessreviews", {
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {"user": user, "groups": groups,
            "resourceAttributes": {"verb": verb, "resource": resource, "group": group, "subresource": sub, "namespace": "default"}}})
        return answer["status"]["allowed"]

    def test_nobody_has_rights_that_he_was_not_given(self):
        everyone = ["system:authenticated"]
        self.assertTrue(self.may("system:kube-scheduler", everyone, "create", "pods", sub="binding"))
        self.assertFalse(self.may("system:kube-scheduler", everyone, "create", "secrets"))
        self.assertFalse(self.may("system:anonymous", ["system:unauthenticated"], "list", "pods"))
        self.assertFalse(self.may("system:serviceaccount:default:default", everyone, "list", "resourceslices", "resource.k8s.io"))
        with self.assertRaises(api.Refused) as refused:
            api.Api(self.own.server, self.own.plane.credentials.path("ca.crt"), "no-token-of-anybody").list("Pod")
        self.assertEqual(refused.exception.code, 401)

    def test_secrets_are_their_owners_alone(self):
        kept = [path for path in self.own.folder.rglob("*") if path.suffix in (".key", ".kubeconfig", ".csv")]
        self.assertGreater(len(kept), 5)
        for path in kept:
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)

    def test_what_is_killed_comes_back_and_pods_run_on(self):
        self.run_pod("stays")
        def began():
            return self.own.node.exec("stays", "stat", "-c", "%Y", "/proc/1")
        before, node = began(), self.own.node
        self.own.crash(node.kubelet, node.containerd, *self.own.components)
        # etcd was killed too, and had flushed nothing: the file system it writes to is memory.
        self.run_pod("after")
        self.assertEqual(began(), before)
        self.own.remove_pod("stays")
        self.own.remove_pod("after")


if __name__ == "__main__":
    cluster.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""integrations/kubernetes/deploy: kubectl renders the base and the overlays, Helm the chart, and both say the same; no program
has a right without a reason on docs/reference/kubernetes_rights.md; classes are those of the boards, samples ask for what there
is, layouts are layouts, arguments are options of mig-kubelet. By a real API server: tests/kubernetes/server_test.py.
"""

import copy
import os
import pathlib
import re
import subprocess
import sys
import unittest

import rendered
from rendered import DEPLOY, ROOT

BIN = pathlib.Path(os.environ.get("MIG_BIN_DIR", ROOT / "build" / "bin"))
RIGHTS = ROOT / "docs" / "reference" / "kubernetes_rights.md"
MONITORED = ("--set", "serviceMonitor.enabled=true", "--set", "dashboards.enabled=true")


def comparable(found):
    """What chart and base must agree in: all but the namespace, which Helm does not make, and labels of objects, by which
    Helm knows its own. Those of pods stay."""
    kept = {}
    for key, one in found.items():
        if key[0] == "Namespace":
            continue
        one = copy.deepcopy(one)
        labels = one["metadata"].pop("labels", {})
        if key[0] in ("Service", "ServiceMonitor") or "dashboard" in key[2]:
            one["metadata"]["labels"] = {name: value for name, value in labels.items()
                                         if name in ("app.kubernetes.io/name", "grafana_dashboard") and value != "dashboards"}
        for pod in pods({key: one}).values():
            # Kustomize puts first what a patch adds.
            for part in (pod, *containers(pod)):
                for name in ("volumes", "volumeMounts"):
                    part.get(name, []).sort(key=lambda item: item["name"])
        kept[key] = one
    return kept


def pods(found):
    return {key[2]: one["spec"]["template"]["spec"] for key, one in found.items() if key[0] == "DaemonSet"}


def containers(pod):
    return [*pod.get("initContainers", ()), *pod["containers"]]


def table(heading):
    """The rows of the table below a heading of the page: cells without code marks."""
    part = RIGHTS.read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("|")]
    return [[cell.replace("`", "") for cell in row] for row in rows[2:]]


def skip_without(test, tool, why):
    if why:
        print(f"SKIPPED: {test.id().removeprefix('__main__.')}: {tool} cannot be had: {why}", flush=True)
        test.skipTest(why)


def need_kubectl(test):
    skip_without(test, "kubectl", "" if rendered.KUBECTL else "neither in build/third_party/cluster nor in PATH")


def need_helm(test):
    need_kubectl(test)
    skip_without(test, "helm", rendered.status("helm"))


class Classes(unittest.TestCase):
    def test_they_are_those_of_the_boards(self):
        done = subprocess.run([sys.executable, DEPLOY / "device_classes.py", "--check"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_names_of_profiles_with_attributes(self):
        found = rendered.objects((DEPLOY / "base/device-classes.yaml").read_text())
        for name, profile, resource in (("mig-1g-18gb", "1g.18gb", "mig-1g.18gb"), ("mig-1g-18gb-me", "1g.18gb+me", "mig-1g.18gb.me"),
                                        ("mig-1g-24gb-me-all", "1g.24gb+me.all", "mig-1g.24gb.me.all"),
                                        ("mig-1g-24gb-nome", "1g.24gb-me", "mig-1g.24gb-me")):
            with self.subTest(name=name):
                spec = found["DeviceClass", "", f"{name}.migctl.dev"]["spec"]
                self.assertEqual(spec["extendedResourceName"], f"nvidia.com/{resource}")
                self.assertIn(f".profile == '{profile}'", spec["selectors"][0]["cel"]["expression"])


class Same(unittest.TestCase):
    """The chart and the base are one truth."""

    def setUp(self):
        need_helm(self)

    def compare(self, folder, *options):
        base, chart = comparable(rendered.kustomized(folder)), comparable(rendered.templated(*options))
        self.assertEqual(sorted(base), sorted(chart))
        for key, one in base.items():
            with self.subTest(object=key):
                self.assertEqual(one, chart[key])

    def test_the_base(self):
        self.compare("base")

    def test_with_migd_of_the_host(self):
        self.compare("overlays/host-migd", "--set", "migd.enabled=false")

    def test_with_metrics_and_dashboards(self):
        self.compare("overlays/complete", *MONITORED)


class Chart(unittest.TestCase):
    def setUp(self):
        need_helm(self)

    def test_lint(self):
        for options in ((), MONITORED, ("--set", "mode=device-plugin")):
            with self.subTest(options=options):
                rendered.run([rendered.HELM, "lint", "--strict", rendered.CHART, *options])

    def test_what_is_off_has_no_rights(self):
        found = rendered.templated("--set", "mode=device-plugin,nodeConfig.enabled=false")
        self.assertFalse([key for key in found if key[0] in ("DeviceClass", "Role", "RoleBinding", "ConfigMap")])
        rules = found["ClusterRole", "", "mig-kubelet"]["rules"]
        self.assertEqual({name for rule in rules for name in rule["resources"]}, {"nodes", "events"})
        self.assertIn("--mode=device-plugin", pods(found)["mig-kubelet"]["containers"][0]["args"])
        self.assertIn("--node-config=off", pods(found)["mig-kubelet"]["containers"][0]["args"])
        # The sight of the host's processes is for the node label.
        self.assertNotIn("hostPID", pods(found)["mig-kubelet"])
        self.assertIs(pods(rendered.templated())["mig-kubelet"]["hostPID"], True)

    def test_what_is_offered(self):
        for options, wanted in (((), None), (("--set", "offer=existing"), "--offer=existing")):
            args = pods(rendered.templated(*options))["mig-kubelet"]["containers"][0]["args"]
            self.assertEqual(next((one for one in args if one.startswith("--offer")), None), wanted)

    def test_xids(self):
        def words(*options):
            args = pods(rendered.templated(*options))["mig-kubelet"]["containers"][0]["args"]
            return [one for one in args if one.startswith(("--xid", "--ignore"))]
        self.assertEqual(words(), [])
        self.assertEqual(words("--set", "xids.effect=NoExecute,xids.ignore={94,119}"), ["--xid-effect=NoExecute", "--ignore-xids=94,119"])

    def test_another_namespace_registry_and_folder(self):
        found = rendered.templated("--set", "images.registry=registry.example/gpu/,images.tag=v7,kubeletDir=/data/kubelet", namespace="other")
        self.assertTrue(all(key[1] in ("", "other") for key in found))
        self.assertNotIn("migctl:mig-kubelet", str(found))
        self.assertIn("system:serviceaccount:other:mig-kubelet", str(found["ValidatingAdmissionPolicy", "", "mig-kubelet-own-slices"]))
        pod = pods(found)["mig-kubelet"]
        self.assertEqual(pod["containers"][0]["image"], "registry.example/gpu/mig-kubelet:v7")
        paths = {volume["hostPath"]["path"] for volume in pod["volumes"]}
        self.assertIn("/data/kubelet/plugins_registry", paths)
        # No kubelet moves this one.
        self.assertIn("/var/lib/kubelet/device-plugins", paths)

    def test_wrong_values_are_refused(self):
        for options, words in (("mode=both", "mode"), ("migd.enable=false", "enable"), ("kubeletDir=relative", "kubeletDir"), ("offer=everything", "offer"),
                               ("xids.effect=None", "effect"), ("xids.ignore={all}", "ignore"),
                               ("migd.enabled=false,serviceMonitor.enabled=true", "needs migd.enabled")):
            with self.subTest(options=options), self.assertRaises(rendered.Refused) as told:
                rendered.templated("--set", options)
            self.assertIn(words, str(told.exception))


class Rights(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.all = rendered.kustomized("overlays/complete") if rendered.KUBECTL else {}

    def setUp(self):
        need_kubectl(self)

    def test_no_container_is_privileged(self):
        for name, pod in pods(self.all).items():
            self.assertFalse(pod.get("hostNetwork") or pod.get("hostIPC"), name)
            for container in containers(pod):
                with self.subTest(pod=name, container=container["name"]):
                    rights = container["securityContext"]
                    self.assertIs(rights["privileged"], False)
                    self.assertIs(rights["allowPrivilegeEscalation"], False)
                    self.assertIs(rights["readOnlyRootFilesystem"], True)
                    self.assertEqual(rights["capabilities"]["drop"], ["ALL"])
                    self.assertEqual(rights["seccompProfile"], {"type": "RuntimeDefault"})

    def test_mig_kubelet_has_neither_capabilities_nor_devices(self):
        pod = pods(self.all)["mig-kubelet"]
        self.assertNotIn("runtimeClassName", pod)
        for container in containers(pod):
            self.assertNotIn("add", container["securityContext"]["capabilities"])
            self.assertNotIn("appArmorProfile", container["securityContext"])
        self.assertFalse([volume for volume in pod["volumes"] if volume["hostPath"]["path"].startswith("/dev")])

    def test_migd_does_not_speak_to_the_api_server(self):
        self.assertIs(pods(self.all)["migd"]["automountServiceAccountToken"], False)

    def test_every_verb_has_its_reason(self):
        given = set()
        for key, one in self.all.items():
            for rule in one.get("rules", ()) if key[0] in ("ClusterRole", "Role") else ():
                scope = "namespace" if key[0] == "Role" else "cluster"
                given |= {(resource, verb, scope) for resource in rule["resources"] for verb in rule["verbs"]}
        self.assertFalse([item for item in given if "*" in item])
        told = {}
        for resource, verbs, scope, reason in table("The API server"):
            told.update({(resource, verb.strip(), scope): reason for verb in verbs.split(",")})
        self.assertEqual(given, set(told))
        self.assertFalse([item for item, reason in told.items() if len(reason) < 12])

    def test_every_capability_and_host_folder_has_its_reason(self):
        capabilities, folders = set(), set()
        for name, pod in pods(self.all).items():
            capabilities |= {(name, word) for container in containers(pod) for word in container["securityContext"]["capabilities"].get("add", ())}
            mounts = {mount["name"]: bool(mount.get("readOnly")) for container in containers(pod) for mount in container["volumeMounts"]}
            folders |= {(name, volume["hostPath"]["path"], "read" if mounts[volume["name"]] else "write")
                        for volume in pod["volumes"] if "hostPath" in volume}
        self.assertEqual(capabilities, {(who, word) for who, word, reason in table("Capabilities") if len(reason) > 12})
        self.assertEqual(folders, {(who, path, how) for who, path, how, reason in table("Host folders") if len(reason) > 12})


class Samples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.classes = rendered.objects((DEPLOY / "base/device-classes.yaml").read_text())
        cls.claims = rendered.objects((DEPLOY / "samples/claims.yaml").read_text())
        cls.workloads = rendered.objects((DEPLOY / "samples/workloads.yaml").read_text())

    def test_claims_ask_for_classes_that_there_are(self):
        asked = set(re.findall(r"'deviceClassName': '([^']+)'", str(self.claims)))
        self.assertEqual(asked - {key[2] for key in self.classes}, set())
        self.assertGreater(len(asked), 4)

    def test_pods_ask_for_claims_and_resources_that_there_are(self):
        text = str(self.workloads)
        templates = {key[2] for key in self.claims if key[0] == "ResourceClaimTemplate"}
        self.assertEqual(set(re.findall(r"'resourceClaimTemplateName': '([^']+)'", text)) - templates, set())
        self.assertEqual(set(re.findall(r"'resourceClaimName': '([^']+)'", text)), {"shared-3g"})
        resources = {one["spec"].get("extendedResourceName") for one in self.classes.values()}
        asked = set(re.findall(r"'(nvidia\.com/[^']+)'", text))
        self.assertTrue(asked and asked <= resources, asked)

    def test_layouts_are_layouts(self):
        base = rendered.objects((DEPLOY / "base/layouts.yaml").read_text())
        sample = rendered.objects((DEPLOY / "samples/layouts.yaml").read_text())
        for found in (base, sample):
            text = found["ConfigMap", "migctl", "mig-layouts"]["data"]["config.yaml"]
            names = re.findall(r"^  ([\w-]+):$", text, re.M)
            self.assertGreater(len(names), 1)
            for name in names:
                with self.subTest(layout=name):
                    done = subprocess.run([BIN / "migctl", "plan", "--model", "h200-141gb", "-f", "-", "-c", name], input=text,
                                          capture_output=True, text=True, check=False)
                    self.assertEqual(done.returncode, 0, done.stderr)


class Arguments(unittest.TestCase):
    def test_arguments_are_options_of_mig_kubelet(self):
        need_kubectl(self)
        program = BIN / "mig-kubelet"
        skip_without(self, "mig-kubelet", "" if program.exists() else "it is not part of this build")
        known = set(re.findall(r"--[a-z-]+", subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout))
        for container in pods(rendered.kustomized("base"))["mig-kubelet"]["containers"]:
            self.assertLessEqual({word.split("=")[0] for word in container["args"]}, known)

    def test_arguments_are_options_of_migd(self):
        need_kubectl(self)
        known = set(re.findall(r"--[a-z-]+", subprocess.run([BIN / "migctl", "serve", "--help"], capture_output=True, text=True,
                                                           check=True).stdout))
        for container in pods(rendered.kustomized("overlays/complete"))["migd"]["containers"]:
            self.assertLessEqual({word.split("=")[0] for word in container["args"][1:]}, known)


if __name__ == "__main__":
    rendered.with_yaml()
    unittest.main(verbosity=2)

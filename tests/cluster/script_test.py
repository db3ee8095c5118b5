#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/cluster, as a teacher uses it: two nodes started, used by kubectl from outside of their namespaces, started again
without harm, stopped; and then nothing of it is left."""

import os
import pathlib
import subprocess
import sys
import time
import unittest

import programs
from images import engine

SCRIPT = str(programs.ROOT / "scripts" / "cluster")
KUBECONFIG = programs.ROOT / "build" / "cluster" / "kubeconfig"
POD = """
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  nodeName: %s
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: "localhost/mig-workload:1", command: [sleep, "100000"]}]
"""
ON_INSTANCE = """
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  nodeSelector: {kubernetes.io/hostname: %s}
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: localhost/mig-workload:1
    command: [mig-workload, train, --seconds, "100000"]
    resources: {limits: {nvidia.com/mig-1g.18gb: 1}}
"""


def run(*words, text="", code=0):
    environment = dict(os.environ, MIG_BIN_DIR=str(programs.BIN))
    done = subprocess.run([SCRIPT, *words], input=text, capture_output=True, text=True, timeout=400, check=False, env=environment)
    if code is not None and done.returncode != code:
        raise AssertionError(f"scripts/cluster {' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


class Script(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(run, "stop")
        cls.started = run("start", "--nodes", "2")

    def test_1_it_says_how_to_use_it(self):
        self.assertIn(f"export KUBECONFIG={KUBECONFIG}", self.started)
        self.assertEqual(KUBECONFIG.stat().st_mode & 0o077, 0)

    def test_2_both_nodes_run_pods_that_can_be_entered(self):
        for node in ("n1", "n2"):
            run("kubectl", "apply", "-f", "-", text=POD % (f"on-{node}", node))
            run("kubectl", "wait", "--for=condition=Ready", f"pod/on-{node}", "--timeout=60s")
            self.assertIn("hello", run("kubectl", "exec", f"on-{node}", "--", "echo", "hello"))

    @unittest.skipUnless((programs.BIN / "mig-kubelet").exists(), "mig-kubelet is not built")
    def test_2_pods_of_both_nodes_get_instances(self):
        for node in ("n1", "n2"):
            run("kubectl", "apply", "-f", "-", text=ON_INSTANCE % (f"job-{node}", node))
            run("kubectl", "wait", "--for=condition=Ready", f"pod/job-{node}", "--timeout=100s")
            self.assertIn("1g.18gb", run("migctl", "--node", node, "list"))
            run("kubectl", "delete", "pod", f"job-{node}")
            end = time.monotonic() + 60
            while "1g.18gb" in run("migctl", "--node", node, "list"):
                self.assertLess(time.monotonic(), end, "the instance stays without its pod")
                time.sleep(0.2)

    def test_3_each_node_has_its_own_machine(self):
        run("migctl", "--node", "n1", "mode", "enable", "-i", "0")
        run("migctl", "--node", "n1", "create", "-i", "0", "1g.18gb")
        self.assertIn("1g.18gb", run("migctl", "list"))
        self.assertNotIn("1g.18gb", run("migctl", "--node", "n2", "list"))

    def test_4_started_again_it_is_the_same_cluster(self):
        begin = time.monotonic()
        self.assertIn("runs already", run("start", "--nodes", "2"))
        print(f"a start that has nothing to do: {time.monotonic() - begin:.1f} s")
        self.assertIn("on-n2", run("kubectl", "get", "pods"))
        self.assertIn("it runs with --nodes 2; ", run("start", "--nodes", "3", code=1))
        self.assertIn("it runs with --gpus 1x h200-141gb; ", run("start", "--gpus", "2x a100-sxm4-40gb", code=1))

    def test_5_what_ends_is_started_again(self):
        (pid,) = pids("kube-scheduler")
        os.kill(pid, 9)
        end = time.monotonic() + 60
        while not [one for one in pids("kube-scheduler") if one != pid]:
            self.assertLess(time.monotonic(), end, "the scheduler was not started again")
            time.sleep(0.1)

    def test_6_status_and_logs(self):
        said = run("status")
        for word in ("apiserver: running", "n2/kubelet: running", "on-n1"):
            self.assertIn(word, said)
        self.assertIn("n1/containerd", run("logs"))
        self.assertIn("level=info", run("logs", "n1/containerd"))
        self.assertIn("there is no node n9", run("migctl", "--node", "n9", "list", code=1))

    def test_9_stopped_nothing_is_left(self):
        run("stop")
        self.assertEqual([one for name in ("kube-apiserver", "kubelet", "containerd", "etcd") for one in pids(name)], [])
        self.assertFalse(KUBECONFIG.exists())
        self.assertFalse(pathlib.Path("/run/migctl-cluster").exists())
        self.assertEqual(list(pathlib.Path("/sys/fs/cgroup").glob(f"**/{engine.LEFT}cluster")), [])
        self.assertNotIn("migctl-cluster", pathlib.Path("/proc/mounts").read_text())
        self.assertIn("no cluster runs here", run("kubectl", "get", "nodes", code=1))
        self.assertIn("no cluster runs", run("stop"))
        self.assertIn("error: --gpus: ", run("start", "--gpus", "nonsense", code=1))
        self.assertFalse(pathlib.Path("/run/migctl-cluster").exists())


def pids(name):
    """Processes of this cluster's program: others of tests may run beside it."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            ours = b"/run/migctl-cluster/" in (folder / "cmdline").read_bytes()
            if ours and os.readlink(folder / "exe") == os.path.realpath(programs.program(name)):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


if __name__ == "__main__":
    os.chdir(programs.ROOT)
    why = programs.why_not()
    if why:
        engine.skip(why)
    engine.needs(("nsenter", "openssl"))
    if os.path.exists("/run/migctl-cluster/state.json"):
        engine.skip("a cluster of scripts/cluster runs on this machine")
    unittest.main(verbosity=2, argv=[sys.argv[0], *sys.argv[1:]])

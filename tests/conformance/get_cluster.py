#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds a whole Kubernetes and NVIDIA's DRA driver into build/third_party/cluster, once: what tests/cluster and
scripts/cluster start. get_clients.py does it too; alone for scripts/cluster, which needs no other client.

Always exits 0; a part that cannot be had is recorded with the reason (fetch.py).
"""

import argparse
import sys

from fetch import HERE, STORE, STRIPPED, get_all, go_build

CLUSTER = STORE / "cluster"
MODULES = HERE / "cluster"
KUBERNETES_VERSION = "1.36.3"
# An unofficial build calls itself v0.0.0-master, which kubectl and clients take for a version.
KUBERNETES_FLAGS = f"-s -w -X k8s.io/component-base/version.gitVersion=v{KUBERNETES_VERSION}"
KUBERNETES_TIMEOUT_S = 2700  # kube-apiserver alone takes 325 s of processor time



def kubernetes(name):
    """A step for each program, so that one that fails leaves the others; they share what they compile."""
    def build():
        go_build(MODULES / "kubernetes", name, f"k8s.io/kubernetes/cmd/{name}", folder=CLUSTER,
                 options=("-ldflags", KUBERNETES_FLAGS), timeout=KUBERNETES_TIMEOUT_S)
    return build


def get_etcd():
    """Its package would call the program `server`."""
    go_build(MODULES / "etcd", "etcd", "go.etcd.io/etcd/server/v3", folder=CLUSTER, program="etcd", options=STRIPPED)


def get_containerd():
    """With the CRI plugin, by which a kubelet asks; the one of the engines' tests has none. The same module: what both have in
    common is compiled once."""
    module = "github.com/containerd/containerd/v2/cmd"
    go_build(HERE / "engines", "containerd", *(f"{module}/{name}" for name in ("containerd", "containerd-shim-runc-v2", "ctr")),
             folder=CLUSTER, options=(*STRIPPED, "-tags", "no_btrfs no_zfs no_devmapper"))


def get_runc():
    """For the engines' tests too: Debian's 1.1.5 does not know the time namespace that Docker 29 asks for."""
    go_build(HERE / "engines", "runc", "github.com/opencontainers/runc", folder=STORE / "engines",
             options=(*STRIPPED, "-tags", "seccomp"))


def get_crictl():
    go_build(MODULES / "crictl", "crictl", "sigs.k8s.io/cri-tools/cmd/crictl", folder=CLUSTER, options=STRIPPED)


def get_nvidia_dra():
    """NVIDIA's own DRA driver, for the comparison of bench/kubernetes; 0.5.0 needs a module that the proxy refuses."""
    go_build(MODULES / "nvidia_dra", "gpu-kubelet-plugin", "sigs.k8s.io/dra-driver-nvidia-gpu/cmd/gpu-kubelet-plugin",
             folder=CLUSTER, options=STRIPPED, timeout=KUBERNETES_TIMEOUT_S)


KUBERNETES = ("kubelet", "kube-apiserver", "kube-scheduler", "kube-controller-manager", "kubectl")
STEPS = (*((name, kubernetes(name)) for name in KUBERNETES), ("etcd", get_etcd), ("containerd-cri", get_containerd),
         ("runc", get_runc), ("crictl", get_crictl), ("nvidia-dra", get_nvidia_dra))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Builds a whole Kubernetes into build/third_party/cluster, once.")
    parser.add_argument("--without", action="append", default=[], choices=[name for name, _ in STEPS])
    left_out = parser.parse_args().without
    get_all([step for step in STEPS if step[0] not in left_out])
    sys.exit(0)

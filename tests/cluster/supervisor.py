#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a cluster until it is killed, for scripts/cluster: starts it inside of the namespaces that scripts/cluster.py has made,
passes connections from outside to the API server, and starts again what ends by itself.
"""

import argparse
import json
import os
import pathlib
import signal
import time

import cluster
import drivers
import network
import programs
from images import engine

AGAIN_S = (1, 2, 4, 8, 16, 30)  # before the first restart of a component, the second, ...


def write(path, thing):
    """Complete or not at all."""
    half = path.with_suffix(".new")
    half.write_text(json.dumps(thing, indent=1))
    half.replace(path)


class Supervisor:
    def __init__(self, own, folder):
        self.own, self.state = own, pathlib.Path(folder) / "state.json"
        self.restarts, self.due = {}, {}

    def record(self):
        said = {}
        for one in self.own.running():
            name = f"{one.log.parent.parent.name}/{one.name}" if one.namespace or one.name == "mounts" else one.name
            restarts = self.restarts.get(one, 0)
            said[name] = ("running" if one.alive() else "ended") + (f", started again {restarts} times" if restarts else "")
        write(self.state, {"components": said, "gpus": self.own.node.gpus, "nodes": {
            worker.name: {"mounts": worker.holder.pid, "machines": worker.env["MIGSIM_ROOT"], "migd": str(worker.migd_socket)}
            for worker in self.own.workers}})

    def look(self):
        """Starts what has ended, later and later where it keeps ending."""
        changed = False
        for one in self.own.running():
            if not one.trouble():
                continue
            count = self.restarts.get(one, 0)
            due = self.due.setdefault(one, time.monotonic() + AGAIN_S[min(count, len(AGAIN_S) - 1)])
            if time.monotonic() >= due:
                print(f"{one.name} ended with {one.process.returncode}: started again", flush=True)
                del self.due[one]
                self.restarts[one] = count + 1
                one.start()
            changed = True
        return changed


def add_drivers(own):
    """Ours on every node, where it was built; without it the cluster is one without GPUs."""
    if not (programs.BIN / "mig-kubelet").exists():
        print("mig-kubelet is not built: the nodes have no GPU devices", flush=True)
        return
    for worker in own.workers:
        print(f"node {worker.name}: mig-kubelet", flush=True)
        drivers.MigKubelet(own, worker).start()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--listening", type=int, required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--nodes", type=int, required=True)
    parser.add_argument("--gpus", required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.chdir(programs.ROOT)
    engine.mount_private()
    outside = network.inherited(options.listening)
    own = cluster.Cluster(options.gpus, options.nodes, folder=options.folder, say=lambda text: print(text, flush=True))
    own.start()
    add_drivers(own)
    network.Relay(outside).start()
    own.plane.credentials.kubeconfig(pathlib.Path(options.folder) / "outside.kubeconfig",
                                     f"https://127.0.0.1:{outside.getsockname()[1]}", "admin")
    supervisor = Supervisor(own, options.folder)
    supervisor.record()
    print("ready", flush=True)
    while True:
        time.sleep(1)
        if supervisor.look():
            supervisor.record()


if __name__ == "__main__":
    main()

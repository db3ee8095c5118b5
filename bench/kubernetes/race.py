#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's DRA driver 0.4.1 and mig-kubelet on the same node of a real cluster, in turns, in one run.

Usage: race.py [--drivers nvidia,ours] [--trials start,room,...] [--pods N] [--layouts N] [--seed N] [--out NAME]

Trials (trials.py): start (pod created until it runs), beside (the same while others run), room (are 4g and 3g still to be had after
random small pods), failures (one driver call fails once, at each step), later (room is made after a failed attempt), foreign (instances
of somebody else), xid, restart.
Writes bench/results/NAME.json and NAME.md. Needs root, the programs that tests/conformance/get_cluster.py builds, and nvidia-ctk of
get_clients.py. The GPU is simulated: calls take what published measurements say, and times show the order of work, not a GPU.
"""
import argparse
import datetime
import json
import os
import platform
import sys
import textwrap

import field
import trials

VERSIONS = {"nvidia": "NVIDIA's DRA driver 0.4.1 (DynamicMIG)", "ours": "mig-kubelet"}
# (what, trial, how its value is read from the result)
TABLE = [
    ("pod created until it runs, on a GPU without instances: median, s", "start", lambda r: r["medianS"]),
    ("... p99, s", "start", lambda r: r["p99S"]),
    ("... pods that ran, one after another", "start", lambda r: f"{r['ran']} of {r['pods']}"),
    ("pod created until it runs, beside others on the GPU: median, s", "beside", lambda r: r["medianS"]),
    ("... p99, s", "beside", lambda r: r["p99S"]),
    ("... pods that ran", "beside", lambda r: f"{r['ran']} of {r['pods']}"),
    ("pod deleted beside others: gone within a minute", "beside", lambda r: f"{r['deletedBesideOthers']} of {r['groups']}"),
    ("4g.71gb to be had after small pods that leave room for one", "room", lambda r: f"{r['4g.71gb']} of {r['layouts']}"),
    ("3g.71gb to be had", "room", lambda r: f"{r['3g.71gb']} of {r['layouts']}"),
    ("one driver call fails once: pod runs within a minute", "failures", lambda r: f"{r['ran']} of {r['of']}"),
    ("... pod can be deleted", "failures", lambda r: f"{r['gone']} of {r['of']}"),
    ("... instances left behind", "failures", lambda r: r["leaked"]),
    ("claim that failed for want of room runs once there is room", "later", lambda r: "yes" if r["recovered"] else "no"),
    ("instances of somebody else destroyed", "foreign", lambda r: f"{r['destroyed']} of {r['foreign']}"),
    ("Xid 94 of one instance seen after, s", "xid", lambda r: r.get("seenAfterS")),
    ("... devices tainted", "xid", lambda r: f"{r.get('tainted')} of {r.get('devices')}"),
    ("driver killed beside two pods: their instances kept", "restart", lambda r: f"{r['instancesKept']} of 2"),
    ("... a further pod runs after, s", "restart", lambda r: r["newPodRanAfterS"]),
    ("... instances left when all pods are gone", "restart", lambda r: r["leaked"]),
]


def markdown(document):
    kinds = list(document["results"])
    about = (f"Kubernetes 1.36.3 with containerd 2.4.2, one node, one simulated H200; {document['date']}, {document['host']['cpus']} processors. "
             f"Made by `bench/kubernetes/race.py --seed {document['seed']}`; details of each row: `{document['name']}.json`. Driver calls take "
             "what published measurements say (create 0.14 and 0.10 s; a change of MIG mode 2 s, as the log in NVIDIA/gpu-operator issue 2376 has "
             "it, which is no measurement), so times show the order of work, not a GPU. NVIDIA's driver turns MIG on for the first claim and "
             "off after the last; mig-kubelet leaves it on. The kubelet asks again 5 s after a refusal "
             "(default: a minute). \"-\": not tried, or it did not happen within a minute.")
    lines = ["# NVIDIA's DRA driver and mig-kubelet on the same node", "", *textwrap.wrap(about, 150, break_on_hyphens=False), "",
             "| | " + " | ".join(VERSIONS[kind] for kind in kinds) + " |", "|---|" + "---:|" * len(kinds)]
    for text, trial, read in TABLE:
        cells = []
        for kind in kinds:
            result = document["results"][kind].get(trial)
            value = read(result) if result and "error" not in result else None
            cells.append("-" if value is None else str(value))
        lines.append(f"| {text} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def one_driver(own, kind, options, found, save):
    ground = field.Field(own, kind)
    for name in options.trials.split(","):
        print(f"{kind}: {name}", file=sys.stderr, flush=True)
        try:
            found[name] = trials.TRIALS[name](ground, options)
        except (AssertionError, field.verdict.Failed) as failure:
            found[name] = {"error": str(failure)[:2000]}
        print(json.dumps({key: value for key, value in found[name].items() if key != "rows"}), file=sys.stderr, flush=True)
        save()
    ground.clear()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--drivers", default="nvidia,ours")
    parser.add_argument("--trials", default=",".join(trials.TRIALS))
    parser.add_argument("--pods", type=int, default=100)
    parser.add_argument("--layouts", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", default="kubernetes_race")
    options = parser.parse_args()
    kinds = options.drivers.split(",")
    engine = field.cluster.engine
    os.chdir(field.ROOT)
    if engine.INSIDE not in os.environ:
        field.cluster.need("nvidia-dra", "nvidia-ctk")
        engine.enter(("nsenter", "openssl"))
    engine.mount_private()
    document = {"name": options.out, "date": datetime.date.today().isoformat(), "seed": options.seed, "pods": options.pods,
                "layouts": options.layouts, "gpus": field.GPUS, "latency": field.MACHINE[1], "simulated": True,
                "host": {"kernel": platform.release(), "cpus": os.cpu_count()}, "results": {kind: {} for kind in kinds}}
    folder = field.ROOT / "bench" / "results"

    def save():  # after each trial: the whole takes most of an hour
        (folder / f"{options.out}.json").write_text(json.dumps(document, indent=1) + "\n")
        (folder / f"{options.out}.md").write_text(markdown(document))

    with field.cluster.Cluster(field.GPUS, options=field.MACHINE, kubelet=field.KUBELET) as own:
        for kind in kinds:
            one_driver(own, kind, options, document["results"][kind], save)
    print(markdown(document))


if __name__ == "__main__":
    main()

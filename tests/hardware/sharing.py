#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ways to share a real GPU without MIG: the same jobs in each, and what barriers and a memory hog do to a neighbour.

Usage: sharing.py BIN_DIR --out FOLDER [--gpu I] [--quick]      a GPU with NVIDIA's driver, nvidia-cuda-mps-control, no MIG; about 5 min

Runs `migctl compare-sharing` with two jobs (with a fault and a memory hog beside them) and with four, `migctl isolate-test` with the
memory-barrier neighbour, and both new hogs by themselves. Writes each document and chart to FOLDER and a summary to stdout. Nothing of
the GPU is set or reset; MPS servers are migctl's own, in private folders. Exit code 1 when a claim that needs no judgement is not true:
every MPS job was a client of its server, limits were had, no job died beside its own kind, each interval is there.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import time


def run(words, file):
    """Runs a command of migctl with --json; its document also goes to `file`."""
    begin = time.monotonic()
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, timeout=600)
    print(f"{' '.join(str(word) for word in words[1:6])} ...: exit {done.returncode}, {time.monotonic() - begin:.0f} s", file=sys.stderr)
    if done.returncode != 0:
        sys.exit(f"{words}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    file.write_text(done.stdout, encoding="utf-8")
    return json.loads(done.stdout.strip().splitlines()[-1] if words[0].name == "mig-workload" else done.stdout)


def interval(estimate, digits=2):
    if estimate is None:
        return "-"
    if estimate["low"] is None:
        return f"{estimate['value']:.{digits}f}"
    return f"{estimate['value']:.{digits}f} ({estimate['low']:.{digits}f}..{estimate['high']:.{digits}f})"


def judge_comparison(document, faults):
    """Prints a table of a SharingComparison; appends what is wrong in it to `faults`."""
    print(f"\n{document['jobs']} jobs, {document['rounds']} rounds of {document['secondsEach']} s: {document['job']}")
    print(f"{'way':13} {'steps/s, all':>28} {'x exclusive':>20} {'p99 ms':>24} {'Jain':>8} {'J/1000':>7}")
    for way in document["ways"]:
        if way["skipped"]:
            print(f"{way['way']:13} not run: {way['skipped']}")
            if way["way"] in ("time-slicing", "mps", "mps-limits", "exclusive"):
                faults.append(f"{way['way']} was not run: {way['skipped']}")
            continue
        figures = way["figures"]
        joules = figures["joulesPerUnit"]
        print(f"{way['way']:13} {interval(figures['throughput'], 0):>28} {interval(figures['gain']):>20} "
              f"{interval(figures['stepMsP99']):>24} {figures['jain']['value'] if figures['jain'] else 0:8.3f} "
              f"{1000 * joules['value'] if joules else 0:7.1f}")
        if figures["died"]:
            faults.append(f"{way['way']}: {figures['died']} jobs died")
        if not figures["throughput"] or figures["throughput"]["low"] is None:
            faults.append(f"{way['way']}: no interval")
        if way["way"].startswith("mps") and not all(job["mpsMember"] for one in way["rounds"] for job in one["jobs"]):
            faults.append(f"{way['way']}: a job was no client of the server")
        if way["way"] == "mps-limits":
            caps = way["caps"]
            print(f"{'':13} each {caps['smGot']} of {caps['smTotal']} SMs ({caps['smAsked']} asked), {caps['memoryFreeMib']} MiB free")
            if not caps["smGot"] or caps["smGot"] < caps["smAsked"]:
                faults.append("mps-limits: fewer SMs than asked for")
        for cell in way["neighbours"]:
            print(f"{'':13} beside {cell['neighbour']}: {cell['verdict']} {interval(cell['shareOfAlone'])} {(cell['why'] or '')[:80]}")
    print(f"advice: {document['advice']['choice']}")
    for rule in document["advice"]["rules"]:
        print(f"  {'*' if rule['fired'] else '-'} {rule['name']}: {rule['because']}")


def judge_isolation(document):
    print("\nisolate-test, memory barriers and others")
    for mode in document["modes"]:
        if mode["skipped"]:
            print(f"{mode['sharing']:13} not run: {mode['skipped']}")
        for cell in mode["cells"]:
            print(f"{mode['sharing']:13} {cell['neighbour']:14} {cell['verdict']:10} kept {interval(cell['shareOfAlone'])}, "
                  f"p99 x{interval(cell['stepP99Factor'])} {(cell['why'] or '')[:80]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--gpu", default="0")
    parser.add_argument("--quick", action="store_true", help="two short rounds: whether the script itself works")
    arguments = parser.parse_args()
    migctl, workload = arguments.bin.resolve() / "migctl", arguments.bin.resolve() / "mig-workload"
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    rounds, seconds = ("2", "0.5") if arguments.quick else ("3", "1.5")
    faults = []
    hogs = {kind: run([workload, "hog", kind, "--seconds", "1", "--json"], out / f"hog_{kind}.json") for kind in ("membar", "memory")}
    for kind, hog in hogs.items():
        print(f"hog {kind}: {hog['perSecond']:.4g} {hog['unit']}")
    two = run([migctl, "compare-sharing", "-i", arguments.gpu, "--jobs", "2", "--rounds", rounds, "--seconds", seconds, "--svg",
               out / "sharing_2_jobs.svg", "--json"], out / "sharing_2_jobs.json")
    judge_comparison(two, faults)
    four = run([migctl, "compare-sharing", "-i", arguments.gpu, "--jobs", "4", "--rounds", rounds, "--seconds", "1", "--batch", "16",
                "--no-isolation", "--ways", "exclusive,time-slicing,mps,mps-limits", "--svg", out / "sharing_4_jobs.svg", "--json"],
               out / "sharing_4_jobs.json")
    judge_comparison(four, faults)
    judge_isolation(run([migctl, "isolate-test", "-i", arguments.gpu, "--modes", "time-slicing,mps,mps-limits", "--neighbours", "membar",
                         "--rounds", rounds, "--seconds", seconds, "--svg", out / "isolation_membar.svg", "--json"],
                        out / "isolation_membar.json"))
    for fault in faults:
        print("NOT TRUE: " + fault)
    (out / "sharing_summary.json").write_text(json.dumps({"faults": faults, "hogs": hogs}, indent=1) + "\n", encoding="utf-8")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Right-sizing on a real GPU with MIG off: what MPS gives, what is predicted from two shares, and what runs at the others show.

Usage: rightsize.py BIN_DIR [--seconds S] [--budget S] [--out FILE] [--parts map memory runs command]
BIN_DIR has mig-workload and migctl. Needs PyTorch for three of the loads (left out, and said so, without it) and NVIDIA's MPS.
The GPU is neither set nor reset; MPS servers of our own in private folders only. A part or a run that fails is in the result.

map      percentage -> multiprocessors that a client sees: 0.5 to 100 in steps of 0.5
memory   what a pinned limit changes (free, total), and what is refused beyond it: cuMemAlloc, PyTorch, managed memory
runs     each load with the multiprocessors of each MIG profile, alone and beside a process that streams memory; from the whole GPU
         and 2g's share the others are predicted, and the error is noted
command  migctl rightsize itself, with its further runs, on two loads of ours and three of PyTorch's
"""
import argparse
import concurrent.futures
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from mps_server import MpsServer

HERE = pathlib.Path(__file__).resolve().parent
OURS = ("job", "small", "medium", "large")
CONTEXTS = 4   # MPS clients at once while the map is read
LIMIT_MIB = 16384
# The model's constants (src/advise/slowdown.cc); the script computes with the same formula as migctl.
WEIGHT, OVERLAP = 0.65, 2.5


def tell(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def last_json(text):
    for line in reversed(text.strip().splitlines()):
        if line.startswith("{"):
            return json.loads(line)
    return {}


def call(words, environment, timeout):
    """(exit code, standard output, standard error); a program that takes too long counts as failed."""
    try:
        done = subprocess.run([str(word) for word in words], env=environment, capture_output=True, text=True, timeout=timeout, check=False)
        return done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        return -1, "", "it took too long"


class Machine:
    """The GPU, its profiles, and the programs."""

    def __init__(self, arguments):
        self.workload, self.migctl = arguments.bin / "mig-workload", arguments.bin / "migctl"
        words = ["nvidia-smi", "--query-gpu=uuid,name,driver_version,mig.mode.current", "--format=csv,noheader"]
        row = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()[arguments.gpu].split(", ")
        self.uuid, self.name, self.driver, self.mig = row
        code, out, err = call([self.migctl, "profiles", "--json"], None, 60)
        self.profiles = []
        if code == 0:
            for profile in json.loads(out)["gpus"][arguments.gpu]["profiles"]:
                if "+" not in profile["name"] and "-" not in profile["name"]:
                    self.profiles.append({key: profile.get(key) for key in ("name", "slices", "sm", "memoryMib")})
        else:
            tell(f"migctl profiles: {err.strip()}")
        try:
            import torch  # pylint: disable=import-outside-toplevel,unused-import
            self.torch = torch.__version__
        except ImportError:
            self.torch = None

    def json(self):
        return {"gpu": self.name, "driverVersion": self.driver, "migMode": self.mig, "torch": self.torch, "profiles": self.profiles}


def read_sm(machine, mps, percentage):
    code, out, err = call([machine.workload, "info", "--look-only", "--json", "--backend", "cuda"], mps.environment(percentage), 60)
    return last_json(out).get("sm") if code == 0 else {"error": (err or out)[-200:]}


def part_map(machine, arguments):
    """Percentage -> multiprocessors, and the smallest percentage for each profile's."""
    tried = [f"{half / 2:.1f}" for half in range(1, 201)]
    with MpsServer(machine.uuid) as mps:
        whole = read_sm(machine, mps, None)
        with concurrent.futures.ThreadPoolExecutor(CONTEXTS) as pool:
            got = dict(zip(tried, pool.map(lambda percentage: read_sm(machine, mps, percentage), tried)))
    counts = [got[percentage] for percentage in tried if isinstance(got[percentage], int)]
    smallest = {}
    for profile in machine.profiles:
        enough = [percentage for percentage in tried if isinstance(got[percentage], int) and got[percentage] >= profile["sm"]]
        smallest[profile["name"]] = {"sm": profile["sm"], "percentage": enough[0] if enough else None,
                                     "given": got[enough[0]] if enough else None}
    return {"whole": whole, "map": got, "monotone": counts == sorted(counts), "steps": sorted(set(counts)),
            "allEven": all(count % 2 == 0 for count in counts), "forProfiles": smallest, "failed": len(tried) - len(counts),
            "timeout": arguments.budget}


MANAGED = """
import ctypes, sys
cuda = ctypes.CDLL("libcuda.so.1")
device, context, at = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_uint64()
code = cuda.cuInit(0) or cuda.cuDeviceGet(ctypes.byref(device), 0) or cuda.cuCtxCreate_v2(ctypes.byref(context), 0, device)
if code:
    sys.exit(f"context: {code}")
print(cuda.cuMemAllocManaged(ctypes.byref(at), ctypes.c_size_t(int(sys.argv[1])), 1))
"""
TORCH = """
import json, sys, torch
free, total = torch.cuda.mem_get_info()
answer = {"free": free >> 20, "total": total >> 20}
for name, mib in (("within", int(sys.argv[1])), ("beyond", int(sys.argv[2]))):
    try:
        torch.empty(mib << 20, dtype=torch.uint8, device="cuda")
        torch.cuda.empty_cache()
        answer[name] = "granted"
    except RuntimeError as error:
        answer[name] = str(error).splitlines()[0][:300]
print(json.dumps(answer))
"""


def part_memory(machine, _):
    """A pinned limit of 16 GiB: what a client is told, and what is refused."""
    answer = {"limitMib": LIMIT_MIB}
    with MpsServer(machine.uuid) as mps:
        for name, limit in (("without", None), ("limited", f"0={LIMIT_MIB}M"), ("withoutOrdinal", f"{LIMIT_MIB}M")):
            code, out, err = call([machine.workload, "info", "--look-only", "--json", "--backend", "cuda"], mps.environment(memory=limit), 60)
            info = last_json(out)
            answer[name] = ({"totalMib": info["memoryTotalBytes"] >> 20, "freeMib": info["memoryFreeBytes"] >> 20} if code == 0 else
                            {"error": (err or out)[-300:]})
        limited = mps.environment(memory=f"0={LIMIT_MIB}M")
        for name, mib in (("within", LIMIT_MIB - 1024), ("beyond", LIMIT_MIB + 1)):
            code, out, _ = call([machine.workload, "oom", "--json", "--backend", "cuda", "--bytes", mib << 20], limited, 60)
            answer["cuMemAlloc " + name] = {0: "refused", 1: "granted"}.get(code, f"exit {code}")
            answer["cuMemAlloc " + name + " text"] = out.strip()[-300:]
        code, out, err = call([sys.executable, "-c", MANAGED, (LIMIT_MIB + 1024) << 20], limited, 60)
        answer["cuMemAllocManaged beyond"] = {"0": "granted", "2": "refused"}.get(out.strip(), (out + err).strip()[-300:])
        if machine.torch:
            code, out, err = call([sys.executable, "-c", TORCH, LIMIT_MIB - 2048, LIMIT_MIB + 1024], limited, 120)
            answer["torch"] = last_json(out) if code == 0 else {"error": err[-300:]}
    limit, free = answer["limited"].get("freeMib"), answer["without"].get("freeMib")
    answer["freeShrinks"] = bool(limit and free and limit <= LIMIT_MIB < free)
    answer["totalUnchanged"] = answer["limited"].get("totalMib") == answer["without"].get("totalMib")
    return answer


def percentages(machine, mps, wanted):
    """The smallest percentage of half a multiprocessor that gives at least the wanted number: {wanted: (percentage, got)}."""
    whole = read_sm(machine, mps, None)
    found = {}
    for sm in wanted:
        for half in range(2 * sm, 2 * whole + 1):
            percentage = f"{min(100, 50 * half / whole):.2f}"
            got = read_sm(machine, mps, percentage)
            if isinstance(got, int) and got >= sm:
                found[sm] = (percentage, got)
                break
    return whole, found


class Hog:
    """A process that streams memory on the multiprocessors that the load does not have."""

    def __init__(self, machine, mps, share):
        words = [machine.workload, "hog", "dram", "--json", "--announce", "--seconds", "600", "--backend", "cuda"]
        self.child = subprocess.Popen([str(word) for word in words], env=mps.environment(f"{max(1.0, 100 * (1 - share)):.2f}"),
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.child.stdout.readline()  # it is at work

    def end(self):
        self.child.terminate()
        try:
            out, _ = self.child.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            self.child.kill()
            out, _ = self.child.communicate()
        return last_json(out)


def loads_at(machine, mps, percentage, seconds):
    """{load: steps per second} of all loads, one after the other, with this percentage."""
    environment, rates = mps.environment(percentage), {}
    for model in OURS:
        words = [machine.workload, "train", "--model", model, "--precision", "tf32", "--seconds", seconds, "--json", "--backend", "cuda"]
        code, out, err = call(words, environment, 60)
        result = last_json(out)
        rates["lab " + model] = result["stepsPerSecond"] if code == 0 else None
        if code:
            tell(f"  lab {model}: {(err or out).strip()[-200:]}")
    if machine.torch:
        _, out, err = call([sys.executable, HERE / "rightsize_loads.py", "all", "--seconds", seconds], environment, 120)
        for line in out.splitlines():
            result = json.loads(line)
            rates["torch " + result["load"]] = result["stepsPerSecond"]
        if "torch transformer" not in rates:
            tell(f"  torch: {err.strip()[-200:]}")
    return rates


def predicted(whole, second, share, wanted):
    """Seconds of a step at `wanted` of the multiprocessors, from the whole GPU's and those at `share`; all have the whole bandwidth."""
    measured, asked = (WEIGHT / of + 1 - WEIGHT for of in (share, wanted))  # how much less of the device there is
    if second <= whole:
        return whole
    device = (second ** OVERLAP - whole ** OVERLAP) / (measured ** OVERLAP - 1)
    fixed = whole ** OVERLAP - device
    if fixed < 0:
        return whole * asked ** (math.log(second / whole) / math.log(measured))
    return (fixed + device * asked ** OVERLAP) ** (1 / OVERLAP)


def part_runs(machine, arguments):
    """Runs, predictions and errors."""
    wanted = sorted({profile["sm"] for profile in machine.profiles} - {max(profile["sm"] for profile in machine.profiles)})
    second = next(sm for sm in wanted if sm >= 0.2 * max(profile["sm"] for profile in machine.profiles))
    runs, deadline = [], time.monotonic() + arguments.budget * 0.7
    with MpsServer(machine.uuid) as mps:
        whole, found = percentages(machine, mps, wanted)
        order = [None, second] + [sm for sm in wanted if sm != second] + ([100] if whole > 110 else [])
        for beside in (False, True):
            for sm in order:
                if time.monotonic() > deadline or (beside and (sm is None or sm > second)):
                    continue
                percentage, got = found.get(sm, (None, whole)) if sm != 100 else (f"{100 * 100 / whole:.2f}", None)
                if sm == 100:
                    got = read_sm(machine, mps, percentage)
                tell(f"runs: {got} of {whole} multiprocessors ({percentage or 'no limit'}){', beside a memory hog' if beside else ''}")
                hog = Hog(machine, mps, got / whole) if beside else None
                try:
                    rates = loads_at(machine, mps, percentage, arguments.seconds)
                finally:
                    hog_end = hog.end() if hog else None
                runs.append({"sm": got, "percentage": percentage, "besideHog": beside, "hog": hog_end, "stepsPerSecond": rates})
    return {"whole": whole, "second": second, "runs": runs, **judged(machine, runs, whole, found[second][1])}


def judged(machine, runs, whole, second):
    alone = {run["sm"]: run["stepsPerSecond"] for run in runs if not run["besideHog"]}
    hogged = {run["sm"]: run["stepsPerSecond"] for run in runs if run["besideHog"]}
    pairs = []
    for sm, rates in alone.items():
        for load, rate in rates.items():
            full, limited = alone.get(whole, {}).get(load), alone.get(second, {}).get(load)
            if sm in (whole, second) or not (rate and full and limited):
                continue
            says = predicted(1 / full, 1 / limited, second / whole, sm / whole)
            pairs.append({"load": load, "sm": sm, "predictedMs": round(1e3 * says, 4), "measuredMs": round(1e3 / rate, 4),
                          "error": round(abs(says * rate - 1), 4), "extrapolated": sm < second})
    bounds = []
    for profile in machine.profiles:
        for load, full in alone.get(whole, {}).items():
            for name, rates in (("alone", alone), ("besideHog", hogged)):
                at = rates.get(profile["sm"], {}).get(load)
                if full and at:
                    bounds.append({"load": load, "profile": profile["name"], "bound": name, "speed": round(at / full, 4)})
    errors = [pair["error"] for pair in pairs]
    return {"pairs": pairs, "pairCount": len(pairs), "meanError": round(statistics.mean(errors), 4) if errors else None,
            "medianError": round(statistics.median(errors), 4) if errors else None, "worstError": max(errors, default=None),
            "meanErrorBetween": round(statistics.mean([pair["error"] for pair in pairs if not pair["extrapolated"]]), 4) if errors else None,
            "bounds": bounds}


def part_command(machine, arguments):
    """migctl rightsize, as a user types it."""
    commands = {"lab small": [machine.workload, "train", "--model", "small", "--precision", "tf32", "--seconds", "600", "--backend", "cuda"],
                "lab large": [machine.workload, "train", "--model", "large", "--precision", "tf32", "--seconds", "600", "--backend", "cuda"]}
    if machine.torch:
        commands.update({f"torch {load}": [sys.executable, HERE / "rightsize_loads.py", load, "--seconds", "600"]
                         for load in ("mlp", "conv", "transformer")})
    answers = {}
    with tempfile.TemporaryDirectory() as state:
        environment = {**os.environ, "MIGCTL_STATE_DIR": state}
        for name, words in commands.items():
            tell(f"command: migctl rightsize -- {name}")
            ours = [machine.migctl, "rightsize", "--json", "--seconds", arguments.seconds, "--bandwidth", "--target", "speed=0.5", "--target",
                    "speed=0.8", "--target", "speed=0.95", "--target", "cost", "--max-runs", "4", "--"]
            code, out, err = call([*ours, *words], environment, 180)
            answers[name] = {"exitCode": code, "report": json.loads(out) if out.startswith("{") else None, "stderr": err[-2000:]}
        code, out, err = call([machine.migctl, "rightsize", "--lab-models", "--json"], environment, 120)
        answers["models"] = {"exitCode": code, "report": json.loads(out) if out.startswith("{") else None, "stderr": err[-2000:]}
    return answers


PARTS = {"map": part_map, "memory": part_memory, "runs": part_runs, "command": part_command}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin", type=pathlib.Path)
    parser.add_argument("--gpu", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--budget", type=float, default=420, help="seconds for all parts together, roughly")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS)
    arguments = parser.parse_args()
    arguments.bin = arguments.bin.resolve()
    machine = Machine(arguments)
    result, begin = machine.json(), time.monotonic()
    for name in arguments.parts:
        tell(f"part {name}, {time.monotonic() - begin:.0f} s so far")
        try:
            result[name] = PARTS[name](machine, arguments)
        except Exception as error:  # pylint: disable=broad-exception-caught  # the other parts still count
            tell(f"part {name} failed: {error!r}")
            result[name] = {"failed": repr(error)}
        result["seconds"] = round(time.monotonic() - begin, 1)
        if arguments.out:
            arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if not arguments.out:
        print(json.dumps(result, indent=1))
    failed = [name for name in arguments.parts if "failed" in result[name] and isinstance(result[name]["failed"], str)]
    tell(f"done in {result['seconds']} s" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lab's training job: mig-workload against PyTorch on one real GPU, in one run.

Usage: train_compare.py MIG_WORKLOAD [--seconds S] [--rounds N] [--out FILE]
PyTorch runs the job as the lab writes it (batch made on the CPU each step), and as well as PyTorch can
(batch on the GPU, CUDA graph, fused Adam, tf32). Rounds alternate; ratios are of medians. Read-only.

Floors: the bytes that a step must move over the copy bandwidth, and the FLOP that it must compute over the rate of a large product
(4096 x 4096 x 4096 by cuBLASLt) at the same precision, both measured in this run. The higher floor in time is the one that binds.
`mig-workload check` runs first; its disagreement ends the benchmark.
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

import torch
from torch import nn

BATCH, SIZES = 128, (1024, 4096, 4096, 1024)


def model():
    torch.manual_seed(0)
    a, b, c, d = SIZES
    return nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Linear(b, c), nn.ReLU(), nn.Linear(c, d)).cuda()


def per_second(step, seconds):
    for _ in range(20):
        step()
    torch.cuda.synchronize()
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        for _ in range(50):
            step()
        torch.cuda.synchronize()
        done += 50
    return done / (time.perf_counter() - start)


def lab(seconds, precision):
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    net = model()
    optimizer = torch.optim.Adam(net.parameters())

    def step():
        data = torch.randn(BATCH, SIZES[0]).cuda()
        loss = net(data).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return per_second(step, seconds)


def best(seconds, precision):
    torch.set_float32_matmul_precision("highest" if precision == "fp32" else "high")
    net = model()
    optimizer = torch.optim.Adam(net.parameters(), fused=True, capturable=True)
    data = torch.randn(BATCH, SIZES[0], device="cuda")
    cast = torch.autocast("cuda", torch.bfloat16, cache_enabled=False, enabled=precision == "bf16")

    def eager():
        data.normal_()
        with cast:
            loss = net(data).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(5):
            eager()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    optimizer.zero_grad(set_to_none=True)
    with torch.cuda.graph(graph):
        eager()
    return per_second(graph.replay, seconds)


def environment():
    """Ours, with the folder of PyTorch's own cuBLASLt behind what is there."""
    folders = sorted({str(file.parent) for file in pathlib.Path(torch.__file__).parents[1].glob("nvidia/*/lib/libcublasLt.so.*")})
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(filter(None, [os.environ.get("LD_LIBRARY_PATH"), *folders]))}


def ours(binary, seconds, precision):
    done = subprocess.run([binary, "train", "--backend", "cuda", "--precision", precision, "--seconds", str(seconds),
                           "--json"], capture_output=True, text=True, check=False, env=environment())
    if done.returncode != 0:
        sys.exit(f"mig-workload: exit {done.returncode}: {done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def product_rates(binary, seconds):
    """TFLOP/s of a large product by precision; None where the device or its library has none."""
    done = subprocess.run([binary, "bench", "--backend", "cuda", "--seconds", str(6 * seconds), "--json"], capture_output=True,
                          text=True, check=False, env=environment())
    if done.returncode != 0:
        sys.exit(f"mig-workload bench: exit {done.returncode}: {done.stderr}")
    result = json.loads(done.stdout.strip().splitlines()[-1])
    return {precision: result.get(f"{precision}TflopPerS") for precision in ("fp32", "tf32", "bf16")}


def share(value, floor):
    return None if not floor else round(value / floor, 3)


def percent(value):
    return "unknown" if value is None else f"{100 * value:.1f} %"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("mig_workload")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out")
    args = parser.parse_args()
    runs = {name: [] for name in ("lab", "pytorch fp32", "pytorch tf32", "pytorch bf16", "migctl fp32", "migctl tf32",
                                  "migctl bf16")}
    floor, flop = {}, {}
    checked = subprocess.run([args.mig_workload, "check"], capture_output=True, text=True, check=False, env=environment())
    print(checked.stdout + checked.stderr, end="")
    if checked.returncode != 0:
        sys.exit(f"mig-workload check: exit {checked.returncode}")
    rates = product_rates(args.mig_workload, min(1.0, args.seconds))
    for _ in range(args.rounds):
        runs["lab"].append(lab(args.seconds, "fp32"))
        for precision in ("fp32", "tf32", "bf16"):
            runs[f"pytorch {precision}"].append(best(args.seconds, precision))
            result = ours(args.mig_workload, args.seconds, precision)
            runs[f"migctl {precision}"].append(result["stepsPerSecond"])
            floor[precision] = result["floorStepsPerSecond"]
            flop[precision] = rates[precision] and rates[precision] * 1e12 / result["flopsPerStep"]
    median = {name: statistics.median(values) for name, values in runs.items()}
    rows = []
    print(f"{'':14} {'steps/s':>9}  {'min..max':>17}")
    for name, values in runs.items():
        print(f"{name:14} {median[name]:9.1f}  {min(values):8.1f}..{max(values):.1f}")
    for precision in ("fp32", "tf32", "bf16"):
        row = {"precision": precision, "steps_per_second": round(median[f"migctl {precision}"], 1),
               "against_lab": round(median[f"migctl {precision}"] / median["lab"], 3),
               "against_best_pytorch_same_precision":
                   round(median[f"migctl {precision}"] / median[f"pytorch {precision}"], 3),
               "share_of_floor": share(median[f"migctl {precision}"], floor[precision]),
               "share_of_flop_floor": share(median[f"migctl {precision}"], flop[precision]),
               "product_tflop_per_s": rates[precision],
               "binding_floor": "flop" if flop[precision] and flop[precision] < floor[precision] else "bytes"}
        rows.append(row)
        print(f"{precision}: x{row['against_lab']:.2f} of the lab's, "
              f"x{row['against_best_pytorch_same_precision']:.2f} of the best PyTorch, "
              f"{percent(row['share_of_floor'])} of the bytes floor, {percent(row['share_of_flop_floor'])} of the FLOP floor "
              f"(binding: {row['binding_floor']})")
    if args.out:
        with open(args.out, "w", encoding="utf-8") as out:
            json.dump({"benchmark": "train_compare", "simulated": False, "gpu": torch.cuda.get_device_name(0),
                       "torch": torch.__version__, "machine": platform.platform(), "seconds": args.seconds,
                       "rounds": args.rounds, "runs": runs, "rows": rows}, out, indent=1)
            out.write("\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PyTorch programs of known kind, to be right-sized: an MLP and a small conv net in training, a transformer in inference.

Usage: rightsize_loads.py mlp|conv|transformer [--seconds S]       one of them, with a line "migctl-progress N" each half second
       rightsize_loads.py all --seconds S                          each in turn; a line of JSON with its rate and memory
"""
import argparse
import json
import time

import torch
from torch import nn

WARM_UP = 20


def mlp():
    """Training of a large perceptron, batch 256, tf32: products and optimiser traffic."""
    torch.set_float32_matmul_precision("high")
    net = nn.Sequential(nn.Linear(2048, 8192), nn.ReLU(), nn.Linear(8192, 2048)).cuda()
    optimizer = torch.optim.Adam(net.parameters(), fused=True)
    data = torch.randn(256, 2048, device="cuda")

    def step():
        optimizer.zero_grad(set_to_none=True)
        net(data).square().mean().backward()
        optimizer.step()

    return step


def conv():
    """Training of a small conv net, batch 8, eager: many short kernels, so the host decides."""
    layers, width = [nn.Conv2d(3, 32, 3, padding=1), nn.ReLU()], 32
    for _ in range(8):
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10)).cuda()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    data, labels = torch.randn(8, 3, 32, 32, device="cuda"), torch.randint(0, 10, (8,), device="cuda")
    criterion = nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad(set_to_none=True)
        criterion(net(data), labels).backward()
        optimizer.step()

    return step


def transformer():
    """Inference of a transformer encoder, bf16, batch 16 of 256 tokens: dense products on the tensor cores."""
    layer = nn.TransformerEncoderLayer(1024, 16, 4096, batch_first=True)
    net = nn.TransformerEncoder(layer, 8, enable_nested_tensor=False).cuda().to(torch.bfloat16).eval()
    data = torch.randn(16, 256, 1024, device="cuda", dtype=torch.bfloat16)

    def step():
        with torch.inference_mode():
            net(data)

    return step


LOADS = {"mlp": mlp, "conv": conv, "transformer": transformer}


def run(name, seconds, on_progress=None):
    """Steps per second, and the most memory that the device lacked meanwhile."""
    step = LOADS[name]()
    for _ in range(WARM_UP):
        step()
    torch.cuda.synchronize()
    done, begin, told = 0, time.perf_counter(), 0.0
    while (passed := time.perf_counter() - begin) < seconds:
        for _ in range(5):
            step()
        torch.cuda.synchronize()
        done += 5
        if on_progress and passed - told >= 0.5:
            told = passed
            on_progress(done)
    return {"load": name, "stepsPerSecond": done / (time.perf_counter() - begin), "steps": done,
            "allocatorPeakMib": torch.cuda.max_memory_reserved() >> 20,
            "sm": torch.cuda.get_device_properties(0).multi_processor_count}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("load", choices=[*LOADS, "all"])
    parser.add_argument("--seconds", type=float, default=10)
    arguments = parser.parse_args()
    if arguments.load != "all":
        run(arguments.load, arguments.seconds, lambda done: print(f"migctl-progress {done}", flush=True))
        return
    for name in LOADS:
        torch.cuda.reset_peak_memory_stats()
        print(json.dumps(run(name, arguments.seconds)), flush=True)
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()

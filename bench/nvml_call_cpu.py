#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether the driver calls of a sampler wait, or work: each call's time by the clock and by the thread's own processor time, on the
real GPU 0 of this machine, read-only. Needs libnvidia-ml.so.1 alone. Numbers of an H200: bench/results/nvml_call_cpu_h200.json."""
import ctypes
import json
import statistics
import sys
import time

METRICS = (1, 2, 3, 4, 5, 10, 11, 12, 13, 20, 21)  # what the sampler asks for


class Metric(ctypes.Structure):
    _fields_ = [("id", ctypes.c_uint), ("result", ctypes.c_int), ("value", ctypes.c_double), ("words", ctypes.c_void_p * 3)]


class Request(ctypes.Structure):  # longer than any header's: newer drivers know more metrics
    _fields_ = [("version", ctypes.c_uint), ("count", ctypes.c_uint), ("samples", ctypes.c_void_p * 2), ("metrics", Metric * 400)]


def calls(nvml):
    device, energy, one, other = ctypes.c_void_p(), ctypes.c_ulonglong(), ctypes.c_uint(), ctypes.c_uint()
    first, second, request = ctypes.c_void_p(), ctypes.c_void_p(), Request(version=1, count=len(METRICS))
    if nvml.nvmlInit_v2() or nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)):
        sys.exit("nvml_call_cpu: there is no GPU here")
    nvml.nvmlGpmSampleAlloc(ctypes.byref(first))
    nvml.nvmlGpmSampleAlloc(ctypes.byref(second))
    gpm = nvml.nvmlGpmSampleGet(device, first) == 0
    request.samples[0], request.samples[1] = first, second
    for i, number in enumerate(METRICS):
        request.metrics[i].id = number
    found = {"nvmlDeviceGetTotalEnergyConsumption": lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(device, ctypes.byref(energy)),
             "nvmlDeviceGetPowerUsage": lambda: nvml.nvmlDeviceGetPowerUsage(device, ctypes.byref(one)),
             "nvmlDeviceGetMigMode": lambda: nvml.nvmlDeviceGetMigMode(device, ctypes.byref(one), ctypes.byref(other)),
             "nvmlDeviceGetTemperature": lambda: nvml.nvmlDeviceGetTemperature(device, 0, ctypes.byref(one))}
    if gpm:
        found["nvmlGpmSampleGet"] = lambda: nvml.nvmlGpmSampleGet(device, second)
        found[f"nvmlGpmMetricsGet, {len(METRICS)} metrics"] = lambda: nvml.nvmlGpmMetricsGet(ctypes.byref(request))
    return found


def main():
    if len(sys.argv) > 2 or "-h" in sys.argv[1:] or "--help" in sys.argv[1:]:
        print(f"{__doc__}\nUsage: nvml_call_cpu.py [LIBRARY]")
        return 0
    found = calls(ctypes.CDLL(sys.argv[1] if len(sys.argv) == 2 else "libnvidia-ml.so.1"))
    results = {}
    for every, rounds in ((1.0, 12), (0.2, 25)):
        took = {name: ([], []) for name in found}
        for _ in range(rounds):
            time.sleep(every)
            for name, call in found.items():
                clock, processor = time.perf_counter(), time.thread_time()
                call()
                took[name][1].append((time.thread_time() - processor) * 1e3)
                took[name][0].append((time.perf_counter() - clock) * 1e3)
        results[f"every {every} s"] = {name: {"clockMs": round(statistics.median(clock), 3), "processorMs": round(statistics.median(cpu), 3)}
                                       for name, (clock, cpu) in took.items()}
    print(json.dumps(results, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())

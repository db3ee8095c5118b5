#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The view of `run --compat index` beside the driver's library, in one process: whether both answer the same, and what a call costs more.

    bench/index_view.py VIEW [--driver LIBRARY] [--uuid UUID] [--calls N]

VIEW is our lib/compat/libnvidia-ml.so.1; LIBRARY the driver's (default: the one that the loader finds). UUID is the view's device: a MIG device, or on a machine
with MIG off a GPU (default: the last one), which shows the same of the library. Read-only; needs no other package. On a simulated machine: with
the variables of `migctl sim env`, --driver build/lib/sim/libnvidia-ml.so.1 and --uuid MIG-... Prints JSON; exit code 1 when an answer differs.
"""
import argparse
import ctypes
import json
import os
import pathlib
import platform
import statistics
import sys
import time

TEXT = 96
ROUNDS = 31


def find_driver():
    """Path of the library that the loader takes for libnvidia-ml.so.1."""
    ctypes.CDLL("libnvidia-ml.so.1")
    for line in pathlib.Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        path = line.split(maxsplit=5)[-1]
        if "libnvidia-ml.so" in path:
            return path
    sys.exit("index_view: no driver's library here")


def text_of(library, name, *before):
    """What a call with (..., char*, size) writes, or its code."""
    room = ctypes.create_string_buffer(TEXT)
    code = getattr(library, name)(*before, room, TEXT)
    return room.value.decode() if code == 0 else code


def numbers_of(library, name, device, count, kind):
    """What a call with (device, number*, ...) gives, or its code."""
    found = [kind() for _ in range(count)]
    code = getattr(library, name)(device, *(ctypes.byref(one) for one in found))
    return [one.value for one in found] if code == 0 else code


class Memory(ctypes.Structure):
    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


def total_memory(library, device):
    memory = Memory()
    code = library.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory))
    return memory.total if code == 0 else code


# What does not change from one moment to the next, so that both must say the same.
SAME = {
    "driver version": lambda lib, dev: text_of(lib, "nvmlSystemGetDriverVersion"),
    "name": lambda lib, dev: text_of(lib, "nvmlDeviceGetName", dev),
    "uuid": lambda lib, dev: text_of(lib, "nvmlDeviceGetUUID", dev),
    "total memory": total_memory,
    "capability": lambda lib, dev: numbers_of(lib, "nvmlDeviceGetCudaComputeCapability", dev, 2, ctypes.c_int),
    "brand": lambda lib, dev: numbers_of(lib, "nvmlDeviceGetBrand", dev, 1, ctypes.c_int),
    "power limit": lambda lib, dev: numbers_of(lib, "nvmlDeviceGetPowerManagementLimit", dev, 1, ctypes.c_uint),
    "minor number": lambda lib, dev: numbers_of(lib, "nvmlDeviceGetMinorNumber", dev, 1, ctypes.c_uint),
    "no device": lambda lib, dev: text_of(lib, "nvmlDeviceGetName", None),
    "error text": lambda lib, dev: ctypes.cast(lib.nvmlErrorString(3), ctypes.c_char_p).value.decode(),
}


def handle(library, uuid):
    device = ctypes.c_void_p()
    code = library.nvmlDeviceGetHandleByUUID(uuid.encode(), ctypes.byref(device))
    if code:
        sys.exit(f"index_view: no device {uuid}: NVML code {code}")
    return device


def last_uuid(library):
    count, device = ctypes.c_uint(), ctypes.c_void_p()
    library.nvmlDeviceGetCount_v2(ctypes.byref(count))
    if count.value == 0 or library.nvmlDeviceGetHandleByIndex_v2(count.value - 1, ctypes.byref(device)):
        sys.exit("index_view: there is no GPU here")
    return text_of(library, "nvmlDeviceGetUUID", device), count.value


def ns_per_call(call, calls):
    begin = time.perf_counter_ns()
    for _ in range(calls):
        call()
    return (time.perf_counter_ns() - begin) / calls


def costs(driver, view, device, calls):
    """Medians of rounds that alternate between the two, in ns; ctypes' own part is in both."""
    number, count = ctypes.c_int(), ctypes.c_uint()
    other, found = ctypes.c_int(), ctypes.c_void_p()
    work = {"forwarded, nothing behind it (nvmlErrorString)": lambda lib: lambda: lib.nvmlErrorString(3),
            "forwarded (nvmlDeviceGetCudaComputeCapability)":
                lambda lib: lambda: lib.nvmlDeviceGetCudaComputeCapability(device, ctypes.byref(number), ctypes.byref(other)),
            "count of devices (nvmlDeviceGetCount_v2)": lambda lib: lambda: lib.nvmlDeviceGetCount_v2(ctypes.byref(count)),
            "handle by index (nvmlDeviceGetHandleByIndex_v2)": lambda lib: lambda: lib.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(found))}
    rows = {}
    for name, made in work.items():
        direct, through = [], []
        for _ in range(ROUNDS):
            direct.append(ns_per_call(made(driver), calls))
            through.append(ns_per_call(made(view), calls))
        rows[name] = {"directNs": round(statistics.median(direct)), "viewNs": round(statistics.median(through)),
                      "moreNs": round(statistics.median(b - a for a, b in zip(direct, through)))}
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("view")
    parser.add_argument("--driver")
    parser.add_argument("--uuid")
    parser.add_argument("--calls", type=int, default=2000)
    options = parser.parse_args()
    path = os.path.abspath(options.driver or find_driver())
    driver = ctypes.CDLL(path)
    if driver.nvmlInit_v2():
        sys.exit("index_view: the driver does not start")
    last, gpus = last_uuid(driver)
    uuid = options.uuid or last
    os.environ.update({"MIGCTL_COMPAT_UUID": uuid, "MIGCTL_COMPAT_NVML": path})
    begin = time.perf_counter_ns()
    view = ctypes.CDLL(os.path.abspath(options.view))
    loaded_us = (time.perf_counter_ns() - begin) / 1000
    for library in (driver, view):
        library.nvmlErrorString.restype = ctypes.c_void_p
    wrong = [] if view.nvmlInit_v2() == 0 else ["nvmlInit_v2"]
    device, count, first = handle(driver, uuid), ctypes.c_uint(), ctypes.c_void_p()
    view.nvmlDeviceGetCount_v2(ctypes.byref(count))
    view.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(first))
    wrong += [] if count.value == 1 else [f"{count.value} devices"]
    wrong += [] if first.value == device.value else ["device 0 is another one"]
    wrong += [] if view.nvmlDeviceGetHandleByIndex_v2(1, ctypes.byref(ctypes.c_void_p())) == 2 else ["there is a device 1"]
    answers = {}
    for name, ask in SAME.items():
        answers[name] = ask(driver, device)
        if ask(view, first) != answers[name]:
            wrong.append(f"{name}: {answers[name]} and {ask(view, first)}")
    missing = [name for name in ("nvmlDeviceGetTotalEnergyConsumption", "nvmlGpmSampleGet", "nvmlDeviceGetFieldValues", "nvmlInternalGetExportTable")
               if not hasattr(view, name)]
    result = {"benchmark": "index_view", "date": time.strftime("%Y-%m-%d"), "simulated": "sim" in pathlib.Path(path).parts,
              "host": {"kernel": platform.release(), "cpus": os.cpu_count()}, "driver": text_of(driver, "nvmlSystemGetDriverVersion"), "gpus": gpus,
              "device": answers["name"], "answersCompared": len(SAME), "wrong": wrong + missing, "loadViewUs": round(loaded_us),
              "calls": costs(driver, view, device, options.calls)}
    print(json.dumps(result, indent=1))
    return 1 if wrong or missing else 0


if __name__ == "__main__":
    sys.exit(main())

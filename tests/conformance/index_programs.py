#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What programs that refuse MIG UUIDs do, step by step, with nvidia-ml-py. Run by index_view_test.py; prints JSON.

    index_programs.py vllm      the steps of vllm/platforms/interface.py (device_id_to_physical_device_id) and cuda.py (NvmlCudaPlatform)
    index_programs.py torch     those of torch/cuda/__init__.py (_parse_visible_devices, _device_count_nvml)
    index_programs.py walk      everything that is to be seen of other devices
"""
import json
import os
import sys

import pynvml


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def vllm():
    index = int(os.environ["CUDA_VISIBLE_DEVICES"].split(",")[0])
    pynvml.nvmlInit()
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    return {"name": text(pynvml.nvmlDeviceGetName(handle)), "uuid": text(pynvml.nvmlDeviceGetUUID(handle)),
            "memory": pynvml.nvmlDeviceGetMemoryInfo(handle).total, "capability": pynvml.nvmlDeviceGetCudaComputeCapability(handle),
            "processes": [process.pid for process in pynvml.nvmlDeviceGetComputeRunningProcesses(handle)]}


def torch():
    visible = [int(word) for word in os.environ["CUDA_VISIBLE_DEVICES"].split(",")]
    pynvml.nvmlInit()
    count = pynvml.nvmlDeviceGetCount()
    return {"devices": sum(index < count for index in visible)}


def failure(work, *arguments):
    """Name of the error, or what came."""
    try:
        return str(work(*arguments))
    except pynvml.NVMLError as error:
        return type(error).__name__


def walk():
    pynvml.nvmlInit()
    own = pynvml.nvmlDeviceGetHandleByIndex(0)
    bus_ids = sys.argv[2].split(",")
    uuids = sys.argv[3].split(",")
    return {"count": pynvml.nvmlDeviceGetCount(), "second": failure(pynvml.nvmlDeviceGetHandleByIndex, 1), "index": pynvml.nvmlDeviceGetIndex(own),
            "migMode": failure(pynvml.nvmlDeviceGetMigMode, own), "migDevices": pynvml.nvmlDeviceGetMaxMigDeviceCount(own),
            "migDevice": failure(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, own, 0),
            "gpuAround": failure(pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle, own),
            "byBusId": [failure(pynvml.nvmlDeviceGetHandleByPciBusId, bus) if "Error" in failure(pynvml.nvmlDeviceGetHandleByPciBusId, bus)
                        else text(pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetHandleByPciBusId(bus))) for bus in bus_ids],
            "byUuid": [failure(pynvml.nvmlDeviceGetHandleByUUID, uuid) if "Error" in failure(pynvml.nvmlDeviceGetHandleByUUID, uuid)
                       else text(pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetHandleByUUID(uuid))) for uuid in uuids],
            "driver": text(pynvml.nvmlSystemGetDriverVersion()), "power": failure(pynvml.nvmlDeviceGetPowerUsage, own)}


if __name__ == "__main__":
    print(json.dumps({"vllm": vllm, "torch": torch, "walk": walk}[sys.argv[1]]()))

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What Ray makes of the devices it finds: `ray.init()` as users call it, and a task that asks for one GPU. Prints JSON. Run by ray_test.py."""
import json
import os
import re
import subprocess
import sys

import ray
from ray.dashboard.modules.reporter.gpu_providers import NvidiaGpuProvider


@ray.remote(num_gpus=1)
def on_a_gpu(workload):
    done = subprocess.run([workload, "info"], capture_output=True, text=True, check=False)
    found = re.search(r"MIG-[-0-9a-f]{36}", done.stdout)
    return {"visible": os.environ.get("CUDA_VISIBLE_DEVICES"), "ids": ray.get_gpu_ids(), "uuid": found.group() if found else done.stdout + done.stderr}


def main():
    ray.init(num_cpus=1, include_dashboard=False, logging_level="ERROR")
    resources = ray.cluster_resources()
    provider = NvidiaGpuProvider()
    provider._initialize()  # pylint: disable=protected-access
    print(json.dumps({"gpus": resources.get("GPU", 0), "types": sorted(name.split(":")[1] for name in resources if name.startswith("accelerator_type:")),
                      "reported": [gpu["uuid"] for gpu in provider.get_gpu_utilization()],
                      "task": ray.get(on_a_gpu.remote(sys.argv[1]), timeout=120)}))
    ray.shutdown()


if __name__ == "__main__":
    main()

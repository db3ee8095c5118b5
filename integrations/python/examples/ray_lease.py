#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ray: an actor has a MIG instance for its life, a task for its call.

    python ray_lease.py [PROFILE]

Ray counts whole GPUs and knows no MIG instance, so it is given no GPU to hand out (num_gpus=0) and the daemon decides who gets which instance.
The lease is bound to Ray's worker process: when that ends, killed ones included, the daemon frees the instance.
"""
import os
import subprocess
import sys

import migctl_lease
import ray


@ray.remote(num_cpus=0, num_gpus=0)
class Trainer:
    """Leases when it is made. CUDA_VISIBLE_DEVICES is set before anything here uses CUDA, which reads it once in a process."""

    def __init__(self, profile):
        self.instance = migctl_lease.lease(profile=profile, wait="10m", job="ray-trainer")
        self.instance.keep()  # CUDA holds the instance until the worker ends
        os.environ.update(self.instance.variables())

    def where(self):
        """UUID of the instance, and the pid of the worker that has it."""
        return self.instance.uuid, os.getpid()

    def train(self, command):
        """What a program on the instance prints."""
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@ray.remote(num_cpus=0, num_gpus=0, max_retries=0)
def once(profile, command):
    """A task: Ray uses the worker again for others, so what uses CUDA is a program of its own, and the instance is given back when it has ended."""
    with migctl_lease.lease(profile=profile, wait="10m", job="ray-task") as instance:
        with instance.subprocess(command, stdout=subprocess.PIPE, text=True) as program:
            return instance.uuid, program.communicate()[0]


def main():
    profile = sys.argv[1] if len(sys.argv) > 1 else "1g.5gb"
    ray.init(num_cpus=2, num_gpus=0, include_dashboard=False, logging_level="ERROR")
    trainers = [Trainer.remote(profile) for _ in range(2)]
    for uuid, pid in ray.get([trainer.where.remote() for trainer in trainers]):
        print(f"actor in worker {pid} has {uuid}", flush=True)
    ray.get(trainers[0].train.remote(["mig-workload", "info"]))
    ray.kill(trainers[0])  # its instance comes free for the task
    uuid, _ = ray.get(once.remote(profile, ["mig-workload", "info"]))
    print(f"task had {uuid}", flush=True)
    ray.shutdown()


if __name__ == "__main__":
    main()

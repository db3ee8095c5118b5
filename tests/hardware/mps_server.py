# SPDX-License-Identifier: Apache-2.0
"""An MPS server of a test's own: in a private folder, for one GPU, stopped at the end. The GPU is neither set nor reset."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

LIMITS = ("CUDA_MPS_ACTIVE_THREAD_PERCENTAGE", "CUDA_MPS_PINNED_DEVICE_MEM_LIMIT")


def control_program():
    """Path of nvidia-cuda-mps-control; None where there is none."""
    found = shutil.which("nvidia-cuda-mps-control")
    usual = pathlib.Path("/usr/local/nvidia/bin/nvidia-cuda-mps-control")
    return found or (str(usual) if usual.exists() else None)


class MpsServer:
    """with MpsServer(gpu_uuid) as mps: subprocess.run(..., env=mps.environment(percentage="24.2"))"""

    def __init__(self, device):
        self.control, self.device = control_program(), device
        if not self.control:
            raise RuntimeError("there is no nvidia-cuda-mps-control here")
        self.folder = self.daemon = None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="m", dir="/tmp")  # short: a UNIX socket's path is limited
        os.mkdir(os.path.join(self.folder, "p"), 0o700)
        os.mkdir(os.path.join(self.folder, "l"), 0o700)
        environment = {**self.environment(), "CUDA_VISIBLE_DEVICES": self.device}
        self.daemon = subprocess.Popen([self.control, "-f"], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 15
        while not os.path.exists(os.path.join(self.folder, "p", "control")):
            if self.daemon.poll() is not None or time.monotonic() > deadline:
                self.__exit__(None, None, None)
                raise RuntimeError("the MPS control daemon does not listen")
            time.sleep(0.05)
        return self

    def environment(self, percentage=None, memory=None):
        """Of a client, with its limits: "24.2", "0=16384M"."""
        values = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES" and name not in LIMITS}
        values.update(CUDA_MPS_PIPE_DIRECTORY=os.path.join(self.folder, "p"), CUDA_MPS_LOG_DIRECTORY=os.path.join(self.folder, "l"))
        for name, value in zip(LIMITS, (percentage, memory)):
            if value is not None:
                values[name] = value
        return values

    def ask(self, command):
        done = subprocess.run([self.control], input=command + "\n", env=self.environment(), capture_output=True, text=True, timeout=20,
                              check=False)
        return done.stdout

    def clients(self):
        """Pids of the processes that are its clients now."""
        pids = []
        for server in self.ask("get_server_list").split():
            if server.isdigit():
                pids += [int(word) for word in self.ask(f"get_client_list {server}").split() if word.isdigit()]
        return pids

    def __exit__(self, *_):
        if self.daemon and self.daemon.poll() is None:
            try:
                self.ask("quit -t 5")
                self.daemon.wait(15)
            except subprocess.TimeoutExpired:
                self.daemon.terminate()
                try:
                    self.daemon.wait(10)
                except subprocess.TimeoutExpired:
                    self.daemon.kill()
                    self.daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

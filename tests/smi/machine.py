# SPDX-License-Identifier: Apache-2.0
"""A simulated machine, and nvidia-smi's dialect on it, for the tests in this folder."""

import os
import pathlib
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("MIG_BIN_DIR", ROOT / "build" / "bin")).resolve()
CAPTURES = ROOT.parent / "shared" / "hardware" / "h200_x2"


class Machine:
    """Context manager; `options` as for `migctl sim create --gpus`."""

    def __init__(self, gpus, *options):
        self.folder = tempfile.TemporaryDirectory(prefix="mig-smi-")
        self.environment = dict(os.environ, MIGSIM_ROOT=self.folder.name, NO_COLOR="1", TZ="UTC")
        self.environment.pop("MIGSIM_MACHINE", None)
        self.migctl("sim", "create", "box", "--gpus", gpus, *options, check=True)
        self.environment["MIGSIM_MACHINE"] = os.path.join(self.folder.name, "box")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def migctl(self, *words, check=False):
        return subprocess.run([BIN / "migctl", *words], env=self.environment, stdin=subprocess.DEVNULL, check=check,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)

    def smi(self, *words):
        """(output, exit code)"""
        done = self.migctl("--sim", "box", "smi", *words)
        return done.stdout, done.returncode

    def partition(self, layout="9,14,19,19"):
        """Enables MIG on GPU 0 and creates instances with one compute instance each."""
        for words in (["-i", "0", "-mig", "1"], ["-i", "0", "--gpu-reset"], ["mig", "-i", "0", "-cgi", layout, "-C"]):
            said, code = self.smi(*words)
            assert code == 0, (words, said)

    def start_loop(self, *words):
        return subprocess.Popen([BIN / "migctl", "--sim", "box", "smi", *words], env=self.environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def train(self, gpu):
        return Workload(self, gpu)


class Workload:
    """Context manager: a mig-workload training on a GPU, attached before the body runs."""

    def __init__(self, machine, gpu):
        self.machine, self.gpu = machine, gpu

    def __enter__(self):
        environment = dict(self.machine.environment, CUDA_VISIBLE_DEVICES=str(self.gpu))
        self.process = subprocess.Popen([BIN / "mig-workload", "train", "--seconds", "600"], env=environment,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            listed, _ = self.machine.smi("--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits")
            cells = listed.replace(",", "").split()
            if cells[:1] == [str(self.process.pid)] and int(cells[1]) > 0:
                return self
            time.sleep(0.05)
        raise AssertionError("the training did not start")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

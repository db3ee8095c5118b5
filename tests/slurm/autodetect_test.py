#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Slurm's own NVML plugin (AutoDetect=nvml) on every simulated board: it finds the devices that `migctl slurm generate` with `types: nvml`
writes, with the same types, files and UUIDs.

    autodetect_test.py BIN

The plugin is compiled, unmodified, from Debian's sources of the Slurm that is installed (Debian builds it without), and asked as slurmd
does, by tests/slurm/autodetect.c. Exit code 77: no sources, or not root.
"""
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import verdict  # noqa: E402
from verdict import Skip, expect  # noqa: E402

STORE = ROOT / "build" / "third_party"
SOURCE = STORE / "slurm"
LIBRARY = pathlib.Path("/usr/lib/x86_64-linux-gnu/slurm-wlm")
LAYOUTS = 3  # for each board


def need():
    status = json.loads((STORE / "status.json").read_text()) if (STORE / "status.json").exists() else {}
    for name in ("slurm", "nvml.h"):
        told = status.get(name, {"ok": False, "why": "tests/conformance/get_clients.py has not run"})
        if not told["ok"]:
            raise Skip(f"{name}: {told['why']}")
    if not (LIBRARY / "libslurmfull.so").exists() or not shutil.which("slurmd", path=f"/usr/sbin:{os.environ['PATH']}"):
        raise Skip("Slurm is not installed: slurm-wlm of scripts/packages.txt")
    if os.geteuid() != 0:
        raise Skip("only root sees all instances")


def run(*words, check=True, **more):
    done = subprocess.run(list(map(str, words)), text=True, capture_output=True, timeout=300, check=False, stdin=subprocess.DEVNULL, **more)
    expect(not check or done.returncode == 0, f"{' '.join(map(str, words))} ({done.returncode}): {done.stdout}{done.stderr}")
    return done


def compile_plugin(folder, library):
    """Slurm's headers ask for two files of its configure, of which nothing is needed here but MIG and the version."""
    version = run("slurmd", "-V").stdout.split()[-1]
    major, minor, patch = (int(part) for part in version.split(".")[:3])
    headers = folder / "headers"
    (headers / "slurm").mkdir(parents=True)
    (headers / "config.h").write_text("#define HAVE_MIG_SUPPORT 1\n")
    text = (SOURCE / "slurm/slurm_version.h.in").read_text()
    number = f"#define SLURM_VERSION_NUMBER 0x{major:02x}{minor:02x}{patch:02x}"
    (headers / "slurm/slurm_version.h").write_text(text.replace("#undef SLURM_VERSION_NUMBER", number))
    meta = (SOURCE / "META").read_text()
    expect(version in meta, f"slurmd is {version}, the sources are not: {meta[:400]}")
    program = folder / "autodetect"
    run("cc", "-O1", "-w", "-DHAVE_CONFIG_H", "-I", headers, "-I", SOURCE, "-I", STORE / "nvml", ROOT / "tests/slurm/autodetect.c",
        SOURCE / "src/plugins/gpu/nvml/gpu_nvml.c", SOURCE / "src/plugins/gpu/common/gpu_common.c", "-o", program,
        "-L", LIBRARY, "-lslurmfull", "-lm", f"-Wl,-rpath,{LIBRARY}", library / "libnvidia-ml.so")
    return program


class Machine:
    def __init__(self, binaries, folder, board):
        self.folder = folder
        self.environment = dict(os.environ, PATH=f"{binaries}:/usr/sbin:{os.environ['PATH']}", NO_COLOR="1", MIGSIM_ROOT=str(folder / "machines"),
                                SLURM_CONF=str(folder / "slurm.conf"), MIGCTL_SLURM_SETTINGS=str(folder / "slurm.yaml"))
        self.environment.pop("MIGSIM_MACHINE", None)
        self.migctl("sim", "create", "box", "--gpus", f"1x {board}, 1x {board}", sim=False)
        self.migctl("mode", "enable", "-i", "0")

    def migctl(self, *words, sim=True, check=True):
        return run("migctl", *(("--sim", "box") if sim else ()), *words, check=check, env=self.environment)

    def close(self):
        self.migctl("sim", "destroy", "box", "--force", sim=False)

    def fill(self, profiles, chosen):
        """A layout at random, compute instances of one slice among it; returns what was made."""
        self.migctl("destroy", "--all", check=False)
        wanted = profiles * 2 + [f"1c.{name}" for name in profiles if not name.startswith("1g")]
        chosen.shuffle(wanted)
        made = [name for name in wanted if self.migctl("create", "-i", "0", name, check=False).returncode == 0]
        expect(made, f"nothing fits of {wanted}")
        return made

    def found(self, program):
        """What Slurm's plugin finds: (type, files, UUID) of each; it gives whole GPUs no UUID."""
        done = run("migctl", "sim", "shell", "box", "--", program, env=self.environment)
        lines = [line.split("\t") for line in done.stdout.splitlines()]
        expect(lines and all(len(line) == 4 and line[3] == "1" for line in lines), f"{done.stdout}{done.stderr}")
        return sorted((kind, files, uuid) for kind, files, uuid, _ in lines)

    def ours(self):
        document = json.loads(self.migctl("slurm", "generate", "--dev", "/dev", "--json").stdout)
        return sorted((one["type"], ",".join(one["files"]), one["uuid"] if one["uuid"].startswith("MIG") else "") for one in document["devices"])


def main():
    binaries = pathlib.Path(sys.argv[1]).resolve()
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 14
    chosen = random.Random(seed)
    need()
    with tempfile.TemporaryDirectory(prefix="mig-autodetect-") as name:
        folder = pathlib.Path(name)
        program = compile_plugin(folder, binaries.parent / "lib" / "sim")
        (folder / "slurm.conf").write_text("ClusterName=x\n")
        (folder / "slurm.yaml").write_text("version: v1\nnode: gpu01\ntypes: nvml\n")
        boards = json.loads(run(binaries / "migctl", "sim", "boards", "--json").stdout)["boards"]
        for board in boards:
            machine = Machine(binaries, folder, board["board"])
            try:
                for _ in range(LAYOUTS):
                    made = machine.fill(board["profiles"], chosen)
                    found, ours = machine.found(program), machine.ours()
                    expect(found == ours, f"{board['board']} with {made}:\n  Slurm finds {found}\n  we write   {ours}")
            finally:
                machine.close()
            print(f"{board['board']}: {LAYOUTS} layouts agree, the last: {', '.join(sorted({kind for kind, _, _ in found}))}", flush=True)
    print(f"{len(boards)} boards (seed {seed})")


if __name__ == "__main__":
    sys.exit(verdict.run(main))

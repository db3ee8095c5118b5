#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Published captures of real machines, built again on simulated ones and compared byte for byte.

    compare.py BINDIR [--captures FOLDER] [-v]

BINDIR has migctl; its ../lib/sim the simulator's libraries. FOLDER: one folder or file per capture
(default: ../shared/hardware/public_captures beside the checkout; without it the test is skipped).
captures.json says how each is built and what is masked; README.md has the masks and why.
Exit code: 0 all equal, 1 something differs, 77 skipped.
"""
import argparse
import contextlib
import ctypes
import difflib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
DEFAULT = HERE.parents[2] / "shared" / "hardware" / "public_captures"
SKIPPED = 77


def same_width(pattern, text):
    """Replaces each match by question marks of equal width, so that columns must still agree."""
    return re.sub(pattern, lambda m: "?" * len(m.group(0)), text)


def drop_paths(patterns, text):
    """nvidia-smi -q without the lines whose path ("PCI/Bus Id") is one of these."""
    unwanted = re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
    kept, titles = [], {}
    for line in text.split("\n"):
        depth = (len(line) - len(line.lstrip())) // 4
        titles = {level: title for level, title in titles.items() if level < depth}
        titles[depth] = "GPU" if re.match(r"GPU \S+$", line) else line.split(" :")[0].strip()
        if not unwanted.fullmatch("/".join(title for level, title in sorted(titles.items()) if level > 0 or depth == 0)):
            kept.append(line)
    return "\n".join(kept)


def in_rows(row, pattern, text):
    return "\n".join(same_width(pattern, line) if re.search(row, line) else line for line in text.split("\n"))


# Masks: the values that each one hides, on both sides. A mask hides values, never the format around them.
MASKS = {
    "uuids": lambda t: re.sub(r"(GPU|MIG)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", r"\1-<uuid>", t),
    "date": lambda t: re.sub(r"^[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]\d [0-9:]{8} \d{4} +$", "<date>", t, flags=re.M),
    "bus id": lambda t: same_width(r"\d{8}:[0-9A-F]{2}:[0-9A-F]{2}\.0", t),
    # Readings of the moment: temperature, power, utilization.
    "readings": lambda t: in_rows(r"^\| N/A +\d+C", r" +\d+C|[ \d]{3}\dW|[ \d]{3}\d%", t),
    "readings column": lambda t: re.sub(
        r", (\[N/A\]|\d+), \d+, (\d+), \d+, [\d.]+$",
        lambda m: f", {'[N/A]' if m.group(1) == '[N/A]' else '<util>'}, <used>, {m.group(2)}, <C>, <W>", t, flags=re.M),
    # Memory that the driver holds in a loaded GPU or instance beside its processes: see check_held.
    "held beside processes": lambda t: re.sub(r"^(\| .*?\| +)\d{3,5}(MiB / )", lambda m: m.group(1).rstrip() + "<used>" + m.group(2), t, flags=re.M),
    "processes": lambda t: re.sub(
        r"^(\| +\d+ +\S+ +\S+)( +\d+)( +C   )(.*)( \d+MiB \|)$",
        lambda m: m.group(1) + "?" * len(m.group(2)) + m.group(3) + "?" * len(m.group(4)) + m.group(5), t, flags=re.M),
    "process column": lambda t: re.sub(r", \d+, [^,]+, ", ", <pid>, <name>, ", t),
    "processes of pmon": lambda t: re.sub(r"^( +\d+) +\d+( +C .* )\S+ *$", r"\1 <pid>\2<name>", t, flags=re.M),
    "one round of pmon": lambda t: "\n".join(t.split("\n")[:5]),
    # Only while programs run: their memory and names, and values that their work changes.
    "detail of load": lambda t: re.sub(r"(Process ID +: |            Name +: ).*", r"\1<masked>", drop_paths(
        ["MIG Device/Shared FB Memory Usage/(Used|Free)", "FB Memory Usage/Used", "Clocks Event Reasons/Idle"], t)),
}


class Machine:
    """A private simulated machine of this test, with programs on it."""

    def __init__(self, bin_dir, root, spec):
        self.bin = bin_dir
        self.environment = {**os.environ, "MIGSIM_ROOT": str(root)}
        self.environment.pop("MIGSIM_MACHINE", None)
        self.folder = root / "box"
        self.run("sim", "create", "box", "--gpus", "1x " + spec["board"], "--driver", spec["driver"])
        self.children = []
        for line in spec["build"]:
            self.run("--sim", "box", "smi", *line.split())

    def run(self, *words):
        done = subprocess.run([self.bin / "migctl", *words], env=self.environment, text=True, capture_output=True, check=False)
        if done.returncode != 0:
            sys.exit(f"migctl {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def smi(self, line):
        return self.run("--sim", "box", "smi", *line.split())

    def occupy(self, process):
        """A child process that holds `mib` MiB on a MIG device, or on the GPU, until it is killed."""
        uuids = re.findall(r"UUID: ([A-Z]+-[0-9a-f-]+)\)", self.smi("-L"))
        uuid = uuids[process["device"] + 1] if "device" in process else uuids[0]
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.environ["MIGSIM_MACHINE"] = str(self.folder)
            library = ctypes.CDLL(str(self.bin.parent / "lib" / "sim" / "libmigsim.so"))
            context, allocation = ctypes.c_void_p(), ctypes.c_uint64()
            held = library.migsim_attach(uuid.encode(), ctypes.byref(context)) == 0 and \
                library.migsim_alloc(context, ctypes.c_uint64(process["mib"] << 20), ctypes.byref(allocation)) == 0
            os.write(writer, b"y" if held else b"n")
            while held:
                signal.pause()
            os._exit(1)
        os.close(writer)
        self.children.append(child)
        if os.read(reader, 1) != b"y":
            sys.exit(f"no {process['mib']} MiB on {uuid}")
        os.close(reader)

    def gone(self):
        for child in self.children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def sections_of(path):
    """Parts of a capture by name: its files, or the titled sections of one text."""
    if path.is_dir():
        return {part.name: part.read_text(encoding="utf-8") for part in path.iterdir()}
    bar = "#" * 80
    out = {}
    pieces = path.read_text(encoding="utf-8").split(bar + "\n")
    for title, body in zip(pieces[1::2], pieces[2::2]):
        name = title.split("\n")[0].lstrip("# ").strip()
        out[name] = body.rstrip("\n") + "\n"
    return out


def check_held(ours, theirs):
    """Used memory of a loaded instance: at least the sum of its processes, and within 64 MiB of the real one, as the
    cost of a CUDA context is unknown."""
    used = re.compile(r"^\| .*?\| +(\d+)MiB / +\d+MiB", re.M)
    for mine, real in zip(used.findall(ours), used.findall(theirs)):
        if abs(int(mine) - int(real)) > 64:
            return f"used memory {mine} MiB, the real one {real}\n"
    return ""


def compare(name, theirs, ours, masks, spec):
    complaint = check_held(ours, theirs) if "held beside processes" in masks else ""
    for mask in masks:
        if mask == "detail":
            paths = [path for reason in spec["detail"].values() for path in reason]
            theirs, ours = drop_paths(paths, theirs), drop_paths(paths, ours)
        else:
            theirs, ours = MASKS[mask](theirs), MASKS[mask](ours)
    if theirs.rstrip("\n") != ours.rstrip("\n"):
        complaint += "".join(f"  {line}\n" for line in difflib.unified_diff(
            theirs.split("\n"), ours.split("\n"), "real", "simulated", lineterm="", n=1))
    return f"{name}:\n{complaint}" if complaint else ""


def rebuild(bin_dir, folder, key, spec, verbose):
    """Number of parts compared, and the differences."""
    parts = sections_of(folder / key)
    complaints = []
    root = pathlib.Path(tempfile.mkdtemp(prefix="mig-captures-"))
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, root, True)
        machine = Machine(bin_dir, root, spec)
        cleanup.callback(machine.gone)
        todo = dict(spec["compare"])
        idle = {part: rule for part, rule in todo.items() if part.startswith("idle ::")}
        for stage in (idle, {part: rule for part, rule in todo.items() if part not in idle}):
            for part, (line, masks) in stage.items():
                if part not in parts:
                    complaints.append(f"{key}: no part {part}\n")
                    continue
                found = compare(f"{key}: {part}", parts[part], machine.smi(line), masks, spec)
                complaints += [found] if found else []
                if verbose:
                    print(f"{key}: {part}: {'differs' if found else 'equal'}")
            if stage is idle:
                for process in spec["processes"]:
                    machine.occupy(process)
    elsewhere = tuple(spec.get("elsewhere", ()))
    for part in parts:
        if part not in todo and not part.startswith(elsewhere or ("\0",)) and part != "driver-version.txt" \
                and "::" in part + ("::" if (folder / key).is_dir() else ""):
            complaints.append(f"{key}: nobody compares {part}\n")
    return len(todo), complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin_dir", type=pathlib.Path)
    parser.add_argument("--captures", type=pathlib.Path, default=DEFAULT)
    parser.add_argument("-v", "--verbose", action="store_true")
    arguments = parser.parse_args()
    if not arguments.captures.is_dir():
        print(f"SKIPPED: no captures in {arguments.captures}; their facts are tests/e2e/cases/captures.test")
        return SKIPPED
    if os.geteuid() != 0:
        print("SKIPPED: a driver lets only root change instances")
        return SKIPPED
    captures = json.loads((HERE / "captures.json").read_text(encoding="utf-8"))
    compared, complaints = 0, []
    for key, spec in captures.items():
        count, found = rebuild(arguments.bin_dir.resolve(), arguments.captures, key, spec, arguments.verbose)
        compared += count
        complaints += found
    there = {path.name for path in arguments.captures.iterdir()} - {"LICENSE", "README.md"}
    complaints += [f"{name}: a capture that captures.json does not know\n" for name in sorted(there - set(captures))]
    print("\n".join(complaints) + f"{len(captures)} captures, {compared} parts compared, {len(complaints)} differ")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the tree of docs/howto/troubleshoot.md, between the page's two marks, and its picture docs/img/troubleshoot.svg.

The tree asks what `migctl doctor` checks, in doctor's order: each question has the next checks of `doctor --list`, so that whoever
walks the page and whoever runs the command are led the same way.

    troubleshoot_tree.py                  rewrites both
    troubleshoot_tree.py --check BIN      exit code 1 when one is out of date, or the tree has other checks than BIN/migctl
"""

import json
import pathlib
import re
import subprocess
import sys
import textwrap
from xml.sax.saxutils import escape

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/howto/troubleshoot.md"
PICTURE = ROOT / "docs/img/troubleshoot.svg"
REFERENCE = ROOT / "docs/reference/doctor.md"
BEGIN = "<!-- Made by tests/docs/troubleshoot_tree.py, which a test holds against migctl doctor --list. -->\n"
END = "<!-- End of what is made. -->\n"

# A question; what is seen where the answer is no; its checks in doctor's order, each with what it means and what to do.
TREE = [
    ("Does the driver answer?", "no command reaches a GPU", [
        ("driver", "\"Driver Not Loaded\", \"cannot load libnvidia-ml.so.1\", or nothing answers",
         "`modprobe nvidia`; where it hangs, `dmesg | grep -i -e NVRM -e Xid`, then a reboot"),
        ("driver-version", "\"NVML/RM version mismatch\" after an update",
         "a reboot, or the module loaded anew when nobody uses it"),
        ("modules", "the driver answers, and CUDA or MIG does not", "`modprobe nvidia`, `nvidia-modprobe -u -c=0`"),
        ("nouveau", "another driver claims the GPUs' module", "bar it in modprobe.d, then `update-initramfs -u`, then a reboot"),
        ("module-options", "a GPU is left out, or its nodes are closed, on purpose", "the line of modprobe.d that doctor names"),
    ]),
    ("Is every GPU there and sound?", "fewer GPUs than boards, or jobs die", [
        ("pci", "`migctl list` has fewer GPUs than there are boards", "another driver has it (vfio-pci), or none: bind it to the driver nvidia again"),
        ("gpu-lost", "\"GPU is lost\", \"fallen off the bus\"", "`migctl doctor --check xid` says of what; a reboot"),
        ("xid", "jobs die, and the kernel log says why by a number", "by that number it is the program's own fault, or the GPU's: a reset, a reboot, another board"),
        ("ecc", "memory errors that were not corrected", "let its jobs end (`migctl holders`), then a reset"),
        ("row-remap", "a memory repair waits for a reset, or failed", "the same; where the repair failed, another board"),
        ("recovery", "the driver itself asks for a reset, a drain or a reboot", "what it asks for: its jobs' end (`migctl holders`), a reset, a reboot"),
    ]),
    ("Is MIG on?", "\"Not Supported\", \"In use by another client\", the mode stays pending", [
        ("mig-support", "\"Not Supported\"", "the board has no MIG, or the driver is older than its support of the board"),
        ("display-mode", "\"Not Supported\", or \"In use\" for the first instance, on a workstation board",
         "NVIDIA's Display Mode Selector turns the outputs off"),
        ("mig-mode", "\"No MIG-enabled devices found\"; \"no CUDA-capable device\" with MIG on and no instance",
         "`migctl mode enable`, then instances: `migctl profiles` shows which"),
        ("mig-pending", "the mode is enabled and pending: Ampere needs a reset, which needs the GPU closed by everybody",
         "the commands that doctor prints: one for each holder, then the reset; in a virtual machine a reboot"),
        ("holders", "a reset or a destroy is refused: \"In use by another client\"", "end what it lists, or let it end"),
        ("persistence", "the first call of each program takes seconds", "`systemctl enable --now nvidia-persistenced`"),
        ("fabric", "\"system not yet initialized\" (802)", "`systemctl enable --now nvidia-fabricmanager`, of the driver's own version"),
    ]),
    ("Is there an instance to use?", "\"Insufficient Resources\", no CUDA device, the wrong layout", [
        ("empty-instances", "a GPU instance, and yet \"no CUDA-capable device\"", "the command that doctor prints gives it one"),
        ("room", "\"Insufficient Resources\" with memory free", "`migctl placements`; `migctl plan -f LAYOUT` says what would have to move"),
        ("drift", "the layout is another than it was", "`migctl restore --last-good`, also after a reboot"),
        ("unleased", "somebody uses an instance that I leased", "`migctl lease list` names the processes"),
    ]),
    ("May a program open it?", "it works for root only, or for nobody", [
        ("device-nodes", "\"no CUDA-capable device\" on a machine with instances", "`nvidia-modprobe -u -c=0`, or the `chmod` that doctor prints"),
        ("capability-nodes", "the same, for one instance only", "`nvidia-modprobe -f` of what doctor names, or the `chmod` that it prints"),
    ]),
    ("Does a container get it?", "the container has no instance, or another one", [
        ("cdi-files", "the engine refuses every device", "the command that doctor prints, which writes the file anew or opens it"),
        ("cdi-devices", "\"unresolvable CDI devices\", or another instance than before",
         "write the file anew; one by `migctl cdi generate` is kept in step from then on"),
        ("cdi-driver", "a mount is missing, \"version mismatch\" inside", "write the file anew after each update of the driver"),
        ("container-toolkit", "`--gpus` is unknown", "install the package nvidia-container-toolkit, 1.17.8 or later"),
        ("cgroup", "jobs outlive their lease", "control groups of version 2, which doctor says how to get"),
    ]),
    ("Is migctl itself well?", "commands are refused or slow, leases do not end", [
        ("permissions", "\"Insufficient Permissions\"", "root; in a container the variable and the capability that doctor names"),
        ("state-folder", "\"the journal is damaged\", or others may write to it", "the command that doctor prints"),
        ("state-space", "\"No space left on device\"", "`df -h` of the folder that doctor names, and make room"),
        ("interrupted", "a change ended in the middle: power, SIGKILL", "`migctl recover` finishes or undoes it"),
        ("migd", "migctl is slow, or leases do not end", "`systemctl restart migd`, of the same version"),
    ]),
]
END_OF_TREE = "Then it is not the machine: run `mig-workload info` where the program ran."


def tree_text():
    """The nested list of the page."""
    lines = ["![Seven questions from the driver to migctl itself; each that is answered with no leads to its checks]"
             "(../img/troubleshoot.svg)", ""]
    for number, (question, seen, checks) in enumerate(TREE, 1):
        lines.append(f"{number}. **{question}** No: {seen}.")
        for name, what, mend in checks:
            lines += textwrap.wrap(f"- {what}: [`{name}`](../reference/doctor.md#{name}); {mend}", width=150, initial_indent="   ",
                                   subsequent_indent="     ", break_on_hyphens=False, break_long_words=False)
    lines.append(f"{len(TREE) + 1}. {END_OF_TREE}")
    return "\n".join(lines) + "\n"


STYLE = """
:root{--paper:#ffffff;--ink:#111827;--soft:#4b5563;--box:#eff6ff;--edge:#2563eb;--leaf:#f9fafb;--line:#9ca3af;--end:#ecfdf5;--good:#047857}
@media (prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#e6edf3;--soft:#9aa7b4;--box:#14233f;--edge:#60a5fa;--leaf:#161b22;--line:#57606a;
--end:#0f2a20;--good:#34d399}}
.paper{fill:var(--paper)}.q{font:600 15px sans-serif;fill:var(--ink)}.s{font:12.5px sans-serif;fill:var(--soft)}.c{font:12.5px monospace;fill:var(--ink)}
.a{font:600 12px sans-serif;fill:var(--edge)}.y{font:600 12px sans-serif;fill:var(--good)}.box{fill:var(--box);stroke:var(--edge);stroke-width:1.5}
.leaf{fill:var(--leaf);stroke:var(--line)}.end{fill:var(--end);stroke:var(--good);stroke-width:1.5}.line{stroke:var(--line);stroke-width:1.5;fill:none}
.tip{fill:var(--line)}
"""
WIDTH, LEFT, BOX, LEAF_AT, STEP = 940, 20, 310, 400, 92


def rows_of(names):
    """The names in one or two rows of the picture."""
    text = "  ".join(names)
    if len(text) <= 64:
        return [text]
    half = (len(names) + 1) // 2
    return ["  ".join(names[:half]), "  ".join(names[half:])]


def picture():
    """The same tree as a drawing: questions down, checks to the right."""
    height = 20 + STEP * len(TREE) + 66
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="A tree of '
           f'{len(TREE)} questions; each answered with no leads to checks of migctl doctor">',
           f"<style>{STYLE}</style>", f'<rect class="paper" width="{WIDTH}" height="{height}"/>']
    middle = LEFT + BOX // 2
    for number, (question, seen, checks) in enumerate(TREE):
        top = 20 + STEP * number
        rows = rows_of([name for name, _, _ in checks])
        centre = top + 28
        leaf = 40 + 17 * len(rows)
        out += [
            f'<rect class="box" x="{LEFT}" y="{top}" width="{BOX}" height="56" rx="8"/>',
            f'<text class="q" x="{LEFT + 14}" y="{centre + 5}">{number + 1}. {escape(question)}</text>',
            f'<path class="line" d="M{LEFT + BOX} {centre}H{LEAF_AT - 8}"/>',
            f'<path class="tip" d="M{LEAF_AT} {centre}l-9 -5v10z"/>',
            f'<text class="a" x="{LEFT + BOX + 34}" y="{centre - 7}">no</text>',
            f'<rect class="leaf" x="{LEAF_AT}" y="{centre - leaf // 2}" width="{WIDTH - LEAF_AT - 20}" height="{leaf}" rx="6"/>',
            f'<text class="s" x="{LEAF_AT + 14}" y="{centre - leaf // 2 + 21}">{escape(seen)}</text>',
            *(f'<text class="c" x="{LEAF_AT + 14}" y="{centre - leaf // 2 + 42 + 17 * row}" xml:space="preserve">{escape(text)}</text>'
              for row, text in enumerate(rows)),
            f'<path class="line" d="M{middle} {top + 56}V{top + STEP - 8}"/>',
            f'<path class="tip" d="M{middle} {top + STEP}l-5 -9h10z"/>',
            f'<text class="y" x="{middle + 12}" y="{top + 78}">yes</text>']
    top = 20 + STEP * len(TREE)
    out += [f'<rect class="end" x="{LEFT}" y="{top}" width="{WIDTH - 40}" height="46" rx="8"/>',
            f'<text class="q" x="{LEFT + 14}" y="{top + 29}">{escape(END_OF_TREE.replace("`", ""))}</text>', "</svg>", ""]
    return "\n".join(out)


def remedies_of_doctor():
    """All that doctor may print, as its source has it: adjacent literals are one text."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "src/doctor").glob("*_check*.cc")) +
                     [ROOT / "src/doctor/examine.cc"])
    return re.sub(r'migctl\(\s*"', "migctl ", re.sub(r'"\s*\n\s*"', "", text))


def faults(folder):
    """What the tree and the program say differently."""
    done = subprocess.run([str(pathlib.Path(folder, "migctl")), "doctor", "--list", "--json"], capture_output=True, text=True,
                          timeout=60, check=True)
    theirs = [check["id"] for check in json.loads(done.stdout)["checks"]]
    ours = [name for _, _, checks in TREE for name, _, _ in checks]
    found = [f"doctor checks {name}, the tree does not" for name in theirs if name not in ours]
    found += [f"the tree has {name}, doctor does not" for name in ours if name not in theirs]
    if not found and ours != theirs:
        first = next(i for i, pair in enumerate(zip(ours, theirs)) if pair[0] != pair[1])
        found.append(f"the tree has {ours[first]} where doctor has {theirs[first]}: it asks in another order")
    headings = re.findall(r"^### (\S+)$", REFERENCE.read_text(encoding="utf-8"), re.M)
    found += [f"{REFERENCE.name} has no heading {name}" for name in ours if name not in headings]
    said = remedies_of_doctor()
    found += [f"{name}: the tree's remedy {command} is none of doctor's" for _, _, checks in TREE for name, _, mend in checks
              for command in re.findall(r"`([^`]+)`", mend) if command not in said]
    return found


def main():
    check = sys.argv[1:2] == ["--check"]
    if sys.argv[1:] and not (check and len(sys.argv) == 3):
        print(__doc__, file=sys.stderr)
        return 2
    text = PAGE.read_text(encoding="utf-8")
    before, mark, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise SystemExit(f"{PAGE} lacks the marks between which the tree stands")
    wanted = {PAGE: before + BEGIN + "\n" + tree_text() + "\n" + END + after, PICTURE: picture()}
    if not check:
        for path, new in wanted.items():
            path.write_text(new, encoding="utf-8")
        return 0
    found = faults(sys.argv[2])
    found += [f"{path.relative_to(ROOT)} is not what the tree says: run tests/docs/troubleshoot_tree.py" for path, new in wanted.items()
              if not path.exists() or path.read_text(encoding="utf-8") != new]
    print("\n".join(found) or f"{sum(len(checks) for _, _, checks in TREE)} checks under {len(TREE)} questions, as migctl doctor asks")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

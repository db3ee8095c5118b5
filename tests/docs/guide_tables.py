#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the tables of docs/howto/best_practices.md and docs/howto/use_cases.md, each between the page's two marks: figures of boards
from the board files (sim/gpus), what neighbours did from the measurements (bench/results), and sizes of models from the arithmetic below.

    guide_tables.py                  rewrites them
    guide_tables.py --check BIN      exit code 1 when one is out of date, or BIN/migctl plans a layout of a table otherwise

What a model needs is a lower bound: weights, optimizer state and KV cache by arithmetic, CONTEXT for the CUDA context and libraries.
"""

import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [ROOT / "docs/howto/best_practices.md", ROOT / "docs/howto/use_cases.md"]
BOARDS = {"a100_sxm4_40gb": "A100 40 GB", "a100_sxm4_80gb": "A100 80 GB", "h100_sxm5_80gb": "H100 80 GB", "h200_141gb": "H200"}
CONTEXT = 0.6  # GiB, assumed: context, cuBLAS and cuDNN workspaces; measure yours
TIGHT = 0.95  # of the profile's memory: the next larger one, unless it was measured
GIB = 1 << 30

# Layouts by compute slices, `+` for the double-memory 1g: what people ask for first.
LAYOUTS = [("7 x 1g", ["1g"] * 7), ("4 x 1g with double memory", ["1g+"] * 4), ("3 x 2g, 1g", ["2g", "2g", "2g", "1g"]),
           ("3g, 3g", ["3g", "3g"]), ("3g, 2g, 2g", ["3g", "2g", "2g"]), ("4g, 3g", ["4g", "3g"]),
           ("4g, 2g, 1g", ["4g", "2g", "1g"]), ("7g", ["7g"])]

# Parameters and KV cache: [documented] by each model's configuration file: layers, KV heads, size of a head.
MODELS = [  # what, parameters, bytes of each, (layers, KV heads, head size, tokens, sequences) or None, what limits
    ("ResNet-50, inference, fp16", 25.6e6, 2, None, "host, then compute"),
    ("BERT-large, inference, fp16", 340e6, 2, None, "compute"),
    ("BERT-base, training, Adam", 110e6, 16, None, "activations come on top: measure"),
    ("the lab's training_job, Adam", 25_175_040, 16, None, "compute"),
    ("8B LLM, int4, 8 x 4k tokens", 8.03e9, 0.56, (32, 8, 128, 4096, 8), "memory, then bandwidth"),
    ("8B LLM, fp16, 8 x 4k tokens", 8.03e9, 2, (32, 8, 128, 4096, 8), "bandwidth: each token reads all weights"),
    ("7B LLM without grouped heads, fp16, 8 x 4k", 6.74e9, 2, (32, 32, 128, 4096, 8), "KV cache"),
    ("13B LLM without grouped heads, fp16, 1 x 4k", 13.02e9, 2, (40, 40, 128, 4096, 1), "memory"),
    ("7B, full fine-tuning, Adam", 6.74e9, 16, None, "memory; several GPUs are no work for MIG"),
]
MEASURED = [("time-slicing, H200", "isolation_time_slicing_h200.json"), ("MPS, H200", "isolation_mps_h200.json"),
            ("MPS, half of SMs and memory each, H100", "isolation_mps_limits_h100.json")]


def board(name):
    """A board's MIG profiles without the variants with media engines, and its whole."""
    data = json.loads((ROOT / f"sim/gpus/{name}.json").read_text(encoding="utf-8"))
    profiles = [one for one in data["mig"]["profiles"] if "+" not in one["name"]]
    return data["key"], profiles, data["mig"]["memory_slices"], data["identity"]["sm_count"], data["memory"]["total_bytes"] / 2**20


def short(profile):
    return profile["name"].removeprefix("MIG ")


def by_word(profiles, word):
    """The profile of `1g` or, with double memory, `1g+`."""
    slices = int(word[0])
    found = sorted((one for one in profiles if one["slices"] == slices), key=lambda one: one["memory_mib"])
    return found[1] if word.endswith("+") else found[0]


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]) + "\n"


def shares():
    rows = []
    for name in ("a100_sxm4_40gb", "h200_141gb"):
        _, profiles, slices, sms, _ = board(name)
        for one in profiles:
            rows.append([BOARDS[name], f"`{short(one)}`", one["sm"], f"{100 * one['sm'] / sms:.1f} %", f"{one['memory_mib'] / 1024:.2f}",
                         f"{one['size']}/{slices}", f"{one['sm'] / (one['memory_mib'] / 1024):.1f}"])
    return table(["board", "profile", "SMs", "of the board's", "memory, GiB", "of the memory and its bandwidth", "SMs a GiB"], rows)


def stranded():
    rows = []
    for title, words in LAYOUTS:
        row = [title]
        for name in ("a100_sxm4_40gb", "h200_141gb"):
            _, profiles, _, sms, total = board(name)
            picked = [by_word(profiles, word) for word in words]
            used = sum(one["sm"] for one in picked)
            row += [f"{used} of {sms}", f"{100 * sum(one['memory_mib'] for one in picked) / total:.1f} %"]
        rows.append(row)
    return table(["layout", "A100 40 GB: SMs", "memory", "H200: SMs", "memory"], rows)


def need_gib(model):
    _, parameters, size, cache, _ = model
    kv = 2 * math.prod(cache) * 2 if cache else 0  # keys and values, fp16
    return (parameters * size + kv) / GIB + CONTEXT


def sizing():
    rows = []
    for model in MODELS:
        need = need_gib(model)
        row = [model[0], f"{need:.1f}"]
        for name in BOARDS:
            _, profiles, _, _, _ = board(name)
            fit = sorted((one for one in profiles if one["memory_mib"] / 1024 >= need), key=lambda one: (one["memory_mib"], one["sm"]))
            tight = fit and need > TIGHT * fit[0]["memory_mib"] / 1024
            row.append(f"`{short(fit[0])}`{' (tight)' if tight else ''}" if fit else "none")
        rows.append(row + [model[4]])
    return table(["work", "GiB at least", *BOARDS.values(), "what limits it"], rows)


def said(cell):
    if cell["verdict"] == "killed":
        return f"**died** in {cell['rounds'] - cell['lived']} of {cell['rounds']}"
    share = cell["shareOfAlone"]
    return f"{100 * share['value']:.0f} % ({100 * share['low']:.0f}..{100 * share['high']:.0f})"


def sharing():
    columns = []
    for _, name in MEASURED:
        mode = json.loads((ROOT / "bench/results" / name).read_text(encoding="utf-8"))["modes"][0]
        columns.append({cell["neighbour"]: said(cell) for cell in mode["cells"]})
    return table(["neighbour", *(title for title, _ in MEASURED)],
                 [[f"`{name}`", *(column.get(name, "-") for column in columns)] for name in columns[0]])


TABLES = {"shares": shares, "stranded": stranded, "sizing": sizing, "sharing": sharing}
MARKED = re.compile(r"(<!-- Made by tests/docs/guide_tables\.py: (\w+)\. -->\n\n).*?(<!-- End of what is made\. -->)", re.S)


def filled(text):
    return MARKED.sub(lambda found: found[1] + TABLES[found[2]]() + "\n" + found[3], text)


def plan_faults(folder):
    """Whether the layouts exist: by migctl's own planner, which has its figures from the driver's side."""
    found = []
    for title, words in LAYOUTS:
        for name in BOARDS:
            key, profiles, _, _, _ = board(name)
            counts = {}
            for word in words:
                counts[short(by_word(profiles, word))] = counts.get(short(by_word(profiles, word)), 0) + 1
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                file.write("version: v1\nmig-configs:\n  one:\n    - {devices: all, mig-enabled: true, mig-devices: " +
                           json.dumps(counts) + "}\n")
                file.flush()
                done = subprocess.run([str(pathlib.Path(folder, "migctl")), "plan", "-f", file.name, "--model", key],
                                      capture_output=True, text=True, timeout=60, check=False)
            if done.returncode != 0:
                found.append(f"{title} on {key}: {done.stdout}{done.stderr}")
    return found


def main():
    check = sys.argv[1:2] == ["--check"]
    if sys.argv[1:] and not (check and len(sys.argv) == 3):
        print(__doc__, file=sys.stderr)
        return 2
    found, used = [], set()
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        used |= {name for _, name, _ in MARKED.findall(text)}
        wanted = filled(text)
        if not check:
            page.write_text(wanted, encoding="utf-8")
        elif wanted != text:
            found.append(f"{page.relative_to(ROOT)}: run tests/docs/guide_tables.py")
    found += [f"no page has the table {name}" for name in TABLES if name not in used]
    if check:
        found += plan_faults(sys.argv[2])
    print("\n".join(found) or f"{len(TABLES)} tables are as the board files, the measurements and the arithmetic say")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

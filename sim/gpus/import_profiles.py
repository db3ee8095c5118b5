#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes sim/gpus/<key>.json for every board whose MIG table is complete.

    import_profiles.py [--check | --corrections] PROFILES.json [FOLDER]

With --check it writes nothing and fails when a file there differs; with --corrections it prints, as
a Markdown table, what of the table's compute profiles is not what the board files have.

PROFILES.json ("mig_profiles/1") holds what was read from `nvidia-smi mig -lgip -lgipp -lcip` and
NVML on each model. What the table does not hold (sensors, clocks, power, data-sheet rates) stands
below, each figure with its source. A figure that nobody has seen is null: the simulator answers
NOT_SUPPORTED for it. Run once per change of the table; the JSON files are what is kept.
"""
import json
import os
import re
import sys

from compute_profiles import SOURCES, compute_profiles, rules_of, used_sources

DATE = "2026-11-23"
COMPUTE_DATE = "2026-11-28"
H200 = ("measured", "NVML and nvidia-smi -q on an H200, virtual machine", "580.159.04")
SHEET = "documented"


def sheet(name):
    return (SHEET, name, None)


A100_SHEET = sheet("NVIDIA A100 Tensor Core GPU data sheet (2021); NVIDIA A100 architecture white paper")
A30_SHEET = sheet("NVIDIA A30 data sheet (2021)")
H100_SHEET = sheet("NVIDIA H100 data sheet and H100 architecture white paper; tensor rates without sparsity")
NVL_SHEET = sheet("NVIDIA H100 NVL product brief; tensor rates without sparsity")
H200_SHEET = sheet("NVIDIA H200 data sheet; tensor rates without sparsity")
PRO_SHEET = sheet("NVIDIA RTX PRO 6000 Blackwell data sheets")
A100_SMI = ("captured", "nvidia-smi -q of an A100-SXM4-40GB in NVIDIA/nvidia-docker issue 1648", None)
A100_80_SMI = ("captured", "nvidia-smi -q of an A100-SXM4-80GB in NVIDIA/DCGM issue 152", "535.104.05")
H100_SMI = ("captured", "nvidia-smi -q of an H100 80GB HBM3 in NVIDIA/DCGM issue 120", None)
MIG_CAPTURE = "published capture of an H200 with MIG, driver 590.48.01: 78 W at 28 C, 295 W at 36 C"
DERIVED_HEAT = ("derived", "slope of the " + MIG_CAPTURE + ", continued to the power limit", None)

# Every block of figures: list of (source, {figure: value}); figures not named are null.
BLOCKS = {
    "identity": ["brand", "pci_subsystem_id", "pci_class", "vbios", "part_number", "cores"],
    "memory": ["reserved_bytes", "bus_bits", "bar1_bytes", "bar1_mig_bytes", "ecc_enabled"],
    "power": ["idle_mw", "limit_mw", "min_limit_mw"],
    "temperature": ["idle_c", "full_c", "slowdown_c", "shutdown_c", "fan_percent"],
    "clocks": ["sm_idle_mhz", "sm_max_mhz", "mem_idle_mhz", "mem_max_mhz"],
    "links": ["pcie_gen", "pcie_width", "nvlink_count", "nvlink_version"],
    "roofline": ["fp32_gflops", "tf32_gflops", "bf16_gflops", "dram_mb_per_s", "pcie_mb_per_s"],
}


def a100(sheet_power_w, memory_clock, dram, smi=None):
    facts = {
        "identity": [(A100_SHEET, {"pci_class": "0x030200", "cores": 6912})],
        "memory": [(A100_SHEET, {"bus_bits": 5120})],
        "power": [(A100_SHEET, {"limit_mw": sheet_power_w * 1000})],
        "clocks": [(A100_SHEET, {"sm_max_mhz": 1410, "mem_max_mhz": memory_clock})],
        "links": [(A100_SHEET, {"pcie_gen": 4, "pcie_width": 16, "nvlink_count": 12, "nvlink_version": 3})],
        "roofline": [(A100_SHEET, {"fp32_gflops": 19500, "tf32_gflops": 156000, "bf16_gflops": 312000,
                                   "dram_mb_per_s": dram, "pcie_mb_per_s": 31500})],
    }
    if smi:
        facts["power"].append((smi, {"min_limit_mw": 100000}))
    return facts


def h100(source, power_w, sm_clock, memory_clock, bus, cores, nvlink, rates, dram):
    return {
        "identity": [(source, {"pci_class": "0x030200", "cores": cores})],
        "memory": [(source, {"bus_bits": bus})],
        "power": [(source, {"limit_mw": power_w * 1000})],
        "clocks": [(source, {"sm_max_mhz": sm_clock, "mem_max_mhz": memory_clock})],
        "links": [(source, {"pcie_gen": 5, "pcie_width": 16, "nvlink_count": nvlink, "nvlink_version": 4})],
        "roofline": [(source, {"fp32_gflops": rates[0], "tf32_gflops": rates[1], "bf16_gflops": rates[2],
                               "dram_mb_per_s": dram, "pcie_mb_per_s": 63000})],
    }


def rtx_pro(power_w, fp32, dram, pci_class):
    return {
        "identity": [(PRO_SHEET, {"cores": 24064}), (("documented", "PCI class of boards with (VGA) or without display outputs", None), {"pci_class": pci_class})],
        "memory": [(PRO_SHEET, {"bus_bits": 512})],
        "power": [(PRO_SHEET, {"limit_mw": power_w * 1000})],
        "links": [(PRO_SHEET, {"pcie_gen": 5, "pcie_width": 16, "nvlink_count": 0})],
        "roofline": [(PRO_SHEET, {"fp32_gflops": fp32, "dram_mb_per_s": dram, "pcie_mb_per_s": 63000})],
    }


def h200():
    return {
        "identity": [(H200, {"brand": 14, "pci_subsystem_id": "0x18bf10de", "pci_class": "0x030200", "cores": 16896,
                             "vbios": "96.00.A5.00.1A", "part_number": "692-2G520-0282-001"})],
        "memory": [(H200, {"reserved_bytes": 644939776, "bus_bits": 6016, "bar1_bytes": 262144 << 20})],
        "power": [(H200, {"idle_mw": 124629, "limit_mw": 700000, "min_limit_mw": 200000})],
        "temperature": [(H200, {"idle_c": 38}),
                        (("derived", "38 C with 49 C to the T.Limit, slowdown -2 C and shutdown -8 C from it", "580.159.04"),
                         {"slowdown_c": 89, "shutdown_c": 95}),
                        (DERIVED_HEAT, {"full_c": 59})],
        "clocks": [(H200, {"sm_idle_mhz": 465, "sm_max_mhz": 1980, "mem_idle_mhz": 3201, "mem_max_mhz": 3201})],
        "links": [(H200, {"pcie_gen": 5, "pcie_width": 16}), (H200_SHEET, {"nvlink_count": 18, "nvlink_version": 4})],
        "roofline": [(H200_SHEET, {"fp32_gflops": 67000, "tf32_gflops": 494500, "bf16_gflops": 989500,
                                   "dram_mb_per_s": 4800000, "pcie_mb_per_s": 63000})],
    }


def a30():
    return {
        "identity": [(A30_SHEET, {"pci_class": "0x030200", "cores": 3584})],
        "memory": [(A30_SHEET, {"bus_bits": 3072})],
        "power": [(A30_SHEET, {"limit_mw": 165000})],
        "clocks": [(A30_SHEET, {"sm_max_mhz": 1440, "mem_max_mhz": 1215})],
        "links": [(A30_SHEET, {"pcie_gen": 4, "pcie_width": 16, "nvlink_count": 4, "nvlink_version": 3})],
        "roofline": [(A30_SHEET, {"fp32_gflops": 10300, "tf32_gflops": 82000, "bf16_gflops": 165000,
                                  "dram_mb_per_s": 933000, "pcie_mb_per_s": 31500})],
    }


def h100_sxm():
    facts = h100(H100_SHEET, 700, 1980, 2619, 5120, 16896, 18, (67000, 494500, 989500), 3350000)
    facts["clocks"] = [(H100_SMI, {"sm_idle_mhz": 345, "sm_max_mhz": 1980, "mem_idle_mhz": 2619, "mem_max_mhz": 2619})]
    return facts


def a100_sxm_40():
    facts = a100(400, 1215, 1555000, A100_SMI)
    facts["clocks"] = [(A100_SMI, {"sm_idle_mhz": 1080, "sm_max_mhz": 1410, "mem_idle_mhz": 1215, "mem_max_mhz": 1215})]
    return facts


MODE = ("documented", "NVIDIA MIG user guide: a change of the mode resets an Ampere GPU, later ones need none", None)


def published(text):
    return ("captured", "nvidia-smi table published in a public repository: " + text, None)


def readings(facts, idle_w, idle_c, seen, full_c=None, full_from=None):
    """Adds readings of nvidia-smi on an idle board, and the temperature at the power limit."""
    facts.setdefault("power", []).append((published(seen), {"idle_mw": idle_w * 1000}))
    temperature = facts.setdefault("temperature", [])
    temperature.append((published(seen), {"idle_c": idle_c}))
    if full_c is not None:
        temperature.append((("derived", full_from, None), {"full_c": full_c}))
    return facts


# BAR1 of MIG devices as observed, and the whole derived from it (docs/simulator.md has both rules).
OLD_RULE = "; up to R570 a MIG device's BAR1 is its share of the whole less 1 MiB"
NEW_RULE = "; from R580 on the MIG devices share what the GPU's memory leaves of it"
A100_80_BAR1 = "published nvidia-smi of A100s with 80 GB and MIG: 16383 MiB for an eighth" + OLD_RULE
def pro_bar1(quarter):
    return f"published nvidia-smi of this board with MIG: {quarter} MiB for a quarter{NEW_RULE} (8296 of a whole of 131072)"


BAR1 = {
    "a30-24gb": (32768, "published nvidia-smi of an A30 with MIG: 16383 MiB for a half, 8191 MiB for a quarter" + OLD_RULE, "550.90.07"),
    "a100-pcie-40gb": (65536, "published nvidia-smi of an A100-PCIE-40GB with MIG: 8191 MiB for an eighth" + OLD_RULE, None),
    "a100-sxm4-80gb": (131072, A100_80_BAR1, None),
    "a100-pcie-80gb": (131072, A100_80_BAR1, None),
    "h100-sxm5-80gb": (131072, "captures of an H100 80GB HBM3 with MIG in utkuozdemir/nvidia_gpu_exporter: 24739, 12369 and 6184 MiB" + NEW_RULE, "590.48.01"),
    "h100-pcie-80gb": (131072, "published nvidia-smi of an H100 PCIe with MIG: 16383 MiB for an eighth" + OLD_RULE, "570.169"),
    "rtx-pro-6000-server": (131072, pro_bar1(8317), None),
    "rtx-pro-6000-workstation": (131072, "taken to be as the Server and Max-Q Editions", None),
}

# Readings published by users, added on the day they were found. A figure that a board above leaves unknown stays null;
# the first source given here counts.
SEEN_DATE = "2026-11-28"


def seen(text, driver=None, kind="captured"):
    return (kind, text, driver, SEEN_DATE)


H100_MIG = seen("nvidia-smi of an H100 80GB HBM3 with MIG, utkuozdemir/nvidia_gpu_exporter", "590.48.01")
H100_SHARE = seen("nvidia-smi of an H100 80GB HBM3 with MIG, starkdrift/prickle-exporter: 24740 MiB for a half, 6185 for an eighth; R590 shows 24739 and 6184", "580.173.02", "derived")
H200_SHARE = seen("nvidia-smi of an H200 with MIG, R580.173.02 and R590.48.01: 59237 MiB for a half, 29618 for a quarter, 14809 for an eighth", "590.48.01", "derived")
NVL_Q = seen("nvidia-smi -q of two H100 NVL, published in a repository of a university course", "550.54.14")
T_LIMIT = "the temperature and its distance to the T.Limit (87 C), slowdown -2 C and shutdown -8 C from it"
MAXQ_Q = seen("nvidia-smi -q -x of a Max-Q Workstation Edition, influxdata/telegraf, plugins/inputs/nvidia_smi", "590.44.01")
A100_80_X = seen("nvidia-smi -q -x of A100-SXM4-80GB with MIG, influxdata/telegraf, plugins/inputs/nvidia_smi", "535.54.03")
BRAND = seen("Product Brand of every A100 and H100 seen", None)
BRAND_LIKE = seen("as on the A100", None, "assumed")
NVIDIA, NVIDIA_RTX = 14, 13  # nvmlBrandType_t
SEEN = {
    "a30-24gb": {"identity": [(BRAND_LIKE, {"brand": NVIDIA})]},
    "a100-sxm4-40gb": {
        "identity": [(BRAND, {"brand": NVIDIA})],
        "memory": [(seen("a published nvidia-smi of this board with MIG: 12210 MiB for a half, 6105 for a quarter, 3052 for an eighth", "590.48.01", "derived"),
                    {"bar1_mig_bytes": 24420 << 20})]},
    "a100-pcie-40gb": {"identity": [(BRAND, {"brand": NVIDIA}),
                                    (seen("nvidia-smi -a on a university's cluster (jdh4/della-gpu-A100)"), {"pci_subsystem_id": "0x145f10de"})]},
    "a100-sxm4-80gb": {
        "identity": [(A100_80_X, {"brand": NVIDIA, "pci_subsystem_id": "0x147f10de", "part_number": "692-2G506-0212-002"})],
        "memory": [(A100_80_X, {"reserved_bytes": 869 << 20, "ecc_enabled": 1})],
        "temperature": [(A100_80_X, {"slowdown_c": 89, "shutdown_c": 92})]},
    "a100-pcie-80gb": {"identity": [(BRAND, {"brand": NVIDIA}),
                                    (seen("a table of NVML's answers on this board in a public program"), {"pci_subsystem_id": "0x153310de"})]},
    "h100-sxm5-80gb": {
        "identity": [(H100_MIG, {"brand": NVIDIA, "vbios": "96.00.A5.00.01", "pci_subsystem_id": "0x16c110de",
                                 "part_number": "692-2G520-0200-000"})],
        "memory": [(H100_MIG, {"reserved_bytes": 479 << 20, "ecc_enabled": 1}), (H100_SHARE, {"bar1_mig_bytes": 49480 << 20})],
        "power": [(H100_MIG, {"min_limit_mw": 200000})],
        "temperature": [(seen("42 C with 45 C to the T.Limit; slowdown -2 C and shutdown -8 C from it, as on H200 and H100 NVL", "590.48.01", "derived"),
                         {"slowdown_c": 89, "shutdown_c": 95})]},
    "h100-pcie-80gb": {"identity": [(BRAND, {"brand": NVIDIA})]},
    "h100-nvl-94gb": {
        "identity": [(NVL_Q, {"brand": NVIDIA, "vbios": "96.00.74.00.11", "pci_subsystem_id": "0x183910de",
                              "part_number": "900-21010-0020-000"})],
        "memory": [(NVL_Q, {"reserved_bytes": 594 << 20, "bar1_bytes": 131072 << 20, "ecc_enabled": 1}),
                   (seen("published nvidia-smi of an H100 with 94 GB and MIG: 4405 MiB for an eighth", "580.105.08", "derived"),
                    {"bar1_mig_bytes": 35240 << 20})],
        "power": [(NVL_Q, {"min_limit_mw": 200000})],
        "temperature": [(seen(T_LIMIT, "550.54.14", "derived"), {"slowdown_c": 89, "shutdown_c": 95})],
        "clocks": [(NVL_Q, {"sm_idle_mhz": 345, "mem_idle_mhz": 2619})]},
    "h200-141gb": {"memory": [(H200, {"ecc_enabled": 1}), (H200_SHARE, {"bar1_mig_bytes": 118474 << 20})]},
    "rtx-pro-6000-server": {
        "memory": [(seen("published nvidia-smi of this board with MIG: 8317 MiB for a quarter", "580.105.08", "derived"),
                    {"bar1_mig_bytes": 33268 << 20})]},
    "rtx-pro-6000-workstation": {
        "identity": [(seen("as on the Max-Q Workstation Edition", None, "assumed"), {"brand": NVIDIA_RTX}),
                     (seen("a published report of an external enclosure with this board: SUBSYS_204B10DE"), {"pci_subsystem_id": "0x204b10de"})]},
    "rtx-pro-6000-maxq": {
        "identity": [(MAXQ_Q, {"brand": NVIDIA_RTX, "vbios": "98.02.6A.00.03", "pci_subsystem_id": "0x204c10de",
                               "part_number": "900-5G153-2200-000"})],
        "memory": [(MAXQ_Q, {"reserved_bytes": 637 << 20, "bar1_bytes": 131072 << 20, "ecc_enabled": 0}),
                   (seen("published nvidia-smi of this board with MIG: 8327 MiB for a quarter", "580.105.08", "derived"),
                    {"bar1_mig_bytes": 33308 << 20})],
        "power": [(MAXQ_Q, {"min_limit_mw": 250000})],
        "temperature": [(MAXQ_Q, {"fan_percent": 30}),
                        (seen("24 C with 68 C to the T.Limit, slowdown -2 C and shutdown -5 C from it", "590.44.01", "derived"),
                         {"slowdown_c": 94, "shutdown_c": 97}),
                        (seen("nobody has shown this board at its power limit: taken to be ten below the T.Limit of 92 C", None, "assumed"),
                         {"full_c": 82})],
        "clocks": [(MAXQ_Q, {"sm_idle_mhz": 180, "sm_max_mhz": 3090, "mem_idle_mhz": 405, "mem_max_mhz": 14001})]},
}


ECC_SHEET = seen("data sheets: HBM with ECC, which is delivered enabled", None, "documented")
ECC_SERVER = seen("delivered enabled, as on data-centre boards", None, "assumed")
ECC_LIKE = seen("as on the Max-Q Workstation Edition", None, "assumed")
ECC = {"rtx-pro-6000-server": (ECC_SERVER, 1), "rtx-pro-6000-workstation": (ECC_LIKE, 0)}


def add_seen(key, facts):
    if not any("ecc_enabled" in figures for _, figures in SEEN.get(key, {}).get("memory", [])):
        source, enabled = ECC.get(key, (ECC_SHEET, 1))
        facts["memory"].append((source, {"ecc_enabled": enabled}))
    for name, sources in SEEN.get(key, {}).items():
        facts.setdefault(name, []).extend(sources)


def a100_sxm_40_memory(facts):
    facts["memory"].append((A100_SMI, {"reserved_bytes": 571 << 20, "bar1_bytes": 65536 << 20}))
    return facts


def a100_sxm_80():
    facts = a100(400, 1593, 2039000, A100_80_SMI)
    facts["identity"].append((("captured", "nvidia-smi -q in NVIDIA/CUDALibrarySamples issue 104 and NVIDIA/DCGM issue 152",
                               None), {"vbios": "92.00.45.00.05"}))
    return readings(facts, 63, 33, "63 W at 33 C, 1 MiB used", 55, "slope of the A100-SXM4-40GB, continued to 400 W")


A100_SLOPE = "the same table from a busy board, 445 W at 60 C, taken back to 400 W"
MAXQ_IDLE = "15 W at 34 C of 300 W, P8"

# Board by key: (model in PROFILES.json, NVML name, PCI device id, facts)
BOARDS = {
    "a30-24gb": ("A30-24GB", "NVIDIA A30", "0x20b710de", readings(a30(), 27, 28, "27 W at 28 C, 0 MiB used")),
    "a100-sxm4-40gb": ("A100-40GB", "NVIDIA A100-SXM4-40GB", "0x20b010de",
                       readings(a100_sxm_40_memory(a100_sxm_40()), 46, 34, "46 W at 34 C, 0 MiB used", 57, A100_SLOPE)),
    "a100-pcie-40gb": ("A100-40GB", "NVIDIA A100-PCIE-40GB", "0x20f110de",
                       readings(a100(250, 1215, 1555000), 36, 35, "36 W at 35 C, 1 MiB used", 56, "another board, busy: 244 W at 56 C")),
    "a100-sxm4-80gb": ("A100-80GB", "NVIDIA A100-SXM4-80GB", "0x20b210de", a100_sxm_80()),
    "a100-pcie-80gb": ("A100-80GB", "NVIDIA A100 80GB PCIe", "0x20b510de",
                       readings(a100(300, 1512, 1935000), 45, 29, "45 W at 29 C, 0 MiB used", 57, "another board, busy: 307 W at 57 C")),
    "h100-sxm5-80gb": ("H100-SXM5-80GB", "NVIDIA H100 80GB HBM3", "0x233010de",
                       readings(h100_sxm(), 70, 34, "70 W at 34 C, 0 MiB used", 57, "slope of the H200, continued to 700 W")),
    "h100-pcie-80gb": ("H100-PCIE-80GB", "NVIDIA H100 PCIe", "0x233110de",
                       readings(h100(H100_SHEET, 350, 1755, 1593, 5120, 14592, 18, (51000, 378000, 756000), 2000000),
                                46, 29, "46 W at 29 C, 1 MiB used", 55, "another board, busy: 276 W at 49 C, continued to 350 W")),
    "h100-nvl-94gb": ("H100-NVL-94GB", "NVIDIA H100 NVL", "0x232110de",
                      readings(h100(NVL_SHEET, 400, 1785, 2619, 6016, 16896, 18, (60000, 417500, 835500), 3900000),
                               64, 33, "64 W at 33 C, 0 MiB used", 79, "another board, busy: 392 W at 79 C")),
    "h200-141gb": ("H200-SXM-141GB", "NVIDIA H200", "0x233510de", h200()),
    "rtx-pro-6000-server": ("RTX-PRO-6000-BLACKWELL-SERVER", None, "0x2bb510de", 
                            readings(rtx_pro(600, 120000, 1597000, "0x030200"), 28, 27, "28 W at 27 C, 0 MiB used, P8")),
    "rtx-pro-6000-workstation": ("RTX-PRO-6000-BLACKWELL-WS", None, "0x2bb110de", 
                                 readings(rtx_pro(600, 125000, 1792000, "0x030000"), 14, 32, "14 W at 32 C of 600 W, P8")),
    "rtx-pro-6000-maxq": ("RTX-PRO-6000-BLACKWELL-MAXQ", None, "0x2bb410de", 
                          readings(rtx_pro(300, 110000, 1792000, "0x030000"), 15, 34, MAXQ_IDLE)),
}


def source_entry(source):
    kind, name, driver, *date = source
    return {"kind": kind, "source": name, "driver": driver, "date": date[0] if date else DATE}


def provenance(of, source):
    return {"of": of, **source_entry(source)}


def block(name, facts, fixed=None, fixed_source=None):
    values = dict(fixed or {})
    sources = [provenance(sorted(values), fixed_source)] if fixed else []
    for figure in BLOCKS[name]:
        values[figure] = None
    for source, figures in facts.get(name, []):
        for figure in figures:
            if figure not in BLOCKS[name] or values[figure] is not None:
                sys.exit(f"{name}: {figure} is unknown or given twice")
        values.update(figures)
        sources.append(provenance(sorted(figures), source))
    return {"provenance": sources, **values}


def starts_of(placements, where):
    sizes = {p["size"] for p in placements}
    if len(sizes) != 1:
        sys.exit(f"{where}: placements of different sizes")
    return [p["start"] for p in placements], sizes.pop()


# Memory of a profile where a board of the model reports a figure other than the table's: MiB, source.
MEMORY = {
    ("rtx-pro-6000-maxq", "MIG 4g.96gb"): (97280, "full-memory", seen("nvidia-smi mig -lgip of a Max-Q Workstation Edition: 95.00 GiB, where the Server Edition has 95.12", "580.105.08")),
    ("rtx-pro-6000-maxq", "MIG 4g.96gb+gfx"): (97280, "full-memory-gfx", seen("as the 4g.96gb of the same board", None, "derived")),
}


def gpu_profile(model, profile, rules):
    starts, size = starts_of(profile["placements"], profile["name"])
    attributes = profile["attributes"]
    return {"name": profile["name"], "enum": profile["nvml_profile"], "id": profile["id"],
            "slices": profile["slice_count"], "max_count": profile["instance_count"], "sm": profile["sm"],
            "memory_mib": MEMORY.get((rules["key"], profile["name"]), (profile["memory_mb"],))[0], "p2p": bool(profile["p2p"]), "gfx": "+gfx" in attributes,
            "media_extension": "+me" in attributes or "+me.all" in attributes,
            "engines": {engine: profile[engine] for engine in ("ce", "dec", "enc", "jpeg", "ofa")},
            "starts": starts, "size": size,
            "from": {"profile": MEMORY.get((rules["key"], profile["name"]), (0, "table"))[1], "placements": "placements"},
            "compute_profiles": compute_profiles(model, profile, rules)}


def by_hand(key):
    """The hand-written block of an existing board file, if there is one."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), key.replace("-", "_") + ".json")
    with open(path, encoding="utf-8") as file:
        old = json.load(file)
    return {"settable": old["settable"]} if "settable" in old else {}


def complete(model):
    if model["total_memory_mib"] is None or model["sm_count"] is None:
        return False
    return all(v is not None for p in model["profiles"] for v in p.values())


def board(key, models):
    model_key, name, device, facts = BOARDS[key]
    model = models[model_key]
    if not complete(model):
        sys.exit(f"{key}: the table of {model_key} is not complete")
    if device[2:].upper() not in {d[2:].upper() for d in model["pci_device_ids"]}:
        sys.exit(f"{key}: {device} is not a device id of {model_key}")
    add_seen(key, facts)
    if key in BAR1:
        mib, seen, driver = BAR1[key]
        kind = "assumed" if seen.startswith("taken") else "derived"
        facts["memory"].append(((kind, seen, driver, "2026-11-24"), {"bar1_bytes": mib << 20}))
    measured = model_key.startswith("H200")
    table = ("measured" if measured else "captured", model["source"].replace("../", ""), "580.159.04" if measured else None)
    fixed = {"name": name or model["names"][0], "architecture": model["architecture"],
             "compute_capability": model["compute_capability"], "pci_device_id": device, "sm_count": model["sm_count"]}
    total = 150754820096 if key == "h200-141gb" else model["total_memory_mib"] << 20
    rules = rules_of(key, model)
    profiles = [gpu_profile(model, p, rules) for p in model["profiles"]]
    sources = {"table": table, "placements": (table[0], model["placements_source"].replace("../", ""), table[2]),
               "mode": MODE}
    sources.update((label, (*SOURCES[label], COMPUTE_DATE)) for label in SOURCES if label in used_sources(profiles) | {rules["places"]})
    sources.update((label, source) for (of, _), (_, label, source) in MEMORY.items() if of == key)
    mig = {"sources": {label: source_entry(source) for label, source in sources.items()},
           "notes": model["notes"], "memory_slices": model["memory_slices"], "compute_slices": model["max_gpu_instances"],
           "mode_needs_reset": model["mig_mode_needs_gpu_reset"],
           "compute_places": "aligned" if rules["aligned"] else "first_free",
           "from": {"memory_slices": "placements", "compute_slices": "table", "mode_needs_reset": "mode",
                    "compute_places": rules["places"]},
           "profiles": profiles}
    return {"schema": "migsim-board/2", "key": key, "identity": block("identity", facts, fixed, table),
            "memory": block("memory", facts, {"total_bytes": total}, table), "power": block("power", facts),
            "temperature": block("temperature", facts), "clocks": block("clocks", facts), **by_hand(key), "links": block("links", facts),
            "roofline": block("roofline", facts), "mig": mig}


def compact(value, indent=0):
    """JSON with one line per leaf list or small object: readable and short."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or len(flat) + indent <= 110:
        return flat
    pad = " " * (indent + 2)
    if isinstance(value, list):
        body = ",\n".join(pad + compact(v, indent + 2) for v in value)
        return "[\n" + body + "\n" + " " * indent + "]"
    body = ",\n".join(pad + json.dumps(k) + ": " + compact(v, indent + 2) for k, v in value.items())
    return "{\n" + body + "\n" + " " * indent + "}"


def without_memory(name):
    """Name without the memory part: 1c.3g+me of "MIG 1c.3g.20gb+me", equal for boards that differ in memory only."""
    return re.sub(r"\.\d+gb", "", name[4:])


def as_text(starts, size):
    return "{" + ",".join(map(str, starts)) + f"}}:{size}"


def corrections(models):
    """(GPU instance profile, compute profile, figure, value in the table, value in the board file) and the boards
    concerned."""
    found = {}

    def note(key, *what):
        found.setdefault(what, []).append(key)

    for key, (model_key, *_) in BOARDS.items():
        written = board(key, models)["mig"]["profiles"]
        for old, new in zip(models[model_key]["profiles"], written):
            gi = without_memory(old["name"]) + (" with double memory" if old["nvml_profile"] == 9 else "")
            parts = {}
            for part in old["ci_profiles"]:
                if not (part["nvml_profile"] == 7 and len(new["compute_profiles"]) == 1):
                    parts[part["nvml_profile"]] = part
                else:
                    parts[0] = part
                    note(key, gi, "1c", "number", "7", "0")
            for now in new["compute_profiles"]:
                was = parts.get(now["enum"])
                name = f"{without_memory(now['name'])} (ID {now['enum']})"
                if was is None:
                    note(key, gi, name, "all", "not there", f"{now['max_count']}, {now['sm']} SMs, {as_text(now['starts'], now['size'])}")
                    continue
                starts, size = starts_of(was["placements"], was["name"])
                for figure, before, after in (("name", without_memory(was["name"]), without_memory(now["name"])),
                                              ("SMs", was["sm"], now["sm"]), ("count", was["instance_count"], now["max_count"]),
                                              ("places", as_text(starts, size), as_text(now["starts"], now["size"]))):
                    if before != after:
                        note(key, gi, name, figure, "unknown" if before is None else str(before), str(after))
    return found


def print_corrections(models):
    print("| GPU instance | compute profile | figure | table | board files | boards |\n|---|---|---|---|---|---|")
    for what, keys in sorted(corrections(models).items()):
        short = "all" if len(keys) == len(BOARDS) else ", ".join(keys)
        for family in ("a100", "rtx-pro-6000"):
            members = [key for key in BOARDS if key.startswith(family)]
            if len(keys) < len(BOARDS) and set(members) <= set(keys):
                short = ", ".join([f"every {family}", *[key for key in keys if key not in members]])
        print("| " + " | ".join(what) + f" | {short} |")


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    check = "--check" in sys.argv
    if len(arguments) not in (1, 2):
        sys.exit(__doc__)
    with open(arguments[0], encoding="utf-8") as file:
        models = {m["key"]: m for m in json.load(file)["models"]}
    if "--corrections" in sys.argv:
        print_corrections(models)
        return
    folder = arguments[1] if len(arguments) == 2 else os.path.dirname(os.path.abspath(__file__))
    used = {BOARDS[key][0] for key in BOARDS}
    for key, model in models.items():
        if complete(model) and key not in used:
            sys.exit(f"{key}: complete in the table, but no board here uses it")
    for key in BOARDS:
        path = os.path.join(folder, key.replace("-", "_") + ".json")
        text = compact(board(key, models)) + "\n"
        if check:
            with open(path, encoding="utf-8") as file:
                if file.read() != text:
                    sys.exit(f"{path} is not what the table and this script give")
        else:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        print(path)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""Compute profiles of a GPU instance profile, derived as drivers report them, for import_profiles.py. The first
table of the boards had them wrong (docs/reference/board_figures.md lists the corrections): here they follow from
observed drivers and from NVIDIA's open kernel module, each figure with its source."""

REV1 = 7  # NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE_REV1
DOUBLE_MEMORY = 9  # NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV2
ENUM = {1: 0, 2: 1, 3: 2, 4: 3, 7: 4}
KERNEL = "open-gpu-kernel-modules 595.45.04, kernel_mig_manager.c: "

# Sources of a board file by name: kind, text, driver, date.
SOURCES = {
    "lcip": ("captured", "published outputs of nvidia-smi mig -lcip of 1g to 7g on A100 and H100 (NVIDIA's MIG user guide, gpu-operator#622); mig-parted's list of supported compute instances", None),
    "lcip-derived": ("derived", "as many as there are spans; on A100 and H100 published outputs of nvidia-smi mig -lcip say the same", None),
    "lcip-2g": ("captured", "nvidia-smi mig -lcip of a 2g.20gb on an H100, NVIDIA/go-nvml#146: 1c.2g.20gb as ID 0 (2/2, 16 SMs) and as ID 7 (1/1, 26 SMs)", None),
    "plain-h100": ("captured", "an H100 80GB HBM3 with a 1g.10gb+me: its compute instance is called MIG 1g.10gb, profile ID 0 (starkdrift/prickle-exporter)", "580.173.02"),
    "plain-a100": ("captured", "a walk-through of an A100-SXM4-80GB on Azure, 2024: the compute instance of a 1g.10gb+me is called MIG 1g.10gb, profile ID 0", None),
    "plain-derived": ("derived", "as on the H100 and A100 boards that were seen: +me belongs to the GPU instance, its compute instance is called like that of the profile without it", None),
    "plain-assumed": ("assumed", "nobody has shown a compute instance of a GPU instance with this attribute on this board: taken to be called as with +me on H100 and A100", None),
    "name": ("derived", "the full compute instance is called like its GPU instance, a part Nc. and that name: so on every board seen", None),
    "rev1-h100": ("captured", "H100 and GH200: -cgi 15 -C prints profile ID 7, and one more one-slice profile, 0, is offered (NVIDIA/go-nvlib#85 and #102, kubernetes-sigs/dra-driver-nvidia-gpu#1454)", None),
    "rev1-derived": ("derived", "as on H100 and GH200, which have the same compute profiles (NVIDIA/go-nvlib#85 and #102)", None),
    "rev1-rows": ("derived", KERNEL + "subdeviceCtrlCmdGpuGetComputeProfiles offers each compute profile that has no more SMs and slots than the GPU instance; a quarter of the slots each, so as many as double-memory 1g fit into it", None),
    "plain-only": ("captured", "A100: a GPU instance of profile 15 offers compute profile 0 only (NVIDIA/go-nvlib#85)", None),
    "plain-only-assumed": ("assumed", "a double-memory 1g has no more SMs than a 1g here, and the kernel module tells no compute profile twice: taken to be as on A100", None),
    "sm": ("derived", KERNEL + "a GPU has one table of compute profiles and each GPU instance offers those that fit, so a part has the SMs of the GPU instance profile with as many slices; H200, R590: 1c.3g 16, 2c.3g 32", None),
    "first-free": ("documented", KERNEL + "kmigmgrComputeProfileGetCapacity, branch without CTS: every span of the GPU instance that is long enough; an A100-PCIE transcript has 1c.3g at 0:1, 1:1 and 2:1", None),
    "first-free-assumed": ("assumed", "as on A100: no compute profile with a quarter of the slots is told here, which is what the kernel module aligns for", None),
    "aligned": ("documented", KERNEL + "kmigmgrComputeProfileGetCapacity, branch with CTS: starts are multiples of the span, counted in the smallest compute profile (1c 1, 1c REV1 2, 2c 2, 3c 4, 4c 4, 7c 8)", None),
    "aligned-1g": ("captured", "nvidia-smi mig -lci of an H100 80GB HBM3 and an H200: the compute instance of a 1g at 0:1", "580.173.02"),
    "aligned-3g": ("captured", "transcript of an H100 80GB: the full compute instance of a 3g.40gb at 0:4", None),
    "aligned-double": ("captured", "transcript of an H100 with 94 GB: the compute instance of a 1g.24gb at 0:2", None),
    "aligned-gb202": ("documented", KERNEL + "g_kernel_mig_manager_nvoc.c: Blackwell always aligns, and the smallest compute profile is a quarter of the board: 1c 1, 2c 2, 4c 4", None),
}


# Full compute instances with an observed placement: board and enum of the GPU instance profile.
SEEN_PLACES = {("h100-sxm5-80gb", 0): "aligned-1g", ("h200-141gb", 0): "aligned-1g", ("h100-sxm5-80gb", 2): "aligned-3g",
               ("h100-nvl-94gb", DOUBLE_MEMORY): "aligned-double"}


def rules_of(key, model):
    """How this board's driver names, offers and places compute instances."""
    plain = {"a100-sxm4-80gb": "plain-a100", "h100-sxm5-80gb": "plain-h100"}.get(key, "plain-derived")
    rules = {"key": key, "plain": plain, "rev1": False, "plain_only": "plain-only", "count": "lcip"}
    if model["memory_slices"] == 12:
        return {**rules, "aligned": True, "places": "aligned-gb202", "plain": "plain-assumed", "count": "lcip-derived"}
    if model["architecture"] == "ampere":
        rules.update({"plain": "plain-assumed", "count": "lcip-derived"} if key == "a30-24gb" else {})
        return {**rules, "aligned": False, "places": "first-free"}
    if key == "h100-pcie-80gb":
        return {**rules, "aligned": False, "places": "first-free-assumed", "plain_only": "plain-only-assumed"}
    seen = key in ("h100-sxm5-80gb", "h100-nvl-94gb")
    return {**rules, "aligned": True, "places": "aligned", "rev1": True,
            "rev1_source": "rev1-h100" if seen else "rev1-derived"}


def plain_name(profile):
    name = profile["name"]
    for attribute in sorted(profile["attributes"], key=len, reverse=True):
        if name.endswith(attribute):
            return name[:-len(attribute)]
    return name


def name_source(profile, rules):
    if not profile["attributes"]:
        return "name"
    return rules["plain"] if profile["attributes"] == ["+me"] else "plain-assumed"


def sm_of(model, slices):
    """SMs of the plain GPU instance profile with as many slices; None when the board has no such profile."""
    for profile in model["profiles"]:
        if profile["slice_count"] == slices and not profile["attributes"] and profile["nvml_profile"] != DOUBLE_MEMORY:
            return profile["sm"]
    return None


def entry(model, profile, rules, slices, enum, count, counted, default):
    name = plain_name(profile)
    whole = slices == profile["slice_count"]
    own = whole and default
    span = {3: 4, 7: 8}.get(slices, slices) if rules["aligned"] else slices
    if enum == REV1:
        span = 2
    if rules["aligned"]:
        starts = [i * span for i in range(count)]
    else:
        starts = list(range(profile["slice_count"] - slices + 1))
    sm = profile["sm"] if own else sm_of(model, slices)
    if enum == REV1:
        sm = next(p["sm"] for p in model["profiles"] if p["nvml_profile"] == DOUBLE_MEMORY)
    return {"name": name if whole else f"MIG {slices}c.{name[4:]}", "enum": enum, "slices": slices,
            "max_count": count, "default": default, "sm": sm, "starts": starts, "size": span,
            "from": {"name": name_source(profile, rules), "count": counted, "sm": "table" if own else "sm",
                     "places": SEEN_PLACES.get((rules["key"], profile["nvml_profile"]), rules["places"])
                     if own else rules["places"]}}


def compute_profiles(model, profile, rules):
    double = profile["nvml_profile"] == DOUBLE_MEMORY
    if double and rules["rev1"]:
        source = rules["rev1_source"]
        return [entry(model, profile, rules, 1, 0, 1, source, False),
                entry(model, profile, rules, 1, REV1, 1, source, True)]
    if double:
        return [entry(model, profile, rules, 1, 0, 1, rules["plain_only"], True)]
    out = []
    for part in profile["ci_profiles"]:
        slices = part["slices"]
        out.append(entry(model, profile, rules, slices, ENUM[slices], part["instance_count"], rules["count"],
                         slices == profile["slice_count"]))
        if slices == 1 and profile["slice_count"] > 1 and rules["rev1"]:
            count = {2: 1, 3: 2, 4: 2, 7: 4}[profile["slice_count"]]
            seen = profile["slice_count"] == 2 and rules["rev1_source"] == "rev1-h100"
            out.append(entry(model, profile, rules, 1, REV1, count, "lcip-2g" if seen else "rev1-rows", False))
    return out


def used_sources(profiles):
    names = {label for p in profiles for label in p["from"].values()}
    return names | {label for p in profiles for c in p["compute_profiles"] for label in c["from"].values()}

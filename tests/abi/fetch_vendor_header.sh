#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fetches NVIDIA's nvml.h of our driver generation into build/third_party/nvml, for abi_vendor_test. The header is
# NVIDIA's property: it is compared with ours and never shipped.
set -eu

version=13.0.87
sha256=082871368275cf6620fc900f55d8eaf2563b263a38a00a5168e9650bce963ba1
wheel=nvidia_nvml_dev-$version-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl

root=$(cd "$(dirname "$0")/../.." && pwd)
out=$root/build/third_party/nvml
[ -f "$out/nvml.h" ] && [ "$(cat "$out/sha256" 2>/dev/null)" = "$sha256" ] && exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! python3 -m pip download --quiet --no-deps --only-binary :all: \
    --platform manylinux2014_x86_64 --dest "$work" "nvidia-nvml-dev==$version"; then
  echo "fetch_vendor_header: cannot download nvidia-nvml-dev==$version (no network, or no pip);" \
    "abi_vendor_test will be reported as skipped" >&2
  exit 77
fi
echo "$sha256  $work/$wheel" | sha256sum --check --quiet
python3 -m zipfile -e "$work/$wheel" "$work/unpacked"
mkdir -p "$out"
cp "$work/unpacked/nvidia/cu13/include/nvml.h" "$out/nvml.h"
echo "$sha256" >"$out/sha256"

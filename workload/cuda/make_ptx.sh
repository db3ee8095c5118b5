#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles kernels.cu to the PTX that the build embeds. Needs nvcc (CUDA toolkit); other builds use the committed
# kernels.ptx. Usage: make_ptx.sh [OUTPUT]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
nvcc -ptx -O3 -arch=compute_80 -o "${1:-$here/kernels.ptx}" "$here/kernels.cu"

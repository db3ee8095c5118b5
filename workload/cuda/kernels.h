// SPDX-License-Identifier: Apache-2.0
// The PTX of kernels.cu, NUL-terminated; embedded by the build from kernels.ptx.
#ifndef MIGCTL_WORKLOAD_CUDA_KERNELS_H_
#define MIGCTL_WORKLOAD_CUDA_KERNELS_H_

namespace workload::cuda {
extern const char kKernelsPtx[];
}

#endif  // MIGCTL_WORKLOAD_CUDA_KERNELS_H_

// SPDX-License-Identifier: Apache-2.0
// The jobs on a real GPU through CUDA. As jobs.h: they print text or one line of JSON and return
// the exit code.
#ifndef MIGCTL_WORKLOAD_CUDA_JOBS_H_
#define MIGCTL_WORKLOAD_CUDA_JOBS_H_

#include <cstdio>
#include <string>
#include <vector>

#include "workload/jobs.h"

namespace workload {

struct CudaOptions {
  bool graph = true;         // train: one CUDA graph per step
  bool own_kernels = false;  // train: without cuBLASLt
};

// True when a CUDA driver with a visible device is present.
bool cuda_available();

int run_cuda_info(const Options& options, std::FILE* out);
int run_cuda_train(const Options& options, const CudaOptions& cuda, std::FILE* out);
int run_cuda_oom(const Options& options, std::FILE* out);
int run_cuda_fault(const Options& options, std::FILE* out);
int run_cuda_hog(const Options& options, std::FILE* out);
int run_cuda_bench(const Options& options, std::FILE* out);
// Compares training with a float64 reference on the CPU, for every precision.
int run_cuda_check(const Options& options, std::FILE* out);

std::vector<std::string> cuda_fault_names();
std::vector<std::string> cuda_hog_names();

}  // namespace workload

#endif  // MIGCTL_WORKLOAD_CUDA_JOBS_H_

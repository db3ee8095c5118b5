// SPDX-License-Identifier: Apache-2.0
// The lab's programs, on any backend. They print for people to `out` (not with json) or one line of
// JSON at the end, and answer the exit code.
#ifndef MIGCTL_WORKLOAD_JOBS_H_
#define MIGCTL_WORKLOAD_JOBS_H_

#include <cstdint>
#include <cstdio>
#include <string>

#include "workload/backend.h"

namespace workload {

struct Options {
  std::string name = "0";  // of the job, as the lab's script numbers them
  std::string device;      // "" = $CUDA_VISIBLE_DEVICES
  bool simulated = true;
  bool json = false;
  std::uint64_t steps = 1000;
  double seconds = 0;  // 0 = count steps
  Precision precision = Precision::kFp32;
  std::uint32_t batch = 128;
  std::uint64_t bytes = 0;  // oom: 0 = everything and 1 MiB
  std::uint64_t every = 100;
};

int run_info(Backend& backend, const Options& options, std::FILE* out);
int run_train(Backend& backend, const Options& options, std::FILE* out);
int run_oom(Backend& backend, const Options& options, std::FILE* out);

// What info and oom print of what they found, on any device.
void print_info(const DeviceInfo& device, std::uint64_t allocated, std::FILE* out);
void print_oom(const Options& options,
               const DeviceInfo& device,
               std::uint64_t wanted,
               const Result& result,
               std::FILE* out);

// Prints what went wrong; the exit code.
int report_failure(const char* job, const Options& options, const Result& result, std::FILE* out);

}  // namespace workload

#endif  // MIGCTL_WORKLOAD_JOBS_H_

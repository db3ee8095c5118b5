// SPDX-License-Identifier: Apache-2.0
// The lab's programs, on any backend. They print for people to `out` (not with json) or one line of
// JSON at the end, and answer the exit code.
#ifndef MIGCTL_WORKLOAD_JOBS_H_
#define MIGCTL_WORKLOAD_JOBS_H_

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

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
  bool time_steps = false;  // train: p50 and p99 of a step; on CUDA it waits after each
  bool look_only = false;   // info: allocate nothing
  bool announce = false;    // one line of JSON when the work begins
  std::string kind;         // fault, hog: which
};

int run_info(Backend& backend, const Options& options, std::FILE* out);
int run_train(Backend& backend, const Options& options, std::FILE* out);
int run_oom(Backend& backend, const Options& options, std::FILE* out);
int run_fault(Backend& backend, const Options& options, std::FILE* out);
int run_hog(Backend& backend, const Options& options, std::FILE* out);
int run_bench(Backend& backend, const Options& options, std::FILE* out);

// How much info allocates.
std::uint64_t eight_tenths(const Options& options, const DeviceInfo& device);

// What info and oom print of what they found, on any device.
void print_info(const DeviceInfo& device, std::uint64_t allocated, std::FILE* out);
void print_oom(const Options& options,
               const DeviceInfo& device,
               std::uint64_t wanted,
               const Result& result,
               std::FILE* out);

struct FaultEnd {
  bool raised = false;
  std::string report;  // the driver's words
  std::uint64_t rounds = 0;
};

struct HogEnd {
  double per_second = 0;
  std::string unit;
  double seconds = 0;
};

// nullopt = not known, or it cannot be done here; `notes` says why.
struct BenchEnd {
  std::optional<double> dram_gb_per_s, pcie_gb_per_s, launch_us;
  std::optional<double> fp32_tflops, tf32_tflops, bf16_tflops;
  std::vector<std::string> notes;
  double seconds = 0;  // of each measurement
};

// How long each of bench's measurements takes.
double bench_share(const Options& options);

// Their exit codes.
int print_fault(const Options& options,
                const DeviceInfo& device,
                const FaultEnd& end,
                std::FILE* out);
int print_bench(const Options& options,
                const DeviceInfo& device,
                const BenchEnd& end,
                std::FILE* out);
int print_hog(const Options& options, const DeviceInfo& device, const HogEnd& end, std::FILE* out);

// With --announce: from here on the device is at work.
void announce(const char* job, const Options& options, std::FILE* out);

// Prints what went wrong; the exit code.
int report_failure(const char* job, const Options& options, const Result& result, std::FILE* out);

}  // namespace workload

#endif  // MIGCTL_WORKLOAD_JOBS_H_

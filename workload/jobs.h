// SPDX-License-Identifier: Apache-2.0
// The lab's jobs, on any backend. They print text to `out` (not with json) or one line of JSON at
// the end, and return the exit code.
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
  std::string name = "0";  // job number, as the lab's script counts
  std::string device;      // visible device; "" = $CUDA_VISIBLE_DEVICES
  bool simulated = true;
  bool json = false;
  std::uint64_t steps = 1000;
  double seconds = 0;  // duration; 0 = a fixed number of steps
  Precision precision = Precision::kFp32;
  const Model* model = &training_job();  // train: which
  std::uint32_t batch = 128;
  std::uint64_t bytes = 0;  // oom: size to allocate; 0 = the whole memory and 1 MiB
  std::uint64_t every = 100;
  bool time_steps = false;  // train: measure p50 and p99 of a step; on CUDA waits after each
  bool look_only = false;   // info: allocate nothing
  bool announce = false;    // print one line of JSON when the work begins
  std::string kind;         // fault, hog: which kind
};

int run_info(Backend& backend, const Options& options, std::FILE* out);
int run_train(Backend& backend, const Options& options, std::FILE* out);
int run_oom(Backend& backend, const Options& options, std::FILE* out);
int run_fault(Backend& backend, const Options& options, std::FILE* out);
int run_hog(Backend& backend, const Options& options, std::FILE* out);
int run_bench(Backend& backend, const Options& options, std::FILE* out);

// Bytes that the info job allocates.
std::uint64_t eight_tenths(const Options& options, const DeviceInfo& device);

// Output of the info and oom jobs, for any device.
void print_info(const DeviceInfo& device, std::uint64_t allocated, std::FILE* out);
void print_oom(const Options& options,
               const DeviceInfo& device,
               std::uint64_t wanted,
               const Result& result,
               std::FILE* out);

struct FaultEnd {
  bool raised = false;
  std::string report;  // the driver's error text
  std::uint64_t rounds = 0;
};

struct HogEnd {
  double per_second = 0;
  std::string unit;
  double seconds = 0;
};

// Results of the bench job. nullopt = unknown or not available here, with the reason in `notes`.
struct BenchEnd {
  std::optional<double> dram_gb_per_s, pcie_gb_per_s, launch_us;
  std::optional<double> fp32_tflops, tf32_tflops, bf16_tflops;
  std::vector<std::string> notes;
  double seconds = 0;  // duration of each measurement
};

// Seconds that each measurement of the bench job takes.
double bench_share(const Options& options);

// Print the results; return exit codes.
int print_fault(const Options& options,
                const DeviceInfo& device,
                const FaultEnd& end,
                std::FILE* out);
int print_bench(const Options& options,
                const DeviceInfo& device,
                const BenchEnd& end,
                std::FILE* out);
int print_hog(const Options& options, const DeviceInfo& device, const HogEnd& end, std::FILE* out);

// With --announce: prints the line that tells that the device is at work.
void announce(const char* job, const Options& options, std::FILE* out);

// Prints the failure; returns the exit code.
int report_failure(const char* job, const Options& options, const Result& result, std::FILE* out);

}  // namespace workload

#endif  // MIGCTL_WORKLOAD_JOBS_H_

// SPDX-License-Identifier: Apache-2.0
// The table that nvidia-smi shows without arguments, as text from plain rows; layout of driver 580.
// Threading: pure functions.
#ifndef MIGCTL_SMI_SUMMARY_TABLE_H_
#define MIGCTL_SMI_SUMMARY_TABLE_H_

#include <optional>
#include <string>
#include <vector>

#include "smi/processes.h"

namespace mig::smi {

struct SummaryHead {
  std::string time;  // time of the header: "Mon Nov 23 17:19:04 2026"
  std::string driver, cuda;
};

// Unavailable readings are empty and print as N/A.
struct SummaryGpu {
  unsigned index = 0;
  std::string name, persistence, bus, display, ecc;
  std::optional<unsigned> fan_percent, celsius, power_w, power_cap_w, gpu_percent;
  std::string perf;  // "P0"
  std::optional<unsigned long long> memory_used_mib, memory_total_mib;
  std::string compute_mode, mig_mode;
};

struct SummaryMig {
  unsigned gpu = 0, gi = 0, ci = 0, index = 0;
  unsigned long long used_mib = 0, total_mib = 0;
  std::optional<unsigned long long> bar1_used_mib, bar1_total_mib, ecc;
  unsigned sm = 0, copy_engines = 0, encoders = 0, decoders = 0, ofa = 0, jpeg = 0;
};

std::string summary_heading(const SummaryHead& head);
std::string summary_gpu(const SummaryGpu& gpu);
std::string summary_mig(const std::vector<SummaryMig>& devices);
std::string summary_processes(const std::vector<Process>& processes);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_SUMMARY_TABLE_H_

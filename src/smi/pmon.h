// SPDX-License-Identifier: Apache-2.0
// `nvidia-smi pmon`: one line per process and second. With MIG on the driver reports no utilisation
// per process, so those columns show "-", as NVIDIA's tool does.
#ifndef MIGCTL_SMI_PMON_H_
#define MIGCTL_SMI_PMON_H_

#include <optional>
#include <string>
#include <vector>

#include "smi/options.h"
#include "smi/processes.h"
#include "smi/scroll.h"

namespace mig::smi {

struct PmonLoad {  // percent; nullopt = not measured
  std::optional<unsigned> sm, memory, encoder, decoder, jpeg, ofa;
};

// Column groups, by the letters of -s in their order: u utilization, m memory.
struct PmonLayout {
  std::string groups = "u";
  ScrollStamp stamp;
};

struct PmonSample {
  PmonLoad load;
  std::optional<unsigned long long> protected_mib;
};

std::string pmon_heading(const PmonLayout& layout = {});
std::string pmon_line(const PmonLayout& layout, const Process& process, const PmonSample& sample);
// Line of a GPU without processes.
std::string pmon_idle_line(const PmonLayout& layout, unsigned gpu);

Options parse_pmon(const std::vector<std::string>& words);
UsageError pmon_usage_error(const Options& options);
std::string pmon_help();
int run_pmon(const Run& run, const Options& options);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_PMON_H_

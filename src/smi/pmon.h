// SPDX-License-Identifier: Apache-2.0
// `nvidia-smi pmon`: one line per process and second. With MIG on the driver gives no utilisation
// per process, so those columns show "-", as NVIDIA's tool does.
#ifndef MIGCTL_SMI_PMON_H_
#define MIGCTL_SMI_PMON_H_

#include <optional>
#include <string>
#include <vector>

#include "smi/options.h"
#include "smi/processes.h"

namespace mig::smi {

struct PmonLoad {  // per cent; none = not measured
  std::optional<unsigned> sm, memory, encoder, decoder, jpeg, ofa;
};

std::string pmon_heading();
std::string pmon_line(const Process& process, const PmonLoad& load);
// A GPU without processes.
std::string pmon_idle_line(unsigned gpu);

Options parse_pmon(const std::vector<std::string>& words);
UsageError pmon_usage_error(const Options& options);
std::string pmon_help();
int run_pmon(const Run& run, const Options& options);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_PMON_H_

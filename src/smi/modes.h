// SPDX-License-Identifier: Apache-2.0
// `nvidia-smi -mig 0|1`, `-pm 0|1` and `--gpu-reset`: the commands that change a whole GPU. Each
// returns the exit code.
#ifndef MIGCTL_SMI_MODES_H_
#define MIGCTL_SMI_MODES_H_

#include <optional>
#include <string>
#include <vector>

#include "smi/run.h"

namespace mig::smi {

// Parses "0", "1", "DISABLED", "ENABLED" (either case); nullopt otherwise.
std::optional<bool> parse_switch(const std::string& value);

// nvidia-smi's warning that a change lasts only as long as the driver is loaded.
std::string persistence_warning(const std::string& bus);

int set_mig_mode(const Run& run, const std::vector<Gpu>& gpus, bool enable);
int set_persistence_mode(const Run& run, const std::vector<Gpu>& gpus, bool enable);

// Resets a simulated machine's GPUs through its library; on a real machine prints what to use
// instead.
int reset_gpus(const Run& run, const std::vector<Gpu>& gpus);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_MODES_H_

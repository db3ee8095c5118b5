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

// "0", "1", "DISABLED", "ENABLED" (either case); nullopt otherwise.
std::optional<bool> parse_switch(const std::string& value);

// What nvidia-smi says when a change lasts only as long as the driver stays loaded.
std::string persistence_warning(const std::string& bus);

int set_mig_mode(const Run& run, const std::vector<Gpu>& gpus, bool enable);
int set_persistence_mode(const Run& run, const std::vector<Gpu>& gpus, bool enable);

// Only a simulated machine can be reset through its library; for a real one says who can.
int reset_gpus(const Run& run, const std::vector<Gpu>& gpus);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_MODES_H_

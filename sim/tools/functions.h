// SPDX-License-Identifier: Apache-2.0
// The names that libnvidia-ml.so.1 exports (sim/exports/symbols_r580.txt, built in).
#ifndef MIGCTL_SIM_TOOLS_FUNCTIONS_H_
#define MIGCTL_SIM_TOOLS_FUNCTIONS_H_

#include <span>
#include <string_view>

namespace migsim {

std::span<const std::string_view> exported_functions();

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_FUNCTIONS_H_

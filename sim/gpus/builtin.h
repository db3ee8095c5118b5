// SPDX-License-Identifier: Apache-2.0
// The table that embed.cmake writes from the JSON files of this folder.
#ifndef MIGCTL_SIM_GPUS_BUILTIN_H_
#define MIGCTL_SIM_GPUS_BUILTIN_H_

#include <span>
#include <string_view>

namespace migsim {

struct BuiltinBoard {
  std::string_view key;
  std::string_view json;
};

extern const std::span<const BuiltinBoard> kBuiltinBoards;

}  // namespace migsim

#endif  // MIGCTL_SIM_GPUS_BUILTIN_H_

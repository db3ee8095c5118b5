// SPDX-License-Identifier: Apache-2.0
// Arguments of `sim create`, as values.
#ifndef MIGCTL_SIM_TOOLS_MACHINE_SPEC_H_
#define MIGCTL_SIM_TOOLS_MACHINE_SPEC_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/tools/problem.h"

namespace migsim {

struct MachineSpec {
  std::string name;
  std::string gpus;        // "2x a100-sxm4-40gb, 1x h200-141gb"
  std::string board_file;  // board file of one more board; "" = none
  std::string driver = "580.159.04";
  std::string latency = "scaled";
  std::uint64_t seed = 0;
  std::string swap;      // GPUs with swapped halves: "" = none, "all", or indices "2,3,5-7"
  std::string graphics;  // the same for workstation boards with their display outputs on
  bool fresh_uuids = false;
  bool vm = false;
  bool shared = false;
  bool disable_destroys_idle = false;
  std::string clients;  // services that run from power-on: "dcgm,persistenced"
};

// A machine's name: 1 to 63 of a-z 0-9 . _ -, not starting with . or -.
Problem check_machine_name(std::string_view name);

// Parses a list of boards into keys in GPU order; `known` are the available boards.
Problem parse_gpus(std::string_view text,
                   const std::vector<std::string_view>& known,
                   std::vector<std::string>& keys);

// Parses "", "all" or indices of GPUs ("2,3,5-7") below `gpus` into one flag per GPU; `all` is set
// for "all", which selects every capable GPU. Errors name `option` ("--swap").
Problem parse_which(std::string_view option,
                    std::string_view text,
                    std::size_t gpus,
                    std::vector<bool>& chosen,
                    bool& all);

// Parses true, scaled, none or a number from 0 to 100000 (1000 = as on hardware).
Problem parse_latency(std::string_view text, std::uint32_t& permille);

// Parses "dcgm,persistenced" into bits of services (sim/machine/services.h); unit names are
// accepted. Errors name `option`.
Problem parse_services(std::string_view text, std::string_view option, std::uint32_t& services);

// A driver version: two or three groups of digits ("580.159.04"), major 450 or later (the first
// with MIG).
Problem check_driver_version(std::string_view text);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_MACHINE_SPEC_H_

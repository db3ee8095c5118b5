// SPDX-License-Identifier: Apache-2.0
// Deterministic UUIDs and serial numbers: equal seed, machine and GPU index give equal ones.
#ifndef MIGCTL_SIM_TOOLS_IDENTITY_H_
#define MIGCTL_SIM_TOOLS_IDENTITY_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace migsim {

// Deterministic UUID: "GPU-9c3469f8-18d9-fbb9-2578-4e38e4446db4".
std::string gpu_uuid(std::uint64_t seed, std::string_view machine, std::uint32_t index);

// Deterministic serial number of thirteen digits, as on an H200.
std::string gpu_serial(std::uint64_t seed, std::string_view machine, std::uint32_t index);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_IDENTITY_H_

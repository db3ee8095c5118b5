// SPDX-License-Identifier: Apache-2.0
// Power limits and clocks that users set, and their supported ranges: NVML's rules as codes of
// NVML. Settings last until the GPU is reset or the machine rebooted, as with persistence mode on.
#ifndef MIGCTL_SIM_MACHINE_SETTINGS_H_
#define MIGCTL_SIM_MACHINE_SETTINGS_H_

#include <cstdint>
#include <vector>

#include "sim/machine/mig.h"
#include "sim/machine/state.h"

namespace migsim {

// Effective values: what was set, else the board's default; kUnknown where the board file has none.
std::int64_t power_limit_mw(const Board& board, const GpuState& gpu);

// Supported clocks, highest first; empty = the board file does not list them.
std::vector<std::uint32_t> memory_clocks_mhz(const Board& board);
std::vector<std::uint32_t> sm_clocks_mhz(const Board& board, std::uint32_t memory_mhz);

// INVALID_ARGUMENT outside of the board's range, NOT_SUPPORTED on boards without a known range.
int set_power_limit(GpuRef gpu, std::uint32_t milliwatts);

// H200, 580.159.04 accepts a maximum above every supported clock and a minimum of 0; which ranges
// the driver refuses is not published. Refused here: a minimum above the maximum or above every
// clock.
int lock_sm_clocks(GpuRef gpu, std::uint32_t min_mhz, std::uint32_t max_mhz);
int lock_memory_clocks(GpuRef gpu, std::uint32_t min_mhz, std::uint32_t max_mhz);

// Accepts only pairs that sm_clocks_mhz() lists; INVALID_ARGUMENT for others.
int set_application_clocks(GpuRef gpu, std::uint32_t memory_mhz, std::uint32_t sm_mhz);

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_SETTINGS_H_

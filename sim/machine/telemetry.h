// SPDX-License-Identifier: Apache-2.0
// Sensors and counters of a GPU at a moment, derived from its processes: pure functions of State
// and time. All model numbers come from the Board; docs/simulator.md says which are true to
// hardware and which are modelled.
#ifndef MIGCTL_SIM_MACHINE_TELEMETRY_H_
#define MIGCTL_SIM_MACHINE_TELEMETRY_H_

#include <cstdint>
#include <optional>

#include "sim/machine/state.h"

namespace migsim {

// Integrates counters and energy of `gpu` up to `now` and recomputes the rates from its processes.
// Call inside a Change before and after any change of processes, rates or instances.
void settle(const Hardware& hardware, State& state, std::uint32_t gpu, std::uint64_t now);

// Sensors; nullopt = the board file has no figure (NOT_SUPPORTED).
std::optional<std::uint32_t> power_mw(const Hardware& hardware,
                                      const State& state,
                                      std::uint32_t gpu);
std::optional<double> energy_mj(const Hardware& hardware,
                                const State& state,
                                std::uint32_t gpu,
                                std::uint64_t now);
std::optional<std::uint32_t> temperature_c(const Hardware& hardware,
                                           const State& state,
                                           std::uint32_t gpu,
                                           std::uint64_t now);
std::optional<std::uint32_t> clock_sm_mhz(const Hardware& hardware,
                                          const State& state,
                                          std::uint32_t gpu);
std::optional<std::uint32_t> clock_mem_mhz(const Hardware& hardware,
                                           const State& state,
                                           std::uint32_t gpu);

// Utilisation of the whole GPU in percent (MIG off), from the current rates.
std::uint32_t gpu_utilization(const State& state, std::uint32_t gpu);
std::uint32_t memory_utilization(const State& state, std::uint32_t gpu);

// Counters of the GPU (gi == kNone) or of one GPU instance at `now`, for GPM samples.
Counters counters_at(const State& state, std::uint32_t gpu, std::uint32_t gi, std::uint64_t now);

// Device memory in bytes. gi == kNone: whole GPU (all instances and processes together).
struct MemoryUse {
  std::uint64_t total = 0, reserved = 0, used = 0;
};

std::optional<MemoryUse> memory_use(const Hardware& hardware,
                                    const State& state,
                                    std::uint32_t gpu,
                                    std::uint32_t gi);

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_TELEMETRY_H_

// SPDX-License-Identifier: Apache-2.0
// MIG semantics of one GPU, as functions over State (pure: no lock, no I/O, no clock): what is free,
// where an instance goes, what a call answers. Return values are NVML's codes (abi/nvml.h), given as
// int so that this header needs no ABI. Sources of each rule: docs/simulator.md.
#ifndef MIGCTL_SIM_MACHINE_MIG_H_
#define MIGCTL_SIM_MACHINE_MIG_H_

#include <cstdint>
#include <optional>

#include "sim/machine/state.h"

namespace migsim {

struct GpuRef {
  const Hardware& hardware;
  State& state;
  std::uint32_t gpu;
  const Board& board() const { return hardware.boards[state.gpus[gpu].board]; }
  GpuState& self() const { return state.gpus[gpu]; }
};

// nullptr when the board has no such profile.
const GiProfile* find_gi_profile_by_enum(const Board& board, std::uint32_t profile);
const GiProfile* find_gi_profile_by_id(const Board& board, std::uint32_t id);

// The id of an instance at a logical placement: its node in the slice tree (facts: kernel rule).
std::uint32_t gi_id_of(const Board& board, Placement placement, bool swap_halves);

// Mode. Sets pending (and current where no reset is needed); `activation` is nvml's second answer.
int set_mig_mode(GpuRef gpu, std::uint32_t mode, int& activation);

// GPU instances. remaining: how many more of the profile fit now, in the best order.
std::uint32_t gi_remaining(const GpuRef& gpu, const GiProfile& profile);
bool gi_placement_free(const GpuRef& gpu, const GiProfile& profile, Placement placement);
std::optional<Placement> gi_default_placement(const GpuRef& gpu, const GiProfile& profile);
int create_gi(GpuRef gpu, const GiProfile& profile, std::optional<Placement> at, std::uint32_t& gi_id);
int destroy_gi(GpuRef gpu, std::uint32_t gi_id);

// Compute instances inside a GPU instance.
const CiProfile* find_ci_profile(const GiProfile& profile, std::uint32_t ci_profile);
std::uint32_t ci_remaining(const GpuRef& gpu, std::uint32_t gi_id, const CiProfile& profile);
int create_ci(GpuRef gpu, std::uint32_t gi_id, const CiProfile& profile, std::optional<Placement> at,
              std::uint32_t& ci_id);
int destroy_ci(GpuRef gpu, std::uint32_t gi_id, std::uint32_t ci_id);

// MIG device index order: ascending GI id, then CI id, dense from 0. False when out of range.
bool mig_device_at(const GpuState& gpu, std::uint32_t index, std::uint32_t& gi, std::uint32_t& ci);
std::uint32_t max_mig_devices(const GpuRef& gpu);

// Reset of one GPU and reboot of the machine: instances and processes go, pending mode takes effect
// as the architecture says. IN_USE when a process is on the GPU (reset only).
int reset_gpu(GpuRef gpu);
void reboot(const Hardware& hardware, State& state);

// Processes on an instance (kNone = whole GPU).
bool has_process(const State& state, std::uint32_t gpu, std::uint32_t gi, std::uint32_t ci);

// Empty when every invariant of the machine holds, else what is broken (tests, `sim list --check`).
const char* broken_invariant(const Hardware& hardware, const State& state);

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_MIG_H_

// SPDX-License-Identifier: Apache-2.0
// MIG semantics of one GPU, as functions over State (pure: no lock, no I/O, no clock): what is
// free, where an instance goes, what a call answers. Return values are NVML's codes (abi/nvml.h),
// given as int so that this header needs no ABI. Sources of each rule: docs/simulator.md.
#ifndef MIGCTL_SIM_MACHINE_MIG_H_
#define MIGCTL_SIM_MACHINE_MIG_H_

#include <cstdint>
#include <optional>

#include "sim/machine/state.h"

namespace migsim {

// One GPU of a state to look at.
struct GpuView {
  const Hardware& hardware;
  const State& state;
  std::uint32_t gpu;

  const Board& board() const { return hardware.boards[state.gpus[gpu].board]; }

  const GpuState& self() const { return state.gpus[gpu]; }
};

// One GPU of a state to change; good wherever a GpuView is asked for.
struct GpuRef {
  const Hardware& hardware;
  State& state;
  std::uint32_t gpu;

  // NOLINTNEXTLINE(google-explicit-constructor): a changeable GPU is also one to look at
  operator GpuView() const { return {hardware, state, gpu}; }

  const Board& board() const { return hardware.boards[state.gpus[gpu].board]; }

  GpuState& self() const { return state.gpus[gpu]; }
};

// nullptr when the board has no such profile.
const GiProfile* find_gi_profile_by_enum(const Board& board, std::uint32_t profile);
const GiProfile* find_gi_profile_by_id(const Board& board, std::uint32_t id);

// The id of an instance at a logical placement: its node in the slice tree (facts: kernel rule).
std::uint32_t gi_id_of(const Board& board, Placement placement, bool swap_halves);

// Mode. `activation` is nvml's second answer: SUCCESS from the call with another activation means
// that the mode is pending and why.
//   Boards that need a reset (Ampere): the driver resets the idle GPU itself, so current changes at
//   once. As long as anybody else has the GPU open it stays pending (IN_USE): a job, a monitoring
//   agent between nvmlInit and nvmlShutdown, a display. In a VM, which cannot reset the GPU it was
//   handed, it stays pending too (NOT_SUPPORTED) until the VM reboots.
//   Others (Hopper and later): takes effect at once, whoever has the GPU open; the call fails with
//   IN_USE when something computes on it.
//   Disabling with GPU instances alive fails with IN_USE; Options::disable_destroys_idle lets it
//   remove them where no process runs on them.
//   `opened`: another process than the caller has the GPU's device node open (sim/tree/open_nodes.h
//   finds out); services are known from the state.
int set_mig_mode(GpuRef gpu, std::uint32_t mode, int& activation, bool opened = false);

// GPU instances. remaining: how many more of the profile fit now, in the best order; the same with
// MIG off, where it is that of an empty GPU. default placement: the free one that leaves the most
// (profile, placement) pairs free, the lowest of equals.
std::uint32_t gi_remaining(const GpuView& gpu, const GiProfile& profile);
bool gi_placement_free(const GpuView& gpu, const GiProfile& profile, Placement placement);
std::optional<Placement> gi_default_placement(const GpuView& gpu, const GiProfile& profile);
int create_gi(GpuRef gpu,
              const GiProfile& profile,
              std::optional<Placement> at,
              std::uint32_t& gi_id);
// `opened`: another process than the caller has the capability node of the instance open, so it is
// in use.
int destroy_gi(GpuRef gpu, std::uint32_t gi_id, bool opened = false);

// Compute instances inside a GPU instance. Their ids are the lowest free. Without a placement a CI
// goes to the lowest free one, or, on boards that align them, to the one that leaves the most
// (profile, placement) pairs free, like a GPU instance. Profiles may share a name, so they are told
// apart by number.
const CiProfile* find_ci_profile(const GiProfile& profile, std::uint32_t ci_profile);
std::uint32_t ci_remaining(const GpuView& gpu, std::uint32_t gi_id, const CiProfile& profile);
int create_ci(GpuRef gpu,
              std::uint32_t gi_id,
              const CiProfile& profile,
              std::optional<Placement> at,
              std::uint32_t& ci_id);
int destroy_ci(GpuRef gpu, std::uint32_t gi_id, std::uint32_t ci_id, bool opened = false);

// MIG device index order: ascending GI id, then CI id, dense from 0. False when out of range.
bool mig_device_at(const GpuState& gpu, std::uint32_t index, std::uint32_t& gi, std::uint32_t& ci);
std::uint32_t max_mig_devices(const GpuView& gpu);

// Reset of one GPU: instances go, pending mode takes effect; IN_USE when a process is on the GPU or
// anybody else has it open (`opened` as above), on every architecture; NOT_SUPPORTED in a VM
// (Options::vm_passthrough).
// Reboot of the machine: instances and processes go, a lost GPU is back. The mode is kept in the
// board where it needs a reset (Ampere) and is off again elsewhere (Hopper and later keep it only
// while the driver is loaded).
int reset_gpu(GpuRef gpu, bool opened = false);
void reboot(const Hardware& hardware, State& state);

// Processes on an instance (kNone = whole GPU).
bool has_process(const State& state, std::uint32_t gpu, std::uint32_t gi, std::uint32_t ci);

// Empty when every invariant of the machine holds, else what is broken (tests, `sim list --check`).
const char* broken_invariant(const Hardware& hardware, const State& state);

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_MIG_H_

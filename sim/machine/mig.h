// SPDX-License-Identifier: Apache-2.0
// MIG semantics of one GPU, as functions over State (pure: no lock, no I/O, no clock): what is
// free, where an instance is placed, which code a call returns. Return values are NVML's codes
// (abi/nvml.h), typed int so that this header needs no ABI. Sources of each rule:
// docs/simulator.md.
#ifndef MIGCTL_SIM_MACHINE_MIG_H_
#define MIGCTL_SIM_MACHINE_MIG_H_

#include <cstdint>
#include <optional>

#include "sim/machine/state.h"

namespace migsim {

// One GPU of a state, for reading.
struct GpuView {
  const Hardware& hardware;
  const State& state;
  std::uint32_t gpu;

  const Board& board() const { return hardware.boards[state.gpus[gpu].board]; }

  const GpuState& self() const { return state.gpus[gpu]; }
};

// One GPU of a state, for writing; converts to a GpuView.
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

// Id of the GPU instance at a logical placement: the node's number in the slice tree (as the kernel
// module numbers them).
std::uint32_t gi_id_of(const Board& board, Placement placement, bool swap_halves);

// Mode. `activation` is nvml's second answer: SUCCESS from the call with another activation means
// that the mode is pending and why.
//   Boards that need a reset (Ampere): the driver resets the idle GPU itself, so current changes at
//   once. As long as another process has the GPU open the mode stays pending (IN_USE): a job, a
//   monitoring agent between nvmlInit and nvmlShutdown, a display. In a VM, which cannot reset a
//   passed-through GPU, the mode stays pending too (NOT_SUPPORTED) until the VM reboots. Others
//   (Hopper and later): the mode takes effect at once, even with the GPU open elsewhere; the call
//   fails with IN_USE when a process computes on the GPU. Disabling with GPU instances alive fails
//   with IN_USE; Options::disable_destroys_idle removes idle ones instead. `opened`: a process
//   other than the caller has the GPU's device node open (sim/tree/open_nodes.h finds out);
//   services are known from the state.
int set_mig_mode(GpuRef gpu, std::uint32_t mode, int& activation, bool opened = false);

// GPU instances. gi_remaining: how many more of the profile fit now, created in the best order;
// with MIG off, the answer for an empty GPU. Default placement: the free placement that leaves the
// most (profile, placement) pairs free, the lowest among equals.
std::uint32_t gi_remaining(const GpuView& gpu, const GiProfile& profile);
bool gi_placement_free(const GpuView& gpu, const GiProfile& profile, Placement placement);
std::optional<Placement> gi_default_placement(const GpuView& gpu, const GiProfile& profile);
int create_gi(GpuRef gpu,
              const GiProfile& profile,
              std::optional<Placement> at,
              std::uint32_t& gi_id);
// `opened`: a process other than the caller has the instance's capability node open, so the
// instance is in use.
int destroy_gi(GpuRef gpu, std::uint32_t gi_id, bool opened = false);

// Compute instances inside a GPU instance. Ids: the lowest free. Default placement: the lowest free
// or, on aligned boards, the one that leaves the most (profile, placement) pairs free, as for GPU
// instances. Compute profiles may share a name, so they are identified by number.
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

// Reset of one GPU: removes its instances, a pending mode takes effect; IN_USE when a process is on
// the GPU or has it open (`opened` as above), on every architecture; NOT_SUPPORTED in a VM
// (Options::vm_passthrough). Reboot of the machine: removes instances and processes, restores lost
// GPUs. The MIG mode survives a reboot on boards that store it (Ampere) and is off after a reboot
// elsewhere (Hopper and later keep the mode only while the driver is loaded).
int reset_gpu(GpuRef gpu, bool opened = false);
void reboot(const Hardware& hardware, State& state);

// True when a process runs on the instance (kNone = whole GPU).
bool has_process(const State& state, std::uint32_t gpu, std::uint32_t gi, std::uint32_t ci);

// First broken invariant of the machine, nullptr when all hold (tests, `sim list --check`).
const char* broken_invariant(const Hardware& hardware, const State& state);

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_MIG_H_

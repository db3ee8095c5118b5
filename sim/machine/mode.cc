// SPDX-License-Identifier: Apache-2.0
// MIG mode, reset and reboot.
#include "abi/nvml.h"
#include "sim/machine/mig.h"
#include "sim/machine/process.h"
#include "sim/machine/rules.h"
#include "sim/machine/services.h"

namespace migsim {
namespace {

void apply_mode(GpuState& gpu, std::uint32_t mode) {
  gpu.mig_current = mode;
  gpu.mig_pending = mode;
  if (mode != 0) {
    gpu.accounting = 0;  // the driver turns accounting off when it enables MIG
  }
}

// Effects of a reset of the GPU, whatever caused the reset.
void power_cycle(GpuState& gpu) {
  clear_instances(gpu);
  gpu.ecc_corrected = 0;
  gpu.ecc_uncorrected = 0;
  gpu.remap_pending = 0;
  gpu.recovery_action = NVML_GPU_RECOVERY_ACTION_NONE;
  gpu.ecc_enabled = gpu.ecc_pending;
  gpu.settings = {};
}

// NVML_SUCCESS when the GPU supports MIG mode now, else the code that says why not.
int check_mode_support(GpuRef gpu) {
  const GpuState& self = gpu.self();
  if (self.lost != 0) {
    return NVML_ERROR_GPU_IS_LOST;
  }
  if (gpu.board().gi_profile_count == 0 || self.graphics_mode != 0) {
    return NVML_ERROR_NOT_SUPPORTED;
  }
  return NVML_SUCCESS;
}

void make_pending(GpuRef gpu, std::uint32_t mode) {
  GpuState& self = gpu.self();
  if (self.mig_pending != mode) {
    self.mig_pending = mode;
    ++gpu.state.generation;
  }
}

}  // namespace

int set_mig_mode(GpuRef gpu, std::uint32_t mode, int& activation, bool opened) {
  GpuState& self = gpu.self();
  const Board& board = gpu.board();
  activation = NVML_SUCCESS;
  if (mode != NVML_DEVICE_MIG_DISABLE && mode != NVML_DEVICE_MIG_ENABLE) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  if (const int code = check_mode_support(gpu); code != NVML_SUCCESS) {
    return code;
  }
  if (mode == self.mig_current) {
    make_pending(gpu, mode);
    return NVML_SUCCESS;
  }
  const bool busy = has_process(gpu.state, gpu.gpu, kNone, kNone);
  if (has_gi(self) && (gpu.state.options.disable_destroys_idle == 0 || busy)) {
    activation = NVML_ERROR_IN_USE;
    return NVML_ERROR_IN_USE;
  }
  const bool in_vm = gpu.state.options.vm_passthrough != 0;
  const bool held = busy || opened || any_service_holds(gpu.state, gpu.gpu);
  if (board.mode_needs_reset != 0 && (in_vm || held)) {
    activation = in_vm ? NVML_ERROR_NOT_SUPPORTED : NVML_ERROR_IN_USE;
    make_pending(gpu, mode);
    return NVML_SUCCESS;
  }
  if (busy) {
    activation = NVML_ERROR_IN_USE;
    return NVML_ERROR_IN_USE;
  }
  if (board.mode_needs_reset != 0) {
    power_cycle(self);
  }
  clear_instances(self);
  apply_mode(self, mode);
  ++gpu.state.generation;
  return NVML_SUCCESS;
}

int reset_gpu(GpuRef gpu, bool opened) {
  GpuState& self = gpu.self();
  if (self.lost != 0) {
    return NVML_ERROR_GPU_IS_LOST;
  }
  if (gpu.state.options.vm_passthrough != 0) {
    return NVML_ERROR_NOT_SUPPORTED;
  }
  if (opened || has_process(gpu.state, gpu.gpu, kNone, kNone) ||
      any_service_holds(gpu.state, gpu.gpu)) {
    return NVML_ERROR_IN_USE;
  }
  power_cycle(self);
  apply_mode(self, self.mig_pending);
  ++gpu.state.generation;
  return NVML_SUCCESS;
}

void reboot(const Hardware& hardware, State& state) {
  while (state.process_top > 0) {
    remove_process(state, state.process_top - 1);
  }
  for (std::uint32_t i = 0; i < hardware.gpu_count; ++i) {
    GpuState& gpu = state.gpus[i];
    power_cycle(gpu);
    const bool kept = hardware.boards[gpu.board].mode_needs_reset != 0;
    apply_mode(gpu, kept ? gpu.mig_pending : 0);
    gpu.lost = 0;
    gpu.persistence = runs(state, kPersistenced) ? 1 : 0;
    gpu.compute_mode = 0;
    gpu.accounting = 0;
    gpu.energy_mj = 0;  // NVML counts energy since the driver was loaded
  }
  ++state.boot_count;
  ++state.generation;
}

}  // namespace migsim

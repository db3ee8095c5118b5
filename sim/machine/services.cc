// SPDX-License-Identifier: Apache-2.0
#include "sim/machine/services.h"

namespace migsim {

std::uint32_t find_service(std::string_view name) {
  constexpr std::string_view kSuffix = ".service";
  if (name.ends_with(kSuffix)) {
    name.remove_suffix(kSuffix.size());
  }
  for (std::uint32_t i = 0; i < kServiceCount; ++i) {
    std::string_view unit = kServices[i].unit;
    unit = unit.substr(0, unit.rfind(kSuffix));
    if (name == kServices[i].key || (!unit.empty() && name == unit)) {
      return i;
    }
  }
  return kServiceCount;
}

bool runs(const State& state, std::uint32_t service) {
  return service < kServiceCount && (state.services >> service & 1U) != 0;
}

void set_service(const Hardware& hardware, State& state, std::uint32_t service, bool on) {
  if (service >= kServiceCount || runs(state, service) == on) {
    return;
  }
  state.services ^= 1U << service;
  ++state.generation;
  if (service == kPersistenced) {
    for (std::uint32_t gpu = 0; gpu < hardware.gpu_count; ++gpu) {
      state.gpus[gpu].persistence = on ? 1 : 0;
    }
  }
}

bool service_holds(const State& state, std::uint32_t service, std::uint32_t gpu) {
  return runs(state, service) && (service != kPersistenced || state.gpus[gpu].persistence != 0);
}

bool any_service_holds(const State& state, std::uint32_t gpu) {
  for (std::uint32_t service = 0; service < kServiceCount; ++service) {
    if (service_holds(state, service, gpu)) {
      return true;
    }
  }
  return false;
}

std::uint64_t display_bytes(const State& state, std::uint32_t gpu) {
  std::uint64_t bytes = 0;
  for (std::uint32_t service = 0; service < kServiceCount; ++service) {
    bytes += service_holds(state, service, gpu) ? kServices[service].display_bytes : 0;
  }
  return bytes;
}

bool display_draws(const State& state, std::uint32_t gpu) {
  return display_bytes(state, gpu) != 0;
}

bool has_outputs(const Board& board, const GpuState& gpu) {
  return board.pci_class == kVgaClass && gpu.graphics_mode != 0;
}

std::uint32_t pci_class_of(const Board& board, const GpuState& gpu) {
  return board.pci_class == kVgaClass && gpu.graphics_mode == 0 ? k3dClass : board.pci_class;
}

bool display_active(const Board& board, const State& state, std::uint32_t gpu) {
  return has_outputs(board, state.gpus[gpu]) && display_draws(state, gpu);
}

}  // namespace migsim

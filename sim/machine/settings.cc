// SPDX-License-Identifier: Apache-2.0
#include "sim/machine/settings.h"

#include <algorithm>

#include "abi/nvml.h"

namespace migsim {

namespace {

bool has(const std::vector<std::uint32_t>& clocks, std::uint32_t mhz) {
  return std::find(clocks.begin(), clocks.end(), mhz) != clocks.end();
}

// Intersects the requested range with the clocks that the board supports.
int lock(const std::vector<std::uint32_t>& clocks,
         std::uint32_t min_mhz,
         std::uint32_t max_mhz,
         std::uint32_t& lock_min,
         std::uint32_t& lock_max) {
  if (clocks.empty()) {
    return NVML_ERROR_NOT_SUPPORTED;
  }
  if (min_mhz > max_mhz || max_mhz == 0 || min_mhz > clocks.front()) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  lock_min = std::max(min_mhz, clocks.back());
  lock_max = std::clamp(max_mhz, clocks.back(), clocks.front());
  return NVML_SUCCESS;
}

}  // namespace

std::int64_t power_limit_mw(const Board& board, const GpuState& gpu) {
  return gpu.settings.power_limit_mw != 0 ? gpu.settings.power_limit_mw : board.power_limit_mw;
}

std::vector<std::uint32_t> memory_clocks_mhz(const Board& board) {
  std::vector<std::uint32_t> clocks;
  if (board.clock_mem_max_mhz == kUnknown) {
    return clocks;
  }
  const auto highest = static_cast<std::uint32_t>(board.clock_mem_max_mhz);
  if (board.clock_mem_low_mhz != kUnknown) {
    clocks.push_back(highest);
    if (board.clock_mem_low_mhz != 0) {
      clocks.push_back(static_cast<std::uint32_t>(board.clock_mem_low_mhz));
    }
  } else if (board.clock_mem_max_mhz == board.clock_mem_idle_mhz) {
    clocks.push_back(highest);  // memory of a single clock, busy or idle
  }
  return clocks;
}

std::vector<std::uint32_t> sm_clocks_mhz(const Board& board, std::uint32_t memory_mhz) {
  std::vector<std::uint32_t> clocks;
  const std::int64_t step = board.clock_sm_step_mhz;
  if (board.clock_sm_max_mhz == kUnknown || board.clock_sm_min_mhz == kUnknown ||
      step == kUnknown || step <= 0 || !has(memory_clocks_mhz(board), memory_mhz)) {
    return clocks;
  }
  for (std::int64_t mhz = board.clock_sm_max_mhz; mhz >= board.clock_sm_min_mhz; mhz -= step) {
    clocks.push_back(static_cast<std::uint32_t>(mhz));
  }
  return clocks;
}

int set_power_limit(GpuRef gpu, std::uint32_t milliwatts) {
  const Board& board = gpu.board();
  if (board.power_limit_mw == kUnknown || board.power_min_limit_mw == kUnknown) {
    return NVML_ERROR_NOT_SUPPORTED;
  }
  if (milliwatts < board.power_min_limit_mw || milliwatts > board.power_limit_mw) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  gpu.self().settings.power_limit_mw = milliwatts;
  return NVML_SUCCESS;
}

int lock_sm_clocks(GpuRef gpu, std::uint32_t min_mhz, std::uint32_t max_mhz) {
  const std::vector<std::uint32_t> memory = memory_clocks_mhz(gpu.board());
  Settings& set = gpu.self().settings;
  return lock(memory.empty() ? memory : sm_clocks_mhz(gpu.board(), memory.front()),
              min_mhz,
              max_mhz,
              set.sm_lock_min_mhz,
              set.sm_lock_max_mhz);
}

int lock_memory_clocks(GpuRef gpu, std::uint32_t min_mhz, std::uint32_t max_mhz) {
  Settings& set = gpu.self().settings;
  return lock(
      memory_clocks_mhz(gpu.board()), min_mhz, max_mhz, set.mem_lock_min_mhz, set.mem_lock_max_mhz);
}

int set_application_clocks(GpuRef gpu, std::uint32_t memory_mhz, std::uint32_t sm_mhz) {
  const Board& board = gpu.board();
  if (sm_clocks_mhz(board,
                    board.clock_mem_max_mhz == kUnknown
                        ? 0
                        : static_cast<std::uint32_t>(board.clock_mem_max_mhz))
          .empty()) {
    return NVML_ERROR_NOT_SUPPORTED;
  }
  if (!has(sm_clocks_mhz(board, memory_mhz), sm_mhz)) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  gpu.self().settings.application_mem_mhz = memory_mhz;
  gpu.self().settings.application_sm_mhz = sm_mhz;
  return NVML_SUCCESS;
}

}  // namespace migsim

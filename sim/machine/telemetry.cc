// SPDX-License-Identifier: Apache-2.0
// Each constant says whether it is measured or a model; the page for users is docs/simulator.md.
#include "sim/machine/telemetry.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <iterator>

#include "abi/nvml.h"
#include "sim/machine/services.h"

namespace migsim {

namespace {

constexpr std::uint64_t kMib = UINT64_C(1) << 20;
constexpr double kNsPerSecond = 1e9;

// Power model: share of the span between idle power and power limit that each activity takes.
constexpr double kPowerOfSm = 0.45;
constexpr double kPowerOfTensor = 0.25;
constexpr double kPowerOfDram = 0.30;

// Heat model: time constant of the heat sink.
constexpr double kHeatSeconds = 15.0;

// Memory that an idle GPU instance reports as used with R590, by compute slices, in half MiB. Seen
// (driver 590.48.01): 1g and 2g print 9 and 17 MiB on H100 and H200, a 3g 26 with its full compute
// instance (H100) and 22 with 1c and 2c (H200); 3g+2g+1g+1g together 59 and 55 MiB, which whole MiB
// would not add up to. Larger instances are a model: 5 MiB per further slice.
constexpr std::uint64_t kIdleHalfMib[] = {0, 17, 33, 51, 61, 71, 81, 91, 101};
constexpr std::uint64_t kLessInPartsHalfMib = 8;  // less for a 3g+ with slices left free
// R580.173.02: 15 MiB for a 1g on H100 and H200. The same surplus for other profiles is a model.
constexpr std::uint64_t kMoreWithR580HalfMib = 13;
// A 1g with double memory of an A100 with R535: 12.5 MiB.
constexpr std::uint64_t kDoubleMemoryR535HalfMib = 25;

bool known(std::int64_t figure) {
  return figure != kUnknown;
}

const Board& board_of(const Hardware& hardware, const State& state, std::uint32_t gpu) {
  return hardware.boards[state.gpus[gpu].board];
}

const GiProfile& profile_of(const Board& board, const GiState& gi) {
  return board.gi_profiles[gi.profile_index];
}

// True for metrics in bytes per second, which are summed; all others are shares, which are
// weighted.
bool is_absolute(std::uint32_t metric) {
  return metric == kPcieTx || metric == kPcieRx;
}

// Share of its GPU instance's metric that a process on `ci` can use. Memory belongs to the GPU
// instance as a whole; SMs belong to the compute instance.
double weight_in_gi(const GiProfile& gi, const CiState& ci, std::uint32_t metric) {
  if (is_absolute(metric) || metric == kDram) {
    return 1.0;
  }
  const CiProfile& profile = gi.ci_profiles[ci.profile_index];
  return known(profile.sm) && gi.sm > 0
             ? static_cast<double>(profile.sm) / static_cast<double>(gi.sm)
             : static_cast<double>(profile.slices) / static_cast<double>(std::max(gi.slices, 1U));
}

double weight_in_gpu(const Board& board, const GiState& gi, std::uint32_t metric) {
  if (is_absolute(metric)) {
    return 1.0;
  }
  if (metric == kDram) {
    return static_cast<double>(gi.placement.size) /
           static_cast<double>(std::max(board.memory_slices, 1U));
  }
  return known(board.sm_count) && board.sm_count > 0
             ? static_cast<double>(profile_of(board, gi).sm) / static_cast<double>(board.sm_count)
             : 0.0;
}

void clamp_shares(double (&rate)[kMetricCount]) {
  for (std::uint32_t m = 0; m < kMetricCount; ++m) {
    rate[m] = is_absolute(m) ? std::max(rate[m], 0.0) : std::clamp(rate[m], 0.0, 1.0);
  }
}

void advance(Counters& counters, std::uint64_t now) {
  if (counters.since_ns != 0 && now > counters.since_ns) {
    const auto elapsed = static_cast<double>(now - counters.since_ns);
    for (std::uint32_t m = 0; m < kMetricCount; ++m) {
      counters.integral[m] += counters.rate[m] * elapsed;
    }
  }
  counters.since_ns = std::max(counters.since_ns, now);
}

void reset_rates(GpuState& gpu) {
  std::fill(std::begin(gpu.counters.rate), std::end(gpu.counters.rate), 0.0);
  for (GiState& gi : gpu.gis) {
    std::fill(std::begin(gi.counters.rate), std::end(gi.counters.rate), 0.0);
  }
}

// Converts the processes' rates, relative to their own instance, to the GPU instance and the GPU.
void add_processes(const Board& board, State& state, std::uint32_t index) {
  GpuState& gpu = state.gpus[index];
  for (std::uint32_t slot = 0; slot < state.process_top; ++slot) {
    const ProcessState& process = state.processes[slot];
    if (process.used == 0 || process.gpu != index) {
      continue;
    }
    if (process.gi >= kMaxGis || process.ci >= kMaxCis) {
      for (std::uint32_t m = 0; m < kMetricCount; ++m) {
        gpu.counters.rate[m] += process.rate[m];
      }
      continue;
    }
    GiState& gi = gpu.gis[process.gi];
    if (gi.used == 0 || gi.cis[process.ci].used == 0) {
      continue;
    }
    for (std::uint32_t m = 0; m < kMetricCount; ++m) {
      gi.counters.rate[m] +=
          process.rate[m] * weight_in_gi(profile_of(board, gi), gi.cis[process.ci], m);
    }
  }
}

void set_rates(const Board& board, State& state, std::uint32_t index) {
  GpuState& gpu = state.gpus[index];
  reset_rates(gpu);
  add_processes(board, state, index);
  for (GiState& gi : gpu.gis) {
    if (gi.used == 0) {
      continue;
    }
    clamp_shares(gi.counters.rate);
    for (std::uint32_t m = 0; m < kMetricCount; ++m) {
      gpu.counters.rate[m] += gi.counters.rate[m] * weight_in_gpu(board, gi, m);
    }
  }
  clamp_shares(gpu.counters.rate);
}

// Power draw as a share: 0 = idle, 1 = at the power limit.
double load(const GpuState& gpu) {
  const double* rate = gpu.counters.rate;
  return std::clamp(
      kPowerOfSm * rate[kSmActive] + kPowerOfTensor * rate[kTensor] + kPowerOfDram * rate[kDram],
      0.0,
      1.0);
}

double seconds_since(std::uint64_t since, std::uint64_t now) {
  return since != 0 && now > since ? static_cast<double>(now - since) / kNsPerSecond : 0.0;
}

double heat_at(const Board& board, const GpuState& gpu, std::uint64_t now) {
  if (!known(board.temperature_idle_c) || !known(board.temperature_full_c)) {
    return 0.0;
  }
  const double target =
      static_cast<double>(board.temperature_full_c - board.temperature_idle_c) * load(gpu);
  const double elapsed = seconds_since(gpu.energy_since_ns, now);
  return target + (gpu.heat_c - target) * std::exp(-elapsed / kHeatSeconds);
}

bool has_any_process(const State& state, std::uint32_t gpu) {
  const ProcessState* end = state.processes + state.process_top;
  return std::any_of(state.processes, end, [gpu](const ProcessState& process) {
    return process.used != 0 && process.gpu == gpu;
  });
}

// Clock settings; 0 = not set. `target` (application clocks) applies while a process runs, a lock
// always.
struct ClockSetting {
  std::uint32_t target = 0, lock_min = 0, lock_max = 0;
};

std::optional<std::uint32_t> clock(std::int64_t idle,
                                   std::int64_t busy,
                                   bool is_busy,
                                   const ClockSetting& setting) {
  std::int64_t mhz = is_busy ? busy : idle;
  if (!known(mhz)) {
    return std::nullopt;
  }
  if (is_busy && setting.target != 0) {
    mhz = setting.target;
  }
  if (setting.lock_max != 0) {
    mhz = std::clamp<std::int64_t>(mhz, setting.lock_min, setting.lock_max);
  }
  return static_cast<std::uint32_t>(mhz);
}

bool has_all(const GiProfile& profile, const GiState& gi) {
  bool any = false;
  for (const CiState& ci : gi.cis) {
    if (ci.used != 0) {
      any = true;
      if (profile.ci_profiles[ci.profile_index].is_default != 0) {
        return true;
      }
    }
  }
  return !any;
}

std::uint64_t idle_bytes(const State& state, const GiProfile& profile, const GiState& gi) {
  constexpr std::uint64_t kPartsFrom = 3;  // in compute slices
  const unsigned long branch = std::strtoul(state.options.driver_version, nullptr, 10);
  std::uint64_t half =
      kIdleHalfMib[std::min<std::size_t>(profile.slices, std::size(kIdleHalfMib) - 1)];
  if (branch > 0 && branch < 580 && profile.profile == NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV2) {
    half = kDoubleMemoryR535HalfMib;
  }
  if (profile.slices >= kPartsFrom && !has_all(profile, gi)) {
    half -= kLessInPartsHalfMib;
  }
  if (branch >= 580 && branch < 590) {
    half += kMoreWithR580HalfMib;
  }
  return half * (kMib / 2);
}

std::uint64_t process_bytes(const State& state, std::uint32_t gpu, std::uint32_t gi) {
  std::uint64_t bytes = 0;
  for (std::uint32_t slot = 0; slot < state.process_top; ++slot) {
    const ProcessState& process = state.processes[slot];
    if (process.used != 0 && process.gpu == gpu && (gi == kNone || process.gi == gi)) {
      bytes += process.memory_bytes;
    }
  }
  return bytes + (gi == kNone ? display_bytes(state, gpu) : 0);
}

}  // namespace

void settle(const Hardware& hardware, State& state, std::uint32_t gpu, std::uint64_t now) {
  const Board& board = board_of(hardware, state, gpu);
  GpuState& self = state.gpus[gpu];
  if (const auto milliwatts = power_mw(hardware, state, gpu)) {
    self.energy_mj += *milliwatts * seconds_since(self.energy_since_ns, now);
  }
  self.heat_c = heat_at(board, self, now);
  self.energy_since_ns = std::max(self.energy_since_ns, now);
  advance(self.counters, now);
  for (GiState& gi : self.gis) {
    if (gi.used != 0) {
      advance(gi.counters, now);
    }
  }
  set_rates(board, state, gpu);
}

std::optional<std::uint32_t> power_mw(const Hardware& hardware,
                                      const State& state,
                                      std::uint32_t gpu) {
  const Board& board = board_of(hardware, state, gpu);
  if (!known(board.power_idle_mw) || !known(board.power_limit_mw)) {
    return std::nullopt;
  }
  const auto span = static_cast<double>(board.power_limit_mw - board.power_idle_mw);
  const auto asked = static_cast<std::uint32_t>(
      std::lround(static_cast<double>(board.power_idle_mw) + span * load(state.gpus[gpu])));
  const std::uint32_t limit = state.gpus[gpu].settings.power_limit_mw;
  return limit != 0 ? std::min(asked, limit) : asked;
}

std::optional<double> energy_mj(const Hardware& hardware,
                                const State& state,
                                std::uint32_t gpu,
                                std::uint64_t now) {
  const auto milliwatts = power_mw(hardware, state, gpu);
  if (!milliwatts) {
    return std::nullopt;
  }
  const GpuState& self = state.gpus[gpu];
  return self.energy_mj + *milliwatts * seconds_since(self.energy_since_ns, now);
}

std::optional<std::uint32_t> temperature_c(const Hardware& hardware,
                                           const State& state,
                                           std::uint32_t gpu,
                                           std::uint64_t now) {
  const Board& board = board_of(hardware, state, gpu);
  if (!known(board.temperature_idle_c) || !known(board.temperature_full_c)) {
    return std::nullopt;  // with processes running the idle figure alone would be wrong
  }
  return static_cast<std::uint32_t>(board.temperature_idle_c +
                                    std::lround(heat_at(board, state.gpus[gpu], now)));
}

std::optional<std::uint32_t> clock_sm_mhz(const Hardware& hardware,
                                          const State& state,
                                          std::uint32_t gpu) {
  const Board& board = board_of(hardware, state, gpu);
  const Settings& set = state.gpus[gpu].settings;
  return clock(board.clock_sm_idle_mhz,
               board.clock_sm_max_mhz,
               has_any_process(state, gpu),
               {set.application_sm_mhz, set.sm_lock_min_mhz, set.sm_lock_max_mhz});
}

std::optional<std::uint32_t> clock_mem_mhz(const Hardware& hardware,
                                           const State& state,
                                           std::uint32_t gpu) {
  const Board& board = board_of(hardware, state, gpu);
  const Settings& set = state.gpus[gpu].settings;
  return clock(board.clock_mem_idle_mhz,
               board.clock_mem_max_mhz,
               has_any_process(state, gpu),
               {set.application_mem_mhz, set.mem_lock_min_mhz, set.mem_lock_max_mhz});
}

std::uint32_t gpu_utilization(const State& state, std::uint32_t gpu) {
  const double* rate = state.gpus[gpu].counters.rate;
  return static_cast<std::uint32_t>(std::lround(100 * std::max(rate[kGraphics], rate[kSmActive])));
}

std::uint32_t memory_utilization(const State& state, std::uint32_t gpu) {
  return static_cast<std::uint32_t>(std::lround(100 * state.gpus[gpu].counters.rate[kDram]));
}

Counters counters_at(const State& state, std::uint32_t gpu, std::uint32_t gi, std::uint64_t now) {
  const GpuState& self = state.gpus[gpu];
  Counters counters = gi < kMaxGis ? self.gis[gi].counters : self.counters;
  advance(counters, now);
  return counters;
}

std::optional<MemoryUse> memory_use(const Hardware& hardware,
                                    const State& state,
                                    std::uint32_t gpu,
                                    std::uint32_t gi) {
  const Board& board = board_of(hardware, state, gpu);
  const GpuState& self = state.gpus[gpu];
  MemoryUse use;
  use.used = process_bytes(state, gpu, gi);
  if (gi != kNone) {
    if (gi >= kMaxGis || self.gis[gi].used == 0) {
      return std::nullopt;
    }
    const GiProfile& profile = profile_of(board, self.gis[gi]);
    use.total = profile.memory_mib * kMib;  // H200: total is exactly memorySizeMB, nothing reserved
    use.used += idle_bytes(state, profile, self.gis[gi]);
    return use;
  }
  if (!known(board.memory_total_bytes)) {
    return std::nullopt;
  }
  use.total = static_cast<std::uint64_t>(board.memory_total_bytes);
  use.reserved = known(board.memory_reserved_bytes)
                     ? static_cast<std::uint64_t>(board.memory_reserved_bytes)
                     : 0;
  for (const GiState& instance : self.gis) {
    if (instance.used != 0) {
      use.used += idle_bytes(state, profile_of(board, instance), instance);
    }
  }
  return use;
}

}  // namespace migsim

// SPDX-License-Identifier: Apache-2.0
#include "observe/accounts.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "nvml/return_code.h"

namespace mig::observe {
namespace {

constexpr double kIdle = 0.02;

std::vector<InstanceLoad> loads_of(const GpuSample& gpu) {
  std::vector<InstanceLoad> out;
  for (const GpuInstanceSample& instance : gpu.instances) {
    InstanceLoad& load = out.emplace_back();
    load.generation = instance.generation;
    load.sm_share =
        gpu.sm_total.value_or(0) > 0 ? static_cast<double>(instance.sm) / *gpu.sm_total : 0;
    load.memory_share = gpu.memory_slices > 0
                            ? static_cast<double>(instance.placement.size) / gpu.memory_slices
                            : 0;
    load.sm = instance.activity.sm;
    load.dram = instance.activity.dram;
    load.has_process = std::any_of(gpu.processes.begin(), gpu.processes.end(), [&](const auto& p) {
      return p.gpu_instance == instance.id;
    });
  }
  return out;
}

void give(const BoardEnergy& energy, GpuSample& gpu) {
  if (!energy.counted()) {
    return;
  }
  const BoardEnergy::State& state = energy.state();
  gpu.energy_mj = state.total_mj;
  gpu.energy_gone_mj = state.gone_mj;
  gpu.energy_unattributed_mj = state.unattributed_mj;
  if (energy.method() != nullptr && !gpu.instances.empty()) {
    gpu.energy_method = energy.method();
  }
  for (GpuInstanceSample& instance : gpu.instances) {
    instance.energy_mj = energy.of_instance(instance.generation);
  }
  if (gpu.power_watts) {
    const auto watts = energy.parts_of(*gpu.power_watts, loads_of(gpu));
    for (GpuInstanceSample& instance : gpu.instances) {
      const auto part = watts.find(instance.generation);
      instance.power_watts = part == watts.end() ? std::nullopt : std::optional(part->second);
    }
  }
}

}  // namespace

void stamp_generations(const std::vector<const WatchedGpu*>& gpus,
                       std::vector<GpuSample>& out,
                       Generations& generations) {
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    const Gpu& gpu = gpus[i]->gpu;
    generations.keep_only(gpu.uuid, gpu.instances);
    for (std::size_t k = 0; k < gpu.instances.size(); ++k) {
      out[i].instances[k].generation = generations.of(gpu.uuid, gpu.instances[k]);
    }
  }
}

void note_idle(std::vector<GpuSample>& gpus,
               std::int64_t now_ms,
               std::map<std::uint64_t, std::int64_t>& idle_since_ms) {
  std::map<std::uint64_t, std::int64_t> now;
  for (GpuSample& gpu : gpus) {
    for (GpuInstanceSample& instance : gpu.instances) {
      if (!instance.activity.sm || *instance.activity.sm >= kIdle) {
        continue;
      }
      const auto before = idle_since_ms.find(instance.generation);
      instance.idle_since_ms = before == idle_since_ms.end() ? now_ms : before->second;
      now[instance.generation] = *instance.idle_since_ms;
    }
  }
  idle_since_ms = std::move(now);
}

Result<void> EnergyReader::count(const WatchedGpu& watched, Carried& carried) {
  const std::string& uuid = watched.gpu.uuid;
  const auto now = clock_.monotonic();
  unsigned long long millijoules = 0;
  const nvmlReturn_t code = nvml_.nvmlDeviceGetTotalEnergyConsumption(watched.handle, &millijoules);
  if (code == NVML_ERROR_NOT_SUPPORTED || code == NVML_ERROR_FUNCTION_NOT_FOUND) {
    without_counter_.insert(uuid);
    return {};
  }
  const auto before = carried.counted.find(uuid);
  const auto since =
      before == carried.counted.end() ? std::nullopt : std::optional(now - before->second);
  carried.counted[uuid] = now;
  if (code != NVML_SUCCESS) {
    return nvml::error_from(
        code, fmt::format("cannot read the energy of GPU {}", watched.gpu.index.value));
  }
  carried.energy[uuid].read(millijoules, since);
  return {};
}

Result<void> EnergyReader::read(const std::vector<const WatchedGpu*>& gpus,
                                std::vector<GpuSample>& out,
                                std::optional<std::chrono::nanoseconds> since,
                                Carried& carried) {
  std::vector<std::size_t> due;
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    if (without_counter_.contains(gpus[i]->gpu.uuid)) {
      continue;
    }
    due.push_back(i);
    BoardEnergy& energy = carried.energy[out[i].uuid];
    std::vector<std::uint64_t> there;
    for (const GpuInstanceSample& instance : out[i].instances) {
      there.push_back(instance.generation);
    }
    energy.keep_only(there);
    if (since) {
      energy.add(loads_of(out[i]), *since);
    }
  }
  const auto counted_at = [&](std::size_t i) {
    const auto found = carried.counted.find(gpus[i]->gpu.uuid);
    return found == carried.counted.end() ? std::chrono::nanoseconds::min() : found->second;
  };
  std::stable_sort(due.begin(), due.end(), [&](std::size_t a, std::size_t b) {
    return counted_at(a) < counted_at(b);
  });
  carried.counting.tick(clock_.monotonic());
  Result<void> all;
  for (const std::size_t i : due) {
    if (!carried.counting.has_left()) {
      break;
    }
    const auto before = clock_.monotonic();
    auto one = count(*gpus[i], carried);
    carried.counting.spend(clock_.monotonic() - before);
    if (!one && all) {
      all = std::move(one);
    }
  }
  for (GpuSample& gpu : out) {
    if (const auto found = carried.energy.find(gpu.uuid); found != carried.energy.end()) {
      give(found->second, gpu);
    }
  }
  return all;
}

}  // namespace mig::observe

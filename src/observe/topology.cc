// SPDX-License-Identifier: Apache-2.0
#include "observe/topology.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "model/same_layout.h"
#include "nvml/return_code.h"

namespace mig::observe {
namespace {

// Every GPU is looked at within so many ticks.
constexpr std::uint32_t kTicksPerRound = 2;

}  // namespace

nvmlDevice_t WatchedGpu::device_of(GpuInstanceId id) const {
  const auto found = devices.lower_bound({id.value, 0});
  return found != devices.end() && found->first.first == id.value ? found->second : nullptr;
}

void Topology::take_handles(const nvml::Session& session, WatchedGpu& watched) const {
  watched.devices.clear();
  for (const GpuInstance& instance : watched.gpu.instances) {
    for (const ComputeInstance& compute : instance.compute_instances) {
      nvmlDevice_t device = nullptr;
      if (compute.device_index &&
          session.nvml().nvmlDeviceGetMigDeviceHandleByIndex(
              watched.handle, *compute.device_index, &device) == NVML_SUCCESS) {
        watched.devices[{instance.id.value, compute.id.value}] = device;
      }
    }
  }
}

Result<void> Topology::look(const nvml::Session& session, GpuIndex index) {
  device::ReadOptions options;
  options.proc_root = proc_root_;
  options.facts = &facts_;
  auto gpu = reader_.read_one(session, index, options);
  if (!gpu) {
    forget(index.value);
    if (gpu.error().code != ErrorCode::kDeviceLost) {
      return std::move(gpu).error().in(fmt::format("GPU {}", index.value));
    }
    lost_[index.value] = fmt::format("GPU {} is left out: {}", index.value, gpu.error().text());
    return {};
  }
  lost_.erase(index.value);
  WatchedGpu& watched = seen_[index.value];
  const bool same = watched.handle != nullptr && same_layout(watched.gpu, *gpu);
  watched.gpu = *std::move(gpu);
  if (same) {
    return {};
  }
  changed_ = true;
  if (const nvmlReturn_t code =
          session.nvml().nvmlDeviceGetHandleByIndex_v2(index.value, &watched.handle);
      code != NVML_SUCCESS) {
    forget(index.value);
    return nvml::error_from(code, fmt::format("cannot open GPU {}", index.value));
  }
  take_handles(session, watched);
  return {};
}

void Topology::forget(std::uint32_t index) {
  seen_.erase(index);
  changed_ = true;
}

void Topology::collect() {
  gpus_.clear();
  for (const auto& [index, watched] : seen_) {
    gpus_.push_back(&watched);
  }
  if (std::exchange(changed_, false)) {
    Inventory all;
    for (const WatchedGpu* watched : gpus_) {
      all.gpus.push_back(watched->gpu);
    }
    generation_ = layout_generation(all);
  }
  problem_.clear();
  for (const auto& [index, why] : lost_) {
    problem_ += (problem_.empty() ? "" : "; ") + why;
  }
}

Result<void> Topology::refresh(const nvml::Session& session) {
  if (session.epoch() != epoch_) {
    seen_.clear();
    facts_.forget();
    changed_ = true;
    all_ = true;
    epoch_ = session.epoch();
  }
  if (all_) {
    if (const nvmlReturn_t code = session.nvml().nvmlDeviceGetCount_v2(&count_);
        code != NVML_SUCCESS) {
      return nvml::error_from(code, "cannot count the GPUs");
    }
    changed_ = true;
    seen_.erase(seen_.lower_bound(count_), seen_.end());
    lost_.erase(lost_.lower_bound(count_), lost_.end());
  }
  owed_ = all_ ? 0 : owed_ + count_;
  const std::uint32_t looks = all_ ? count_ : owed_ / kTicksPerRound;
  owed_ %= kTicksPerRound;
  for (std::uint32_t i = 0; i < looks; ++i) {
    next_ = next_ < count_ ? next_ : 0;
    MIG_TRY(look(session, GpuIndex{next_}));
    ++next_;
  }
  all_ = false;
  collect();
  return {};
}

}  // namespace mig::observe

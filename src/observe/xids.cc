// SPDX-License-Identifier: Apache-2.0
#include "observe/xids.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "nvml/return_code.h"

namespace mig::observe {
namespace {

constexpr std::uint32_t kNoInstance = 0xFFFFFFFFU;
constexpr int kMostPerTick = 1000;
// Different events of a GPU that are counted one by one.
constexpr std::size_t kMostKinds = 256;

template <class IdType>
std::optional<IdType> id_of(unsigned raw) {
  return raw == kNoInstance ? std::nullopt : std::optional(IdType{raw});
}

}  // namespace

void count_xid(std::vector<XidCount>& counts,
               std::uint64_t xid,
               std::optional<GpuInstanceId> gpu_instance,
               std::optional<ComputeInstanceId> compute_instance,
               std::int64_t now_ms) {
  auto found = std::find_if(counts.begin(), counts.end(), [&](const XidCount& one) {
    return one.xid == xid && one.gpu_instance == gpu_instance &&
           one.compute_instance == compute_instance;
  });
  if (found == counts.end()) {
    if (counts.size() >= kMostKinds) {
      return;
    }
    found = counts.insert(counts.end(), {xid, gpu_instance, compute_instance, 0, 0});
  }
  ++found->count;
  found->last_ms = now_ms;
}

XidWatch::~XidWatch() {
  stop();
}

void XidWatch::stop() {
  if (set_ != nullptr) {
    nvml_.nvmlEventSetFree(set_);
  }
  set_ = nullptr;
  registered_.clear();
}

Result<void> XidWatch::listen(const std::vector<const WatchedGpu*>& gpus) {
  stop();
  refused_.clear();
  if (const nvmlReturn_t code = nvml_.nvmlEventSetCreate(&set_); code != NVML_SUCCESS) {
    set_ = nullptr;
    return nvml::error_from(code, "cannot listen for Xid events");
  }
  for (const WatchedGpu* watched : gpus) {
    const nvmlReturn_t code =
        nvml_.nvmlDeviceRegisterEvents(watched->handle, nvmlEventTypeXidCriticalError, set_);
    if (code != NVML_SUCCESS && refused_.empty()) {
      refused_ =
          nvml::error_from(code, fmt::format("no Xid events of GPU {}", watched->gpu.index.value))
              .message;
    }
    registered_[watched->handle] = watched->gpu.uuid;
  }
  return {};
}

Result<void> XidWatch::read(const std::vector<const WatchedGpu*>& gpus,
                            std::int64_t now_ms,
                            XidCounts& counts) {
  const bool same = set_ != nullptr && registered_.size() == gpus.size() &&
                    std::all_of(gpus.begin(), gpus.end(), [&](const WatchedGpu* watched) {
                      return registered_.contains(watched->handle);
                    });
  for (int i = 0; set_ != nullptr && i < kMostPerTick; ++i) {
    nvmlEventData_t event{};
    const nvmlReturn_t code = nvml_.nvmlEventSetWait_v2(set_, &event, 0);
    if (code == NVML_ERROR_TIMEOUT) {
      break;
    }
    if (code != NVML_SUCCESS) {
      stop();
      return nvml::error_from(code, "cannot wait for Xid events");
    }
    if (const auto gpu = registered_.find(event.device); gpu != registered_.end()) {
      count_xid(counts[gpu->second],
                event.eventData,
                id_of<GpuInstanceId>(event.gpuInstanceId),
                id_of<ComputeInstanceId>(event.computeInstanceId),
                now_ms);
    }
  }
  if (!same) {
    MIG_TRY(listen(gpus));
  }
  return refused_.empty() ? Result<void>() : fail(ErrorCode::kDriver, refused_);
}

}  // namespace mig::observe

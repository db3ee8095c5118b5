// SPDX-License-Identifier: Apache-2.0
#include "top/history.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace mig::top {
namespace {

constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();
constexpr std::int64_t kMsPerSecond = 1000;
constexpr auto kRing = static_cast<std::int64_t>(kSeconds);

float value_of(const std::optional<double>& ratio) {
  return ratio ? static_cast<float>(*ratio) : kUnknown;
}

float share(const std::optional<std::uint64_t>& used, const std::optional<std::uint64_t>& total) {
  return used && total && *total != 0
             ? static_cast<float>(static_cast<double>(*used) / static_cast<double>(*total))
             : kUnknown;
}

std::array<float, kMetrics> values_of(const Activity& activity, float memory) {
  return {value_of(activity.sm), value_of(activity.dram), value_of(activity.tensor), memory};
}

std::size_t place(std::int64_t second) {
  return static_cast<std::size_t>(((second % kRing) + kRing) % kRing);
}

}  // namespace

Subject subject_of(const GpuSample& gpu) {
  return {gpu.uuid, -1, 0};
}

Subject subject_of(const GpuSample& gpu, const GpuInstanceSample& instance) {
  return {gpu.uuid, static_cast<std::int64_t>(instance.id.value), instance.generation};
}

Minute unknown_minute() {
  Minute minute;
  minute.fill(kUnknown);
  return minute;
}

void History::add(const Subject& subject,
                  const std::array<float, kMetrics>& values,
                  std::int64_t covers,
                  std::int64_t second) {
  Track& track = tracks_[subject];
  if (!track.seen) {
    track.ring.fill(unknown_minute());
    track.last = second - 1;
    track.seen = true;
  }
  const std::int64_t first = std::max(track.last + 1, second - kRing + 1);
  for (std::int64_t at = first; at <= second; ++at) {
    for (std::size_t metric = 0; metric < kMetrics; ++metric) {
      track.ring[metric][place(at)] = at > second - covers ? values[metric] : kUnknown;
    }
  }
  if (first > second) {  // the second sample of a second
    for (std::size_t metric = 0; metric < kMetrics; ++metric) {
      track.ring[metric][place(second)] = values[metric];
    }
  }
  track.last = second;
}

void History::note(const MachineSample& sample) {
  const std::int64_t second = sample.time_ms / kMsPerSecond;
  if (!sample.withdrawn.empty() || second < second_) {
    return;
  }
  second_ = second;
  constexpr double kSlack = 1.5;  // a sample's own second, and the rounding of both ends
  const auto covers = static_cast<std::int64_t>(
      std::ceil(std::clamp(sample.interval_seconds, 0.0, static_cast<double>(kSeconds)) + kSlack));
  for (const GpuSample& gpu : sample.gpus) {
    add(subject_of(gpu),
        values_of(gpu.activity, share(gpu.memory_used_bytes, gpu.memory_total_bytes)),
        covers,
        second);
    for (const GpuInstanceSample& instance : gpu.instances) {
      add(subject_of(gpu, instance),
          values_of(instance.activity,
                    share(instance.memory_used_bytes, instance.memory_total_bytes)),
          covers,
          second);
    }
  }
  std::erase_if(tracks_, [&](const auto& entry) { return entry.second.last != second; });
}

Minute History::minute(const Subject& subject, Metric metric) const {
  Minute out = unknown_minute();
  const auto track = tracks_.find(subject);
  if (track == tracks_.end()) {
    return out;
  }
  for (std::int64_t i = 0; i < kRing; ++i) {
    out[static_cast<std::size_t>(i)] =
        track->second.ring[static_cast<std::size_t>(metric)][place(second_ - kRing + 1 + i)];
  }
  return out;
}

}  // namespace mig::top

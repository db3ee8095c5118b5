// SPDX-License-Identifier: Apache-2.0
// The last minute of each GPU and instance, one value per second. Bounded: who is gone from a
// sample is gone from here. Not thread-safe.
#ifndef MIGCTL_TOP_HISTORY_H_
#define MIGCTL_TOP_HISTORY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "model/sample.h"

namespace mig::top {

enum class Metric { kSm, kDram, kTensor, kMemory };
constexpr std::size_t kMetrics = 4;
constexpr std::size_t kSeconds = 60;

// One GPU (without an instance) or one GPU instance, and which of those that had its place.
struct Subject {
  std::string gpu_uuid;
  std::int64_t instance = -1;  // -1: the GPU
  std::uint64_t generation = 0;
  auto operator<=>(const Subject&) const = default;
};

Subject subject_of(const GpuSample& gpu);
Subject subject_of(const GpuSample& gpu, const GpuInstanceSample& instance);

// Oldest first; NaN = unknown. Ratios, raw.
using Minute = std::array<float, kSeconds>;
Minute unknown_minute();

class History {
 public:
  // A sample that is older than the last, or withdrawn, adds nothing; seconds without a sample that
  // the interval of the next one covers have its values.
  void note(const MachineSample& sample);

  Minute minute(const Subject& subject, Metric metric) const;

  std::size_t size() const { return tracks_.size(); }

 private:
  struct Track {
    std::array<Minute, kMetrics> ring;  // at second % kSeconds
    std::int64_t last = 0;
    bool seen = false;
  };

  void add(const Subject& subject,
           const std::array<float, kMetrics>& values,
           std::int64_t covers,
           std::int64_t second);

  std::map<Subject, Track> tracks_;
  std::int64_t second_ = 0;
};

}  // namespace mig::top

#endif  // MIGCTL_TOP_HISTORY_H_

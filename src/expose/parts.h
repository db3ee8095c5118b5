// SPDX-License-Identifier: Apache-2.0
// Inside of expose/: the parts of families_of(), each adding its families.
#ifndef MIGCTL_EXPOSE_PARTS_H_
#define MIGCTL_EXPOSE_PARTS_H_

#include <cstdint>
#include <optional>

#include "expose/family.h"
#include "expose/render.h"
#include "model/sample.h"

namespace mig::expose {

// A reading as a sample's value, in another unit; absent stays absent.
template <class T>
std::optional<double> number(const std::optional<T>& value, double scale = 1) {
  return value ? std::optional(static_cast<double>(*value) * scale) : std::nullopt;
}

inline double seconds(std::int64_t milliseconds) {
  constexpr double kPerSecond = 1000;
  return static_cast<double>(milliseconds) / kPerSecond;
}

inline std::optional<double> joules(const std::optional<std::uint64_t>& millijoules) {
  constexpr double kPerJoule = 1000;
  return millijoules ? std::optional(static_cast<double>(*millijoules) / kPerJoule) : std::nullopt;
}

// Label sets that end with simulated="true" where the machine is.
class LabelMaker {
 public:
  explicit LabelMaker(bool simulated) : simulated_(simulated) {}

  Labels ended(Labels labels) const {
    return simulated_ ? labels.add("simulated", "true") : labels;
  }

 private:
  bool simulated_;
};

void add_node(Families& out, const MachineSample& sample, const NodeFigures& figures);
void add_gpus(Families& out, const MachineSample& sample);
void add_instances(Families& out, const MachineSample& sample, bool jobs);
void add_dcgm(Families& out,
              const MachineSample& sample,
              const NodeFigures& figures,
              const RenderOptions& options);

// Activity of a GPU, a GPU instance or a compute instance, in families of their own.
enum class ActivityOf { kGpu, kInstance, kComputeInstance };
void add_activity(Families& out, ActivityOf of, const Labels& labels, const Activity& activity);

}  // namespace mig::expose

#endif  // MIGCTL_EXPOSE_PARTS_H_

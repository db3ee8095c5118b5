// SPDX-License-Identifier: Apache-2.0
#include "apply/layout_diff.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace mig::apply {
namespace {

// Profile, place, and the compute instances inside by name and place.
using Shape = std::
    tuple<ProfileName, Placement, std::vector<std::pair<std::optional<Placement>, ProfileName>>>;

Shape shape_of(const GpuInstance& instance) {
  Shape shape{instance.name, instance.placement, {}};
  for (const ComputeInstance& compute : instance.compute_instances)
    std::get<2>(shape).emplace_back(compute.placement, compute.name);
  std::sort(std::get<2>(shape).begin(), std::get<2>(shape).end());
  return shape;
}

bool has(const Gpu& gpu, const Shape& shape) {
  return std::any_of(gpu.instances.begin(), gpu.instances.end(), [&](const GpuInstance& one) {
    return shape_of(one) == shape;
  });
}

std::string place(const GpuInstance& instance) {
  return fmt::format(
      "{} at {}:{}", instance.name.str(), instance.placement.start, instance.placement.size);
}

std::string mode_text(MigMode mode) {
  return mode == MigMode::kEnabled ? "enabled" : "disabled";
}

void compare(const Gpu& was, const Gpu& now, std::vector<Difference>& out) {
  const std::uint32_t index = was.index.value;
  if (was.mig_current != now.mig_current || was.mig_pending != now.mig_pending)
    out.push_back({fmt::format("GPU {} has MIG {} (pending: {}), before: {}",
                               index,
                               mode_text(now.mig_current),
                               mode_text(now.mig_pending),
                               mode_text(was.mig_current)),
                   fmt::format("migctl mode {} -i {}",
                               was.mig_current == MigMode::kEnabled ? "enable" : "disable",
                               index)});
  for (const GpuInstance& instance : now.instances) {
    if (!has(was, shape_of(instance)))
      out.push_back({fmt::format("GPU {} has {} (gi={}), which was not there so",
                                 index,
                                 place(instance),
                                 instance.id.value),
                     fmt::format("migctl destroy -i {} --gi {}", index, instance.id.value)});
  }
  for (const GpuInstance& instance : was.instances) {
    if (!has(now, shape_of(instance)))
      out.push_back(
          {fmt::format("GPU {} lacks {}", index, place(instance)),
           fmt::format(
               "migctl create {}:{} -i {}", instance.name.str(), instance.placement.start, index)});
  }
}

}  // namespace

std::vector<Difference> layout_diff(const Plan& plan,
                                    const Inventory& before,
                                    const Inventory& now) {
  std::vector<Difference> out;
  for (const GpuPlan& gpu : plan.gpus) {
    const Gpu* was = before.find_gpu(gpu.uuid);
    const Gpu* is = now.find_gpu(gpu.uuid);
    if (was == nullptr)
      continue;
    if (is == nullptr)
      out.push_back({fmt::format("GPU {} does not answer", gpu.gpu.value), ""});
    else
      compare(*was, *is, out);
  }
  return out;
}

std::string against_plan(const GpuPlan& plan, const Gpu* gpu, bool mode_only) {
  if (gpu == nullptr)
    return fmt::format("GPU {} does not answer", plan.gpu.value);
  if (gpu->mig_current != plan.after.mode && plan.after.mode != MigMode::kUnsupported)
    return fmt::format("GPU {} has MIG {}", plan.gpu.value, mode_text(gpu->mig_current));
  if (mode_only)
    return {};
  std::vector<std::pair<Placement, ProfileName>> wanted;
  std::vector<std::pair<Placement, ProfileName>> there;
  for (const LayoutCell& cell : plan.after.cells)
    wanted.emplace_back(cell.placement, cell.profile);
  for (const GpuInstance& instance : gpu->instances)
    there.emplace_back(instance.placement, instance.name);
  std::sort(wanted.begin(), wanted.end());
  std::sort(there.begin(), there.end());
  if (wanted == there)
    return {};
  std::string text;
  for (const auto& [placement, name] : there)
    text += fmt::format(
        "{}{} at {}:{}", text.empty() ? "" : ", ", name.str(), placement.start, placement.size);
  return fmt::format("GPU {} has {}", plan.gpu.value, text.empty() ? "no instances" : text);
}

}  // namespace mig::apply

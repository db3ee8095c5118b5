// SPDX-License-Identifier: Apache-2.0
#include "apply/blame.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "apply/step_checks.h"
#include "base/strings.h"

namespace mig::apply {
namespace {

bool made_by(const StepReport& report, const Difference& extra) {
  const Step& step = report.step;
  if (!report.done || report.undone || step.gpu_uuid != extra.gpu_uuid ||
      step.gpu_placement != extra.instance.placement) {
    return false;
  }
  if (!extra.compute) {
    return step.kind == StepKind::kCreateGpuInstance && step.profile == extra.instance.name;
  }
  return step.kind == StepKind::kCreateComputeInstance && step.profile == extra.compute->name &&
         (!step.ci_placement || !extra.compute->placement ||
          step.ci_placement == extra.compute->placement);
}

bool set_mode_of(const StepReport& report, const Difference& mode) {
  return report.done && is_mode_step(report.step.kind) && report.step.gpu_uuid == mode.gpu_uuid;
}

// Text for the instance that occupies the placement of a missing GPU instance.
std::string in_its_place(const Difference& missing, const Inventory& now) {
  const Gpu* gpu = now.find_gpu(missing.gpu_uuid);
  if (gpu == nullptr || missing.compute) {
    return {};
  }
  if (gpu->mig_current != MigMode::kEnabled) {
    return fmt::format(" (MIG is off on GPU {})", gpu->index.value);
  }
  std::vector<std::string> there;
  for (const GpuInstance& one : gpu->instances) {
    if (one.placement.overlaps(missing.instance.placement)) {
      there.push_back(fmt::format("{} gi={}", one.name.str(), one.id.value));
    }
  }
  return there.empty() ? std::string() : " (in its place: " + base::join(there, ", ") + ")";
}

}  // namespace

Blame blame_for(std::vector<Difference> differences,
                const std::vector<StepReport>& steps,
                const Inventory& now) {
  Blame out;
  for (Difference& one : differences) {
    const bool ours = std::any_of(steps.begin(), steps.end(), [&](const StepReport& report) {
      return one.kind == Difference::Kind::kExtra ? made_by(report, one) : set_mode_of(report, one);
    });
    switch (one.kind) {
      case Difference::Kind::kExtra:
      case Difference::Kind::kMode:
        if (!ours) {
          out.others.push_back(std::move(one.what));
          continue;
        }
        break;
      case Difference::Kind::kMissing:
        one.what += in_its_place(one, now);
        break;
      case Difference::Kind::kNoAnswer:
        break;
    }
    out.left.push_back(std::move(one));
  }
  return out;
}

}  // namespace mig::apply

// SPDX-License-Identifier: Apache-2.0
#include "launch/candidates.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace mig::launch {
namespace {

std::string what_there_is(const Inventory& inventory) {
  std::map<std::string, int> counts;
  bool any_mig = false;
  for (const Gpu& gpu : inventory.gpus) {
    any_mig = any_mig || gpu.mig_current == MigMode::kEnabled;
    for (const GpuInstance& instance : gpu.instances) {
      for (const ComputeInstance& compute : instance.compute_instances) {
        ++counts[compute.name.str()];
      }
    }
  }
  if (counts.empty()) {
    return any_mig ? "there are no instances: make some with migctl create or migctl apply"
                   : "MIG is off on every GPU: migctl mode enable, then migctl create";
  }
  std::string out = "there are: ";
  for (const auto& [name, count] : counts) {
    out += fmt::format("{}{} x {}", out.size() > 11 ? ", " : "", count, name);
  }
  return out;
}

}  // namespace

std::string described(const Need& need) {
  std::string out;
  const auto add = [&](const std::string& part) { out += (out.empty() ? "" : " ") + part; };
  if (need.profile) {
    add("profile " + need.profile->str());
  }
  if (!need.uuid.empty()) {
    add(need.uuid);
  }
  if (need.min_memory_mib) {
    add(fmt::format("with at least {} MiB", *need.min_memory_mib));
  }
  if (need.min_sm) {
    add(fmt::format("with at least {} SMs", *need.min_sm));
  }
  if (need.gpu) {
    add(fmt::format("on GPU {}", need.gpu->value));
  }
  if (need.gpu_instance) {
    add(fmt::format("gi={}", need.gpu_instance->value));
  }
  if (need.compute_instance) {
    add(fmt::format("ci={}", need.compute_instance->value));
  }
  return out.empty() ? "any profile" : out;
}

Result<std::vector<Candidate>> candidates(const Inventory& inventory, const Need& need) {
  std::vector<Candidate> out;
  for (const Instance& instance : instances_of(inventory)) {
    if (serves(instance, need)) {
      out.push_back({instance,
                     who_is_on(*inventory.find_gpu(instance.gpu),
                               instance.gpu_instance,
                               instance.compute_instance)});
    }
  }
  if (out.empty()) {
    return fail(ErrorCode::kNothingMatched,
                "there is no MIG instance of " + described(need),
                what_there_is(inventory));
  }
  std::sort(out.begin(), out.end(), [](const Candidate& a, const Candidate& b) {
    return smaller(a.instance, b.instance);
  });
  return out;
}

}  // namespace mig::launch

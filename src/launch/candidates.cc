// SPDX-License-Identifier: Apache-2.0
#include "launch/candidates.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "model/compute_names.h"

namespace mig::launch {
namespace {

bool matches(const Chosen& c, const ComputeInstance& compute, const Selection& s) {
  return (!s.profile || means(*s.profile, c.profile, c.sm, compute.nvml_profile)) &&
         (s.uuid.empty() || c.uuid == s.uuid) && (!s.gpu || c.gpu == *s.gpu) &&
         (!s.gpu_instance || c.gpu_instance == *s.gpu_instance) &&
         (!s.compute_instance || c.compute_instance == *s.compute_instance) &&
         (!s.min_memory_mib || c.memory_mib >= *s.min_memory_mib) &&
         (!s.min_sm || c.sm >= s.min_sm);
}

std::string holders(const Gpu& gpu, const GpuInstance& instance, const ComputeInstance& compute) {
  std::string out;
  for (const Process& process : gpu.processes_on(instance.id)) {
    if (process.compute_instance && process.compute_instance != compute.id) {
      continue;
    }
    out += (out.empty() ? "pid " : ", pid ") + std::to_string(process.pid);
    if (!process.name.empty()) {
      out += " (" + process.name + ")";
    }
  }
  return out;
}

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

std::string place_of(const Chosen& chosen) {
  return fmt::format("{} on GPU {} gi={} ci={}",
                     chosen.profile.str(),
                     chosen.gpu.value,
                     chosen.gpu_instance.value,
                     chosen.compute_instance.value);
}

std::string Selection::str() const {
  std::string out;
  const auto add = [&](const std::string& part) { out += (out.empty() ? "" : " ") + part; };
  if (profile) {
    add("profile " + profile->str());
  }
  if (!uuid.empty()) {
    add(uuid);
  }
  if (min_memory_mib) {
    add(fmt::format("with at least {} MiB", *min_memory_mib));
  }
  if (min_sm) {
    add(fmt::format("with at least {} SMs", *min_sm));
  }
  if (gpu) {
    add(fmt::format("on GPU {}", gpu->value));
  }
  if (gpu_instance) {
    add(fmt::format("gi={}", gpu_instance->value));
  }
  if (compute_instance) {
    add(fmt::format("ci={}", compute_instance->value));
  }
  return out.empty() ? "any profile" : out;
}

Result<std::vector<Candidate>> candidates(const Inventory& inventory, const Selection& selection) {
  std::vector<Candidate> out;
  for (const Gpu& gpu : inventory.gpus) {
    for (const GpuInstance& instance : gpu.instances) {
      for (const ComputeInstance& compute : instance.compute_instances) {
        const Chosen chosen{compute.uuid,
                            compute.name,
                            gpu.index,
                            instance.id,
                            compute.id,
                            instance.memory_mib,
                            compute.sm,
                            gpu.minor};
        // Without a UUID a program cannot be pointed at it.
        if (!compute.uuid.empty() && matches(chosen, compute, selection)) {
          out.push_back({chosen, holders(gpu, instance, compute)});
        }
      }
    }
  }
  if (out.empty()) {
    return fail(ErrorCode::kNothingMatched,
                "there is no MIG instance of " + selection.str(),
                what_there_is(inventory));
  }
  std::sort(out.begin(), out.end(), [](const Candidate& a, const Candidate& b) {
    const auto key = [](const Chosen& c) {
      return std::tuple(c.memory_mib, c.profile, c.gpu, c.gpu_instance, c.compute_instance);
    };
    return key(a.instance) < key(b.instance);
  });
  return out;
}

}  // namespace mig::launch

// SPDX-License-Identifier: Apache-2.0
#include "model/instance.h"

#include <map>
#include <tuple>

#include <fmt/format.h>

#include "base/strings.h"
#include "model/compute_names.h"

namespace mig {
namespace {

std::optional<std::uint32_t> number_of(const std::string& text) {
  const auto number = base::parse_decimal(text, UINT32_MAX);
  return number ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
}

template <class Id>
std::optional<Id> id_of(const std::string& text) {
  const auto number = number_of(text);
  return number ? std::optional(Id{*number}) : std::nullopt;
}

std::string memory_words(std::uint64_t mib) {
  return mib % 1024 == 0 ? fmt::format("{} GiB", mib / 1024) : fmt::format("{} MiB", mib);
}

}  // namespace

std::string Instance::str() const {
  return fmt::format("{} on GPU {} gi={} ci={}",
                     profile.str(),
                     gpu.value,
                     gpu_instance.value,
                     compute_instance.value);
}

std::string Need::str() const {
  std::vector<std::string> at_least;
  if (min_memory_mib) {
    at_least.push_back(memory_words(*min_memory_mib));
  }
  if (min_sm) {
    at_least.push_back(fmt::format("{} SMs", *min_sm));
  }
  std::string text = profile ? profile->str() : "an instance";
  if (!slot.empty()) {
    text = "slot " + slot;
  } else if (!uuid.empty()) {
    text = uuid;
  }
  if (!at_least.empty()) {
    text += " with at least " + base::join(at_least, " and ");
  }
  if (gpu) {
    text += fmt::format(" on GPU {}", gpu->value);
  } else if (!gpu_uuid.empty()) {
    text += " on " + gpu_uuid;
  }
  if (gpu_instance) {
    text += fmt::format(" gi={}", gpu_instance->value);
  }
  if (compute_instance) {
    text += fmt::format(" ci={}", compute_instance->value);
  }
  return text;
}

std::string need_text(const Need& need) {
  std::string text;
  const auto put = [&text](const char* key, const std::string& value) {
    if (!value.empty()) {
      text += fmt::format("{}={}\n", key, value);
    }
  };
  put("profile", need.profile ? need.profile->str() : "");
  put("memory", need.min_memory_mib ? std::to_string(*need.min_memory_mib) : "");
  put("sm", need.min_sm ? std::to_string(*need.min_sm) : "");
  put("uuid", need.uuid);
  put("slot", need.slot);
  put("gpu_uuid", need.gpu_uuid);
  put("gpu", need.gpu ? std::to_string(need.gpu->value) : "");
  put("gi", need.gpu_instance ? std::to_string(need.gpu_instance->value) : "");
  put("ci", need.compute_instance ? std::to_string(need.compute_instance->value) : "");
  return text;
}

Need need_of_text(const std::string& text) {
  std::map<std::string, std::string> values;
  for (const std::string& line : base::split(text, '\n')) {
    if (const auto at = line.find('='); at != std::string::npos) {
      values[line.substr(0, at)] = line.substr(at + 1);
    }
  }
  Need need;
  if (const auto profile = ProfileName::parse(values["profile"])) {
    need.profile = *profile;
  }
  need.min_memory_mib = base::parse_decimal(values["memory"], UINT64_MAX);
  need.min_sm = number_of(values["sm"]);
  need.uuid = values["uuid"];
  need.slot = values["slot"];
  need.gpu_uuid = values["gpu_uuid"];
  need.gpu = id_of<GpuIndex>(values["gpu"]);
  need.gpu_instance = id_of<GpuInstanceId>(values["gi"]);
  need.compute_instance = id_of<ComputeInstanceId>(values["ci"]);
  return need;
}

bool serves(const Instance& instance, const Need& need) {
  return (!need.profile ||
          means(*need.profile, instance.profile, instance.sm, instance.nvml_profile)) &&
         (!need.min_memory_mib || instance.memory_mib >= *need.min_memory_mib) &&
         (!need.min_sm || instance.sm >= need.min_sm) &&
         (need.uuid.empty() || instance.uuid == need.uuid) &&
         (need.gpu_uuid.empty() || instance.gpu_uuid == need.gpu_uuid) &&
         (!need.gpu || !need.gpu_uuid.empty() || instance.gpu == *need.gpu) &&
         (!need.gpu_instance || instance.gpu_instance == *need.gpu_instance) &&
         (!need.compute_instance || instance.compute_instance == *need.compute_instance);
}

bool smaller(const Instance& a, const Instance& b) {
  return std::tie(a.memory_mib, a.sm, a.gpu, a.gpu_instance, a.compute_instance) <
         std::tie(b.memory_mib, b.sm, b.gpu, b.gpu_instance, b.compute_instance);
}

Instance instance_of(const Gpu& gpu, const GpuInstance& instance, const ComputeInstance& compute) {
  Instance out;
  out.uuid = compute.uuid;
  out.profile = compute.name;
  out.gpu = gpu.index;
  out.gpu_instance = instance.id;
  out.compute_instance = compute.id;
  out.gpu_uuid = gpu.uuid;
  out.gpu_minor = gpu.minor;
  out.memory_mib = instance.memory_mib;
  out.sm = compute.sm;
  if (!out.sm && compute.name.full_size() && instance.sm != 0) {
    out.sm = instance.sm;
  }
  out.slices = compute.name.compute_slices;
  out.nvml_profile = compute.nvml_profile;
  return out;
}

std::vector<Instance> instances_of(const Inventory& inventory) {
  std::vector<Instance> out;
  for (const Gpu& gpu : inventory.gpus) {
    if (gpu.mig_current != MigMode::kEnabled) {
      continue;
    }
    for (const GpuInstance& instance : gpu.instances) {
      for (const ComputeInstance& compute : instance.compute_instances) {
        if (!compute.uuid.empty()) {
          out.push_back(instance_of(gpu, instance, compute));
        }
      }
    }
  }
  return out;
}

std::string name_of(const Process& process) {
  return process.name.empty() ? fmt::format("pid {}", process.pid)
                              : fmt::format("pid {} ({})", process.pid, process.name);
}

std::string who_is_on(const Gpu& gpu,
                      GpuInstanceId instance,
                      std::optional<ComputeInstanceId> compute) {
  std::vector<std::string> who;
  for (const Process& process : gpu.processes_on(instance)) {
    if (!compute || !process.compute_instance || process.compute_instance == compute) {
      who.push_back(name_of(process));
    }
  }
  for (const InstanceLease& lease : gpu.leases_on(instance)) {
    if (!compute || lease.compute_instance == *compute) {
      who.push_back(lease.str());
    }
  }
  return base::join(who, ", ");
}

}  // namespace mig

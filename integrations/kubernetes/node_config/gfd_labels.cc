// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/node_config/gfd_labels.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace mig::kube {
namespace {

constexpr std::size_t kLongestValue = 63;  // of a label

using Labels = std::map<std::string, std::string>;

// A MIG device: a compute instance, or a GPU instance by it.
struct Device {
  const Gpu* gpu;
  const GpuInstance* instance;
  const ComputeInstance* compute;
};

std::vector<Device> devices_of(const Inventory& now) {
  std::vector<Device> out;
  for (const Gpu& gpu : now.gpus) {
    for (const GpuInstance& instance : gpu.instances) {
      for (const ComputeInstance& compute : instance.compute_instances) {
        out.push_back({&gpu, &instance, &compute});
      }
    }
  }
  return out;
}

// "1g.18gb+me" -> "1g.18gb.me", as the device plugin names its resource.
std::string label_part(std::string text) {
  for (char& c : text) {
    if (c == '+' || c == ',' || c == '@') {
      c = '.';
    }
  }
  return text;
}

// A label's value: letters, digits, "-", "_", ".", at most 63, a letter or digit at both ends.
std::string value_of(std::string text) {
  for (char& c : text) {
    const bool fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '-' || c == '_' || c == '.';
    c = fine ? c : '-';
  }
  text.resize(std::min(text.size(), kLongestValue));
  const auto edge = [](char c) { return c == '-' || c == '_' || c == '.'; };
  while (!text.empty() && edge(text.back())) {
    text.pop_back();
  }
  while (!text.empty() && edge(text.front())) {
    text.erase(0, 1);
  }
  return text;
}

// What is not known is left out.
void describe(Labels& to, const std::string& prefix, const Device& device) {
  const GpuInstance& instance = *device.instance;
  const std::string profile = label_part(device.compute->name.str());
  to[prefix + ".product"] = value_of(fmt::format("{}-MIG-{}", device.gpu->name, profile));
  to[prefix + ".memory"] = std::to_string(instance.memory_mib);
  const std::uint32_t of_whole = device.compute->name.full_size() ? instance.sm : 0;
  if (const std::uint32_t sm = device.compute->sm.value_or(of_whole); sm != 0) {
    to[prefix + ".multiprocessors"] = std::to_string(sm);
  }
  to[prefix + ".slices.gi"] = std::to_string(instance.name.gpu_slices);
  to[prefix + ".slices.ci"] = std::to_string(device.compute->name.compute_slices);
  if (const GpuInstanceProfile* known = device.gpu->find_profile(instance.profile_id)) {
    to[prefix + ".engines.copy"] = std::to_string(known->engines.copy);
    to[prefix + ".engines.decoder"] = std::to_string(known->engines.decoders);
    to[prefix + ".engines.encoder"] = std::to_string(known->engines.encoders);
    to[prefix + ".engines.jpeg"] = std::to_string(known->engines.jpeg);
    to[prefix + ".engines.ofa"] = std::to_string(known->engines.ofa);
  }
}

Labels mixed(const std::vector<Device>& devices) {
  Labels out;
  std::map<std::string, std::size_t> counts;
  for (const Device& device : devices) {
    const std::string prefix = "nvidia.com/mig-" + label_part(device.compute->name.str());
    if (counts[prefix]++ == 0) {
      describe(out, prefix, device);
    }
  }
  for (const auto& [prefix, count] : counts) {
    out[prefix + ".count"] = std::to_string(count);
  }
  return out;
}

Labels single(const Inventory& now, const std::vector<Device>& devices) {
  const bool all_on = std::all_of(now.gpus.begin(), now.gpus.end(), [](const Gpu& gpu) {
    return gpu.mig_current == MigMode::kEnabled;
  });
  const bool all_off = std::none_of(now.gpus.begin(), now.gpus.end(), [](const Gpu& gpu) {
    return gpu.mig_current == MigMode::kEnabled;
  });
  if (all_off) {
    return {};  // GPUs as they are: not ours to describe
  }
  const bool one_profile =
      !devices.empty() && std::all_of(devices.begin(), devices.end(), [&](const Device& device) {
        return device.compute->name == devices.front().compute->name;
      });
  Labels out;
  const std::string prefix = "nvidia.com/gpu";
  if (!all_on || !one_profile) {
    out[prefix + ".count"] = "0";
    out[prefix + ".product"] = value_of(now.gpus.front().name + "-MIG-INVALID");
    return out;
  }
  describe(out, prefix, devices.front());
  out[prefix + ".count"] = std::to_string(devices.size());
  return out;
}

}  // namespace

std::optional<MigStrategy> parse_strategy(std::string_view text) {
  if (text == "none") {
    return MigStrategy::kNone;
  }
  if (text == "single") {
    return MigStrategy::kSingle;
  }
  return text == "mixed" ? std::optional(MigStrategy::kMixed) : std::nullopt;
}

std::map<std::string, std::string> gfd_labels(const Inventory& now, MigStrategy strategy) {
  Labels out;
  const bool capable = std::any_of(now.gpus.begin(), now.gpus.end(), [](const Gpu& gpu) {
    return gpu.mig_current != MigMode::kUnsupported;
  });
  if (strategy == MigStrategy::kMixed) {
    out = mixed(devices_of(now));
  } else if (strategy == MigStrategy::kSingle) {
    out = single(now, devices_of(now));
  }
  out["nvidia.com/mig.capable"] = capable ? "true" : "false";
  out["nvidia.com/mig.strategy"] = strategy == MigStrategy::kMixed    ? "mixed"
                                   : strategy == MigStrategy::kSingle ? "single"
                                                                      : "none";
  return out;
}

}  // namespace mig::kube

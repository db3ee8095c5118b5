// SPDX-License-Identifier: Apache-2.0
#include "slurm/gres.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "slurm/conf.h"

namespace mig::slurm {
namespace {

// Only what is part of a word in Slurm's files and requests.
std::string word_of(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' ||
                       c == '-' || c == '+';
    out += plain ? c : c == ' ' ? '_' : '.';
  }
  return base::lower(out);
}

// A device with what it is sorted by.
struct Placed {
  Device device;
  std::uint32_t start = 0, compute_start = 0;

  auto key() const {
    return std::make_tuple(
        device.type, device.gpu.value, start, compute_start, device.compute_instance);
  }
};

Result<void> add_instances(const Gpu& gpu,
                           const Naming& naming,
                           const Capabilities& capabilities,
                           std::vector<Placed>& found,
                           std::vector<std::string>& warnings) {
  for (const GpuInstance& instance : gpu.instances) {
    if (instance.compute_instances.empty()) {
      warnings.push_back(fmt::format("GPU {} gi={} ({}) has no compute instance: no job can use it",
                                     gpu.index.value,
                                     instance.id.value,
                                     instance.name.str()));
    }
    for (const ComputeInstance& compute : instance.compute_instances) {
      if (compute.uuid.empty()) {
        return fail(ErrorCode::kDriver,
                    fmt::format("the driver tells no UUID of GPU {} gi={} ci={}",
                                gpu.index.value,
                                instance.id.value,
                                compute.id.value));
      }
      MIG_ASSIGN_OR_RETURN(const auto nodes, capabilities(*gpu.minor, instance.id, compute.id));
      Placed placed{{}, instance.placement.start, compute.placement ? compute.placement->start : 0};
      placed.device = {0,
                       type_of(gpu, instance, compute.name, naming),
                       compute.uuid,
                       gpu.index,
                       instance.id,
                       compute.id,
                       {fmt::format("{}/nvidia{}", naming.dev, *gpu.minor),
                        fmt::format("{}/nvidia-caps/{}", naming.dev, nodes.first),
                        fmt::format("{}/nvidia-caps/{}", naming.dev, nodes.second)}};
      found.push_back(std::move(placed));
    }
  }
  if (gpu.instances.empty()) {
    warnings.push_back(
        fmt::format("GPU {} has MIG on and no instance: jobs do not see it", gpu.index.value));
  }
  return {};
}

Result<void> add_gpu(const Gpu& gpu,
                     const Naming& naming,
                     const Capabilities& capabilities,
                     std::vector<Placed>& found,
                     std::vector<std::string>& warnings) {
  if (!gpu.minor) {
    return fail(ErrorCode::kDriver,
                fmt::format("the driver does not tell the device node of GPU {}", gpu.index.value));
  }
  if (gpu.mig_current == MigMode::kEnabled) {
    if (!gpu.instances_complete) {
      return fail(ErrorCode::kPermission,
                  fmt::format("the driver does not tell all instances of GPU {}", gpu.index.value),
                  "as root");
    }
    return add_instances(gpu, naming, capabilities, found, warnings);
  }
  Placed placed;
  placed.device.type = type_of(gpu, naming);
  placed.device.uuid = gpu.uuid;
  placed.device.gpu = gpu.index;
  placed.device.files = {fmt::format("{}/nvidia{}", naming.dev, *gpu.minor)};
  found.push_back(std::move(placed));
  return {};
}

std::string comment_of(const Device& device) {
  std::string text =
      fmt::format("index={} uuid={} gpu={}", device.index, device.uuid, device.gpu.value);
  if (device.gpu_instance && device.compute_instance) {
    text += fmt::format(" gi={} ci={}", device.gpu_instance->value, device.compute_instance->value);
  }
  return text;
}

std::string place_of(const Device& device) {
  return device.gpu_instance && device.compute_instance
             ? fmt::format("GPU {} gi={} ci={}",
                           device.gpu.value,
                           device.gpu_instance->value,
                           device.compute_instance->value)
             : fmt::format("GPU {}", device.gpu.value);
}

}  // namespace

std::optional<Version> parse_version(std::string_view text) {
  const std::size_t blank = text.rfind(' ');
  const auto parts = base::split(text.substr(blank == std::string_view::npos ? 0 : blank + 1), '.');
  if (parts.size() < 2 || parts[1].size() != 2) {
    return std::nullopt;
  }
  const auto year = base::parse_decimal(parts[0], 99);
  const auto month = base::parse_decimal(parts[1][0] == '0' ? parts[1].substr(1) : parts[1], 12);
  if (!year || !month) {
    return std::nullopt;
  }
  // "8", "0-rc1"; a version that is not released yet counts as its first.
  const std::string last = parts.size() > 2 ? parts[2].substr(0, parts[2].find('-')) : "0";
  const auto patch = base::parse_decimal(last, 99);
  return Version{static_cast<unsigned>(*year),
                 static_cast<unsigned>(*month),
                 static_cast<unsigned>(patch.value_or(0))};
}

std::string type_of(const Gpu& gpu,
                    const GpuInstance& instance,
                    const ProfileName& profile,
                    const Naming& naming) {
  std::string name = word_of(profile.str());
  if (!naming.nvml_types) {
    return name;
  }
  if (naming.version < kTypesByName) {
    constexpr std::uint64_t kMibPerGib = 1024;
    name = fmt::format(
        "{}g.{}gb", instance.name.gpu_slices, (instance.memory_mib + kMibPerGib / 2) / kMibPerGib);
  }
  const std::string board = word_of(gpu.name);
  return board.substr(0, board.find('-')) + "_" + name;
}

std::string type_of(const Gpu& gpu, const Naming& naming) {
  std::string name = word_of(gpu.name);
  constexpr std::string_view kMaker = "nvidia_";
  if (!naming.nvml_types && name.starts_with(kMaker)) {
    name.erase(0, kMaker.size());
  }
  return name.empty() ? "gpu" : name;
}

Result<Files> files_of(const Inventory& machine,
                       const Naming& naming,
                       const Capabilities& capabilities) {
  MIG_TRY(machine.none_lost());
  if (!naming.autodetect && naming.version < kMultipleFiles) {
    return fail(ErrorCode::kNotSupported,
                fmt::format("Slurm {}.{:02} has no MultipleFiles in gres.conf: a job could not be "
                            "kept on its instance",
                            naming.version.year,
                            naming.version.month),
                "Slurm 21.08 or later");
  }
  Files files;
  files.node = naming.node;
  std::vector<Placed> found;
  for (const Gpu& gpu : machine.gpus) {
    MIG_TRY(add_gpu(gpu, naming, capabilities, found, files.warnings));
  }
  std::sort(found.begin(), found.end(), [](const Placed& a, const Placed& b) {
    return a.key() < b.key();
  });
  for (Placed& placed : found) {
    placed.device.index = static_cast<std::uint32_t>(files.devices.size());
    files.devices.push_back(std::move(placed.device));
  }
  if (files.devices.empty()) {
    files.warnings.emplace_back("there is nothing that a job could ask for");
  }
  files.gres = gres_of(files.devices);
  files.gres_conf = block_text(files.devices, naming);
  return files;
}

std::string gres_of(const std::vector<Device>& devices) {
  std::vector<std::pair<std::string, std::size_t>> types;
  for (const Device& device : devices) {
    if (types.empty() || types.back().first != device.type) {
      types.emplace_back(device.type, 0);
    }
    ++types.back().second;
  }
  std::vector<std::string> items;
  items.reserve(types.size());
  for (const auto& [type, count] : types) {
    items.push_back(fmt::format("gpu:{}:{}", type, count));
  }
  return base::join(items, ",");
}

std::string block_text(const std::vector<Device>& devices, const Naming& naming) {
  std::string text = block_begin(naming.node) + "\n";
  if (naming.autodetect) {
    text += fmt::format("NodeName={} AutoDetect=nvml\n", naming.node);
    for (const Device& device : devices) {
      text += "# " + comment_of(device) + "\n";
    }
    return text + block_end(naming.node) + "\n";
  }
  for (const Device& device : devices) {
    text += fmt::format("NodeName={} Name=gpu Type={} {}={} # {}\n",
                        naming.node,
                        device.type,
                        device.files.size() == 1 ? "File" : "MultipleFiles",
                        base::join(device.files, ","),
                        comment_of(device));
  }
  return text + block_end(naming.node) + "\n";
}

std::vector<std::string> device_differences(const std::vector<Device>& they,
                                            const std::vector<Device>& should) {
  std::vector<std::string> lines;
  std::map<std::string, const Device*> by_uuid;
  for (const Device& device : they) {
    if (!by_uuid.emplace(device.uuid, &device).second) {
      lines.push_back(fmt::format("{} is there twice", device.uuid));
    }
  }
  for (const Device& device : should) {
    const auto found = by_uuid.find(device.uuid);
    if (found == by_uuid.end()) {
      lines.push_back(
          fmt::format("{} ({}, {}) is not there", place_of(device), device.type, device.uuid));
      continue;
    }
    const Device& said = *found->second;
    by_uuid.erase(found);
    if (said.index != device.index) {
      lines.push_back(
          fmt::format("{} ({}) has number {}, and should have {}: jobs would be told "
                      "another's UUID",
                      place_of(device),
                      device.uuid,
                      said.index,
                      device.index));
    }
    if (!said.type.empty() && said.type != device.type) {
      lines.push_back(
          fmt::format("{} has type {}, and is {}", place_of(device), said.type, device.type));
    }
    if (!said.files.empty() && said.files != device.files) {
      lines.push_back(fmt::format("{} has the nodes {}, and its are {}",
                                  place_of(device),
                                  base::join(said.files, ","),
                                  base::join(device.files, ",")));
    }
  }
  for (const auto& [uuid, device] : by_uuid) {
    lines.push_back(fmt::format("{} ({}) exists no more", uuid, place_of(*device)));
  }
  return lines;
}

}  // namespace mig::slurm

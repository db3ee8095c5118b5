// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/objects/device_json.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "base/strings.h"
#include "kubernetes/objects/device_name.h"
#include "kubernetes/objects/quantity.h"

namespace mig::kube {
namespace {

using base::Json;

constexpr std::size_t kLongestValue = 64;  // of a string attribute

Json text(std::string value) {
  if (value.size() > kLongestValue) {
    value.resize(kLongestValue);
  }
  return {{"string", std::move(value)}};
}

Json number(std::int64_t value) {
  return {{"int", value}};
}

Json truth(bool value) {
  return {{"bool", value}};
}

std::string architecture_name(Architecture architecture) {
  switch (architecture) {
    case Architecture::kAmpere:
      return "Ampere";
    case Architecture::kAda:
      return "Ada Lovelace";
    case Architecture::kHopper:
      return "Hopper";
    case Architecture::kBlackwell:
      return "Blackwell";
    default:
      return "";
  }
}

// "00000000:1A:00.0" -> "0000:1a:00.0", as Linux and other drivers write it.
std::string bus_id(std::string id) {
  std::transform(id.begin(), id.end(), id.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  constexpr std::size_t kLong = 16;  // with a domain of eight digits
  return id.size() == kLong && id.substr(0, 4) == "0000" ? id.substr(4) : id;
}

Json attributes(const Device& device, const SliceInput& input) {
  const Gpu& gpu = *device.gpu;
  Json all = Json::object();
  all["type"] = text("mig");
  all["profile"] = text(device.profile->name.str());
  all["parentUUID"] = text(gpu.uuid);
  all["parentIndex"] = number(gpu.index.value);
  all["start"] = number(device.placement.start);
  all["static"] = truth(device.is_static);
  if (!device.uuid.empty()) {
    all["uuid"] = text(device.uuid);
  }
  all["productName"] = text(gpu.name);
  if (const std::string name = architecture_name(gpu.architecture); !name.empty()) {
    all["architecture"] = text(name);
  }
  if (const std::string version = semantic_version(input.now->driver_version); !version.empty()) {
    all["driverVersion"] = {{"version", version}};
  }
  all["simulated"] = truth(input.now->simulated);
  if (!gpu.pci_bus_id.empty()) {
    all["resource.kubernetes.io/pciBusID"] = text(bus_id(gpu.pci_bus_id));
  }
  if (const auto root = input.pcie_roots.find(gpu.uuid); root != input.pcie_roots.end()) {
    all["resource.kubernetes.io/pcieRoot"] = text(root->second);
  }
  return all;
}

Json value(std::string quantity) {
  return {{"value", std::move(quantity)}};
}

Json capacity(const GpuInstanceProfile& profile) {
  const Engines& engines = profile.engines;
  return {{"memory", value(mib_quantity(profile.memory_mib))},
          {"multiprocessors", value(count_quantity(profile.sm))},
          {"copyEngines", value(count_quantity(engines.copy))},
          {"decoders", value(count_quantity(engines.decoders))},
          {"encoders", value(count_quantity(engines.encoders))},
          {"jpegEngines", value(count_quantity(engines.jpeg))},
          {"ofaEngines", value(count_quantity(engines.ofa))}};
}

Json taints_of(const std::vector<Taint>& taints) {
  constexpr std::size_t kMostTaints = 16;
  Json list = Json::array();
  for (const Taint& taint : taints) {
    if (list.size() == kMostTaints) {
      break;
    }
    Json one = {{"key", taint.key}};
    if (!taint.value.empty()) {
      one["value"] = taint.value;
    }
    one["effect"] = taint.effect;
    one["timeAdded"] = rfc3339(taint.since_ms);
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace

std::string semantic_version(std::string_view driver_version) {
  constexpr std::uint64_t kMost = 1'000'000'000;
  constexpr std::size_t kParts = 3;
  const std::vector<std::string> words = base::split(driver_version, '.');
  if (words.size() > kParts) {
    return "";
  }
  std::array<std::uint64_t, kParts> parts{};
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string_view word = words[i];
    while (word.size() > 1 && word[0] == '0') {
      word.remove_prefix(1);
    }
    const auto part = base::parse_decimal(word, kMost);
    if (!part) {
      return "";
    }
    parts.at(i) = *part;
  }
  return fmt::format("{}.{}.{}", parts[0], parts[1], parts[2]);
}

base::Json counters_json(const Counters& counters) {
  Json all = Json::object();
  for (const auto& [name, amount] : counters) {
    all[name] = value(count_quantity(amount));
  }
  return all;
}

base::Json device_json(const Device& device, const SliceInput& input) {
  Json one = {{"name", device.name},
              {"attributes", attributes(device, input)},
              {"capacity", capacity(*device.profile)}};
  if (!device.consumes.empty()) {
    one["consumesCounters"] = Json::array(
        {{{"counterSet", device_name(*device.gpu)}, {"counters", counters_json(device.consumes)}}});
  }
  if (const auto found = input.taints.find(device.name);
      found != input.taints.end() && !found->second.empty()) {
    one["taints"] = taints_of(found->second);
  }
  return one;
}

}  // namespace mig::kube

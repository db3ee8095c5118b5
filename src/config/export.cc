// SPDX-License-Identifier: Apache-2.0
// Inventory -> layout file, grouped and written as `nvidia-mig-parted export` does.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "config/document.h"
#include "config/spec.h"

namespace mig::config {
namespace {

struct Group {
  bool enabled = false;
  std::map<std::string, std::uint32_t> devices;  // profile of the compute instance -> count
  std::set<std::uint32_t> gpus;
  std::set<std::string> filters;  // empty = not written
  bool all = false;
};

Group group_of(const Gpu& gpu) {
  Group group;
  group.enabled = gpu.mig_current == MigMode::kEnabled;
  group.gpus = {gpu.index.value};
  group.filters = {fmt::format("0x{:X}", gpu.pci_device_id)};
  for (const GpuInstance& instance : group.enabled ? gpu.instances : std::vector<GpuInstance>{}) {
    for (const ComputeInstance& compute : instance.compute_instances) {
      ++group.devices[compute.name.str()];
    }
  }
  return group;
}

// GPUs of equal layout together, in the order in which each layout is first seen; "all" when the
// group holds every GPU of its models; no filter when one model, or one group, is all there is.
std::vector<Group> grouped(const Inventory& inventory) {
  std::vector<Group> groups;
  std::map<std::string, std::set<std::uint32_t>> models;
  for (const Gpu& gpu : inventory.gpus) {
    Group group = group_of(gpu);
    models[*group.filters.begin()].insert(gpu.index.value);
    const auto it = std::find_if(groups.begin(), groups.end(), [&](const Group& other) {
      return other.enabled == group.enabled && other.devices == group.devices;
    });
    if (it == groups.end()) {
      groups.push_back(std::move(group));
    } else {
      it->gpus.merge(group.gpus);
      it->filters.merge(group.filters);
    }
  }
  for (Group& group : groups) {
    std::set<std::uint32_t> of_models;
    for (const std::string& filter : group.filters) {
      of_models.insert(models[filter].begin(), models[filter].end());
    }
    group.all = group.gpus == of_models;
    if (models.size() == 1 || groups.size() == 1) {
      group.filters.clear();
    }
  }
  return groups;
}

// Natural order, as yaml.v2 sorts keys: 2g.10gb before 10g.5gb.
bool natural_less(const std::string& a, const std::string& b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      const std::size_t i_end = std::min(a.find_first_not_of("0123456789", i), a.size());
      const std::size_t j_end = std::min(b.find_first_not_of("0123456789", j), b.size());
      const std::string x = a.substr(i, i_end - i);
      const std::string y = b.substr(j, j_end - j);
      if (x != y) {
        return x.size() != y.size() ? x.size() < y.size() : x < y;
      }
      i = i_end;
      j = j_end;
    } else if (a[i] != b[j]) {
      return a[i] < b[j];
    } else {
      ++i;
      ++j;
    }
  }
  return b.size() - j > a.size() - i;
}

// Plain where every YAML reader sees a text, else in quotes (JSON's, which are YAML's too).
std::string yaml_text(const std::string& text) {
  static const std::set<std::string> kWords = {
      "y", "n", "yes", "no", "on", "off", "true", "false", "null"};
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const bool tame =
      !text.empty() && letter(text[0]) && std::all_of(text.begin(), text.end(), [&](char c) {
        return letter(c) || (c >= '0' && c <= '9') ||
               std::string_view("._+-/").find(c) != std::string_view::npos;
      });
  if (tame && kWords.count(base::lower(text)) == 0) {
    return text;
  }
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string yaml(const std::vector<Group>& groups, std::string_view label) {
  std::string out = fmt::format("version: v1\nmig-configs:\n  {}:{}\n",
                                yaml_text(std::string(label)),
                                groups.empty() ? " []" : "");
  for (const Group& group : groups) {
    std::string lead = "  - ";
    if (!group.filters.empty()) {
      const std::string quoted = fmt::format("\"{}\"", fmt::join(group.filters, "\", \""));
      out += fmt::format(
          "{}device-filter: {}\n", lead, group.filters.size() == 1 ? quoted : "[" + quoted + "]");
      lead = "    ";
    }
    out += fmt::format("{}devices: {}\n",
                       lead,
                       group.all ? "all" : fmt::format("[{}]", fmt::join(group.gpus, ", ")));
    out += fmt::format("    mig-enabled: {}\n", group.enabled);
    out += fmt::format("    mig-devices:{}\n", group.devices.empty() ? " {}" : "");
    std::vector<std::string> names;
    for (const auto& [name, count] : group.devices) {
      names.push_back(name);
    }
    std::sort(names.begin(), names.end(), natural_less);
    for (const std::string& name : names) {
      out += fmt::format("      {}: {}\n", name, group.devices.at(name));
    }
  }
  return out;
}

std::string json(const std::vector<Group>& groups, std::string_view label) {
  using Json = nlohmann::ordered_json;
  Json entries = Json::array();
  for (const Group& group : groups) {
    Json entry = Json::object();
    if (group.filters.size() == 1) {
      entry["device-filter"] = *group.filters.begin();
    } else if (!group.filters.empty()) {
      entry["device-filter"] = group.filters;
    }
    entry["devices"] = group.all ? Json("all") : Json(group.gpus);
    entry["mig-enabled"] = group.enabled;
    entry["mig-devices"] = Json::object();
    for (const auto& [name, count] : group.devices) {
      entry["mig-devices"][name] = count;
    }
    entries.push_back(std::move(entry));
  }
  const Json document = {{"version", "v1"},
                         {"mig-configs", Json{{std::string(label), std::move(entries)}}}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string export_spec(const Inventory& inventory, std::string_view label, Format format) {
  const std::vector<Group> groups = grouped(inventory);
  return format == Format::kYaml ? yaml(groups, label) : json(groups, label);
}

}  // namespace mig::config

// SPDX-License-Identifier: Apache-2.0
#include "config/layout_text.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/strings.h"

namespace mig::config {
namespace {

using Json = nlohmann::ordered_json;

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

// Unquoted where every YAML reader sees a text, else quoted as in JSON, which is valid YAML too.
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

std::string yaml(const ConfigText& config) {
  std::string out =
      fmt::format("  {}:{}\n", yaml_text(config.label), config.entries.empty() ? " []" : "");
  for (const EntryText& group : config.entries) {
    std::string lead = "  - ";
    if (!group.filters.empty()) {
      const std::string quoted = fmt::format("\"{}\"", fmt::join(group.filters, "\", \""));
      const bool list = group.filter_list || group.filters.size() > 1;
      out += fmt::format("{}device-filter: {}\n", lead, list ? "[" + quoted + "]" : quoted);
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

Json entries_json(const ConfigText& config) {
  Json entries = Json::array();
  for (const EntryText& group : config.entries) {
    Json entry = Json::object();
    if (group.filters.size() == 1 && !group.filter_list) {
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
  return entries;
}

}  // namespace

std::string filter_text(const Gpu& gpu) {
  return fmt::format("0x{:X}", gpu.pci_device_id);
}

std::string layout_text(std::vector<ConfigText> configs, Format format) {
  if (format == Format::kYaml) {
    std::sort(configs.begin(), configs.end(), [](const ConfigText& a, const ConfigText& b) {
      return natural_less(a.label, b.label);
    });
    std::string out = "version: v1\nmig-configs:\n";
    for (const ConfigText& config : configs) {
      out += yaml(config);
    }
    return out;
  }
  std::sort(configs.begin(), configs.end(), [](const ConfigText& a, const ConfigText& b) {
    return a.label < b.label;
  });
  Json labels = Json::object();
  for (const ConfigText& config : configs) {
    labels[config.label] = entries_json(config);
  }
  const Json document = {{"version", "v1"}, {"mig-configs", std::move(labels)}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace mig::config

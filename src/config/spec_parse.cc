// SPDX-License-Identifier: Apache-2.0
// Tree -> SpecConfig: mig-parted's v1 rules, and values that YAML 1.1 would convert to an
// unexpected type.
#include "config/spec_parse.h"

#include <algorithm>
#include <initializer_list>
#include <limits>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/document.h"

namespace mig::config {
namespace {

using Kind = Node::Kind;

constexpr std::size_t kMostEntries = 10000;
constexpr std::size_t kLongestLabel = 256;
constexpr std::uint32_t kMostInstances = 1000;
constexpr std::uint32_t kHighestGpu = 9999;

Error unknown_key(const Node& key, std::string_view where, const std::vector<std::string>& known) {
  const auto near = base::nearest(key.text, known, 1);
  return complaint(key.position,
                   fmt::format("unexpected field {} in {}", base::quoted(key.text), where),
                   near.empty() ? fmt::format("known: {}", base::join(known, ", "))
                                : fmt::format("did you mean \"{}\"?", near[0]));
}

}  // namespace

Result<std::vector<const Node*>> fields(const Node& map,
                                        std::string_view where,
                                        const std::vector<std::string>& known) {
  std::vector<const Node*> values(known.size(), nullptr);
  for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
    const auto it = std::find(known.begin(), known.end(), map.items[i].text);
    if (it == known.end()) {
      return unknown_key(map.items[i], where, known);
    }
    values[static_cast<std::size_t>(it - known.begin())] = &map.items[i + 1];
  }
  return values;
}

namespace {

// True for words that YAML 1.1 readers convert to a boolean.
bool boolean_like(std::string_view text) {
  const std::string word = base::lower(text);
  static constexpr std::string_view kWords[] = {
      "y", "yes", "n", "no", "on", "off", "true", "false"};
  return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

Result<bool> read_bool(const Node& node, std::string_view what) {
  if (node.is(Kind::kScalar) && !node.quoted) {
    const std::string word = base::lower(node.text);
    if (word == "true" || word == "false") {
      return word == "true";
    }
  }
  const bool quoted = node.is(Kind::kScalar) && node.quoted;
  return complaint(node.position,
                   fmt::format("{} is true or false, not {}", what, node.described()),
                   quoted ? "write true or false without quotes" : "write true or false");
}

Error not_a_number(const Node& node, std::string_view what) {
  const std::string& text = node.text;
  const std::string said = fmt::format("{}: {}", what, node.described());
  if (!node.is(Kind::kScalar)) {
    return complaint(node.position, fmt::format("{} is not a number", said));
  }
  if (node.quoted) {
    return complaint(node.position, said + " is text, not a number", "write it without quotes");
  }
  if (boolean_like(text)) {
    return complaint(node.position,
                     said + " is not a number: YAML readers take it for true or false",
                     "write a number here; where a switch is meant, write true or false");
  }
  if (text[0] == '-') {
    return complaint(node.position, said + " is negative");
  }
  const std::size_t digits = text.find_first_not_of('0');
  const std::string_view rest =
      digits == std::string::npos ? "0" : std::string_view(text).substr(digits);
  const auto ten = base::parse_decimal(rest, std::numeric_limits<std::uint32_t>::max());
  if (ten && text.size() > 1 && text[0] == '0') {
    std::uint64_t eight = 0;
    const bool octal = text.find_first_of("89") == std::string::npos && text.size() <= 10;
    for (const char c : text) {
      eight = eight * 8 + static_cast<std::uint64_t>(c - '0');
    }
    const std::string either = octal && eight != *ten ? fmt::format(" (or {})", eight) : "";
    return complaint(node.position,
                     said + " is not a plain decimal number",
                     fmt::format("write {}{}", *ten, either));
  }
  return complaint(
      node.position, said + " is not a plain decimal number", "write a whole number such as 2");
}

Result<std::uint32_t> read_number(const Node& node, std::string_view what, std::uint32_t max) {
  if (node.is(Kind::kScalar) && !node.quoted) {
    if (const auto value = base::parse_decimal(node.text, max)) {
      return static_cast<std::uint32_t>(*value);
    }
    const bool plain = node.text.find_first_not_of("0123456789") == std::string::npos;
    if (plain && node.text[0] != '0') {
      return complaint(node.position,
                       fmt::format("{}: {} is beyond {}", what, base::quoted(node.text, 24), max));
    }
  }
  return not_a_number(node, what);
}

Result<DeviceFilter> read_filter(const Node& node) {
  const std::string_view form =
      "write the PCI ids in quotes: \"0xDDDDVVVV\" (device, vendor) or "
      "\"0xDDDDVVVV:0xSDSDSVSV\" (with the subsystem)";
  if (!node.is(Kind::kScalar)) {
    return complaint(
        node.position, fmt::format("device-filter holds {}", node.described()), std::string(form));
  }
  const auto parts = base::split(node.text, ':');
  const auto device = base::parse_hex32(parts[0]);
  const auto subsystem = parts.size() == 2 ? base::parse_hex32(parts[1]) : std::nullopt;
  const bool number = parts.size() == 1 && !node.quoted;  // YAML readers would make a number of it
  if (!device || parts.size() > 2 || (parts.size() == 2 && !subsystem) || number) {
    return complaint(node.position,
                     fmt::format("device-filter {} is not a PCI id in quotes", node.described()),
                     std::string(form));
  }
  return DeviceFilter{*device, subsystem, node.position};
}

Result<std::vector<DeviceFilter>> read_filters(const Node& node) {
  std::vector<DeviceFilter> filters;
  if (node.is(Kind::kSequence)) {
    for (const Node& item : node.items) {
      MIG_ASSIGN_OR_RETURN(DeviceFilter filter, read_filter(item));
      filters.push_back(std::move(filter));
    }
    return filters;
  }
  if (node.is(Kind::kNull) || (node.is(Kind::kScalar) && node.quoted && node.text.empty())) {
    return filters;  // as in mig-parted: any GPU
  }
  MIG_ASSIGN_OR_RETURN(DeviceFilter filter, read_filter(node));
  filters.push_back(std::move(filter));
  return filters;
}

Result<std::optional<std::vector<std::uint32_t>>> read_devices(const Node& node) {
  using Devices = std::optional<std::vector<std::uint32_t>>;
  if (node.is(Kind::kScalar) && node.text == "all") {
    return Devices();
  }
  if (!node.is(Kind::kSequence)) {
    const bool number = node.is(Kind::kScalar) && base::parse_decimal(node.text, kHighestGpu);
    return complaint(
        node.position,
        fmt::format("devices is \"all\" or a list of GPU numbers, not {}", node.described()),
        number ? fmt::format("write [{}]", node.text) : "write all, or e.g. [0, 1]");
  }
  std::vector<std::uint32_t> devices;
  for (const Node& item : node.items) {
    MIG_ASSIGN_OR_RETURN(const std::uint32_t index, read_number(item, "devices", kHighestGpu));
    devices.push_back(index);
  }
  return Devices(std::move(devices));
}

Result<std::vector<SpecDevices>> read_mig_devices(const Node& node) {
  if (!node.is(Kind::kMap)) {
    return complaint(
        node.position,
        fmt::format("mig-devices is a map from profile to count, not {}", node.described()),
        "write e.g. {\"1g.5gb\": 2}; {} for no instances");
  }
  std::vector<SpecDevices> devices;
  for (std::size_t i = 0; i + 1 < node.items.size(); i += 2) {
    const Node& key = node.items[i];
    auto profile = ProfileName::parse(key.text);
    if (!profile || key.text.rfind("MIG ", 0) == 0) {
      return profile ? complaint(key.position, "a profile is written without \"MIG \" here")
                     : complaint(key.position, profile.error().message, profile.error().hint);
    }
    MIG_ASSIGN_OR_RETURN(
        const std::uint32_t count,
        read_number(node.items[i + 1], fmt::format("count of {}", key.text), kMostInstances));
    devices.push_back({*std::move(profile), count, key.position});
  }
  const bool all_zero = std::all_of(
      devices.begin(), devices.end(), [](const SpecDevices& d) { return d.count == 0; });
  if (!devices.empty() && all_zero) {
    return complaint(node.position, "all counts in mig-devices are 0", "write {} for no instances");
  }
  return devices;
}

Result<SpecEntry> read_entry(const Node& node, const std::string& label) {
  static const std::vector<std::string> kKnown = {
      "device-filter", "devices", "mig-enabled", "mig-devices"};
  const std::string where = fmt::format("an entry of {}", base::quoted(label));
  if (!node.is(Kind::kMap)) {
    return complaint(node.position,
                     fmt::format("{} is a map, not {}", where, node.described()),
                     "an entry has devices, mig-enabled and mig-devices");
  }
  MIG_ASSIGN_OR_RETURN(const auto values, fields(node, where, kKnown));
  for (const std::size_t required : {1, 2}) {
    if (values[required] == nullptr) {
      return complaint(
          node.position,
          fmt::format("missing required field {} in {}", base::quoted(kKnown[required]), where));
    }
  }
  SpecEntry entry;
  entry.position = node.position;
  if (values[0] != nullptr) {
    MIG_ASSIGN_OR_RETURN(entry.filters, read_filters(*values[0]));
  }
  MIG_ASSIGN_OR_RETURN(entry.devices, read_devices(*values[1]));
  MIG_ASSIGN_OR_RETURN(entry.mig_enabled, read_bool(*values[2], "mig-enabled"));
  const bool none = values[3] == nullptr || (values[3]->is(Kind::kNull) && !entry.mig_enabled);
  if (none && entry.mig_enabled) {
    return complaint(
        node.position,
        fmt::format("missing required field \"mig-devices\" in {}: mig-enabled is true", where),
        "write mig-devices: {} for MIG without instances");
  }
  if (!none) {
    MIG_ASSIGN_OR_RETURN(entry.mig_devices, read_mig_devices(*values[3]));
  }
  if (!entry.mig_enabled && !entry.mig_devices.empty()) {
    return complaint(entry.mig_devices[0].position,
                     fmt::format("mig-devices in {} although mig-enabled is false", where),
                     "set mig-enabled: true, or mig-devices: {}");
  }
  return entry;
}

}  // namespace

Result<SpecConfig> read_config(const Node& key, const Node& value, std::size_t& entries) {
  if (key.text.size() > kLongestLabel) {
    return Error{
        ErrorCode::kTooLarge,
        fmt::format("{}: a config's name has at most {} bytes", key.position.str(), kLongestLabel)};
  }
  SpecConfig config{key.text, {}, key.position};
  if (!value.is(Kind::kSequence) || value.items.empty()) {
    return complaint(
        value.is(Kind::kNull) ? key.position : value.position,
        fmt::format("at least one entry in {} is required, and in a list", base::quoted(key.text)),
        "write \"- devices: all\" and what belongs to it below the name");
  }
  for (const Node& item : value.items) {
    if (++entries > kMostEntries) {
      return Error{
          ErrorCode::kTooLarge,
          fmt::format("{}: more than {} entries in one file", item.position.str(), kMostEntries)};
    }
    MIG_ASSIGN_OR_RETURN(SpecEntry entry, read_entry(item, config.label));
    config.entries.push_back(std::move(entry));
  }
  return config;
}

}  // namespace mig::config

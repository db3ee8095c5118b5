// SPDX-License-Identifier: Apache-2.0
// Inside of config/: writes a layout file as mig-parted does (yaml.v2's order, flow lists).
#ifndef MIGCTL_CONFIG_LAYOUT_TEXT_H_
#define MIGCTL_CONFIG_LAYOUT_TEXT_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "mig/inventory.h"

#include "config/spec.h"

namespace mig::config {

struct EntryText {
  bool enabled = false;
  std::map<std::string, std::uint32_t> devices;  // count by compute profile
  std::set<std::uint32_t> gpus;
  std::set<std::string> filters;  // empty = not written
  bool all = false;               // "all" instead of gpus
  bool filter_list = false;       // write a single filter as a list too
};

struct ConfigText {
  std::string label;
  std::vector<EntryText> entries;
};

// Value of a device-filter for this GPU's model: "0x20B010DE".
std::string filter_text(const Gpu& gpu);

std::string layout_text(std::vector<ConfigText> configs, Format format);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_LAYOUT_TEXT_H_

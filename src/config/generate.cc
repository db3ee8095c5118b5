// SPDX-License-Identifier: Apache-2.0
#include "config/generate.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "config/layout_text.h"

namespace mig::config {
namespace {

using Models = std::map<std::string, const Gpu*>;  // by device-filter; one GPU per model

// 2 x 1g + 1 x 2g + 1 x 3g fill seven slices, 2 x 1g + 1 x 2g fill four.
const std::map<std::uint32_t, std::uint32_t>* balanced_counts(std::uint32_t slices) {
  static const std::map<std::uint32_t, std::uint32_t> kSeven = {{1, 2}, {2, 1}, {3, 1}};
  static const std::map<std::uint32_t, std::uint32_t> kFour = {{1, 2}, {2, 1}};
  return slices == 7 ? &kSeven : slices == 4 ? &kFour : nullptr;
}

// The driver's count, capped at the number of disjoint placements: drivers have overstated it for
// boards with four slices.
std::uint32_t most_of(const GpuInstanceProfile& profile) {
  std::vector<Placement> places = profile.placements;
  std::sort(
      places.begin(), places.end(), [](Placement a, Placement b) { return a.end() < b.end(); });
  std::uint32_t fit = 0;
  std::uint32_t end = 0;
  for (const Placement place : places) {
    if (place.start >= end) {
      ++fit;
      end = place.end();
    }
  }
  return places.empty() ? profile.max_count : std::min(profile.max_count, fit);
}

EntryText entry(bool enabled) {
  EntryText out;
  out.enabled = enabled;
  out.all = true;
  out.filter_list = true;
  return out;
}

// For each slice count the plain profile with the largest maximum.
EntryText balanced(const Gpu& gpu) {
  EntryText out = entry(true);
  std::map<std::uint32_t, const GpuInstanceProfile*> plain;
  std::uint32_t slices = 0;
  for (const GpuInstanceProfile& profile : gpu.profiles) {
    if (!profile.name.attributes.empty()) {
      continue;
    }
    slices = std::max(slices, profile.name.gpu_slices);
    const GpuInstanceProfile*& best = plain[profile.name.gpu_slices];
    if (best == nullptr || most_of(profile) > most_of(*best)) {
      best = &profile;
    }
  }
  const auto* counts = balanced_counts(slices);
  if (counts == nullptr) {
    return out;
  }
  for (const auto& [size, count] : *counts) {
    const auto found = plain.find(size);
    if (found == plain.end()) {
      out.devices.clear();
      return out;
    }
    out.devices[found->second->name.str()] = count;
  }
  return out;
}

std::string label_of(const std::string& profile) {
  std::string label = "all-" + profile;
  std::replace(label.begin(), label.end(), '+', '.');
  return label;
}

ConfigText all_balanced(const Models& models) {
  ConfigText config{"all-balanced", {}};
  for (const auto& [filter, gpu] : models) {
    EntryText one = balanced(*gpu);
    if (models.size() > 1) {
      one.filters = {filter};
    }
    if (!one.devices.empty()) {
      config.entries.push_back(std::move(one));
    }
  }
  return config;
}

// One entry per count, ascending: models may hold different numbers of one profile.
ConfigText all_of(const std::string& profile,
                  const std::map<std::string, std::uint32_t>& count_of_model,
                  bool filter) {
  std::map<std::uint32_t, EntryText> by_count;
  for (const auto& [model, count] : count_of_model) {
    EntryText& one = by_count.try_emplace(count, entry(true)).first->second;
    one.devices[profile] = count;
    if (filter) {
      one.filters.insert(model);
    }
  }
  ConfigText config{label_of(profile), {}};
  for (auto& [count, one] : by_count) {
    config.entries.push_back(std::move(one));
  }
  return config;
}

}  // namespace

Result<std::string> generate_spec(const Inventory& inventory, Format format) {
  Models models;
  std::map<std::string, std::map<std::string, std::uint32_t>> profiles;  // by name and model
  bool capable = false;
  for (const Gpu& gpu : inventory.gpus) {
    capable = capable || gpu.mig_current != MigMode::kUnsupported;
    if (gpu.mig_current == MigMode::kUnsupported || gpu.profiles.empty()) {
      continue;
    }
    models.try_emplace(filter_text(gpu), &gpu);
    for (const GpuInstanceProfile& profile : gpu.profiles) {
      profiles[profile.name.str()][filter_text(gpu)] = most_of(profile);
    }
  }
  if (models.empty()) {
    return capable ? fail(ErrorCode::kNotSupported,
                          "the driver names no profile of any GPU",
                          "some drivers do so only with MIG on: migctl mode enable")
                   : fail(ErrorCode::kNotSupported,
                          "no GPU of this machine can do MIG",
                          "migctl list shows the GPUs");
  }
  std::vector<ConfigText> configs = {{"all-disabled", {entry(false)}},
                                     {"all-enabled", {entry(true)}}};
  if (ConfigText config = all_balanced(models); !config.entries.empty()) {
    configs.push_back(std::move(config));
  }
  for (const auto& [profile, counts] : profiles) {
    configs.push_back(all_of(profile, counts, models.size() > 1));
  }
  return layout_text(std::move(configs), format);
}

}  // namespace mig::config

// SPDX-License-Identifier: Apache-2.0
// Inventory -> layout file, grouped and written as `nvidia-mig-parted export` does.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "config/layout_text.h"
#include "config/spec.h"

namespace mig::config {
namespace {

EntryText group_of(const Gpu& gpu) {
  EntryText group;
  group.enabled = gpu.mig_current == MigMode::kEnabled;
  group.gpus = {gpu.index.value};
  group.filters = {filter_text(gpu)};
  for (const GpuInstance& instance : group.enabled ? gpu.instances : std::vector<GpuInstance>{}) {
    for (const ComputeInstance& compute : instance.compute_instances) {
      ++group.devices[compute.name.str()];
    }
  }
  return group;
}

// Groups GPUs of equal layout, in the order of first appearance; "all" when the group has every GPU
// of its models; no filter when there is only one model, or one group.
std::vector<EntryText> grouped(const Inventory& inventory) {
  std::vector<EntryText> groups;
  std::map<std::string, std::set<std::uint32_t>> models;
  for (const Gpu& gpu : inventory.gpus) {
    EntryText group = group_of(gpu);
    models[*group.filters.begin()].insert(gpu.index.value);
    const auto it = std::find_if(groups.begin(), groups.end(), [&](const EntryText& other) {
      return other.enabled == group.enabled && other.devices == group.devices;
    });
    if (it == groups.end()) {
      groups.push_back(std::move(group));
    } else {
      it->gpus.merge(group.gpus);
      it->filters.merge(group.filters);
    }
  }
  for (EntryText& group : groups) {
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

}  // namespace

std::string export_spec(const Inventory& inventory, std::string_view label, Format format) {
  return layout_text({{std::string(label), grouped(inventory)}}, format);
}

}  // namespace mig::config

// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/publish/pool_update.h"

#include <algorithm>
#include <limits>
#include <map>

#include "kubernetes/objects/quantity.h"
#include "kubernetes/objects/slices.h"

namespace mig::kube {
namespace {

using base::Json;

const Json* member(const Json& object, const std::vector<const char*>& path) {
  const Json* at = &object;
  for (const char* key : path) {
    const auto found = at->is_object() ? at->find(key) : at->end();
    if (!at->is_object() || found == at->end()) {
      return nullptr;
    }
    at = &*found;
  }
  return at;
}

std::string text(const Json& object, const std::vector<const char*>& path) {
  const Json* found = member(object, path);
  return found != nullptr && found->is_string() ? found->get<std::string>() : "";
}

// Of another writer it may be anything: one that would leave no room above counts as none.
std::int64_t generation_of(const Json& slice) {
  const Json* found = member(slice, {"spec", "pool", "generation"});
  const std::int64_t value =
      found != nullptr && found->is_number_integer() ? found->get<std::int64_t>() : 0;
  return value == std::numeric_limits<std::int64_t>::max() ? 0 : value;
}

Json at_generation(Json slice, std::int64_t generation) {
  slice["spec"]["pool"]["generation"] = generation;
  return slice;
}

bool one_generation(const std::vector<Json>& slices) {
  return std::all_of(slices.begin(), slices.end(), [&](const Json& slice) {
    return generation_of(slice) == generation_of(slices.front());
  });
}

}  // namespace

std::string slice_name(const Json& slice) {
  return text(slice, {"metadata", "name"});
}

PoolUpdate pool_update(const std::vector<Json>& existing, const std::vector<Json>& wanted) {
  std::map<std::string, const Json*> there;
  std::int64_t highest = 0;
  for (const Json& slice : existing) {
    there[slice_name(slice)] = &slice;
    highest = std::max(highest, generation_of(slice));
  }
  std::size_t differ = 0;
  bool missing = false;
  std::vector<SliceDifference> differences;
  for (const Json& slice : wanted) {
    const auto found = there.find(slice_name(slice));
    missing = missing || found == there.end();
    differences.push_back(found == there.end() ? SliceDifference::kContent
                                               : compare_slices(*found->second, slice));
    differ += differences.back() == SliceDifference::kContent ? 1 : 0;
  }
  const bool keep =
      !missing && there.size() == wanted.size() && differ <= 1 && one_generation(existing);
  PoolUpdate update;
  update.generation = keep ? highest : highest + 1;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto found = there.find(slice_name(wanted[i]));
    Json slice = at_generation(wanted[i], update.generation);
    if (found == there.end()) {
      update.create.push_back(std::move(slice));
      continue;
    }
    if (!keep || differences[i] != SliceDifference::kNone) {
      slice["metadata"]["resourceVersion"] = text(*found->second, {"metadata", "resourceVersion"});
      update.replace.push_back(std::move(slice));
    }
    there.erase(found);
  }
  for (const auto& [name, slice] : there) {
    update.remove.push_back({name, text(*slice, {"metadata", "uid"})});
  }
  return update;
}

std::vector<Json> with_taint(std::vector<Json> slices,
                             const std::string& key,
                             std::int64_t now_ms) {
  for (Json& slice : slices) {
    slice["apiVersion"] = "resource.k8s.io/v1";  // items of a list have neither
    slice["kind"] = "ResourceSlice";
    if (member(slice, {"spec", "devices"}) == nullptr || !slice["spec"]["devices"].is_array()) {
      continue;
    }
    for (Json& device : slice["spec"]["devices"]) {
      Json& taints = device["taints"];
      const bool there =
          taints.is_array() && std::any_of(taints.begin(), taints.end(), [&](const Json& taint) {
            return text(taint, {"key"}) == key;
          });
      if (!there) {
        taints.push_back({{"key", key}, {"effect", "NoSchedule"}, {"timeAdded", rfc3339(now_ms)}});
      }
    }
  }
  return slices;
}

}  // namespace mig::kube

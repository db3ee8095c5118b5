// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/publish/pool.h"

#include <algorithm>

#include <fmt/format.h>

#include "kubernetes/objects/allocation.h"
#include "kubernetes/publish/pool_update.h"

namespace mig::kube {
namespace {

using base::Json;

constexpr std::size_t kMostSlices = 1000;  // of one node; somebody else could create any number
constexpr int kTries = 5;

std::string path_of(const std::string& name) {
  return slices_path() + "/" + name;
}

}  // namespace

std::string slices_path() {
  return "/apis/resource.k8s.io/v1/resourceslices";
}

std::string slices_query(const std::string& node) {
  return fmt::format("fieldSelector=spec.nodeName%3D{}%2Cspec.driver%3D{}", node, kDriverName);
}

SliceRequests slice_requests(ApiClient& api, const std::string& node) {
  SliceRequests requests;
  requests.list = [&api, query = slices_query(node)]() -> Result<std::vector<Json>> {
    MIG_ASSIGN_OR_RETURN(const Json list, api.list(slices_path(), query));
    const auto items = list.is_object() ? list.find("items") : list.end();
    if (!list.is_object() || items == list.end() || !items->is_array()) {
      return fail(ErrorCode::kInvalidInput, "the API server's list of ResourceSlices has no items");
    }
    if (items->size() > kMostSlices) {
      return fail(ErrorCode::kTooLarge,
                  fmt::format("this node has {} ResourceSlices of {}; {} are looked at",
                              items->size(),
                              kDriverName,
                              kMostSlices));
    }
    return items->get<std::vector<Json>>();
  };
  requests.create = [&api](const Json& slice) { return api.create(slices_path(), slice); };
  requests.replace = [&api](const Json& slice) {
    return api.replace(path_of(slice_name(slice)), slice);
  };
  requests.remove = [&api](const std::string& name, const std::string& uid) {
    return api.remove(path_of(name), uid);
  };
  return requests;
}

Result<bool> Pool::once(const std::function<std::vector<Json>(std::vector<Json>)>& wanted) {
  MIG_ASSIGN_OR_RETURN(std::vector<Json> existing, requests_.list());
  PoolUpdate update = pool_update(existing, wanted(existing));
  for (const SliceToDelete& slice : update.remove) {
    MIG_TRY(requests_.remove(slice.name, slice.uid));
    ++writes_.removed;
    std::erase_if(existing, [&](const Json& one) { return slice_name(one) == slice.name; });
  }
  for (const Json& slice : update.replace) {
    MIG_ASSIGN_OR_RETURN(Json stored, requests_.replace(slice));
    ++writes_.replaced;
    writes_.bytes += slice.dump().size();
    const auto old = std::find_if(existing.begin(), existing.end(), [&](const Json& one) {
      return slice_name(one) == slice_name(slice);
    });
    *old = std::move(stored);
  }
  for (const Json& slice : update.create) {
    MIG_ASSIGN_OR_RETURN(Json stored, requests_.create(slice));
    ++writes_.created;
    writes_.bytes += slice.dump().size();
    existing.push_back(std::move(stored));
  }
  published_ = std::move(existing);
  return !update.empty();
}

Result<bool> Pool::several(const std::function<std::vector<Json>(std::vector<Json>)>& wanted) {
  for (int attempt = 1;; ++attempt) {
    auto done = once(wanted);
    // A conflict is somebody else's write since the list. The bound keeps two writers that fight
    // from keeping the API server busy; the caller comes again after a pause.
    if (done || done.error().code != ErrorCode::kConflict || attempt == kTries) {
      return done;
    }
  }
}

Result<bool> Pool::publish(const std::vector<Json>& wanted) {
  return several([&](const std::vector<Json>&) { return wanted; });
}

Result<bool> Pool::publish_taint(const std::string& key, std::int64_t now_ms) {
  return several(
      [&](std::vector<Json> existing) { return with_taint(std::move(existing), key, now_ms); });
}

Result<void> Pool::clear() {
  MIG_TRY(several([](const std::vector<Json>&) { return std::vector<Json>(); }));
  return {};
}

}  // namespace mig::kube

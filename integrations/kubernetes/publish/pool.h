// SPDX-License-Identifier: Apache-2.0
// The ResourceSlices of one node on the API server: brought to what is wanted by list, comparison
// and writes, once per call.
//
// A process that dies between two writes leaves a pool that is incomplete, from which nothing is
// allocated, and the next call (of the next process too) completes it.
//
// Threading: not thread-safe.
#ifndef MIGCTL_KUBERNETES_PUBLISH_POOL_H_
#define MIGCTL_KUBERNETES_PUBLISH_POOL_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "base/json.h"
#include "kubernetes/api/client.h"

namespace mig::kube {

// The four requests, so that tests can let each of them fail.
struct SliceRequests {
  std::function<Result<std::vector<base::Json>>()> list;
  std::function<Result<base::Json>(const base::Json&)> create, replace;
  std::function<Result<void>(const std::string& name, const std::string& uid)> remove;
};

// Of the slices of this driver on that node. `api` must outlive them.
SliceRequests slice_requests(ApiClient& api, const std::string& node);
// For Watcher and list: which slices those are.
std::string slices_path();
std::string slices_query(const std::string& node);

struct PoolWrites {
  std::uint64_t created = 0, replaced = 0, removed = 0, bytes = 0;
};

class Pool {
 public:
  explicit Pool(SliceRequests requests) : requests_(std::move(requests)) {}

  // True when something was written. Somebody else's write in between is met by listing anew, a
  // few times; then kConflict.
  Result<bool> publish(const std::vector<base::Json>& wanted);
  // As `publish` of what is there with a taint on each device.
  Result<bool> publish_taint(const std::string& key, std::int64_t now_ms);
  // Removes all slices of the node: for an uninstallation.
  Result<void> clear();

  // As the server has it after the last call that succeeded.
  const std::vector<base::Json>& published() const { return published_; }

  const PoolWrites& writes() const { return writes_; }

 private:
  Result<bool> once(const std::function<std::vector<base::Json>(std::vector<base::Json>)>& wanted);
  Result<bool> several(
      const std::function<std::vector<base::Json>(std::vector<base::Json>)>& wanted);

  SliceRequests requests_;
  std::vector<base::Json> published_;
  PoolWrites writes_;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PUBLISH_POOL_H_

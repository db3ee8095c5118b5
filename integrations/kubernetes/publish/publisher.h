// SPDX-License-Identifier: Apache-2.0
// Keeps the API server's ResourceSlices of a node in step with its machine: a thread that publishes
// after each trigger (many at once are one), periodically, and when somebody else wrote to them.
//
// What ends it: the destructor, which leaves the slices, since pods go on running; the kubelet
// removes them half a minute after the plugin's socket is gone, and the Node's end removes them by
// their owner reference. While migd is away they stay too, and after `away_after` their devices are
// tainted: a pod that was placed here could not start.
//
// Threading: thread-safe. The sources are called on the publisher's thread.
#ifndef MIGCTL_KUBERNETES_PUBLISH_PUBLISHER_H_
#define MIGCTL_KUBERNETES_PUBLISH_PUBLISHER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "kubernetes/api/client.h"
#include "kubernetes/objects/slices.h"
#include "kubernetes/publish/pool.h"

namespace mig::kube {

struct PublisherSettings {
  std::string node;
  // After a trigger, so that what happens together is published together, and not while a container
  // is being started for it.
  std::chrono::milliseconds settle{200};
  // Between the beginnings of two publications.
  std::chrono::milliseconds least_pause{250};
  std::chrono::milliseconds period{30'000};
  // Back-off after a failure doubles from the first to the second.
  std::chrono::milliseconds first_wait{500}, longest_wait{30'000};
  bool existing_only = false;  // of SliceInput
  // How long migd may be away before devices get the taint mig.migctl.dev/unreachable; 0 = for
  // ever.
  std::chrono::milliseconds away_after{120'000};
};

struct PublisherSources {
  std::function<Result<Inventory>()> inventory;
  std::function<std::map<std::string, bool>()> held;  // of SliceInput
  std::function<std::map<std::string, std::vector<Taint>>(const Inventory&)> taints;
  std::function<std::map<std::string, std::string>(const Inventory&)> pcie_roots;
  // A trouble when it begins or changes; "" when it is over.
  std::function<void(const std::string& trouble)> on_state;
};

struct PublisherState {
  std::uint64_t rounds = 0;  // that succeeded
  PoolWrites writes;
  std::size_t devices = 0;
  std::string trouble;  // "" = none
};

class Publisher {
 public:
  // `api` must outlive it.
  Publisher(ApiClient& api, PublisherSettings settings, PublisherSources sources);
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;
  Publisher(Publisher&&) = delete;
  Publisher& operator=(Publisher&&) = delete;

  // The layout, the claims' devices or the taints have changed.
  void trigger();
  PublisherState state() const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

// Removes the slices of this driver on that node.
Result<void> remove_slices(ApiClient& api, const std::string& node);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PUBLISH_PUBLISHER_H_

// SPDX-License-Identifier: Apache-2.0
// The program with dynamic resource allocation (--mode dra): the machine is published as
// ResourceSlices, claims are prepared for the kubelet, what a claim left that is gone is given
// back, and Xids become taints and the devices' health. Threading: thread-safe.
#ifndef MIGCTL_KUBERNETES_MAIN_DRA_SIDE_H_
#define MIGCTL_KUBERNETES_MAIN_DRA_SIDE_H_

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "mig/result.h"

#include "client/instances.h"
#include "kubernetes/api/client.h"
#include "kubernetes/api/watch.h"
#include "kubernetes/claims/engine.h"
#include "kubernetes/main/log.h"
#include "kubernetes/main/prepare_again.h"
#include "kubernetes/main/settings.h"
#include "kubernetes/main/stop.h"
#include "kubernetes/main/xid_watch.h"
#include "kubernetes/node_config/flow.h"
#include "kubernetes/plugin/dra_plugin.h"
#include "kubernetes/publish/publisher.h"

namespace mig::kube {

// True when the scheduler gave the ResourceClaim a device of this driver in that pool.
bool allocated_here(const base::Json& claim, const std::string& pool);

// Uids of all ResourceClaims of the cluster that are allocated so, from the API server itself. One
// that was deallocated, by force for example, counts as gone: nobody else gives its devices back.
Result<std::set<std::string>> claim_uids(ApiClient& api, const std::string& pool);

// How long until claims of the past are looked at again, each time by a list of the cluster's:
// `last` was the wait before; `nothing` was found; or the `same` as the last time. Pure.
std::chrono::milliseconds next_repair(std::chrono::milliseconds last, bool nothing, bool same);

// What the kubelet hears: of each device that a claim has, whether a taint is on it. Pure.
std::vector<DeviceHealth> health_of(const std::vector<HeldDevice>& held,
                                    const std::map<std::string, std::vector<Taint>>& taints,
                                    const std::string& pool);

// Adds a taint to each device that such a place touches: no pod is to come there. Pure.
void taint_withheld(std::map<std::string, std::vector<Taint>>& taints,
                    const Inventory& now,
                    const std::vector<Vanishing>& places,
                    std::int64_t since_ms);

class DraSide {
 public:
  // `engine`, `api`, `log` and `stop` must outlive it.
  static Result<std::unique_ptr<DraSide>> start(
      const Settings& settings, ClaimEngine& engine, ApiClient& api, Log& log, const Stop& stop);
  ~DraSide();
  DraSide(const DraSide&) = delete;
  DraSide& operator=(const DraSide&) = delete;
  DraSide(DraSide&&) = delete;
  DraSide& operator=(DraSide&&) = delete;

  // Places that a layout change is about: no pod is to come there until the next call.
  void withhold(std::vector<Vanishing> places);

  // An Event document of migd, and what follows a gap in them.
  void event(const base::Json& event);
  void reset();

  // "" = pods can be scheduled to this node and prepared here.
  std::string trouble() const;

 private:
  DraSide(
      const Settings& settings, ClaimEngine& engine, ApiClient& api, Log& log, const Stop& stop);

  Result<std::vector<PreparedDevice>> prepare(const ClaimRef& claim);
  Result<void> unprepare(const ClaimRef& claim);
  void trigger();
  void publish_when_registered();
  void publish();
  bool rest(std::chrono::milliseconds wait);
  void keep_repaired();

  const Settings settings_;
  ClaimEngine& engine_;
  ApiClient& api_;
  Log& log_;
  const Stop& stop_;
  const client::Instances migd_;
  PrepareAgain again_;
  HealthState health_;
  std::atomic<bool> repair_wanted_{false};
  std::mutex mutex_;
  std::vector<Vanishing> withheld_;
  std::int64_t withheld_since_ms_ = 0;
  std::unique_ptr<XidWatch> xids_;
  mutable std::mutex publisher_mutex_;
  std::unique_ptr<Publisher> publisher_;  // once the kubelet knows the plugin
  std::unique_ptr<DraPlugin> plugin_;
  std::jthread keeper_;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_MAIN_DRA_SIDE_H_

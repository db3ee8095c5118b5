// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: the sampler (observe/sampler.h), and its samples with the leases of their
// instances and the tenants of their processes. GET /v1/sample gives out the latest one.
//
// A tenant sees every instance and what it does, but of leases and processes its own only;
// operators and admins see all.
//
// Threading: on the daemon's thread, except where it says otherwise.
#ifndef MIGCTL_DAEMON_WATCH_H_
#define MIGCTL_DAEMON_WATCH_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/layout_recorder.h"
#include "http/router.h"
#include "model/sample.h"
#include "node/node.h"
#include "observe/recorder.h"
#include "observe/sampler.h"
#include "service/drift.h"
#include "service/lease_desk.h"
#include "wire/wire.h"

namespace mig::daemon {

class Api;

struct WatchSettings {
  bool off = false;
  std::optional<std::chrono::milliseconds> interval;  // nullopt: as the boards allow
  observe::DcgmSettings dcgm;                         // where activity is from on older boards

  friend bool operator==(const WatchSettings&, const WatchSettings&) = default;
};

class Watch {
 public:
  Watch(Api& api, service::LeaseDesk& desk, wire::Source source, WatchSettings settings);

  // Adds GET /v1/sample and /v1/history. The router must not be used after this object's end.
  void add_to(http::Router& router);

  // Starts sampling. `post` runs a function on the daemon's thread.
  using Post = std::function<void(std::function<void()>)>;
  void start(node::Node& node, const Post& post);

  using Sample = std::shared_ptr<const MachineSample>;

  // The latest sample; never nullptr. Before the first tick it has no readings and says so.
  const Sample& latest() const { return latest_; }

  // Called with every sample, and with the one that withdraws readings.
  void on_sample(std::function<void(const Sample&)> listener) {
    listeners_.push_back(std::move(listener));
  }

  // Why there are no readings; "" = there are, or there are none on purpose.
  std::string trouble() const { return latest_->resting ? std::string() : latest_->withdrawn; }

  bool off() const { return settings_.off; }

  // Whether a DCGM host engine is asked, and what is wrong with it; "" = nothing, or it is let go
  // of with the driver.
  bool uses_dcgm() const { return settings_.dcgm.use != observe::DcgmUse::kOff; }

  std::string dcgm_trouble() const;

  // Withdraws the readings when the driver hangs. Call from time to time.
  void check();

  // Closes the sampler's driver session before a change of the machine by process `pid`, for as
  // long as the change is under way; waits for that, but not for a hanging driver. From any thread.
  void let_go(std::uint32_t pid);

  // Ends sampling; false: a call of the driver hangs, and its thread is left behind.
  bool stop(std::chrono::milliseconds patience);

 private:
  void publish(MachineSample sample);
  void open_recorder(const node::Node& node);
  void add_tenants(MachineSample& sample);
  void history(const http::Request& request, const http::Reply& reply);
  Result<std::string> document(const http::Request& request);

  Api& api_;
  service::LeaseDesk& desk_;
  wire::Source source_;
  WatchSettings settings_;
  Sample latest_;
  std::vector<std::function<void(const Sample&)>> listeners_;
  std::map<std::string, std::string> documents_;  // of latest_, by tenant; "" = with everything
  std::map<std::uint32_t, std::string> tenants_;  // by uid, for a minute
  std::chrono::steady_clock::time_point tenants_read_;
  Post post_;
  std::optional<service::Drift> drift_;
  CollectorHealth recording_;  // of the recorder
  std::optional<LayoutRecorder> layouts_;
  std::unique_ptr<observe::Recorder> recorder_;
  std::unique_ptr<observe::Sampler> sampler_;
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_WATCH_H_

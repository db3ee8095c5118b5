// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: instances at placements that an admin's component chose, made, leased and
// destroyed (service/placed_instance.h); and readings for such components.
//
// An instance and its lease are one request: the grant is made on the API's thread as soon as the
// driver's thread is done, before any reading could show the instance to the queue.
//
// Threading: as the API.
#ifndef MIGCTL_DAEMON_API_INSTANCES_H_
#define MIGCTL_DAEMON_API_INSTANCES_H_

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "daemon/api.h"
#include "model/placed_instance.h"
#include "service/placed_instance.h"

namespace mig::daemon {

class InstancesApi {
 public:
  // `version`: of this program; readings are for programs of the same.
  InstancesApi(Api& api, service::LeaseDesk& desk, wire::Source source, std::string version)
      : api_(api), desk_(desk), source_(std::move(source)), version_(std::move(version)) {}

  // Adds the paths. The router must not be used after this object's end.
  void add_to(http::Router& router);

 private:
  void create(const http::Request& request, const http::Reply& reply);
  void destroy(const http::Request& request, const http::Reply& reply);
  void machine(const http::Request& request, const http::Reply& reply);

  // A change by the driver's thread. `again`: it failed only because another program was changing
  // the machine.
  struct Change {
    std::string what;
    std::function<Result<std::string>(node::Node&, bool& again)> once;
    std::function<void(Result<std::string>)> done;
    // True: no further try, as the key was given up. nullptr: it cannot be.
    std::shared_ptr<const bool> withdrawn = nullptr;
    // No further try after this.
    std::chrono::steady_clock::time_point latest = std::chrono::steady_clock::now() + kPatience;
  };

  static constexpr std::chrono::seconds kPatience{15};

  // Tries until another program's change is over, or is too long. Others have the driver's thread
  // between two tries.
  void run(const std::shared_ptr<const Change>& change);

  void run(Change change) { run(std::make_shared<const Change>(std::move(change))); }

  // A creation for a key that waits must not come after what gives the key up, whose sender would
  // not know of the instance: the first makes a flag, the second sets it.
  std::shared_ptr<const bool> begin_creation(const std::string& key);
  void withdraw_creations(const std::string& key);

  // Leases what was placed, if that was asked for, and replies.
  void finish(const http::Request& request,
              const PlacedRequest& asked,
              service::Placed placed,
              const http::Reply& reply);
  // Destroys what the failed request has made, then replies with its error.
  void undo(const service::Placed& placed,
            const std::string& key,
            Error why,
            const http::Reply& reply);

  static lease::LeaseRequest lease_for(const PlacedRequest& asked, const std::string& key);
  // Keys are scoped by user, as those of leases are.
  std::string key_of(const http::Request& request, const std::string& key);
  std::string command(const http::Request& request, const char* what);

  http::Response refused(const Error& error) const {
    return http::refusal(error, error_writer(source_));
  }

  Api& api_;
  service::LeaseDesk& desk_;
  wire::Source source_;
  std::string version_;
  std::map<std::string, std::shared_ptr<bool>> creating_;  // by key: withdrawn
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_API_INSTANCES_H_

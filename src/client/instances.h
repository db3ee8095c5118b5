// SPDX-License-Identifier: Apache-2.0
// Instances at chosen placements through the daemon, for components that run beside it (an admin's:
// mig-kubelet). No driver is ever opened here, and nothing is done without a daemon.
//
//   client::Instances migd(socket);
//   MIG_ASSIGN_OR_RETURN(const PlacedInstance placed, migd.place(request));
//   MIG_TRY(migd.release(*placed.lease));
//   MIG_TRY(migd.destroy(placed.instance.uuid, request.key));
//
// Threading: thread-safe, without state. Errors: the daemon's, with its code. kIo: nobody listens,
// or the connection broke; then, and with kTimeout, what became of the request is not known, and
// the same one again tells.
#ifndef MIGCTL_CLIENT_INSTANCES_H_
#define MIGCTL_CLIENT_INSTANCES_H_

#include <chrono>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "model/lease_values.h"
#include "model/placed_instance.h"
#include "model/sample.h"

namespace mig::client {

class Instances {
 public:
  explicit Instances(std::string socket) : socket_(std::move(socket)) {}

  // A change waits for others, and for the driver.
  static constexpr std::chrono::milliseconds kChangePatience{120'000};
  static constexpr std::chrono::milliseconds kPatience{30'000};

  Result<PlacedInstance> place(const PlacedRequest& request,
                               std::chrono::milliseconds patience = kChangePatience) const;
  // Destroys what was made for the key. kNotFound where it is gone.
  Result<void> destroy(const std::string& uuid,
                       const std::string& key,
                       std::chrono::milliseconds patience = kChangePatience) const;
  // The whole machine, with profiles and placements; for a program of the daemon's version.
  Result<Inventory> inventory(const std::string& version,
                              std::chrono::milliseconds patience = kPatience) const;
  // What the sampler counted last.
  Result<MachineSample> sample(std::chrono::milliseconds patience = kPatience) const;
  // Leases that the caller may see.
  Result<std::vector<lease::Lease>> leases(std::chrono::milliseconds patience = kPatience) const;
  // The lease as it is then: ending, where processes run on its instance.
  Result<lease::Lease> release(std::int64_t lease,
                               std::chrono::milliseconds patience = kPatience) const;

  // True when a daemon listens.
  bool is_there() const;

  const std::string& socket() const { return socket_; }

 private:
  Result<std::string> ask(const std::string& method,
                          const std::string& target,
                          const std::string& body,
                          std::chrono::milliseconds patience) const;

  std::string socket_;
};

}  // namespace mig::client

#endif  // MIGCTL_CLIENT_INSTANCES_H_

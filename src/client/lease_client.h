// SPDX-License-Identifier: Apache-2.0
// Leases: through the daemon if one listens, else directly on the store, which only root (or the
// owner of a simulated machine) may write.
#ifndef MIGCTL_CLIENT_LEASE_CLIENT_H_
#define MIGCTL_CLIENT_LEASE_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mig/result.h"

#include "client/machine.h"
#include "model/lease_values.h"
#include "model/usage.h"
#include "wire/cost.h"
#include "wire/leases.h"

namespace mig::client {

// Opens this process's node, for use without a daemon; read once.
using OpenNode = std::function<Result<node::Node*>()>;

class LeaseClient {
 public:
  // kPermission when there is no daemon and the store is not writable.
  static Result<std::unique_ptr<LeaseClient>> open(const Options& options, const OpenNode& node);
  // Of the daemon; nullptr when none listens.
  static std::unique_ptr<LeaseClient> of_daemon(const Options& options);
  virtual ~LeaseClient() = default;
  LeaseClient(const LeaseClient&) = delete;
  LeaseClient& operator=(const LeaseClient&) = delete;
  LeaseClient(LeaseClient&&) = delete;
  LeaseClient& operator=(LeaseClient&&) = delete;

  using OnWait = std::function<void(const lease::QueueEntry&)>;
  // Waits as long as the request says; `on_wait` is called when the reason changes.
  virtual Result<wire::LeaseAnswer> acquire(lease::LeaseRequest request, const OnWait& on_wait) = 0;
  virtual Result<wire::LeaseAnswer> release(std::int64_t lease) = 0;
  // Announces the job's process, which keeps the lease after its holder's end. Returns the path of
  // the lease's cgroup, where the process is then; "" = none.
  virtual Result<std::string> announce(std::int64_t lease, std::uint32_t pid) = 0;
  // Prepares the lease for a job that is a container, and returns the path of the cgroup in which
  // the engine must make the container's; "" = none.
  virtual Result<std::string> for_containers(std::int64_t lease,
                                             const lease::ContainerCgroups& how) = 0;
  virtual Result<wire::LeaseAnswer> list() = 0;
  virtual Result<wire::LeaseAnswer> queue() = 0;
  virtual Result<wire::LeaseAnswer> tenants() = 0;
  // Has the daemon read the tenants file again. Without a daemon each command reads it.
  virtual Result<wire::LeaseAnswer> reload() = 0;
  virtual Result<wire::FreeAnswer> free() = 0;
  // What is recorded of the machine in a period, without the names of tenants that the caller may
  // not see. The period must be right (service::check_period).
  virtual Result<wire::UsageAnswer> usage(cost::Period period) = 0;
  // The newest `last` events of the audit log, newest first; `next` of the answer is set when older
  // ones exist. The filter's limit and start are not used.
  Result<wire::LeaseHistoryAnswer> history(lease::EventFilter filter, std::uint32_t last);

 protected:
  LeaseClient() = default;

 private:
  virtual Result<wire::LeaseHistoryAnswer> history_page(const lease::EventFilter& filter) = 0;
};

}  // namespace mig::client

#endif  // MIGCTL_CLIENT_LEASE_CLIENT_H_

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
#include "wire/leases.h"

namespace mig::client {

// Opens this process's node, for use without a daemon; read once.
using OpenNode = std::function<Result<node::Node*>()>;

class LeaseClient {
 public:
  // kPermission when there is no daemon and the store is not writable.
  static Result<std::unique_ptr<LeaseClient>> open(const Options& options, const OpenNode& node);
  virtual ~LeaseClient() = default;
  LeaseClient(const LeaseClient&) = delete;
  LeaseClient& operator=(const LeaseClient&) = delete;
  LeaseClient(LeaseClient&&) = delete;
  LeaseClient& operator=(LeaseClient&&) = delete;

  using OnWait = std::function<void(const lease::QueueEntry&)>;
  // Waits as long as the request says; `on_wait` is called when the reason changes.
  virtual Result<wire::LeaseAnswer> acquire(lease::LeaseRequest request, const OnWait& on_wait) = 0;
  virtual Result<wire::LeaseAnswer> release(std::int64_t lease) = 0;
  // Sets the heir: the process that keeps the lease after its holder's end.
  virtual Result<void> bequeath(std::int64_t lease, std::uint32_t pid) = 0;
  virtual Result<wire::LeaseAnswer> list() = 0;
  virtual Result<wire::LeaseAnswer> queue() = 0;
  virtual Result<wire::LeaseAnswer> tenants() = 0;
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

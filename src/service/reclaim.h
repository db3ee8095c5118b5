// SPDX-License-Identifier: Apache-2.0
// Inside of service/: instances that were made for requests (--create), and their end. One that
// nobody has used for the site's `reclaim` time is destroyed, as an ordinary change of layout.
//
// The journal is the record of what was made for whom, written before the driver is called; so a
// crash between a creation and its entry among the made instances loses nothing. Never destroyed:
// what a lease, a process or a waiting request could use, what a slot names, and what anybody else
// made or a layout took over since.
//
// Threading: as the Node.
#ifndef MIGCTL_SERVICE_RECLAIM_H_
#define MIGCTL_SERVICE_RECLAIM_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "mig/inventory.h"
#include "mig/result.h"

#include "lease/lease.h"
#include "model/made_instance.h"
#include "node/node.h"

namespace mig::service {

class Reclaimer {
 public:
  // Both must outlive the Reclaimer.
  Reclaimer(node::Node& node, lease::Leases& leases) : node_(node), leases_(leases) {}

  // With a handle of the store of its own, for another thread than that of the leases.
  static Result<std::unique_ptr<Reclaimer>> open(node::Node& node);

  // Learns from the journal which instances were made for requests since the last time, and which
  // lease each was granted to.
  Result<std::vector<MadeInstance>> made_in(const std::vector<ChangeRecord>& changes,
                                            std::int64_t& upto);
  Result<void> learn();

  // Between two looks: a few times within the site's reclaim time (nullopt: never).
  static std::chrono::milliseconds period(std::optional<std::int64_t> limit_ms);

  // Learns, then looks who is idle, and destroys what was for too long. `read` gives a reading of
  // the machine; it is called only when there is something to look at.
  using Read = std::function<Result<const Inventory*>()>;
  Result<void> look(const Read& read, std::optional<std::int64_t> limit_ms);

 private:
  // What one look found.
  enum class Found { kGone, kInUse, kIdle };

  Result<void> credit(MadeInstance& made);
  struct Users;  // who may want an instance
  static Found find(const MadeInstance& made, const Inventory& now, const Users& users);
  Result<bool> still_ours(const MadeInstance& made);
  Result<void> judge(MadeInstance made, Found found, std::int64_t limit_ms);
  Result<void> destroy(const MadeInstance& made, std::int64_t idle_ms);

  Reclaimer(node::Node& node, lease::Leases&& own)
      : node_(node), own_(std::move(own)), leases_(*own_) {}

  node::Node& node_;
  std::optional<lease::Leases> own_;
  lease::Leases& leases_;
};

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_RECLAIM_H_

// SPDX-License-Identifier: Apache-2.0
// Inside of lease/: one scheduling pass (a "turn") over the store, inside a transaction of the
// caller. Removes dead holders, builds the scheduler's input, and stores its decisions.
#ifndef MIGCTL_LEASE_TURN_H_
#define MIGCTL_LEASE_TURN_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "holders/lease_life.h"
#include "lease/lease.h"
#include "lease/schedule.h"
#include "store/leases.h"

namespace mig::lease {

class TurnTaker {
 public:
  // `units`: cache of units' cgroups, kept between passes.
  TurnTaker(store::Leases& store,
            const Settings& settings,
            const holders::Moment& now,
            std::map<std::string, std::string>& units)
      : store_(store), settings_(settings), now_(now), units_(units) {}

  // Ends leases of dead holders and removes requests of dead waiters.
  Result<std::uint32_t> reap();
  // A whole scheduling pass; without `reap` dead holders are left to a later pass.
  Result<Turn> take(const Inventory& inventory, bool reap);
  // The decisions of a pass, without writing (dry run).
  Result<Decisions> foresee(const Inventory& inventory);

  // Deletes the lease from the store, and updates usage and audit.
  Result<void> end(const store::LeaseRow& lease, const std::string& action, std::int64_t by_uid);
  Result<void> note(const store::LeaseRow& lease, const std::string& action, std::int64_t uid);

  // True when a durable record was written: a lease that only time ends must survive a power cut.
  bool lasting() const { return lasting_; }

  // Requests of the last take() or foresee().
  const std::vector<store::RequestRow>& requests() const { return requests_; }

  // What stands against that request, of the last take() or foresee(); nullptr: it does not wait.
  const Outlook* outlook_of(std::int64_t request) const;

 private:
  Result<void> read();
  Result<Machine> machine_of(const Inventory& inventory);
  std::vector<Waiting> queue_of(const Inventory& inventory) const;
  Result<void> grant(const Machine& machine, const Grant& grant, Turn& turn);
  Result<void> notices(const std::vector<Preemption>& preemptions, Turn& turn);
  Result<bool> signal(store::LeaseRow& lease, Turn& turn);
  bool wanted(const store::RequestRow& request) const;
  double used_by(const store::UsageRow& row) const;

  store::Leases& store_;
  const Settings& settings_;
  const holders::Moment& now_;
  std::map<std::string, std::string>& units_;
  std::vector<store::LeaseRow> leases_;
  std::vector<store::RequestRow> requests_;
  std::vector<Outlook> waiting_;
  bool lasting_ = false;
};

}  // namespace mig::lease

#endif  // MIGCTL_LEASE_TURN_H_

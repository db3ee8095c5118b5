// SPDX-License-Identifier: Apache-2.0
// Inside of lease/: one turn over the store, inside of a transaction of the caller's. Strikes out
// the dead, builds the scheduler's picture of the machine, and writes down what it decides.
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
  // `units`: where units were found last, kept between turns.
  TurnTaker(store::Leases& store,
            const Settings& settings,
            const holders::Moment& now,
            std::map<std::string, std::string>& units)
      : store_(store), settings_(settings), now_(now), units_(units) {}

  // Leases whose holders are gone and requests that nobody waits for any more.
  Result<std::uint32_t> reap();
  // All of a turn; without `reap` the dead are left to a later one.
  Result<Turn> take(const Inventory& inventory, bool reap);
  // What a turn would decide, without writing.
  Result<Decisions> foresee(const Inventory& inventory);

  // Takes the lease out of the store, with what that means for usage and audit.
  Result<void> end(const store::LeaseRow& lease, const std::string& action, std::int64_t by_uid);
  Result<void> note(const store::LeaseRow& lease, const std::string& action, std::int64_t uid);

  // Whether something was written that is to outlast the machine: a lease that only time ends.
  bool lasting() const { return lasting_; }

  // Of the last take() or foresee().
  const std::vector<store::RequestRow>& requests() const { return requests_; }

  const std::vector<Outlook>& waiting() const { return waiting_; }

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

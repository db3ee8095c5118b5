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
#include "lease/memory.h"
#include "lease/schedule.h"
#include "store/leases.h"

namespace mig::lease {

class TurnTaker {
 public:
  // `memory`: kept between passes.
  TurnTaker(store::Leases& store,
            const Settings& settings,
            const holders::Moment& now,
            Memory& memory)
      : store_(store), settings_(settings), now_(now), memory_(memory) {}

  // Ends leases of dead holders and removes requests whose time is over, or whose waiter died; of a
  // long queue a part is checked for its waiters in each call, `everybody`: all.
  Result<std::uint32_t> reap(bool everybody = false);
  // A whole scheduling pass; without `reap` dead holders are left to a later pass. Whoever is
  // granted something is checked in any case.
  Result<Turn> take(const Inventory& inventory, bool reap, const Depth& depth);
  // The decisions of a pass, without writing (dry run). Requests of dead waiters are left out where
  // all of a short queue are told.
  Result<Decisions> foresee(const Inventory& inventory, const Depth& depth);

  // Ends the lease (lease/ending.h): removes it, or, while processes of it are left, marks it as
  // ending. True: it is removed. False: it stays, and `lease` is as stored.
  Result<bool> end(store::LeaseRow& lease, const std::string& action, std::int64_t by_uid);
  // Deletes the lease from the store, and updates usage and, unless `action` is "", audit.
  Result<void> remove(const store::LeaseRow& lease, const std::string& action, std::int64_t by_uid);
  Result<void> note(const store::LeaseRow& lease, const std::string& action, std::int64_t uid);

  // True when a durable record was written: a lease that only time ends must survive a power cut.
  bool lasting() const { return lasting_; }

  // Requests that reap() removed.
  const std::vector<std::int64_t>& left() const { return left_; }

  // What stands against that request, of the last take() or foresee(); nullptr: it does not wait.
  const Outlook* outlook_of(std::int64_t request) const;

 private:
  Result<void> read();
  Result<void> read_queue();
  void judge(const Inventory& inventory);
  void judge_shapes(const Inventory& inventory, Queue& queue) const;
  Result<void> reap_requests(bool everybody);
  Result<Machine> machine_of(const Inventory& inventory);
  void add_usage(const std::vector<store::UsageRow>& usage, Machine& machine) const;
  Result<void> grant(const Machine& machine, const Grant& grant, Turn& turn);
  Result<void> notices(const std::vector<Preemption>& preemptions, Turn& turn);
  Result<bool> signal(store::LeaseRow& lease, Turn& turn);
  bool wanted(const store::RequestRow& request) const;
  bool timely(const store::RequestRow& request) const;
  double used_by(const store::UsageRow& row) const;
  // Slice-milliseconds of the lease that are not in the usage yet, while `sharers` leases are on
  // its instance.
  double due(const store::LeaseRow& lease, std::size_t sharers) const;
  // Charges all leases on the instance up to now: call before one comes or goes.
  Result<void> settle(const std::string& uuid);
  Result<void> charge(const store::LeaseRow& lease, double slice_ms);
  void learn_length(const store::LeaseRow& ended);

  store::Leases& store_;
  const Settings& settings_;
  const holders::Moment& now_;
  Memory& memory_;
  std::vector<store::LeaseRow> leases_;
  std::vector<Outlook> waiting_;
  std::vector<std::int64_t> left_;
  bool lasting_ = false;
};

}  // namespace mig::lease

#endif  // MIGCTL_LEASE_TURN_H_

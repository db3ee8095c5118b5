// SPDX-License-Identifier: Apache-2.0
#include "lease/rows.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace mig::lease {

namespace {

// Takes from a waiting request what its tenant no longer has since it was submitted: the tenants
// file may have been read again.
void keep_to_rights(const Tenants& tenants, const store::RequestRow& request, Waiting& waiting) {
  const Tenant& limits = tenants.limits_of(request.caller.tenant);
  const bool root = request.caller.uid == 0;
  waiting.preempt = waiting.preempt && tenants.preemption.enabled && limits.may_preempt;
  waiting.create = waiting.create && (limits.may_create || root);
  waiting.priority = std::min(waiting.priority, limits.max_priority.value_or(0));
}

}  // namespace

Lease lease_of(const store::LeaseRow& row, const holders::Moment& now) {
  Lease lease = static_cast<const Lease&>(row);  // without the columns of the store
  lease.left_ms = holders::left_ms(row, now);
  if (row.notice_boot_ms && row.notice_grace_ms) {
    lease.notice_ms =
        std::max<std::int64_t>(*row.notice_boot_ms + *row.notice_grace_ms - now.boot_ms, 0);
  }
  return lease;
}

store::LeaseRow lease_row(const store::RequestRow& request,
                          const Instance& instance,
                          const holders::Moment& now) {
  store::LeaseRow row;
  row.request = request.id;
  row.key = request.key;
  row.instance = instance;
  row.shared = request.shared;
  row.holder = request.holder;
  row.boot_id = now.boot_id;
  row.stoppable = request.stoppable;
  row.uid = request.caller.uid;
  row.tenant = request.caller.tenant;
  row.job = request.job;
  row.priority = request.priority;
  row.granted_ms = now.wall_ms;
  row.granted_boot_ms = now.boot_ms;
  row.limit_ms = request.limit_ms;
  row.linger = request.linger;
  row.end_grace_ms = request.end_grace_ms;
  return row;
}

std::string instance_text(const Instance& instance) {
  return fmt::format("{} ({})", instance.str(), instance.uuid);
}

store::RequestRow request_row(const LeaseRequest& request, const holders::Moment& now) {
  store::RequestRow row{request};
  row.boot_id = now.boot_id;
  row.since_ms = now.wall_ms;
  row.since_boot_ms = now.boot_ms;
  return row;
}

Waiting waiting_of(const store::RequestRow& row, const Tenants& tenants) {
  Waiting waiting;
  waiting.id = row.id;
  waiting.need = row.need;
  waiting.count = row.count;
  waiting.shared = row.shared;
  waiting.tenant = tenants.counted_as(row.caller.tenant);
  waiting.uid = row.caller.uid;
  waiting.priority = row.priority;
  waiting.limit_ms = row.limit_ms;
  waiting.create = row.create;
  waiting.preempt = row.preempt;
  waiting.assumed_ms = tenants.assumed_ms(row.caller.tenant);
  keep_to_rights(tenants, row, waiting);
  return waiting;
}

std::vector<Seat> seats_of(const Inventory& inventory) {
  std::vector<Seat> seats;
  for (Instance& instance : instances_of(inventory)) {
    Seat& seat = seats.emplace_back();
    seat.busy = who_is_on(
        *inventory.find_gpu(instance.gpu), instance.gpu_instance, instance.compute_instance);
    seat.instance = std::move(instance);
  }
  return seats;
}

}  // namespace mig::lease

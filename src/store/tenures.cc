// SPDX-License-Identifier: Apache-2.0
// Leases: the time that each had an instance.
#include <algorithm>

#include "store/lease_columns.h"
#include "store/leases.h"

namespace mig::store {

Result<void> Leases::begin_tenure(const LeaseRow& row, std::int64_t at_ms) {
  MIG_ASSIGN_OR_RETURN(
      Statement insert,
      database_.prepare("INSERT INTO tenure(lease, gpu_uuid, gpu_instance, compute_instance, "
                        "profile, memory_mib, sm, slices, shared, uid, tenant, job, from_ms) "
                        "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)"));
  const mig::Instance& on = row.instance;
  bind_all(insert,
           row.id,
           on.gpu_uuid,
           on.gpu_instance,
           on.compute_instance,
           on.profile,
           on.memory_mib,
           on.sm.value_or(0),
           on.slices,
           row.shared,
           row.uid,
           row.tenant,
           row.job,
           at_ms);
  return insert.run();
}

Result<void> Leases::end_tenure(std::int64_t lease, std::int64_t at_ms) {
  MIG_ASSIGN_OR_RETURN(
      Statement end,
      database_.prepare("UPDATE tenure SET until_ms = max(from_ms, ?) WHERE lease = ? AND "
                        "until_ms IS NULL RETURNING id"));
  bind_all(end, at_ms, lease);
  MIG_ASSIGN_OR_RETURN(const bool any, end.step());
  if (!any) {
    return {};
  }
  const std::int64_t id = end.integer(0);
  MIG_TRY(end.run());
  constexpr std::int64_t kSeldom = 1000;
  if (id <= kMostTenures || id % kSeldom != 0) {
    return {};
  }
  // What the oldest ids leave is a time before which nothing is whole.
  MIG_ASSIGN_OR_RETURN(Statement since,
                       database_.prepare("UPDATE tenure_since SET ms = max(ms, (SELECT "
                                         "coalesce(max(until_ms), 0) FROM tenure WHERE id <= ? AND "
                                         "until_ms IS NOT NULL))"));
  MIG_TRY(since.bind(id - kMostTenures).run());
  MIG_ASSIGN_OR_RETURN(
      Statement prune,
      database_.prepare("DELETE FROM tenure WHERE id <= ? AND until_ms IS NOT NULL"));
  return prune.bind(id - kMostTenures).run();
}

Result<std::vector<TenureRow>> Leases::tenures(std::int64_t from_ms,
                                               std::int64_t until_ms,
                                               std::int64_t limit) {
  MIG_ASSIGN_OR_RETURN(
      Statement query,
      database_.prepare("SELECT id, lease, gpu_uuid, gpu_instance, compute_instance, profile, "
                        "memory_mib, sm, slices, shared, uid, tenant, job, from_ms, until_ms FROM "
                        "tenure WHERE from_ms < ? AND (until_ms IS NULL OR until_ms > ?) "
                        "ORDER BY id LIMIT ?"));
  bind_all(query, until_ms, from_ms, limit + 1);
  MIG_ASSIGN_OR_RETURN(auto rows, rows_of<TenureRow>(query, [](const Statement& row) {
                         TenureRow r;
                         Columns(row).all(r.id,
                                          r.lease,
                                          r.gpu_uuid,
                                          r.gpu_instance,
                                          r.compute_instance,
                                          r.profile,
                                          r.memory_mib,
                                          r.sm,
                                          r.slices,
                                          r.shared,
                                          r.uid,
                                          r.tenant,
                                          r.job,
                                          r.from_ms,
                                          r.until_ms);
                         return r;
                       }));
  if (static_cast<std::int64_t>(rows.size()) > limit) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("more than {} leases in that period", limit),
                "ask for a shorter one (--from, --to), and add the answers up");
  }
  return rows;
}

Result<std::int64_t> Leases::tenures_since() {
  MIG_ASSIGN_OR_RETURN(Statement query, database_.prepare("SELECT ms FROM tenure_since"));
  MIG_TRY(query.step());
  return query.integer(0);
}

}  // namespace mig::store

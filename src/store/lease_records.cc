// SPDX-License-Identifier: Apache-2.0
// Leases: recent usage, instances made for requests, and the audit.
#include <algorithm>

#include "store/lease_columns.h"
#include "store/leases.h"

namespace mig::store {

Result<std::vector<UsageRow>> Leases::usage() {
  MIG_TRY(refresh());
  return usage_;
}

Result<void> Leases::set_usage(const UsageRow& row) {
  MIG_ASSIGN_OR_RETURN(
      Statement upsert,
      database_.prepare("INSERT INTO usage_of_user(tenant, uid, slice_ms, updated_ms) "
                        "VALUES(?,?,?,?) ON CONFLICT(tenant, uid) DO UPDATE SET "
                        "slice_ms = excluded.slice_ms, updated_ms = excluded.updated_ms"));
  bind_all(upsert, row.tenant, row.uid, row.slice_ms, row.updated_ms);
  MIG_TRY(upsert.run());
  const auto same = std::find_if(usage_.begin(), usage_.end(), [&](const UsageRow& cached) {
    return cached.tenant == row.tenant && cached.uid == row.uid;
  });
  if (same != usage_.end()) {
    *same = row;
  } else if (seen_) {
    usage_.push_back(row);
  }
  return {};
}

Result<std::vector<MadeRow>> Leases::made() {
  MIG_ASSIGN_OR_RETURN(
      Statement query,
      database_.prepare("SELECT change, gpu_uuid, gpu_instance, start, size, profile, uid, tenant, "
                        "request, lease, idle_boot_id, idle_boot_ms FROM made ORDER BY change"));
  return rows_of<MadeRow>(query, [](const Statement& row) {
    MadeRow r;
    Columns(row).all(r.change,
                     r.gpu_uuid,
                     r.gpu_instance,
                     r.start,
                     r.size,
                     r.profile,
                     r.made_for.uid,
                     r.made_for.tenant,
                     r.made_for.request,
                     r.made_for.lease,
                     r.idle_boot_id,
                     r.idle_boot_ms);
    return r;
  });
}

Result<std::int64_t> Leases::made_upto() {
  MIG_ASSIGN_OR_RETURN(Statement query, database_.prepare("SELECT max(change) FROM made_upto"));
  MIG_TRY(query.step());
  return query.maybe_integer(0).value_or(0);
}

Result<void> Leases::set_made_upto(std::int64_t change) {
  MIG_ASSIGN_OR_RETURN(
      Statement upsert,
      database_.prepare("INSERT INTO made_upto(one, change) VALUES(1, ?) ON CONFLICT(one) DO "
                        "UPDATE SET change = excluded.change"));
  return upsert.bind(change).run();
}

Result<void> Leases::set_made(const MadeRow& row) {
  MIG_ASSIGN_OR_RETURN(
      Statement upsert,
      database_.prepare("INSERT OR REPLACE INTO made(change, gpu_uuid, gpu_instance, start, size, "
                        "profile, uid, tenant, request, lease, idle_boot_id, idle_boot_ms) "
                        "VALUES(?,?,?,?,?,?,?,?,?,?,?,?)"));
  bind_all(upsert,
           row.change,
           row.gpu_uuid,
           row.gpu_instance,
           row.start,
           row.size,
           row.profile,
           row.made_for.uid,
           row.made_for.tenant,
           row.made_for.request,
           row.made_for.lease,
           row.idle_boot_id,
           row.idle_boot_ms);
  return upsert.run();
}

Result<bool> Leases::forget_made(std::int64_t change) {
  MIG_ASSIGN_OR_RETURN(Statement gone,
                       database_.prepare("DELETE FROM made WHERE change = ? RETURNING change"));
  MIG_ASSIGN_OR_RETURN(const bool was_there, gone.bind(change).step());
  if (was_there) {
    MIG_TRY(gone.run());
  }
  return was_there;
}

Result<void> Leases::note(const AuditRow& row) {
  MIG_ASSIGN_OR_RETURN(Statement insert,
                       database_.prepare("INSERT INTO audit(at_ms, lease, uid, action, tenant, "
                                         "instance, detail) VALUES(?,?,?,?,?,?,?)"));
  bind_all(insert, row.at_ms, row.lease, row.uid, row.action, row.tenant, row.instance, row.detail);
  MIG_TRY(insert.run());
  MIG_ASSIGN_OR_RETURN(Statement prune, database_.prepare("DELETE FROM audit WHERE id <= ?"));
  return prune.bind(database_.last_insert_id() - kMostAudit).run();
}

Result<std::vector<AuditRow>> Leases::audit(const AuditFilter& filter) {
  MIG_ASSIGN_OR_RETURN(
      Statement query,
      database_.prepare("SELECT id, at_ms, lease, uid, action, tenant, instance, detail FROM audit "
                        "WHERE (?1 IS NULL OR tenant = ?1) AND (?2 IS NULL OR uid = ?2) "
                        "AND (?3 IS NULL OR at_ms >= ?3) AND (?4 IS NULL OR id < ?4) "
                        "AND (?5 IS NULL OR at_ms < ?5) ORDER BY id DESC LIMIT ?6"));
  if (filter.tenant) {
    query.bind(std::string_view(*filter.tenant));
  } else {
    query.bind(std::optional<std::int64_t>());
  }
  bind_all(query, filter.uid, filter.since_ms, filter.before, filter.until_ms, filter.limit);
  return rows_of<AuditRow>(query, [](const Statement& row) {
    AuditRow r;
    Columns(row).all(r.id, r.at_ms, r.lease, r.uid, r.action, r.tenant, r.instance, r.detail);
    return r;
  });
}

}  // namespace mig::store

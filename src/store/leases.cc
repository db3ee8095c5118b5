// SPDX-License-Identifier: Apache-2.0
#include "store/leases.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "store/lease_columns.h"

namespace mig::store {
namespace {

const Migrations& lease_migrations() {
  static const Migrations kMigrations = {R"sql(
    CREATE TABLE lease(
      id INTEGER PRIMARY KEY AUTOINCREMENT, request INTEGER NOT NULL, key TEXT NOT NULL,
      uuid TEXT NOT NULL, profile TEXT NOT NULL, gpu_uuid TEXT NOT NULL,
      gpu_index INTEGER NOT NULL, gpu_instance INTEGER NOT NULL, compute_instance INTEGER NOT NULL,
      memory_mib INTEGER NOT NULL, sm INTEGER NOT NULL, slices INTEGER NOT NULL,
      shared INTEGER NOT NULL CHECK(shared >= 1),
      holder_kind INTEGER NOT NULL, pid INTEGER NOT NULL, start_ticks INTEGER NOT NULL,
      unit TEXT NOT NULL, boot_id TEXT NOT NULL,
      heir_pid INTEGER NOT NULL DEFAULT 0, heir_start INTEGER NOT NULL DEFAULT 0,
      stoppable INTEGER NOT NULL, uid INTEGER NOT NULL, tenant TEXT NOT NULL, job TEXT NOT NULL, priority INTEGER NOT NULL,
      granted_ms INTEGER NOT NULL, granted_boot_ms INTEGER NOT NULL, limit_ms INTEGER,
      notice_boot_ms INTEGER, notice_grace_ms INTEGER, signalled INTEGER NOT NULL DEFAULT 0);
    CREATE UNIQUE INDEX lease_exclusive ON lease(uuid) WHERE shared = 1;
    CREATE INDEX lease_request ON lease(request);
    CREATE INDEX lease_key ON lease(key) WHERE key <> '';
    CREATE TABLE request(
      id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, need TEXT NOT NULL,
      count INTEGER NOT NULL, shared INTEGER NOT NULL,
      holder_kind INTEGER NOT NULL, pid INTEGER NOT NULL, start_ticks INTEGER NOT NULL,
      unit TEXT NOT NULL, boot_id TEXT NOT NULL, stoppable INTEGER NOT NULL,
      waiter_pid INTEGER NOT NULL, waiter_start INTEGER NOT NULL,
      uid INTEGER NOT NULL, tenant TEXT NOT NULL, job TEXT NOT NULL, priority INTEGER NOT NULL,
      limit_ms INTEGER, since_ms INTEGER NOT NULL, since_boot_ms INTEGER NOT NULL,
      wait_ms INTEGER NOT NULL, create_missing INTEGER NOT NULL, preempt INTEGER NOT NULL,
      grace_ms INTEGER NOT NULL, reason TEXT NOT NULL);
    CREATE INDEX request_key ON request(key) WHERE key <> '';
    CREATE TABLE usage(tenant TEXT PRIMARY KEY, slice_seconds INTEGER NOT NULL,
                       updated_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE audit(
      id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, lease INTEGER NOT NULL,
      uid INTEGER NOT NULL, action TEXT NOT NULL, tenant TEXT NOT NULL, instance TEXT NOT NULL,
      detail TEXT NOT NULL);
  )sql",
                                         "ALTER TABLE lease ADD COLUMN gpu_minor INTEGER"};
  return kMigrations;
}

template <class Row, class Read>
Result<std::vector<Row>> rows_of(Statement& query, Read read) {
  std::vector<Row> rows;
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) {
      return rows;
    }
    rows.push_back(read(query));
  }
}

std::string select(std::string_view columns, std::string_view rest) {
  return "SELECT " + std::string(columns) + " FROM " + std::string(rest);
}

}  // namespace

Result<Leases> Leases::open(const std::string& path) {
  MIG_ASSIGN_OR_RETURN(Database database, Database::open(path, lease_migrations()));
  // Hundreds of processes may contend for the write lock. A power cut may lose the last commits
  // (the file stays consistent): leases bound to a process are over then anyway, and the others are
  // flush()ed.
  MIG_TRY(database.execute("PRAGMA busy_timeout=60000; PRAGMA synchronous=NORMAL"));
  return Leases(std::move(database));
}

Result<void> Leases::transaction(const std::function<Result<void>()>& body) {
  return database_.transaction(body);
}

Result<void> Leases::flush() {
  MIG_ASSIGN_OR_RETURN(Statement checkpoint, database_.prepare("PRAGMA wal_checkpoint(PASSIVE)"));
  return checkpoint.run();
}

Result<std::vector<LeaseRow>> Leases::leases() {
  MIG_ASSIGN_OR_RETURN(Statement query,
                       database_.prepare(select(lease_columns(), "lease ORDER BY id")));
  return rows_of<LeaseRow>(query, lease_of);
}

Result<std::vector<LeaseRow>> Leases::leases_of_request(std::int64_t request) {
  MIG_ASSIGN_OR_RETURN(
      Statement query,
      database_.prepare(select(lease_columns(), "lease WHERE request = ? ORDER BY id")));
  query.bind(request);
  return rows_of<LeaseRow>(query, lease_of);
}

Result<std::vector<LeaseRow>> Leases::leases_of_key(const std::string& key) {
  MIG_ASSIGN_OR_RETURN(
      Statement query,
      database_.prepare(select(lease_columns(), "lease WHERE key = ? AND key <> '' ORDER BY id")));
  query.bind(std::string_view(key));
  return rows_of<LeaseRow>(query, lease_of);
}

Result<std::int64_t> Leases::add(const LeaseRow& r) {
  // The table's constraint covers exclusive against exclusive; this check covers exclusive against
  // shared.
  MIG_ASSIGN_OR_RETURN(
      Statement others,
      database_.prepare("SELECT count(*), min(shared), max(shared) FROM lease WHERE uuid = ?"));
  others.bind(std::string_view(r.instance.uuid));
  MIG_TRY(others.step());
  const std::int64_t there = others.integer(0);
  const std::int64_t shared = r.shared;
  if (there > 0 && (shared == 1 || others.integer(1) != shared || others.integer(2) != shared ||
                    there >= shared)) {
    return fail(ErrorCode::kInUse, r.instance.uuid + " is leased already");
  }
  static const std::string kInsert = insert("lease", lease_columns());
  MIG_ASSIGN_OR_RETURN(Statement added, database_.prepare(kInsert));
  each_column_of_lease(r, [&](std::string_view name, const auto& member) {
    if (name != "id") {
      put(added, member);
    }
  });
  MIG_TRY(added.run());
  return database_.last_insert_id();
}

Result<bool> Leases::remove(std::int64_t lease) {
  MIG_ASSIGN_OR_RETURN(Statement gone,
                       database_.prepare("DELETE FROM lease WHERE id = ? RETURNING id"));
  MIG_ASSIGN_OR_RETURN(const bool was_there, gone.bind(lease).step());
  if (was_there) {
    MIG_TRY(gone.run());
  }
  return was_there;
}

Result<void> Leases::move(const LeaseRow& r) {
  MIG_ASSIGN_OR_RETURN(
      Statement update,
      database_.prepare("UPDATE lease SET uuid = ?, gpu_uuid = ?, gpu_index = ?, gpu_instance = ?, "
                        "compute_instance = ?, gpu_minor = ? WHERE id = ?"));
  bind_all(update,
           r.instance.uuid,
           r.instance.gpu_uuid,
           r.instance.gpu,
           r.instance.gpu_instance,
           r.instance.compute_instance,
           r.instance.gpu_minor,
           r.id);
  return update.run();
}

Result<void> Leases::set_holder(const LeaseRow& r) {
  MIG_ASSIGN_OR_RETURN(Statement update,
                       database_.prepare("UPDATE lease SET holder_kind = ?, pid = ?, start_ticks = "
                                         "?, unit = ?, boot_id = ?, heir_pid = ?, heir_start = ?, "
                                         "granted_boot_ms = ? WHERE id = ?"));
  bind_all(update,
           r.holder.kind,
           r.holder.pid,
           r.holder.start_ticks,
           r.holder.unit,
           r.boot_id,
           r.heir.pid,
           r.heir.start_ticks,
           r.granted_boot_ms,
           r.id);
  return update.run();
}

Result<void> Leases::set_notice(const LeaseRow& r) {
  MIG_ASSIGN_OR_RETURN(Statement update,
                       database_.prepare("UPDATE lease SET notice_boot_ms = ?, notice_grace_ms = "
                                         "?, signalled = ? WHERE id = ?"));
  bind_all(update, r.notice_boot_ms, r.notice_grace_ms, r.signalled, r.id);
  return update.run();
}

Result<std::vector<RequestRow>> Leases::requests() {
  MIG_ASSIGN_OR_RETURN(Statement query,
                       database_.prepare(select(request_columns(), "request ORDER BY id")));
  return rows_of<RequestRow>(query, request_of);
}

Result<std::vector<std::int64_t>> Leases::request_ids() {
  MIG_ASSIGN_OR_RETURN(Statement query, database_.prepare("SELECT id FROM request ORDER BY id"));
  return rows_of<std::int64_t>(query, [](const Statement& row) { return row.integer(0); });
}

Result<Crowd> Leases::crowd(const std::string& tenant) {
  MIG_ASSIGN_OR_RETURN(
      Statement query,
      database_.prepare("SELECT count(*), count(*) FILTER (WHERE tenant = ?) FROM request"));
  MIG_TRY(query.bind(std::string_view(tenant)).step());
  return Crowd{query.integer(0), query.integer(1)};
}

Result<std::int64_t> Leases::enqueue(const RequestRow& r) {
  static const std::string kInsert = insert("request", request_columns());
  MIG_ASSIGN_OR_RETURN(Statement added, database_.prepare(kInsert));
  each_column_of_request(r, [&](std::string_view name, const auto& member) {
    if (name != "id") {
      put(added, member);
    }
  });
  MIG_TRY(added.run());
  return database_.last_insert_id();
}

Result<std::optional<RequestRow>> Leases::request_of_key(const std::string& key) {
  MIG_ASSIGN_OR_RETURN(
      Statement query,
      database_.prepare(select(request_columns(), "request WHERE key = ? AND key <> '' LIMIT 1")));
  query.bind(std::string_view(key));
  MIG_ASSIGN_OR_RETURN(const bool found, query.step());
  return found ? std::optional(request_of(query)) : std::nullopt;
}

Result<void> Leases::set_waiter(std::int64_t request, const lease::LeaseHolder& waiter) {
  MIG_ASSIGN_OR_RETURN(
      Statement update,
      database_.prepare("UPDATE request SET waiter_pid = ?, waiter_start = ? WHERE id = ?"));
  bind_all(update, waiter.pid, waiter.start_ticks, request);
  return update.run();
}

Result<void> Leases::set_reason(std::int64_t request, const std::string& reason) {
  MIG_ASSIGN_OR_RETURN(Statement update,
                       database_.prepare("UPDATE request SET reason = ? WHERE id = ?"));
  bind_all(update, reason, request);
  return update.run();
}

Result<bool> Leases::dequeue(std::int64_t request) {
  MIG_ASSIGN_OR_RETURN(Statement gone,
                       database_.prepare("DELETE FROM request WHERE id = ? RETURNING id"));
  MIG_ASSIGN_OR_RETURN(const bool was_there, gone.bind(request).step());
  if (was_there) {
    MIG_TRY(gone.run());
  }
  return was_there;
}

Result<std::vector<UsageRow>> Leases::usage() {
  MIG_ASSIGN_OR_RETURN(
      Statement query,
      database_.prepare("SELECT tenant, slice_seconds, updated_ms FROM usage ORDER BY tenant"));
  return rows_of<UsageRow>(query, [](const Statement& row) {
    return UsageRow{row.text(0), row.integer(1), row.integer(2)};
  });
}

Result<void> Leases::set_usage(const UsageRow& row) {
  MIG_ASSIGN_OR_RETURN(
      Statement upsert,
      database_.prepare("INSERT INTO usage(tenant, slice_seconds, updated_ms) VALUES(?,?,?) ON "
                        "CONFLICT(tenant) DO UPDATE SET slice_seconds = excluded.slice_seconds, "
                        "updated_ms = excluded.updated_ms"));
  bind_all(upsert, row.tenant, row.slice_seconds, row.updated_ms);
  return upsert.run();
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
                        "ORDER BY id DESC LIMIT ?5"));
  if (filter.tenant) {
    query.bind(std::string_view(*filter.tenant));
  } else {
    query.bind(std::optional<std::int64_t>());
  }
  bind_all(query, filter.uid, filter.since_ms, filter.before, filter.limit);
  return rows_of<AuditRow>(query, [](const Statement& row) {
    AuditRow r;
    Columns(row).all(r.id, r.at_ms, r.lease, r.uid, r.action, r.tenant, r.instance, r.detail);
    return r;
  });
}

}  // namespace mig::store

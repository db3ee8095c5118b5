// SPDX-License-Identifier: Apache-2.0
#include "store/leases.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "store/lease_columns.h"
#include "store/lease_tables.h"

namespace mig::store {

Result<Leases> Leases::open(const std::string& path) {
  MIG_ASSIGN_OR_RETURN(Database database, Database::open(path, lease_migrations()));
  // Hundreds of processes may contend for the write lock. A power cut may lose the last commits
  // (the file stays consistent): leases bound to a process are over then anyway, and the others are
  // flush()ed.
  MIG_TRY(database.execute("PRAGMA busy_timeout=60000; PRAGMA synchronous=NORMAL"));
  return Leases(std::move(database));
}

Result<void> Leases::transaction(const std::function<Result<void>()>& body) {
  Result<void> done = database_.transaction([&]() -> Result<void> {
    MIG_TRY(refresh());
    in_transaction_ = true;  // nobody else can write until its end
    Result<void> result = body();
    in_transaction_ = false;
    return result;
  });
  if (!done) {
    seen_.reset();  // the cache has what was rolled back
  }
  return done;
}

Result<std::int64_t> Leases::data_version() {
  MIG_ASSIGN_OR_RETURN(Statement query, database_.prepare("PRAGMA data_version"));
  MIG_TRY(query.step());
  return query.integer(0);
}

Result<void> Leases::refresh() {
  if (in_transaction_ && seen_) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(const std::int64_t version, data_version());
  if (seen_ != version) {
    seen_.reset();
    MIG_TRY(load());
    // A write between the two reads is newer than the version: the next look reads it again.
    seen_ = version;
  }
  return {};
}

Result<void> Leases::load() {
  ++epoch_;
  changes_.clear();
  requests_.clear();
  keys_.clear();
  of_tenant_.clear();
  of_user_.clear();
  MIG_ASSIGN_OR_RETURN(Statement leases,
                       database_.prepare(select(lease_columns(), "lease ORDER BY id")));
  MIG_ASSIGN_OR_RETURN(leases_, rows_of<LeaseRow>(leases, lease_of));
  MIG_ASSIGN_OR_RETURN(Statement requests,
                       database_.prepare(select(request_columns(), "request ORDER BY id")));
  MIG_ASSIGN_OR_RETURN(std::vector<RequestRow> rows, rows_of<RequestRow>(requests, request_of));
  for (RequestRow& row : rows) {
    count(row, 1);
    requests_.emplace_hint(requests_.end(), row.id, std::move(row));
  }
  MIG_ASSIGN_OR_RETURN(Statement usage,
                       database_.prepare("SELECT tenant, uid, slice_ms, updated_ms FROM "
                                         "usage_of_user ORDER BY tenant, uid"));
  MIG_ASSIGN_OR_RETURN(usage_, rows_of<UsageRow>(usage, [](const Statement& row) {
                         UsageRow r;
                         Columns(row).all(r.tenant, r.uid, r.slice_ms, r.updated_ms);
                         return r;
                       }));
  return {};
}

// The cache holds rows as the table has them, without members that are not stored.
Result<void> Leases::reread(std::int64_t lease) {
  if (!seen_) {
    return {};
  }
  const auto cached = std::find_if(
      leases_.begin(), leases_.end(), [&](const LeaseRow& row) { return row.id == lease; });
  MIG_ASSIGN_OR_RETURN(Statement query,
                       database_.prepare(select(lease_columns(), "lease WHERE id = ?")));
  MIG_ASSIGN_OR_RETURN(const bool found, query.bind(lease).step());
  if (!found && cached != leases_.end()) {
    leases_.erase(cached);
  } else if (found && cached != leases_.end()) {
    *cached = lease_of(query);
  } else if (found) {
    leases_.push_back(lease_of(query));  // ids ascend
  }
  return {};
}

Result<void> Leases::flush() {
  MIG_ASSIGN_OR_RETURN(Statement checkpoint, database_.prepare("PRAGMA wal_checkpoint(PASSIVE)"));
  return checkpoint.run();
}

Result<std::vector<LeaseRow>> Leases::leases() {
  MIG_TRY(refresh());
  return leases_;
}

Result<std::vector<LeaseRow>> Leases::leases_of_request(std::int64_t request) {
  MIG_TRY(refresh());
  std::vector<LeaseRow> rows;
  std::copy_if(leases_.begin(), leases_.end(), std::back_inserter(rows), [&](const LeaseRow& row) {
    return row.request == request;
  });
  return rows;
}

Result<std::vector<LeaseRow>> Leases::leases_of_key(const std::string& key) {
  MIG_TRY(refresh());
  std::vector<LeaseRow> rows;
  std::copy_if(leases_.begin(), leases_.end(), std::back_inserter(rows), [&](const LeaseRow& row) {
    return !key.empty() && row.key == key;
  });
  return rows;
}

Result<std::int64_t> Leases::add(const LeaseRow& r, std::optional<std::int64_t> from_ms) {
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
  LeaseRow with_id = r;
  with_id.id = database_.last_insert_id();
  MIG_TRY(begin_tenure(with_id, from_ms.value_or(r.granted_ms)));
  MIG_TRY(reread(with_id.id));
  return with_id.id;
}

Result<bool> Leases::remove(std::int64_t lease, std::int64_t at_ms) {
  MIG_ASSIGN_OR_RETURN(Statement gone,
                       database_.prepare("DELETE FROM lease WHERE id = ? RETURNING id"));
  MIG_ASSIGN_OR_RETURN(const bool was_there, gone.bind(lease).step());
  if (was_there) {
    MIG_TRY(gone.run());
    MIG_TRY(end_tenure(lease, at_ms));
    MIG_TRY(reread(lease));
  }
  return was_there;
}

Result<void> Leases::move(const LeaseRow& r, std::int64_t at_ms) {
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
  MIG_TRY(update.run());
  MIG_TRY(end_tenure(r.id, at_ms));
  MIG_TRY(begin_tenure(r, at_ms));
  return reread(r.id);
}

Result<void> Leases::set_holder(const LeaseRow& r) {
  MIG_ASSIGN_OR_RETURN(Statement update,
                       database_.prepare("UPDATE lease SET holder_kind = ?, pid = ?, start_ticks = "
                                         "?, unit = ?, unit_cgroup = ?, unit_inode = ?, "
                                         "boot_id = ?, heir_pid = ?, heir_start = ?, "
                                         "granted_boot_ms = ? WHERE id = ?"));
  bind_all(update,
           r.holder.kind,
           r.holder.pid,
           r.holder.start_ticks,
           r.holder.unit,
           r.holder.cgroup,
           r.holder.cgroup_inode,
           r.boot_id,
           r.heir.pid,
           r.heir.start_ticks,
           r.granted_boot_ms,
           r.id);
  MIG_TRY(update.run());
  return reread(r.id);
}

Result<void> Leases::set_notice(const LeaseRow& r) {
  MIG_ASSIGN_OR_RETURN(Statement update,
                       database_.prepare("UPDATE lease SET notice_boot_ms = ?, notice_grace_ms = "
                                         "?, signalled = ? WHERE id = ?"));
  bind_all(update, r.notice_boot_ms, r.notice_grace_ms, r.signalled, r.id);
  MIG_TRY(update.run());
  return reread(r.id);
}

Result<void> Leases::set_charged(std::int64_t lease, std::int64_t charged_ms) {
  MIG_ASSIGN_OR_RETURN(Statement update,
                       database_.prepare("UPDATE lease SET charged_ms = ? WHERE id = ?"));
  bind_all(update, charged_ms, lease);
  MIG_TRY(update.run());
  return reread(lease);
}

Result<void> Leases::set_ending(const LeaseRow& r) {
  MIG_ASSIGN_OR_RETURN(
      Statement update,
      database_.prepare("UPDATE lease SET ending = ?, ending_boot_ms = ?, ending_by = ?, "
                        "ending_stage = ?, processes = ?, end_grace_ms = ?, boot_id = ?, "
                        "granted_boot_ms = ? WHERE id = ?"));
  bind_all(update,
           r.ending,
           r.ending_boot_ms,
           r.ending_by,
           r.ending_stage,
           r.processes,
           r.end_grace_ms,
           r.boot_id,
           r.granted_boot_ms,
           r.id);
  MIG_TRY(update.run());
  return reread(r.id);
}

Result<bool> Leases::set_cgroup(const LeaseRow& r) {
  MIG_ASSIGN_OR_RETURN(
      Statement update,
      database_.prepare("UPDATE lease SET cgroup = ?, heir_pid = ?, heir_start = ? "
                        "WHERE id = ? AND ending = '' RETURNING id"));
  bind_all(update, r.cgroup, r.heir.pid, r.heir.start_ticks, r.id);
  MIG_ASSIGN_OR_RETURN(const bool found, update.step());
  if (found) {
    MIG_TRY(update.run());
    MIG_TRY(reread(r.id));
  }
  return found;
}

Result<Leases::Counts> Leases::counts() {
  MIG_TRY(refresh());
  const auto ending = std::count_if(
      leases_.begin(), leases_.end(), [](const LeaseRow& row) { return !row.ending.empty(); });
  return Counts{leases_.size(), static_cast<std::size_t>(ending)};
}

Result<std::vector<LeaseRow>> Leases::ending_leases() {
  MIG_TRY(refresh());
  std::vector<LeaseRow> rows;
  std::copy_if(leases_.begin(), leases_.end(), std::back_inserter(rows), [](const LeaseRow& row) {
    return !row.ending.empty();
  });
  return rows;
}

}  // namespace mig::store

// SPDX-License-Identifier: Apache-2.0
#include "store/jobs.h"

#include <string_view>
#include <utility>

namespace mig::store {

namespace {

// Ids are never reused (AUTOINCREMENT): a log file belongs to one job.
constexpr std::string_view kJobSchema1 = R"sql(
CREATE TABLE job (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, command TEXT NOT NULL,
  folder TEXT NOT NULL, cgroup TEXT NOT NULL, boot_id TEXT NOT NULL,
  supervisor_pid INTEGER NOT NULL, supervisor_start INTEGER NOT NULL, created_ms INTEGER NOT NULL,
  started_ms INTEGER, finished_ms INTEGER, exit_code INTEGER, note TEXT NOT NULL DEFAULT '',
  logged INTEGER NOT NULL, detached INTEGER NOT NULL, confined INTEGER NOT NULL);
CREATE TABLE job_rank (
  job INTEGER NOT NULL REFERENCES job(id) ON DELETE CASCADE, rank INTEGER NOT NULL,
  uuid TEXT NOT NULL, profile TEXT NOT NULL, gpu INTEGER NOT NULL, gi INTEGER NOT NULL,
  ci INTEGER NOT NULL, pid INTEGER NOT NULL, start_ticks INTEGER NOT NULL,
  own_group INTEGER NOT NULL, restarts INTEGER NOT NULL, exit_code INTEGER,
  note TEXT NOT NULL DEFAULT '', PRIMARY KEY (job, rank)) WITHOUT ROWID;
)sql";

constexpr std::string_view kJobColumns =
    "name=?, command=?, folder=?, cgroup=?, boot_id=?, supervisor_pid=?, supervisor_start=?, "
    "created_ms=?, started_ms=?, finished_ms=?, exit_code=?, note=?, logged=?, detached=?, "
    "confined=?";

void bind_job(Statement& statement, const JobRow& row) {
  statement.bind(row.name).bind(row.command).bind(row.folder).bind(row.cgroup).bind(row.boot_id);
  statement.bind(row.supervisor_pid).bind(row.supervisor_start).bind(row.created_ms);
  statement.bind(row.started_ms).bind(row.finished_ms).bind(row.exit_code).bind(row.note);
  for (const bool flag : {row.logged, row.detached, row.confined}) {
    statement.bind(static_cast<std::int64_t>(flag));
  }
}

JobRow read_job(const Statement& query) {
  JobRow row;
  row.id = query.integer(0);
  row.name = query.text(1);
  row.command = query.text(2);
  row.folder = query.text(3);
  row.cgroup = query.text(4);
  row.boot_id = query.text(5);
  row.supervisor_pid = query.integer(6);
  row.supervisor_start = query.integer(7);
  row.created_ms = query.integer(8);
  row.started_ms = query.maybe_integer(9);
  row.finished_ms = query.maybe_integer(10);
  row.exit_code = query.maybe_integer(11);
  row.note = query.text(12);
  row.logged = query.integer(13) != 0;
  row.detached = query.integer(14) != 0;
  row.confined = query.integer(15) != 0;
  return row;
}

}  // namespace

Result<Jobs> Jobs::open(const std::string& path) {
  auto database = Database::open(path, {kJobSchema1});
  if (!database) {
    return std::move(database).error().in("jobs");
  }
  // Records of processes are worthless after a power cut, so a commit need not wait for the disk.
  MIG_TRY(database->execute("PRAGMA foreign_keys=ON; PRAGMA synchronous=NORMAL"));
  return Jobs(*std::move(database));
}

Result<void> Jobs::forget(std::int64_t keep, std::vector<std::int64_t>& forgotten) {
  MIG_ASSIGN_OR_RETURN(Statement old,
                       database_.prepare("SELECT id FROM job WHERE finished_ms IS NOT NULL "
                                         "ORDER BY id DESC LIMIT -1 OFFSET ?"));
  old.bind(keep);
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const bool more, old.step());
    if (!more) {
      break;
    }
    forgotten.push_back(old.integer(0));
  }
  for (const std::int64_t id : forgotten) {
    MIG_ASSIGN_OR_RETURN(Statement remove, database_.prepare("DELETE FROM job WHERE id=?"));
    remove.bind(id);
    MIG_TRY(remove.run());
  }
  return {};
}

Result<std::int64_t> Jobs::add(const JobRow& row,
                               std::int64_t keep,
                               std::vector<std::int64_t>& forgotten) {
  std::int64_t id = 0;
  auto added = database_.transaction([&]() -> Result<void> {
    MIG_ASSIGN_OR_RETURN(
        Statement insert,
        database_.prepare("INSERT INTO job (name, command, folder, cgroup, boot_id, "
                          "supervisor_pid, supervisor_start, created_ms, started_ms, finished_ms, "
                          "exit_code, note, logged, detached, confined) "
                          "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"));
    bind_job(insert, row);
    MIG_TRY(insert.run());
    id = database_.last_insert_id();
    return forget(keep, forgotten);
  });
  if (!added) {
    return std::move(added).error();
  }
  return id;
}

Result<void> Jobs::update(const JobRow& row) {
  return database_.transaction([&]() -> Result<void> {
    MIG_ASSIGN_OR_RETURN(
        Statement change,
        database_.prepare("UPDATE job SET " + std::string(kJobColumns) + " WHERE id=?"));
    bind_job(change, row);
    change.bind(row.id);
    MIG_TRY(change.run());
    for (const JobRankRow& rank : row.ranks) {
      MIG_TRY(write_rank(row.id, rank));
    }
    return {};
  });
}

Result<void> Jobs::update_rank(std::int64_t job, const JobRankRow& rank) {
  return write_rank(job, rank);
}

Result<void> Jobs::write_rank(std::int64_t job, const JobRankRow& rank) {
  MIG_ASSIGN_OR_RETURN(
      Statement insert,
      database_.prepare("INSERT OR REPLACE INTO job_rank (job, rank, uuid, profile, gpu, gi, ci, "
                        "pid, start_ticks, own_group, restarts, exit_code, note) "
                        "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"));
  const Instance& on = rank.instance;
  insert.bind(job).bind(rank.rank).bind(on.uuid).bind(on.profile.str());
  for (const std::uint32_t id : {on.gpu.value, on.gpu_instance.value, on.compute_instance.value}) {
    insert.bind(static_cast<std::int64_t>(id));
  }
  insert.bind(rank.pid).bind(rank.start_ticks);
  insert.bind(static_cast<std::int64_t>(rank.own_group)).bind(rank.restarts);
  insert.bind(rank.exit_code).bind(rank.note);
  return insert.run();
}

Result<std::vector<JobRankRow>> Jobs::ranks_of(std::int64_t job) {
  MIG_ASSIGN_OR_RETURN(
      Statement query,
      database_.prepare("SELECT rank, uuid, profile, gpu, gi, ci, pid, start_ticks, own_group, "
                        "restarts, exit_code, note FROM job_rank WHERE job=? ORDER BY rank"));
  query.bind(job);
  std::vector<JobRankRow> rows;
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) {
      return rows;
    }
    JobRankRow row;
    row.rank = query.integer(0);
    row.instance.uuid = query.text(1);
    if (const auto profile = ProfileName::parse(query.text(2))) {
      row.instance.profile = *profile;
    }
    row.instance.gpu.value = static_cast<std::uint32_t>(query.integer(3));
    row.instance.gpu_instance.value = static_cast<std::uint32_t>(query.integer(4));
    row.instance.compute_instance.value = static_cast<std::uint32_t>(query.integer(5));
    row.pid = query.integer(6);
    row.start_ticks = query.integer(7);
    row.own_group = query.integer(8) != 0;
    row.restarts = query.integer(9);
    row.exit_code = query.maybe_integer(10);
    row.note = query.text(11);
    rows.push_back(std::move(row));
  }
}

Result<std::vector<JobRow>> Jobs::all() {
  MIG_ASSIGN_OR_RETURN(
      Statement query,
      database_.prepare("SELECT id, name, command, folder, cgroup, boot_id, supervisor_pid, "
                        "supervisor_start, created_ms, started_ms, finished_ms, exit_code, note, "
                        "logged, detached, confined FROM job ORDER BY id"));
  std::vector<JobRow> rows;
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) {
      break;
    }
    rows.push_back(read_job(query));
  }
  for (JobRow& row : rows) {
    MIG_ASSIGN_OR_RETURN(row.ranks, ranks_of(row.id));
  }
  return rows;
}

}  // namespace mig::store

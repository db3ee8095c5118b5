// SPDX-License-Identifier: Apache-2.0
#include "store/journal.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/unix_time.h"

namespace mig::store {

namespace {

constexpr std::string_view kSchema1 = R"sql(
CREATE TABLE change (
  id INTEGER PRIMARY KEY, started_ms INTEGER NOT NULL, finished_ms INTEGER, boot_id TEXT NOT NULL,
  uid INTEGER NOT NULL, pid INTEGER NOT NULL, user TEXT NOT NULL, command TEXT NOT NULL,
  reason TEXT NOT NULL, before_layout TEXT NOT NULL, after_layout TEXT NOT NULL,
  generation INTEGER NOT NULL, message TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open','applied','rolled_back','stuck','recovered')));
CREATE UNIQUE INDEX one_open_change ON change(state) WHERE state = 'open';
CREATE TABLE step (
  change INTEGER NOT NULL REFERENCES change(id), sequence INTEGER NOT NULL, kind TEXT NOT NULL,
  gpu_index INTEGER NOT NULL, gpu_uuid TEXT NOT NULL, profile TEXT NOT NULL,
  profile_id INTEGER NOT NULL, nvml_profile INTEGER NOT NULL, gpu_start INTEGER NOT NULL,
  gpu_size INTEGER NOT NULL, ci_start INTEGER, ci_size INTEGER, gpu_instance INTEGER,
  compute_instance INTEGER, PRIMARY KEY (change, sequence)) WITHOUT ROWID;
CREATE TABLE attempt (
  id INTEGER PRIMARY KEY, change INTEGER NOT NULL REFERENCES change(id), sequence INTEGER NOT NULL,
  direction TEXT NOT NULL CHECK (direction IN ('do','undo')), finished INTEGER NOT NULL DEFAULT 0,
  succeeded INTEGER NOT NULL DEFAULT 0, message TEXT NOT NULL DEFAULT '', gpu_instance INTEGER,
  compute_instance INTEGER);
CREATE INDEX attempt_of_change ON attempt(change);
)sql";

// Identity of the process that carries out a change; and durations of steps by board and driver.
constexpr std::string_view kSchema2 = R"sql(
ALTER TABLE change ADD COLUMN start_ticks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE change ADD COLUMN driver TEXT NOT NULL DEFAULT '';
ALTER TABLE step ADD COLUMN board TEXT NOT NULL DEFAULT '';
ALTER TABLE attempt ADD COLUMN took_us INTEGER;
)sql";

// The cause, and the request that instances were made for.
constexpr std::string_view kSchema3 = R"sql(
ALTER TABLE change ADD COLUMN cause TEXT NOT NULL DEFAULT '';
ALTER TABLE change ADD COLUMN for_request INTEGER;
ALTER TABLE change ADD COLUMN for_uid INTEGER NOT NULL DEFAULT 0;
ALTER TABLE change ADD COLUMN for_tenant TEXT NOT NULL DEFAULT '';
ALTER TABLE change ADD COLUMN for_lease INTEGER NOT NULL DEFAULT 0;
)sql";

// The key that instances were made for (POST /v1/instances), and the search for who made what.
constexpr std::string_view kSchema4 = R"sql(
ALTER TABLE change ADD COLUMN for_key TEXT NOT NULL DEFAULT '';
CREATE INDEX change_of_key ON change(for_key) WHERE for_key <> '';
CREATE INDEX step_of_gpu ON step(gpu_uuid, change);
)sql";

constexpr std::string_view kChangeColumns =
    "id, started_ms, finished_ms, boot_id, uid, pid, user, command, reason, before_layout, "
    "after_layout, generation, state, message, (SELECT count(*) FROM step WHERE step.change = id), "
    "start_ticks, driver, cause, for_request, for_uid, for_tenant, for_lease, for_key";

ChangeState state_of(std::string_view name) {
  for (auto state :
       {ChangeState::kOpen, ChangeState::kApplied, ChangeState::kRolledBack, ChangeState::kStuck}) {
    if (name == name_of(state)) {
      return state;
    }
  }
  return ChangeState::kRecovered;
}

ChangeRow read_change(const Statement& row) {
  ChangeRow change;
  change.id = row.integer(0);
  change.started_ms = row.integer(1);
  change.finished_ms = row.maybe_integer(2);
  change.boot_id = row.text(3);
  change.uid = row.integer(4);
  change.pid = row.integer(5);
  change.user = row.text(6);
  change.command = row.text(7);
  change.reason = row.text(8);
  change.before = row.text(9);
  change.after = row.text(10);
  change.generation = row.integer(11);
  change.state = state_of(row.text(12));
  change.message = row.text(13);
  change.steps = row.integer(14);
  change.start_ticks = row.integer(15);
  change.driver = row.text(16);
  change.cause = row.text(17);
  if (const auto request = row.maybe_integer(18)) {
    change.made_for = MadeFor{static_cast<std::uint32_t>(row.integer(19)),
                              row.text(20),
                              *request,
                              row.integer(21),
                              row.text(22)};
  }
  return change;
}

Result<std::vector<ChangeRow>> read_changes(Statement query) {
  std::vector<ChangeRow> rows;
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) {
      return rows;
    }
    rows.push_back(read_change(query));
  }
}

Result<std::optional<ChangeRow>> first_of(Statement query) {
  MIG_ASSIGN_OR_RETURN(std::vector<ChangeRow> rows, read_changes(std::move(query)));
  if (rows.empty()) {
    return std::optional<ChangeRow>();
  }
  return std::optional<ChangeRow>(std::move(rows.front()));
}

}  // namespace

Result<Journal> Journal::open(const std::string& path, base::Clock& clock) {
  MIG_ASSIGN_OR_RETURN(Database database,
                       Database::open(path, {kSchema1, kSchema2, kSchema3, kSchema4}));
  return Journal(std::move(database), clock);
}

std::int64_t Journal::unix_ms() const {
  return base::unix_ms(*clock_);
}

Result<std::int64_t> Journal::begin(const ChangeRow& change, const std::vector<StepRow>& steps) {
  MIG_ASSIGN_OR_RETURN(const std::optional<ChangeRow> open, open_change());
  if (open) {
    return Error{
        ErrorCode::kConflict,
        fmt::format("change {} ({}) by {} was not finished", open->id, open->command, open->user),
        "`migctl recover` finishes or undoes it",
        {},
        {}};
  }
  std::int64_t id = 0;
  const auto insert_all = [&]() -> Result<void> {
    // Timestamps are monotonic in the journal even when the wall clock goes back.
    MIG_ASSIGN_OR_RETURN(Statement last, database_.prepare("SELECT max(started_ms) FROM change"));
    MIG_TRY(last.step());
    const std::int64_t started = std::max(unix_ms(), last.integer(0));
    MIG_ASSIGN_OR_RETURN(
        Statement insert,
        database_.prepare(
            "INSERT INTO change (started_ms, boot_id, uid, pid, user, command, reason, "
            "before_layout, after_layout, generation, start_ticks, driver, cause, for_request, "
            "for_uid, for_tenant, for_key, state, message) "
            "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,'open','')"));
    insert.bind(started).bind(change.boot_id).bind(change.uid).bind(change.pid).bind(change.user);
    insert.bind(change.command).bind(change.reason).bind(change.before).bind(change.after);
    insert.bind(change.generation).bind(change.start_ticks).bind(change.driver).bind(change.cause);
    const MadeFor made_for = change.made_for.value_or(MadeFor{});
    insert.bind(change.made_for ? std::optional(made_for.request) : std::nullopt);
    insert.bind(static_cast<std::int64_t>(made_for.uid)).bind(std::string_view(made_for.tenant));
    insert.bind(std::string_view(made_for.key));
    MIG_TRY(insert.run());
    id = database_.last_insert_id();
    for (const StepRow& step : steps) {
      MIG_ASSIGN_OR_RETURN(
          Statement row,
          database_.prepare("INSERT INTO step VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"));
      row.bind(id).bind(step.sequence).bind(step.kind).bind(step.gpu_index).bind(step.gpu_uuid);
      row.bind(step.profile).bind(step.profile_id).bind(step.nvml_profile).bind(step.gpu_start);
      row.bind(step.gpu_size).bind(step.ci_start).bind(step.ci_size).bind(step.gpu_instance);
      row.bind(step.compute_instance).bind(step.board);
      MIG_TRY(row.run());
    }
    return {};
  };
  MIG_TRY(database_.transaction(insert_all));
  return id;
}

Result<std::int64_t> Journal::intend(std::int64_t change,
                                     std::int64_t sequence,
                                     Direction direction) {
  MIG_ASSIGN_OR_RETURN(
      Statement insert,
      database_.prepare("INSERT INTO attempt (change, sequence, direction) VALUES (?,?,?)"));
  insert.bind(change).bind(sequence).bind(direction == Direction::kDo ? "do" : "undo");
  MIG_TRY(insert.run());
  return database_.last_insert_id();
}

Result<void> Journal::record(std::int64_t attempt,
                             bool succeeded,
                             const std::string& message,
                             std::optional<std::int64_t> gpu_instance,
                             std::optional<std::int64_t> compute_instance,
                             std::optional<std::int64_t> took_us) {
  MIG_ASSIGN_OR_RETURN(
      Statement update,
      database_.prepare("UPDATE attempt SET finished=1, succeeded=?, message=?, "
                        "gpu_instance=?, compute_instance=?, took_us=? WHERE id=?"));
  update.bind(static_cast<std::int64_t>(succeeded)).bind(message).bind(gpu_instance);
  update.bind(compute_instance).bind(took_us).bind(attempt);
  return update.run();
}

Result<void> Journal::finish(std::int64_t change,
                             ChangeState state,
                             const std::string& message,
                             const std::string& after) {
  MIG_ASSIGN_OR_RETURN(Statement update,
                       database_.prepare("UPDATE change SET state=?, message=?, after_layout=?, "
                                         "finished_ms=max(started_ms, ?) WHERE id=?"));
  update.bind(name_of(state)).bind(message).bind(after).bind(unix_ms()).bind(change);
  return update.run();
}

Result<std::optional<ChangeRow>> Journal::open_change() {
  MIG_ASSIGN_OR_RETURN(
      Statement query,
      database_.prepare(fmt::format("SELECT {} FROM change WHERE state='open'", kChangeColumns)));
  return first_of(std::move(query));
}

Result<std::optional<ChangeRow>> Journal::find(std::int64_t change) {
  MIG_ASSIGN_OR_RETURN(
      Statement query,
      database_.prepare(fmt::format("SELECT {} FROM change WHERE id=?", kChangeColumns)));
  query.bind(change);
  return first_of(std::move(query));
}

Result<std::vector<ChangeRow>> Journal::history(std::int64_t limit) {
  MIG_ASSIGN_OR_RETURN(Statement query,
                       database_.prepare(fmt::format(
                           "SELECT {} FROM change ORDER BY id DESC LIMIT ?", kChangeColumns)));
  query.bind(limit);
  return read_changes(std::move(query));
}

Result<std::vector<ChangeRow>> Journal::after(std::int64_t change, std::int64_t limit) {
  MIG_ASSIGN_OR_RETURN(
      Statement query,
      database_.prepare(
          fmt::format("SELECT {} FROM change WHERE id > ? ORDER BY id LIMIT ?", kChangeColumns)));
  query.bind(change).bind(limit);
  return read_changes(std::move(query));
}

Result<std::vector<ChangeRow>> Journal::changes_for_key(const std::string& key,
                                                        std::int64_t limit) {
  MIG_ASSIGN_OR_RETURN(
      Statement query,
      database_.prepare(fmt::format("SELECT {} FROM change WHERE for_key=? AND for_key<>'' AND "
                                    "state NOT IN ('open','rolled_back') ORDER BY id DESC LIMIT ?",
                                    kChangeColumns)));
  query.bind(std::string_view(key)).bind(limit);
  return read_changes(std::move(query));
}

Result<std::optional<ChangeRow>> Journal::touched_since(std::int64_t change,
                                                        const std::string& gpu_uuid,
                                                        std::int64_t start,
                                                        std::int64_t size,
                                                        const std::string& but_key) {
  constexpr std::string_view kTouched =
      "SELECT {} FROM change WHERE id > ? AND state='applied' AND for_key<>? AND (EXISTS (SELECT 1 "
      "FROM step WHERE step.change=change.id AND step.gpu_uuid=? AND "
      "(step.kind IN ('disable_mig','reset_gpu') OR "
      "(step.gpu_start < ? AND step.gpu_start + step.gpu_size > ?))) OR "
      "(cause IN ('apply','undo','restore','migrate') AND instr(after_layout, ?) > 0)) "
      "ORDER BY id LIMIT 1";
  MIG_ASSIGN_OR_RETURN(Statement query, database_.prepare(fmt::format(kTouched, kChangeColumns)));
  query.bind(change).bind(std::string_view(but_key)).bind(std::string_view(gpu_uuid));
  query.bind(start + size).bind(start).bind(std::string_view(gpu_uuid));
  return first_of(std::move(query));
}

Result<void> Journal::credit(std::int64_t change, std::int64_t lease) {
  MIG_ASSIGN_OR_RETURN(
      Statement update,
      database_.prepare("UPDATE change SET for_lease=? WHERE id=? AND for_request IS NOT NULL"));
  return update.bind(lease).bind(change).run();
}

Result<std::vector<StepRow>> Journal::steps(std::int64_t change) {
  MIG_ASSIGN_OR_RETURN(
      Statement query,
      database_.prepare("SELECT sequence, kind, gpu_index, gpu_uuid, profile, profile_id, "
                        "nvml_profile, gpu_start, gpu_size, ci_start, ci_size, gpu_instance, "
                        "compute_instance, board FROM step WHERE change=? ORDER BY sequence"));
  query.bind(change);
  std::vector<StepRow> rows;
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) {
      return rows;
    }
    StepRow row;
    row.sequence = query.integer(0);
    row.kind = query.text(1);
    row.gpu_index = query.integer(2);
    row.gpu_uuid = query.text(3);
    row.profile = query.text(4);
    row.profile_id = query.integer(5);
    row.nvml_profile = query.integer(6);
    row.gpu_start = query.integer(7);
    row.gpu_size = query.integer(8);
    row.ci_start = query.maybe_integer(9);
    row.ci_size = query.maybe_integer(10);
    row.gpu_instance = query.maybe_integer(11);
    row.compute_instance = query.maybe_integer(12);
    row.board = query.text(13);
    rows.push_back(std::move(row));
  }
}

Result<std::vector<AttemptRow>> Journal::attempts(std::int64_t change) {
  MIG_ASSIGN_OR_RETURN(
      Statement query,
      database_.prepare("SELECT sequence, direction, finished, succeeded, message, "
                        "gpu_instance, compute_instance, took_us FROM attempt "
                        "WHERE change=? ORDER BY id"));
  query.bind(change);
  std::vector<AttemptRow> rows;
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) {
      return rows;
    }
    AttemptRow row;
    row.sequence = query.integer(0);
    row.direction = query.text(1) == "do" ? Direction::kDo : Direction::kUndo;
    row.finished = query.integer(2) != 0;
    row.succeeded = query.integer(3) != 0;
    row.message = query.text(4);
    row.gpu_instance = query.maybe_integer(5);
    row.compute_instance = query.maybe_integer(6);
    row.took_us = query.maybe_integer(7);
    rows.push_back(std::move(row));
  }
}

Result<std::vector<StepTimeRow>> Journal::step_times(std::int64_t limit) {
  MIG_ASSIGN_OR_RETURN(
      Statement query,
      database_.prepare(
          "SELECT step.kind, step.board, change.driver, attempt.took_us FROM attempt "
          "JOIN step ON step.change = attempt.change AND step.sequence = attempt.sequence "
          "JOIN change ON change.id = attempt.change "
          "WHERE attempt.direction = 'do' AND attempt.succeeded = 1 "
          "AND attempt.took_us IS NOT NULL ORDER BY attempt.id DESC LIMIT ?"));
  query.bind(limit);
  std::vector<StepTimeRow> rows;
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) {
      return rows;
    }
    rows.push_back({query.text(0), query.text(1), query.text(2), query.integer(3)});
  }
}

}  // namespace mig::store

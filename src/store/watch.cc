// SPDX-License-Identifier: Apache-2.0
#include "store/watch.h"

#include <utility>

namespace mig::store {
namespace {

const Migrations& watch_migrations() {
  static const Migrations kMigrations{
      R"(CREATE TABLE sampler (id INTEGER PRIMARY KEY CHECK (id = 1), boot_id TEXT NOT NULL,
           last_generation INTEGER NOT NULL);
         CREATE TABLE board (gpu_uuid TEXT PRIMARY KEY, total_mj INTEGER NOT NULL,
           counter_mj INTEGER NOT NULL, unattributed_mj INTEGER NOT NULL,
           gone_mj INTEGER NOT NULL, floor_mw INTEGER) WITHOUT ROWID;
         CREATE TABLE instance (gpu_uuid TEXT NOT NULL, gpu_instance INTEGER NOT NULL,
           generation INTEGER NOT NULL, profile TEXT NOT NULL, start INTEGER NOT NULL,
           size INTEGER NOT NULL, energy_mj INTEGER NOT NULL,
           PRIMARY KEY (gpu_uuid, gpu_instance)) WITHOUT ROWID;
         CREATE TABLE history (period_s INTEGER NOT NULL, begin_s INTEGER NOT NULL,
           gpu_uuid TEXT NOT NULL, gpu_instance INTEGER NOT NULL, generation INTEGER NOT NULL,
           profile TEXT NOT NULL, tenant TEXT NOT NULL, job TEXT NOT NULL, ticks INTEGER NOT NULL,
           sm INTEGER, sm_max INTEGER, dram INTEGER, tensor INTEGER, graphics INTEGER,
           occupancy INTEGER, memory_bytes INTEGER, memory_max_bytes INTEGER, power_mw INTEGER,
           PRIMARY KEY (period_s, begin_s, gpu_uuid, gpu_instance, generation)) WITHOUT ROWID;)",
  };
  return kMigrations;
}

constexpr std::string_view kColumns =
    "begin_s, period_s, gpu_uuid, gpu_instance, generation, profile, tenant, job, ticks, sm, "
    "sm_max, dram, tensor, graphics, occupancy, memory_bytes, memory_max_bytes, power_mw";

HistoryRow history_row(const Statement& row) {
  HistoryRow out;
  int column = 0;
  out.begin_s = row.integer(column++);
  out.period_s = row.integer(column++);
  out.gpu_uuid = row.text(column++);
  out.gpu_instance = row.integer(column++);
  out.generation = row.integer(column++);
  out.profile = row.text(column++);
  out.tenant = row.text(column++);
  out.job = row.text(column++);
  out.ticks = row.integer(column++);
  for (auto* value : {&out.sm,
                      &out.sm_max,
                      &out.dram,
                      &out.tensor,
                      &out.graphics,
                      &out.occupancy,
                      &out.memory_bytes,
                      &out.memory_max_bytes,
                      &out.power_mw}) {
    *value = row.maybe_integer(column++);
  }
  return out;
}

}  // namespace

Result<WatchStore> WatchStore::open(const std::string& path) {
  MIG_ASSIGN_OR_RETURN(Database database, Database::open(path, watch_migrations()));
  // Accounts are written with every tick, without waiting for the disk. When the machine loses its
  // power, its instances are gone anyway.
  MIG_TRY(database.execute("PRAGMA synchronous=NORMAL"));
  return WatchStore(std::move(database));
}

Result<AccountRows> WatchStore::accounts() {
  AccountRows out;
  MIG_ASSIGN_OR_RETURN(Statement sampler,
                       database_.prepare("SELECT boot_id, last_generation FROM sampler"));
  MIG_ASSIGN_OR_RETURN(const bool any, sampler.step());
  if (!any) {
    return out;
  }
  out.boot_id = sampler.text(0);
  out.last_generation = sampler.integer(1);
  MIG_ASSIGN_OR_RETURN(
      Statement boards,
      database_.prepare("SELECT gpu_uuid, total_mj, counter_mj, unattributed_mj, gone_mj, floor_mw "
                        "FROM board"));
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const bool more, boards.step());
    if (!more) {
      break;
    }
    out.boards.push_back({boards.text(0),
                          boards.integer(1),
                          boards.integer(2),
                          boards.integer(3),
                          boards.integer(4),
                          boards.maybe_integer(5)});
  }
  MIG_ASSIGN_OR_RETURN(
      Statement instances,
      database_.prepare(
          "SELECT gpu_uuid, gpu_instance, generation, profile, start, size, energy_mj "
          "FROM instance"));
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const bool more, instances.step());
    if (!more) {
      return out;
    }
    out.instances.push_back({instances.text(0),
                             instances.integer(1),
                             instances.integer(2),
                             instances.text(3),
                             instances.integer(4),
                             instances.integer(5),
                             instances.integer(6)});
  }
}

Result<void> WatchStore::keep(const AccountRows& accounts) {
  return database_.transaction([&]() -> Result<void> {
    MIG_ASSIGN_OR_RETURN(Statement sampler,
                         database_.prepare("INSERT OR REPLACE INTO sampler VALUES (1, ?, ?)"));
    MIG_TRY(sampler.bind(std::string_view(accounts.boot_id)).bind(accounts.last_generation).run());
    // Boards that are not there now keep their account: a card may be back after a repair.
    for (const BoardAccountRow& row : accounts.boards) {
      MIG_ASSIGN_OR_RETURN(
          Statement board,
          database_.prepare("INSERT OR REPLACE INTO board VALUES (?, ?, ?, ?, ?, ?)"));
      MIG_TRY(board.bind(std::string_view(row.gpu_uuid))
                  .bind(row.total_mj)
                  .bind(row.counter_mj)
                  .bind(row.unattributed_mj)
                  .bind(row.gone_mj)
                  .bind(row.floor_mw)
                  .run());
    }
    MIG_ASSIGN_OR_RETURN(Statement none, database_.prepare("DELETE FROM instance"));
    MIG_TRY(none.run());
    for (const InstanceAccountRow& row : accounts.instances) {
      MIG_ASSIGN_OR_RETURN(Statement instance,
                           database_.prepare("INSERT INTO instance VALUES (?, ?, ?, ?, ?, ?, ?)"));
      MIG_TRY(instance.bind(std::string_view(row.gpu_uuid))
                  .bind(row.gpu_instance)
                  .bind(row.generation)
                  .bind(std::string_view(row.profile))
                  .bind(row.start)
                  .bind(row.size)
                  .bind(row.energy_mj)
                  .run());
    }
    return {};
  });
}

Result<void> WatchStore::add(const std::vector<HistoryRow>& rows) {
  return database_.transaction([&]() -> Result<void> {
    for (const HistoryRow& row : rows) {
      MIG_ASSIGN_OR_RETURN(
          Statement insert,
          database_.prepare("INSERT OR REPLACE INTO history (" + std::string(kColumns) +
                            ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
      insert.bind(row.begin_s)
          .bind(row.period_s)
          .bind(std::string_view(row.gpu_uuid))
          .bind(row.gpu_instance)
          .bind(row.generation)
          .bind(std::string_view(row.profile))
          .bind(std::string_view(row.tenant))
          .bind(std::string_view(row.job))
          .bind(row.ticks);
      for (const auto& value : {row.sm,
                                row.sm_max,
                                row.dram,
                                row.tensor,
                                row.graphics,
                                row.occupancy,
                                row.memory_bytes,
                                row.memory_max_bytes,
                                row.power_mw}) {
        insert.bind(value);
      }
      MIG_TRY(insert.run());
    }
    return {};
  });
}

Result<void> WatchStore::sum_hour(std::int64_t begin_s) {
  constexpr std::int64_t kHour = 3600;
  // Weighted by ticks; a value that was never known stays unknown.
  const auto mean = [](const std::string& column) {
    return "sum(" + column + " * ticks) / sum(CASE WHEN " + column +
           " IS NULL THEN NULL ELSE ticks END)";
  };
  const std::string means = mean("sm") + ", max(sm_max), " + mean("dram") + ", " + mean("tensor") +
                            ", " + mean("graphics") + ", " + mean("occupancy") + ", " +
                            mean("memory_bytes") + ", max(memory_max_bytes), " + mean("power_mw");
  MIG_ASSIGN_OR_RETURN(
      Statement insert,
      database_.prepare("INSERT OR REPLACE INTO history (" + std::string(kColumns) +
                        ") SELECT ?, 3600, gpu_uuid, gpu_instance, generation, max(profile), "
                        "max(tenant), max(job), sum(ticks), " +
                        means +
                        " FROM history WHERE period_s = 60 AND begin_s >= ? AND begin_s < ? "
                        "GROUP BY gpu_uuid, gpu_instance, generation"));
  return insert.bind(begin_s).bind(begin_s).bind(begin_s + kHour).run();
}

Result<std::vector<HistoryRow>> WatchStore::history(const HistoryQuery& query) {
  MIG_ASSIGN_OR_RETURN(
      Statement select,
      database_.prepare("SELECT " + std::string(kColumns) +
                        " FROM history WHERE period_s = ? AND begin_s >= ? AND begin_s < ? AND "
                        "(? = '' OR gpu_uuid = ?) AND (? IS NULL OR gpu_instance = ?) "
                        "ORDER BY begin_s, gpu_uuid, gpu_instance, generation LIMIT ?"));
  select.bind(query.period_s)
      .bind(query.from_s)
      .bind(query.until_s)
      .bind(std::string_view(query.gpu_uuid))
      .bind(std::string_view(query.gpu_uuid))
      .bind(query.gpu_instance)
      .bind(query.gpu_instance)
      .bind(query.limit);
  std::vector<HistoryRow> out;
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const bool more, select.step());
    if (!more) {
      return out;
    }
    out.push_back(history_row(select));
  }
}

Result<std::vector<ActivityRow>> WatchStore::activity(std::int64_t from_s,
                                                      std::int64_t until_s,
                                                      std::int64_t limit) {
  MIG_ASSIGN_OR_RETURN(
      Statement select,
      database_.prepare("SELECT begin_s, gpu_uuid, gpu_instance, sm, power_mw FROM (SELECT * FROM "
                        "history WHERE period_s = 60 AND begin_s >= ? AND begin_s < ? ORDER BY "
                        "begin_s DESC LIMIT ?) ORDER BY gpu_uuid, gpu_instance, begin_s"));
  select.bind(from_s).bind(until_s).bind(limit);
  std::vector<ActivityRow> out;
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const bool more, select.step());
    if (!more) {
      return out;
    }
    out.push_back({select.integer(0),
                   select.text(1),
                   select.integer(2),
                   select.maybe_integer(3),
                   select.maybe_integer(4)});
  }
}

Result<void> WatchStore::prune(std::int64_t now_s, std::int64_t most_rows) {
  return database_.transaction([&]() -> Result<void> {
    MIG_ASSIGN_OR_RETURN(Statement old, database_.prepare("DELETE FROM history WHERE begin_s < ?"));
    MIG_TRY(old.bind(now_s - kKeptSeconds).run());
    MIG_ASSIGN_OR_RETURN(Statement count, database_.prepare("SELECT count(*) FROM history"));
    MIG_ASSIGN_OR_RETURN(const bool counted, count.step());
    const std::int64_t rows = counted ? count.integer(0) : 0;
    if (rows <= most_rows) {
      return {};
    }
    // Minutes go before hours: they are sixty times as many.
    MIG_ASSIGN_OR_RETURN(
        Statement beyond,
        database_.prepare("DELETE FROM history WHERE period_s = 60 AND begin_s <= "
                          "(SELECT begin_s FROM history WHERE period_s = 60 ORDER BY begin_s "
                          "LIMIT 1 OFFSET ?)"));
    return beyond.bind(rows - most_rows).run();
  });
}

}  // namespace mig::store

// SPDX-License-Identifier: Apache-2.0
#include "store/layouts.h"

#include <string_view>

namespace mig::store {
namespace {

const Migrations& layout_migrations() {
  static const Migrations kMigrations{
      R"(CREATE TABLE seen (id INTEGER PRIMARY KEY AUTOINCREMENT, gpu_uuid TEXT NOT NULL,
           board TEXT NOT NULL, layout TEXT NOT NULL, first_ms INTEGER NOT NULL,
           last_ms INTEGER NOT NULL);
         CREATE INDEX seen_gpu ON seen (gpu_uuid, id);)",
  };
  return kMigrations;
}

}  // namespace

Result<Layouts> Layouts::open(const std::string& path) {
  MIG_ASSIGN_OR_RETURN(Database database, Database::open(path, layout_migrations()));
  // A power cut may lose the last minutes: they count as not recorded then.
  MIG_TRY(database.execute("PRAGMA synchronous=NORMAL"));
  return Layouts(std::move(database));
}

Result<void> Layouts::note(const std::vector<LayoutSeen>& seen) {
  return database_.transaction([&]() -> Result<void> {
    for (const LayoutSeen& one : seen) {
      MIG_ASSIGN_OR_RETURN(
          Statement same,
          database_.prepare("UPDATE seen SET last_ms = ?1 WHERE id = (SELECT max(id) FROM seen "
                            "WHERE gpu_uuid = ?2) AND layout = ?3 AND last_ms <= ?1 RETURNING id"));
      same.bind(one.first_ms)
          .bind(std::string_view(one.gpu_uuid))
          .bind(std::string_view(one.layout));
      MIG_ASSIGN_OR_RETURN(const bool continued, same.step());
      if (continued) {
        MIG_TRY(same.run());
        continue;
      }
      MIG_ASSIGN_OR_RETURN(
          Statement insert,
          database_.prepare(
              "INSERT INTO seen(gpu_uuid, board, layout, first_ms, last_ms) VALUES(?,?,?,?,?)"));
      insert.bind(std::string_view(one.gpu_uuid))
          .bind(std::string_view(one.board))
          .bind(std::string_view(one.layout));
      MIG_TRY(insert.bind(one.first_ms).bind(one.first_ms).run());
      MIG_ASSIGN_OR_RETURN(Statement prune, database_.prepare("DELETE FROM seen WHERE id <= ?"));
      MIG_TRY(prune.bind(database_.last_insert_id() - kMostSpans).run());
    }
    return {};
  });
}

Result<std::vector<LayoutSeen>> Layouts::rows(std::int64_t from_ms, std::int64_t until_ms) {
  MIG_ASSIGN_OR_RETURN(
      Statement query,
      database_.prepare(
          "SELECT id, gpu_uuid, board, layout, first_ms, last_ms FROM seen WHERE (first_ms < ?2 "
          "AND "
          "last_ms >= ?1) OR id IN (SELECT max(id) FROM seen WHERE last_ms < ?1 GROUP BY gpu_uuid) "
          "OR id IN (SELECT min(id) FROM seen WHERE first_ms >= ?2 GROUP BY gpu_uuid) ORDER BY "
          "id"));
  query.bind(from_ms).bind(until_ms);
  std::vector<LayoutSeen> out;
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) {
      return out;
    }
    out.push_back({query.integer(0),
                   query.text(1),
                   query.text(2),
                   query.text(3),
                   query.integer(4),
                   query.integer(5)});
  }
}

}  // namespace mig::store

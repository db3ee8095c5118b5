// SPDX-License-Identifier: Apache-2.0
// A SQLite database: opened with WAL and synchronous=FULL (committed data survives a power cut),
// numbered migrations, and clear errors: not a database, damaged, written by a newer migctl,
// read-only folder, disk full.
//
// Threading: one Database from one thread at a time; other processes may open the same file (busy
// timeout 5 s). Statements must not outlive their Database.
#ifndef MIGCTL_STORE_DATABASE_H_
#define MIGCTL_STORE_DATABASE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mig/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace mig::store {

// Migration i (from 0) brings user_version i to i + 1.
using Migrations = std::vector<std::string_view>;

// Compiled statements that no Statement uses now, by their SQL: each text is compiled once.
using IdleStatements = std::unordered_map<std::string, std::vector<sqlite3_stmt*>>;

// A prepared statement; at its end it goes back to its Database for the next use of the same SQL.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  // Binds the next parameter; errors surface in step().
  Statement& bind(std::int64_t value);
  Statement& bind(std::string_view value);
  Statement& bind(std::optional<std::int64_t> value);

  // True: a row is available. False: done.
  Result<bool> step();
  // Steps to the end; for statements without rows.
  Result<void> run();

  std::int64_t integer(int column) const;
  std::string text(int column) const;
  std::optional<std::int64_t> maybe_integer(int column) const;

 private:
  friend class Database;

  Statement(sqlite3* db,
            sqlite3_stmt* statement,
            const std::string& path,
            std::vector<sqlite3_stmt*>* idle)
      : db_(db), statement_(statement), path_(&path), idle_(idle) {}

  sqlite3* db_;
  sqlite3_stmt* statement_;
  const std::string* path_;           // of the Database
  std::vector<sqlite3_stmt*>* idle_;  // of the Database, for this SQL
  int next_parameter_ = 1;
  int bind_error_ = 0;
};

class Database {
 public:
  // Opens the database; creates the file (0600) and its folder (0700) if needed, and migrates.
  static Result<Database> open(const std::string& path, const Migrations& migrations);

  Database(Database&& other) noexcept;
  Database& operator=(Database&&) = delete;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  // Full integrity check; kIo names the damage.
  Result<void> check();

  Result<Statement> prepare(std::string_view sql);
  Result<void> execute(const std::string& sql);  // no parameters, several statements allowed
  std::int64_t last_insert_id() const;

  const std::string& path() const { return shared_->path; }

  // Runs `body` as a transaction: committed on success, else rolled back. Body must return
  // Result<void>.
  template <class Body>
  Result<void> transaction(Body&& body) {
    MIG_TRY(run("BEGIN IMMEDIATE"));
    if (Result<void> done = body(); !done) {
      (void)execute("ROLLBACK");
      return done;
    }
    return run("COMMIT");
  }

 private:
  // On the heap: Statements refer to it, and a Database may be moved.
  struct Shared {
    std::string path;
    IdleStatements idle;
  };

  Database(sqlite3* db, std::string path)
      : db_(db), shared_(std::make_unique<Shared>(Shared{std::move(path), {}})) {}

  Result<void> run(std::string_view sql);  // one statement without parameters and rows
  Result<void> migrate(const Migrations& migrations);
  sqlite3* db_;
  std::unique_ptr<Shared> shared_;
};

}  // namespace mig::store

#endif  // MIGCTL_STORE_DATABASE_H_

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
#include <vector>

#include "mig/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace mig::store {

// Migration i (from 0) brings user_version i to i + 1.
using Migrations = std::vector<std::string_view>;

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

  Statement(sqlite3* db, sqlite3_stmt* statement, std::string path)
      : db_(db), statement_(statement), path_(std::move(path)) {}

  sqlite3* db_;
  sqlite3_stmt* statement_;
  std::string path_;
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

  const std::string& path() const { return path_; }

  // Runs `body` as a transaction: committed on success, else rolled back. Body must return
  // Result<void>.
  template <class Body>
  Result<void> transaction(Body&& body) {
    MIG_TRY(execute("BEGIN IMMEDIATE"));
    if (Result<void> done = body(); !done) {
      (void)execute("ROLLBACK");
      return done;
    }
    return execute("COMMIT");
  }

 private:
  Database(sqlite3* db, std::string path) : db_(db), path_(std::move(path)) {}

  Result<void> migrate(const Migrations& migrations);
  sqlite3* db_;
  std::string path_;
};

}  // namespace mig::store

#endif  // MIGCTL_STORE_DATABASE_H_

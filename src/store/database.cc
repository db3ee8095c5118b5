// SPDX-License-Identifier: Apache-2.0
#include "store/database.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <new>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/clock.h"
#include "base/own_path.h"

namespace mig::store {

namespace {

constexpr int kBusyTimeoutMs = 5000;

// SQLite maps several errno values to one code; this restores the distinction.
int told_apart(int sqlite_code, int system_errno) {
  const int primary = sqlite_code & 0xFF;
  if (primary != SQLITE_IOERR && primary != SQLITE_CANTOPEN) {
    return primary;
  }
  switch (system_errno) {
    case ENOSPC:
    case EDQUOT:
      return SQLITE_FULL;
    case EROFS:
      return SQLITE_READONLY;
    case EACCES:
    case EPERM:
      return SQLITE_PERM;
    default:
      return primary;
  }
}

ErrorCode code_of(int sqlite_code) {
  switch (sqlite_code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::kConflict;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return ErrorCode::kPermission;
    default:
      return ErrorCode::kIo;
  }
}

std::string hint_of(int sqlite_code, const std::string& path) {
  switch (sqlite_code) {
    case SQLITE_FULL:
      return "the disk is full: free some space and run the command again";
    case SQLITE_IOERR:
      return "the disk does not work: dmesg tells more; no change is made that is not recorded";
    case SQLITE_PERM:
      return fmt::format(
          "run as root (sudo), or as the owner of the folder of {}; nothing was changed, because a "
          "change without a journal cannot be undone",
          path);
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return fmt::format(
          "the folder of {} must be writable by the user who changes the GPU; nothing was changed, "
          "because a change without a journal cannot be undone",
          path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return fmt::format(
          "move {} away (it is kept as evidence) and run `migctl list` to see the "
          "machine's real layout; history starts anew",
          path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another migctl is writing; run the command again when it is done";
    default:
      return {};
  }
}

Error sqlite_error(sqlite3* db, int code, const std::string& path, std::string_view doing) {
  int system_errno = db != nullptr ? sqlite3_system_errno(db) : 0;
  // SQLite then retries read-only, and reports that attempt's error.
  if ((code & 0xFF) == SQLITE_CANTOPEN &&
      ::access(std::filesystem::path(path).parent_path().c_str(), W_OK) != 0) {
    system_errno = errno;
  }
  std::string words = db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  const int cause = told_apart(code, system_errno);
  if (cause != (code & 0xFF)) {
    words += fmt::format(" ({})", std::generic_category().message(system_errno));
  }
  return Error{code_of(cause),
               fmt::format("cannot {} {}: {}", doing, path, words),
               hint_of(cause, path),
               {},
               {}};
}

// Race: the switch to WAL upgrades a read lock, for which SQLite never calls its busy handler, so
// two processes that open a new file at once would fail with a conflict. Retry: the other is done
// in a moment.
int switch_to_wal(sqlite3* db) {
  constexpr std::chrono::milliseconds kPause{2};
  base::Clock& clock = base::system_clock();
  const auto until = clock.monotonic() + std::chrono::milliseconds(kBusyTimeoutMs);
  for (;;) {
    const int code = sqlite3_exec(db, "PRAGMA journal_mode=WAL", nullptr, nullptr, nullptr);
    if ((code & 0xFF) != SQLITE_BUSY || clock.monotonic() >= until) {
      return code;
    }
    clock.sleep(kPause);
  }
}

// Makes the folder where it is missing. SQLite takes paths, so every folder on the way has to be
// one in which no other user exchanges anything.
Result<void> make_folder(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) {
    return {};
  }
  std::error_code ignored;
  const bool there = std::filesystem::is_directory(folder, ignored);
  const mode_t before = umask(0077);
  auto made = base::make_own_folders(folder.string(), 0700);
  umask(before);
  if (made || !made.error().hint.empty()) {
    return made;
  }
  if (there) {
    return {};  // SQLite says better why it cannot be used
  }
  return Error{
      ErrorCode::kPermission,
      fmt::format("cannot create the state folder {}: {}", folder.string(), made.error().message),
      "run as root, or set MIGCTL_STATE_DIR to a folder you may write",
      {},
      {}};
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : db_(other.db_),
      statement_(std::exchange(other.statement_, nullptr)),
      path_(other.path_),
      idle_(other.idle_),
      next_parameter_(other.next_parameter_),
      bind_error_(other.bind_error_) {}

Statement::~Statement() {
  if (statement_ == nullptr) {
    return;
  }
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  try {
    idle_->push_back(statement_);
  } catch (const std::bad_alloc&) {
    sqlite3_finalize(statement_);
  }
}

Statement& Statement::bind(std::int64_t value) {
  if (int code = sqlite3_bind_int64(statement_, next_parameter_++, value); code != SQLITE_OK) {
    bind_error_ = code;
  }
  return *this;
}

Statement& Statement::bind(std::string_view value) {
  int code = sqlite3_bind_text64(
      statement_, next_parameter_++, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) {
    bind_error_ = code;
  }
  return *this;
}

Statement& Statement::bind(std::optional<std::int64_t> value) {
  if (value) {
    return bind(*value);
  }
  if (int code = sqlite3_bind_null(statement_, next_parameter_++); code != SQLITE_OK) {
    bind_error_ = code;
  }
  return *this;
}

Result<bool> Statement::step() {
  if (bind_error_ != SQLITE_OK) {
    return sqlite_error(nullptr, bind_error_, *path_, "bind a value for");
  }
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) {
    return true;
  }
  if (code == SQLITE_DONE) {
    return false;
  }
  return sqlite_error(db_, code, *path_, "write to");
}

Result<void> Statement::run() {
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const bool more, step());
    if (!more) {
      return {};
    }
  }
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string Statement::text(int column) const {
  const auto* bytes = sqlite3_column_text(statement_, column);
  if (bytes == nullptr) {
    return {};
  }
  return {reinterpret_cast<const char*>(bytes),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::optional<std::int64_t> Statement::maybe_integer(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) {
    return std::nullopt;
  }
  return integer(column);
}

Database::Database(Database&& other) noexcept
    : db_(std::exchange(other.db_, nullptr)), shared_(std::move(other.shared_)) {}

Database::~Database() {
  if (shared_) {
    for (auto& [sql, statements] : shared_->idle) {
      for (sqlite3_stmt* statement : statements) {
        sqlite3_finalize(statement);
      }
    }
  }
  sqlite3_close_v2(db_);
}

Result<Database> Database::open(const std::string& path, const Migrations& migrations) {
  MIG_TRY(make_folder(path));
  sqlite3* raw = nullptr;
  const mode_t before = umask(0077);
  const int code =
      sqlite3_open_v2(path.c_str(),
                      &raw,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW,
                      nullptr);
  umask(before);
  Database database(raw, path);
  if (code != SQLITE_OK) {
    return sqlite_error(raw, code, path, "open the journal");
  }
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, kBusyTimeoutMs);
  if (const int refused = switch_to_wal(raw); refused != SQLITE_OK) {
    return sqlite_error(raw, refused, path, "write to");
  }
  MIG_TRY(
      database.execute("PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
                       "PRAGMA trusted_schema=OFF;"));
  MIG_TRY(database.migrate(migrations));
  return database;
}

Result<Statement> Database::prepare(std::string_view sql) {
  std::vector<sqlite3_stmt*>& idle = shared_->idle[std::string(sql)];
  if (!idle.empty()) {
    sqlite3_stmt* const again = idle.back();
    idle.pop_back();
    return Statement(db_, again, shared_->path, &idle);
  }
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(db_,
                                      sql.data(),
                                      static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT,
                                      &statement,
                                      nullptr);
  if (code != SQLITE_OK) {
    return sqlite_error(db_, code, shared_->path, "read");
  }
  return Statement(db_, statement, shared_->path, &idle);
}

Result<void> Database::execute(const std::string& sql) {
  if (int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr); code != SQLITE_OK) {
    return sqlite_error(db_, code, shared_->path, "write to");
  }
  return {};
}

Result<void> Database::run(std::string_view sql) {
  MIG_ASSIGN_OR_RETURN(Statement statement, prepare(sql));
  return statement.run();
}

std::int64_t Database::last_insert_id() const {
  return sqlite3_last_insert_rowid(db_);
}

Result<void> Database::check() {
  MIG_ASSIGN_OR_RETURN(Statement query, prepare("PRAGMA quick_check(1)"));
  MIG_ASSIGN_OR_RETURN(const bool answered, query.step());
  const std::string found = answered ? query.text(0) : "no answer";
  if (found == "ok") {
    return {};
  }
  return Error{ErrorCode::kIo,
               fmt::format("{} is damaged: {}", shared_->path, found),
               hint_of(SQLITE_CORRUPT, shared_->path),
               {},
               {}};
}

Result<void> Database::migrate(const Migrations& migrations) {
  const auto version = [this]() -> Result<std::int64_t> {
    MIG_ASSIGN_OR_RETURN(Statement query, prepare("PRAGMA user_version"));
    MIG_TRY(query.step());
    return query.integer(0);
  };
  const auto newest = static_cast<std::int64_t>(migrations.size());
  MIG_ASSIGN_OR_RETURN(std::int64_t now, version());
  if (now > newest) {
    return Error{ErrorCode::kConflict,
                 fmt::format("{} was written by a newer migctl (format {}, this one knows {})",
                             shared_->path,
                             now,
                             newest),
                 "use the newer migctl, or move the file away to start a new history",
                 {},
                 {}};
  }
  if (now == newest) {
    return {};
  }
  // Another process may migrate at the same moment: read the version again under the write lock.
  return transaction([&]() -> Result<void> {
    MIG_ASSIGN_OR_RETURN(now, version());
    for (std::int64_t i = now; i < newest; ++i) {
      MIG_TRY(execute(std::string(migrations[static_cast<std::size_t>(i)])));
    }
    return execute(fmt::format("PRAGMA user_version={}", newest));
  });
}

}  // namespace mig::store

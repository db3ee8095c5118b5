// SPDX-License-Identifier: Apache-2.0
#include "store/database.h"

#include <barrier>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace mig::store {
namespace {

class DatabaseTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "databaseXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
};

// Regression: two jobs started at the same moment on a machine without any lease so far; one ended
// with "database is locked". SQLite treats connections of one process like those of several.
TEST_F(DatabaseTest, ManyMayOpenANewFileAtTheSameMoment) {
  constexpr int kFiles = 30;
  constexpr int kOpeners = 8;
  const Migrations migrations{"CREATE TABLE things (id INTEGER)", "CREATE INDEX x ON things (id)"};
  for (int file = 0; file < kFiles; ++file) {
    const std::string path = folder_ + "/" + std::to_string(file) + ".db";
    std::barrier together(kOpeners);
    std::vector<std::string> refused(kOpeners);
    std::vector<std::thread> openers;
    openers.reserve(kOpeners);
    for (std::string& error : refused) {
      openers.emplace_back([&] {
        together.arrive_and_wait();
        auto database = Database::open(path, migrations);
        if (!database) {
          error = database.error().text();
        }
      });
    }
    for (std::thread& opener : openers) {
      opener.join();
    }
    for (const std::string& error : refused) {
      EXPECT_EQ(error, "") << "file " << file;
    }
  }
}

TEST_F(DatabaseTest, WhatIsRecordedIsOnDiskBeforeTheCallReturns) {
  auto database = Database::open(folder_ + "/a.db", {"CREATE TABLE things (id INTEGER)"});
  ASSERT_TRUE(database);
  const auto setting = [&](const char* name) {
    auto query = database->prepare(std::string("PRAGMA ") + name);
    EXPECT_TRUE(query && *query->step());
    return query->text(0);
  };
  EXPECT_EQ(setting("synchronous"), "2") << "FULL: a power cut loses nothing";
  EXPECT_EQ(setting("journal_mode"), "wal");
  EXPECT_EQ(setting("foreign_keys"), "1");
  EXPECT_EQ(setting("trusted_schema"), "0");
}

TEST_F(DatabaseTest, AFailedTransactionLeavesNothing) {
  auto database = Database::open(folder_ + "/a.db", {"CREATE TABLE things (id INTEGER)"});
  ASSERT_TRUE(database);
  const auto failed = database->transaction([&]() -> Result<void> {
    MIG_TRY(database->execute("INSERT INTO things VALUES (1)"));
    return fail(ErrorCode::kInternal, "no");
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "no");
  auto query = database->prepare("SELECT count(*) FROM things");
  ASSERT_TRUE(query->step());
  EXPECT_EQ(query->integer(0), 0);
}

TEST_F(DatabaseTest, ALinkIsNotFollowed) {
  std::filesystem::create_symlink(folder_ + "/elsewhere.db", folder_ + "/a.db");
  EXPECT_FALSE(Database::open(folder_ + "/a.db", {"CREATE TABLE things (id INTEGER)"}));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/elsewhere.db"));
}

TEST_F(DatabaseTest, MigrationsRunOnceAndInOrder) {
  const Migrations first{"CREATE TABLE things (id INTEGER)"};
  ASSERT_TRUE(Database::open(folder_ + "/a.db", first));
  Migrations both = first;
  both.emplace_back("ALTER TABLE things ADD COLUMN name TEXT NOT NULL DEFAULT 'old'");
  ASSERT_TRUE(Database::open(folder_ + "/a.db", both));
  auto again = Database::open(folder_ + "/a.db", both);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_TRUE(again->execute("INSERT INTO things (id) VALUES (1)"));
  const auto older = Database::open(folder_ + "/a.db", first);
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code, ErrorCode::kConflict);
}

TEST_F(DatabaseTest, AMigrationThatFailsLeavesTheFileAsItWas) {
  ASSERT_TRUE(Database::open(folder_ + "/a.db", {"CREATE TABLE things (id INTEGER)"}));
  EXPECT_FALSE(
      Database::open(folder_ + "/a.db",
                     {"CREATE TABLE things (id INTEGER)",
                      "CREATE TABLE more (id INTEGER); CREATE TABLE things (id INTEGER)"}));
  EXPECT_TRUE(Database::open(
      folder_ + "/a.db", {"CREATE TABLE things (id INTEGER)", "CREATE TABLE more (id INTEGER)"}))
      << "nothing of the failed one was kept";
}

}  // namespace
}  // namespace mig::store

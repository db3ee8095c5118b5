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

// Two jobs started at the same moment on a machine that never had a lease: one of them ended with
// "database is locked". SQLite tells connections of one process apart as it does processes.
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
        if (!database)
          error = database.error().text();
      });
    }
    for (std::thread& opener : openers)
      opener.join();
    for (const std::string& error : refused)
      EXPECT_EQ(error, "") << "file " << file;
  }
}

}  // namespace
}  // namespace mig::store

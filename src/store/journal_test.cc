// SPDX-License-Identifier: Apache-2.0
#include "store/journal.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace mig::store {
namespace {

class JournalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "journalXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ + "/state/journal.db";
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  static ChangeRow change() {
    ChangeRow row;
    row.boot_id = "boot";
    row.user = "ann";
    row.command = "apply -c mixed";
    row.before = "{}";
    return row;
  }

  static StepRow step(std::int64_t sequence) {
    StepRow row;
    row.sequence = sequence;
    row.kind = "create_gpu_instance";
    row.gpu_uuid = "GPU-1";
    row.profile = "3g.20gb";
    row.gpu_start = 4;
    row.gpu_size = 4;
    return row;
  }

  std::string folder_, path_;
};

TEST_F(JournalTest, RemembersAChangeAcrossReopening) {
  {
    auto journal = Journal::open(path_);
    ASSERT_TRUE(journal) << journal.error().text();
    auto id = journal->begin(change(), {step(0), step(1)});
    ASSERT_TRUE(id) << id.error().text();
    auto attempt = journal->intend(*id, 0, Direction::kDo);
    ASSERT_TRUE(attempt);
    ASSERT_TRUE(journal->record(*attempt, true, "", 2, std::nullopt));
    ASSERT_TRUE(journal->intend(*id, 1, Direction::kDo));
  }
  auto journal = Journal::open(path_);
  ASSERT_TRUE(journal);
  auto open = journal->open_change();
  ASSERT_TRUE(open && *open);
  EXPECT_EQ((*open)->user, "ann");
  auto steps = journal->steps((*open)->id);
  ASSERT_TRUE(steps);
  ASSERT_EQ(steps->size(), 2U);
  EXPECT_EQ((*steps)[1].gpu_start, 4);
  EXPECT_FALSE((*steps)[1].ci_start.has_value());
  auto attempts = journal->attempts((*open)->id);
  ASSERT_TRUE(attempts);
  ASSERT_EQ(attempts->size(), 2U);
  EXPECT_TRUE((*attempts)[0].succeeded);
  EXPECT_EQ((*attempts)[0].gpu_instance, 2);
  EXPECT_FALSE((*attempts)[1].finished);  // the crash was in this call
}

TEST_F(JournalTest, RefusesASecondChangeWhileOneIsOpen) {
  auto journal = Journal::open(path_);
  ASSERT_TRUE(journal);
  auto first = journal->begin(change(), {});
  ASSERT_TRUE(first);
  auto second = journal->begin(change(), {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_NE(second.error().hint.find("recover"), std::string::npos);
  ASSERT_TRUE(journal->finish(*first, ChangeState::kApplied, "", "{}"));
  EXPECT_TRUE(journal->begin(change(), {}));
  auto history = journal->history(10);
  ASSERT_TRUE(history);
  ASSERT_EQ(history->size(), 2U);
  EXPECT_EQ(history->back().state, ChangeState::kApplied);
  EXPECT_GE(history->front().started_ms, history->back().started_ms);
}

TEST_F(JournalTest, FilesAreForTheirOwnerOnly) {
  ASSERT_TRUE(Journal::open(path_));

  struct stat info {};

  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  ASSERT_EQ(stat((folder_ + "/state").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
}

TEST_F(JournalTest, SaysThatANewerVersionWroteIt) {
  {
    auto database = Database::open(path_, {"CREATE TABLE a(x)", "CREATE TABLE b(x)"});
    ASSERT_TRUE(database);
  }
  auto journal = Journal::open(path_);
  ASSERT_FALSE(journal);
  EXPECT_NE(journal.error().message.find("newer migctl (format 2, this one knows 1)"),
            std::string::npos)
      << journal.error().message;
}

TEST_F(JournalTest, SaysThatAFileIsNoDatabase) {
  std::filesystem::create_directories(folder_ + "/state");
  std::ofstream(path_) << std::string(8192, 'x');
  auto journal = Journal::open(path_);
  ASSERT_FALSE(journal);
  EXPECT_EQ(journal.error().code, ErrorCode::kIo);
  EXPECT_NE(journal.error().hint.find("move"), std::string::npos);
}

TEST_F(JournalTest, NoJournalInAFolderThatIsAFile) {
  std::ofstream(folder_ + "/state") << "not a folder";
  auto journal = Journal::open(path_);
  ASSERT_FALSE(journal);
  EXPECT_EQ(journal.error().code, ErrorCode::kPermission);
}

}  // namespace
}  // namespace mig::store

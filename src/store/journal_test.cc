// SPDX-License-Identifier: Apache-2.0
#include "store/journal.h"

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
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
  EXPECT_FALSE((*attempts)[1].finished);  // the crash happened during this call
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

TEST_F(JournalTest, AClockThatGoesBackDoesNotTurnHistoryRound) {
  using namespace std::chrono_literals;
  base::ManualClock noon(1'000'000s);
  base::ManualClock morning(900'000s);  // set back by more than a day
  std::int64_t first = 0;
  {
    auto journal = Journal::open(path_, noon);
    ASSERT_TRUE(journal);
    first = journal->begin(change(), {}).value();
  }
  auto journal = Journal::open(path_, morning);
  ASSERT_TRUE(journal);
  // A change does not end before its start, nor begin before the previous one.
  ASSERT_TRUE(journal->finish(first, ChangeState::kApplied, "", "{}"));
  const std::int64_t second = journal->begin(change(), {}).value();
  ASSERT_TRUE(journal->finish(second, ChangeState::kApplied, "", "{}"));
  const auto history = journal->history(10);
  ASSERT_TRUE(history);
  ASSERT_EQ(history->size(), 2U);
  EXPECT_EQ(history->front().id, second);
  for (const ChangeRow& row : *history) {
    EXPECT_EQ(row.started_ms, 1'000'000'000);
    EXPECT_EQ(row.finished_ms, 1'000'000'000);
  }
}

TEST_F(JournalTest, ADamagedPageIsFoundBeforeAChangeBegins) {
  {
    auto journal = Journal::open(path_);
    ASSERT_TRUE(journal);
    std::vector<StepRow> steps;
    for (std::int64_t i = 0; i < 400; ++i) {
      steps.push_back(step(i));
    }
    ASSERT_TRUE(journal->begin(change(), steps));
    EXPECT_TRUE(journal->check());
  }
  const auto size = std::filesystem::file_size(path_);
  ASSERT_GT(size, 5U * 4096U);
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(size - 2 * 4096));
    file << std::string(4096, '\x5a');
  }
  auto journal = Journal::open(path_);
  ASSERT_TRUE(journal) << "the first pages are sound";
  const auto checked = journal->check();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kIo);
  EXPECT_NE(checked.error().hint.find("move"), std::string::npos);
}

TEST_F(JournalTest, FilesAreForTheirOwnerOnly) {
  ASSERT_TRUE(Journal::open(path_));

  struct stat info {};

  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  ASSERT_EQ(stat((folder_ + "/state").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
}

TEST_F(JournalTest, KeepsForWhomInstancesWereMade) {
  auto journal = Journal::open(path_);
  ASSERT_TRUE(journal);
  ChangeRow made;
  made.cause = "lease --create";
  made.made_for = MadeFor{1001, "lab", 7, 0};
  const auto first = journal->begin(made, {});
  ASSERT_TRUE(first) << first.error().text();
  ASSERT_TRUE(journal->finish(*first, ChangeState::kApplied, "", ""));
  const auto second = journal->begin(ChangeRow{}, {});
  ASSERT_TRUE(second);
  ASSERT_TRUE(journal->credit(*first, 12));
  ASSERT_TRUE(journal->credit(*second, 13)) << "it was made for nobody";
  EXPECT_EQ((*journal->find(*first))->made_for, (MadeFor{1001, "lab", 7, 12}));
  EXPECT_EQ((*journal->find(*first))->cause, "lease --create");
  EXPECT_FALSE((*journal->find(*second))->made_for);
  const auto later = journal->after(*first, 10);
  ASSERT_EQ(later->size(), 1U);
  EXPECT_EQ(later->front().id, *second);
  EXPECT_EQ(journal->after(0, 1)->front().id, *first) << "the oldest first";
}

TEST_F(JournalTest, TellsWhatWasMadeForAKeyAndWhoTouchedItSince) {
  auto journal = Journal::open(path_);
  ASSERT_TRUE(journal);
  const auto change = [&](const std::string& key,
                          const std::string& kind,
                          std::int64_t start,
                          ChangeState state = ChangeState::kApplied) {
    ChangeRow row;
    if (!key.empty()) {
      row.made_for = MadeFor{0, "root", 0, 0, key};
    }
    StepRow step;
    step.kind = kind;
    step.gpu_uuid = "GPU-0";
    step.gpu_start = start;
    step.gpu_size = 2;
    const auto id = journal->begin(row, {step});
    EXPECT_TRUE(journal->finish(*id, state, "", ""));
    return *id;
  };
  const std::int64_t made = change("k", "create_gpu_instance", 2);
  change("k", "create_gpu_instance", 2, ChangeState::kRolledBack);
  const auto found = journal->changes_for_key("k", 10);
  ASSERT_EQ(found->size(), 1U) << "what was rolled back made nothing";
  EXPECT_EQ(found->front().id, made);
  EXPECT_EQ(found->front().made_for, (MadeFor{0, "root", 0, 0, "k"}));
  EXPECT_TRUE(journal->changes_for_key("", 10)->empty());

  const auto touched = [&] { return journal->touched_since(made, "GPU-0", 2, 2, "k"); };
  change("l", "create_gpu_instance", 4);
  change("k", "create_compute_instance", 2);
  change("", "destroy_gpu_instance", 2, ChangeState::kRolledBack);
  EXPECT_FALSE(*touched()) << "beside it, by the key, and undone";
  EXPECT_FALSE(*journal->touched_since(made, "GPU-1", 2, 2, "k"));
  const std::int64_t last = change("", "destroy_gpu_instance", 3);
  ASSERT_TRUE(*touched());
  EXPECT_EQ((*touched())->id, last);
}

TEST_F(JournalTest, SaysThatANewerVersionWroteIt) {
  {
    auto database = Database::open(path_,
                                   {"CREATE TABLE a(x)",
                                    "CREATE TABLE b(x)",
                                    "CREATE TABLE c(x)",
                                    "CREATE TABLE d(x)",
                                    "CREATE TABLE e(x)"});
    ASSERT_TRUE(database);
  }
  auto journal = Journal::open(path_);
  ASSERT_FALSE(journal);
  EXPECT_NE(journal.error().message.find("newer migctl (format 5, this one knows 4)"),
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

TEST_F(JournalTest, AttemptsComeBackInTheOrderInWhichTheyWereMade) {
  auto journal = Journal::open(path_);
  ASSERT_TRUE(journal);
  const std::int64_t id = journal->begin(change(), {step(0), step(1)}).value();
  for (const std::int64_t sequence : {1, 0, 1}) {
    ASSERT_TRUE(journal->intend(id, sequence, Direction::kUndo));
  }
  const auto attempts = journal->attempts(id);
  ASSERT_EQ(attempts->size(), 3U);
  EXPECT_EQ(attempts->at(0).sequence, 1);
  EXPECT_EQ(attempts->at(1).sequence, 0);
  EXPECT_EQ(attempts->at(2).sequence, 1);
}

TEST_F(JournalTest, AnAttemptBelongsToAChange) {
  auto journal = Journal::open(path_);
  ASSERT_TRUE(journal);
  EXPECT_FALSE(journal->intend(41, 0, Direction::kDo));
}

TEST_F(JournalTest, WhoCarriedItOutAndOnWhatIsKept) {
  auto journal = Journal::open(path_);
  ASSERT_TRUE(journal);
  ChangeRow row = change();
  row.pid = 41;
  row.start_ticks = 77;
  row.driver = "580";
  StepRow one = step(0);
  one.board = "NVIDIA A100";
  ASSERT_TRUE(journal->begin(row, {one}));
  const ChangeRow back = **journal->open_change();
  EXPECT_EQ(back.pid, 41);
  EXPECT_EQ(back.start_ticks, 77);
  EXPECT_EQ(back.driver, "580");
  EXPECT_EQ(journal->steps(back.id)->front().board, "NVIDIA A100");
}

TEST_F(JournalTest, TheTimesOfStepsThatWereDoneNewestFirst) {
  auto journal = Journal::open(path_);
  ASSERT_TRUE(journal);
  ChangeRow row = change();
  row.driver = "580";
  const std::int64_t id = journal->begin(row, {step(0), step(1), step(2)}).value();
  const auto attempt =
      [&](std::int64_t sequence, Direction way, bool good, std::optional<std::int64_t> took) {
        const std::int64_t one = journal->intend(id, sequence, way).value();
        ASSERT_TRUE(journal->record(one, good, "", std::nullopt, std::nullopt, took));
      };
  attempt(0, Direction::kDo, true, 100);
  attempt(1, Direction::kDo, false, 9000);
  attempt(1, Direction::kDo, true, std::nullopt);
  attempt(2, Direction::kDo, true, 300);
  attempt(0, Direction::kUndo, true, 700);
  const auto times = journal->step_times(10);
  ASSERT_EQ(times->size(), 2U) << "no failures, no undoing, none without a time";
  EXPECT_EQ(times->at(0).took_us, 300);
  EXPECT_EQ(times->at(1).took_us, 100);
  EXPECT_EQ(times->at(1).driver, "580");
  EXPECT_EQ(times->at(1).kind, "create_gpu_instance");
  EXPECT_EQ(journal->step_times(1)->size(), 1U);
  EXPECT_EQ(journal->step_times(1)->front().took_us, 300);
}

}  // namespace
}  // namespace mig::store

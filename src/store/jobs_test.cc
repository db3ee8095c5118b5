// SPDX-License-Identifier: Apache-2.0
#include "store/jobs.h"

#include <filesystem>

#include <gtest/gtest.h>

namespace mig::store {
namespace {

class JobStore : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "jobsXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  Jobs open() const {
    auto jobs = Jobs::open(folder_ + "/jobs.db");
    EXPECT_TRUE(jobs) << jobs.error().text();
    return *std::move(jobs);
  }

  std::string folder_;
  std::vector<std::int64_t> forgotten_;
};

TEST_F(JobStore, OnlyJobsThatEndedAreForgotten) {
  Jobs jobs = open();
  std::vector<std::int64_t> forgotten;
  const auto add = [&](bool ended) {
    JobRow row;
    if (ended) {
      row.finished_ms = 1;
    }
    return jobs.add(row, 2, forgotten).value();
  };
  const auto running = add(false);
  const auto oldest = add(true);
  add(true);
  EXPECT_TRUE(forgotten.empty());
  add(true);
  EXPECT_EQ(forgotten, std::vector<std::int64_t>{oldest});
  const auto all = jobs.all();
  ASSERT_EQ(all->size(), 3U);
  EXPECT_EQ(all->front().id, running);
}

TEST_F(JobStore, RanksComeBackAsTheyWere) {
  Jobs jobs = open();
  std::vector<std::int64_t> forgotten;
  JobRow row;
  row.name = "train";
  row.id = jobs.add(row, 9, forgotten).value();
  JobRankRow rank;
  rank.rank = 1;
  rank.instance.uuid = "MIG-1";
  rank.pid = 41;
  row.ranks = {rank};
  row.exit_code = 3;
  ASSERT_TRUE(jobs.update(row));
  rank.pid = 0;
  rank.exit_code = 3;
  rank.restarts = 2;
  ASSERT_TRUE(jobs.update_rank(row.id, rank));
  const auto all = open().all();
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front().name, "train");
  EXPECT_EQ(all->front().exit_code, 3);
  ASSERT_EQ(all->front().ranks.size(), 1U);
  EXPECT_EQ(all->front().ranks[0].restarts, 2);
  EXPECT_EQ(all->front().ranks[0].pid, 0);
}

TEST_F(JobStore, AJobComesBackWithItsRanksInOrder) {
  {
    Jobs jobs = open();
    JobRow row;
    row.name = "train";
    row.boot_id = "boot";
    row.supervisor_pid = 41;
    row.supervisor_start = 77;
    row.logged = true;
    row.id = *jobs.add(row, 10, forgotten_);
    JobRankRow second;
    second.rank = 1;
    second.instance.uuid = "MIG-b";
    JobRankRow first;
    first.instance.uuid = "MIG-a";
    first.exit_code = 3;
    row.ranks = {second, first};
    row.started_ms = 5;
    ASSERT_TRUE(jobs.update(row));
    first.restarts = 2;
    ASSERT_TRUE(jobs.update_rank(row.id, first));
  }
  const auto all = open().all();
  ASSERT_EQ(all->size(), 1U);
  const JobRow& row = all->front();
  EXPECT_EQ(row.supervisor_start, 77);
  EXPECT_TRUE(row.logged);
  EXPECT_FALSE(row.detached);
  EXPECT_EQ(row.started_ms, 5);
  EXPECT_EQ(row.finished_ms, std::nullopt);
  ASSERT_EQ(row.ranks.size(), 2U);
  EXPECT_EQ(row.ranks[0].instance.uuid, "MIG-a");
  EXPECT_EQ(row.ranks[0].restarts, 2);
  EXPECT_EQ(row.ranks[0].exit_code, 3);
}

TEST_F(JobStore, TheOldestEndedAreForgottenAndTheirNumbersNeverGivenAgain) {
  Jobs jobs = open();
  JobRow running;
  const std::int64_t first = *jobs.add(running, 2, forgotten_);
  JobRow ended;
  ended.finished_ms = 1;
  std::vector<std::int64_t> ids;
  for (int i = 0; i < 4; ++i) {
    ids.push_back(*jobs.add(ended, 2, forgotten_));
  }
  EXPECT_EQ(forgotten_, (std::vector<std::int64_t>{ids[0], ids[1]}));
  const auto all = jobs.all();
  ASSERT_EQ(all->size(), 3U);
  EXPECT_EQ(all->front().id, first) << "what runs stays";
  EXPECT_EQ(all->back().id, ids[3]);
  std::vector<std::int64_t> rest;
  ASSERT_TRUE(jobs.add(ended, 0, rest));
  EXPECT_GT(*jobs.add(ended, 5, rest), ids[3] + 1);
}

}  // namespace
}  // namespace mig::store

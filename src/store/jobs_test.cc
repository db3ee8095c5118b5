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
};

TEST_F(JobStore, OnlyJobsThatEndedAreForgotten) {
  Jobs jobs = open();
  std::vector<std::int64_t> forgotten;
  const auto add = [&](bool ended) {
    JobRow row;
    if (ended)
      row.finished_ms = 1;
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
  rank.uuid = "MIG-1";
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

}  // namespace
}  // namespace mig::store

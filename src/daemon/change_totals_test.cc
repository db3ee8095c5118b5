// SPDX-License-Identifier: Apache-2.0
#include "daemon/change_totals.h"

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

namespace mig::daemon {
namespace {

class ChangeTotalsTest : public testing::Test {
 protected:
  ChangeTotalsTest() {
    std::string name = testing::TempDir() + "totals-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ + "/journal.db";
  }

  ~ChangeTotalsTest() override { std::filesystem::remove_all(folder_); }

  std::int64_t begin() {
    auto journal = store::Journal::open(path_);
    ChangeRecord change;
    change.command = "apply";
    return journal->begin(change, {}).value();
  }

  void end(std::int64_t id, ChangeState state) {
    ASSERT_TRUE(store::Journal::open(path_)->finish(id, state, "", ""));
  }

  expose::NodeFigures figures(ChangeTotals& totals) {
    expose::NodeFigures figures;
    const auto open = store::Journal::open(path_);
    totals.add_to(figures, INT64_MAX / 2);
    return figures;
  }

  std::string folder_, path_;
};

TEST_F(ChangeTotalsTest, CountsWhatEndsAfterTheStart) {
  end(begin(), ChangeState::kApplied);
  ChangeTotals totals(path_);
  EXPECT_TRUE(figures(totals).changes.empty());  // of before
  end(begin(), ChangeState::kApplied);
  end(begin(), ChangeState::kRolledBack);
  const auto counted = figures(totals);
  EXPECT_EQ(counted.changes.at(ChangeState::kApplied), 1U);
  EXPECT_EQ(counted.changes.at(ChangeState::kRolledBack), 1U);
  EXPECT_TRUE(counted.last_change_seconds);
  EXPECT_FALSE(counted.open_change_seconds);
  EXPECT_EQ(figures(totals).changes, counted.changes);  // each once
}

TEST_F(ChangeTotalsTest, AnOpenChangeIsToldAndCountedAtItsEnd) {
  const std::int64_t before = begin();
  ChangeTotals totals(path_);
  EXPECT_TRUE(figures(totals).open_change_seconds);
  EXPECT_TRUE(figures(totals).changes.empty());
  end(before, ChangeState::kStuck);
  EXPECT_EQ(figures(totals).changes.at(ChangeState::kStuck), 1U);
  EXPECT_FALSE(figures(totals).open_change_seconds);
}

TEST_F(ChangeTotalsTest, NeedsNoJournal) {
  ChangeTotals totals(path_);
  expose::NodeFigures none;
  totals.add_to(none, 0);
  EXPECT_TRUE(none.changes.empty());
  EXPECT_FALSE(std::filesystem::exists(path_));  // reading does not make one
  end(begin(), ChangeState::kApplied);
  EXPECT_EQ(figures(totals).changes.at(ChangeState::kApplied), 1U);
}

}  // namespace
}  // namespace mig::daemon

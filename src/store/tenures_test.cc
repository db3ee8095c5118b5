// SPDX-License-Identifier: Apache-2.0
// The time that leases had instances, and the layouts that were seen.
#include <filesystem>

#include <gtest/gtest.h>

#include "store/layouts.h"
#include "store/leases.h"

namespace mig::store {
namespace {

class TenureStore : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "tenuresXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  static LeaseRow lease(const std::string& uuid, std::int64_t granted_ms) {
    LeaseRow row;
    row.instance.uuid = uuid;
    row.instance.gpu_uuid = "GPU-1";
    row.instance.profile = *ProfileName::parse("2g.10gb");
    row.instance.gpu_instance = {3};
    row.instance.slices = 2;
    row.tenant = "team-a";
    row.uid = 1001;
    row.job = "train";
    row.granted_ms = granted_ms;
    return row;
  }

  std::string folder_;
};

TEST_F(TenureStore, ALeaseIsATenureFromItsGrantToItsRemoval) {
  Leases leases = Leases::open(folder_ + "/leases.db").value();
  const auto id = leases.add(lease("one", 1000));
  ASSERT_TRUE(id);
  auto rows = leases.tenures(0, 9000, 10);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 1U);
  EXPECT_FALSE(rows->front().until_ms) << "it has it still";
  EXPECT_EQ(rows->front().tenant, "team-a");
  EXPECT_EQ(rows->front().profile.str(), "2g.10gb");
  EXPECT_EQ(rows->front().gpu_instance.value, 3U);
  ASSERT_TRUE(leases.remove(*id, 5000).value());
  rows = leases.tenures(0, 9000, 10);
  EXPECT_EQ(rows->front().until_ms, 5000);
  EXPECT_TRUE(leases.tenures(5000, 9000, 10)->empty()) << "the end is not part of it";
  EXPECT_TRUE(leases.tenures(0, 1000, 10)->empty());
  EXPECT_EQ(leases.tenures(4999, 9000, 10)->size(), 1U);
}

TEST_F(TenureStore, AMoveEndsOneAndBeginsAnother) {
  Leases leases = Leases::open(folder_ + "/leases.db").value();
  LeaseRow row = lease("one", 1000);
  row.id = leases.add(row).value();
  row.instance.uuid = "two";
  row.instance.gpu_instance = {5};
  ASSERT_TRUE(leases.move(row, 3000));
  const auto rows = leases.tenures(0, 9000, 10);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ(rows->at(0).until_ms, 3000);
  EXPECT_EQ(rows->at(1).from_ms, 3000);
  EXPECT_EQ(rows->at(1).gpu_instance.value, 5U);
}

TEST_F(TenureStore, AClockThatWentBackMakesNoNegativeTime) {
  Leases leases = Leases::open(folder_ + "/leases.db").value();
  const auto id = leases.add(lease("one", 5000));
  ASSERT_TRUE(leases.remove(*id, 2000).value());
  EXPECT_TRUE(leases.tenures(0, 9000, 10)->empty() ||
              leases.tenures(0, 9000, 10)->front().until_ms == 5000);
}

TEST_F(TenureStore, WhatIsRolledBackWasNoTenure) {
  Leases leases = Leases::open(folder_ + "/leases.db").value();
  const auto failed = leases.transaction([&]() -> Result<void> {
    MIG_TRY(leases.add(lease("one", 1000)));
    return fail(ErrorCode::kIo, "no");
  });
  ASSERT_FALSE(failed);
  EXPECT_TRUE(leases.tenures(0, 9000, 10)->empty());
}

TEST_F(TenureStore, MoreThanTheLimitIsAnErrorAndNotAPart) {
  Leases leases = Leases::open(folder_ + "/leases.db").value();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(leases.add(lease("uuid" + std::to_string(i), 1000)));
  }
  const auto rows = leases.tenures(0, 9000, 2);
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, ErrorCode::kTooLarge);
  EXPECT_GT(leases.tenures_since().value(), 1'600'000'000'000);
}

LayoutSeen seen(const std::string& gpu, const std::string& layout, std::int64_t at_ms) {
  LayoutSeen one;
  one.gpu_uuid = gpu;
  one.board = "NVIDIA H200";
  one.layout = layout;
  one.first_ms = at_ms;
  return one;
}

TEST_F(TenureStore, ALayoutThatGoesOnIsOneRow) {
  Layouts layouts = Layouts::open(folder_ + "/layouts.db").value();
  ASSERT_TRUE(layouts.note({seen("a", "x", 1000), seen("b", "x", 1000)}));
  ASSERT_TRUE(layouts.note({seen("a", "x", 2000), seen("b", "y", 2000)}));
  ASSERT_TRUE(layouts.note({seen("a", "x", 3000), seen("b", "y", 3000)}));
  const auto rows = layouts.rows(0, 9000);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 3U);
  EXPECT_EQ(rows->at(0).last_ms, 3000);
  EXPECT_EQ(rows->at(1).last_ms, 1000);
  EXPECT_EQ(rows->at(2).first_ms, 2000);
  ASSERT_TRUE(layouts.note({seen("a", "x", 500)}));
  EXPECT_EQ(layouts.rows(0, 9000)->size(), 4U) << "time went back: another row";
}

TEST_F(TenureStore, ThePeriodHasItsNeighbours) {
  Layouts layouts = Layouts::open(folder_ + "/layouts.db").value();
  for (const std::int64_t at : {1000, 2000, 3000, 4000, 5000}) {
    ASSERT_TRUE(layouts.note({seen("a", std::to_string(at), at)}));
  }
  const auto rows = layouts.rows(2500, 3500);
  ASSERT_EQ(rows->size(), 3U);
  EXPECT_EQ(rows->at(0).first_ms, 2000);
  EXPECT_EQ(rows->at(2).first_ms, 4000);
}

}  // namespace
}  // namespace mig::store

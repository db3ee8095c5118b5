// SPDX-License-Identifier: Apache-2.0
#include "store/leases.h"

#include <filesystem>

#include <gtest/gtest.h>

namespace mig::store {
namespace {

class LeasesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "leasesXXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  Leases open() {
    auto leases = Leases::open(folder_ + "/leases.db");
    EXPECT_TRUE(leases) << leases.error().text();
    return *std::move(leases);
  }

  static LeaseRow lease(const std::string& uuid, std::int64_t shared = 1) {
    LeaseRow row;
    row.uuid = uuid;
    row.shared = shared;
    row.tenant = "a";
    return row;
  }

  static RequestRow request(const std::string& tenant, const std::string& key) {
    RequestRow row;
    row.tenant = tenant;
    row.key = key;
    return row;
  }

  std::string folder_;
};

TEST_F(LeasesTest, AnExclusiveInstanceIsOnesAlone) {
  Leases leases = open();
  ASSERT_TRUE(leases.add(lease("MIG-1")));
  for (const std::int64_t shared : {1, 4}) {
    const auto second = leases.add(lease("MIG-1", shared));
    ASSERT_FALSE(second) << shared;
    EXPECT_EQ(second.error().code, ErrorCode::kInUse);
  }
  EXPECT_TRUE(leases.add(lease("MIG-2")));
}

TEST_F(LeasesTest, ASharedInstanceHasRoomForSoManyAndTheSameSort) {
  Leases leases = open();
  ASSERT_TRUE(leases.add(lease("MIG-1", 2)));
  EXPECT_FALSE(leases.add(lease("MIG-1", 1)));
  EXPECT_FALSE(leases.add(lease("MIG-1", 3)));
  EXPECT_TRUE(leases.add(lease("MIG-1", 2)));
  EXPECT_FALSE(leases.add(lease("MIG-1", 2))) << "full";
}

// Not only the code above: the table itself refuses it, whatever way a row comes there.
TEST_F(LeasesTest, TheTableRefusesASecondExclusiveLease) {
  Leases leases = open();
  ASSERT_TRUE(leases.add(lease("MIG-1")));
  LeaseRow other = lease("MIG-2");
  other.id = *leases.add(other);
  other.uuid = "MIG-1";
  EXPECT_FALSE(leases.move(other));
  EXPECT_EQ(leases.leases()->at(1).uuid, "MIG-2");
  other.uuid = "MIG-3";
  EXPECT_TRUE(leases.move(other));
  EXPECT_EQ(leases.leases()->at(1).uuid, "MIG-3");
}

TEST_F(LeasesTest, AShareOfNobodyIsRefused) {
  Leases leases = open();
  EXPECT_FALSE(leases.add(lease("MIG-1", 0)));
}

TEST_F(LeasesTest, WhatIsKeptComesBack) {
  {
    Leases leases = open();
    LeaseRow row = lease("MIG-1");
    row.request = 3;
    row.key = "k";
    row.profile = "1g.5gb";
    row.gpu_minor = 4;
    row.pid = 41;
    row.start_ticks = 77;
    row.boot_id = "boot";
    row.limit_ms = 5000;
    ASSERT_TRUE(leases.add(row));
    row = leases.leases()->front();
    row.notice_boot_ms = 9;
    row.signalled = 1;
    row.heir_pid = 42;
    row.heir_start = 78;
    ASSERT_TRUE(leases.set_notice(row));
    ASSERT_TRUE(leases.set_holder(row));
  }
  Leases leases = open();
  const LeaseRow row = leases.leases_of_key("k")->at(0);
  EXPECT_EQ(row.request, 3);
  EXPECT_EQ(row.gpu_minor, 4);
  EXPECT_EQ(row.start_ticks, 77);
  EXPECT_EQ(row.limit_ms, 5000);
  EXPECT_EQ(row.notice_boot_ms, 9);
  EXPECT_EQ(row.notice_grace_ms, std::nullopt);
  EXPECT_EQ(row.signalled, 1);
  EXPECT_EQ(row.heir_start, 78);
  EXPECT_EQ(leases.leases_of_request(3)->size(), 1U);
  EXPECT_TRUE(leases.leases_of_request(4)->empty());
  EXPECT_TRUE(*leases.remove(row.id));
  EXPECT_FALSE(*leases.remove(row.id)) << "it was gone already";
}

TEST_F(LeasesTest, AKeyIsNeverEmpty) {
  Leases leases = open();
  ASSERT_TRUE(leases.add(lease("MIG-1")));
  ASSERT_TRUE(leases.enqueue(request("a", "")));
  EXPECT_TRUE(leases.leases_of_key("")->empty());
  EXPECT_FALSE(*leases.request_of_key(""));
  ASSERT_TRUE(leases.enqueue(request("a", "mine")));
  EXPECT_EQ((*leases.request_of_key("mine"))->key, "mine");
}

TEST_F(LeasesTest, TheCrowdIsCountedByTenantToo) {
  Leases leases = open();
  const std::int64_t first = *leases.enqueue(request("a", ""));
  ASSERT_TRUE(leases.enqueue(request("b", "")));
  ASSERT_TRUE(leases.enqueue(request("b", "")));
  EXPECT_EQ(leases.crowd("b")->waiting, 3);
  EXPECT_EQ(leases.crowd("b")->of_tenant, 2);
  EXPECT_EQ(leases.crowd("c")->of_tenant, 0);
  EXPECT_TRUE(*leases.dequeue(first));
  EXPECT_FALSE(*leases.dequeue(first));
  EXPECT_EQ(leases.request_ids()->size(), 2U);
}

TEST_F(LeasesTest, UsageOfATenantIsOneRow) {
  Leases leases = open();
  ASSERT_TRUE(leases.set_usage({"a", 10, 1}));
  ASSERT_TRUE(leases.set_usage({"a", 25, 2}));
  ASSERT_EQ(leases.usage()->size(), 1U);
  EXPECT_EQ(leases.usage()->front().slice_seconds, 25);
}

TEST_F(LeasesTest, TheAuditKeepsTheNewestAndShowsThemFirst) {
  Leases leases = open();
  ASSERT_TRUE(leases.transaction([&]() -> Result<void> {
    for (std::int64_t i = 0; i < Leases::kMostAudit + 5; ++i)
      MIG_TRY(leases.note({0, i, 0, 0, "granted", "a", "", ""}));
    return {};
  }));
  const auto newest = leases.audit(2);
  ASSERT_EQ(newest->size(), 2U);
  EXPECT_EQ(newest->front().at_ms, Leases::kMostAudit + 4);
  const auto all = leases.audit(Leases::kMostAudit + 100);
  EXPECT_EQ(all->size(), static_cast<std::size_t>(Leases::kMostAudit));
  EXPECT_EQ(all->back().at_ms, 5);
}

TEST_F(LeasesTest, AFailedTransactionLeavesNothing) {
  Leases leases = open();
  const auto failed = leases.transaction([&]() -> Result<void> {
    MIG_TRY(leases.add(lease("MIG-1")));
    return fail(ErrorCode::kInternal, "no");
  });
  EXPECT_FALSE(failed);
  EXPECT_TRUE(leases.leases()->empty());
}

}  // namespace
}  // namespace mig::store

// SPDX-License-Identifier: Apache-2.0
// Defence in depth: whatever the scheduler decided, the store refuses conflicting leases.
#include "store/leases.h"

#include <sys/stat.h>

#include <filesystem>

#include <gtest/gtest.h>

namespace mig::store {
namespace {

class LeaseStore : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "leasesXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ + "/leases.db"; }

  Leases open() const {
    auto leases = Leases::open(path());
    EXPECT_TRUE(leases) << leases.error().text();
    return *std::move(leases);
  }

  static LeaseRow lease(const std::string& uuid, std::uint32_t shared = 1) {
    LeaseRow row;
    row.instance.uuid = uuid;
    row.shared = shared;
    return row;
  }

  static RequestRow request(const std::string& tenant, const std::string& key = "") {
    RequestRow row;
    row.caller.tenant = tenant;
    row.key = key;
    return row;
  }

  std::string folder_;
};

TEST_F(LeaseStore, AnInstanceIsOnesOrIsSharedInOneWay) {
  Leases leases = open();
  ASSERT_TRUE(leases.add(lease("one")));
  const auto second = leases.add(lease("one"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kInUse);
  EXPECT_EQ(leases.add(lease("one", 3)).error().code, ErrorCode::kInUse) << "it is leased alone";
  ASSERT_TRUE(leases.add(lease("many", 3)));
  EXPECT_EQ(leases.add(lease("many")).error().code, ErrorCode::kInUse) << "it is shared";
  EXPECT_EQ(leases.add(lease("many", 2)).error().code, ErrorCode::kInUse) << "in another way";
  ASSERT_TRUE(leases.add(lease("many", 3)));
  ASSERT_TRUE(leases.add(lease("many", 3)));
  EXPECT_EQ(leases.add(lease("many", 3)).error().code, ErrorCode::kInUse) << "three have it";
  EXPECT_EQ(leases.leases()->size(), 4U);
}

// The database constraint alone refuses the second exclusive lease (defence in depth).
TEST_F(LeaseStore, TheTableItselfRefusesTwoExclusiveLeases) {
  Leases leases = open();
  const auto one = leases.add(lease("one"));
  LeaseRow other = lease("two");
  other.id = leases.add(other).value();
  other.instance.uuid = "one";
  EXPECT_FALSE(leases.move(other));
  EXPECT_TRUE(one);
}

TEST_F(LeaseStore, RequestsAreCountedForTheirTenant) {
  Leases leases = open();
  for (const char* tenant : {"a", "a", "b"}) {
    ASSERT_TRUE(leases.enqueue(request(tenant)));
  }
  const auto crowd = leases.crowd("a");
  EXPECT_EQ(crowd->waiting, 3);
  EXPECT_EQ(crowd->of_tenant, 2);
}

TEST_F(LeaseStore, ARequestIsFoundByItsKeyAndNoneByNoKey) {
  Leases leases = open();
  ASSERT_TRUE(leases.enqueue(request("a")));
  const auto keyed = leases.enqueue(request("a", "k"));
  EXPECT_EQ(leases.request_of_key("k").value()->id, *keyed);
  EXPECT_FALSE(leases.request_of_key("").value());
  EXPECT_FALSE(leases.request_of_key("other").value());
}

TEST_F(LeaseStore, TheAuditTellsTheNewestFirst) {
  Leases leases = open();
  for (std::int64_t i = 1; i <= 3; ++i) {
    AuditRow row;
    row.lease = i;
    ASSERT_TRUE(leases.note(row));
  }
  AuditFilter two;
  two.limit = 2;
  const auto rows = leases.audit(two);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ(rows->at(0).lease, 3);
}

TEST_F(LeaseStore, TheAuditIsReadByTenantUserTimeAndPage) {
  Leases leases = open();
  for (std::int64_t i = 1; i <= 6; ++i) {
    ASSERT_TRUE(
        leases.note({0, i * 1000, i, 100 + i % 3, "granted", i % 2 == 0 ? "a" : "b", "", ""}));
  }
  const auto ids = [&](const AuditFilter& filter) {
    std::vector<std::int64_t> out;
    const auto rows = leases.audit(filter);
    for (const AuditRow& row : *rows) {
      out.push_back(row.id);
    }
    return out;
  };
  using Ids = std::vector<std::int64_t>;
  AuditFilter filter;
  EXPECT_EQ(ids(filter), (Ids{6, 5, 4, 3, 2, 1}));
  filter.tenant = "a";
  EXPECT_EQ(ids(filter), (Ids{6, 4, 2}));
  filter.uid = 101;
  EXPECT_EQ(ids(filter), (Ids{4}));
  filter = {};
  filter.since_ms = 5000;
  EXPECT_EQ(ids(filter), (Ids{6, 5}));
  filter = {};
  filter.before = 3;
  EXPECT_EQ(ids(filter), (Ids{2, 1}));
  filter.limit = 1;
  EXPECT_EQ(ids(filter), (Ids{2}));
  filter = {};
  filter.tenant = "";
  EXPECT_EQ(ids(filter), Ids{}) << "the tenant without a name is one of its own";
  filter.tenant = "a' OR 1=1 --";
  EXPECT_EQ(ids(filter), Ids{});
}

TEST_F(LeaseStore, OnlyTheOwnerReadsItAndNoLinkIsFollowed) {
  open();

  struct stat info {};

  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  const std::string link = folder_ + "/link.db";
  std::filesystem::create_symlink(folder_ + "/elsewhere.db", link);
  EXPECT_FALSE(Leases::open(link));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/elsewhere.db"));
}

TEST_F(LeaseStore, ASharedInstanceHasRoomForSoManyAndTheSameSort) {
  Leases leases = open();
  ASSERT_TRUE(leases.add(lease("MIG-1", 2)));
  EXPECT_FALSE(leases.add(lease("MIG-1", 1)));
  EXPECT_FALSE(leases.add(lease("MIG-1", 3)));
  EXPECT_TRUE(leases.add(lease("MIG-1", 2)));
  EXPECT_FALSE(leases.add(lease("MIG-1", 2))) << "full";
}

TEST_F(LeaseStore, AShareOfNobodyIsRefused) {
  Leases leases = open();
  EXPECT_FALSE(leases.add(lease("MIG-1", 0)));
}

// A lease with a distinct value in every stored member.
LeaseRow full_lease() {
  LeaseRow row;
  row.request = 3;
  row.key = "k";
  row.instance.uuid = "MIG-1";
  row.instance.profile = *ProfileName::parse("1c.3g.20gb");
  row.instance.gpu_uuid = "GPU-1";
  row.instance.gpu = GpuIndex{5};
  row.instance.gpu_instance = GpuInstanceId{6};
  row.instance.compute_instance = ComputeInstanceId{7};
  row.instance.memory_mib = 19968;
  row.instance.sm = 14;
  row.instance.slices = 1;
  row.instance.gpu_minor = 4;
  row.shared = 2;
  row.holder = lease::LeaseHolder::process(41, 77);
  row.heir = lease::LeaseHolder::process(42, 78);
  row.boot_id = "boot";
  row.stoppable = true;
  row.uid = 1000;
  row.tenant = "team-a";
  row.job = "train";
  row.priority = -5;
  row.granted_ms = 1'764'140'000'000;
  row.granted_boot_ms = 12;
  row.limit_ms = 5000;
  row.notice_boot_ms = 9;
  row.notice_grace_ms = 10;
  row.signalled = 1;
  return row;
}

TEST_F(LeaseStore, EveryMemberOfALeaseThatIsKeptComesBack) {
  const LeaseRow kept = full_lease();
  ASSERT_TRUE(open().add(kept));
  Leases leases = open();
  const LeaseRow row = leases.leases_of_key("k")->at(0);
  EXPECT_EQ(row.id, 1);
  EXPECT_EQ(row.request, kept.request);
  EXPECT_EQ(row.instance, kept.instance);
  EXPECT_EQ(row.shared, kept.shared);
  EXPECT_EQ(row.holder, kept.holder);
  EXPECT_EQ(row.heir, kept.heir);
  EXPECT_EQ(row.boot_id, kept.boot_id);
  EXPECT_TRUE(row.stoppable);
  EXPECT_EQ(row.uid, kept.uid);
  EXPECT_EQ(row.tenant, kept.tenant);
  EXPECT_EQ(row.job, kept.job);
  EXPECT_EQ(row.priority, kept.priority);
  EXPECT_EQ(row.granted_ms, kept.granted_ms);
  EXPECT_EQ(row.granted_boot_ms, kept.granted_boot_ms);
  EXPECT_EQ(row.limit_ms, kept.limit_ms);
  EXPECT_EQ(row.notice_boot_ms, kept.notice_boot_ms);
  EXPECT_EQ(row.notice_grace_ms, kept.notice_grace_ms);
  EXPECT_EQ(row.signalled, kept.signalled);
  EXPECT_EQ(leases.leases_of_request(3)->size(), 1U);
  EXPECT_TRUE(leases.leases_of_request(4)->empty());
  EXPECT_TRUE(*leases.remove(row.id));
  EXPECT_FALSE(*leases.remove(row.id)) << "it was gone already";
}

TEST_F(LeaseStore, WhatIsNotKnownComesBackAsNotKnown) {
  Leases leases = open();
  ASSERT_TRUE(leases.add(lease("MIG-1")));
  const LeaseRow row = leases.leases()->at(0);
  EXPECT_EQ(row.instance.sm, std::nullopt);
  EXPECT_EQ(row.instance.gpu_minor, std::nullopt);
  EXPECT_EQ(row.limit_ms, std::nullopt);
  EXPECT_EQ(row.notice_boot_ms, std::nullopt);
  EXPECT_EQ(row.holder, lease::LeaseHolder::time());
  EXPECT_EQ(row.heir, lease::LeaseHolder::time());
}

TEST_F(LeaseStore, HolderHeirAndNoticeAreChangedByThemselves) {
  Leases leases = open();
  ASSERT_TRUE(leases.add(lease("MIG-1")));
  LeaseRow row = leases.leases()->front();
  row.holder = lease::LeaseHolder::of_unit("jupyter.service");
  row.heir = lease::LeaseHolder::process(42, 78);
  row.notice_boot_ms = 9;
  row.signalled = 1;
  ASSERT_TRUE(leases.set_notice(row));
  ASSERT_TRUE(leases.set_holder(row));
  const LeaseRow now = leases.leases()->front();
  EXPECT_EQ(now.holder, row.holder);
  EXPECT_EQ(now.heir, row.heir);
  EXPECT_EQ(now.notice_boot_ms, 9);
  EXPECT_EQ(now.notice_grace_ms, std::nullopt);
  EXPECT_EQ(now.signalled, 1);
}

TEST_F(LeaseStore, EveryMemberOfARequestThatIsKeptComesBack) {
  RequestRow kept;
  kept.key = "k";
  kept.need.profile = *ProfileName::parse("2g.10gb");
  kept.need.gpu_uuid = "GPU-1";
  kept.count = 2;
  kept.shared = 3;
  kept.holder = lease::LeaseHolder::of_unit("jupyter.service");
  kept.waiter = lease::LeaseHolder::process(43, 79);
  kept.boot_id = "boot";
  kept.stoppable = true;
  kept.caller.uid = 1000;
  kept.caller.tenant = "team-a";
  kept.job = "train";
  kept.priority = 7;
  kept.limit_ms = 60'000;
  kept.since_ms = 1;
  kept.since_boot_ms = 2;
  kept.wait_ms = 4;
  kept.create = kept.preempt = true;
  kept.grace_ms = 5;
  kept.reason = "no room";
  Leases leases = open();
  ASSERT_TRUE(leases.enqueue(kept));
  const RequestRow row = leases.requests()->at(0);
  EXPECT_EQ(row.key, kept.key);
  EXPECT_EQ(row.need, kept.need);
  EXPECT_EQ(row.count, kept.count);
  EXPECT_EQ(row.shared, kept.shared);
  EXPECT_EQ(row.holder, kept.holder);
  EXPECT_EQ(row.waiter, kept.waiter);
  EXPECT_EQ(row.boot_id, kept.boot_id);
  EXPECT_TRUE(row.stoppable);
  EXPECT_EQ(row.caller.uid, kept.caller.uid);
  EXPECT_EQ(row.caller.tenant, kept.caller.tenant);
  EXPECT_EQ(row.job, kept.job);
  EXPECT_EQ(row.priority, kept.priority);
  EXPECT_EQ(row.limit_ms, kept.limit_ms);
  EXPECT_EQ(row.since_ms, kept.since_ms);
  EXPECT_EQ(row.since_boot_ms, kept.since_boot_ms);
  EXPECT_EQ(row.wait_ms, kept.wait_ms);
  EXPECT_TRUE(row.create);
  EXPECT_TRUE(row.preempt);
  EXPECT_EQ(row.grace_ms, kept.grace_ms);
  EXPECT_EQ(row.reason, kept.reason);
}

TEST_F(LeaseStore, UsageOfATenantIsOneRow) {
  Leases leases = open();
  ASSERT_TRUE(leases.set_usage({"a", 10, 1}));
  ASSERT_TRUE(leases.set_usage({"a", 25, 2}));
  ASSERT_EQ(leases.usage()->size(), 1U);
  EXPECT_EQ(leases.usage()->front().slice_seconds, 25);
}

TEST_F(LeaseStore, TheAuditKeepsTheNewestAndShowsThemFirst) {
  Leases leases = open();
  ASSERT_TRUE(leases.transaction([&]() -> Result<void> {
    for (std::int64_t i = 0; i < Leases::kMostAudit + 5; ++i) {
      MIG_TRY(leases.note({0, i, 0, 0, "granted", "a", "", ""}));
    }
    return {};
  }));
  AuditFilter filter;
  filter.limit = 2;
  const auto newest = leases.audit(filter);
  ASSERT_EQ(newest->size(), 2U);
  EXPECT_EQ(newest->front().at_ms, Leases::kMostAudit + 4);
  filter.limit = Leases::kMostAudit + 100;
  const auto all = leases.audit(filter);
  EXPECT_EQ(all->size(), static_cast<std::size_t>(Leases::kMostAudit));
  EXPECT_EQ(all->back().at_ms, 5);
}

TEST_F(LeaseStore, AFailedTransactionLeavesNothing) {
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

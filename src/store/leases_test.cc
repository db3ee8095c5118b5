// SPDX-License-Identifier: Apache-2.0
// Defence in depth: whatever the scheduler decided, the store refuses conflicting leases.
#include "store/test_leases.h"

namespace mig::store {
namespace {

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
  EXPECT_FALSE(leases.move(other, 5000));
  EXPECT_TRUE(one);
}

// The tables as released before leases had an end of their own.
constexpr const char* kFormat2 = R"sql(
  CREATE TABLE lease(
    id INTEGER PRIMARY KEY AUTOINCREMENT, request INTEGER NOT NULL, key TEXT NOT NULL,
    uuid TEXT NOT NULL, profile TEXT NOT NULL, gpu_uuid TEXT NOT NULL,
    gpu_index INTEGER NOT NULL, gpu_instance INTEGER NOT NULL, compute_instance INTEGER NOT NULL,
    memory_mib INTEGER NOT NULL, sm INTEGER NOT NULL, slices INTEGER NOT NULL,
    shared INTEGER NOT NULL CHECK(shared >= 1),
    holder_kind INTEGER NOT NULL, pid INTEGER NOT NULL, start_ticks INTEGER NOT NULL,
    unit TEXT NOT NULL, boot_id TEXT NOT NULL,
    heir_pid INTEGER NOT NULL DEFAULT 0, heir_start INTEGER NOT NULL DEFAULT 0,
    stoppable INTEGER NOT NULL, uid INTEGER NOT NULL, tenant TEXT NOT NULL, job TEXT NOT NULL,
    priority INTEGER NOT NULL, granted_ms INTEGER NOT NULL, granted_boot_ms INTEGER NOT NULL,
    limit_ms INTEGER, notice_boot_ms INTEGER, notice_grace_ms INTEGER,
    signalled INTEGER NOT NULL DEFAULT 0, gpu_minor INTEGER);
  CREATE UNIQUE INDEX lease_exclusive ON lease(uuid) WHERE shared = 1;
  CREATE TABLE request(
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, need TEXT NOT NULL,
    count INTEGER NOT NULL, shared INTEGER NOT NULL,
    holder_kind INTEGER NOT NULL, pid INTEGER NOT NULL, start_ticks INTEGER NOT NULL,
    unit TEXT NOT NULL, boot_id TEXT NOT NULL, stoppable INTEGER NOT NULL,
    waiter_pid INTEGER NOT NULL, waiter_start INTEGER NOT NULL,
    uid INTEGER NOT NULL, tenant TEXT NOT NULL, job TEXT NOT NULL, priority INTEGER NOT NULL,
    limit_ms INTEGER, since_ms INTEGER NOT NULL, since_boot_ms INTEGER NOT NULL,
    wait_ms INTEGER NOT NULL, create_missing INTEGER NOT NULL, preempt INTEGER NOT NULL,
    grace_ms INTEGER NOT NULL, reason TEXT NOT NULL);
  CREATE TABLE usage(tenant TEXT PRIMARY KEY, slice_seconds INTEGER NOT NULL,
                     updated_ms INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE audit(
    id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, lease INTEGER NOT NULL,
    uid INTEGER NOT NULL, action TEXT NOT NULL, tenant TEXT NOT NULL, instance TEXT NOT NULL,
    detail TEXT NOT NULL);
  INSERT INTO lease VALUES(5, 3, '', 'one', '1g.5gb', 'GPU-0', 0, 7, 0, 4864, 14, 1, 1, 0, 41, 77,
    '', 'b', 0, 0, 1, 1001, 'a', 'train', 0, 1000, 2000, 3600000, NULL, NULL, 0, 0);
)sql";

TEST_F(LeaseStore, LeasesOfAnEarlierVersionGoOn) {
  ASSERT_TRUE(Database::open(path(), {kFormat2, "SELECT 1"}));
  Leases leases = open();
  const auto rows = leases.leases();
  ASSERT_TRUE(rows) << rows.error().text();
  ASSERT_EQ(rows->size(), 1U);
  LeaseRow row = rows->front();
  EXPECT_EQ(row.id, 5);
  EXPECT_EQ(row.job, "train");
  EXPECT_EQ(row.limit_ms, 3'600'000);
  EXPECT_EQ(row.ending, "");
  EXPECT_EQ(row.cgroup, "");
  EXPECT_EQ(row.end_grace_ms, 10'000);
  EXPECT_FALSE(row.linger);
  EXPECT_EQ(leases.add(lease("one")).error().code, ErrorCode::kInUse);
  row.cgroup = "/sys/fs/cgroup/migctl/node/lease-5";
  EXPECT_TRUE(leases.set_cgroup(row).value());
  row.ending = "expired";
  row.ending_boot_ms = 9;
  ASSERT_TRUE(leases.set_ending(row));
  ASSERT_EQ(leases.ending_leases()->size(), 1U);
  EXPECT_EQ(leases.ending_leases()->front().cgroup, row.cgroup);
  EXPECT_EQ(leases.ending_leases()->front().ending_boot_ms, 9);
  EXPECT_FALSE(leases.set_cgroup(row).value()) << "nothing is placed under a lease that is over";
  EXPECT_EQ(leases.add(lease("one")).error().code, ErrorCode::kInUse) << "until it is removed";
}

TEST_F(LeaseStore, RequestsAreCountedForTheirTenant) {
  Leases leases = open();
  std::uint32_t uid = 7;
  for (const char* tenant : {"a", "a", "b"}) {
    RequestRow row = request(tenant);
    row.caller.uid = uid;
    uid = 8;
    ASSERT_TRUE(leases.enqueue(row));
  }
  const auto crowd = leases.crowd("a", 8);
  EXPECT_EQ(crowd->waiting, 3);
  EXPECT_EQ(crowd->of_tenant, 2);
  EXPECT_EQ(crowd->of_user, 2);
  EXPECT_EQ(crowd->users, 2);
}

TEST_F(LeaseStore, ARequestIsFoundByItsKeyAndNoneByNoKey) {
  Leases leases = open();
  ASSERT_TRUE(leases.enqueue(request("a")));
  const auto keyed = leases.enqueue(request("a", "k"));
  EXPECT_EQ(leases.request_of_key("k").value()->id, *keyed);
  EXPECT_FALSE(leases.request_of_key("").value());
  EXPECT_FALSE(leases.request_of_key("other").value());
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
  row.charged_ms = 11;
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
  EXPECT_EQ(row.charged_ms, kept.charged_ms);
  EXPECT_EQ(leases.leases_of_request(3)->size(), 1U);
  EXPECT_TRUE(leases.leases_of_request(4)->empty());
  EXPECT_TRUE(*leases.remove(row.id, 9000));
  EXPECT_FALSE(*leases.remove(row.id, 9000)) << "it was gone already";
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

TEST_F(LeaseStore, UsageOfAUserInATenantIsOneRow) {
  Leases leases = open();
  ASSERT_TRUE(leases.set_usage({"a", 7, 10, 1}));
  ASSERT_TRUE(leases.set_usage({"a", 7, 25, 2}));
  ASSERT_TRUE(leases.set_usage({"a", 8, 3, 2}));
  ASSERT_EQ(leases.usage()->size(), 2U);
  EXPECT_EQ(leases.usage()->front().slice_ms, 25);
  EXPECT_EQ(open().usage()->size(), 2U);
}

// Two processes work on one store: what the other wrote is seen at the next read.
TEST_F(LeaseStore, WhatAnotherProcessWroteIsReadAtTheNextLook) {
  Leases ours = open();
  EXPECT_TRUE(ours.leases()->empty());
  EXPECT_TRUE(ours.requests()->empty());
  Leases theirs = open();
  ASSERT_TRUE(theirs.transaction([&]() -> Result<void> {
    MIG_TRY(theirs.add(lease("one")));
    MIG_TRY(theirs.enqueue(request("a", "k")));
    return theirs.set_usage({"a", 7, 10, 1});
  }));
  EXPECT_EQ(ours.leases()->size(), 1U);
  EXPECT_EQ(ours.requests()->size(), 1U);
  EXPECT_TRUE(ours.request_of_key("k")->has_value());
  EXPECT_EQ(ours.usage()->size(), 1U);
  ASSERT_TRUE(theirs.remove(ours.leases()->front().id, 9000));
  ASSERT_TRUE(theirs.dequeue(ours.requests()->front().id));
  EXPECT_TRUE(ours.leases()->empty());
  EXPECT_FALSE(ours.request_of_key("k")->has_value());
  EXPECT_EQ(ours.crowd("a", 0)->waiting, 0);
}

TEST_F(LeaseStore, WhatIsCachedIsWhatTheTableHas) {
  Leases leases = open();
  ASSERT_TRUE(leases.requests());
  LeaseRow row = full_lease();
  row.left_ms = 5;  // not stored
  const auto id = leases.add(row);
  ASSERT_TRUE(id);
  EXPECT_EQ(leases.leases()->front().left_ms, std::nullopt);
  ASSERT_TRUE(leases.set_charged(*id, 99));
  EXPECT_EQ(leases.leases()->front().charged_ms, 99);
  EXPECT_EQ(open().leases()->front().charged_ms, 99);
  const auto request_id = leases.enqueue(request("a", "k"));
  ASSERT_TRUE(leases.set_reason(*request_id, "why"));
  EXPECT_EQ(leases.requests()->front().reason, "why");
  const auto failed = leases.transaction([&]() -> Result<void> {
    MIG_TRY(leases.dequeue(*request_id));
    return fail(ErrorCode::kInternal, "no");
  });
  EXPECT_FALSE(failed);
  EXPECT_TRUE(leases.request_of_key("k")->has_value()) << "rolled back";
  const std::uint64_t epoch = leases.queue_epoch();
  static_cast<void>(leases.take_queue_changes());
  ASSERT_TRUE(leases.dequeue(*request_id));
  const auto changes = leases.take_queue_changes();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_FALSE(changes[0].added);
  EXPECT_EQ(leases.queue_epoch(), epoch);
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

TEST_F(LeaseStore, KeepsMadeInstancesAndHowFarItLooked) {
  Leases leases = open();
  EXPECT_EQ(*leases.made_upto(), 0);
  MadeRow row{4, "GPU-a", GpuInstanceId{9}, 2, 1, "1g.5gb", {1001, "lab", 7, 0}, "", 0};
  ASSERT_TRUE(leases.set_made(row));
  row.made_for.lease = 12;
  row.idle_boot_id = "boot";
  row.idle_boot_ms = 55;
  ASSERT_TRUE(leases.set_made(row));
  ASSERT_TRUE(leases.set_made_upto(4));
  ASSERT_TRUE(leases.set_made_upto(6));
  Leases again = open();
  EXPECT_EQ(*again.made_upto(), 6);
  ASSERT_EQ(again.made()->size(), 1U);
  EXPECT_EQ(again.made()->front(), row);
  EXPECT_TRUE(*again.forget_made(4));
  EXPECT_FALSE(*again.forget_made(4));
  EXPECT_TRUE(again.made()->empty());
}

TEST_F(LeaseStore, ARequestSaysWhoAskedForWhom) {
  Leases leases = open();
  RequestRow row = request("a");
  row.caller.uid = 1001;
  row.caller.by_uid = 0;
  const auto id = leases.enqueue(row);
  ASSERT_TRUE(id) << id.error().text();
  const auto found = leases.request(*id);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->caller.uid, 1001U);
  EXPECT_EQ((*found)->caller.by_uid, 0U);
  EXPECT_FALSE(*leases.request(*id + 1));
}

}  // namespace
}  // namespace mig::store

// SPDX-License-Identifier: Apache-2.0
// Quotas, shares, priorities and preemption.
#include <functional>
#include <optional>

#include "lease/lease.h"
#include "lease/test_leases.h"

namespace mig::lease {
namespace {

using namespace std::chrono_literals;

TEST_F(LeasesTest, AQuotaCountsWhatWouldBeMade) {
  Inventory machine = machine_of({});
  GpuInstanceProfile profile;
  profile.name = *ProfileName::parse("2g.10gb");
  profile.memory_mib = 9856;
  profile.sm = 28;
  profile.compute_profiles = {{1, profile.name, 2, 1, 28, {}}};
  machine.gpus[0].profiles.push_back(profile);
  Tenant tenant;
  tenant.name = "a";
  tenant.quota.slices = 3;
  tenant.may_create = true;
  settings_.tenants.tenants.push_back(tenant);
  Leases leases = open();
  LeaseRequest asked = request("2g.10gb", child());
  asked.create = true;
  asked.count = 2;
  asked.wait_ms = 60'000;
  const auto refused = leases.submit(asked, machine);
  ASSERT_FALSE(refused) << "4 slices are never within 3";
  EXPECT_EQ(refused.error().code, ErrorCode::kPermission);
  asked.count = 1;
  ASSERT_TRUE(leases.submit(asked, machine));
  EXPECT_EQ(leases.take_pending().creations.size(), 1U);
}

TEST_F(LeasesTest, ATenantReleasesOnlyItsOwn) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  ASSERT_TRUE(leases.submit(request("1g.5gb", child()), machine));
  const auto id = leases.list(&machine)->front().id;
  const auto others = leases.release(id, "b", 1000);
  ASSERT_FALSE(others);
  EXPECT_EQ(others.error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(leases.release(id, "a", 1000));
}

TEST_F(LeasesTest, ATenantsShareOfTheQueueIsItsOwn) {
  const Inventory machine = machine_of({"1g.5gb"});
  settings_.most_waiting_per_tenant = 1;
  Leases leases = open();
  ASSERT_TRUE(leases.submit(request("1g.5gb", child()), machine));
  LeaseRequest waits = request("1g.5gb", child());
  waits.wait_ms = 1000;
  ASSERT_TRUE(leases.submit(waits, machine));
  EXPECT_EQ(leases.submit(waits, machine).error().code, ErrorCode::kNoCapacity);
  waits.caller.tenant = "b";
  EXPECT_TRUE(leases.submit(waits, machine));
}

TEST_F(LeasesTest, QuotasAndJobLimitsHold) {
  Tenant tenant;
  tenant.name = "a";
  tenant.quota.slices = 2;
  tenant.job_time_ms = 3'600'000;
  settings_.tenants.tenants = {tenant};
  const Inventory machine = machine_of({"1g.5gb", "1g.5gb", "1g.5gb", "3g.20gb"});
  Leases leases = open();
  EXPECT_EQ(leases.submit(request("3g.20gb", child()), machine).error().code,
            ErrorCode::kPermission);
  LeaseRequest lengthy = request("1g.5gb", child());
  lengthy.limit_ms = 7'200'000;
  EXPECT_EQ(leases.submit(lengthy, machine).error().code, ErrorCode::kPermission);
  const auto first = leases.submit(request("1g.5gb", child()), machine);
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ(first->granted[0].limit_ms, 3'600'000) << "a job without a limit gets the tenant's";
  ASSERT_TRUE(leases.submit(request("1g.5gb", child()), machine));
  const auto third = leases.submit(request("1g.5gb", child()), machine);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, ErrorCode::kNoCapacity) << third.error().text();
}

TEST_F(LeasesTest, AUserOfATenantHasItsOwnLimit) {
  Tenant tenant;
  tenant.name = "a";
  tenant.quota.slices = 3;
  tenant.per_user.instances = 1;
  settings_.tenants.tenants = {tenant};
  const Inventory machine = machine_of({"1g.5gb", "1g.5gb", "1g.5gb"});
  Leases leases = open();
  const auto asked_by = [&](std::uint32_t uid) {
    LeaseRequest asked = request("1g.5gb", child());
    asked.caller.uid = uid;
    return asked;
  };
  LeaseRequest pair = asked_by(1001);
  pair.count = 2;
  const auto never = leases.submit(pair, machine);
  ASSERT_FALSE(never);
  EXPECT_EQ(never.error().code, ErrorCode::kPermission);
  EXPECT_NE(never.error().message.find("one user may have less"), std::string::npos);
  ASSERT_TRUE(leases.submit(asked_by(1001), machine));
  const auto second = leases.submit(asked_by(1001), machine);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kNoCapacity);
  EXPECT_NE(second.error().message.find("limit for each user"), std::string::npos)
      << second.error().text();
  EXPECT_TRUE(leases.submit(asked_by(1002), machine)) << "another user of the tenant has her own";
}

// Users whom no tenant names have one quota together, and each what one user may have.
TEST_F(LeasesTest, OthersCountTogether) {
  settings_.tenants.from_file = true;
  settings_.tenants.others = Tenant{};
  settings_.tenants.others.quota.slices = 2;
  settings_.tenants.others.per_user.slices = 1;
  const Inventory machine = machine_of({"1g.5gb", "1g.5gb", "1g.5gb"});
  Leases leases = open();
  const auto code_for = [&](const std::string& user, std::uint32_t uid) {
    LeaseRequest asked = request("1g.5gb", child());
    asked.caller = {uid, user, user};
    const auto ticket = leases.submit(asked, machine);
    return ticket ? std::nullopt : std::optional(ticket.error().code);
  };
  EXPECT_EQ(code_for("eve", 1001), std::nullopt);
  EXPECT_EQ(code_for("eve", 1001), ErrorCode::kNoCapacity) << "her own limit";
  EXPECT_EQ(code_for("mia", 1002), std::nullopt);
  EXPECT_EQ(code_for("joe", 1003), ErrorCode::kNoCapacity) << "that of all others";
  EXPECT_EQ(code_for("root", 0), std::nullopt) << "root is not one of them";
}

TEST_F(LeasesTest, WithoutAFileNobodyEndsAnybody) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  ASSERT_TRUE(leases.submit(request("1g.5gb", child()), machine));
  LeaseRequest urgent = request("1g.5gb", child());
  urgent.caller = {1002, "mallory", "mallory"};
  urgent.wait_ms = 600'000;
  urgent.preempt = true;
  const auto preempts = leases.submit(urgent, machine);
  ASSERT_FALSE(preempts);
  EXPECT_EQ(preempts.error().code, ErrorCode::kPermission);
  urgent.preempt = false;
  urgent.priority = 1;
  EXPECT_EQ(leases.submit(urgent, machine).error().code, ErrorCode::kPermission);
  urgent.priority = -1;
  EXPECT_TRUE(leases.submit(urgent, machine)) << "one's own priority may be lowered";
  EXPECT_TRUE(leases.take_pending().signals.empty());
  LeaseRequest of_root = request("1g.5gb", child());
  of_root.caller = {0, "root", "root"};
  of_root.preempt = true;
  EXPECT_EQ(leases.submit(of_root, machine).error().code, ErrorCode::kPermission)
      << "root has `lease release` for that, and the site's file";
}

TEST_F(LeasesTest, PreemptionIsTheSitesAndTheTenantsRight) {
  Tenant strong;
  strong.name = "a";
  strong.may_preempt = true;
  strong.max_priority = 5;
  Tenant plain;
  plain.name = "b";
  plain.max_priority = 5;
  settings_.tenants.tenants = {strong, plain};
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  LeaseRequest urgent = request("1g.5gb", child());
  urgent.priority = 5;
  urgent.preempt = true;
  urgent.wait_ms = 1000;
  const auto site_says_no = leases.submit(urgent, machine);
  ASSERT_FALSE(site_says_no);
  EXPECT_NE(site_says_no.error().message.find("its site has not enabled it"), std::string::npos);
  Tenants enabled = settings_.tenants;
  enabled.preemption.enabled = true;
  leases.set_tenants(enabled);
  EXPECT_TRUE(leases.submit(urgent, machine));
  urgent.caller.tenant = "b";
  const auto tenant_says_no = leases.submit(urgent, machine);
  ASSERT_FALSE(tenant_says_no);
  EXPECT_EQ(tenant_says_no.error().code, ErrorCode::kPermission);
  EXPECT_NE(tenant_says_no.error().message.find("tenant b may not preempt"), std::string::npos);
}

TEST_F(LeasesTest, LingeringIsATenantsRight) {
  const Inventory machine = machine_of({"1g.5gb"});
  Tenant tenant;
  tenant.name = "a";
  settings_.tenants.tenants = {tenant};
  Leases leases = open();
  LeaseRequest asked = request("1g.5gb", child());
  asked.linger = true;
  const auto refused = leases.submit(asked, machine);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPermission);
  EXPECT_NE(refused.error().message.find("may not leave processes behind"), std::string::npos);
  Tenants given = settings_.tenants;
  given.tenants[0].may_linger = true;
  leases.set_tenants(given);
  EXPECT_TRUE(leases.submit(asked, machine));
}

TEST_F(LeasesTest, CreationIsATenantsRight) {
  Inventory machine = machine_of({});
  Tenant tenant;
  tenant.name = "a";
  settings_.tenants.tenants = {tenant};
  GpuInstanceProfile profile;
  profile.name = *ProfileName::parse("1g.5gb");
  profile.compute_profiles = {{0, profile.name, 1, 1, 14, {}}};
  machine.gpus[0].profiles.push_back(profile);
  Leases leases = open();
  LeaseRequest asked = request("1g.5gb", child());
  asked.caller.uid = 1001;
  asked.create = true;
  asked.wait_ms = 60'000;
  const auto refused = leases.submit(asked, machine);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPermission);
  EXPECT_NE(refused.error().message.find("may not make instances"), std::string::npos);
  Tenants given = settings_.tenants;
  given.tenants[0].may_create = true;
  leases.set_tenants(given);
  ASSERT_TRUE(leases.submit(asked, machine));
  EXPECT_EQ(leases.take_pending().creations.size(), 1U);
  leases.set_tenants(settings_.tenants);
  EXPECT_TRUE(leases.turn(machine)->creations.empty()) << "the right was taken meanwhile";
}

// Who waits with a right that the file no longer gives goes on waiting without it.
TEST_F(LeasesTest, ARightThatIsTakenIsTakenFromWhoWaits) {
  const Inventory machine = machine_of({"1g.5gb"});
  allow_preemption(10'000);
  Leases leases = open();
  ASSERT_TRUE(leases.submit(request("1g.5gb", child()), machine));
  LeaseRequest first = request("1g.5gb", child());
  first.wait_ms = 600'000;
  const auto ticket = leases.submit(first, machine);
  ASSERT_TRUE(ticket);
  LeaseRequest urgent = first;
  urgent.priority = 5;
  urgent.preempt = true;
  const auto before = leases.submit(urgent, machine);
  ASSERT_TRUE(before);
  EXPECT_EQ(before->waiting->position, 1U);
  Tenants less = settings_.tenants;
  less.tenants[0].max_priority = 0;
  less.tenants[0].may_preempt = false;
  leases.set_tenants(less);
  const auto queue = leases.queue(machine);
  ASSERT_EQ(queue->size(), 2U);
  EXPECT_EQ(queue->front().id, ticket->id) << "the priority is what the file gives now";
  EXPECT_TRUE(leases.list(&machine)->front().notice_ms) << "who was asked to go was asked";
}

TEST_F(LeasesTest, WhoWaitsPreemptsNobodyOnceTheSiteHasNoPreemption) {
  const Inventory machine = machine_of({"1g.5gb"});
  allow_preemption(10'000);
  Leases leases = open();
  ASSERT_TRUE(leases.submit(request("1g.5gb", child()), machine));
  LeaseRequest before = request("1g.5gb", child());
  before.priority = 5;
  before.wait_ms = 600'000;
  const auto reserves = leases.submit(before, machine);
  ASSERT_TRUE(reserves);
  LeaseRequest urgent = before;
  urgent.preempt = true;
  ASSERT_TRUE(leases.submit(urgent, machine));
  EXPECT_FALSE(leases.list(&machine)->front().notice_ms) << "what is reserved is not preempted";
  Tenants off = settings_.tenants;
  off.preemption.enabled = false;
  leases.set_tenants(off);
  ASSERT_TRUE(leases.cancel(reserves->id));
  ASSERT_TRUE(leases.turn(machine));
  EXPECT_FALSE(leases.list(&machine)->front().notice_ms);
  leases.set_tenants(settings_.tenants);
  ASSERT_TRUE(leases.turn(machine));
  EXPECT_TRUE(leases.list(&machine)->front().notice_ms);
}

TEST_F(LeasesTest, PreemptionSignalsAJobAfterNoticeAndKillsAfterTheGrace) {
  const Inventory machine = machine_of({"1g.5gb"});
  allow_preemption(10'000);
  settings_.nothing_left = [](const store::LeaseRow& /*lease*/, bool /*covered*/) { return false; };
  Leases leases = open();
  LeaseRequest job = request("1g.5gb", child());
  job.stoppable = true;
  ASSERT_TRUE(leases.submit(job, machine));
  LeaseRequest urgent = request("1g.5gb", child());
  urgent.priority = 5;
  urgent.preempt = true;
  urgent.wait_ms = 600'000;
  urgent.grace_ms = 0;  // it has no say in the time that others get
  ASSERT_TRUE(leases.submit(urgent, machine));
  const Turn asked = leases.take_pending();
  ASSERT_EQ(asked.signals.size(), 1U);
  EXPECT_EQ(asked.signals[0].lease.holder, job.holder);
  EXPECT_EQ(leases.list(&machine)->front().notice_ms, 10'000);
  clock_.advance(5s);
  EXPECT_TRUE(leases.turn(machine)->signals.empty());
  clock_.advance(6s);
  EXPECT_TRUE(leases.turn(machine)->granted.empty()) << "its processes have the instance";
  const auto ending = leases.ending();
  ASSERT_EQ(ending->size(), 1U);
  EXPECT_EQ(ending->front().lease.ending, "preempted");
  EXPECT_EQ(ending->front().lease.ending_stage, 1) << "it was asked: SIGKILL is next";
  EXPECT_EQ(ending->front().left_ms, 0) << "now";
  end(job.holder);
  EXPECT_TRUE(leases.turn(machine)->granted.empty()) << "the holder is not all of it";
  ASSERT_TRUE(leases.settle({{ending->front().lease.id, 0, 2}}));
  EXPECT_EQ(leases.turn(machine)->granted.size(), 1U);
}

TEST_F(LeasesTest, AHolderThatIsNoJobIsNeverSignalled) {
  const Inventory machine = machine_of({"1g.5gb"});
  allow_preemption(1000);
  Leases leases = open();
  ASSERT_TRUE(leases.submit(request("1g.5gb", child()), machine));
  LeaseRequest urgent = request("1g.5gb", child());
  urgent.priority = 5;
  urgent.preempt = true;
  urgent.wait_ms = 600'000;
  const auto ticket = leases.submit(urgent, machine);
  ASSERT_TRUE(ticket);
  EXPECT_TRUE(leases.take_pending().signals.empty());
  clock_.advance(2s);
  ASSERT_TRUE(leases.turn(machine));
  ASSERT_TRUE(leases.turn(machine));
  EXPECT_EQ(leases.list(&machine)->at(0).request, ticket->id);
}

TEST_F(LeasesTest, RunningLeasesCountForFairShare) {
  const Inventory machine = machine_of({"1g.5gb", "2g.10gb"});
  Leases leases = open();
  ASSERT_TRUE(leases.submit(request("2g.10gb", child()), machine)) << "a has it for long";
  LeaseRequest others = request("1g.5gb", child());
  others.caller.tenant = "c";
  const auto held = leases.submit(others, machine);
  ASSERT_TRUE(held);
  clock_.advance(1h);
  LeaseRequest greedy = request("1g.5gb", child());
  greedy.wait_ms = 600'000;
  ASSERT_TRUE(leases.submit(greedy, machine));
  LeaseRequest modest = greedy;
  modest.holder = child();
  modest.caller.tenant = "b";
  const auto second = leases.submit(modest, machine);
  ASSERT_TRUE(second);
  ASSERT_TRUE(second->waiting);
  EXPECT_EQ(second->waiting->position, 1U);
  leases.take_pending();
  ASSERT_TRUE(leases.release(held->granted[0].id, "", 0));
  const auto turn = leases.turn(machine);
  ASSERT_EQ(turn->granted.size(), 1U);
  EXPECT_EQ(turn->granted[0].tenant, "b");
}

TEST_F(LeasesTest, WhatWasUsedLongAgoCountsLess) {
  const Inventory machine = machine_of({"1g.5gb", "1g.5gb"});
  Leases leases = open();
  const auto use = [&](const std::string& tenant, std::chrono::hours time) {
    LeaseRequest asked = request("1g.5gb", child());
    asked.caller.tenant = tenant;
    const auto ticket = leases.submit(asked, machine);
    ASSERT_TRUE(ticket) << ticket.error().text();
    clock_.advance(time);
    ASSERT_TRUE(leases.release(ticket->granted[0].id, tenant, 0));
  };
  use("a", 10h);
  clock_.advance(std::chrono::hours(24 * 4));
  use("b", 2h);
  for (int i = 0; i < 2; ++i) {
    LeaseRequest blocker = request("1g.5gb", child());
    blocker.caller.tenant = "c";
    ASSERT_TRUE(leases.submit(blocker, machine));
  }
  std::vector<std::uint32_t> positions;
  for (const char* tenant : {"b", "a"}) {
    LeaseRequest waits = request("1g.5gb", child());
    waits.caller.tenant = tenant;
    waits.wait_ms = 600'000;
    const auto ticket = leases.submit(waits, machine);
    ASSERT_TRUE(ticket && ticket->waiting);
    positions.push_back(ticket->waiting->position);
  }
  // With decayed usage, ten hours four days ago count less than two hours just now.
  EXPECT_EQ(positions, (std::vector<std::uint32_t>{1, 1}));
}

TEST_F(LeasesTest, OnlyTheTenantChangesWhoHoldsItsLease) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  ASSERT_TRUE(leases.submit(request("1g.5gb", child()), machine));
  const auto id = leases.list(&machine)->front().id;
  const LeaseHolder next = child();
  EXPECT_EQ(leases.rebind(id, "b", next).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(leases.announce(id, "b", next, no_cgroup).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(leases.rebind(id, "a", LeaseHolder::time()).error().code, ErrorCode::kUsage)
      << "nothing would end it";
  ASSERT_TRUE(leases.rebind(id, "a", next));
  EXPECT_EQ(leases.list(&machine)->front().holder.pid, next.pid);
  ASSERT_TRUE(leases.rebind(id, "a", LeaseHolder::of_unit("x.service")));
  EXPECT_EQ(leases.announce(id, "a", next, no_cgroup).error().code, ErrorCode::kUsage);
}

TEST_F(LeasesTest, ATenantsHighestPriorityHolds) {
  Tenant tenant;
  tenant.name = "a";
  tenant.max_priority = 3;
  Tenant plain;
  plain.name = "b";
  settings_.tenants.tenants = {tenant, plain};
  const Inventory machine = machine_of({"1g.5gb", "1g.5gb"});
  Leases leases = open();
  LeaseRequest asked = request("1g.5gb", child());
  asked.priority = 4;
  EXPECT_EQ(leases.submit(asked, machine).error().code, ErrorCode::kPermission);
  asked.priority = 3;
  EXPECT_TRUE(leases.submit(asked, machine));
  asked.caller.tenant = "b";
  asked.priority = 1;
  EXPECT_EQ(leases.submit(asked, machine).error().code, ErrorCode::kPermission)
      << "without a word of it the highest is 0";
}

}  // namespace
}  // namespace mig::lease

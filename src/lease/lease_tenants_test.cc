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

TEST_F(LeasesTest, PreemptionSignalsAJobAfterNoticeAndKillsAfterTheGrace) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  LeaseRequest job = request("1g.5gb", child());
  job.stoppable = true;
  ASSERT_TRUE(leases.submit(job, machine));
  LeaseRequest urgent = request("1g.5gb", child());
  urgent.priority = 5;
  urgent.preempt = true;
  urgent.wait_ms = 600'000;
  urgent.grace_ms = 10'000;
  ASSERT_TRUE(leases.submit(urgent, machine));
  const Turn asked = leases.take_pending();
  ASSERT_EQ(asked.signals.size(), 1U);
  EXPECT_FALSE(asked.signals[0].kill);
  EXPECT_EQ(leases.list(&machine)->front().notice_ms, 10'000);
  clock_.advance(5s);
  EXPECT_TRUE(leases.turn(machine)->signals.empty());
  clock_.advance(6s);
  const auto over = leases.turn(machine);
  ASSERT_EQ(over->signals.size(), 1U);
  EXPECT_TRUE(over->signals[0].kill);
  end(job.holder);
  EXPECT_EQ(leases.turn(machine)->granted.size(), 1U);
}

TEST_F(LeasesTest, AHolderThatIsNoJobIsNeverSignalled) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  ASSERT_TRUE(leases.submit(request("1g.5gb", child()), machine));
  LeaseRequest urgent = request("1g.5gb", child());
  urgent.priority = 5;
  urgent.preempt = true;
  urgent.wait_ms = 600'000;
  urgent.grace_ms = 1000;
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
  EXPECT_EQ(leases.bequeath(id, "b", next).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(leases.rebind(id, "a", LeaseHolder::time()).error().code, ErrorCode::kUsage)
      << "nothing would end it";
  ASSERT_TRUE(leases.rebind(id, "a", next));
  EXPECT_EQ(leases.list(&machine)->front().holder.pid, next.pid);
  ASSERT_TRUE(leases.rebind(id, "a", LeaseHolder::of_unit("x.service")));
  EXPECT_EQ(leases.bequeath(id, "a", next).error().code, ErrorCode::kUsage);
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

// SPDX-License-Identifier: Apache-2.0
#include "lease/lease.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "holders/lease_life.h"
#include "holders/process_facts.h"

namespace mig::lease {
namespace {

using namespace std::chrono_literals;

Inventory machine_of(const std::vector<std::string>& profiles) {
  Inventory inventory;
  Gpu& gpu = inventory.gpus.emplace_back();
  gpu.uuid = "GPU-0";
  gpu.mig_current = MigMode::kEnabled;
  for (std::uint32_t i = 0; i < profiles.size(); ++i) {
    GpuInstance& instance = gpu.instances.emplace_back();
    instance.id = GpuInstanceId{i};
    instance.name = *ProfileName::parse(profiles[i]);
    instance.memory_mib = instance.name.memory_gb * 1024ULL;
    instance.sm = instance.name.gpu_slices * 14;
    ComputeInstance& compute = instance.compute_instances.emplace_back();
    compute.name = instance.name;
    compute.uuid = fmt::format("MIG-{}", i);
  }
  return inventory;
}

class LeasesTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "/leases-XXXXXX";
    ASSERT_NE(::mkdtemp(dir_.data()), nullptr);
    settings_.clock = &clock_;
  }

  void TearDown() override {
    for (const pid_t child : children_) {
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
    }
    std::filesystem::remove_all(dir_);
  }

  Leases open() {
    auto leases = Leases::open(dir_ + "/leases.db", settings_);
    EXPECT_TRUE(leases) << leases.error().text();
    return *std::move(leases);
  }

  // A process that does nothing until it is killed.
  Holder child() {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::pause();
      ::_exit(0);
    }
    children_.push_back(pid);
    const auto number = static_cast<std::uint32_t>(pid);
    return Holder::process(number, *holders::start_of("/proc", number));
  }

  void end(const Holder& holder) {
    ::kill(static_cast<pid_t>(holder.pid), SIGKILL);
    ::waitpid(static_cast<pid_t>(holder.pid), nullptr, 0);
    std::erase(children_, static_cast<pid_t>(holder.pid));
  }

  static LeaseRequest request(const std::string& profile, const Holder& holder) {
    LeaseRequest request;
    request.need.profile = *ProfileName::parse(profile);
    request.holder = holder;
    request.caller.tenant = "a";
    return request;
  }

  std::string dir_;
  base::ManualClock clock_{1000h};
  Settings settings_;
  std::vector<pid_t> children_;
};

TEST_F(LeasesTest, ALeaseIsExclusiveAndSurvivesReopening) {
  const Inventory machine = machine_of({"1g.5gb"});
  const Holder holder = child();
  {
    Leases leases = open();
    const auto ticket = leases.submit(request("1g.5gb", holder), machine);
    ASSERT_TRUE(ticket) << ticket.error().text();
    ASSERT_EQ(ticket->granted.size(), 1U);
    EXPECT_EQ(ticket->granted[0].instance.uuid, "MIG-0");
  }
  Leases leases = open();
  const auto second = leases.submit(request("1g.5gb", child()), machine);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kInUse);
  EXPECT_TRUE(leases.queue(machine)->empty()) << "who does not wait leaves nothing behind";
}

TEST_F(LeasesTest, ADeadHolderIsReclaimedAtOnce) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  const Holder holder = child();
  ASSERT_TRUE(leases.submit(request("1g.5gb", holder), machine));
  EXPECT_EQ(leases.list(&machine)->size(), 1U);
  end(holder);
  EXPECT_TRUE(leases.list(&machine)->empty());
  const auto next = leases.submit(request("1g.5gb", child()), machine);
  EXPECT_TRUE(next) << next.error().text();
}

TEST_F(LeasesTest, AProcessNumberUsedAgainIsAnotherHolder) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  Holder holder = child();
  ASSERT_TRUE(leases.submit(request("1g.5gb", holder), machine));
  Leases again = open();
  ASSERT_EQ(again.list(&machine)->size(), 1U);
  Holder stranger = holder;
  ++stranger.start_ticks;
  const auto lease = again.list(&machine)->front();
  ASSERT_TRUE(again.rebind(lease.id, "", stranger));
  EXPECT_TRUE(again.list(&machine)->empty());
}

TEST_F(LeasesTest, TheHeirKeepsALeaseWhoseHolderWasKilled) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  const Holder supervisor = child();
  const Holder job = child();
  LeaseRequest asked = request("1g.5gb", supervisor);
  asked.stoppable = true;
  const auto ticket = leases.submit(asked, machine);
  ASSERT_TRUE(ticket);
  ASSERT_TRUE(leases.bequeath(ticket->granted[0].id, "a", job));
  EXPECT_FALSE(leases.bequeath(ticket->granted[0].id, "b", job)) << "another tenant's";
  end(supervisor);
  ASSERT_EQ(leases.list(&machine)->size(), 1U);
  EXPECT_FALSE(leases.submit(request("1g.5gb", child()), machine));
  end(job);
  EXPECT_TRUE(leases.list(&machine)->empty());
  EXPECT_TRUE(leases.submit(request("1g.5gb", child()), machine));
}

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

TEST_F(LeasesTest, ATimeLimitEndsAndAClockThatGoesBackTakesNothing) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  LeaseRequest timed = request("1g.5gb", Holder::time());
  timed.limit_ms = 60'000;
  ASSERT_TRUE(leases.submit(timed, machine));
  clock_.advance(59s);
  EXPECT_EQ(leases.list(&machine)->size(), 1U);
  base::ManualClock earlier(1h);  // the calendar is set back; time since boot goes on
  earlier.advance(59s);
  settings_.clock = &earlier;
  Leases back = open();
  EXPECT_EQ(back.list(&machine)->size(), 1U);
  earlier.advance(2s);
  EXPECT_TRUE(back.list(&machine)->empty());
}

TEST_F(LeasesTest, SharedLeasesAreCounted) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  for (int i = 0; i < 3; ++i) {
    LeaseRequest shared = request("1g.5gb", child());
    shared.shared = 3;
    const auto ticket = leases.submit(shared, machine);
    ASSERT_TRUE(ticket) << i << ": " << ticket.error().text();
  }
  LeaseRequest fourth = request("1g.5gb", child());
  fourth.shared = 3;
  EXPECT_FALSE(leases.submit(fourth, machine));
  EXPECT_FALSE(leases.submit(request("1g.5gb", child()), machine));
}

TEST_F(LeasesTest, TheQueueIsServedInOrderWhenALeaseEnds) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  const Holder first = child();
  ASSERT_TRUE(leases.submit(request("1g.5gb", first), machine));
  std::vector<std::int64_t> tickets;
  for (int i = 0; i < 3; ++i) {
    LeaseRequest waits = request("1g.5gb", child());
    waits.wait_ms = 600'000;
    const auto ticket = leases.submit(waits, machine);
    ASSERT_TRUE(ticket) << ticket.error().text();
    ASSERT_TRUE(ticket->waiting);
    EXPECT_EQ(ticket->waiting->position, static_cast<std::uint32_t>(i + 1));
    tickets.push_back(ticket->id);
  }
  for (int i = 0; i < 3; ++i) {
    const auto held = leases.list(&machine);
    ASSERT_EQ(held->size(), 1U);
    ASSERT_TRUE(leases.release(held->front().id, "a", 0));
    ASSERT_TRUE(leases.turn(machine));
    EXPECT_EQ(leases.list(&machine)->at(0).request, tickets[static_cast<std::size_t>(i)]);
  }
}

TEST_F(LeasesTest, WhoGaveUpOrDiedLeavesTheQueue) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  ASSERT_TRUE(leases.submit(request("1g.5gb", child()), machine));
  LeaseRequest patient = request("1g.5gb", child());
  patient.wait_ms = 1000;
  const auto timed = leases.submit(patient, machine);
  ASSERT_TRUE(timed);
  LeaseRequest doomed = request("1g.5gb", child());
  doomed.wait_ms = 600'000;
  doomed.waiter = child();
  ASSERT_TRUE(leases.submit(doomed, machine));
  EXPECT_EQ(leases.queue(machine)->size(), 2U);
  end(doomed.waiter);
  clock_.advance(2s);
  ASSERT_TRUE(leases.turn(machine));
  EXPECT_TRUE(leases.queue(machine)->empty());
  const auto gone = leases.look(timed->id, machine);
  ASSERT_TRUE(gone);
  EXPECT_TRUE(gone->granted.empty());
  EXPECT_FALSE(gone->waiting);
}

TEST_F(LeasesTest, TheSameKeyIsTheSameRequest) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  const Holder holder = child();
  ASSERT_TRUE(leases.submit(request("1g.5gb", child()), machine));
  LeaseRequest keyed = request("1g.5gb", holder);
  keyed.wait_ms = 600'000;
  keyed.key = "k";
  const auto one = leases.submit(keyed, machine);
  const auto two = leases.submit(keyed, machine);
  ASSERT_TRUE(one && two);
  EXPECT_EQ(one->id, two->id);
  EXPECT_EQ(leases.queue(machine)->size(), 1U);
  ASSERT_TRUE(leases.release(leases.list(&machine)->front().id, "", 0));
  const auto three = leases.submit(keyed, machine);
  ASSERT_TRUE(three);
  EXPECT_EQ(three->granted.size(), 1U);
  const auto four = leases.submit(keyed, machine);
  ASSERT_TRUE(four) << four.error().text();
  ASSERT_EQ(four->granted.size(), 1U);
  EXPECT_EQ(four->granted[0].id, three->granted[0].id);
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

TEST_F(LeasesTest, ALeaseOfAnInstanceThatIsGoneSaysSo) {
  Leases leases = open();
  ASSERT_TRUE(leases.submit(request("1g.5gb", child()), machine_of({"1g.5gb"})));
  const Inventory empty = machine_of({});
  ASSERT_EQ(leases.list(&empty)->size(), 1U);
  EXPECT_TRUE(leases.list(&empty)->front().vanished);
}

TEST_F(LeasesTest, WhatCanNeverBeHadIsRefusedWithWhatCould) {
  const Inventory machine = machine_of({"1g.5gb", "2g.10gb"});
  Leases leases = open();
  LeaseRequest big = request("1g.5gb", child());
  big.need.profile.reset();
  big.need.min_memory_mib = 64 * 1024;
  big.wait_ms = 1000;
  const auto refused = leases.submit(big, machine);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNothingMatched);
  EXPECT_NE(refused.error().hint.find("1 x 1g.5gb, 1 x 2g.10gb"), std::string::npos)
      << refused.error().hint;
}

TEST_F(LeasesTest, AFullQueueRefuses) {
  const Inventory machine = machine_of({"1g.5gb"});
  settings_.most_waiting = 2;
  Leases leases = open();
  ASSERT_TRUE(leases.submit(request("1g.5gb", child()), machine));
  LeaseRequest waits = request("1g.5gb", child());
  waits.wait_ms = 1000;
  ASSERT_TRUE(leases.submit(waits, machine));
  ASSERT_TRUE(leases.submit(waits, machine));
  const auto third = leases.submit(waits, machine);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, ErrorCode::kNoCapacity);
  EXPECT_NE(third.error().message.find("the queue is full"), std::string::npos);
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

// Of two who wait the one whose tenant has less of the machine is first, though it came later.
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
  // Ten hours four days ago are 10 / 16 of an hour by now; two of just now are two.
  EXPECT_EQ(positions, (std::vector<std::uint32_t>{1, 1}));
}

TEST_F(LeasesTest, OnlyTheTenantChangesWhoHoldsItsLease) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  ASSERT_TRUE(leases.submit(request("1g.5gb", child()), machine));
  const auto id = leases.list(&machine)->front().id;
  const Holder next = child();
  EXPECT_EQ(leases.rebind(id, "b", next).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(leases.bequeath(id, "b", next).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(leases.rebind(id, "a", Holder::time()).error().code, ErrorCode::kUsage)
      << "nothing would end it";
  ASSERT_TRUE(leases.rebind(id, "a", next));
  EXPECT_EQ(leases.list(&machine)->front().holder.pid, next.pid);
  ASSERT_TRUE(leases.rebind(id, "a", Holder::of_unit("x.service")));
  EXPECT_EQ(leases.bequeath(id, "a", next).error().code, ErrorCode::kUsage);
}

TEST_F(LeasesTest, NumbersHaveLimits) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  const auto code = [&](const std::function<void(LeaseRequest&)>& change) {
    LeaseRequest asked = request("1g.5gb", child());
    change(asked);
    const auto ticket = leases.submit(asked, machine);
    return ticket ? std::optional<ErrorCode>() : ticket.error().code;
  };
  EXPECT_EQ(code([](auto& r) { r.count = 0; }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& r) { r.count = 257; }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& r) { r.shared = 0; }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& r) { r.shared = 49; }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& r) { r.priority = 101; }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& r) { r.priority = -101; }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& r) { r.limit_ms = 0; }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& r) { r.wait_ms = -1; }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& r) { r.grace_ms = -1; }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& r) { r.job = std::string(201, 'j'); }), ErrorCode::kTooLarge);
  EXPECT_EQ(code([](auto& r) { r.key = std::string(201, 'k'); }), ErrorCode::kTooLarge);
  EXPECT_EQ(code([](auto& r) { r.holder = Holder::time(); }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& r) { r.shared = 48; }), std::nullopt);
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

TEST_F(LeasesTest, TheAuditTellsWhatHappened) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  const Holder holder = child();
  ASSERT_TRUE(leases.submit(request("1g.5gb", holder), machine));
  end(holder);
  EXPECT_EQ(*leases.reap(), 1U);
  const auto rows = leases.audit(10);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ(rows->at(0).action, "holder ended");
  EXPECT_EQ(rows->at(1).action, "granted");
}

}  // namespace
}  // namespace mig::lease

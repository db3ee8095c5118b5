// SPDX-License-Identifier: Apache-2.0
#include "lease/lease.h"

#include <functional>
#include <optional>

#include "lease/test_leases.h"

namespace mig::lease {
namespace {

using namespace std::chrono_literals;

TEST_F(LeasesTest, ALeaseIsExclusiveAndSurvivesReopening) {
  const Inventory machine = machine_of({"1g.5gb"});
  const LeaseHolder holder = child();
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
  const LeaseHolder holder = child();
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
  LeaseHolder holder = child();
  ASSERT_TRUE(leases.submit(request("1g.5gb", holder), machine));
  Leases again = open();
  ASSERT_EQ(again.list(&machine)->size(), 1U);
  LeaseHolder stranger = holder;
  ++stranger.start_ticks;
  const auto lease = again.list(&machine)->front();
  ASSERT_TRUE(again.rebind(lease.id, "", stranger));
  EXPECT_TRUE(again.list(&machine)->empty());
}

TEST_F(LeasesTest, TheHeirKeepsALeaseWhoseHolderWasKilled) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  const LeaseHolder supervisor = child();
  const LeaseHolder job = child();
  LeaseRequest asked = request("1g.5gb", supervisor);
  asked.stoppable = true;
  const auto ticket = leases.submit(asked, machine);
  ASSERT_TRUE(ticket);
  ASSERT_TRUE(leases.announce(ticket->granted[0].id, "a", job, no_cgroup));
  EXPECT_FALSE(leases.announce(ticket->granted[0].id, "b", job, no_cgroup)) << "another tenant's";
  end(supervisor);
  ASSERT_EQ(leases.list(&machine)->size(), 1U);
  EXPECT_FALSE(leases.submit(request("1g.5gb", child()), machine));
  end(job);
  EXPECT_TRUE(leases.list(&machine)->empty());
  EXPECT_TRUE(leases.submit(request("1g.5gb", child()), machine));
}

TEST_F(LeasesTest, ATimeLimitEndsAndAClockThatGoesBackTakesNothing) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  LeaseRequest timed = request("1g.5gb", LeaseHolder::time());
  timed.limit_ms = 60'000;
  ASSERT_TRUE(leases.submit(timed, machine));
  clock_.advance(59s);
  EXPECT_EQ(leases.list(&machine)->size(), 1U);
  base::ManualClock earlier(1h);  // the wall clock is set back; time since boot is monotonic
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
  const LeaseHolder first = child();
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
  const LeaseHolder holder = child();
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

// Fair share: of two waiting requests, the one whose tenant uses less of the machine is first,
// though it came later.
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
  EXPECT_EQ(code([](auto& r) { r.holder = LeaseHolder::time(); }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& r) { r.shared = 48; }), std::nullopt);
}

TEST_F(LeasesTest, TheAuditTellsWhatHappened) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  const LeaseHolder holder = child();
  ASSERT_TRUE(leases.submit(request("1g.5gb", holder), machine));
  end(holder);
  EXPECT_EQ(*leases.reap(), 1U);
  EventFilter filter;
  const auto all = leases.history(filter);
  ASSERT_EQ(all->events.size(), 2U);
  EXPECT_FALSE(all->next);
  EXPECT_EQ(all->events[0].action, "holder ended");
  EXPECT_EQ(all->events[1].action, "granted");
  EXPECT_FALSE(all->events[1].tenant.empty());
  EXPECT_EQ(all->events[1].lease, all->events[0].lease);
  EXPECT_NE(all->events[1].instance.find("1g.5gb"), std::string::npos) << all->events[1].instance;
  filter.limit = 1;
  const auto page = leases.history(filter);
  ASSERT_EQ(page->events.size(), 1U);
  ASSERT_TRUE(page->next);
  filter.before = page->next;
  const auto last = leases.history(filter);
  ASSERT_EQ(last->events.size(), 1U);
  EXPECT_EQ(last->events[0].action, "granted");
  EXPECT_FALSE(last->next);
  for (const std::uint32_t wrong : {0U, EventFilter::kMostEvents + 1}) {
    filter.limit = wrong;
    EXPECT_EQ(leases.history(filter).error().code, ErrorCode::kUsage) << wrong;
  }
}

}  // namespace
}  // namespace mig::lease

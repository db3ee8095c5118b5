// SPDX-License-Identifier: Apache-2.0
#include "lease/schedule.h"

#include <array>
#include <map>
#include <random>
#include <set>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace mig::lease {
namespace {

constexpr std::int64_t kMinuteMs = 60'000;

Instance seat_instance(std::uint32_t number, const std::string& profile) {
  Instance instance;
  instance.uuid = fmt::format("MIG-{}", number);
  instance.profile = *ProfileName::parse(profile);
  instance.gpu = GpuIndex{number / 7};
  instance.gpu_uuid = fmt::format("GPU-{}", number / 7);
  instance.gpu_instance = GpuInstanceId{number};
  instance.memory_mib = instance.profile.memory_gb * 1024ULL;
  instance.slices = instance.profile.compute_slices;
  instance.sm = instance.slices * 14;
  return instance;
}

Seat free_seat(std::uint32_t number, const std::string& profile) {
  return {seat_instance(number, profile), "", {}};
}

Seat held_seat(std::uint32_t number,
               const std::string& profile,
               std::optional<std::int64_t> left_ms,
               std::uint32_t shared = 1,
               std::int32_t priority = 0) {
  Seat seat = free_seat(number, profile);
  seat.held.push_back({100 + number, "other", shared, priority, left_ms, false});
  return seat;
}

Waiting wants(std::int64_t id, const std::string& profile, const std::string& tenant = "a") {
  Waiting request;
  request.id = id;
  request.need.profile = *ProfileName::parse(profile);
  request.tenant = tenant;
  return request;
}

std::vector<std::int64_t> granted(const Decisions& decisions) {
  std::vector<std::int64_t> ids;
  for (const Grant& grant : decisions.grants) {
    ids.push_back(grant.request);
  }
  return ids;
}

using Ids = std::vector<std::int64_t>;

TEST(Schedule, FirstComeFirstServedWithinATenant) {
  const Machine machine{{free_seat(0, "1g.5gb"), free_seat(1, "1g.5gb")}, {}};
  const auto out = schedule(machine, {wants(1, "1g.5gb"), wants(2, "1g.5gb"), wants(3, "1g.5gb")});
  EXPECT_EQ(granted(out), (Ids{1, 2}));
  ASSERT_EQ(out.waiting.size(), 1U);
  EXPECT_EQ(out.waiting[0].position, 1U);
}

TEST(Schedule, TheSmallestThatServesIsTaken) {
  const Machine machine{{free_seat(0, "3g.20gb"), free_seat(1, "1g.5gb"), free_seat(2, "2g.10gb")},
                        {}};
  Waiting request;
  request.id = 1;
  request.need.min_memory_mib = 8 * 1024;
  const auto out = schedule(machine, {request});
  ASSERT_EQ(out.grants.size(), 1U);
  EXPECT_EQ(out.grants[0].uuids, std::vector<std::string>{"MIG-2"});
}

TEST(Schedule, PriorityGoesBeforeOrderOfComing) {
  const Machine machine{{free_seat(0, "1g.5gb")}, {}};
  Waiting urgent = wants(2, "1g.5gb");
  urgent.priority = 5;
  EXPECT_EQ(granted(schedule(machine, {wants(1, "1g.5gb"), urgent})), (Ids{2}));
}

TEST(Schedule, WhoUsedLessForItsWeightComesFirst) {
  Machine machine{{free_seat(0, "1g.5gb")}, {}};
  machine.tenants["a"] = {1, 9e6, {}};
  machine.tenants["b"] = {1, 5e6, {}};
  EXPECT_EQ(granted(schedule(machine, {wants(1, "1g.5gb"), wants(2, "1g.5gb", "b")})), (Ids{2}));
  machine.tenants["a"].weight = 2;
  EXPECT_EQ(granted(schedule(machine, {wants(1, "1g.5gb"), wants(2, "1g.5gb", "b")})), (Ids{1}));
}

TEST(Schedule, ATurnIsSharedOutBetweenTenants) {
  Machine machine;
  std::vector<Waiting> queue;
  for (std::uint32_t i = 0; i < 4; ++i) {
    machine.seats.push_back(free_seat(i, "1g.5gb"));
  }
  for (std::int64_t i = 1; i <= 6; ++i) {
    queue.push_back(wants(i, "1g.5gb", i <= 4 ? "greedy" : "late"));
  }
  EXPECT_EQ(granted(schedule(machine, queue)), (Ids{1, 5, 2, 6}));
}

TEST(Schedule, ReasonAndForecastComeFromTimeLimits) {
  const Machine machine{{held_seat(0, "3g.20gb", 12 * kMinuteMs),
                         held_seat(1, "3g.20gb", 12 * kMinuteMs - 5),
                         held_seat(2, "3g.20gb", std::nullopt)},
                        {}};
  Waiting two = wants(1, "3g.20gb");
  two.count = 2;
  const auto out = schedule(machine, {two});
  ASSERT_EQ(out.waiting.size(), 1U);
  EXPECT_EQ(out.waiting[0].start_in_ms, 12 * kMinuteMs);
  EXPECT_EQ(out.waiting[0].reason, "2 x 3g.20gb: 2 of 3 leases there end in ~12 min");
}

TEST(Schedule, WithoutLimitsNoForecastIsMade) {
  const Machine machine{{held_seat(0, "3g.20gb", std::nullopt)}, {}};
  const auto out = schedule(machine, {wants(1, "3g.20gb")});
  ASSERT_EQ(out.waiting.size(), 1U);
  EXPECT_FALSE(out.waiting[0].start_in_ms);
  EXPECT_NE(out.waiting[0].reason.find("1 lease there, and when it ends cannot be told"),
            std::string::npos)
      << out.waiting[0].reason;
}

TEST(Schedule, BackfillOnlyWhatEndsBeforeThePromise) {
  const Machine machine{{free_seat(0, "1g.5gb"), held_seat(1, "1g.5gb", 10 * kMinuteMs)}, {}};
  Waiting head = wants(1, "1g.5gb");
  head.count = 2;
  Waiting quick = wants(2, "1g.5gb");
  quick.limit_ms = 10 * kMinuteMs;
  Waiting slow = wants(3, "1g.5gb");
  slow.limit_ms = 10 * kMinuteMs + 1;
  const auto out = schedule(machine, {head, slow, quick});
  EXPECT_EQ(granted(out), (Ids{2}));
  EXPECT_NE(out.waiting[1].reason.find("promised to requests before it"), std::string::npos)
      << out.waiting[1].reason;
  EXPECT_EQ(granted(schedule(machine, {head, slow})), Ids{}) << "too long by itself";
}

TEST(Schedule, WhatTheHeadCannotUseIsFreeForOthers) {
  const Machine machine{{held_seat(0, "3g.20gb", std::nullopt), free_seat(1, "1g.5gb")}, {}};
  EXPECT_EQ(granted(schedule(machine, {wants(1, "3g.20gb"), wants(2, "1g.5gb")})), (Ids{2}));
}

TEST(Schedule, SharersFillOneInstanceBeforeTheNextAndCount) {
  Machine machine{{free_seat(0, "1g.5gb"), free_seat(1, "1g.5gb")}, {}};
  std::vector<Waiting> queue;
  for (std::int64_t i = 1; i <= 7; ++i) {
    queue.push_back(wants(i, "1g.5gb"));
    queue.back().shared = 3;
  }
  const auto out = schedule(machine, queue);
  ASSERT_EQ(out.grants.size(), 6U);
  std::map<std::string, int> on;
  for (const Grant& grant : out.grants) {
    ++on[grant.uuids.at(0)];
  }
  EXPECT_EQ(on["MIG-0"], 3);
  EXPECT_EQ(on["MIG-1"], 3);
}

TEST(Schedule, NobodyJoinsASharedInstanceThatAnExclusiveRequestWaitsFor) {
  const Machine machine{{held_seat(0, "1g.5gb", std::nullopt, 4)}, {}};
  Waiting sharer = wants(2, "1g.5gb");
  sharer.shared = 4;
  EXPECT_EQ(granted(schedule(machine, {sharer})), (Ids{2}));
  EXPECT_TRUE(granted(schedule(machine, {wants(1, "1g.5gb"), sharer})).empty());
}

TEST(Schedule, SomebodyWithoutALeaseIsInTheWayAndNamed) {
  Machine machine{{free_seat(0, "1g.5gb")}, {}};
  machine.seats[0].busy = "pid 41 (python)";
  const auto out = schedule(machine, {wants(1, "1g.5gb")});
  ASSERT_EQ(out.waiting.size(), 1U);
  EXPECT_FALSE(out.waiting[0].over_quota);
  EXPECT_NE(out.waiting[0].reason.find("in use without a lease by pid 41 (python)"),
            std::string::npos);
}

TEST(Schedule, AQuotaStopsItsTenantAndNobodyElse) {
  Machine machine{{free_seat(0, "2g.10gb"), held_seat(1, "2g.10gb", std::nullopt)}, {}};
  machine.seats[1].held[0].tenant = "a";
  machine.tenants["a"].quota.slices = 3;
  const auto out = schedule(machine, {wants(1, "2g.10gb"), wants(2, "2g.10gb", "b")});
  EXPECT_EQ(granted(out), (Ids{2}));
  EXPECT_TRUE(out.waiting[0].over_quota);
  EXPECT_NE(out.waiting[0].reason.find("2 of 3 slices are in use and it needs 2"),
            std::string::npos)
      << out.waiting[0].reason;
}

TEST(Quota, EachOfItsFiguresCounts) {
  Quota quota;
  quota.slices = 4;
  quota.sm = 56;
  quota.memory_mib = 10240;
  quota.instances = 2;
  EXPECT_EQ(over_quota(quota, {2, 28, 1, 5120}, {2, 28, 1, 5120}), "");
  EXPECT_EQ(over_quota(quota, {3, 0, 0, 0}, {2, 0, 0, 0}),
            "the tenant's quota: 3 of 4 slices are in use and it needs 2");
  EXPECT_EQ(over_quota(quota, {0, 50, 0, 0}, {0, 7, 0, 0}),
            "the tenant's quota: 50 of 56 SMs are in use and it needs 7");
  EXPECT_EQ(over_quota(quota, {0, 0, 2, 0}, {0, 0, 1, 0}),
            "the tenant's quota: 2 of 2 instances are in use and it needs 1");
  EXPECT_EQ(over_quota(quota, {0, 0, 0, 10240}, {0, 0, 0, 1}),
            "the tenant's quota: 10240 of 10240 MiB are in use and it needs 1");
  EXPECT_EQ(over_quota({}, {99, 99, 99, 99}, {99, 99, 99, 99}), "");
}

TEST(Schedule, PreemptionAsksTheLowestPriorityAndOnlyLower) {
  const Machine machine{{held_seat(0, "1g.5gb", std::nullopt, 1, 3),
                         held_seat(1, "1g.5gb", std::nullopt, 1, 1),
                         held_seat(2, "1g.5gb", std::nullopt, 1, 5)},
                        {}};
  Waiting urgent = wants(1, "1g.5gb");
  urgent.priority = 5;
  urgent.preempt = true;
  const auto out = schedule(machine, {urgent});
  ASSERT_EQ(out.preemptions.size(), 1U);
  EXPECT_EQ(out.preemptions[0].lease, 101);
  urgent.priority = 1;
  EXPECT_TRUE(schedule(machine, {urgent}).preemptions.empty());
}

TEST(Schedule, WhoWasAskedToGoIsNotAskedAgainNorAnotherInItsPlace) {
  Machine machine{{held_seat(0, "1g.5gb", 20'000), held_seat(1, "1g.5gb", std::nullopt)}, {}};
  machine.seats[0].held[0].leaving = true;
  Waiting urgent = wants(1, "1g.5gb");
  urgent.priority = 5;
  urgent.preempt = true;
  EXPECT_TRUE(schedule(machine, {urgent}).preemptions.empty());
}

TEST(Schedule, CreationIsAskedForByTheFirstWhoWantsIt) {
  const Machine machine{{held_seat(0, "1g.5gb", std::nullopt)}, {}};
  Waiting first = wants(1, "2g.10gb");
  first.create = true;
  Waiting second = wants(2, "3g.20gb");
  second.create = true;
  const auto out = schedule(machine, {first, second});
  ASSERT_EQ(out.creations.size(), 1U);
  EXPECT_EQ(out.creations[0].request, 1);
}

// Fair share orders tenants within a priority, not across priorities.
TEST(Schedule, PriorityGoesBeforeFairShare) {
  Machine machine{{free_seat(0, "1g.5gb")}, {}};
  machine.tenants["a"] = {1, 0, {}};
  machine.tenants["b"] = {1, 9e9, {}};
  Waiting urgent = wants(2, "1g.5gb", "b");
  urgent.priority = 1;
  EXPECT_EQ(granted(schedule(machine, {wants(1, "1g.5gb"), urgent})), (Ids{2}));
}

TEST(Schedule, WhatATurnGivesCountsForTheQuotaOfTheSameTurn) {
  Machine machine{{free_seat(0, "1g.5gb"), free_seat(1, "1g.5gb"), free_seat(2, "1g.5gb")}, {}};
  machine.tenants["a"].quota.slices = 2;
  const auto out = schedule(machine, {wants(1, "1g.5gb"), wants(2, "1g.5gb"), wants(3, "1g.5gb")});
  EXPECT_EQ(granted(out), (Ids{1, 2}));
  ASSERT_EQ(out.waiting.size(), 1U);
  EXPECT_NE(out.waiting[0].reason.find("2 of 2 slices are in use"), std::string::npos)
      << out.waiting[0].reason;
}

TEST(Schedule, ASharerJoinsTheInstanceThatOthersAreOn) {
  const Machine machine{{free_seat(0, "1g.5gb"), held_seat(1, "1g.5gb", std::nullopt, 3)}, {}};
  Waiting sharer = wants(1, "1g.5gb");
  sharer.shared = 3;
  const auto out = schedule(machine, {sharer});
  ASSERT_EQ(out.grants.size(), 1U);
  EXPECT_EQ(out.grants[0].uuids, std::vector<std::string>{"MIG-1"}) << "MIG-0 stays whole";
}

TEST(Schedule, ALeaseThatIsAboutToEndIsThereStill) {
  const Machine machine{{held_seat(0, "1g.5gb", 0)}, {}};
  const auto out = schedule(machine, {wants(1, "1g.5gb")});
  EXPECT_TRUE(out.grants.empty());
  ASSERT_EQ(out.waiting.size(), 1U);
  EXPECT_EQ(out.waiting[0].start_in_ms, 1);
}

// An instance that comes free goes to the earlier request: preempting a lease would serve no one.
TEST(Schedule, NobodyIsAskedToGoForOneBehindInTheQueue) {
  const Machine machine{{held_seat(0, "1g.5gb", std::nullopt)}, {}};
  Waiting first = wants(1, "1g.5gb");
  first.priority = 5;
  Waiting behind = wants(2, "1g.5gb");
  behind.priority = 4;
  behind.preempt = true;
  EXPECT_TRUE(schedule(machine, {first, behind}).preemptions.empty());
  EXPECT_EQ(schedule(machine, {behind}).preemptions.size(), 1U);
}

TEST(Schedule, NobodyIsAskedToGoForLessThanWhatIsNeeded) {
  const Machine machine{
      {held_seat(0, "1g.5gb", std::nullopt, 1, 0), held_seat(1, "1g.5gb", std::nullopt, 1, 9)}, {}};
  Waiting two = wants(1, "1g.5gb");
  two.count = 2;
  two.priority = 5;
  two.preempt = true;
  EXPECT_TRUE(schedule(machine, {two}).preemptions.empty());
}

TEST(Schedule, OfSeveralOnOneInstanceOnlyThoseNotAskedYetAreAsked) {
  Machine machine{{held_seat(0, "1g.5gb", std::nullopt, 2)}, {}};
  machine.seats[0].held.push_back({7, "other", 2, 0, std::nullopt, true});
  Waiting urgent = wants(1, "1g.5gb");
  urgent.priority = 5;
  urgent.preempt = true;
  const auto out = schedule(machine, {urgent});
  ASSERT_EQ(out.preemptions.size(), 1U);
  EXPECT_EQ(out.preemptions[0].lease, 100);
}

TEST(Schedule, OnlyWhatIsMissingIsMade) {
  const Machine machine{{free_seat(0, "1g.5gb")}, {}};
  Waiting three = wants(1, "1g.5gb");
  three.count = 3;
  three.create = true;
  const auto out = schedule(machine, {three});
  ASSERT_EQ(out.creations.size(), 1U);
  EXPECT_EQ(out.creations[0].count, 2U);
}

// Property tests on random machines and queues.
class RandomSchedule : public ::testing::TestWithParam<unsigned> {
 protected:
  RandomSchedule() : random_(GetParam()) {}

  std::uint32_t pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }

  std::optional<std::int64_t> maybe_minutes() {
    return pick(3) == 0 ? std::nullopt : std::optional<std::int64_t>((1 + pick(30)) * kMinuteMs);
  }

  std::string profile() {
    static const std::array<const char*, 3> kProfiles{"1g.5gb", "2g.10gb", "3g.20gb"};
    return kProfiles.at(pick(3));
  }

  Machine machine() {
    Machine out;
    const std::uint32_t seats = 1 + pick(12);
    for (std::uint32_t i = 0; i < seats; ++i) {
      const std::uint32_t how = pick(4);
      out.seats.push_back(how == 0   ? free_seat(i, profile())
                          : how == 1 ? held_seat(i, profile(), maybe_minutes(), 3)
                                     : held_seat(i, profile(), maybe_minutes()));
    }
    return out;
  }

  std::vector<Waiting> queue() {
    std::vector<Waiting> out;
    const std::uint32_t size = 1 + pick(10);
    for (std::uint32_t i = 0; i < size; ++i) {
      out.push_back(wants(i + 1, profile(), fmt::format("t{}", pick(3))));
      out.back().count = 1 + (pick(3) == 0 ? pick(3) : 0);
      out.back().shared = pick(3) == 0 ? 3 : 1;
      out.back().priority = static_cast<std::int32_t>(pick(2));
      out.back().limit_ms = maybe_minutes();
    }
    return out;
  }

  std::mt19937 random_;
};

void hold_what_was_granted(Machine& machine,
                           const std::vector<Waiting>& queue,
                           const Decisions& decided) {
  for (const Grant& grant : decided.grants) {
    for (const Waiting& request : queue) {
      if (request.id == grant.request) {
        for (const std::string& uuid : grant.uuids) {
          for (Seat& seat : machine.seats) {
            if (seat.instance.uuid == uuid) {
              seat.held.push_back(
                  {1000 + request.id, request.tenant, request.shared, 0, request.limit_ms, false});
            }
          }
        }
      }
    }
  }
}

TEST_P(RandomSchedule, NeverGivesAnInstanceTwiceNorTheWrongOne) {
  Machine machine = this->machine();
  const std::vector<Waiting> queue = this->queue();
  const Decisions decided = schedule(machine, queue);
  EXPECT_EQ(decided.grants.size() + decided.waiting.size(), queue.size());
  hold_what_was_granted(machine, queue, decided);
  for (const Seat& seat : machine.seats) {
    std::set<std::uint32_t> ways;
    for (const HeldBy& held : seat.held) {
      ways.insert(held.shared);
    }
    EXPECT_LE(ways.size(), 1U) << seat.instance.uuid;
    EXPECT_LE(seat.held.size(), ways.empty() ? 0 : *ways.begin()) << seat.instance.uuid;
  }
  for (const Grant& grant : decided.grants) {
    const Waiting& request = queue.at(static_cast<std::size_t>(grant.request - 1));
    EXPECT_EQ(std::set<std::string>(grant.uuids.begin(), grant.uuids.end()).size(), request.count);
  }
}

// Backfill: grants behind the head of the queue do not delay its earliest start.
TEST_P(RandomSchedule, NeverDelaysTheHeadOfTheQueue) {
  Machine machine = this->machine();
  const std::vector<Waiting> queue = this->queue();
  const Decisions decided = schedule(machine, queue);
  if (decided.waiting.empty()) {
    return;
  }
  const Outlook head = decided.waiting.front();
  const Waiting& request = queue.at(static_cast<std::size_t>(head.request - 1));
  hold_what_was_granted(machine, queue, decided);
  const Decisions after = schedule(machine, {request});
  ASSERT_EQ(after.waiting.size(), 1U);
  EXPECT_EQ(after.waiting[0].start_in_ms.has_value(), head.start_in_ms.has_value());
  if (head.start_in_ms && after.waiting[0].start_in_ms) {
    EXPECT_LE(*after.waiting[0].start_in_ms, *head.start_in_ms);
  }
}

// Work-conserving: no free, unreserved instance stays idle while a waiting request could use it
// alone.
TEST_P(RandomSchedule, ServesWhoeverNobodyStandsBefore) {
  const Machine machine = this->machine();
  const std::vector<Waiting> queue = this->queue();
  const Decisions decided = schedule(machine, queue);
  if (decided.waiting.empty()) {
    return;
  }
  const Waiting& head = queue.at(static_cast<std::size_t>(decided.waiting.front().request - 1));
  Machine left = machine;
  hold_what_was_granted(left, queue, decided);
  EXPECT_TRUE(schedule(left, {head}).grants.empty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomSchedule, ::testing::Range(0U, 400U));

}  // namespace
}  // namespace mig::lease

// SPDX-License-Identifier: Apache-2.0
// Nobody stops the queue: assumed ends, what cannot be made, limits and fairness of users, and a
// replay of random machines over time.
#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "lease/order.h"
#include "lease/schedule.h"

namespace mig::lease::queue_rules {
namespace {

constexpr std::int64_t kMinuteMs = 60'000;

Seat seat(std::uint32_t number, const std::string& profile = "1g.5gb") {
  Seat out;
  out.instance.uuid = fmt::format("MIG-{}", number);
  out.instance.profile = *ProfileName::parse(profile);
  out.instance.gpu_instance = GpuInstanceId{number};
  out.instance.memory_mib = out.instance.profile.memory_gb * 1024ULL;
  out.instance.slices = out.instance.profile.compute_slices;
  return out;
}

Seat held(Seat out,
          std::optional<std::int64_t> left_ms,
          std::optional<std::int64_t> assumed_ms = std::nullopt,
          std::uint32_t shared = 1) {
  out.held.push_back({100, "other", shared, 0, left_ms, false, 9, assumed_ms});
  return out;
}

Waiting wants(std::int64_t id,
              std::optional<std::int64_t> limit_ms = std::nullopt,
              std::uint32_t count = 1,
              const std::string& profile = "1g.5gb") {
  Waiting request;
  request.id = id;
  request.need.profile = *ProfileName::parse(profile);
  request.count = count;
  request.limit_ms = limit_ms;
  request.tenant = "a";
  return request;
}

using Ids = std::vector<std::int64_t>;

Ids granted(const Decisions& decisions) {
  Ids ids;
  for (const Grant& grant : decisions.grants) {
    ids.push_back(grant.request);
  }
  return ids;
}

Ids order_of(const Machine& machine, const std::vector<Waiting>& requests) {
  const Queue queue(requests);
  Walk walk(queue, machine);
  Ids ids;
  while (const Queue::Entry* next = walk.next()) {
    ids.push_back(next->request.id);
  }
  return ids;
}

TEST(QueueRules, JobsThatEndBeforeAnAssumedEndPassARequestForMany) {
  const Machine machine{{seat(0), seat(1), seat(2), held(seat(3), std::nullopt, 60 * kMinuteMs)},
                        {}};
  const Waiting head = wants(1, kMinuteMs, 4);
  EXPECT_EQ(granted(schedule(machine, {head, wants(2, kMinuteMs)})), Ids{2});
  EXPECT_EQ(granted(schedule(machine, {head, wants(2, 60 * kMinuteMs)})), Ids{2});
  EXPECT_EQ(granted(schedule(machine, {head, wants(2, 60 * kMinuteMs + 1)})), Ids{});
  EXPECT_EQ(granted(schedule(machine, {head, wants(2)})), Ids{}) << "nobody knows when it ends";
  EXPECT_FALSE(schedule(machine, {head}).waiting[0].start_in_ms) << "an assumption is no forecast";
}

TEST(QueueRules, AProcessWithoutALeaseIsAssumedToEndToo) {
  Machine machine{{seat(0), seat(1)}, {}};
  machine.seats[1].busy = "pid 41 (python)";
  machine.busy_ms = 60 * kMinuteMs;
  EXPECT_EQ(granted(schedule(machine, {wants(1, kMinuteMs, 2), wants(2, kMinuteMs)})), Ids{2});
}

TEST(QueueRules, WhatRestsOnLimitsIsReservedBesideWhatIsAssumed) {
  const Machine machine{{seat(0),
                         held(seat(1), std::nullopt, 20 * kMinuteMs),
                         held(seat(2), 30 * kMinuteMs, std::nullopt, 4)},
                        {}};
  Waiting joins = wants(2);
  joins.shared = 4;
  const Waiting head = wants(1, kMinuteMs, 2);
  const Decisions decided = schedule(machine, {head, joins});
  EXPECT_EQ(granted(decided), Ids{});
  EXPECT_EQ(decided.waiting[0].start_in_ms, 30 * kMinuteMs);
  joins.limit_ms = 30 * kMinuteMs;
  const Decisions short_one = schedule(machine, {head, joins});
  ASSERT_EQ(granted(short_one), Ids{2});
  EXPECT_EQ(short_one.grants[0].uuids[0], "MIG-2");
}

TEST(QueueRules, WhatCannotBeMadeNowBarsNobody) {
  Waiting head = wants(1, std::nullopt, 3);
  head.create = true;
  head.made = seat(9).instance;
  head.makeable = false;
  Waiting next = wants(2, std::nullopt, 1, "2g.10gb");
  next.create = true;
  next.made = seat(9, "2g.10gb").instance;
  const Machine machine{{seat(0), seat(1)}, {}};
  const Decisions decided = schedule(machine, {head, next, wants(3), wants(4)});
  EXPECT_EQ(granted(decided), (Ids{3, 4}));
  ASSERT_EQ(decided.creations.size(), 1U);
  EXPECT_EQ(decided.creations[0].request, 2);
}

TEST(QueueRules, WhatIsBeingMadeKeepsWhatIsThere) {
  Waiting head = wants(1, std::nullopt, 3);
  head.create = true;
  head.made = seat(9).instance;
  Machine machine{{seat(0)}, {}};
  const Decisions asked = schedule(machine, {head, wants(2)});
  EXPECT_EQ(granted(asked), Ids{});
  ASSERT_EQ(asked.creations.size(), 1U);
  EXPECT_EQ(asked.creations[0].count, 2U);
  machine.creating_for = 1;
  const Decisions meanwhile = schedule(machine, {head, wants(2)});
  EXPECT_EQ(granted(meanwhile), Ids{});
  EXPECT_TRUE(meanwhile.creations.empty()) << "one at a time";
}

TEST(QueueRules, AQuotaOfEachUserStopsThatUserOnly) {
  Machine machine{{seat(0), seat(1), seat(2)}, {}};
  machine.tenants["a"].per_user.instances = 1;
  std::vector<Waiting> queue{wants(1), wants(2), wants(3)};
  queue[2].uid = 8;
  const Decisions decided = schedule(machine, queue);
  EXPECT_EQ(granted(decided), (Ids{1, 3}));
  ASSERT_EQ(decided.waiting.size(), 1U);
  EXPECT_TRUE(decided.waiting[0].over_quota);
  EXPECT_EQ(decided.waiting[0].reason,
            "1g.5gb: the tenant's limit for each user: 1 of 1 instances are in use and it needs 1");
}

TEST(QueueRules, InATenantTheUserWithLessUseIsFirst) {
  Machine machine{{seat(0)}, {}};
  std::vector<Waiting> queue{wants(1), wants(2), wants(3), wants(4)};
  queue[3].uid = 8;
  EXPECT_EQ(order_of(machine, queue), (Ids{1, 4, 2, 3}));
  machine.tenants["a"].used_by[8] = 9e9;
  EXPECT_EQ(order_of(machine, queue), (Ids{1, 2, 3, 4}));
}

TEST(QueueRules, ALongQueueTellsPlacesAndServesTheSame) {
  const Machine machine{{seat(0), held(seat(1), 5 * kMinuteMs)}, {}};
  std::vector<Waiting> queue;
  for (std::int64_t id = 1; id <= 3000; ++id) {
    queue.push_back(wants(id, id % 7 * kMinuteMs + 1, 2));
  }
  queue.push_back(wants(3001, kMinuteMs));
  const Decisions all = schedule(machine, queue);
  EXPECT_EQ(granted(all), Ids{3001});
  ASSERT_EQ(all.waiting.size(), 3000U);
  EXPECT_EQ(all.waiting.back().position, 3000U);
  EXPECT_NE(all.waiting.back().reason.find("2999 requests wait before it"), std::string::npos);
  const Decisions some = schedule(machine, Queue(queue), {false, 3000});
  EXPECT_EQ(granted(some), Ids{3001});
  EXPECT_TRUE(std::any_of(some.waiting.begin(), some.waiting.end(), [](const Outlook& outlook) {
    return outlook.request == 3000 && !outlook.reason.empty();
  }));
}

TEST(QueueRules, WhoIsTooDeepForAReservationIsNotOvertakenByJoining) {
  Machine machine{{held(seat(0), 30 * kMinuteMs, std::nullopt, 4)}, {}};
  std::vector<Waiting> queue;
  for (std::int64_t id = 1; id <= 500; ++id) {
    queue.push_back(wants(id, kMinuteMs));
  }
  Waiting joins = wants(501);
  joins.shared = 4;
  queue.push_back(joins);
  EXPECT_EQ(granted(schedule(machine, Queue(queue), {false, 0})), Ids{});
  queue.back().limit_ms = 30 * kMinuteMs;
  EXPECT_EQ(granted(schedule(machine, Queue(queue), {false, 0})), Ids{501});
}

TEST(QueueRules, AQueueForgetsWhatLeft) {
  Queue queue;
  for (std::int64_t id = 1; id <= 4; ++id) {
    queue.add(wants(id, std::nullopt, static_cast<std::uint32_t>(id)));
  }
  for (std::int64_t id = 1; id <= 3; ++id) {
    queue.remove(id);
  }
  queue.remove(77);
  queue.add(wants(5));
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_EQ(queue.shapes().size(), 4U) << "places of shapes are used again";
  EXPECT_EQ(queue.find(1), nullptr);
  const Machine machine;
  Walk walk(queue, machine);
  EXPECT_EQ(walk.next()->request.id, 4);
  EXPECT_EQ(walk.next()->request.id, 5);
  EXPECT_EQ(walk.next(), nullptr);
}

class RandomQueue : public ::testing::TestWithParam<unsigned> {
 protected:
  RandomQueue() : random_(GetParam()) {}

  std::uint32_t pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }

  std::string profile() {
    static const std::array<const char*, 3> kProfiles{"1g.5gb", "2g.10gb", "3g.20gb"};
    return kProfiles.at(pick(3));
  }

  Waiting request(std::int64_t id) {
    Waiting out = wants(id,
                        pick(3) == 0 ? std::nullopt : std::optional((1 + pick(30)) * kMinuteMs),
                        1 + (pick(3) == 0 ? pick(3) : 0),
                        profile());
    out.shared = pick(4) == 0 ? 3 : 1;
    out.tenant = fmt::format("t{}", pick(3));
    out.uid = pick(3);
    out.create = pick(5) == 0;
    out.makeable = pick(2) == 0;
    return out;
  }

  std::mt19937 random_;
};

// The order by its definition: one by one, whoever has the least priority number, share, use and
// id.
Ids order_by_definition(const Machine& machine, std::vector<Waiting> queue) {
  std::map<std::string, double> tenants;
  std::map<std::pair<std::string, std::uint32_t>, double> users;
  for (const auto& [name, share] : machine.tenants) {
    tenants[name] = share.used;
    for (const auto& [uid, used] : share.used_by) {
      users[{name, uid}] = used;
    }
  }
  const auto weight = [&](const std::string& name) {
    const auto known = machine.tenants.find(name);
    return known == machine.tenants.end() ? 1.0 : std::max<double>(known->second.weight, 1);
  };
  const auto user_rank = [&](const Waiting& w) {
    return std::tuple(-w.priority, users[{w.tenant, w.uid}], w.id);
  };
  Ids ids;
  while (!queue.empty()) {
    std::map<std::string, std::size_t> fronts;
    for (std::size_t i = 0; i < queue.size(); ++i) {
      const auto [front, fresh] = fronts.try_emplace(queue[i].tenant, i);
      if (!fresh && user_rank(queue[i]) < user_rank(queue[front->second])) {
        front->second = i;
      }
    }
    std::size_t best = queue.size();
    const auto rank = [&](std::size_t i) {
      const Waiting& w = queue[i];
      return std::tuple(-w.priority, tenants[w.tenant] / weight(w.tenant), w.id);
    };
    for (const auto& [tenant, i] : fronts) {
      best = best == queue.size() || rank(i) < rank(best) ? i : best;
    }
    const Waiting next = queue[best];
    double slices = 0;
    for (const Seat& one : machine.seats) {
      if (serves(one.instance, next.need)) {
        slices = slices == 0 ? one.instance.slices : std::min<double>(slices, one.instance.slices);
      }
    }
    const double cost = std::max(slices, 1.0) * next.count / next.shared *
                        static_cast<double>(next.limit_ms.value_or(next.assumed_ms));
    tenants[next.tenant] += cost;
    users[{next.tenant, next.uid}] += cost;
    ids.push_back(next.id);
    queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(best));
  }
  return ids;
}

TEST_P(RandomQueue, TheOrderIsTheOneOfItsDefinition) {
  Machine machine{{seat(0), seat(1, "2g.10gb"), seat(2, "3g.20gb")}, {}};
  machine.tenants["t0"].weight = 3;
  machine.tenants["t0"].used = 2e6;
  machine.tenants["t1"].used_by[2] = 5e6;
  std::vector<Waiting> queue;
  for (std::int64_t id = 1; id <= 40; ++id) {
    queue.push_back(request(id));
    queue.back().priority = static_cast<std::int32_t>(pick(3));
  }
  EXPECT_EQ(order_of(machine, queue), order_by_definition(machine, queue));
}

// Where both look at everything, the short pass decides as the whole one.
TEST_P(RandomQueue, AShortPassServesWhomAWholeOneServes) {
  Machine machine;
  const std::uint32_t seats = 1 + pick(10);
  for (std::uint32_t i = 0; i < seats; ++i) {
    machine.seats.push_back(seat(i, profile()));
    if (pick(3) > 0) {
      machine.seats.back() = held(machine.seats.back(),
                                  pick(2) == 0 ? std::nullopt : std::optional(pick(30) * kMinuteMs),
                                  pick(40) * kMinuteMs,
                                  pick(4) == 0 ? 3 : 1);
    }
  }
  machine.tenants["t1"].quota.slices = 4;
  machine.tenants["t2"].per_user.instances = 1;
  std::vector<Waiting> queue;
  for (std::int64_t id = 1; id <= 20; ++id) {
    queue.push_back(request(id));
  }
  const Decisions whole = schedule(machine, queue);
  const Decisions part = schedule(machine, Queue(queue), {false, 0});
  EXPECT_EQ(granted(part), granted(whole));
  ASSERT_EQ(part.creations.size(), whole.creations.size());
  if (!whole.creations.empty()) {
    EXPECT_EQ(part.creations[0].request, whole.creations[0].request);
  }
}

// Replays a machine over time with the passes of a daemon. Leases end at their limits or before,
// those without a limit at any time; requests of lower priority keep coming. Whoever is first in
// the queue starts no later than it was ever told by the limits, and no instance is with two.
TEST_P(RandomQueue, ReplayedOverTimeTheFirstIsNeverDelayed) {
  struct Running {
    std::size_t seat;
    std::int64_t lease, started, ends;
    Waiting of;
  };

  Machine machine;
  const std::uint32_t seats = 3 + pick(5);
  for (std::uint32_t i = 0; i < seats; ++i) {
    machine.seats.push_back(seat(i, i < 3 ? "1g.5gb" : "2g.10gb"));
  }
  std::vector<Running> running;
  std::vector<Waiting> queue;
  std::int64_t id = 0;
  std::int64_t lease = 0;
  std::pair<std::int64_t, std::int64_t> promised{0, 0};  // request and time
  std::size_t starts = 0;
  for (std::int64_t now = 0; now < 300; ++now) {  // minutes
    if (queue.size() < 12 && pick(2) == 0) {
      queue.push_back(request(++id));
      queue.back().priority = static_cast<std::int32_t>(-id);
      queue.back().create = false;
      queue.back().need = {};
      if (pick(2) == 0) {
        queue.back().need.profile = *ProfileName::parse("1g.5gb");
      }
    }
    std::erase_if(running, [&](const Running& one) { return one.ends <= now; });
    for (Seat& one : machine.seats) {
      one.held.clear();
    }
    for (const Running& one : running) {
      const std::int64_t elapsed = (now - one.started) * kMinuteMs;
      std::int64_t assumed = 20 * kMinuteMs;
      while (assumed <= elapsed) {
        assumed *= 2;
      }
      machine.seats[one.seat].held.push_back(
          {one.lease,
           one.of.tenant,
           one.of.shared,
           one.of.priority,
           one.of.limit_ms ? std::optional(*one.of.limit_ms - elapsed) : std::nullopt,
           false,
           one.of.uid,
           assumed - elapsed});
    }
    const Decisions told = schedule(machine, queue);
    const Decisions decided = schedule(machine, Queue(queue), {false, 0});
    for (const Grant& grant : decided.grants) {
      const auto request = std::find_if(
          queue.begin(), queue.end(), [&](const Waiting& w) { return w.id == grant.request; });
      const std::int64_t limit = request->limit_ms ? *request->limit_ms / kMinuteMs : 1 + pick(90);
      const std::int64_t ends =
          now +
          (request->limit_ms && pick(3) == 0 ? limit : 1 + pick(static_cast<std::uint32_t>(limit)));
      for (const std::string& uuid : grant.uuids) {
        const auto where = static_cast<std::size_t>(std::stoul(uuid.substr(4)));
        for (const Running& other : running) {
          EXPECT_TRUE(other.seat != where ||
                      (other.of.shared > 1 && other.of.shared == request->shared));
        }
        EXPECT_LE(std::count_if(running.begin(),
                                running.end(),
                                [&](const Running& other) { return other.seat == where; }),
                  request->shared - 1);
        running.push_back({where, ++lease, now, ends, *request});
      }
      if (promised.first == grant.request) {
        EXPECT_LE(now, promised.second) << "request " << grant.request;
        promised = {};
      }
      queue.erase(request);
      ++starts;
    }
    if (told.waiting.empty()) {
      continue;
    }
    const Outlook& head = told.waiting.front();
    if (promised.first == head.request) {
      EXPECT_LE(now, promised.second) << "request " << head.request << " was to start";
    }
    if (head.start_in_ms) {
      const std::int64_t start = now + (*head.start_in_ms + kMinuteMs - 1) / kMinuteMs;
      promised = {head.request,
                  promised.first == head.request ? std::min(promised.second, start) : start};
    } else if (promised.first != head.request) {
      promised = {};
    }
  }
  EXPECT_GT(starts, 10U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomQueue, ::testing::Range(0U, 300U));

}  // namespace
}  // namespace mig::lease::queue_rules

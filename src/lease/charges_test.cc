// SPDX-License-Identifier: Apache-2.0
// What leases are charged, who is refused by a limit of the queue, and shares over time.
#include <deque>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "lease/test_leases.h"
#include "store/leases.h"

namespace mig::lease::charges {
namespace {

using namespace std::chrono_literals;

class ChargesTest : public LeasesTest {
 protected:
  // Slice-milliseconds in the store, by tenant.
  std::map<std::string, std::int64_t> usage() {
    std::map<std::string, std::int64_t> out;
    auto store = store::Leases::open(dir_ + "/leases.db");
    const auto rows = store->usage();
    for (const store::UsageRow& row : *rows) {
      out[row.tenant] += row.slice_ms;
    }
    return out;
  }

  static LeaseRequest of(const std::string& tenant, std::uint32_t uid = 0) {
    LeaseRequest asked = request("1g.5gb", LeaseHolder::time());
    asked.limit_ms = 600'000;
    asked.caller = {uid, "", tenant};
    return asked;
  }

  std::int64_t take(Leases& leases, const LeaseRequest& asked, const Inventory& machine) {
    const auto ticket = leases.submit(asked, machine);
    EXPECT_TRUE(ticket) << ticket.error().text();
    EXPECT_FALSE(ticket->granted.empty());
    return ticket->granted.at(0).id;
  }
};

TEST_F(ChargesTest, ALeaseBelowASecondIsCharged) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  for (int i = 0; i < 3; ++i) {
    const std::int64_t id = take(leases, of("a"), machine);
    clock_.advance(400ms);
    ASSERT_TRUE(leases.release(id, "a", 0));
  }
  EXPECT_EQ(usage().at("a"), 1200);
}

// The time that `migctl cost` reckons with.
TEST_F(ChargesTest, ALeaseThatNobodySawEndIsPaidForToItsLimit) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  LeaseRequest asked = of("a");
  asked.limit_ms = 60'000;
  take(leases, asked, machine);
  clock_.advance(1h);
  ASSERT_EQ(*leases.reap(), 1U);
  const std::int64_t id = take(leases, of("a"), machine);
  clock_.advance(5s);
  ASSERT_TRUE(leases.release(id, "a", 0));
  auto store = store::Leases::open(dir_ + "/leases.db");
  const auto rows = store->tenures(0, INT64_MAX, 10);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ(*rows->at(0).until_ms - rows->at(0).from_ms, 60'000);
  EXPECT_EQ(*rows->at(1).until_ms - rows->at(1).from_ms, 5000);
  EXPECT_EQ(rows->at(1).from_ms - rows->at(0).from_ms, 3'600'000);
}

TEST_F(ChargesTest, ASharedInstanceIsChargedToThoseWhoAreOnIt) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  LeaseRequest first = of("a");
  first.shared = 4;
  LeaseRequest second = of("b");
  second.shared = 4;
  const std::int64_t one = take(leases, first, machine);
  clock_.advance(10s);  // alone: a pays 10 s
  const std::int64_t two = take(leases, second, machine);
  clock_.advance(6s);  // both: 3 s each
  ASSERT_TRUE(leases.release(one, "a", 0));
  EXPECT_EQ(usage().at("a"), 13'000);
  clock_.advance(5s);  // b alone
  ASSERT_TRUE(leases.release(two, "b", 0));
  EXPECT_NEAR(static_cast<double>(usage().at("b")), 8000, 2);
  EXPECT_NEAR(static_cast<double>(usage().at("a")), 13'000, 5) << "what is paid is paid";
}

TEST_F(ChargesTest, AChargeIsOfItsUserToo) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  const std::int64_t id = take(leases, of("a", 7), machine);
  clock_.advance(1s);
  ASSERT_TRUE(leases.release(id, "a", 7));
  const auto rows = store::Leases::open(dir_ + "/leases.db")->usage();
  ASSERT_EQ(rows->size(), 1U);
  EXPECT_EQ(rows->front().uid, 7);
}

TEST_F(ChargesTest, AFullQueueRefusesNothingThatIsFree) {
  const Inventory machine = machine_of({"1g.5gb", "3g.20gb"});
  settings_.most_waiting_per_tenant = 2;
  Leases leases = open();
  LeaseRequest big = of("a");
  big.need.profile = *ProfileName::parse("3g.20gb");
  big.wait_ms = 60'000;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(leases.submit(big, machine));
  }
  EXPECT_EQ(leases.submit(big, machine).error().code, ErrorCode::kNoCapacity);
  LeaseRequest small = of("a");
  small.wait_ms = 60'000;
  const auto free = leases.submit(small, machine);
  ASSERT_TRUE(free) << free.error().text();
  EXPECT_FALSE(free->granted.empty());
  EXPECT_EQ(leases.queue(machine)->size(), 2U);
}

// In a long queue, one pass serves those who came before it.
TEST_F(ChargesTest, InALongQueueARequestIsServedByTheNextPass) {
  const Inventory machine = machine_of({"1g.5gb", "3g.20gb"});
  settings_.told_at_once = 1;
  Leases leases = open();
  LeaseRequest big = of("a");
  big.need.profile = *ProfileName::parse("3g.20gb");
  big.wait_ms = 60'000;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(leases.submit(big, machine));
  }
  ASSERT_TRUE(leases.turn(machine));
  LeaseRequest small = of("a");
  small.wait_ms = 60'000;
  const auto later = leases.submit(small, machine);
  ASSERT_TRUE(later) << later.error().text();
  ASSERT_TRUE(later->waiting);
  EXPECT_EQ(later->waiting->position, 0U) << "no pass was made";
  const auto turn = leases.turn(machine);
  ASSERT_EQ(turn->granted.size(), 1U);
  EXPECT_EQ(turn->granted[0].request, later->id);
  small.wait_ms = 0;
  EXPECT_EQ(leases.submit(small, machine).error().code, ErrorCode::kInUse) << "told at once";
}

TEST_F(ChargesTest, ALimitOfTheQueueRefusesWhoExceedsIt) {
  const Inventory machine = machine_of({"1g.5gb"});
  settings_.most_waiting_per_user = 2;
  settings_.most_waiting = 4;
  Leases leases = open();
  take(leases, of("a"), machine);
  const auto waits = [&](std::uint32_t uid) {
    LeaseRequest asked = of("a", uid);
    asked.wait_ms = 60'000;
    const auto ticket = leases.submit(asked, machine);
    return ticket ? std::string() : ticket.error().message;
  };
  EXPECT_EQ(waits(7), "");
  EXPECT_EQ(waits(7), "");
  EXPECT_EQ(waits(7),
            "the queue is full: 2 other requests wait, 2 of them of tenant a and 2 of this user");
  EXPECT_EQ(waits(8), "");
  EXPECT_EQ(waits(8), "");
  EXPECT_EQ(waits(9), "") << "it has less than its share of a full queue";
  EXPECT_NE(waits(9), "");
}

TEST_F(ChargesTest, WhoDiedWaitingIsGivenNothing) {
  const Inventory machine = machine_of({"1g.5gb"});
  settings_.reap_every_ms = 3'600'000;
  Leases leases = open();
  const std::int64_t id = take(leases, of("a"), machine);
  LeaseRequest dead = of("a");
  dead.wait_ms = 60'000;
  dead.waiter = child();
  const auto first = leases.submit(dead, machine);
  ASSERT_TRUE(first);
  LeaseRequest alive = of("a");
  alive.wait_ms = 60'000;
  const auto second = leases.submit(alive, machine);
  ASSERT_TRUE(second);
  end(dead.waiter);
  ASSERT_TRUE(leases.release(id, "a", 0));
  static_cast<void>(leases.take_pending());
  const auto turn = leases.turn(machine, false);
  ASSERT_TRUE(turn) << turn.error().text();
  ASSERT_EQ(turn->granted.size(), 1U);
  EXPECT_EQ(turn->granted[0].request, second->id);
  EXPECT_EQ(turn->left, std::vector<std::int64_t>{first->id});
}

// An assumed end that was overrun is moved: what cannot be told is not told, and short jobs pass.
TEST_F(ChargesTest, ALeaseThatOverranItsAssumedEndStopsNobodyForGood) {
  const Inventory machine = machine_of({"1g.5gb", "1g.5gb"});
  Leases leases = open();
  LeaseRequest endless = request("1g.5gb", child());
  take(leases, endless, machine);
  LeaseRequest both = of("a");
  both.count = 2;
  both.wait_ms = 360'000'000;
  ASSERT_TRUE(leases.submit(both, machine));
  const auto passes = [&](std::chrono::milliseconds limit) {
    LeaseRequest quick = of("a");
    quick.limit_ms = limit.count();
    const auto ticket = leases.submit(quick, machine);
    if (ticket) {
      EXPECT_TRUE(leases.release(ticket->granted.at(0).id, "a", 0));
    }
    return ticket.has_value();
  };
  EXPECT_TRUE(passes(1h));
  EXPECT_FALSE(passes(1h + 1ms));
  clock_.advance(59min);
  EXPECT_TRUE(passes(1min));
  EXPECT_FALSE(passes(2min));
  clock_.advance(11min);  // 70 min, assumed: 2 h
  EXPECT_TRUE(passes(50min));
  EXPECT_FALSE(passes(51min));
}

// Two tenants whose leases differ in length get their weights.
// `at_once`: one pass serves all that came free in 200 ms, as in a daemon under load; the limit is
// far above the time that is used.
class SharesOverTime : public ChargesTest,
                       public testing::WithParamInterface<std::tuple<std::uint32_t, bool>> {};

TEST_P(SharesOverTime, AreTheWeights) {
  struct Held {
    std::int64_t lease;
    std::string tenant;
    std::chrono::milliseconds left;
  };

  const auto [weight, at_once] = GetParam();
  settings_.told_at_once = at_once ? 0 : settings_.told_at_once;
  for (const char* name : {"quick", "slow"}) {
    Tenant tenant;
    tenant.name = name;
    tenant.weight = tenant.name == "slow" ? weight : 1;
    settings_.tenants.tenants.push_back(tenant);
  }
  const Inventory machine = machine_of(std::vector<std::string>(at_once ? 12 : 4, "1g.5gb"));
  Leases leases = open();
  const std::map<std::string, std::chrono::milliseconds> length{{"quick", 400ms}, {"slow", 2s}};
  const LeaseHolder holder = child();  // not by time alone: such a lease is flushed to the disk
  const auto ask = [&](const std::string& tenant) {
    LeaseRequest asked = of(tenant);
    asked.holder = holder;
    asked.wait_ms = 86'400'000;
    asked.limit_ms = 600'000;
    ASSERT_TRUE(leases.submit(asked, machine));
  };
  for (int i = 0; i < 18; ++i) {
    ask("quick");
    ask("slow");
  }
  std::deque<Held> held;
  const auto take_note = [&](const Turn& turn) {
    for (const Lease& lease : turn.granted) {
      held.push_back({lease.id, lease.tenant, length.at(lease.tenant)});
    }
  };
  take_note(at_once ? *leases.turn(machine) : leases.take_pending());
  std::map<std::string, double> had;
  for (int step = 0; step < 300; ++step) {
    clock_.advance(200ms);
    const std::size_t before = held.size();
    for (std::size_t i = 0; i < before; ++i) {
      Held one = held.front();
      held.pop_front();
      had[one.tenant] += 200;
      one.left -= 200ms;
      if (one.left > 0ms) {
        held.push_back(one);
        continue;
      }
      ASSERT_TRUE(leases.release(one.lease, one.tenant, 0));
      ask(one.tenant);
      if (!at_once) {
        take_note(leases.take_pending());
      }
    }
    if (at_once) {
      take_note(*leases.turn(machine));
    }
  }
  EXPECT_NEAR(had["slow"] / had["quick"], weight, 0.05 * weight);
}

INSTANTIATE_TEST_SUITE_P(Weights,
                         SharesOverTime,
                         testing::Combine(testing::Values(1U, 2U, 3U), testing::Bool()));

}  // namespace
}  // namespace mig::lease::charges

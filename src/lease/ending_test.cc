// SPDX-License-Identifier: Apache-2.0
// A lease that is over while processes of it are left.
#include "lease/ending.h"

#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "holders/process_facts.h"
#include "lease/test_leases.h"

namespace mig::lease {
namespace {

using namespace std::chrono_literals;

class EndingTest : public LeasesTest {
 protected:
  void SetUp() override {
    LeasesTest::SetUp();
    settings_.nothing_left = [this](const store::LeaseRow& lease, bool covered) {
      asked_.push_back(lease.ending);
      covered_ = covered;
      return gone_;
    };
  }

  // A lease of an hour, which is over.
  std::int64_t over(Leases& leases, const Inventory& machine) {
    LeaseRequest asked = request("1g.5gb", LeaseHolder::time());
    asked.limit_ms = 3'600'000;
    asked.end_grace_ms = 5000;
    const auto ticket = leases.submit(asked, machine);
    EXPECT_TRUE(ticket) << ticket.error().text();
    clock_.advance(1h);
    EXPECT_TRUE(leases.turn(machine));
    return ticket->granted.at(0).id;
  }

  LeaseRequest another(const std::string& tenant = "b") {
    LeaseRequest asked = request("1g.5gb", child());
    asked.caller.tenant = tenant;
    return asked;
  }

  bool gone_ = false, covered_ = false;
  std::vector<std::string> asked_;
};

TEST_F(EndingTest, KeepsTheInstanceUntilItsProcessesAreGone) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  const std::int64_t id = over(leases, machine);
  EXPECT_EQ(asked_, std::vector<std::string>{"expired"});
  const auto listed = leases.list(&machine);
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().ending, "expired");
  EXPECT_EQ(leases.submit(another(), machine).error().code, ErrorCode::kInUse);
  ASSERT_TRUE(leases.settle({{id, 2, 1}}));
  EXPECT_EQ(leases.list(&machine)->front().processes, 2U);
  EXPECT_FALSE(leases.submit(another(), machine)) << "two are left";
  EXPECT_EQ(leases.settle({{id, 0, 2}}).value(), 1U);
  EXPECT_TRUE(leases.submit(another(), machine));
}

TEST_F(EndingTest, IsListedBetweenItsEndAndTheNextPass) {
  const Inventory machine = machine_of({"1g.5gb", "1g.5gb"});
  Leases leases = open();
  LeaseRequest timed = request("1g.5gb", LeaseHolder::time());
  timed.limit_ms = 3'600'000;
  const LeaseHolder holder = child();
  ASSERT_TRUE(leases.submit(timed, machine));
  ASSERT_TRUE(leases.submit(request("1g.5gb", holder), machine));
  EXPECT_EQ(leases.list(&machine)->size(), 2U);
  clock_.advance(1h);
  end(holder);
  const auto listed = leases.list(&machine);
  ASSERT_EQ(listed->size(), 2U) << "no pass has looked at them yet";
  EXPECT_EQ(listed->at(0).ending, "expired");
  EXPECT_EQ(listed->at(1).ending, "holder ended");
  EXPECT_TRUE(leases.ending()->empty()) << "a list changes nothing";
  gone_ = true;
  EXPECT_TRUE(leases.list(&machine)->empty());
}

// A grant is checked by a reading that may come after the job was started (LeaseDesk::read_came).
TEST_F(EndingTest, AGrantThatIsGivenBackEndsWhatWasStartedUnderIt) {
  const Inventory machine = machine_of({"1g.5gb", "1g.5gb"});
  Leases leases = open();
  const auto started = leases.submit(request("1g.5gb", child()), machine);
  const auto untold = leases.submit(request("1g.5gb", child()), machine);
  ASSERT_TRUE(leases.announce(started->granted.at(0).id, "a", child(), no_cgroup));
  ASSERT_TRUE(leases.cancel(started->id));
  ASSERT_TRUE(leases.cancel(untold->id));
  const auto ending = leases.ending();
  ASSERT_EQ(ending->size(), 1U) << "it stays until its processes are gone";
  EXPECT_EQ(ending->front().lease.id, started->granted.at(0).id);
  EXPECT_EQ(ending->front().lease.ending, "given back");
  EXPECT_EQ(leases.list(&machine)->size(), 1U) << "under the other nothing was started";
}

TEST_F(EndingTest, IsRemovedAtOnceWhenNothingIsLeft) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  gone_ = true;
  over(leases, machine);
  EXPECT_TRUE(leases.list(&machine)->empty());
  EXPECT_TRUE(leases.ending()->empty());
}

TEST_F(EndingTest, QuotaAndUseGoOn) {
  const Inventory machine = machine_of({"1g.5gb", "1g.5gb"});
  Tenant& a = settings_.tenants.tenants.emplace_back();
  a.name = "a";
  a.quota.instances = 1;
  settings_.tenants.from_file = true;
  Leases leases = open();
  const std::int64_t id = over(leases, machine);
  EXPECT_EQ(leases.submit(another("a"), machine).error().code, ErrorCode::kNoCapacity);
  clock_.advance(1h);
  ASSERT_TRUE(leases.settle({{id, 0, 2}}));
  EXPECT_TRUE(leases.submit(another("a"), machine));
  auto store = store::Leases::open(dir_ + "/leases.db");
  const auto usage = store->usage();
  ASSERT_EQ(usage->size(), 1U);
  EXPECT_NEAR(static_cast<double>(usage->front().slice_ms), 7'200'000, 1) << "its end included";
}

TEST_F(EndingTest, IsKilledAfterItsGraceAndOnlyThen) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  over(leases, machine);
  EXPECT_EQ(leases.ending()->front().left_ms, 5000);
  clock_.advance(3s);
  EXPECT_EQ(leases.ending()->front().left_ms, 2000);
  clock_.advance(3s);
  EXPECT_EQ(leases.ending()->front().left_ms, 0);
}

TEST_F(EndingTest, SurvivesTheProcessThatKeepsTheLeases) {
  const Inventory machine = machine_of({"1g.5gb"});
  std::int64_t id = 0;
  {
    Leases leases = open();
    id = over(leases, machine);
    ASSERT_TRUE(leases.settle({{id, 3, 1}}));
  }
  Leases again = open();
  const auto ending = again.ending();
  ASSERT_EQ(ending->size(), 1U);
  EXPECT_EQ(ending->front().lease.id, id);
  EXPECT_EQ(ending->front().lease.ending_stage, 1) << "SIGTERM was sent";
  ASSERT_TRUE(again.settle({{id, 2, 0}}));
  EXPECT_EQ(again.ending()->front().lease.ending_stage, 1) << "a stage is never taken back";
}

TEST_F(EndingTest, NothingIsStartedOrBoundUnderIt) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  LeaseRequest asked = request("1g.5gb", child());
  asked.key = "k";
  const auto ticket = leases.submit(asked, machine);
  const std::int64_t id = ticket->granted.at(0).id;
  ASSERT_TRUE(leases.announce(id, "a", child(), no_cgroup));
  ASSERT_TRUE(leases.release(id, "a", 0));
  EXPECT_FALSE(leases.is_live(id).value());
  EXPECT_EQ(leases.announce(id, "a", child(), no_cgroup).error().code, ErrorCode::kConflict);
  EXPECT_EQ(leases.rebind(id, "a", child()).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(leases.look(ticket->id, machine)->granted.empty()) << "it is nobody's grant";
  asked.wait_ms = 1000;
  EXPECT_TRUE(leases.submit(asked, machine)->waiting) << "the same key asks anew";
  EXPECT_EQ(leases.release(id, "a", 0)->ending, "released") << "twice does no harm";
}

TEST_F(EndingTest, AnotherLeaseOfTheSameUserCovers) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  LeaseRequest asked = request("1g.5gb", child());
  asked.shared = 2;
  asked.caller.uid = 7;
  const auto first = leases.submit(asked, machine);
  const auto second = leases.submit(asked, machine);
  ASSERT_TRUE(leases.release(first->granted.at(0).id, "a", 7));
  EXPECT_TRUE(covered_);
  EXPECT_TRUE(leases.ending()->front().covered);
  ASSERT_TRUE(leases.release(second->granted.at(0).id, "a", 7));
  EXPECT_FALSE(covered_) << "the other one is over, too";
}

TEST_F(EndingTest, NoProcessSurvivesAReboot) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  const std::int64_t id = over(leases, machine);
  auto store = store::Leases::open(dir_ + "/leases.db");
  auto row = store->ending_leases()->front();
  row.boot_id = "an earlier boot";
  ASSERT_TRUE(store->set_ending(row));
  ASSERT_TRUE(leases.turn(machine));
  EXPECT_TRUE(leases.ending()->empty()) << id;
}

TEST_F(EndingTest, AJobThatWasAskedToMakeRoomStartsNothing) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  LeaseRequest asked = request("1g.5gb", child());
  asked.stoppable = true;
  const std::int64_t id = leases.submit(asked, machine)->granted.at(0).id;
  auto store = store::Leases::open(dir_ + "/leases.db");
  store::LeaseRow row = store->leases()->front();
  row.notice_boot_ms = 0;
  row.notice_grace_ms = 1000;
  ASSERT_TRUE(store->set_notice(row));
  EXPECT_EQ(leases.announce(id, "a", child(), no_cgroup).error().code, ErrorCode::kConflict);
}

// A tenant that may have one instance, and a process of its without a lease: this one.
class UnleasedTest : public EndingTest {
 protected:
  void SetUp() override {
    EndingTest::SetUp();
    Tenant& a = settings_.tenants.tenants.emplace_back();
    a.name = "a";
    a.quota.instances = 1;
    settings_.tenants.from_file = true;
    process_.pid = static_cast<std::uint32_t>(getpid());
    process_.start_ticks = *holders::start_of(settings_.proc, process_.pid);
    process_.uid = 7;
    process_.tenant = "a";
    process_.command = "python";
    process_.instance.uuid = "MIG-0";
  }

  UnleasedProcess process_;
};

TEST_F(UnleasedTest, ProcessesCountAndAreToldOnce) {
  const Inventory machine = machine_of({"1g.5gb", "1g.5gb"});
  Leases leases = open();
  const std::vector<UnleasedProcess> both(2, process_);
  ASSERT_TRUE(leases.count_unleased(both, {process_}));
  EXPECT_EQ(leases.submit(another("a"), machine).error().code, ErrorCode::kNoCapacity);
  const auto history = leases.history({});
  ASSERT_EQ(history->events.size(), 1U);
  EXPECT_EQ(history->events[0].action, "without a lease");
  EXPECT_EQ(history->events[0].uid, 7U);
  EXPECT_EQ(history->events[0].job, fmt::format("pid {} (python)", process_.pid));
  ASSERT_TRUE(leases.count_unleased({}, {}));
  EXPECT_TRUE(leases.submit(another("a"), machine));
}

// Between two looks: the list still names the process.
TEST_F(UnleasedTest, ProcessesCountNoMoreOnceTheyHaveEnded) {
  const Inventory machine = machine_of({"1g.5gb"});
  Leases leases = open();
  ASSERT_TRUE(leases.count_unleased({process_}, {}));
  EXPECT_EQ(leases.submit(another("a"), machine).error().code, ErrorCode::kNoCapacity);
  ++process_.start_ticks;  // the pid was given to another process
  ASSERT_TRUE(leases.count_unleased({process_}, {}));
  EXPECT_TRUE(leases.submit(another("a"), machine));
}

}  // namespace
}  // namespace mig::lease

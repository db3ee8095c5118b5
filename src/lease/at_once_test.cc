// SPDX-License-Identifier: Apache-2.0
// Leases of external components: granted at once, and ended by release only.
#include <string>

#include "lease/test_leases.h"

namespace mig::lease {
namespace {

class AtOnceTest : public LeasesTest {
 protected:
  static LeaseRequest external(const std::string& key) {
    LeaseRequest request;
    request.holder = LeaseHolder::external(key);
    request.key = "0:" + key;
    request.job = "default/" + key;
    request.caller.tenant = "a";
    return request;
  }

  Result<Lease> grant(Leases& leases, const std::string& key, std::size_t at, bool there = true) {
    return leases.grant_at_once(
        external(key), instances_of(machine_).at(at), who_, [there](const auto&) { return there; });
  }

  Inventory machine_ = machine_of({"1g.5gb", "1g.5gb"});
  std::string who_;
};

TEST_F(AtOnceTest, PastTheQueueAndOncePerKey) {
  Leases leases = open();
  const auto lease = grant(leases, "k", 0);
  ASSERT_TRUE(lease) << lease.error().text();
  EXPECT_EQ(grant(leases, "k", 0)->id, lease->id) << "the same again";
  EXPECT_EQ(grant(leases, "other", 0).error().code, ErrorCode::kInUse);
  EXPECT_EQ(grant(leases, "k", 1).error().code, ErrorCode::kConflict) << "one key, one instance";
  const auto moved = grant(leases, "k", 1, false);
  ASSERT_TRUE(moved) << "the first is gone (a reboot): " << moved.error().text();
  EXPECT_NE(moved->id, lease->id);
  EXPECT_EQ(leases.list(&machine_)->size(), 1U);
  who_ = "pid 4 (python)";
  const auto used = grant(leases, "third", 0);
  ASSERT_FALSE(used);
  EXPECT_NE(used.error().message.find("pid 4 (python)"), std::string::npos);
}

TEST_F(AtOnceTest, LivesUntilItIsReleasedOverBootsAndPreemptions) {
  allow_preemption(0);
  settings_.nothing_left = [](const store::LeaseRow& row, bool) {
    return !row.holder.is_external();
  };
  Leases leases = open();
  const auto lease = grant(leases, "k", 0);
  ASSERT_TRUE(lease);
  ASSERT_TRUE(grant(leases, "l", 1));
  clock_.advance(std::chrono::hours(24 * 400));
  LeaseRequest urgent = request("1g.5gb", child());
  urgent.preempt = true;
  urgent.priority = 5;
  urgent.wait_ms = 1000;
  const auto ticket = leases.submit(urgent, machine_);
  ASSERT_TRUE(ticket) << ticket.error().text();
  EXPECT_TRUE(ticket->granted.empty()) << "nothing external is preempted";
  ASSERT_TRUE(leases.turn(machine_));
  EXPECT_EQ(leases.list(&machine_)->size(), 2U);
  ASSERT_TRUE(leases.release(lease->id, "", 0));
  const auto left = leases.list(&machine_);
  ASSERT_EQ(left->size(), 2U) << "its instance is looked at before it goes";
  EXPECT_EQ(left->front().ending, kReleased);
  EXPECT_EQ(grant(leases, "k", 0).error().code, ErrorCode::kInUse) << "while it is ending";
  EXPECT_EQ(*leases.settle({{lease->id, 0, 0}}), 1U);
}

TEST_F(AtOnceTest, CountsAgainstTheTenantsQuota) {
  Tenant tenant;
  tenant.name = "a";
  tenant.quota.instances = 1;
  settings_.tenants.tenants = {tenant};
  Leases leases = open();
  ASSERT_TRUE(grant(leases, "k", 0));
  EXPECT_EQ(grant(leases, "l", 1).error().code, ErrorCode::kNoCapacity);
}

TEST_F(AtOnceTest, IsBoundToNothingElse) {
  Leases leases = open();
  const auto lease = grant(leases, "k", 0);
  ASSERT_TRUE(lease);
  EXPECT_EQ(leases.rebind(lease->id, "", child()).error().code, ErrorCode::kUsage);
  EXPECT_EQ(leases.announce(lease->id, "", child(), no_cgroup).error().code, ErrorCode::kUsage);
  LeaseRequest limited = external("l");
  limited.limit_ms = 1000;
  EXPECT_EQ(leases.submit(limited, machine_).error().code, ErrorCode::kUsage);
}

}  // namespace
}  // namespace mig::lease

// SPDX-License-Identifier: Apache-2.0
// Instances made for requests, and their end, on a simulated machine.
#include "service/reclaim.h"

#include <unistd.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/process_start.h"
#include "node/test_machine.h"
#include "service/change.h"
#include "service/lease_creation.h"

namespace mig::service {
namespace {

using namespace std::chrono_literals;

class ReclaimTest : public node::MachineTest {
 protected:
  void SetUp() override {
    node::MachineTest::SetUp();
    make("1x a100-sxm4-40gb");
    enable_mig();
    settings_.clock = &clock_;
    settings_.tenants.reclaim_ms = 600'000;
    auto opened = lease::Leases::open(node_->places().leases(), settings_);
    ASSERT_TRUE(opened) << opened.error().text();
    leases_.emplace(*std::move(opened));
    reclaimer_.emplace(*node_, *leases_);
  }

  lease::LeaseRequest request() const {
    lease::LeaseRequest asked;
    asked.need.profile = *ProfileName::parse(wish_);
    asked.create = true;
    asked.limit_ms = 60'000;
    asked.wait_ms = 600'000;
    asked.caller = {1001, "alice", "lab"};
    return asked;
  }

  // As the desk does for a request that found no instance.
  lease::Lease leased_with_creation() {
    const Inventory before = inventory();
    const auto ticket = leases_->submit(request(), before);
    EXPECT_TRUE(ticket) << ticket.error().text();
    const lease::Turn turn = leases_->take_pending();
    EXPECT_EQ(turn.creations.size(), 1U);
    EXPECT_TRUE(create_for_lease(
        *node_, before, turn.creations.at(0), {1001, "lab", turn.creations.at(0).request, 0}));
    EXPECT_TRUE(leases_->turn(inventory()));
    const auto after = leases_->peek(ticket->id);
    EXPECT_EQ(after->granted.size(), 1U);
    return after->granted.at(0);
  }

  // An instance that was made for a lease that is over.
  void leave_one() {
    const lease::Lease lease = leased_with_creation();
    ASSERT_TRUE(reclaimer_->learn());
    ASSERT_TRUE(leases_->release(lease.id, "lab", 1001));
  }

  void look() {
    const auto read = [this]() -> Result<const Inventory*> {
      now_ = inventory();
      return &*now_;
    };
    const auto looked = reclaimer_->look(read, settings_.tenants.reclaim_ms);
    EXPECT_TRUE(looked) << looked.error().text();
  }

  // Two looks, so far apart.
  void look_after(std::chrono::minutes time) {
    look();
    clock_.advance(time);
    look();
  }

  std::string wish_ = "1g.5gb";
  base::ManualClock clock_{1000h};
  lease::Settings settings_;
  std::optional<lease::Leases> leases_;
  std::optional<Reclaimer> reclaimer_;
  std::optional<Inventory> now_;
};

TEST_F(ReclaimTest, AnIdleInstanceGoesAfterItsTimeAndNotBefore) {
  leave_one();
  look_after(9min);
  EXPECT_EQ(shape(0), "6:1 1g.5gb[1g.5gb]");
  clock_.advance(1min);
  look();
  EXPECT_EQ(shape(0), "");
  const ChangeRecord change = node_->history(1)->front();
  EXPECT_EQ(change.cause, "reclaim");
  EXPECT_NE(change.reason.find("of tenant lab, idle for"), std::string::npos) << change.reason;
  EXPECT_TRUE(leases_->made()->empty());
  EXPECT_EQ(leases_->history({})->events.front().action, "instance reclaimed");
}

// The history says for whom an instance was made: user, tenant, request and lease.
TEST_F(ReclaimTest, TheHistorySaysForWhomItWasMade) {
  const lease::Lease lease = leased_with_creation();
  ASSERT_TRUE(reclaimer_->learn());
  const ChangeRecord change = node_->history(1)->front();
  EXPECT_EQ(change.cause, "lease --create");
  ASSERT_TRUE(change.made_for);
  EXPECT_EQ(*change.made_for, (MadeFor{1001, "lab", lease.request, lease.id}));
  const lease::Event event = leases_->history({})->events.front();
  EXPECT_EQ(event.action, "instance made");
  EXPECT_EQ(event.lease, lease.id);
  EXPECT_EQ(event.uid, 1001U);
  EXPECT_EQ(event.tenant, "lab");
}

TEST_F(ReclaimTest, ALeaseKeepsItAndItsTimeBeginsAfterIt) {
  lease::LeaseRequest lengthy = request();
  const lease::Lease lease = leased_with_creation();
  ASSERT_TRUE(
      leases_->rebind(lease.id,
                      "lab",
                      lease::LeaseHolder::process(static_cast<std::uint32_t>(::getpid()),
                                                  *base::process_start("/proc", ::getpid()))));
  look_after(0min);
  // The limit of the lease is a minute, so it is over by then; another user leases the instance.
  clock_.advance(2min);
  ASSERT_TRUE(leases_->turn(inventory()));
  lengthy.create = false;
  lengthy.limit_ms = 3'600'000;
  lengthy.caller = {1002, "bob", "bob"};
  const auto other = leases_->submit(lengthy, inventory());
  ASSERT_TRUE(other) << other.error().text();
  ASSERT_EQ(other->granted.size(), 1U);
  look_after(30min);
  EXPECT_EQ(shape(0), "6:1 1g.5gb[1g.5gb]") << "whoever leases it";
  ASSERT_TRUE(leases_->release(other->granted.at(0).id, "bob", 1002));
  look_after(9min);
  EXPECT_EQ(shape(0), "6:1 1g.5gb[1g.5gb]");
  clock_.advance(1min);
  look();
  EXPECT_EQ(shape(0), "");
}

TEST_F(ReclaimTest, AWaitingRequestThatItServesKeepsIt) {
  leave_one();
  lease::LeaseRequest pair = request();
  pair.create = false;
  pair.count = 1;
  // Somebody waits for it behind a lease that ends at the same time: it is not idle.
  lease::LeaseRequest holds = pair;
  holds.limit_ms = 5'000;
  ASSERT_TRUE(leases_->submit(holds, inventory()));
  ASSERT_TRUE(leases_->submit(pair, inventory()));
  look();
  EXPECT_TRUE(leases_->made()->at(0).idle_boot_id.empty());
}

TEST_F(ReclaimTest, ASlotKeepsIt) {
  leave_one();
  ASSERT_TRUE(node_->set_slot(
      {"a", GpuIndex{0}, *ProfileName::parse("1g.5gb"), 6, std::nullopt, std::nullopt}));
  look_after(30min);
  EXPECT_EQ(shape(0), "6:1 1g.5gb[1g.5gb]");
  ASSERT_TRUE(node_->remove_slot("a"));
  look_after(10min);
  EXPECT_EQ(shape(0), "");
}

// The one there now may have the same UUID and the same ids: what the journal says counts.
TEST_F(ReclaimTest, WhatAnybodyElseMadeAtItsPlaceStays) {
  leave_one();
  const std::string uuid = inventory().gpus[0].instances.at(0).compute_instances.at(0).uuid;
  look();
  ASSERT_EQ(migctl({"destroy", "-i", "0", "--all"}), 0);
  create(0, {"1g.5gb:6"});
  ASSERT_EQ(inventory().gpus[0].instances.at(0).compute_instances.at(0).uuid, uuid);
  clock_.advance(30min);
  look();
  EXPECT_EQ(shape(0), "6:1 1g.5gb[1g.5gb]");
  EXPECT_TRUE(leases_->made()->empty()) << "and it is looked at no more";
}

// Another program divided the instance: half of it is not ours.
TEST_F(ReclaimTest, WhatSomebodyElseDividedStays) {
  wish_ = "1c.2g.10gb";
  leave_one();
  const GpuInstance instance = inventory().gpus[0].instances.at(0);
  ASSERT_EQ(migctl({"smi",
                    "mig",
                    "-i",
                    "0",
                    "-gi",
                    std::to_string(instance.id.value),
                    "-cci",
                    "1c.2g.10gb"}),
            0);
  const std::string divided = shape(0);
  ASSERT_NE(divided.find("1c.2g.10gb 1c.2g.10gb"), std::string::npos) << divided;
  look_after(30min);
  EXPECT_EQ(shape(0), divided);
}

TEST_F(ReclaimTest, WhatALayoutNamesStays) {
  leave_one();
  DesiredInstance instance;
  instance.profile = *ProfileName::parse("1g.5gb");
  instance.compute_instances = {instance.profile};
  DesiredGpu gpu;
  gpu.gpu = GpuIndex{0};
  gpu.mig_enabled = true;
  gpu.instances = {instance};
  ChangeOptions options;
  options.command = "apply";
  ChangeObserver nobody;
  const auto wish = [&](const Inventory&) -> Result<DesiredLayout> {
    DesiredLayout layout;
    layout.gpus = {gpu};
    return layout;
  };
  const auto applied = change(*node_, wish_layout(wish), options, nobody);
  ASSERT_TRUE(applied) << applied.error().text();
  ASSERT_EQ(applied->result->outcome, node::Outcome::kUnchanged) << "it was as wanted";
  look_after(30min);
  EXPECT_EQ(shape(0), "6:1 1g.5gb[1g.5gb]");
  EXPECT_TRUE(leases_->made()->empty());
}

TEST_F(ReclaimTest, NeverMeansNever) {
  settings_.tenants.reclaim_ms.reset();
  leave_one();
  look_after(60min * 24 * 365);
  EXPECT_EQ(shape(0), "6:1 1g.5gb[1g.5gb]");
  settings_.tenants.reclaim_ms = 1000;
  look();
  EXPECT_EQ(shape(0), "") << "the file was read again";
}

// Who made it is in the journal before the driver is called: a crash after that loses nothing.
TEST_F(ReclaimTest, WhatWasMadeBeforeACrashIsFound) {
  {
    const lease::Lease lease = leased_with_creation();
    ASSERT_TRUE(leases_->release(lease.id, "lab", 1001));
  }
  EXPECT_TRUE(leases_->made()->empty()) << "it ended here, and learned nothing";
  Reclaimer next(*node_, *leases_);
  ASSERT_TRUE(next.learn());
  ASSERT_EQ(leases_->made()->size(), 1U);
  EXPECT_EQ(leases_->made()->at(0).made_for.uid, 1001U);
  ASSERT_TRUE(next.learn());
  EXPECT_EQ(leases_->made()->size(), 1U) << "once";
}

}  // namespace
}  // namespace mig::service

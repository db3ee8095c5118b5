// SPDX-License-Identifier: Apache-2.0
// After-change events of a Node on a simulated machine: which changes fire, how often, and with
// which content.
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "node/test_machine.h"

namespace mig::node {
namespace {

// Instances of GPU 0 by placement: "0:3g.20gb 4:2g.10gb"; "off" with MIG off.
std::string shape_of(const Inventory& inventory) {
  const Gpu& gpu = inventory.gpus.at(0);
  if (gpu.mig_current != MigMode::kEnabled) {
    return "off";
  }
  std::string out;
  for (const GpuInstance& instance : gpu.instances) {
    out += fmt::format(
        "{}{}:{}", out.empty() ? "" : " ", instance.placement.start, instance.name.str());
  }
  return out;
}

class AfterChangeTest : public MachineTest {
 protected:
  void SetUp() override {
    MachineTest::SetUp();
    make("1x a100-sxm4-40gb");
    listen();
  }

  void listen() {
    node_->after_change("test", [this](const AfterChange& change) -> Result<void> {
      heard_.push_back(fmt::format("{}: {} -> {}",
                                   apply::name_of(change.cause),
                                   shape_of(change.before),
                                   shape_of(change.after)));
      if (trouble_) {
        return fail(ErrorCode::kIo, "cannot write", "make room");
      }
      return {};
    });
  }

  Result<ApplyResult> carry_out(const Result<Plan>& plan, Cause cause) {
    if (!plan) {
      return plan.error();
    }
    ApplyOptions options;
    options.origin.cause = cause;
    return node_->apply(*plan, options);
  }

  void enabled_with(const std::vector<std::string>& profiles) {
    ASSERT_TRUE(carry_out(node_->plan_mode({}, true), Cause::kMode));
    if (!profiles.empty()) {
      ASSERT_TRUE(carry_out(plan_create(0, profiles), Cause::kCreate));
    }
    heard_.clear();
  }

  std::vector<std::string> heard_;
  bool trouble_ = false;
};

using Heard = std::vector<std::string>;

TEST_F(AfterChangeTest, EachChangeFiresOnceWithItsCause) {
  ASSERT_TRUE(carry_out(node_->plan_mode({}, true), Cause::kMode));
  ASSERT_TRUE(carry_out(plan_create(0, {"3g.20gb:4"}), Cause::kCreate));
  ASSERT_TRUE(carry_out(node_->plan_destroy({}), Cause::kDestroy));
  ASSERT_TRUE(carry_out(node_->plan_undo(std::nullopt), Cause::kUndo));
  EXPECT_EQ(heard_,
            (Heard{"mode: off -> ",
                   "create:  -> 4:3g.20gb",
                   "destroy: 4:3g.20gb -> ",
                   "undo:  -> 4:3g.20gb"}));
  static_cast<void>(node_->inventory());
  EXPECT_EQ(heard_.size(), 4U) << "our own change is no drift";
}

TEST_F(AfterChangeTest, WhatHadNothingToDoFiresNothing) {
  enabled_with({"3g.20gb:4"});
  const auto again = carry_out(node_->plan_mode({}, true), Cause::kMode);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->outcome, Outcome::kUnchanged);
  EXPECT_EQ(heard_, Heard());
}

TEST_F(AfterChangeTest, ARefusalFiresNothing) {
  enabled_with({});
  inject({"--call", "nvmlDeviceCreateGpuInstanceWithPlacement", "--fail", "NVML_ERROR_UNKNOWN"});
  EXPECT_FALSE(carry_out(plan_create(0, {"3g.20gb:4"}), Cause::kCreate));
  EXPECT_EQ(heard_, Heard());
}

// The created instance is destroyed again: layout, ids and UUIDs as before.
TEST_F(AfterChangeTest, ARollbackToTheSameInstancesFiresNothing) {
  enabled_with({"1g.5gb:0"});
  inject({"--call",
          "nvmlDeviceCreateGpuInstanceWithPlacement",
          "--nth",
          "2",
          "--fail",
          "NVML_ERROR_UNKNOWN"});
  const auto result = carry_out(plan_create(0, {"2g.10gb:2", "3g.20gb:4"}), Cause::kCreate);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->outcome, Outcome::kRolledBack);
  EXPECT_EQ(heard_, Heard());
  static_cast<void>(node_->inventory());
  EXPECT_EQ(heard_, Heard());
}

TEST_F(AfterChangeTest, WhatOthersChangedIsNoticedByTheNextReading) {
  enabled_with({});
  ASSERT_EQ(migctl({"create", "1g.5gb:0", "-i", "0"}), 0);
  EXPECT_EQ(heard_, Heard());
  static_cast<void>(node_->inventory());
  static_cast<void>(node_->inventory());
  EXPECT_EQ(heard_, (Heard{"drift:  -> 0:1g.5gb"}));
}

// A plan of GPU 0 stays valid when another GPU changes; the reading under the lock detects that
// drift.
TEST_F(AfterChangeTest, DriftBeforeAChangeIsToldApart) {
  node_.reset();  // the simulator's library stays with the machine that is open in this process
  ASSERT_EQ(migctl({"sim", "destroy", "lab"}), 0);
  make("2x a100-sxm4-40gb");
  listen();
  enabled_with({});
  const auto plan = plan_create(0, {"3g.20gb:4"});
  ASSERT_EQ(migctl({"create", "1g.5gb:0", "-i", "1"}), 0);
  ASSERT_TRUE(carry_out(plan, Cause::kCreate));
  EXPECT_EQ(heard_, (Heard{"drift:  -> ", "create:  -> 4:3g.20gb"}));
}

TEST_F(AfterChangeTest, WhatChangesTheMachinePastApplyIsToldByItsCause) {
  enabled_with({});
  ASSERT_TRUE(node_->before_outside_change());
  ASSERT_EQ(migctl({"smi", "mig", "-cgi", "9", "-i", "0"}), 0);
  node_->after_outside_change(Cause::kSmi);
  ASSERT_EQ(heard_.size(), 1U);
  EXPECT_EQ(heard_.front().substr(0, 6), "smi:  ");
  ASSERT_TRUE(node_->before_outside_change());
  node_->after_outside_change(Cause::kSmi);
  EXPECT_EQ(heard_.size(), 1U) << "a command that failed changed nothing";
}

TEST_F(AfterChangeTest, AListenerThatFailsIsAWarningAndNotAFailure) {
  enabled_with({});
  trouble_ = true;
  const auto result = carry_out(plan_create(0, {"3g.20gb:4"}), Cause::kApply);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->outcome, Outcome::kApplied);
  EXPECT_FALSE(result->failure);
  ASSERT_EQ(result->warnings.size(), 1U);
  EXPECT_EQ(result->warnings.front(), "the machine was changed (apply), but test: cannot write");
  ASSERT_EQ(migctl({"destroy", "--all"}), 0);
  static_cast<void>(node_->inventory());
  ASSERT_EQ(node_->take_warnings().size(), 1U);
  EXPECT_TRUE(node_->take_warnings().empty());
}

// SIGKILL in the middle of a change, then recovery.
TEST_F(AfterChangeTest, ARecoveryFires) {
  enabled_with({"1g.5gb:0"});
  inject({"--call", "nvmlGpuInstanceCreateComputeInstance", "--kill", "before"});
  EXPECT_NE(migctl({"create", "3g.20gb:4", "-i", "0"}), 0);
  inject({"--clear"});
  static_cast<void>(node_->inventory());
  ASSERT_EQ(heard_, (Heard{"drift: 0:1g.5gb -> " + shape_of(inventory())}));
  heard_.clear();
  const auto recovery = node_->recover({});
  ASSERT_TRUE(recovery);
  EXPECT_TRUE(recovery->was_open);
  ASSERT_EQ(heard_.size(), 1U);
  EXPECT_TRUE(heard_.front().starts_with("recover: ")) << heard_.front();
  EXPECT_TRUE(heard_.front().ends_with(" -> 0:1g.5gb")) << heard_.front();
}

// One reading is cached for a command until rest() or forget().
TEST_F(AfterChangeTest, AReadingServesAsLongAsItMay) {
  enabled_with({});
  node_->answers_from(Age::of_command());
  const auto first = node_->snapshot(Age::of_command());
  ASSERT_TRUE(first);
  ASSERT_EQ(migctl({"create", "1g.5gb:0", "-i", "0"}), 0);
  EXPECT_EQ(shape_of(*node_->inventory()), "");
  EXPECT_EQ(shape_of(*node_->inventory(Age::at_most(std::chrono::hours(1)))), "");
  EXPECT_EQ(shape_of(*node_->inventory(Age::fresh())), "0:1g.5gb");
  ASSERT_EQ(migctl({"destroy", "--all"}), 0);
  EXPECT_EQ(shape_of(*node_->inventory()), "0:1g.5gb");
  node_->rest();
  EXPECT_EQ(shape_of(*node_->inventory(Age::at_most(std::chrono::hours(1)))), "0:1g.5gb");
  EXPECT_EQ(shape_of(*node_->inventory()), "");
  ASSERT_EQ(migctl({"create", "1g.5gb:0", "-i", "0"}), 0);
  node_->forget();
  EXPECT_EQ(shape_of(*node_->inventory()), "0:1g.5gb");
  // A change through the Node leaves its read-back in the cache.
  ASSERT_TRUE(carry_out(node_->plan_destroy({}), Cause::kDestroy));
  EXPECT_EQ(shape_of(*node_->inventory()), "");
  EXPECT_EQ(shape_of(**first), "") << "a snapshot never changes";
}

}  // namespace
}  // namespace mig::node

// SPDX-License-Identifier: Apache-2.0
// The change loop on a simulated machine, with an observer that records its calls.
#include "service/change.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "node/test_machine.h"
#include "service/create_now.h"
#include "service/restore.h"

namespace mig::service {
namespace {

using namespace std::chrono_literals;
using Heard = std::vector<std::string>;

class Notebook final : public ChangeObserver {
 public:
  void planned(const Plan& plan) override {
    heard.push_back(fmt::format("planned {}", plan.steps.size()));
  }

  void note(const std::string& line) override { notes.push_back(line); }

  void steps_begin(const std::vector<Step>& steps) override {
    heard.push_back(fmt::format("begin {}", steps.size()));
  }

  void step(const Step& /*step*/, std::size_t index, std::size_t /*of*/, bool done) override {
    heard.push_back(fmt::format("step {}{}", index, done ? " done" : ""));
  }

  void steps_end(bool success) override { heard.push_back(success ? "end" : "failed"); }

  void hooks_ran(std::string_view list, const std::string& /*output*/, bool failed) override {
    heard.push_back(fmt::format("{}{}", list, failed ? " failed" : ""));
  }

  void outcome(const Plan& /*plan*/, const node::ApplyResult& result) override {
    heard.push_back(went_well(result) ? "well" : "not well");
  }

  std::shared_ptr<void> guard() override {
    heard.push_back("guard");
    return std::make_shared<int>(0);
  }

  void alive() override { ++beats; }

  Heard heard, notes;
  int beats = 0;
};

class ChangeTest : public node::MachineTest {
 protected:
  void SetUp() override {
    node::MachineTest::SetUp();
    make("1x a100-sxm4-40gb");
    enable_mig();
    options_.command = "test";
  }

  // As the command line does: one reading serves the command.
  Result<Changed> changed(const Wish& wish) {
    node_->answers_from(node::Age::of_command());
    node_->forget();
    notebook_.heard.clear();
    auto done = change(*node_, wish, options_, notebook_);
    node_->answers_from(node::Age::fresh());
    return done;
  }

  static Wish layout(const std::vector<const char*>& profiles) {
    return wish_layout([profiles](const Inventory&) -> Result<DesiredLayout> {
      DesiredLayout desired{"test", {{GpuIndex{0}, true, {}, {}}}, {}};
      for (const char* text : profiles) {
        const ProfileName name = *ProfileName::parse(text);
        desired.gpus[0].instances.push_back({name, {name}, {}, {}});
      }
      return desired;
    });
  }

  static HookList sh(const std::string& script) {
    return {{"/bin/sh", {"-c", script}, {{"PATH", "/usr/bin:/bin"}}, ""}};
  }

  // A migctl command on the machine, as a hook.
  HookList migctl_hook(const std::string& words) const {
    return sh(fmt::format("MIGSIM_ROOT={} MIGCTL_SIM_LIBRARY_DIR={} {}/migctl --sim lab -q {}",
                          root_,
                          MIG_SIM_LIBRARY_DIR,
                          MIG_BIN_DIR,
                          words));
  }

  ChangeOptions options_;
  Notebook notebook_;
};

TEST_F(ChangeTest, ItPlansAppliesAndTells) {
  const auto done = changed(layout({"3g.20gb"}));
  ASSERT_TRUE(done) << done.error().text();
  ASSERT_TRUE(done->result);
  EXPECT_EQ(done->result->outcome, node::Outcome::kApplied);
  EXPECT_EQ(notebook_.heard,
            (Heard{"planned 2",
                   "guard",
                   "begin 2",
                   "step 0",
                   "step 0 done",
                   "step 1",
                   "step 1 done",
                   "end",
                   "well"}));
  EXPECT_GT(notebook_.beats, 0);
  EXPECT_NE(shape(0), "");
  EXPECT_EQ(node_->history(1)->front().command, "test");
}

TEST_F(ChangeTest, ADryRunPlansOnly) {
  options_.dry_run = true;
  options_.hooks.emplace();
  options_.hooks->apply_start = sh("exit 1");
  const auto done = changed(layout({"3g.20gb"}));
  ASSERT_TRUE(done);
  EXPECT_FALSE(done->result);
  EXPECT_EQ(done->plan.steps.size(), 2U);
  EXPECT_EQ(notebook_.heard, Heard());
  EXPECT_EQ(shape(0), "");
}

TEST_F(ChangeTest, ModeOnlyLeavesTheInstances) {
  create(0, {"3g.20gb:4"});
  options_.mode_only = true;
  const auto done = changed(layout({"1g.5gb"}));
  ASSERT_TRUE(done);
  EXPECT_EQ(done->result->outcome, node::Outcome::kUnchanged);
  EXPECT_EQ(shape(0), "4:4 3g.20gb[3g.20gb]");
  const auto off = changed(wish_mode({}, false));
  ASSERT_TRUE(off);
  EXPECT_TRUE(went_well(*off->result));
  EXPECT_EQ(inventory().gpus[0].mig_current, MigMode::kDisabled);
}

// A hook may change the machine: the plan is made from a reading after it.
TEST_F(ChangeTest, HooksRunInOrderAndWhatTheyChangedIsSeen) {
  create(0, {"3g.20gb:4"});
  options_.hooks.emplace();
  options_.hooks->apply_start = sh("true");
  options_.hooks->pre_apply_mode = sh("exit 1");
  options_.hooks->pre_apply_config = migctl_hook("destroy --all");
  options_.hooks->apply_exit = sh("true");
  const auto done = changed(layout({"7g.40gb"}));
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_TRUE(went_well(*done->result));
  EXPECT_EQ(notebook_.heard,
            (Heard{"apply-start",
                   "pre-apply-config",
                   "planned 2",
                   "guard",
                   "begin 2",
                   "step 0",
                   "step 0 done",
                   "step 1",
                   "step 1 done",
                   "end",
                   "well",
                   "apply-exit"}));
}

TEST_F(ChangeTest, AFailedHookEndsItBeforeTheChange) {
  options_.hooks.emplace();
  options_.hooks->pre_apply_config = sh("exit 3");
  options_.hooks->apply_exit = sh("true");
  const auto done = changed(layout({"7g.40gb"}));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kHook);
  EXPECT_EQ(notebook_.heard, (Heard{"pre-apply-config failed", "apply-exit"}));
  EXPECT_EQ(shape(0), "");
}

TEST_F(ChangeTest, AFailedApplyExitIsTheAnswerWhenAllWentWell) {
  options_.hooks.emplace();
  options_.hooks->apply_exit = sh("exit 3");
  const auto done = changed(layout({"7g.40gb"}));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kHook);
  EXPECT_NE(shape(0), "") << "the change itself is done, and was told";
  EXPECT_NE(std::find(notebook_.heard.begin(), notebook_.heard.end(), "well"),
            notebook_.heard.end());
}

TEST_F(ChangeTest, WhoIsInTheWayIsWaitedForOrRefused) {
  create(0, {"3g.20gb:4"});
  const pid_t job = start(MIG_BIN_DIR "/migctl",
                          {"--sim", "lab", "run", "--profile", "3g.20gb", "--", "sleep", "2"});
  while (node_->plan_destroy({})->blocked() == false) {
    std::this_thread::sleep_for(20ms);
  }
  const auto refused = changed(wish_destroy({}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInUse);
  options_.wait = 120s;
  const auto done = changed(wish_destroy({}));
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(shape(0), "");
  ASSERT_FALSE(notebook_.notes.empty());
  EXPECT_TRUE(notebook_.notes.front().starts_with("waiting for ")) << notebook_.notes.front();
  EXPECT_EQ(wait(job), 0);
}

TEST_F(ChangeTest, WhoeverStaysIsNamedWhenTheTimeIsOver) {
  create(0, {"3g.20gb:4"});
  const pid_t job = start(MIG_BIN_DIR "/migctl",
                          {"--sim", "lab", "run", "--profile", "3g.20gb", "--", "sleep", "600"});
  while (node_->plan_destroy({})->blocked() == false) {
    std::this_thread::sleep_for(20ms);
  }
  options_.wait = 300ms;
  const auto late = changed(wish_destroy({}));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kTimeout);
  options_.evict = 60s;
  const auto done = changed(wish_destroy({}));
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(shape(0), "");
  static_cast<void>(wait(job));
}

TEST_F(ChangeTest, AStopBeforeTheFirstStepChangesNothing) {
  const std::atomic<bool> stop{true};
  options_.stop = &stop;
  const auto done = changed(layout({"3g.20gb"}));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kRolledBack);
  EXPECT_EQ(shape(0), "");
}

TEST_F(ChangeTest, ASavedPlanIsCarriedOutOnlyOnTheMachineItWasMadeFor) {
  const auto plan = plan_create(0, {"3g.20gb:4"});
  ASSERT_TRUE(plan);
  ASSERT_TRUE(changed(wish_saved(*plan)));
  const auto again = changed(wish_saved(*plan));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
}

TEST_F(ChangeTest, EachUseCaseSaysWhoChangedTheMachine) {
  Heard causes;
  node_->after_change("test", [&](const node::AfterChange& event) -> Result<void> {
    causes.emplace_back(apply::name_of(event.cause));
    return {};
  });
  static_cast<void>(node_->inventory());
  const ProfileName profile = *ProfileName::parse("2g.10gb");
  ASSERT_TRUE(node_->set_slot({"a", GpuIndex{0}, profile, 4, std::nullopt, std::nullopt}));
  ASSERT_TRUE(make_slot(*node_, "a", {1001, "lab", 7, 0}));
  DesiredInstance instance;
  instance.profile = profile;
  instance.compute_instances = {profile};
  ASSERT_TRUE(
      create_now(*node_, {GpuIndex{0}, {instance}, {}}, node::Cause::kLeaseCreate, "test", {}));
  ASSERT_TRUE(changed(layout({"3g.20gb"})));
  ASSERT_TRUE(changed(wish_undo(std::nullopt)));
  ASSERT_TRUE(changed(wish_destroy({})));
  ASSERT_TRUE(changed(wish_mode({}, false)));
  EXPECT_EQ(causes, (Heard{"slot --create", "lease --create", "apply", "undo", "destroy", "mode"}));
}

class RestoreTest : public ChangeTest {};

TEST_F(RestoreTest, TheLastGoodLayoutComesBackAndTwiceIsOnce) {
  create(0, {"3g.20gb:4", "2g.10gb:0"});
  const std::string good = shape(0);
  ASSERT_EQ(migctl({"smi", "mig", "-dci"}), 0);
  ASSERT_EQ(migctl({"smi", "mig", "-dgi"}), 0);
  ASSERT_EQ(shape(0), "");
  const auto restored = restore_last_good(*node_, options_, notebook_);
  ASSERT_TRUE(restored) << restored.error().text();
  ASSERT_TRUE(restored->changed);
  EXPECT_EQ(shape(0), good);
  EXPECT_EQ(node_->history(1)->front().reason, "last good layout");
  const auto again = restore_last_good(*node_, options_, notebook_);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->changed->result->outcome, node::Outcome::kUnchanged);
}

TEST_F(RestoreTest, AChangeThatWasCutShortIsRecoveredFirst) {
  create(0, {"2g.10gb:0"});
  inject({"--call", "nvmlGpuInstanceCreateComputeInstance", "--kill", "before"});
  EXPECT_NE(migctl({"create", "3g.20gb:4", "-i", "0"}), 0);
  inject({"--clear"});
  ASSERT_TRUE(*node_->interrupted());
  options_.dry_run = true;
  ASSERT_TRUE(restore_last_good(*node_, options_, notebook_));
  EXPECT_TRUE(*node_->interrupted()) << "a dry run recovers nothing";
  options_.dry_run = false;
  const auto restored = restore_last_good(*node_, options_, notebook_);
  ASSERT_TRUE(restored) << restored.error().text();
  EXPECT_FALSE(*node_->interrupted());
  ASSERT_FALSE(notebook_.notes.empty());
  EXPECT_TRUE(notebook_.notes.front().ends_with("was cut short; recovered"));
  EXPECT_EQ(shape(0), "0:2 2g.10gb[2g.10gb]");
}

class FreshMachineTest : public node::MachineTest {};

// A pending mode is no success, but suffices for a caller that asked for no more: then a failure of
// apply-exit is returned.
TEST_F(FreshMachineTest, WhatWaitsForAResetIsEnoughWhereThatWasAskedFor) {
  make("1x a100-sxm4-40gb", {"--vm"});
  ChangeOptions options;
  options.allow_reset = false;
  options.hooks.emplace();
  options.hooks->apply_exit = {{"/bin/sh", {"-c", "exit 3"}, {}, ""}};
  Notebook notebook;
  const auto pending = change(*node_, wish_mode({}, true), options, notebook);
  ASSERT_TRUE(pending) << pending.error().text();
  EXPECT_FALSE(went_well(*pending->result));
  EXPECT_TRUE(only_waits_for_reset(*pending->result));
  options.pending_will_do = true;
  const auto enough = change(*node_, wish_mode({}, true), options, notebook);
  ASSERT_FALSE(enough);
  EXPECT_EQ(enough.error().code, ErrorCode::kHook);
}

TEST_F(FreshMachineTest, WhereNothingWasRecordedNothingIsRestored) {
  make("1x a100-sxm4-40gb");
  Notebook notebook;
  const auto restored = restore_last_good(*node_, {}, notebook);
  ASSERT_TRUE(restored);
  EXPECT_FALSE(restored->changed);
  EXPECT_NE(restored->nothing.find("no layout is recorded"), std::string::npos);
  EXPECT_EQ(notebook.heard, Heard());
}

}  // namespace
}  // namespace mig::service

// SPDX-License-Identifier: Apache-2.0
#include "service/hooked_change.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace mig::service {
namespace {

HookList says(const std::string& what, int code = 0) {
  return {{"/bin/sh", {"-c", "echo " + what + "; exit " + std::to_string(code)}, {}, ""}};
}

Plan plan_of(const std::vector<StepKind>& kinds) {
  Plan plan;
  for (const StepKind kind : kinds) {
    Step step;
    step.kind = kind;
    plan.steps.push_back(step);
  }
  return plan;
}

// Runs a change of these steps and records the order of events.
struct Rehearsal {
  Hooks hooks{says("start"), says("mode"), says("config"), says("exit")};
  std::vector<StepKind> steps = {StepKind::kEnableMig, StepKind::kCreateGpuInstance};
  bool mode_only = false;
  std::optional<Error> plan_error;
  Result<int> outcome = 0;
  std::string stop_at;  // after this event the change gets a stop request
  std::atomic<bool> stop{false};
  std::string told;

  void tell(const std::string& what) {
    told += what + " ";
    if (what == stop_at) {
      stop = true;
    }
  }

  Result<int> run() {
    HookedChange change{hooks, {}, mode_only, {}, {}, {}};
    change.run.stop = &stop;
    change.plan = [&](bool around) -> Result<Plan> {
      tell(around ? "plan" : "look");
      if (plan_error) {
        return *plan_error;
      }
      return plan_of(steps);
    };
    change.carry_out = [&](const Plan&) {
      told += "change ";
      return outcome;
    };
    change.printed = [&](std::string_view, const std::string& output, bool failed) {
      tell(output.substr(0, output.find('\n')) + (failed ? "!" : ""));
    };
    return change_with_hooks(change);
  }
};

TEST(ChangeWithHooks, InMigPartedsOrder) {
  Rehearsal all;
  EXPECT_EQ(all.run().value(), 0);
  EXPECT_EQ(all.told, "start look mode config plan change exit ");
}

TEST(ChangeWithHooks, PreHooksOnlyWhereSomethingChanges) {
  Rehearsal none;
  none.steps = {};
  EXPECT_EQ(none.run().value(), 0);
  EXPECT_EQ(none.told, "start look plan change exit ");
  Rehearsal instances;
  instances.steps = {StepKind::kDestroyComputeInstance};
  EXPECT_EQ(instances.run().value(), 0);
  EXPECT_EQ(instances.told, "start look config plan change exit ");
  Rehearsal mode;
  mode.mode_only = true;
  EXPECT_EQ(mode.run().value(), 0);
  EXPECT_EQ(mode.told, "start look mode plan change exit ");
}

TEST(ChangeWithHooks, AFailedStartIsTheEnd) {
  Rehearsal start;
  start.hooks.apply_start = says("start", 3);
  EXPECT_EQ(start.run().error().code, ErrorCode::kHook);
  EXPECT_EQ(start.told, "start! ");
}

TEST(ChangeWithHooks, AfterTheStartExitRunsWhateverHappens) {
  Rehearsal impossible;
  impossible.plan_error = Error{ErrorCode::kNoCapacity, "no", "", {}, {}};
  EXPECT_EQ(impossible.run().error().code, ErrorCode::kNoCapacity);
  EXPECT_EQ(impossible.told, "start look exit ") << "nobody is stopped for what cannot be";
  Rehearsal pre;
  pre.hooks.pre_apply_config = says("config", 1);
  EXPECT_EQ(pre.run().error().code, ErrorCode::kHook);
  EXPECT_EQ(pre.told, "start look mode config! exit ");
  Rehearsal failed;
  failed.outcome = Error{ErrorCode::kDriver, "no", "", {}, {}};
  failed.hooks.apply_exit = says("exit", 1);
  EXPECT_EQ(failed.run().error().code, ErrorCode::kDriver) << "the first failure is the answer";
  EXPECT_EQ(failed.told, "start look mode config plan change exit! ");
  Rehearsal rolled_back;
  rolled_back.outcome = 18;
  EXPECT_EQ(rolled_back.run().value(), 18);
}

// Moments of the stop request, and the events that may still follow.
TEST(ChangeWithHooks, StoppedItGoesNoFurtherAndExitRuns) {
  struct Case {
    std::string at, told;
  };

  for (const auto& [at, told] : {Case{"start", "start exit "},
                                 Case{"look", "start look exit "},
                                 Case{"mode", "start look mode exit "},
                                 Case{"plan", "start look mode config plan exit "}}) {
    Rehearsal stopped;
    stopped.stop_at = at;
    const auto code = stopped.run();
    ASSERT_FALSE(code) << at;
    EXPECT_EQ(code.error().code, ErrorCode::kRolledBack) << at;
    EXPECT_EQ(stopped.told, told);
  }
  Rehearsal before;
  before.stop = true;
  EXPECT_EQ(before.run().error().code, ErrorCode::kRolledBack);
  EXPECT_EQ(before.told, "") << "nothing was begun, so nothing has an end";
}

TEST(ChangeWithHooks, AStartThatIsStoppedHalfWayHasItsExit) {
  const std::string file =
      ::testing::TempDir() + "hooked_change_begun-" + std::to_string(::getpid());
  std::filesystem::remove(file);
  Rehearsal slow;
  slow.hooks.apply_start = {
      {"/bin/sh", {"-c", "echo > " + file + "; exec /bin/sleep 600"}, {}, ""}};
  std::thread asks([&] {
    while (!std::filesystem::exists(file)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    slow.stop = true;
  });
  EXPECT_EQ(slow.run().error().code, ErrorCode::kRolledBack);
  asks.join();
  EXPECT_EQ(slow.told, "! exit ");
}

TEST(ChangeWithHooks, AFailedExitIsToldWhenAllElseWentWell) {
  Rehearsal exit;
  exit.hooks.apply_exit = says("exit", 1);
  EXPECT_EQ(exit.run().error().code, ErrorCode::kHook);
}

}  // namespace
}  // namespace mig::service

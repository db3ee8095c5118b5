// SPDX-License-Identifier: Apache-2.0
// Whole changes on a simulated machine: executed, refused, rolled back, and with concurrent changes
// by another program.
#include "apply/rollback.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "apply/in_use.h"
#include "apply/runtime.h"
#include "apply/test_machine.h"

namespace mig::apply {
namespace {

constexpr const char* kCreate = "nvmlDeviceCreateGpuInstanceWithPlacement";

class ChangeTest : public ApplyMachineTest {
 protected:
  void SetUp() override {
    ApplyMachineTest::SetUp();
    make("1x a100-sxm4-40gb");
    must_have({});
  }

  // Calls `act` once, after the `nth` call of this direction was recorded.
  static void once(Listener& listener, Direction way, int nth, std::function<void()> act) {
    listener.after = [way, nth, act = std::move(act), seen = 0](const Call& call) mutable {
      if (call.direction == way && ++seen == nth) {
        act();
      }
      return Result<void>();
    };
  }
};

TEST_F(ChangeTest, AFirstStepThatFailsChangesNothingAndIsRefused) {
  const Plan plan = plan_for({"1g.5gb:0"});
  inject({"--call", kCreate, "--nth", "1", "--fail", "NVML_ERROR_INSUFFICIENT_RESOURCES"});
  Listener listener;
  const auto result = carry_out(plan, &listener);
  ASSERT_FALSE(result) << "nothing was changed: the error itself is the answer";
  EXPECT_EQ(result.error().code, ErrorCode::kNoCapacity);
  EXPECT_EQ(listener.finished, Outcome::kUnchanged);
}

TEST_F(ChangeTest, AnUndoThatFailsIsTriedAgain) {
  const Plan plan = plan_for({"1g.5gb:0", "1g.5gb:1"});
  inject({"--call", kCreate, "--nth", "2", "--fail", "NVML_ERROR_UNKNOWN"});
  inject({"--call", "nvmlGpuInstanceDestroy", "--nth", "1", "--fail", "NVML_ERROR_UNKNOWN"});
  const auto result = carry_out(plan);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->outcome, Outcome::kRolledBack) << result->failure->text();
  EXPECT_EQ(shape(), "MIG");
}

TEST_F(ChangeTest, WhatCannotBeTakenBackIsStuckAndNamesTheWayBack) {
  must_have({"3g.20gb:4"});
  const Plan plan = plan_for({"1c.3g.20gb:4"});
  inject({"--call",
          "nvmlGpuInstanceCreateComputeInstance",
          "--repeat",
          "0",
          "--fail",
          "NVML_ERROR_NO_PERMISSION"});
  inject({"--call",
          "nvmlGpuInstanceCreateComputeInstanceWithPlacement",
          "--repeat",
          "0",
          "--fail",
          "NVML_ERROR_NO_PERMISSION"});
  Listener listener;
  const auto result = carry_out(plan, &listener);
  inject({"--clear"});
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->outcome, Outcome::kStuck);
  EXPECT_EQ(listener.finished, Outcome::kStuck);
  EXPECT_NE(result->failure->message.find("lacks compute instance 3g.20gb"), std::string::npos)
      << result->failure->message;
  EXPECT_NE(result->failure->hint.find("migctl undo --change 7"), std::string::npos)
      << result->failure->hint;
}

TEST_F(ChangeTest, AStopOnRequestTakesBackWhatWasDone) {
  std::atomic<bool> stop{false};
  const Plan plan = plan_for({"1g.5gb:0", "1g.5gb:1"});
  Listener listener;
  once(listener, Direction::kDo, 2, [&] { stop = true; });
  ApplyOptions options;
  options.stop = &stop;
  const auto result = apply(context(&listener), plan, options);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->outcome, Outcome::kRolledBack);
  ASSERT_TRUE(result->failure);
  EXPECT_EQ(result->failure->message, "stopped on request");
  EXPECT_EQ(shape(), "MIG");
}

TEST_F(ChangeTest, AComputeInstanceThatOthersTakeMeanwhileIsNoticedInTheEnd) {
  const Plan plan = plan_for({"3g.20gb:4", "1g.5gb:0"});
  Listener listener;
  once(listener, Direction::kDo, 3, [&] {
    const Inventory now = look();
    for (const GpuInstance& one : now.gpus[0].instances) {
      if (one.name.str() == "3g.20gb") {
        stranger_destroys(one.id.value, false);
      }
    }
  });
  const auto result = carry_out(plan, &listener);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->outcome, Outcome::kRolledBack) << "never done and verified";
  ASSERT_TRUE(result->failure);
  EXPECT_NE(result->failure->message.find("lacks compute instance 3g.20gb"), std::string::npos)
      << result->failure->message;
  EXPECT_EQ(shape(), "MIG");
  for (const StepReport& report : result->steps) {
    EXPECT_TRUE(report.undone) << report.step.str();
  }
}

TEST_F(ChangeTest, WhatOthersMakeMeanwhileStaysAndIsNamed) {
  const Plan plan = plan_for({"1g.5gb:0", "1g.5gb:1"});
  Listener listener;
  once(listener, Direction::kDo, 2, [&] { stranger_creates("3g.20gb:4"); });
  const auto applied = carry_out(plan, &listener);
  ASSERT_TRUE(applied) << applied.error().text();
  EXPECT_EQ(applied->outcome, Outcome::kApplied);
  ASSERT_TRUE(applied->failure) << "not as planned, and that is said";
  EXPECT_EQ(applied->failure->code, ErrorCode::kConflict);
  EXPECT_NE(applied->failure->message.find("3g.20gb at 4:4"), std::string::npos);
  EXPECT_EQ(shape(), "MIG 0:1 1g.5gb[1g.5gb] 1:1 1g.5gb[1g.5gb] 4:4 3g.20gb[3g.20gb]");
}

TEST_F(ChangeTest, GoingBackLeavesWhatOthersMade) {
  const Plan plan = plan_for({"1g.5gb:0", "1g.5gb:1"});
  Listener listener;
  once(listener, Direction::kDo, 2, [&] {
    stranger_creates("3g.20gb:4");
    inject({"--call", kCreate, "--nth", "1", "--fail", "NVML_ERROR_UNKNOWN"});
  });
  const auto result = carry_out(plan, &listener);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->outcome, Outcome::kRolledBack) << result->failure->text();
  EXPECT_EQ(shape(), "MIG 4:4 3g.20gb[3g.20gb]");
  ASSERT_EQ(result->others.size(), 1U);
  EXPECT_NE(result->failure->message.find("it stays: GPU 0 has 3g.20gb at 4:4"), std::string::npos)
      << result->failure->message;
}

TEST_F(ChangeTest, GoingBackMakesAgainWhatOthersTook) {
  must_have({"2g.10gb:4"});
  const std::uint32_t there = look().gpus[0].instances.at(0).id.value;
  const Plan plan = plan_for({"2g.10gb:4", "1g.5gb:0", "1g.5gb:1"});
  Listener listener;
  once(listener, Direction::kDo, 2, [&] {
    stranger_destroys(there);
    inject({"--call", kCreate, "--nth", "1", "--fail", "NVML_ERROR_UNKNOWN"});
  });
  const auto result = carry_out(plan, &listener);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->outcome, Outcome::kRolledBack) << result->failure->text();
  EXPECT_TRUE(result->rebuilt);
  EXPECT_EQ(shape(), "MIG 4:2 2g.10gb[2g.10gb]");
}

// Before its undo, the id of a created instance was reused by another program's instance.
TEST_F(ChangeTest, GoingBackNeverTakesAnotherInstanceOfTheSameId) {
  const Plan plan = plan_for({"2g.10gb:0", "1g.5gb:4"});
  Listener listener;
  once(listener, Direction::kDo, 2, [&] {
    const std::uint32_t ours = look().gpus[0].instances.at(0).id.value;
    stranger_destroys(ours);
    stranger_creates("2g.10gb:2");
    inject({"--call", kCreate, "--nth", "1", "--fail", "NVML_ERROR_UNKNOWN"});
  });
  const auto result = carry_out(plan, &listener);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->outcome, Outcome::kRolledBack) << result->failure->text();
  EXPECT_EQ(shape(), "MIG 2:2 2g.10gb[2g.10gb]");
}

TEST_F(ChangeTest, GoingBackIsInReverse) {
  must_have({"3g.20gb:4"});
  const Plan plan = plan_for({"4g.20gb:0", "1g.5gb:4"});
  inject({"--call", kCreate, "--nth", "2", "--fail", "NVML_ERROR_UNKNOWN"});
  Listener listener;
  const auto result = carry_out(plan, &listener);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->outcome, Outcome::kRolledBack) << result->failure->text();
  EXPECT_EQ(shape(), "MIG 4:4 3g.20gb[3g.20gb]");
  std::vector<std::string> undone;
  for (const std::string& call : listener.calls) {
    if (call.rfind("undo ", 0) == 0) {
      undone.push_back(call);
    }
  }
  ASSERT_FALSE(undone.empty());
  EXPECT_NE(undone.front().find("undo create 3g.20gb"), std::string::npos) << undone.front();
  EXPECT_NE(undone.back().find("undo destroy 4g.20gb"), std::string::npos) << undone.back();
}

TEST_F(ChangeTest, AnAmpereThatResetItselfIsNotResetAgain) {
  must_have({});
  ASSERT_TRUE(carry_out(plan_for({}, false)));
  const Plan plan = plan_for({});
  ASSERT_EQ(plan.steps.size(), 2U) << "mode and reset";
  Listener listener;
  const std::uint64_t epoch = session_->epoch();
  const auto result = carry_out(plan, &listener);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->outcome, Outcome::kApplied);
  EXPECT_EQ(session_->epoch(), epoch) << "a reset would have renewed the session";
  EXPECT_EQ(listener.calls.size(), 2U) << "recorded all the same: recovery looks for it";
}

// Another process has the GPU open during the rollback of a mode: the driver keeps the mode
// pending, and the reset after it must be executed.
class ModeTakenBackTest : public ChangeTest {
 protected:
  void SetUp() override {
    ChangeTest::SetUp();
    ASSERT_TRUE(carry_out(plan_for({}, false)));
    listener_.before = [this](const Call& call) {
      if (back(call)) {
        EXPECT_EQ(migctl({"sim", "clients", "lab", "--start", "dcgm"}), 0);
      }
      return Result<void>();
    };
    listener_.after = [this](const Call& call) {
      stop_ = stop_at_once_;
      if (back(call)) {
        between_ = modes();
        EXPECT_EQ(migctl({"sim", "clients", "lab", "--stop", "dcgm"}), 0);
      }
      return Result<void>();
    };
  }

  static bool back(const Call& call) {
    return call.direction == Direction::kUndo && call.step.kind == StepKind::kDisableMig;
  }

  void expect_taken_back(const Plan& plan) {
    ApplyOptions options;
    options.stop = &stop_;
    const auto result = apply(context(&listener_), plan, options);
    ASSERT_TRUE(result) << result.error().text();
    EXPECT_EQ(between_, "enabled/disabled") << "or this shows nothing";
    EXPECT_EQ(result->outcome, Outcome::kRolledBack) << result->failure->text();
    EXPECT_EQ(modes(), "disabled/disabled");
  }

  Listener listener_;
  bool stop_at_once_ = false;
  std::atomic<bool> stop_{false};
  std::string between_;
};

// A test clock that advances by sleeping only, and calls `go` after `stays`.
class GoingClock final : public base::Clock {
 public:
  GoingClock(std::chrono::milliseconds stays, std::function<void()> go)
      : stays_(stays), go_(std::move(go)) {}

  std::chrono::nanoseconds monotonic() override { return now_.monotonic(); }

  std::chrono::nanoseconds wall() override { return now_.wall(); }

  void sleep(std::chrono::nanoseconds duration) override {
    now_.sleep(duration);
    if (now_.monotonic() >= stays_) {
      go_();
    }
  }

 private:
  base::ManualClock now_{std::chrono::hours(500'000)};
  std::chrono::milliseconds stays_;
  std::function<void()> go_;
};

// A short-lived client during a rollback must not leave the change stuck.
TEST_F(ChangeTest, AVisitIsWaitedForWhileTakingBack) {
  ASSERT_TRUE(carry_out(plan_for({}, false)));
  const Plan plan = plan_for({"1g.5gb:0"});
  inject({"--call", kCreate, "--repeat", "0", "--fail", "NVML_ERROR_UNKNOWN"});
  for (const auto& [stays, outcome] :
       {std::pair(std::chrono::milliseconds(2000), Outcome::kRolledBack),
        std::pair(std::chrono::milliseconds(3'600'000), Outcome::kStuck)}) {
    const holders::Roots roots = holder_roots(*session_);
    const std::string visitor = roots.machine_proc + "/5000000";  // larger than any pid of a host
    Listener listener;
    listener.before = [&](const Call& call) {
      if (call.direction == Direction::kDo && call.step.kind == StepKind::kCreateGpuInstance) {
        std::filesystem::create_directories(visitor + "/fd");
        std::ofstream(visitor + "/comm") << "python\n";
        std::filesystem::create_symlink(roots.dev + "/nvidia0", visitor + "/fd/3");
      }
      return Result<void>();
    };
    GoingClock clock(stays, [&] { std::filesystem::remove_all(visitor); });
    Context from = context(&listener);
    const Context with{from.session, clock, &listener, from.proc_root, {}, nullptr};
    const auto result = apply(with, plan, {});
    std::filesystem::remove_all(visitor);
    ASSERT_TRUE(result) << result.error().text();
    EXPECT_EQ(result->outcome, outcome) << result->failure->text();
    EXPECT_EQ(modes(), outcome == Outcome::kStuck ? "enabled/enabled" : "disabled/disabled");
  }
}

// A process holds the GPU and stays: a mode that is only pending is cancelled without a reset.
TEST_F(ChangeTest, APendingModeIsTakenBackUnderWhoHoldsTheGpu) {
  ASSERT_TRUE(carry_out(plan_for({}, false)));
  const Plan plan = plan_for({"1g.5gb:0"});
  const holders::Roots roots = holder_roots(*session_);
  const std::string process = roots.machine_proc + "/5000000";  // larger than any pid of a host
  std::string between;
  Listener listener;
  listener.before = [&](const Call& call) {
    if (call.direction == Direction::kDo && call.step.kind == StepKind::kEnableMig) {
      EXPECT_EQ(migctl({"sim", "clients", "lab", "--start", "dcgm"}), 0);
      std::filesystem::create_directories(process + "/fd");
      std::ofstream(process + "/comm") << "python\n";
      std::filesystem::create_symlink(roots.dev + "/nvidia0", process + "/fd/3");
    }
    return Result<void>();
  };
  listener.after = [&](const Call& call) {
    if (call.direction == Direction::kDo) {
      between = modes();
    }
    return Result<void>();
  };
  const auto result = apply(context(&listener), plan, {});
  std::filesystem::remove_all(process);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(between, "disabled/enabled") << "or this shows nothing";
  EXPECT_EQ(result->outcome, Outcome::kRolledBack) << result->failure->text();
  EXPECT_EQ(modes(), "disabled/disabled");
}

TEST_F(ModeTakenBackTest, IsResetWhereItIsPending) {
  const Plan plan = plan_for({"1g.5gb:0", "1g.5gb:1"});
  inject({"--call", kCreate, "--nth", "2", "--fail", "NVML_ERROR_UNKNOWN"});
  expect_taken_back(plan);
}

// Stopped between the mode change and its reset: the rollback needs the reset.
TEST_F(ModeTakenBackTest, IsResetAlsoWhereItsOwnResetWasNotReached) {
  const Plan plan = plan_for({});
  ASSERT_EQ(plan.steps.size(), 2U) << "mode and reset";
  stop_at_once_ = true;
  expect_taken_back(plan);
}

TEST_F(ChangeTest, APendingModeIsPendingAgainAfterGoingBack) {
  TearDown();
  ApplyMachineTest::SetUp();
  make("1x a100-sxm4-40gb", {"--vm"});
  stranger_sets_mode(true);
  ASSERT_EQ(modes(), "disabled/enabled");
  const Plan plan = plan_for({});
  std::atomic<bool> stop{false};
  Listener listener;
  once(listener, Direction::kDo, 1, [&] { stop = true; });
  ApplyOptions options;
  options.stop = &stop;
  const auto result = apply(context(&listener), plan, options);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->outcome, Outcome::kRolledBack) << result->failure->text();
  EXPECT_EQ(modes(), "disabled/enabled");
}

TEST_F(ChangeTest, AModeThatOthersSetIsTheirs) {
  const Plan plan = plan_for({"1g.5gb:0", "1g.5gb:1"});
  Listener listener;
  once(listener, Direction::kDo, 2, [&] {
    stranger_destroys(look().gpus[0].instances.at(0).id.value);
    stranger_sets_mode(false);
  });
  const auto result = carry_out(plan, &listener);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->outcome, Outcome::kRolledBack) << "nothing of ours is left";
  EXPECT_EQ(shape(), "MIG off");
  EXPECT_NE(result->failure->message.find("it stays: GPU 0 has MIG disabled, before: enabled"),
            std::string::npos)
      << result->failure->message;
}

TEST_F(ChangeTest, AMachineThatChangedSinceThePlanIsNotTouched) {
  const Plan plan = plan_for({"1g.5gb:0"});
  stranger_creates("2g.10gb:4");
  const auto result = carry_out(plan);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kConflict);
  EXPECT_EQ(shape(), "MIG 4:2 2g.10gb[2g.10gb]");
}

TEST_F(ChangeTest, TwoWritersAreNoneTooMany) {
  const Plan plan = plan_for({"1g.5gb:0"});
  const auto lock =
      lock_writer(*places_of(*session_).writer_lock(), base::system_clock(), "another");
  ASSERT_TRUE(lock);
  const auto result = carry_out(plan);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kConflict);
  EXPECT_NE(result.error().message.find("`another`"), std::string::npos);
  EXPECT_EQ(shape(), "MIG");
}

TEST_F(ChangeTest, WithoutLeaveToResetTheModeWaitsAndNothingIsTakenBack) {
  TearDown();
  ApplyMachineTest::SetUp();
  make("1x a100-sxm4-40gb", {"--vm"});
  const Plan plan = plan_for({"1g.5gb:0"});
  ApplyOptions options;
  options.allow_reset = false;
  Listener listener;
  const auto result = apply(context(&listener), plan, options);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->outcome, Outcome::kApplied);
  ASSERT_TRUE(result->failure);
  EXPECT_EQ(result->failure->code, ErrorCode::kResetRequired);
  EXPECT_EQ(listener.calls.size(), 1U) << "no reset, and no instance before it";
  EXPECT_EQ(modes(), "disabled/enabled");
}

// A plan read from a file may contain the reset alone.
TEST_F(ChangeTest, WithoutLeaveToResetAResetByItselfIsNotMadeEither) {
  ASSERT_TRUE(carry_out(plan_for({}, false)));
  ASSERT_EQ(migctl({"sim", "clients", "lab", "--start", "dcgm"}), 0);
  stranger_sets_mode(true);
  ASSERT_EQ(migctl({"sim", "clients", "lab", "--stop", "dcgm"}), 0);
  ASSERT_EQ(modes(), "disabled/enabled") << "or this shows nothing";
  Plan plan = plan_for({});
  std::erase_if(plan.steps, [](const Step& step) { return step.kind != StepKind::kResetGpu; });
  ASSERT_EQ(plan.steps.size(), 1U);
  ApplyOptions options;
  options.allow_reset = false;
  Listener listener;
  const auto result = apply(context(&listener), plan, options);
  ASSERT_TRUE(result) << result.error().text();
  ASSERT_TRUE(result->failure);
  EXPECT_EQ(result->failure->code, ErrorCode::kResetRequired);
  EXPECT_TRUE(listener.calls.empty()) << listener.calls.front();
  EXPECT_EQ(modes(), "disabled/enabled");
}

}  // namespace
}  // namespace mig::apply

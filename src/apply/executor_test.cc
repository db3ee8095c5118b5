// SPDX-License-Identifier: Apache-2.0
// Single steps on a simulated machine, with failing calls, and with another program that changes
// the same machine.
#include "apply/executor.h"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "apply/in_use.h"
#include "apply/test_machine.h"

namespace mig::apply {
namespace {

class ExecutorTest : public ApplyMachineTest {
 protected:
  void SetUp() override {
    ApplyMachineTest::SetUp();
    make("1x a100-sxm4-40gb");
    must_have({});
  }

  // The step of kind `kind` in the plan for `instances`.
  Step step_for(const std::vector<std::string>& instances, StepKind kind) {
    const Plan plan = plan_for(instances);
    before_ = look();  // a fault injected next must not hit this read
    for (const Step& step : plan.steps) {
      if (step.kind == kind) {
        return step;
      }
    }
    ADD_FAILURE() << "no such step";
    return {};
  }

  StepResult run(Step& step, Recorder* recorder = nullptr, Direction way = Direction::kDo) {
    const Context around = context(recorder);
    return Executor(around, before_).run(step, 0, way);
  }

  StepResult run_with(Step& step, std::function<void()> heartbeat) {
    Context around = context();
    around.heartbeat = std::move(heartbeat);
    return Executor(around, before_).run(step, 0, Direction::kDo);
  }

  // The next call of this driver function is refused with `code`.
  void fail_once(const std::string& call, const std::string& code) {
    inject({"--call", call, "--nth", "1", "--fail", code});
  }

  Inventory before_;
};

TEST_F(ExecutorTest, AReadingThatFailsIsReadAgain) {
  Step step = step_for({"1g.5gb:0"}, StepKind::kCreateGpuInstance);
  fail_once("nvmlDeviceGetGpuInstances", "NVML_ERROR_UNKNOWN");
  const StepResult done = run(step);
  EXPECT_FALSE(done.failure) << done.failure->text();
  EXPECT_TRUE(done.effect);
  EXPECT_EQ(shape(), "MIG 0:1 1g.5gb[]");
}

TEST_F(ExecutorTest, AReadingThatGoesOnFailingEndsTheStepWithoutACall) {
  Step step = step_for({"1g.5gb:0"}, StepKind::kCreateGpuInstance);
  Listener listener;
  inject({"--call", "nvmlDeviceGetGpuInstances", "--repeat", "0", "--fail", "NVML_ERROR_UNKNOWN"});
  const StepResult done = run(step, &listener);
  inject({"--clear"});
  ASSERT_TRUE(done.failure);
  EXPECT_FALSE(done.effect);
  EXPECT_TRUE(listener.calls.empty());
  EXPECT_EQ(shape(), "MIG");
}

// A created instance may appear late: the first read-back lacks it.
TEST_F(ExecutorTest, AnInstanceThatShowsLateIsWaitedFor) {
  Step step = step_for({"1g.5gb:0"}, StepKind::kCreateGpuInstance);
  int beats = 0;
  const StepResult done = run_with(step, [&] {
    if (++beats == 2) {  // before the call is made
      fail_once("nvmlDeviceGetGpuInstanceById", "NVML_ERROR_NOT_FOUND");
    }
  });
  EXPECT_FALSE(done.failure) << done.failure->text();
  EXPECT_EQ(shape(), "MIG 0:1 1g.5gb[]");
}

TEST_F(ExecutorTest, WhatNeverShowsIsAFailureWithAnEffect) {
  Step step = step_for({"1g.5gb:0"}, StepKind::kCreateGpuInstance);
  int beats = 0;
  const StepResult done = run_with(step, [&] {
    if (++beats == 2) {
      inject({"--call",
              "nvmlDeviceGetGpuInstanceById",
              "--repeat",
              "0",
              "--fail",
              "NVML_ERROR_NOT_FOUND"});
    }
  });
  inject({"--clear"});
  ASSERT_TRUE(done.failure);
  EXPECT_EQ(done.failure->code, ErrorCode::kDriver);
  EXPECT_TRUE(done.effect) << "the driver said that it made it";
}

// Found by tests/hammer: another program destroys the new instance before its id is read back.
TEST_F(ExecutorTest, ANewInstanceThatAStrangerDestroysAtOnceIsAConflict) {
  const std::uint32_t id = stranger_creates("1g.5gb:0", false);  // ids belong to placements
  stranger_destroys(id);
  Step step = step_for({"1g.5gb:0"}, StepKind::kCreateGpuInstance);
  int beats = 0;
  const StepResult done = run_with(step, [&] {
    if (++beats == 1) {
      fail_once("nvmlGpuInstanceGetInfo", "NVML_ERROR_INVALID_ARGUMENT");
    } else if (beats == 2) {
      stranger_destroys(id);
    }
  });
  ASSERT_TRUE(done.failure);
  EXPECT_EQ(done.failure->code, ErrorCode::kConflict) << done.failure->text();
  EXPECT_FALSE(done.effect);
  EXPECT_EQ(shape(), "MIG");
}

TEST_F(ExecutorTest, ANewInstanceThatOnlyTheFirstReadingMissesIsKept) {
  Step step = step_for({"1g.5gb:0"}, StepKind::kCreateGpuInstance);
  int beats = 0;
  const StepResult done = run_with(step, [&] {
    if (++beats == 1) {
      fail_once("nvmlGpuInstanceGetInfo", "NVML_ERROR_INVALID_ARGUMENT");
    }
  });
  EXPECT_FALSE(done.failure) << done.failure->text();
  EXPECT_TRUE(done.effect);
  EXPECT_EQ(shape(), "MIG 0:1 1g.5gb[]");
}

TEST_F(ExecutorTest, ADestroyMeetsOnlyWhatThePlanNames) {
  must_have({"1g.5gb:0"});
  Step step = step_for({}, StepKind::kDestroyGpuInstance);
  const std::uint32_t id = step.gpu_instance->value;
  stranger_destroys(id);
  std::uint32_t other = 0;
  for (std::uint32_t start = 1; other != id && start < 7; ++start) {
    other = stranger_creates("1g.5gb:" + std::to_string(start), false);
  }
  if (other != id) {
    other = stranger_creates("1g.5gb:0", false);
  }
  step.gpu_placement = {6, 1};  // the id belongs to an instance at another placement
  Listener listener;
  for (const Direction way : {Direction::kDo, Direction::kUndo}) {
    const StepResult done = run(step, &listener, way);
    ASSERT_TRUE(done.failure);
    EXPECT_EQ(done.failure->code, ErrorCode::kConflict) << done.failure->text();
    EXPECT_FALSE(done.effect);
  }
  EXPECT_TRUE(listener.calls.empty()) << "no call was made";
}

TEST_F(ExecutorTest, AComputeInstanceOfThatIdAndAnotherNameStays) {
  must_have({"3g.20gb:4"});
  Step step = step_for({}, StepKind::kDestroyComputeInstance);
  step.profile = *ProfileName::parse("1c.3g.20gb");
  const StepResult done = run(step);
  ASSERT_TRUE(done.failure);
  EXPECT_EQ(done.failure->code, ErrorCode::kConflict);
  EXPECT_EQ(shape(), "MIG 4:4 3g.20gb[3g.20gb]");
}

TEST_F(ExecutorTest, ACreateAsksForNoProcesses) {
  Step step = step_for({"1g.5gb:0"}, StepKind::kCreateGpuInstance);
  for (const char* call :
       {"nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v3"}) {
    inject({"--call", call, "--repeat", "0", "--fail", "NVML_ERROR_UNKNOWN"});
  }
  const StepResult done = run(step);
  EXPECT_FALSE(done.failure) << done.failure->text();
}

// Race: another program creates the same instance at the same moment; after the driver's refusal
// that instance is not taken for the step's own.
TEST_F(ExecutorTest, WhatTheDriverRefusedIsNotTakenForOurs) {
  Step step = step_for({"1g.5gb:0"}, StepKind::kCreateGpuInstance);
  int beats = 0;
  const StepResult done = run_with(step, [&] {
    if (++beats == 1) {
      stranger_creates("1g.5gb:0");
    }
  });
  ASSERT_TRUE(done.failure);
  EXPECT_FALSE(done.effect);
}

// A driver that returns a timeout may have executed the call.
TEST_F(ExecutorTest, AnAnswerThatLeavesItOpenIsSettledByLooking) {
  Step step = step_for({"1g.5gb:0"}, StepKind::kCreateGpuInstance);
  fail_once("nvmlDeviceCreateGpuInstanceWithPlacement", "NVML_ERROR_TIMEOUT");
  int beats = 0;
  const StepResult done = run_with(step, [&] {
    if (++beats == 2) {
      stranger_creates("1g.5gb:0", false);  // stands for the driver's effect
    }
  });
  EXPECT_FALSE(done.failure) << done.failure->text();
  EXPECT_TRUE(done.effect);
  EXPECT_TRUE(step.gpu_instance) << "with its id, or it could not be undone";
}

TEST_F(ExecutorTest, WithoutARecordNothingIsDoneButUndoing) {
  Step step = step_for({"1g.5gb:0"}, StepKind::kCreateGpuInstance);
  Listener listener;
  listener.before = [](const Call&) -> Result<void> { return fail(ErrorCode::kIo, "disk full"); };
  const StepResult refused = run(step, &listener);
  ASSERT_TRUE(refused.failure);
  EXPECT_EQ(refused.failure->code, ErrorCode::kIo);
  EXPECT_EQ(shape(), "MIG");
  const StepResult undone = run(step, &listener, Direction::kUndo);
  EXPECT_FALSE(undone.failure) << "going back is done all the same";
  EXPECT_EQ(shape(), "MIG 0:1 1g.5gb[]");
}

TEST_F(ExecutorTest, AResultThatCannotBeRecordedFailsTheStep) {
  Step step = step_for({"1g.5gb:0"}, StepKind::kCreateGpuInstance);
  Listener listener;
  listener.after = [](const Call&) -> Result<void> { return fail(ErrorCode::kIo, "disk full"); };
  const StepResult done = run(step, &listener);
  ASSERT_TRUE(done.failure);
  EXPECT_EQ(done.failure->code, ErrorCode::kIo);
  EXPECT_TRUE(done.effect) << "so that it is undone";
}

TEST_F(ExecutorTest, ThePlaceOfAComputeInstanceThatGoesIsKept) {
  must_have({"3g.20gb:4"});
  Step step = step_for({}, StepKind::kDestroyComputeInstance);
  step.ci_placement.reset();
  EXPECT_FALSE(run(step).failure);
  ASSERT_TRUE(step.ci_placement) << "to be made there again";
}

TEST_F(ExecutorTest, AModeThatWaitsForAResetIsPending) {
  TearDown();
  ApplyMachineTest::SetUp();
  make("1x a100-sxm4-40gb", {"--vm"});
  Step step = step_for({}, StepKind::kEnableMig);
  const StepResult done = run(step);
  EXPECT_FALSE(done.failure);
  EXPECT_TRUE(done.pending);
  EXPECT_TRUE(done.activation) << "with the driver's reason";
  EXPECT_EQ(modes(), "disabled/enabled");
}

// A process that only has a node open is in no list of the driver; the step is refused all the
// same.
TEST_F(ExecutorTest, WhoKeepsTheNodeOfAnInstanceOpenKeepsIt) {
  must_have({"3g.20gb:4"});
  Step step = step_for({}, StepKind::kDestroyComputeInstance);
  const holders::Roots roots = holder_roots(*session_);
  const std::string path =
      fmt::format("gpu0/gi{}/ci{}/access", step.gpu_instance->value, step.compute_instance->value);
  std::ifstream minors(roots.driver_proc + "/driver/nvidia-caps/mig-minors");
  std::string name, minor;
  while (minors >> name >> minor && name != path) {
  }
  ASSERT_EQ(name, path);
  const std::string process = roots.machine_proc + "/5000000";  // larger than any pid of a host
  std::filesystem::create_directories(process + "/fd");
  std::ofstream(process + "/comm") << "python\n";
  std::filesystem::create_symlink(roots.dev + "/nvidia-caps/nvidia-cap" + minor, process + "/fd/3");
  Listener listener;
  const StepResult refused = run(step, &listener);
  ASSERT_TRUE(refused.failure);
  EXPECT_EQ(refused.failure->code, ErrorCode::kInUse);
  EXPECT_NE(refused.failure->message.find("in use by pid 5000000 (python"), std::string::npos)
      << refused.failure->message;
  EXPECT_TRUE(listener.calls.empty());
  std::filesystem::remove_all(process);
  EXPECT_FALSE(run(step, &listener).failure);
}

TEST_F(ExecutorTest, WhoIsNamedIsOnTheGpuOfTheStep) {
  Inventory two;
  for (const std::uint32_t index : {0U, 1U}) {
    Gpu gpu;
    gpu.index = GpuIndex{index};
    gpu.minor = 100 + index;  // a minor without a node
    Process process;
    process.pid = 5'000'000 + index;
    gpu.processes = {process};
    two.gpus.push_back(std::move(gpu));
  }
  for (const std::uint32_t index : {0U, 1U}) {
    Step reset;
    reset.kind = StepKind::kResetGpu;
    reset.gpu = GpuIndex{index};
    Error error{ErrorCode::kInUse, "cannot reset", {}, {}, {}};
    name_holders(two, *session_, reset, error);
    const auto named = [&](std::uint32_t pid) {
      return error.message.find(fmt::format("pid {}", pid)) != std::string::npos;
    };
    EXPECT_TRUE(named(5'000'000 + index)) << error.message;
    EXPECT_FALSE(named(5'000'001 - index)) << error.message;
  }
}

}  // namespace
}  // namespace mig::apply

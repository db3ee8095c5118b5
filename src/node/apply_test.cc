// SPDX-License-Identifier: Apache-2.0
// Plans executed on a simulated machine: verified, rolled back, refused.
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <future>
#include <ostream>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "node/test_machine.h"

namespace mig::node {
namespace {

using namespace std::chrono_literals;

class ApplyTest : public MachineTest {
 protected:
  void two_a100() {
    make("2x a100-sxm4-40gb");
    enable_mig();
  }

  // Executes the commands in the hint of a stuck change; GPU 0 must be as before afterwards.
  void expect_way_back(const ApplyResult& stuck, const std::string& before) {
    ASSERT_TRUE(stuck.failure);
    const std::string& hint = stuck.failure->hint;
    const std::string named = "migctl undo --change ";
    const std::size_t at = hint.find(named);
    ASSERT_NE(at, std::string::npos) << hint;
    const std::size_t from = at + named.size();
    const std::string number = hint.substr(from, hint.find_first_not_of("0123456789", from) - from);
    EXPECT_EQ(migctl({"undo", "--change", number}), 0);
    EXPECT_EQ(shape(0), before);
  }
};

TEST_F(ApplyTest, EnablingOnAmpereResetsAndIsReadBack) {
  make("2x a100-sxm4-40gb");
  const auto plan = node_->plan_mode({}, true);
  ASSERT_TRUE(plan);
  const ApplyResult result = must_apply(plan);
  EXPECT_EQ(result.outcome, Outcome::kApplied);
  for (const StepReport& report : result.steps) {
    EXPECT_TRUE(report.done) << report.step.str();
  }
  for (const Gpu& gpu : inventory().gpus) {
    EXPECT_EQ(gpu.mig_current, MigMode::kEnabled);
    EXPECT_EQ(gpu.mig_pending, MigMode::kEnabled);
  }
  EXPECT_EQ(must_apply(node_->plan_mode({}, true)).outcome, Outcome::kUnchanged);
}

TEST_F(ApplyTest, InstancesLieWhereThePlanPutsThem) {
  two_a100();
  create(1, {"3g.20gb:4", "2g.10gb:0"});
  EXPECT_EQ(shape(1), "0:2 2g.10gb[2g.10gb] 4:4 3g.20gb[3g.20gb]");
  create(1, {"1g.5gb"});
  EXPECT_NE(shape(1).find("4:4 3g.20gb[3g.20gb]"), std::string::npos);
  EXPECT_EQ(shape(0), "");
  must_apply(node_->plan_destroy({GpuIndex{1}, {}, {}, false}));
  EXPECT_EQ(shape(1), "");
}

TEST_F(ApplyTest, ComputeInstancesAloneComeAndGo) {
  two_a100();
  create(0, {"3g.20gb:0"});
  const GpuInstanceId id = inventory().gpus[0].instances[0].id;
  must_apply(node_->plan_destroy({GpuIndex{0}, id, ComputeInstanceId{0}, true}));
  EXPECT_EQ(shape(0), "0:4 3g.20gb[]");
}

TEST_F(ApplyTest, DestroyingWhatIsNotThereIsAnError) {
  two_a100();
  const auto plan = node_->plan_destroy({GpuIndex{0}, GpuInstanceId{3}, {}, false});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::kNothingMatched);
}

struct FaultCase {
  const char* call;
  int nth;
  const char* code;

  friend void PrintTo(const FaultCase& fault, std::ostream* out) {
    *out << fault.code << " at call " << fault.nth << " of " << fault.call;
  }
};

class RollbackTest : public ApplyTest, public testing::WithParamInterface<FaultCase> {};

// Three instances are destroyed and four created on one GPU: every kind of call, several times.
TEST_P(RollbackTest, AFailedCallLeavesTheLayoutAsItWas) {
  two_a100();
  create(0, {"3g.20gb:4", "2g.10gb:0", "1g.5gb:2"});
  const std::string before = shape(0);
  const std::uint64_t generation = inventory().generation;
  DesiredLayout desired{"other", {{GpuIndex{0}, true, {}, {}}}, {}};
  for (const char* text : {"4g.20gb", "1g.5gb", "1g.5gb", "1g.5gb"}) {
    const ProfileName name = *ProfileName::parse(text);
    desired.gpus[0].instances.push_back({name, {name}, {}, {}});
  }
  const auto plan = node_->plan(desired);
  ASSERT_TRUE(plan) << plan.error().text();
  const FaultCase& fault = GetParam();
  inject({"--call", fault.call, "--nth", std::to_string(fault.nth), "--fail", fault.code});
  const auto result = node_->apply(*plan, {});
  if (result) {
    EXPECT_EQ(result->outcome, Outcome::kRolledBack) << result->failure->text();
    ASSERT_TRUE(result->failure);
  }  // else the first step failed, and its own error is returned
  EXPECT_EQ(shape(0), before);
  EXPECT_EQ(inventory().generation, generation);
  inject({"--clear"});
  EXPECT_EQ(must_apply(node_->plan(desired)).outcome, Outcome::kApplied);
}

INSTANTIATE_TEST_SUITE_P(
    Faults,
    RollbackTest,
    testing::Values(
        FaultCase{"nvmlComputeInstanceDestroy", 1, "NVML_ERROR_IN_USE"},
        FaultCase{"nvmlComputeInstanceDestroy", 2, "NVML_ERROR_UNKNOWN"},
        FaultCase{"nvmlGpuInstanceDestroy", 1, "NVML_ERROR_IN_USE"},
        FaultCase{"nvmlGpuInstanceDestroy", 2, "NVML_ERROR_TIMEOUT"},
        FaultCase{
            "nvmlDeviceCreateGpuInstanceWithPlacement", 1, "NVML_ERROR_INSUFFICIENT_RESOURCES"},
        FaultCase{"nvmlDeviceCreateGpuInstanceWithPlacement", 3, "NVML_ERROR_UNKNOWN"},
        FaultCase{"nvmlGpuInstanceCreateComputeInstance", 1, "NVML_ERROR_NO_PERMISSION"},
        FaultCase{"nvmlGpuInstanceCreateComputeInstanceWithPlacement", 3, "NVML_ERROR_IN_USE"}));

TEST_F(ApplyTest, AFailedResetTakesTheModeBack) {
  make("1x a100-sxm4-40gb");
  // The second create fails after the mode change and the reset.
  DesiredLayout desired{"new", {{GpuIndex{0}, true, {}, {}}}, {}};
  const ProfileName name = *ProfileName::parse("1g.5gb");
  desired.gpus[0].instances = {{name, {name}, {}, {}}, {name, {name}, {}, {}}};
  const auto plan = node_->plan(desired);
  ASSERT_TRUE(plan) << plan.error().text();
  inject({"--call",
          "nvmlDeviceCreateGpuInstanceWithPlacement",
          "--nth",
          "2",
          "--fail",
          "NVML_ERROR_UNKNOWN"});
  const auto result = node_->apply(*plan, {});
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->outcome, Outcome::kRolledBack) << result->failure->text();
  EXPECT_EQ(inventory().gpus[0].mig_current, MigMode::kDisabled);
  EXPECT_EQ(inventory().gpus[0].mig_pending, MigMode::kDisabled);
}

TEST_F(ApplyTest, WhatCannotBeUndoneIsSaidWithTheCommandToGoOn) {
  two_a100();
  const auto plan = plan_create(0, {"1g.5gb:0", "1g.5gb:1"});
  ASSERT_TRUE(plan);
  inject({"--call",
          "nvmlDeviceCreateGpuInstanceWithPlacement",
          "--nth",
          "2",
          "--fail",
          "NVML_ERROR_UNKNOWN"});
  inject({"--call", "nvmlGpuInstanceDestroy", "--repeat", "0", "--fail", "NVML_ERROR_IN_USE"});
  const auto result = node_->apply(*plan, {});
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->outcome, Outcome::kStuck);
  ASSERT_TRUE(result->failure);
  EXPECT_NE(result->failure->message.find("1g.5gb at 0:1"), std::string::npos)
      << result->failure->message;
  inject({"--clear"});
  expect_way_back(*result, "");
}

// Compute instances are lost, which no single command creates.
TEST_F(ApplyTest, TheWayBackBringsComputeInstancesToo) {
  two_a100();
  DesiredLayout parts{"parts", {{GpuIndex{0}, true, {}, {}}}, {}};
  const ProfileName whole = *ProfileName::parse("3g.20gb");
  const ProfileName two = *ProfileName::parse("2c.3g.20gb");
  const ProfileName one = *ProfileName::parse("1c.3g.20gb");
  parts.gpus[0].instances = {{whole, {two, one}, Placement{4, 4}, {}}};
  must_apply(node_->plan(parts));
  const std::string before = shape(0);
  const std::uint64_t generation = inventory().generation;
  const auto plan = node_->plan_destroy({GpuIndex{0}, {}, {}, false});
  ASSERT_TRUE(plan);
  inject({"--call", "nvmlGpuInstanceDestroy", "--repeat", "0", "--fail", "NVML_ERROR_UNKNOWN"});
  for (const char* call : {"nvmlGpuInstanceCreateComputeInstance",
                           "nvmlGpuInstanceCreateComputeInstanceWithPlacement"}) {
    inject({"--call", call, "--repeat", "0", "--fail", "NVML_ERROR_UNKNOWN"});
  }
  const auto result = node_->apply(*plan, {});
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->outcome, Outcome::kStuck);
  EXPECT_NE(result->failure->message.find("lacks compute instance 2c.3g.20gb at 0:2"),
            std::string::npos)
      << result->failure->message;
  inject({"--clear"});
  expect_way_back(*result, before);
  EXPECT_EQ(inventory().generation, generation) << "every place, those of compute instances too";
}

TEST_F(ApplyTest, ALostGpuIsNeverPassedOver) {
  two_a100();
  const auto of_both = node_->plan_mode({}, false);
  ASSERT_TRUE(of_both);
  inject({"--lost", "--gpu", "1"});
  const auto lost = [](const auto& refused) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kDeviceLost) << refused.error().text();
    EXPECT_NE(refused.error().message.find("cannot open GPU 1: GPU is lost"), std::string::npos);
  };
  lost(node_->plan_mode({}, false));
  lost(node_->plan_mode({GpuIndex{1}}, false));
  lost(node_->plan_destroy({}));
  lost(node_->plan_destroy({GpuIndex{1}, {}, {}, false}));
  lost(plan_create(1, {"1g.5gb"}));
  lost(node_->apply(*of_both, {}));
  lost(node_->plan_undo(1));
  create(0, {"1g.5gb:0"});
  must_apply(node_->plan_destroy({GpuIndex{0}, {}, {}, false}));
}

// A driver that returns "unknown" counts as a lost GPU too.
TEST_F(ApplyTest, AGpuThatWillNotOpenForAnyReasonIsLost) {
  two_a100();
  inject({"--call", "nvmlDeviceGetHandleByIndex_v2", "--nth", "2", "--fail", "NVML_ERROR_UNKNOWN"});
  const Inventory now = inventory();
  ASSERT_EQ(now.lost.size(), 1U);
  EXPECT_EQ(now.lost[0].why.code, ErrorCode::kDeviceLost);
  EXPECT_NE(now.lost[0].why.message.find("Unknown Error"), std::string::npos);
}

// Race: an instance destroyed between the list call and its query; another program changes the
// layout.
TEST_F(ApplyTest, ALayoutThatChangesWhileItIsReadIsReadAgain) {
  two_a100();
  create(0, {"3g.20gb:4"});
  inject({"--call", "nvmlGpuInstanceGetInfo", "--nth", "1", "--fail", "NVML_ERROR_NOT_FOUND"});
  EXPECT_EQ(shape(0), "4:4 3g.20gb[3g.20gb]");
  inject({"--call", "nvmlGpuInstanceGetInfo", "--repeat", "0", "--fail", "NVML_ERROR_NOT_FOUND"});
  const auto never = node_->inventory();
  ASSERT_FALSE(never);
  EXPECT_EQ(never.error().code, ErrorCode::kConflict) << never.error().text();
}

TEST_F(ApplyTest, WhatStepsTookHereIsWhatTheyAreExpectedToTake) {
  two_a100();
  const std::uint32_t published = plan_create(0, {"1g.5gb:0"})->estimated_ms;
  EXPECT_EQ(published, 215U) << "no history of such steps";
  create(0, {"1g.5gb:0"});
  std::string path = node_->places().leases();  // the journal is in the same folder
  path.replace(path.rfind("leases"), std::string("leases").size(), "journal");
  auto journal = store::Journal::open(path);
  ASSERT_TRUE(journal) << journal.error().text();
  const auto attempts = journal->attempts(2);
  ASSERT_TRUE(attempts) << attempts.error().text();
  std::int64_t took = 0;
  for (const store::AttemptRow& attempt : *attempts) {
    took += attempt.took_us.value_or(0) / 1000;
  }
  EXPECT_EQ(plan_create(0, {"1g.5gb:1"})->estimated_ms, static_cast<std::uint32_t>(took));
  EXPECT_EQ(node_->plan_destroy({GpuIndex{0}, {}, {}, false})->estimated_ms, 215U)
      << "of destroys nothing is known";
}

TEST_F(ApplyTest, APlanForAnotherLayoutIsRefused) {
  two_a100();
  const auto plan = plan_create(0, {"1g.5gb"});
  ASSERT_TRUE(plan);
  create(0, {"2g.10gb:4"});
  const auto result = node_->apply(*plan, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kConflict);
  EXPECT_EQ(shape(0), "4:2 2g.10gb[2g.10gb]");
}

TEST_F(ApplyTest, OnlyOneWriterAtATimeAndItIsNamed) {
  two_a100();
  auto other = open();
  const auto first = plan_create(0, {"1g.5gb:0"});
  const auto second = other->plan_create({GpuIndex{1}, {}});
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  std::promise<void> begun, tried;
  std::thread writer([&] {
    bool waited = false;
    ApplyOptions options;
    options.progress = [&](const Step&, std::size_t, std::size_t, bool) {
      if (!std::exchange(waited, true)) {
        begun.set_value();
        tried.get_future().wait();
      }
    };
    const auto result = node_->apply(*first, options);
    EXPECT_TRUE(result && result->outcome == Outcome::kApplied);
  });
  begun.get_future().wait();  // during its change
  const auto refused = other->apply(*second, {});
  tried.set_value();
  writer.join();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_NE(refused.error().message.find("pid " + std::to_string(::getpid())), std::string::npos)
      << refused.error().message;
  EXPECT_EQ(shape(0), "0:1 1g.5gb[1g.5gb]");
}

TEST_F(ApplyTest, AWriterKilledInTheMiddleBlocksNobody) {
  two_a100();
  for (const char* when : {"before", "after"}) {
    inject({"--clear",
            "--call",
            "nvmlDeviceCreateGpuInstanceWithPlacement",
            "--nth",
            "2",
            "--kill",
            when});
    EXPECT_EQ(migctl({"create", "1g.5gb", "1g.5gb", "-i", "0"}), 128 + SIGKILL) << when;
    EXPECT_NE(shape(0), "") << "it died in the middle";
    const auto refused = node_->apply(*node_->plan_destroy({GpuIndex{0}, {}, {}, false}), {});
    ASSERT_FALSE(refused) << "what was cut short is finished or taken back first";
    EXPECT_NE(refused.error().hint.find("recover"), std::string::npos);
    EXPECT_EQ(migctl({"recover"}), 0);
    EXPECT_EQ(shape(0), "") << "taken back";
    create(0, {"1g.5gb", "1g.5gb"});
    must_apply(node_->plan_destroy({GpuIndex{0}, {}, {}, false}));
  }
}

TEST_F(ApplyTest, WithoutAResetTheModeStaysPendingAndThatIsSaid) {
  make("1x a100-sxm4-40gb", {"--vm"});
  const auto plan = node_->plan_mode({}, true);
  ASSERT_TRUE(plan);
  const auto result = node_->apply(*plan, {false, false, {}});
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->outcome, Outcome::kApplied);
  ASSERT_TRUE(result->failure);
  EXPECT_EQ(result->failure->code, ErrorCode::kResetRequired);
  EXPECT_EQ(inventory().gpus[0].mig_current, MigMode::kDisabled);
  EXPECT_EQ(inventory().gpus[0].mig_pending, MigMode::kEnabled);
}

TEST_F(ApplyTest, AGpuPassedThroughToAVmWaitsForItsReboot) {
  make("1x a100-sxm4-40gb", {"--vm"});
  const auto plan = node_->plan_mode({}, true);
  ASSERT_TRUE(plan);
  const auto result = node_->apply(*plan, {});
  ASSERT_TRUE(result) << result.error().text();
  ASSERT_TRUE(result->failure);
  EXPECT_EQ(result->failure->code, ErrorCode::kResetRequired) << result->failure->text();
  EXPECT_NE(result->failure->hint.find("reboot"), std::string::npos);
}

TEST_F(ApplyTest, ALostGpuDoesNotHideTheOthers) {
  two_a100();
  inject({"--lost", "--gpu", "1"});
  const Inventory now = inventory();
  ASSERT_EQ(now.gpus.size(), 1U);
  EXPECT_EQ(now.gpus[0].index.value, 0U);
  ASSERT_EQ(now.warnings.size(), 1U);
  EXPECT_NE(now.warnings[0].find("GPU 1"), std::string::npos);
}

}  // namespace
}  // namespace mig::node

// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/strings.h"
#include "cli/errors.h"
#include "cli/render_inventory.h"
#include "cli/render_outcome.h"
#include "cli/render_plan.h"
#include "cli/table.h"
#include "service/driver_code.h"
#include "wire/testdata/sample.h"

namespace mig::cli {
namespace {

const Paint kPlain(false);

void expect_narrow(const std::string& text) {
  for (const auto& line : base::split(text, '\n')) {
    EXPECT_LE(line.size(), 80U) << line;
  }
}

TEST(RenderList, AMachineInUse) {
  const std::string text = render_list(sample::inventory(), true, kPlain);
  EXPECT_EQ(text,
            R"(SIMULATED machine "lab": 2 GPUs, driver 580.159.04, NVML 13.580.159.04

GPU 0  NVIDIA A100-SXM4-40GB  40 GiB  MIG on
  GPU-11111111-2222-3333-4444-555555555555  00000000:10:00.0
   0    1    2    3    4    5    6    7
  | .  | .  |2g.10gb *|3g.20gb *          |
  GI  CI  PROFILE  SLOTS    GiB  SMs  UUID
   2   0  3g.20gb  4-7    19.50   42  MIG-aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee
   5   -  2g.10gb  2-3     9.62   28  no compute instance
   PID  GI  CI  MiB  PROCESS
  4121   2   0  512  python
  4122   -   -    ?  ?

GPU 1  NVIDIA A100-SXM4-40GB  40 GiB  MIG off (on after a reset)
  GPU-66666666-7777-8888-9999-000000000000  00000000:18:00.0
  no processes
)");
  expect_narrow(text);
}

TEST(RenderList, HardwareIsNotCalledSimulated) {
  Inventory inventory = sample::inventory();
  inventory.simulated = false;
  EXPECT_EQ(render_list(inventory, false, kPlain).find("SIMULATED"), std::string::npos);
}

TEST(RenderList, WhatTheDriverDoesNotTellIsNotZero) {
  Inventory inventory = sample::inventory();
  inventory.gpus[0].memory_total_mib.reset();
  inventory.gpus[0].memory_slices = 0;
  inventory.lost = {{GpuIndex{7}, Error{ErrorCode::kDeviceLost, "GPU is lost", "reboot", {}, 15}}};
  const std::string text = render_list(inventory, false, kPlain);
  EXPECT_NE(text.find("  ? GiB  MIG on"), std::string::npos) << text;
  EXPECT_NE(text.find("profiles and places to root only"), std::string::npos) << text;
  EXPECT_NE(text.find("GPUs and 1 lost"), std::string::npos) << text;
  EXPECT_NE(text.find("\nGPU 7  LOST  GPU is lost\n  reboot\n"), std::string::npos) << text;
}

TEST(RenderProfiles, GpusOfEqualTablesShareOne) {
  Inventory inventory = sample::inventory();
  inventory.gpus[0] = inventory.gpus[1];
  inventory.gpus[0].index = GpuIndex{0};
  const std::string text = render_profiles(inventory, false, kPlain);
  EXPECT_NE(text.find("GPU 0, 1  NVIDIA"), std::string::npos) << text;
  EXPECT_NE(text.find("  3g.20gb   9       2/2  19.50   42"), std::string::npos) << text;
  EXPECT_NE(text.find("?/1"), std::string::npos) << "unknown is not 0";
  expect_narrow(text);
}

TEST(RenderPlacements, FreeNowMindsInstancesAndHiddenOnes) {
  Inventory inventory = sample::inventory();
  EXPECT_NE(render_placements(inventory, kPlain).find("  2g.10gb  14     2  0,2,4          0\n"),
            std::string::npos);
  inventory.gpus[0].instances_complete = false;
  EXPECT_NE(render_placements(inventory, kPlain).find("  2g.10gb  14     2  0,2,4          ?\n"),
            std::string::npos);
}

TEST(RenderPlan, SaysKeptDestroyedCreatedAndWhoBlocks) {
  const std::string text = render_plan(sample::plan(), {true, "lab"}, kPlain);
  for (const char* line : {"SIMULATED machine \"lab\": plan for layout \"mixed\"\n",
                           "  before  |  .   |  .   |2g.10gb      |3g.20gb *",
                           "  after   |1g.5gb|1g.5gb|",
                           "  keep    1 x 3g.20gb (1 x 1c.3g.20gb of 14 SMs, 1 x 2c.3g.20gb) at "
                           "slots 4-7\n            (in use)\n",
                           "  destroy 1 x 2g.10gb at slots 2-3\n",
                           "  create  2 x 1g.5gb (14 SMs) at slots 0, 1\n",
                           "  BLOCKED pid 77 (sleep) runs on 2g.10gb gi=5\n",
                           "4 steps, about 0.3 s\n",
                           "   2. reset GPU 0\n",
                           "warning: GPU 1 is left as it is\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
  expect_narrow(text);
}

TEST(RenderPlan, NothingToDo) {
  Plan plan = sample::plan();
  plan.steps.clear();
  plan.gpus[0].created.clear();
  plan.gpus[0].destroyed.clear();
  plan.gpus[0].after = plan.gpus[0].before;
  const std::string text = render_plan(plan, {}, kPlain);
  EXPECT_NE(text.find("Nothing to do"), std::string::npos);
  EXPECT_NE(text.find("as is"), std::string::npos);
}

TEST(RenderPlan, SaysWhichRoomIsKept) {
  Plan plan = sample::plan();
  EXPECT_EQ(render_plan(plan, {}, kPlain).find("room kept"), std::string::npos);
  plan.kept_room = {{GpuIndex{0}, sample::name("1g.5gb"), {2, 1}},
                    {GpuIndex{0}, sample::name("1g.5gb"), {3, 1}},
                    {GpuIndex{1}, sample::name("3g.20gb"), {4, 4}}};
  EXPECT_NE(render_plan(plan, {}, kPlain)
                .find("\nroom kept on GPU 0 for 2 x 1g.5gb at slots 2, 3\n"
                      "room kept on GPU 1 for 1 x 3g.20gb at slots 4-7\n"),
            std::string::npos);
}

TEST(RenderPlan, LongStepsAreBrokenAtBlanks) {
  Plan plan = sample::plan();
  Step step = plan.steps[3];
  step.kind = StepKind::kDestroyComputeInstance;
  step.gpu_instance = GpuInstanceId{10};
  step.compute_instance = ComputeInstanceId{0};
  plan.steps.assign(12, step);
  const std::string text = render_plan(plan, {true, "lab"}, kPlain);
  EXPECT_NE(text.find("  12. destroy compute instance"), std::string::npos) << text;
  EXPECT_NE(text.find("\n        "), std::string::npos) << text;
  expect_narrow(text);
}

TEST(RenderPlan, StripsStayInEightyColumnsHoweverLongTheNames) {
  Plan plan = sample::plan();
  for (auto& cell : plan.gpus[0].after.cells) {
    cell = {sample::name("1g.10gb+me.all"), cell.placement, true};
  }
  expect_narrow(render_plan(plan, {true, "lab"}, kPlain));
}

TEST(RenderOutcome, TellsWhatWasUndone) {
  ApplyResult result;
  result.after = sample::inventory();
  for (const auto& step : sample::plan().steps) {
    result.steps.push_back({step, false, false, 0});
  }
  result.steps[0] = {result.steps[0].step, true, true, 104};
  result.outcome = Outcome::kRolledBack;
  result.failure = Error{ErrorCode::kInUse, "cannot reset GPU 0", "", {}, {}};
  const std::string text = render_outcome(sample::plan(), result, {true, "lab"}, kPlain);
  EXPECT_NE(text.find("SIMULATED machine \"lab\": Rolled back"), std::string::npos) << text;
  EXPECT_NE(text.find("  undone    destroy 2g.10gb"), std::string::npos) << text;
  EXPECT_NE(text.find("  not done  reset GPU 0"), std::string::npos) << text;
  EXPECT_NE(text.find("  GPU 0  |"), std::string::npos) << text;
}

TEST(Errors, TextAndColours) {
  const Error error{ErrorCode::kInUse, "held", "wait", {"GPU 0"}, 19};
  EXPECT_EQ(error_text(error, kPlain), "migctl: error: GPU 0: held\nhint: wait\n");
  EXPECT_NE(error_text(error, Paint(true)).find("\x1b[31m"), std::string::npos);
  EXPECT_EQ(service::nvml_name(error), "NVML_ERROR_IN_USE");
}

TEST(Errors, ABlockedPlanNamesWhoBlocks) {
  const Error error = blocked_error(sample::plan());
  EXPECT_EQ(error.code, ErrorCode::kInUse);
  EXPECT_NE(error.message.find("pid 77 (sleep)"), std::string::npos);
}

TEST(Seconds, AreShort) {
  EXPECT_EQ(seconds_text(4), "4 ms");
  EXPECT_EQ(seconds_text(260), "0.3 s");
  EXPECT_EQ(seconds_text(11000), "11 s");
}

}  // namespace
}  // namespace mig::cli

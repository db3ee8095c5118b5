// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "wire/testdata/sample.h"
#include "wire/wire.h"

namespace mig::wire {
namespace {

std::string document() {
  return plan_document(sample::plan(), {true, "lab"});
}

// `text` with the first `from` replaced.
std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

std::string problem_of(const std::string& text) {
  const auto saved = parse_plan(text, "x.plan");
  if (saved) {
    return "accepted";
  }
  EXPECT_EQ(saved.error().code, ErrorCode::kInvalidInput);
  return saved.error().message;
}

TEST(ParsePlan, RoundTrip) {
  const auto saved = parse_plan(document(), "x.plan");
  ASSERT_TRUE(saved) << saved.error().message;
  EXPECT_EQ(plan_document(saved->plan, saved->source), document());
  EXPECT_EQ(saved->plan.generation, 0xfedcba9876543210ULL);
  ASSERT_EQ(saved->plan.steps.size(), 4U);
  EXPECT_EQ(saved->plan.steps[0].gpu_instance, GpuInstanceId{5});
  EXPECT_EQ(saved->plan.steps[0].nvml_profile, 1U);
  EXPECT_EQ(saved->plan.steps[3].ci_placement, (Placement{0, 1}));
  EXPECT_TRUE(saved->plan.blocked());
  EXPECT_EQ(saved->source.machine, "lab");
}

TEST(ParsePlan, EmptyPlanRoundTrip) {
  const std::string text = plan_document({}, {});
  const auto saved = parse_plan(text, "x.plan");
  ASSERT_TRUE(saved) << saved.error().message;
  EXPECT_EQ(plan_document(saved->plan, saved->source), text);
}

TEST(ParsePlan, SaysWhatIsWrongAndWhere) {
  EXPECT_NE(problem_of("{").find("x.plan: not JSON"), std::string::npos);
  EXPECT_EQ(problem_of("[]"), "x.plan: document: an object is expected");
  EXPECT_EQ(problem_of(with(document(), "migctl/v1", "migctl/v2")),
            "x.plan: apiVersion: only migctl/v1 is understood");
  EXPECT_NE(problem_of(with(document(), "\"kind\": \"Plan\"", "\"kind\": \"Inventory\""))
                .find("not a Plan"),
            std::string::npos);
  EXPECT_EQ(problem_of(with(document(), "\"label\"", "\"lable\"")),
            "x.plan: document: unknown member 'lable'");
  EXPECT_EQ(problem_of(with(document(), "\"size\": 2", "\"size\": -2")),
            "x.plan: gpus[0].before.instances[0].placement.size: a whole number is expected");
  EXPECT_EQ(problem_of(with(document(), "\"size\": 2", "\"size\": 4294967296")),
            "x.plan: gpus[0].before.instances[0].placement.size: 4294967296 is larger than "
            "4294967295");
  EXPECT_EQ(problem_of(with(document(), "\"resetGpu\"", "\"formatDisk\"")),
            "x.plan: steps[1].kind: 'formatDisk' is not a word that migctl writes here");
  EXPECT_NE(problem_of(with(document(), "fedcba9876543210", "xyz")).find("hexadecimal"),
            std::string::npos);
  EXPECT_NE(problem_of(with(document(), "\"2g.10gb\"", "\"2g\"")).find("profile"),
            std::string::npos);
}

TEST(ParsePlan, AGenerationIsAllHexadecimal) {
  for (const char* bad :
       {"fedcba9876543210 ", "fedcba9876543210z", "0xfe", "", "-1", "1ffffffffffffffff"}) {
    EXPECT_NE(
        problem_of(with(document(), "fedcba9876543210", bad)).find("generation: a hexadecimal"),
        std::string::npos)
        << bad;
  }
}

// Pid reuse: the plan also stores the process's start time.
TEST(ParsePlan, ABlockerIsReadBackWhole) {
  Plan plan = sample::plan();
  Process process;
  process.pid = 41;
  process.name = "python";
  process.memory_mib = 12;
  process.gpu_instance = GpuInstanceId{5};
  process.compute_instance = ComputeInstanceId{1};
  Blocker blocker;
  blocker.gpu = plan.gpus[0].gpu;
  blocker.gpu_instance = GpuInstanceId{5};
  blocker.process = process;
  blocker.what = "pid 41 (python)";
  blocker.stops = Blocker::Stops::kModeChange;
  blocker.start_ticks = 123456789012ULL;
  plan.gpus[0].blockers = {blocker};
  const auto saved = parse_plan(plan_document(plan, {true, "lab"}), "x.plan");
  ASSERT_TRUE(saved) << saved.error().text();
  ASSERT_EQ(saved->plan.gpus[0].blockers.size(), 1U);
  const Blocker& back = saved->plan.gpus[0].blockers[0];
  EXPECT_EQ(back.start_ticks, 123456789012ULL);
  EXPECT_EQ(back.stops, Blocker::Stops::kModeChange);
  EXPECT_EQ(back.gpu_instance, GpuInstanceId{5});
  EXPECT_EQ(back.what, "pid 41 (python)");
  ASSERT_TRUE(back.process);
  EXPECT_EQ(back.process->pid, 41U);
  EXPECT_EQ(back.process->memory_mib, 12U);
  EXPECT_EQ(back.process->compute_instance, ComputeInstanceId{1});
}

TEST(ParsePlan, ALeaseInTheWayIsReadBackAsALease) {
  Plan plan = sample::plan();
  Blocker blocker;
  blocker.gpu = plan.gpus[0].gpu;
  blocker.gpu_instance = GpuInstanceId{5};
  blocker.lease = InstanceLease{
      3, "team-a", "train", GpuInstanceId{5}, ComputeInstanceId{1}, 77, 1234, "kubernetes/u/d"};
  blocker.start_ticks = 1234;
  blocker.what = "lease 3 of team-a (train) holds 2g.10gb gi=5 on GPU 0";
  plan.gpus[0].blockers = {blocker};
  const std::string text = plan_document(plan, {true, "lab"});
  const auto saved = parse_plan(text, "x.plan");
  ASSERT_TRUE(saved) << saved.error().text();
  const Blocker& back = saved->plan.gpus[0].blockers.at(0);
  EXPECT_FALSE(back.process);
  EXPECT_EQ(back.lease, blocker.lease);
  EXPECT_EQ(plan_document(saved->plan, saved->source), text);
}

TEST(ParsePlan, KeptRoomIsReadBackAndChecked) {
  Plan plan = sample::plan();
  plan.kept_room = {{GpuIndex{1}, ProfileName::parse("2g.10gb").value(), {4, 2}}};
  const std::string text = plan_document(plan, {true, "lab"});
  const auto saved = parse_plan(text, "x.plan");
  ASSERT_TRUE(saved) << saved.error().text();
  ASSERT_EQ(saved->plan.kept_room.size(), 1U);
  EXPECT_EQ(saved->plan.kept_room[0].gpu, GpuIndex{1});
  EXPECT_EQ(saved->plan.kept_room[0].placement, (Placement{4, 2}));
  EXPECT_EQ(plan_document(saved->plan, saved->source), text);
  std::string wrong = text;
  wrong.replace(wrong.find("keptRoom"), 8, "keptRoon");
  EXPECT_FALSE(parse_plan(wrong, "x.plan"));
}

// Every member is required: without it the plan is refused, never partly understood.
TEST(ParsePlan, NoMemberMayBeMissing) {
  const std::string text = document();
  const std::string optional[] = {"\"simulatedMachine\"", "\"text\"", "\"undo\"", "\"blocked\""};
  std::size_t tried = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    bool skip = line.find("\": ") == std::string::npos || line.back() != ',';
    for (const auto& key : optional) {
      skip = skip || line.find(key) != std::string::npos;
    }
    if (!skip) {
      ++tried;
      EXPECT_NE(problem_of(text.substr(0, begin) + text.substr(end + 1)), "accepted") << line;
    }
    begin = end + 1;
  }
  EXPECT_GT(tried, 40U);
}

TEST(ParsePlan, TooLarge) {
  const auto saved = parse_plan(std::string((4U << 20) + 1, ' '), "x.plan");
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace mig::wire

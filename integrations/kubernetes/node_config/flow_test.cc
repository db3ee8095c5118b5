// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/node_config/flow.h"

#include <gtest/gtest.h>

#include "kubernetes/node_config/names.h"

namespace mig::kube {
namespace {

Observed seen(const std::string& wanted, const std::string& state, const std::string& about = "") {
  Observed out;
  out.node.wanted = wanted;
  out.node.state = state;
  out.node.written = state;
  out.node.state_manager = state.empty() ? "" : kManager;
  out.wish = wanted.empty() ? "" : wish_of(wanted, "text", false);
  out.node.wish = about.empty() ? out.wish : about;
  return out;
}

TEST(Next, OfTheLabelAndTheState) {
  EXPECT_EQ(next_of(seen("", "")), Next::kRest);
  EXPECT_EQ(next_of(seen("a", "")), Next::kBegin);
  EXPECT_EQ(next_of(seen("a", kPending)), Next::kGoOn);
  EXPECT_EQ(next_of(seen("a", kFailed)), Next::kRest);
  EXPECT_EQ(next_of(seen("a", kSuccess)), Next::kVerify);
  Observed done = seen("a", kSuccess);
  done.verified = true;
  EXPECT_EQ(next_of(done), Next::kRest);
  for (const char* state : {kPending, kFailed, kSuccess}) {
    EXPECT_EQ(next_of(seen("", state)), Next::kClear) << state;
    // The newest label wins, whatever goes on.
    EXPECT_EQ(next_of(seen("b", state, wish_of("a", "text", false))), Next::kBegin) << state;
  }
}

TEST(Next, AFailureIsTriedAgainWhenItsReasonMayBeGone) {
  EXPECT_EQ(next_of(seen("a", kFailed, wish_of("a", "other text", false))), Next::kBegin);
  EXPECT_EQ(next_of(seen("a", kFailed, wish_of("a", "text", true))), Next::kBegin);
}

TEST(Next, ANodeThatIsDoneIsNotChangedByItsConfigMap) {
  EXPECT_EQ(next_of(seen("a", kSuccess, wish_of("a", "other text", false))), Next::kRest);
  EXPECT_EQ(next_of(seen("a", kSuccess, wish_of("a", "text", true))), Next::kVerify);
}

TEST(Next, SomebodyElseActsOnTheLabel) {
  Observed manager = seen("a", kPending);
  manager.mig_manager = true;
  EXPECT_EQ(next_of(manager), Next::kRefuse);
  EXPECT_NE(refusal_of(manager).find("migManager.enabled=false"), std::string::npos);

  Observed fought = seen("a", kPending);
  fought.node.state = kFailed;
  fought.node.state_manager = "nvidia-mig-manager";
  EXPECT_EQ(next_of(fought), Next::kRefuse);
  EXPECT_NE(refusal_of(fought).find("nvidia-mig-manager"), std::string::npos);
  // Removed by hand: begun anew.
  fought.node.state = "";
  EXPECT_EQ(next_of(fought), Next::kBegin);
  // Left behind by one that is gone; we have never been here.
  Observed first = seen("a", kFailed);
  first.node.written = "";
  first.node.wish = "";
  first.node.state_manager = "nvidia-mig-manager";
  EXPECT_EQ(next_of(first), Next::kBegin);
  first.node.wanted = "";
  EXPECT_EQ(next_of(first), Next::kRest) << "not ours to remove";
}

Plan plan_with(bool blocked) {
  Plan plan;
  plan.steps.resize(2);
  plan.gpus.resize(1);
  if (blocked) {
    plan.gpus[0].blockers.push_back({});
  }
  return plan;
}

const PodRef kPod{"x", "p", "u"};
const FlowLimits kLimits;

Verdict verdict(const Plan& plan, const InTheWay& way, std::int64_t seconds, bool drain) {
  return judge(plan, way, {seconds, drain}, kLimits).verdict;
}

TEST(Judge, APlan) {
  EXPECT_EQ(verdict({}, {}, 10'000, false), Verdict::kDone);
  EXPECT_EQ(verdict(plan_with(false), {}, 0, false), Verdict::kApply);
  EXPECT_EQ(verdict(plan_with(false), {}, kLimits.drain_s, false), Verdict::kApply);
  EXPECT_EQ(verdict(plan_with(false), {}, kLimits.whole_s, false), Verdict::kFail);
  const InTheWay pod{{kPod}, {}, {}};
  EXPECT_EQ(verdict(plan_with(true), pod, 0, false), Verdict::kFail) << "not allowed";
  EXPECT_EQ(verdict(plan_with(true), pod, 0, true), Verdict::kEvict);
  EXPECT_EQ(verdict(plan_with(true), pod, kLimits.drain_s, true), Verdict::kFail);
  InTheWay leaving = pod;
  leaving.pods[0].leaving = true;
  EXPECT_EQ(verdict(plan_with(true), leaving, 0, false), Verdict::kWait);
  EXPECT_EQ(verdict(plan_with(true), leaving, kLimits.drain_s, false), Verdict::kFail);
  EXPECT_EQ(verdict(plan_with(true), {{}, {}, {"claim x/c"}}, 0, false), Verdict::kWait);
  InTheWay fixed = pod;
  fixed.pods[0].fixed = true;
  EXPECT_EQ(verdict(plan_with(true), fixed, 0, true), Verdict::kFail);
  // What is no pod cannot be evicted, and then no pod is.
  EXPECT_EQ(verdict(plan_with(true), {{kPod}, {"pid 7 (python)"}, {}}, 0, true), Verdict::kFail);
}

TEST(Judge, SaysWhoAndWhatToDo) {
  const InTheWay pods{{kPod, {"x", "q", "v"}}, {}, {}};
  const std::string refused = judge(plan_with(true), pods, {0, false}, kLimits).message;
  EXPECT_NE(refused.find("x/p, x/q"), std::string::npos) << refused;
  EXPECT_NE(refused.find("mig.migctl.dev/drain"), std::string::npos) << refused;
  InTheWay many;
  for (int i = 0; i < 40; ++i) {
    many.pods.push_back({"x", "p" + std::to_string(i), std::to_string(i)});
  }
  EXPECT_NE(judge(plan_with(true), many, {0, true}, kLimits).message.find("and 35 more"),
            std::string::npos);
}

TEST(Judge, AFailureOfTheDaemon) {
  const auto of = [](ErrorCode code, std::int64_t seconds) {
    return judge(Error{code, "m", "h", {}, {}}, {seconds, true}, kLimits).verdict;
  };
  for (const ErrorCode passes : {ErrorCode::kNotFound,
                                 ErrorCode::kConflict,
                                 ErrorCode::kInUse,
                                 ErrorCode::kTimeout,
                                 ErrorCode::kIo}) {
    EXPECT_EQ(of(passes, kLimits.whole_s - 1), Verdict::kWait);
    EXPECT_EQ(of(passes, kLimits.whole_s), Verdict::kFail);
  }
  for (const ErrorCode stays : {ErrorCode::kInvalidInput,
                                ErrorCode::kNoCapacity,
                                ErrorCode::kNothingMatched,
                                ErrorCode::kPermission,
                                ErrorCode::kDriver,
                                ErrorCode::kStuck}) {
    EXPECT_EQ(of(stays, 0), Verdict::kFail);
  }
}

TEST(Vanishing, WhatGoesAndWhatComes) {
  Plan plan;
  GpuPlan gpu;
  gpu.uuid = "GPU-1";
  gpu.before.mode = gpu.after.mode = MigMode::kEnabled;
  gpu.kept.push_back({ProfileName{}, {6, 1}});
  gpu.destroyed.push_back({ProfileName{}, {0, 2}});
  gpu.created.push_back({ProfileName{}, {0, 4}});
  plan.gpus.push_back(gpu);
  gpu.uuid = "GPU-2";
  gpu.after.mode = MigMode::kDisabled;
  gpu.before.memory_slices = 8;
  plan.gpus.push_back(gpu);
  EXPECT_EQ(vanishing_of(plan),
            (std::vector<Vanishing>{{"GPU-1", {0, 2}}, {"GPU-1", {0, 4}}, {"GPU-2", {0, 8}}}));
}

}  // namespace
}  // namespace mig::kube

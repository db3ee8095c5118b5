// SPDX-License-Identifier: Apache-2.0
#include "wire/layout_request.h"

#include <string>

#include <gtest/gtest.h>

namespace mig::wire {
namespace {

TEST(LayoutRequest, TakesAPlanAndWhatWasShownOfIt) {
  const auto plan = parse_layout_request(R"({"layout": "version: v1", "config": "mixed"})", false);
  ASSERT_TRUE(plan) << plan.error().text();
  EXPECT_EQ(plan->layout, "version: v1");
  EXPECT_EQ(plan->config, "mixed");
  EXPECT_FALSE(plan->shown);
  const auto apply = parse_layout_request(
      R"({"layout": "x", "generation": "00", "steps": ["one", "two"], "reason": "class"})", true);
  ASSERT_TRUE(apply) << apply.error().text();
  EXPECT_FALSE(apply->config);
  EXPECT_EQ(apply->reason, "class");
  EXPECT_EQ(apply->shown->generation, "00");
  EXPECT_EQ(apply->shown->steps, (std::vector<std::string>{"one", "two"}));
}

TEST(LayoutRequest, RefusesWhatItDoesNotKnow) {
  const auto code = [](const std::string& text, bool with_plan) {
    const auto request = parse_layout_request(text, with_plan);
    return request ? std::string("taken") : std::string(error_info(request.error().code).name);
  };
  for (const char* text : {"",
                           "[]",
                           "{}",
                           R"({"layout": 1})",
                           R"({"layout": "x", "more": 1})",
                           R"({"layout": "x", "generation": "0", "steps": []})"}) {
    EXPECT_EQ(code(text, false), "invalid_input") << text;
  }
  for (const char* text :
       {R"({"layout": "x"})",
        R"({"layout": "x", "generation": "0"})",
        R"({"layout": "x", "generation": 0, "steps": []})",
        R"({"layout": "x", "generation": "0", "steps": [1]})",
        R"({"layout": "x", "generation": "0", "steps": "one"})",
        R"({"layout": "x", "generation": "0", "steps": [], "reason": "a\nb"})"}) {
    EXPECT_EQ(code(text, true), "invalid_input") << text;
  }
  EXPECT_EQ(code(R"({"layout": ")" + std::string(70000, 'x') + R"("})", false), "too_large");
  EXPECT_EQ(code(R"({"layout": "x", "generation": "0", "steps": [], "reason": ")" +
                     std::string(600, 'x') + R"("})",
                 true),
            "invalid_input");
}

TEST(LayoutRequest, ShowsEachStepOfAPlan) {
  Plan plan;
  plan.generation = 0xabc;
  plan.steps.resize(2);
  const ShownPlan shown = shown_plan(plan);
  EXPECT_EQ(shown.generation, "0000000000000abc");
  EXPECT_EQ(shown.steps.size(), 2U);
  EXPECT_EQ(shown.steps.front(), plan.steps.front().str());
}

TEST(LayoutRequest, AClientsTextIsReadAsItWasMeant) {
  LayoutRequest asked{"version: v1\n\"x\"", "mixed", "", std::nullopt};
  const auto planned = parse_layout_request(layout_request_document(asked), false);
  ASSERT_TRUE(planned) << planned.error().message;
  EXPECT_EQ(planned->layout, asked.layout);
  EXPECT_EQ(planned->config, "mixed");
  asked.reason = "label";
  asked.shown = ShownPlan{"00ab", {"one", "two"}};
  const auto applied = parse_layout_request(layout_request_document(asked), true);
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(applied->reason, "label");
  EXPECT_EQ(applied->shown->generation, "00ab");
  EXPECT_EQ(applied->shown->steps, asked.shown->steps);
}

TEST(LayoutRequest, AnswersToApply) {
  Plan plan;
  ApplyResult result;
  result.outcome = Outcome::kRolledBack;
  result.failure = Error{ErrorCode::kDriver, "no", "hint", {"outer"}, {}};
  const auto answer = parse_apply_answer(apply_document(plan, result, "", {}));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->outcome, "rolled_back");
  EXPECT_EQ(answer->failure->text(), "outer: no");
  result = {};
  EXPECT_FALSE(parse_apply_answer(apply_document(plan, result, "", {}))->failure);
  const Error conflict{ErrorCode::kConflict, "another change", {}, {}, {}};
  EXPECT_EQ(parse_apply_answer(error_document(conflict, "", std::nullopt)).error().code,
            ErrorCode::kConflict);
  EXPECT_FALSE(parse_apply_answer("{}"));
  EXPECT_FALSE(parse_apply_answer("x"));
}

}  // namespace
}  // namespace mig::wire

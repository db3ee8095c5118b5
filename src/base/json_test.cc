// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <gtest/gtest.h>

namespace mig::base {
namespace {

TEST(Json, TextThatIsTooLongOrNoJsonIsRefusedByItsName) {
  const auto long_text = parse_json("[1, 2, 3]", {4, "a plan"});
  ASSERT_FALSE(long_text);
  EXPECT_EQ(long_text.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(long_text.error().message, "a plan of 9 bytes; the limit is 4");
  const auto broken = parse_json("{", {4, "a plan"});
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::kInvalidInput);
  EXPECT_NE(broken.error().message.find("a plan: not JSON: "), std::string::npos);
}

TEST(Json, TheFirstProblemSticksWithItsPath) {
  const Json json = Json::parse(R"({"steps": [{"size": 3}, {"size": "four"}, {"size": -1}]})");
  JsonProblem problem;
  std::uint64_t sum = 0;
  for (const JsonReader& step : JsonReader(json, "", problem).at("steps").elements()) {
    sum += step.at("size").number();
  }
  EXPECT_EQ(sum, 3U);
  EXPECT_EQ(problem.text(), "steps[1].size: a whole number is expected");
}

TEST(Json, MissingAndUnknownMembersAreProblems) {
  const Json json = {{"label", "mixed"}, {"typo", 1}};
  JsonProblem missing;
  EXPECT_EQ(JsonReader(json, "", missing).at("count").u32(), 0U);
  EXPECT_EQ(missing.text(), "count: missing");
  JsonProblem unknown;
  JsonReader(json, "", unknown).only({"label"});
  EXPECT_EQ(unknown.text(), "document: unknown member 'typo'");
}

TEST(Json, NullIsThereButNotGiven) {
  const Json json = {{"sm", nullptr}, {"name", "a"}};
  JsonProblem problem;
  const JsonReader reader(json, "", problem);
  EXPECT_TRUE(reader.has("sm"));
  EXPECT_FALSE(reader.given("sm"));
  EXPECT_FALSE(reader.given("other"));
  EXPECT_TRUE(reader.given("name"));
  EXPECT_EQ(reader.at("sm").optional([](const JsonReader& r) { return r.u32(); }), std::nullopt);
  EXPECT_FALSE(problem.any());
}

TEST(Json, NumbersKeepTheirBounds) {
  const Json json = Json::parse(
      R"({"big": 4294967296, "low": -5000000000, "huge": 18446744073709551615, "half": 0.5})");
  JsonProblem problem;
  const JsonReader reader(json, "", problem);
  EXPECT_EQ(reader.at("low").clamped(-100, 100), -100);
  EXPECT_EQ(reader.at("big").clamped(-100, 100), 100);
  EXPECT_EQ(reader.at("huge").clamped(-100, 100), 100);
  EXPECT_FALSE(problem.any());
  EXPECT_EQ(reader.at("big").u32(), 0U);
  EXPECT_EQ(problem.text(), "big: 4294967296 is larger than 4294967295");
  JsonProblem half;
  EXPECT_EQ(JsonReader(json, "", half).at("half").clamped(0, 1), 0);
  EXPECT_TRUE(half.any());
}

}  // namespace
}  // namespace mig::base

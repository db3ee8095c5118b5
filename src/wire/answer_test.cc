// SPDX-License-Identifier: Apache-2.0
// What all decoders of a daemon's answer have in common.
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "wire/cost.h"
#include "wire/leases.h"

namespace mig::wire {
namespace {

// The marks of simulation that `parse` found, or its error.
struct Decoder {
  const char* name;
  std::function<Result<Source>(const std::string&)> parse;
  std::string members;  // of an answer with nothing in it, after the envelope
};

template <class Parse>
std::function<Result<Source>(const std::string&)> marks_of(Parse parse) {
  return [parse](const std::string& text) -> Result<Source> {
    auto answer = parse(text);
    if (!answer) {
      return answer.error();
    }
    return answer->source;
  };
}

const Decoder kDecoders[] = {
    {"free",
     marks_of(parse_free),
     R"("instances":[],"makeable":[],"queue":[],"mayCreate":false,"leases":0,"yourLeases":0)"},
    {"leases", marks_of(parse_lease_answer), R"("leases":[],"others":0)"},
    {"lease history", marks_of(parse_lease_history), R"("events":[],"next":null)"},
    {"usage",
     marks_of(parse_usage),
     R"("fromMs":1,"untilMs":2,"nowMs":2,"recordedFromMs":0,"all":true,"gpus":[],)"
     R"("tenures":[],"warnings":[])"}};

std::string answer(const Decoder& decoder, const std::string& marks) {
  return R"({"apiVersion":"migctl/v1","kind":"X",)" + marks + decoder.members + "}";
}

TEST(Answer, TellsWhetherItIsSimulated) {
  for (const Decoder& decoder : kDecoders) {
    const auto real = decoder.parse(answer(decoder, R"("simulated":false,)"));
    ASSERT_TRUE(real) << decoder.name << ": " << real.error().text();
    EXPECT_FALSE(real->simulated) << decoder.name;
    const auto lab =
        decoder.parse(answer(decoder, R"("simulated":true,"simulatedMachine":"lab",)"));
    ASSERT_TRUE(lab) << decoder.name << ": " << lab.error().text();
    EXPECT_TRUE(lab->simulated) << decoder.name;
    EXPECT_EQ(lab->machine, "lab") << decoder.name;
  }
}

TEST(Answer, WithoutTheMarkIsRefusedRatherThanTakenForHardware) {
  for (const Decoder& decoder : kDecoders) {
    const auto got = decoder.parse(answer(decoder, ""));
    ASSERT_FALSE(got) << decoder.name;
    EXPECT_EQ(got.error().code, ErrorCode::kInvalidInput) << decoder.name;
    EXPECT_EQ(got.error().message.rfind("the daemon's answer: simulated", 0), 0U)
        << decoder.name << ": " << got.error().message;
  }
}

TEST(Answer, AnErrorDocumentIsThatError) {
  const Error error{
      ErrorCode::kPermission, "not for you", "ask root", {"while asking"}, std::nullopt};
  for (const Decoder& decoder : kDecoders) {
    const auto got = decoder.parse(error_document(error, "", Source{}));
    ASSERT_FALSE(got) << decoder.name;
    EXPECT_EQ(got.error().code, ErrorCode::kPermission) << decoder.name;
    EXPECT_EQ(got.error().hint, "ask root") << decoder.name;
    EXPECT_EQ(got.error().text(), "while asking: not for you") << decoder.name;
  }
}

TEST(Answer, OtherTextIsNoAnswer) {
  for (const Decoder& decoder : kDecoders) {
    for (const char* text : {"", "nonsense", "[]", "null", "{}", "7"}) {
      EXPECT_FALSE(decoder.parse(text)) << decoder.name << ": " << text;
    }
  }
}

}  // namespace
}  // namespace mig::wire

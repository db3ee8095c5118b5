// SPDX-License-Identifier: Apache-2.0
// Times as users write them, where clocks change: a zone of its own, independent of the host's.
#include "cli/period.h"

#include <ctime>

#include <gtest/gtest.h>
#include <stdlib.h>

namespace mig::cli {
namespace {

constexpr std::int64_t kHour = 3'600'000;

class Periods : public testing::Test {
 protected:
  void SetUp() override {
    const char* zone = ::getenv("TZ");  // NOLINT(concurrency-mt-unsafe)
    before_ = zone == nullptr ? "" : zone;
    // Central Europe: summer time from the last Sunday of March to that of October.
    ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);  // NOLINT(concurrency-mt-unsafe)
    ::tzset();
  }

  void TearDown() override {
    if (before_.empty()) {
      ::unsetenv("TZ");  // NOLINT(concurrency-mt-unsafe)
    } else {
      ::setenv("TZ", before_.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    }
    ::tzset();
  }

  static std::int64_t time(const std::string& text) {
    const auto got = parse_time("--from", text, kNow);
    EXPECT_TRUE(got) << got.error().text();
    return got.value_or(-1);
  }

  static constexpr std::int64_t kNow = 1'795'942'800'000;  // 2026-11-29 10:00 CET
  std::string before_;
};

TEST_F(Periods, DaysHaveTheHoursThatTheyHave) {
  EXPECT_EQ(time("2026-03-30") - time("2026-03-29"), 23 * kHour);
  EXPECT_EQ(time("2026-10-26") - time("2026-10-25"), 25 * kHour);
  EXPECT_EQ(time("2026-11-02") - time("2026-11-01"), 24 * kHour);
}

TEST_F(Periods, AnHourThatIsNotThereOrTwiceNeedsItsOffset) {
  for (const char* text : {"2026-03-29T02:30", "2026-10-25T02:30"}) {
    const auto got = parse_time("--from", text, kNow);
    ASSERT_FALSE(got) << text;
    EXPECT_EQ(got.error().code, ErrorCode::kUsage);
    EXPECT_NE(got.error().hint.find("+01:00"), std::string::npos);
  }
  EXPECT_EQ(time("2026-10-25T02:30+01:00") - time("2026-10-25T02:30+02:00"), kHour);
}

TEST_F(Periods, OffsetsWordsAndAges) {
  EXPECT_EQ(time("2026-11-29T09:00:00Z"), kNow);
  EXPECT_EQ(time("2026-11-29 10:00"), kNow);
  EXPECT_EQ(time("2026-11-29T04:30-04:30"), kNow);
  EXPECT_EQ(time("@1795942800"), kNow);
  EXPECT_EQ(time("now"), kNow);
  EXPECT_EQ(time("7d"), kNow - std::int64_t{7} * 24 * kHour);
  EXPECT_EQ(time("400d"), kNow - std::int64_t{400} * 24 * kHour);
  EXPECT_EQ(time("today"), time("2026-11-29"));
  EXPECT_EQ(time("yesterday"), time("2026-11-28"));
  EXPECT_EQ(time("month"), time("2026-11-01"));
  EXPECT_EQ(time("last-month"), time("2026-10-01"));
  const auto period = parse_period("", "", kNow);
  EXPECT_EQ(period->from_ms, time("2026-11-01"));
  EXPECT_EQ(period->until_ms, kNow);
}

TEST_F(Periods, WhatIsNoTimeIsRefused) {
  for (const char* text : {"2026-02-30",
                           "2026-13-01",
                           "2026-11-01T25:00",
                           "1960-01-01",
                           "11/01/2026",
                           "2026-11-1",
                           "soon",
                           "@",
                           "@-1",
                           "-1d",
                           "401d",
                           "2026-10-25T02:30+99:99",
                           "2026-10-25T02:30+14:60",
                           "2026-11-01T10:00+1"}) {
    EXPECT_FALSE(parse_time("--to", text, kNow)) << text;
  }
}

}  // namespace
}  // namespace mig::cli

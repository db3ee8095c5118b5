// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <gtest/gtest.h>

namespace mig::base {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kDay = std::chrono::hours(24);
constexpr std::uint64_t kTib = 1ULL << 20U;

TEST(Units, SizesAreWholeNumbersOfAUnit) {
  EXPECT_EQ(parse_size_mib("900MiB", kTib), 900U);
  EXPECT_EQ(parse_size_mib("12GiB", kTib), 12288U);
  EXPECT_EQ(parse_size_mib("1TiB", kTib), kTib);
  EXPECT_EQ(parse_size_mib("0MiB", kTib), 0U);
  for (const char* text : {"",
                           "GiB",
                           "12",
                           "12 GiB",
                           "1.5GiB",
                           "-1GiB",
                           "+1GiB",
                           "012GiB",
                           "12B",
                           "12k",
                           "12GiBs",
                           "12giga",
                           "G"}) {
    EXPECT_EQ(parse_size_mib(text, kTib), std::nullopt) << text;
  }
}

TEST(Units, OneLetterIsBinaryAndTwoAreDecimal) {
  for (const char* text : {"10G", "10GiB", "10240M", "10240MiB", "10g", "10gib", "10240m"}) {
    EXPECT_EQ(parse_size_mib(text, kTib), 10240U) << text;
  }
  EXPECT_EQ(parse_size_mib("10GB", kTib), 9537U);  // 9536.74 MiB: at least so much
  EXPECT_EQ(parse_size_mib("10gb", kTib), 9537U);
  EXPECT_EQ(parse_size_mib("1MB", kTib), 1U);
  EXPECT_EQ(parse_size_mib("1T", kTib), kTib);
  EXPECT_EQ(parse_size_mib("1TB", kTib), 953675U);
}

TEST(Units, SizesBeyondTheLimitAreRefusedAlsoWhereTheProductWouldWrap) {
  EXPECT_EQ(parse_size_mib("1024GiB", kTib), kTib);
  EXPECT_EQ(parse_size_mib("1025GiB", kTib), std::nullopt);
  EXPECT_EQ(parse_size_mib("18446744073709551615TiB", kTib), std::nullopt);
  EXPECT_EQ(parse_size_mib("17592186044417TiB", UINT64_MAX), std::nullopt);  // 2^44 + 1
}

TEST(Units, TimesTakeTheLongestSuffixThatIsMeant) {
  EXPECT_EQ(parse_time("700ms", kDay), milliseconds(700));
  EXPECT_EQ(parse_time("45s", kDay), milliseconds(45'000));
  EXPECT_EQ(parse_time("10m", kDay), milliseconds(600'000));
  EXPECT_EQ(parse_time("2h", kDay), milliseconds(7'200'000));
  EXPECT_EQ(parse_time("1d", kDay), kDay);
  EXPECT_EQ(parse_time("0s", kDay), milliseconds(0));
  for (const char* text : {"", "s", "45", "45 s", "1.5h", "-1s", "1w", "10M", "007s"}) {
    EXPECT_EQ(parse_time(text, kDay), std::nullopt) << text;
  }
}

TEST(Units, TimesAreSumsFromTheLongestUnitToTheShortest) {
  EXPECT_EQ(parse_time("1h30m", kDay), milliseconds(5'400'000));
  EXPECT_EQ(parse_time("90m", kDay), milliseconds(5'400'000));
  EXPECT_EQ(parse_time("1h0m1s5ms", kDay), milliseconds(3'601'005));
  EXPECT_EQ(parse_time("23h59m60s", kDay), kDay);
  for (const char* text :
       {"30m1h", "1h1h", "1h30", "1h-30m", "1h 30m", "h30m", "1hm", "1mss", "23h60m1ms"}) {
    EXPECT_EQ(parse_time(text, kDay), std::nullopt) << text;
  }
}

TEST(Units, ClockTimesAreHoursMinutesAndSeconds) {
  EXPECT_EQ(parse_time("2:00:00", kDay), milliseconds(7'200'000));
  EXPECT_EQ(parse_time("02:30:05", kDay), milliseconds(9'005'000));
  EXPECT_EQ(parse_time("0:00:30", kDay), milliseconds(30'000));
  EXPECT_EQ(parse_time("24:00:00", kDay), kDay);
  EXPECT_EQ(parse_time("1-12:00:00", 2 * kDay), kDay + milliseconds(43'200'000));
  EXPECT_EQ(parse_time("1-06:00:00", 2 * kDay), kDay + milliseconds(21'600'000));
  // "30:00" is half an hour to some readers and thirty hours to others.
  for (const char* text : {"30:00",
                           "2:0:00",
                           "2:60:00",
                           "2:00:60",
                           "2:00:00:00",
                           ":00:00",
                           "2:00:",
                           "1-24:00:00",
                           "-1:00:00",
                           "1-:00:00",
                           "002:00:00",
                           "1-2"}) {
    EXPECT_EQ(parse_time(text, 3 * kDay), std::nullopt) << text;
  }
  EXPECT_EQ(parse_time("24:00:01", kDay), std::nullopt);
}

TEST(Units, TimesBeyondTheLimitAreRefused) {
  EXPECT_EQ(parse_time("24h", kDay), kDay);
  EXPECT_EQ(parse_time("25h", kDay), std::nullopt);
  EXPECT_EQ(parse_time("2d", kDay), std::nullopt);
  EXPECT_EQ(parse_time("99999999999999999999s", kDay), std::nullopt);
}

TEST(Units, ShortSpansAreRoundedUpToOneUnit) {
  EXPECT_EQ(span_text(0), "0 s");
  EXPECT_EQ(span_text(1), "1 s");
  EXPECT_EQ(span_text(119'000), "119 s");
  EXPECT_EQ(span_text(119'001), "2 min");
  EXPECT_EQ(span_text(121'000), "3 min");
  EXPECT_EQ(span_text(7'199'000), "120 min");
  EXPECT_EQ(span_text(7'200'000), "2 h");
  EXPECT_EQ(span_text(7'200'001), "2 h");
}

// "in 8 h" of what ends in 8 h and 10 s: a person reads 9 h as an hour more. Limits between two
// whole hours are told as they are.
TEST(Units, LongSpansHaveTwoUnitsAndTheNearest) {
  constexpr std::int64_t kHour = 3'600'000;
  EXPECT_EQ(span_text(8 * kHour + 10'000), "8 h");
  EXPECT_EQ(span_text(8 * kHour - 10'000), "8 h");
  EXPECT_EQ(span_text(8 * kHour + 29'999), "8 h");
  EXPECT_EQ(span_text(8 * kHour + 30'000), "8 h 1 min");
  EXPECT_EQ(span_text(8 * kHour + 25 * 60'000), "8 h 25 min");
  EXPECT_EQ(span_text(9 * kHour - 31'000), "8 h 59 min");
  EXPECT_EQ(span_text(36 * kHour), "36 h");
  EXPECT_EQ(span_text(48 * kHour - 40'000), "47 h 59 min");
  EXPECT_EQ(span_text(48 * kHour - 10'000), "2 d");
  EXPECT_EQ(span_text(51 * kHour), "2 d 3 h");
  EXPECT_EQ(span_text(7 * 24 * kHour - 1), "7 d");
  EXPECT_EQ(span_text(365 * 24 * kHour + kHour / 2), "365 d 1 h");
}

TEST(Units, GibibytesDropDecimalsThatSayNothing) {
  EXPECT_EQ(gib_text(40960), "40");
  EXPECT_EQ(gib_text(4864), "4.75");
  EXPECT_EQ(gib_text(5120 + 512), "5.50");
}

}  // namespace
}  // namespace mig::base

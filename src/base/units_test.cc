// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <gtest/gtest.h>

namespace mig::base {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kDay = std::chrono::hours(24);
constexpr std::uint64_t kTib = 1ULL << 20U;

TEST(Units, SizesAreWholeNumbersOfABinaryUnit) {
  EXPECT_EQ(parse_size_mib("900MiB", kTib), 900U);
  EXPECT_EQ(parse_size_mib("12GiB", kTib), 12288U);
  EXPECT_EQ(parse_size_mib("1TiB", kTib), kTib);
  EXPECT_EQ(parse_size_mib("0MiB", kTib), 0U);
  for (const char* text :
       {"", "GiB", "12", "12GB", "12 GiB", "1.5GiB", "-1GiB", "+1GiB", "012GiB", "12gib"}) {
    EXPECT_EQ(parse_size_mib(text, kTib), std::nullopt) << text;
  }
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
  for (const char* text : {"", "s", "45", "45 s", "1.5h", "-1s", "1w", "10M", "007s", "1h30m"}) {
    EXPECT_EQ(parse_time(text, kDay), std::nullopt) << text;
  }
}

TEST(Units, TimesBeyondTheLimitAreRefused) {
  EXPECT_EQ(parse_time("24h", kDay), kDay);
  EXPECT_EQ(parse_time("25h", kDay), std::nullopt);
  EXPECT_EQ(parse_time("2d", kDay), std::nullopt);
  EXPECT_EQ(parse_time("99999999999999999999s", kDay), std::nullopt);
}

TEST(Units, SpansAreRoundedUpToOneUnit) {
  EXPECT_EQ(span_text(0), "0 s");
  EXPECT_EQ(span_text(1), "1 s");
  EXPECT_EQ(span_text(119'000), "119 s");
  EXPECT_EQ(span_text(119'001), "2 min");
  EXPECT_EQ(span_text(121'000), "3 min");
  EXPECT_EQ(span_text(7'199'000), "120 min");
  EXPECT_EQ(span_text(7'200'000), "2 h");
  EXPECT_EQ(span_text(7'200'001), "3 h");
}

TEST(Units, GibibytesDropDecimalsThatSayNothing) {
  EXPECT_EQ(gib_text(40960), "40");
  EXPECT_EQ(gib_text(4864), "4.75");
  EXPECT_EQ(gib_text(5120 + 512), "5.50");
}

}  // namespace
}  // namespace mig::base

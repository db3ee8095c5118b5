// SPDX-License-Identifier: Apache-2.0
#include "base/strings.h"

#include <gtest/gtest.h>

namespace mig::base {
namespace {

TEST(ParseDecimal, OnlyPlainNumbers) {
  EXPECT_EQ(parse_decimal("0", 10), 0U);
  EXPECT_EQ(parse_decimal("10", 10), 10U);
  EXPECT_EQ(parse_decimal("18446744073709551615", ~0ULL), ~0ULL);
  for (const char* text : {"",
                           "010",
                           "00",
                           "+1",
                           "-1",
                           " 1",
                           "1 ",
                           "1e3",
                           "0x10",
                           "1_000",
                           "1.0",
                           "11",
                           "18446744073709551616"}) {
    EXPECT_FALSE(parse_decimal(text, 10)) << text;
  }
}

TEST(ParseHex32, PrefixAndOneToEightDigits) {
  EXPECT_EQ(parse_hex32("0x20B010DE"), 0x20b010deU);
  EXPECT_EQ(parse_hex32("0x20b010de"), 0x20b010deU);
  EXPECT_EQ(parse_hex32("0x0"), 0U);
  for (const char* text : {"", "0x", "20b010de", "0x20b010dee", "0xg", "0x-1", " 0x1", "0x1 "}) {
    EXPECT_FALSE(parse_hex32(text)) << text;
  }
}

TEST(Quoted, OneCleanLine) {
  EXPECT_EQ(quoted("a b"), "\"a b\"");
  EXPECT_EQ(quoted("a\nb\x1b[0m\"\\"), R"("a\x0ab\x1b[0m\"\\")");
  EXPECT_EQ(quoted("\xff"
                   "x"),
            R"("\xffx")");
  EXPECT_EQ(quoted("ééé", 4), "\"éé...\"");
  EXPECT_EQ(quoted("ééé", 5), "\"éé...\"") << "never inside a character";
}

TEST(EditDistance, CountsSingleChanges) {
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("1g.5gb", "1g.5gb"), 0U);
  EXPECT_EQ(edit_distance("1g.5gb", "1g.10gb"), 2U);
  EXPECT_EQ(edit_distance("devcies", "devices"), 1U) << "a swap is one slip";
}

TEST(Nearest, NearestFirstAndNothingFarOff) {
  const std::vector<std::string> names = {"1g.5gb", "1g.5gb+me", "2g.10gb", "3g.20gb", "7g.40gb"};
  EXPECT_EQ(nearest("3g.2gb", names, 1), std::vector<std::string>{"3g.20gb"});
  EXPECT_EQ(nearest("1G.5GB", names, 1), std::vector<std::string>{"1g.5gb"});
  EXPECT_TRUE(nearest("zzzzzzzz", names).empty());
  EXPECT_TRUE(nearest(std::string(1 << 20, 'a'), names).empty());
}

TEST(InvalidUtf8, NamesTheFirstBadByte) {
  EXPECT_FALSE(invalid_utf8("plain é € 😀"));
  EXPECT_EQ(invalid_utf8("ab\x80"), 2U);
  EXPECT_EQ(invalid_utf8("\xC0\xAF"), 0U) << "overlong";
  EXPECT_EQ(invalid_utf8("\xE0\x9F\xBF"), 0U) << "overlong, of three bytes";
  EXPECT_EQ(invalid_utf8("\xF0\x8F\xBF\xBF"), 0U) << "overlong, of four bytes";
  EXPECT_FALSE(invalid_utf8("\xE0\xA0\x80\xF0\x90\x80\x80")) << "the first that need so many";
  EXPECT_EQ(invalid_utf8("\xED\xA0\x80"), 0U) << "surrogate";
  EXPECT_EQ(invalid_utf8("x\xE2\x82"), 1U) << "cut short";
  EXPECT_EQ(invalid_utf8("\xF5\x80\x80\x80"), 0U) << "beyond U+10FFFF";
}

TEST(Lists, SplitJoinCount) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(split("", ','), std::vector<std::string>{""});
  EXPECT_EQ(join({"a", "b"}, ", "), "a, b");
  EXPECT_EQ(counted(1, "GPU"), "1 GPU");
  EXPECT_EQ(counted(0, "GPU"), "0 GPUs");
  EXPECT_EQ(counted(2, "process"), "2 processes");
}

TEST(Printable, NothingInItSteersATerminal) {
  EXPECT_EQ(printable("plain, \xC3\xBC \xE2\x82\xAC \xF0\x9F\x98\x80"),
            "plain, \xC3\xBC \xE2\x82\xAC \xF0\x9F\x98\x80");
  EXPECT_EQ(printable("\x1b[2Jx\nrow\ty\x7f"), "\\u001b[2Jx\\u000arow\\u0009y\\u007f");
  EXPECT_EQ(printable("a\n\tb\r", true), "a\n\tb\\u000d");
  EXPECT_EQ(printable("\xC2\x9B"
                      "2J"),
            "\\u009b2J")
      << "CSI as one character";
  EXPECT_EQ(printable("\x9B"
                      "2J\xFF"),
            "\\x9b2J\\xff")
      << "and as one byte";
  EXPECT_EQ(printable("a\xE2\x80\xAE"
                      "b\xE2\x81\xA6\xE2\x80\xA8\xD8\x9C"),
            "a\\u202eb\\u2066\\u2028\\u061c");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\u0000b");
  EXPECT_EQ(printable("\xF4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

}  // namespace
}  // namespace mig::base

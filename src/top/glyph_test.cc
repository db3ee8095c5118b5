// SPDX-License-Identifier: Apache-2.0
#include "top/glyph.h"

#include <gtest/gtest.h>

#include "top/grid.h"

namespace mig::top {
namespace {

TEST(Glyph, Widths) {
  EXPECT_EQ(text_width("abc"), 3);
  EXPECT_EQ(text_width("訓練"), 4);
  EXPECT_EQ(text_width("e\u0301"), 1);
  EXPECT_EQ(text_width("│░⣿█"), 4);
  EXPECT_EQ(text_width("😀"), 2);
  EXPECT_EQ(text_width("a\x1b\tb"), 2);
}

TEST(Glyph, BytesThatAreNotUtf8AreReplaced) {
  for (const std::string_view text :
       {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80"}) {
    std::string_view rest = text;
    EXPECT_EQ(next_glyph(rest), 0xFFFDU);
  }
}

TEST(Glyph, RoundTrip) {
  for (const char32_t glyph : {U'a', U'é', U'訓', U'😀', static_cast<char32_t>(0x10FFFF)}) {
    std::string text;
    append_utf8(text, glyph);
    std::string_view rest = text;
    EXPECT_EQ(next_glyph(rest), glyph);
    EXPECT_TRUE(rest.empty());
  }
}

TEST(Glyph, CutAndFill) {
  EXPECT_EQ(cut("abcdef", 4), "abc~");
  EXPECT_EQ(cut("abcd", 4), "abcd");
  EXPECT_EQ(cut("訓練訓", 5), "訓練~");
  EXPECT_EQ(cut("訓練訓", 4), "訓~");
  EXPECT_EQ(cut("abc", 0), "");
  EXPECT_EQ(padded("訓", 4), "訓  ");
  EXPECT_EQ(right("7", 3), "  7");
}

TEST(Grid, AHalfOfAWideCharacterIsNeverLeft) {
  Grid grid(6, 1);
  grid.put(0, 0, "訓練訓", {});
  grid.put(1, 0, U'x', {});
  EXPECT_EQ(line_of(grid, 0), " x練訓");
  grid.put(2, 0, U'y', {});
  EXPECT_EQ(line_of(grid, 0), " xy 訓");
  Grid narrow(3, 1);
  narrow.put(0, 0, "訓練", {});
  EXPECT_EQ(line_of(narrow, 0), "訓");
  narrow.put(2, 0, U'練', {});
  EXPECT_EQ(line_of(narrow, 0), "訓~");
}

TEST(Grid, DrawingOutsideIsClipped) {
  Grid grid(3, 2);
  grid.put(-2, 0, "abcdef", {});
  EXPECT_EQ(line_of(grid, 0), "cde");
  grid.put(0, 5, "x", {});
  grid.put(0, -1, "x", {});
  grid.restyle(-5, 0, 100, {Color::kHigh, false, false, false});
  grid.clear(-1, -1, 100, 100);
  EXPECT_EQ(line_of(grid, 0), "");
}

TEST(Grid, ColorsAsEscapeSequences) {
  Grid grid(4, 1);
  grid.put(0, 0, "ab", {Color::kHigh, true, false, false});
  grid.put(2, 0, "c", {});
  EXPECT_EQ(text_of(grid, true), "\x1b[0;1;31mab\x1b[0mc\n");
  EXPECT_EQ(text_of(grid, false), "abc\n");
}

TEST(Glyph, TheEndOfALongText) {
  EXPECT_EQ(end_of("layouts.yaml", 20), "layouts.yaml");
  EXPECT_EQ(end_of("layouts.yaml", 12), "layouts.yaml");
  EXPECT_EQ(end_of("/etc/layouts.yaml", 13), "~layouts.yaml");
  EXPECT_EQ(end_of("訓練訓練", 5), "~訓練");
  EXPECT_EQ(end_of("訓練訓練", 4), "~練");
  EXPECT_EQ(end_of("abc", 1), "~");
  EXPECT_EQ(end_of("abc", 0), "");
}

}  // namespace
}  // namespace mig::top

// SPDX-License-Identifier: Apache-2.0
#include "report/escape.h"

#include <limits>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "report/limits.h"
#include "report/png.h"

namespace mig::report {
namespace {

TEST(ReportEscape, MarkupIsText) {
  EXPECT_EQ(escaped("<b a=\"1\" c='2'>&amp;</b>"),
            "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;&lt;/b&gt;");
}

TEST(ReportEscape, WhatSteersATerminalOrReordersALineIsSpelledOut) {
  EXPECT_EQ(escaped("a\x1b[31mb\x7f\xe2\x80\xae" "c\xff"), "a\\u001b[31mb\\u007f\\u202ec\\xff");
  EXPECT_EQ(escaped("a\nb\tc"), "a\\u000ab\\u0009c");
  EXPECT_EQ(escaped("a\nb\tc", true), "a\nb\tc");
}

TEST(ReportEscape, ACutIsNeverWithinACharacter) {
  EXPECT_EQ(clipped("abc", 3), "abc");
  EXPECT_EQ(clipped("abcdefgh", 6), "abc…");
  for (std::size_t bytes = 3; bytes < 12; ++bytes) {
    const std::string cut = clipped("äöüßäöüß", bytes);
    EXPECT_FALSE(base::invalid_utf8(cut)) << bytes;
    EXPECT_LE(cut.size(), bytes);
  }
}

TEST(ReportEscape, ATranscriptIsWhatTheTerminalShows) {
  EXPECT_EQ(terminal_text("\x1b[1;31mred\x1b[0m \x1b]0;title\x07now \x1b]8;;https://x\x1b\\link\x1b]8;;\x1b\\"),
            "red now link");
  EXPECT_EQ(terminal_text("10 %\r 50 %\r100 %\r\ndone\r\n"), "100 %\ndone\n");
  EXPECT_EQ(terminal_text("abx\bc\a"), "abc");
  EXPECT_EQ(terminal_text("\xc3\xa4\b-"), "-");
  EXPECT_EQ(terminal_text("\x1b(Bplain\x1b=\x1b"), "plain");
}

// A sequence that never ends takes the rest of its line at most, so that nothing is hidden by it.
TEST(ReportEscape, ABrokenSequenceHidesNoFurtherLine) {
  EXPECT_EQ(terminal_text("a\x1b]0;never ends\nsecond"), "a\nsecond");
  EXPECT_EQ(terminal_text("a\x1b[31\nsecond"), "a\nsecond");
}

std::string lines(int from, int until) {
  std::string out;
  for (int i = from; i < until; ++i) {
    out += "line " + std::to_string(i) + "\n";
  }
  return out;
}

TEST(ReportEscape, AShortTranscriptIsWhole) {
  const CutText cut = cut_transcript(lines(0, 100) + "\n\n");
  EXPECT_EQ(cut.text + "\n", lines(0, 100));
  EXPECT_EQ(cut.note, "");
  EXPECT_EQ(cut_transcript("").text, "");
}

TEST(ReportEscape, OfALongTranscriptTheBeginningAndTheEndStay) {
  const CutText cut = cut_transcript(lines(0, 1000));
  EXPECT_TRUE(cut.text.starts_with("line 0\nline 1\n")) << cut.text;
  EXPECT_TRUE(cut.text.ends_with("\nline 999")) << cut.text;
  EXPECT_NE(cut.text.find("\nline 99\n[...]\nline 950\n"), std::string::npos) << cut.text;
  EXPECT_EQ(cut.note, "850 lines in the middle left out");
}

TEST(ReportEscape, LongLinesAreCut) {
  const CutText cut = cut_transcript(std::string(5000, 'x') + "\nshort\n");
  EXPECT_EQ(cut.note, "1 line cut after 1000 bytes");
  EXPECT_TRUE(cut.text.ends_with("…\nshort"));
  EXPECT_LT(cut.text.size(), 1100U);
}

TEST(ReportEscape, ATranscriptOfAnySizeIsBounded) {
  std::string noise;
  for (int i = 0; i < 3'000'000; ++i) {
    noise += i % 977 == 0 ? '\n' : 'x';
  }
  const CutText cut = cut_transcript(noise);
  EXPECT_LE(cut.text.size(), kMostTranscriptBytes + 100);
  EXPECT_NE(cut.note, "");
  EXPECT_LE(cut_transcript(std::string(5'000'000, '\n') + "end").text.size(), kMostTranscriptBytes);
}

TEST(ReportEscape, LinksLeadToPagesOnly) {
  EXPECT_TRUE(may_link("https://docs.nvidia.com/deploy/mps/"));
  EXPECT_TRUE(may_link("http://localhost:9400/metrics"));
  EXPECT_TRUE(may_link("#ex-2.2"));
  for (const char* address : {"javascript:alert(1)", "JavaScript:x", " https://x", "java\nscript:x", "data:text/html,x",
                              "//x", "/x", "file:///etc/passwd", "vbscript:x", "#", "", "https://a b"}) {
    EXPECT_FALSE(may_link(address)) << address;
  }
}

TEST(ReportEscape, FiguresForPeople) {
  EXPECT_EQ(figure_text(0), "0");
  EXPECT_EQ(figure_text(-0.0), "0");
  EXPECT_EQ(figure_text(0.125), "0.125");
  EXPECT_EQ(figure_text(2.5), "2.5");
  EXPECT_EQ(figure_text(33.333333), "33.33");
  EXPECT_EQ(figure_text(999.96), "1,000");
  EXPECT_EQ(figure_text(1234.5), "1,234");
  EXPECT_EQ(figure_text(-1234567), "-1,234,567");
  EXPECT_EQ(figure_text(1e-6), "1e-06");
  EXPECT_EQ(figure_text(std::numeric_limits<double>::quiet_NaN()), "unknown");
}

TEST(ReportEscape, TimesAreUtc) {
  EXPECT_EQ(utc_text(0), "1970-01-01 00:00 UTC");
  EXPECT_EQ(utc_text(1'796'000'000'000), "2026-11-30 00:53 UTC");
}

TEST(ReportPng, SizeOfAPicture) {
  const std::string png("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x02\0\0\0\x07\x08\x02", 26);
  ASSERT_TRUE(png_size(png));
  EXPECT_EQ(png_size(png)->width, 258U);
  EXPECT_EQ(png_size(png)->height, 7U);
  EXPECT_FALSE(png_size(png.substr(0, 20)));
  EXPECT_FALSE(png_size("GIF89a and more bytes than a header has"));
  std::string empty = png;
  empty[18] = empty[19] = '\0';
  EXPECT_FALSE(png_size(empty));
  EXPECT_FALSE(png_size("<svg onload=alert(1)>"));
}

}  // namespace
}  // namespace mig::report

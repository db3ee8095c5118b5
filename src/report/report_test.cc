// SPDX-License-Identifier: Apache-2.0
// What every report holds to. How it looks and what a browser makes of it: tests/web/report_test.py.
#include "report/report.h"

#include <regex>
#include <set>

#include <gtest/gtest.h>

#include "model/testing/test_report.h"
#include "report/limits.h"

namespace mig::report {
namespace {

Report with(std::vector<Block> blocks) {
  Report report;
  report.title = "t";
  report.sections = {{"s", "1", "one", 1, std::move(blocks)}};
  return report;
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    ++n;
  }
  return n;
}

TEST(ReportHtml, NothingOfAProgramBecomesMarkup) {
  const std::string html = report_html(test_report(""));
  for (const char* tag : {"<script", "<img", "<iframe", "<object", "<link", "<base", "<form"}) {
    EXPECT_EQ(count(html, tag), 0U) << tag;
  }
  EXPECT_EQ(count(html, "</title>"), 1U + count(html, "<desc") + count(html, "<svg class=\"patterns\"") - 1U);
  EXPECT_EQ(count(html, "</style>"), 2U);
  for (const char byte : {'\x1b', '\x07', '\x08', '\r', '\xff', '\xfe'}) {
    EXPECT_EQ(html.find(byte), std::string::npos) << static_cast<int>(byte);
  }
  EXPECT_EQ(html.find("\xe2\x80\xae"), std::string::npos);
  EXPECT_EQ(html.find("href=\"javascript"), std::string::npos);
}

TEST(ReportHtml, IdsAreUniqueAndEveryLinkOfThePageHasItsPlace) {
  Report report = test_report("");
  report.sections.push_back({"charts", "", "the same id again", 1, {}});
  report.sections.push_back({"_d1-title", "", "one of ours", 2, {}});
  report.sections.push_back({"", "", "\xc3\xa4\xc3\xb6", 1, {}});
  report.sections.push_back({"", "", "", 1, {}});
  const std::string html = report_html(report);
  std::set<std::string> ids;
  const std::regex id(" id=\"([^\"]*)\"");
  for (std::sregex_iterator it(html.begin(), html.end(), id), end; it != end; ++it) {
    EXPECT_TRUE(ids.insert((*it)[1]).second) << (*it)[1];
  }
  const std::regex link("href=\"#([^\"]*)\"");
  for (std::sregex_iterator it(html.begin(), html.end(), link), end; it != end; ++it) {
    EXPECT_EQ(ids.count((*it)[1]), 1U) << (*it)[1];
  }
  EXPECT_EQ(ids.count("charts-2"), 1U);
}

TEST(ReportHtml, SimulatedIsSaidInTitleBannerPrintAndFooter) {
  Report report = with({Paragraph{"x"}});
  report.simulated = true;
  report.simulated_machine = "lab";
  const std::string html = report_html(report);
  EXPECT_NE(html.find("<title>SIMULATED: t</title>"), std::string::npos);
  EXPECT_NE(html.find("<aside class=\"banner\""), std::string::npos);
  EXPECT_NE(html.find("@top-left"), std::string::npos);
  EXPECT_GE(count(html, "SIMULATED machine &quot;lab&quot;"), 2U);
  EXPECT_TRUE(report_markdown(report).starts_with("# SIMULATED: t\n"));
  report.simulated = false;
  EXPECT_EQ(report_html(report).find("SIMULATED"), std::string::npos);
  EXPECT_EQ(report_markdown(report).find("imulated"), std::string::npos);
}

// In a report of a simulated machine a drawing says so, but not one of figures from elsewhere.
TEST(ReportHtml, DrawingsOfASimulatedMachineSaySo) {
  BarChart chart{{"c", "", "", {}, {}}, {"a"}, {{"s", {Value{1}}}}};
  const auto marks = [&](bool simulated, std::optional<Origin> origin) {
    chart.head.origin = origin;
    Report report = with({chart});
    report.simulated = simulated;
    return count(report_html(report), "SIMULATED: no hardware");
  };
  EXPECT_EQ(marks(true, {}), 1U);
  EXPECT_EQ(marks(true, Origin::kDerived), 1U);
  EXPECT_EQ(marks(true, Origin::kSimulated), 1U);
  EXPECT_EQ(marks(true, Origin::kCaptured), 0U);
  EXPECT_EQ(marks(true, Origin::kDocumented), 0U);
  EXPECT_EQ(marks(false, Origin::kSimulated), 1U);
  EXPECT_EQ(marks(false, Origin::kMeasured), 0U);
}

TEST(ReportHtml, OriginsThatAreShownAreExplained) {
  Table table;
  table.columns = {{"a"}, {"b"}};
  table.origin = Origin::kMeasured;
  table.rows = {{{"x"}, {"1", 1, Origin::kAssumed}}, {{"y"}, {"2", 2, Origin::kMeasured}}};
  const std::string html = report_html(with({table}));
  EXPECT_EQ(count(html, "<span class=\"origin o-assumed\">"), 2U);   // the cell and the explanation
  EXPECT_EQ(count(html, "<span class=\"origin o-measured\">"), 2U);  // the caption and the explanation
  EXPECT_NE(html.find(meaning_of(Origin::kAssumed)), std::string::npos);
  EXPECT_EQ(html.find(meaning_of(Origin::kCaptured)), std::string::npos);
}

TEST(ReportHtml, NoReportIsLargerThanTheLimit) {
  const std::string worst(20'000, '<');
  Report report = with({});
  report.title = report.subtitle = worst;
  for (int i = 0; i < 310; ++i) {
    report.machine.push_back({worst, worst});
    Section section{worst, worst, worst, 2, {}};
    for (int k = 0; k < 10; ++k) {
      section.add(Paragraph{worst});
      section.add(Transcript{worst, 0, worst, 1, worst});
    }
    report.sections.push_back(std::move(section));
  }
  const std::string html = report_html(report);
  EXPECT_LE(html.size(), kMostHtmlBytes);
  EXPECT_GT(html.size(), kMostHtmlBytes / 2);
  EXPECT_TRUE(html.ends_with("</html>\n"));
  EXPECT_NE(html.find("left out here: the page would be larger than 2 MB"), std::string::npos);
  EXPECT_NE(html.find("more sections are left out"), std::string::npos);
}

TEST(ReportHtml, WhatIsTooLongIsCutAndSaidSo) {
  Table table;
  table.columns = {{"a"}};
  table.rows.assign(kMostRows + 7, {{"x"}});
  List list;
  list.items.assign(kMostItems + 3, "i");
  BarChart chart{{"c", "", "", {}, {}}, std::vector<std::string>(kMostGroups + 2, "g"), std::vector<BarSeries>(kMostSeries + 1)};
  const std::string html = report_html(with({table, list, chart, Picture{std::string(500'000, 'x'), "alt", ""}}));
  EXPECT_NE(html.find("7 more rows are left out"), std::string::npos);
  EXPECT_NE(html.find("3 more items are left out"), std::string::npos);
  EXPECT_NE(html.find("2 more groups are not drawn. 1 more series are not drawn."), std::string::npos);
  EXPECT_NE(html.find("A picture is left out"), std::string::npos);
}

TEST(ReportHtml, HeadingsNeverSkipALevel) {
  Report report = with({});
  report.sections = {{"a", "", "a", 2, {}}, {"b", "", "b", 2, {}}, {"c", "", "c", 1, {}}};
  const std::string html = report_html(report);
  EXPECT_NE(html.find("<h2 id=\"_h-a\">"), std::string::npos);
  EXPECT_NE(html.find("<h3 id=\"_h-b\">"), std::string::npos);
  EXPECT_NE(html.find("<h2 id=\"_h-c\">"), std::string::npos);
}

TEST(ReportHtml, AnEmptyReportIsAPage) {
  const std::string html = report_html({});
  EXPECT_TRUE(html.starts_with("<!DOCTYPE html>"));
  EXPECT_NE(html.find("<h1>Report</h1>"), std::string::npos);
  EXPECT_EQ(report_markdown({}).substr(0, 2), "# ");
}

TEST(ReportMarkdown, TextIsNoMarkup) {
  const std::string md = report_markdown(with({Paragraph{"# not a heading"},
                                               Paragraph{"1. not a list"},
                                               Paragraph{"- no item, *no emphasis*, `no code`, [no](link) <b> a_b_c"}}));
  EXPECT_NE(md.find("\n\\# not a heading\n"), std::string::npos) << md;
  EXPECT_NE(md.find("\n1\\. not a list\n"), std::string::npos) << md;
  EXPECT_NE(md.find("\n\\- no item, \\*no emphasis\\*, \\`no code\\`, \\[no\\](link) \\<b\\> a\\_b\\_c\n"), std::string::npos) << md;
}

TEST(ReportMarkdown, CodeIsFencedByMoreThanItHas) {
  const std::string md = report_markdown(with({Transcript{"cat x", 0, "```\n````\ntext\n", {}, ""},
                                               Paragraph{Text().code("a `` b").plain(" ").code("`")}}));
  EXPECT_NE(md.find("`````\n$ cat x\n```\n````\ntext\n`````\n"), std::string::npos) << md;
  EXPECT_NE(md.find("```a `` b``` `` ` ``"), std::string::npos) << md;
}

TEST(ReportMarkdown, CellsAndChartsAreTables) {
  Table table;
  table.caption = "T";
  table.columns = {{"a|b"}, {"n", "GiB", Align::kRight}};
  table.rows = {{{Text().code("x|y")}, {}}};
  StackedChart chart{{"cost", "EUR", "", Origin::kDerived, {}}, {"all"}, {"p"}, {{3}}};
  const std::string md = report_markdown(with({table, chart}));
  EXPECT_NE(md.find("| a\\|b | n, GiB |\n|---|---:|\n| `x\\|y` | unknown |\n"), std::string::npos) << md;
  EXPECT_NE(md.find("**cost, EUR** (derived)\n\n|  | p, EUR | sum, EUR |\n|---|---:|---:|\n| all | 3 | 3 |\n"), std::string::npos) << md;
}

}  // namespace
}  // namespace mig::report

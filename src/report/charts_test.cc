// SPDX-License-Identifier: Apache-2.0
#include "report/charts.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "report/chart_parts.h"
#include "report/limits.h"
#include "report/svg.h"

namespace mig::report {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    ++n;
  }
  return n;
}

TEST(ReportScale, TicksAreRound) {
  const Scale scale = scale_of(0, 1204, 0, 100, 5);
  EXPECT_EQ(scale.ticks(), (std::vector<double>{0, 250, 500, 750, 1000, 1250}));
  EXPECT_DOUBLE_EQ(scale.at(0), 0);
  EXPECT_DOUBLE_EQ(scale.at(1250), 100);
  EXPECT_DOUBLE_EQ(scale.at(625), 50);
  EXPECT_EQ(scale_of(-3, 9, 0, 1, 5).ticks(), (std::vector<double>{-5, -2.5, 0, 2.5, 5, 7.5, 10}));
}

TEST(ReportScale, NothingAndNonsenseHaveAScale) {
  for (const auto& [low, high] : {std::pair{0.0, 0.0}, {5.0, 5.0}, {kNan, 1.0}, {0.0, kInfinity}, {0.0, 1e300}, {0.0, 1e-300}}) {
    const Scale scale = scale_of(low, high, 10, 20, 5);
    EXPECT_LE(scale.ticks().size(), 50U);
    EXPECT_TRUE(std::isfinite(scale.at(low)) || std::isnan(low)) << low << " " << high;
  }
}

// Half the length of the bar of 100 is the length of the bar of 50.
TEST(ReportBars, LengthsAreToScale) {
  BarChart chart{{"t", "", "", {}, {}}, {"a", "b"}, {{"s", {Value{100}, Value{50}}}}};
  const std::string svg = bars_svg(chart, {"x", false});
  std::vector<double> widths;
  for (std::size_t at = svg.find("<rect"); at != std::string::npos; at = svg.find("<rect", at + 1)) {
    widths.push_back(std::stod(svg.substr(svg.find("width=\"", at) + 7)));
  }
  ASSERT_EQ(widths.size(), 2U);
  EXPECT_NEAR(widths[0], 2 * widths[1], 0.15);
  EXPECT_GT(widths[0], 100);
}

TEST(ReportBars, IntervalsReferencesAndUnknown) {
  BarChart chart{{"t", "steps/s", "", {}, {}}, {"a", "b"}, {{"s", {Value{100, 90, 110}, std::nullopt}}}, {{95, "limit"}}};
  const std::string svg = bars_svg(chart, {"x", true});
  EXPECT_EQ(count(svg, "class=\"interval\""), 3U);
  EXPECT_EQ(count(svg, "class=\"reference\""), 1U);
  EXPECT_NE(svg.find(">100 (90 to 110)<"), std::string::npos);
  EXPECT_NE(svg.find(">unknown<"), std::string::npos);
  EXPECT_NE(svg.find("SIMULATED: no hardware"), std::string::npos);
  EXPECT_EQ(bars_svg(chart, {"x", false}).find("SIMULATED"), std::string::npos);
  const Table table = bars_table(chart);
  ASSERT_EQ(table.columns.size(), 4U);
  ASSERT_EQ(table.rows.size(), 3U);
  EXPECT_EQ(table.rows[0][2].value, 90.0);
  EXPECT_TRUE(table.rows[1][1].text.empty());
}

TEST(ReportLines, GapsAreNotBridged) {
  LineChart chart;
  chart.head.title = "t";
  chart.lines = {{"a", {{0, 1}, {1, 2}, {2, std::nullopt}, {3, 4}, {4, 5}, {5, kNan}, {6, 1}}}};
  const std::string svg = lines_svg(chart, {"x", false});
  const std::size_t path = svg.find("class=\"line s0\" d=\"");
  ASSERT_NE(path, std::string::npos);
  const std::string d = svg.substr(path + 19, svg.find('"', path + 19) - path - 19);
  EXPECT_EQ(count(d, "M"), 3U) << d;
  EXPECT_EQ(count(d, "L"), 2U) << d;
  EXPECT_EQ(count(d, "h0.1"), 1U) << d;  // the last one is alone
}

TEST(ReportLines, APeakSurvivesThinning) {
  LineChart chart;
  chart.head.title = "t";
  chart.lines = {{"a", {}}};
  for (int i = 0; i < 100'000; ++i) {
    chart.lines[0].points.push_back({static_cast<double>(i), i == 54'321 ? 100.0 : 1.0});
  }
  const std::string svg = lines_svg(chart, {"x", false});
  EXPECT_LT(svg.size(), 12'000U);
  // The scale's top is 100, at y = 12 (no legend, no marks).
  const std::size_t path = svg.find(" d=\"M");
  EXPECT_NE(svg.substr(path, svg.find('/', path) - path).find(" 12.0"), std::string::npos) << svg;
  EXPECT_EQ(lines_table(chart).rows.size(), kMostPointRows);
  EXPECT_EQ(lines_table(chart).source.str(), "40 of 100000 points");
}

TEST(ReportLines, PointsOfDifferentPlacesShareATable) {
  LineChart chart;
  chart.lines = {{"a", {{0, 1}, {2, 3}}}, {"b", {{1, 5}}}};
  const Table table = lines_table(chart);
  ASSERT_EQ(table.rows.size(), 3U);
  EXPECT_EQ(table.rows[1][0].value, 1.0);
  EXPECT_TRUE(table.rows[1][1].text.empty());
  EXPECT_EQ(table.rows[1][2].value, 5.0);
}

TEST(ReportStacked, PartsAddUpToTheBar) {
  StackedChart chart{{"t", "EUR", "", {}, {}}, {"all"}, {"a", "b", "c"}, {{30, 0, 70}}, {"100.00"}};
  const std::string svg = stacked_svg(chart, {"x", false});
  EXPECT_EQ(count(svg, "class=\"area\""), 3U + 2U);  // legend, and a part of 0 is not drawn
  EXPECT_NE(svg.find(">100.00<"), std::string::npos);
  EXPECT_EQ(stacked_table(chart).rows[0][4].value, 100.0);
  EXPECT_EQ(stacked_table(chart).rows[0][4].text.str(), "100.00");
}

TEST(ReportStrip, FreeSlotsAndInstancesToScale) {
  const LayoutStrip strip{"GPU 0", 8, {{"3g.20gb", 4, 4, {"gi 1"}, true}, {"1g.5gb", 0, 1, {}, false}}, ""};
  const std::string svg = strip_svg(strip, {"x", false});
  EXPECT_EQ(count(svg, "class=\"free\""), 3U);
  EXPECT_EQ(count(svg, "class=\"cell busy\""), 1U);
  EXPECT_NE(svg.find(">3g.20gb *<"), std::string::npos);
  EXPECT_NE(svg.find(">* in use<"), std::string::npos);
  EXPECT_EQ(strip_table(strip).rows[0][0].text.str(), "4-7");
}

TEST(ReportStrip, AnInstanceOutsideOfTheGpuIsNotDrawn) {
  const LayoutStrip strip{"GPU 0", 8, {{"7g", 7, 9, {}, false}, {"x", 4'000'000'000U, 4'000'000'000U, {}, false}}, ""};
  EXPECT_EQ(count(strip_svg(strip, {"x", false}), "class=\"cell"), 0U);
  EXPECT_EQ(strip_svg({"GPU 0", 0, {}, ""}, {"x", false}), "");
}

TEST(ReportCharts, ValuesThatAreNoNumbersDrawNothingBroken) {
  BarChart bars{{"t", "", "", {}, {}}, {"a"}, {{"s", {Value{kNan, kNan, kInfinity}}}}, {{kInfinity, "r"}}};
  LineChart lines;
  lines.lines = {{"a", {{kNan, 1}, {0, kInfinity}, {kInfinity, 1}, {1, 1}}}};
  lines.marks = {{kNan, "m"}};
  lines.references = {{kNan, "r"}};
  lines.top = kInfinity;
  StackedChart stacked{{"t", "", "", {}, {}}, {"a"}, {"p"}, {{kNan}, {-1}}};
  for (const std::string& svg : {bars_svg(bars, {"x", false}), lines_svg(lines, {"x", false}), stacked_svg(stacked, {"x", false})}) {
    EXPECT_EQ(svg.find("\"nan"), std::string::npos) << svg;
    EXPECT_EQ(svg.find(" nan"), std::string::npos) << svg;
    EXPECT_EQ(svg.find("inf"), std::string::npos) << svg;
  }
}

TEST(ReportCharts, NothingToDraw) {
  EXPECT_EQ(bars_svg({}, {"x", true}), "");
  EXPECT_EQ(lines_svg({}, {"x", true}), "");
  EXPECT_EQ(stacked_svg({}, {"x", true}), "");
}

TEST(ReportSvg, TextsAreCutToTheirRoom) {
  EXPECT_EQ(svg::fitted("short", 100, 13), "short");
  const std::string cut = svg::fitted("a long text that has no room", 80, 13);
  EXPECT_LE(svg::width_of(cut, 13), 80.0);
  EXPECT_TRUE(cut.ends_with("…"));
  EXPECT_EQ(svg::fitted("äöü", 5, 13), "");
}

}  // namespace
}  // namespace mig::report

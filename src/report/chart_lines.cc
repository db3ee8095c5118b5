// SPDX-License-Identifier: Apache-2.0
// Lines over time or another quantity: gaps where a value is unknown, names at their ends.
#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "report/chart_parts.h"
#include "report/escape.h"
#include "report/limits.h"
#include "report/svg.h"

namespace mig::report {
namespace {

constexpr double kPlotLeft = 62;
constexpr double kPlotHeight = 210;
constexpr double kMostLineNames = 190;
constexpr double kNameRow = 16;
constexpr std::size_t kMarkersOfALine = 6;

bool is_known(const Point& point) {
  return std::isfinite(point.x) && point.y && std::isfinite(*point.y);
}

struct Bounds {
  double left = std::numeric_limits<double>::infinity(), right = -left;
  double low = 0, high = 0;
};

Bounds bounds_of(const LineChart& chart) {
  Bounds bounds;
  for (const Line& line : chart.lines) {
    for (const Point& point : line.points) {
      if (!std::isfinite(point.x)) {
        continue;
      }
      bounds.left = std::min(bounds.left, point.x);
      bounds.right = std::max(bounds.right, point.x);
      if (is_known(point)) {
        bounds.low = std::min(bounds.low, *point.y);
        bounds.high = std::max(bounds.high, *point.y);
      }
    }
  }
  for (const Reference& reference : chart.references) {
    bounds.high = std::max(bounds.high, reference.value);
  }
  if (chart.top && std::isfinite(*chart.top)) {
    bounds.high = std::max(bounds.high, *chart.top);
  }
  return bounds;
}

// Of a run of points its lowest and its highest one, and a gap where it has one.
std::vector<std::size_t> kept_of(const std::vector<Point>& points,
                                 std::size_t from,
                                 std::size_t until) {
  std::optional<std::size_t> low, high, gap;
  for (std::size_t i = from; i < until; ++i) {
    if (!is_known(points[i])) {
      gap = i;
      continue;
    }
    low = !low || *points[i].y < *points[*low].y ? i : *low;
    high = !high || *points[i].y > *points[*high].y ? i : *high;
  }
  std::set<std::size_t> kept;
  for (const auto& one : {low, high, gap}) {
    if (one) {
      kept.insert(*one);
    }
  }
  return {kept.begin(), kept.end()};
}

// At most kMostPoints, and no peak is lost.
std::vector<Point> thinned(const std::vector<Point>& points) {
  if (points.size() <= kMostPoints) {
    return points;
  }
  std::vector<Point> out;
  constexpr std::size_t kRuns = kMostPoints / 3;
  for (std::size_t run = 0; run < kRuns; ++run) {
    const std::size_t from = points.size() * run / kRuns;
    for (const std::size_t i : kept_of(points, from, points.size() * (run + 1) / kRuns)) {
      out.push_back(points[i]);
    }
  }
  return out;
}

std::string path_of(const std::vector<Point>& points,
                    const Scale& x,
                    const Scale& y,
                    std::size_t series) {
  std::string path;
  bool begun = false;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!is_known(points[i])) {
      begun = false;
      continue;
    }
    const bool alone = !begun && (i + 1 == points.size() || !is_known(points[i + 1]));
    path +=
        fmt::format("{}{:.1f} {:.1f}", begun ? "L" : "M", x.at(points[i].x), y.at(*points[i].y));
    path += alone ? "h0.1" : "";
    begun = true;
  }
  return path.empty() ? "" : fmt::format("<path {} d=\"{}\"/>\n", stroke_of(series), path);
}

// Markers here and there, so that lines can be told apart where they cross.
std::string markers_of(const std::vector<Point>& points,
                       const Scale& x,
                       const Scale& y,
                       std::size_t series) {
  std::vector<Point> known;
  std::copy_if(points.begin(), points.end(), std::back_inserter(known), is_known);
  std::string out;
  const std::size_t count = std::min(known.size(), kMarkersOfALine);
  for (std::size_t i = 0; i < count; ++i) {
    // Shifted for each line, so that they do not cover each other.
    const std::size_t at =
        known.size() <= kMarkersOfALine
            ? i
            : std::min(known.size() - 1, (known.size() * (4 * i + series % 4)) / (4 * count));
    out += marker_of(series, x.at(known[at].x), y.at(*known[at].y));
  }
  return out;
}

struct EndName {
  std::string name;
  std::size_t series = 0;
  double y = 0;  // of the line's end
};

// The names at the right, moved apart from top to bottom, and up again from the bottom.
std::string end_names(std::vector<EndName> names, double x, double top, double bottom) {
  std::sort(
      names.begin(), names.end(), [](const EndName& a, const EndName& b) { return a.y < b.y; });
  std::vector<double> places;
  places.reserve(names.size());
  for (const EndName& name : names) {
    places.push_back(std::max(name.y, places.empty() ? top : places.back() + kNameRow));
  }
  double most = bottom;
  for (std::size_t i = places.size(); i-- > 0;) {
    places[i] = std::min(places[i], most);
    most = places[i] - kNameRow;
  }
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    out += svg::line(
        x + 3, names[i].y, x + 12, places[i], fmt::format("class=\"leader s{}\"", names[i].series));
    out += svg::words(
        x + 16, places[i] + 4.5, svg::fitted(names[i].name, kChartWidth - x - 18, kTextSize));
  }
  return out;
}

std::string axes_of(const LineChart& chart, const Scale& x, const Scale& y) {
  std::string out;
  for (const double tick : y.ticks()) {
    out += svg::line(
        x.from, y.at(tick), x.until, y.at(tick), tick == 0 ? "class=\"axis\"" : "class=\"grid\"");
    out += svg::words(
        x.from - 7, y.at(tick) + 4.5, figure_text(tick), "class=\"soft\" text-anchor=\"end\"");
  }
  for (const double tick : x.ticks()) {
    out += svg::line(x.at(tick), y.from, x.at(tick), y.from + 4, "class=\"axis\"");
    out += svg::words(
        x.at(tick), y.from + 18, figure_text(tick), "class=\"soft\" text-anchor=\"middle\"");
  }
  const std::string title =
      chart.x_unit.empty() ? chart.x_title : chart.x_title + ", " + chart.x_unit;
  return out + svg::words((x.from + x.until) / 2,
                          y.from + 36,
                          svg::fitted(title, x.until - x.from, kTextSize),
                          "class=\"soft\" text-anchor=\"middle\"");
}

constexpr std::size_t kMarkRows = 3;

std::string marks_of(const std::vector<Mark>& marks, const Scale& x, const Scale& y) {
  std::string out;
  for (std::size_t i = 0; i < std::min(marks.size(), kMostMarks); ++i) {
    const double at = x.at(marks[i].x);
    const double row = y.until - 8 - 15.0 * static_cast<double>((kMarkRows - 1) - i % kMarkRows);
    const bool left = at > (x.from + x.until) / 2;
    out += svg::line(at, row - 9, at, y.from, "class=\"mark\"");
    out += svg::words(left ? at - 4 : at + 4,
                      row,
                      svg::fitted(marks[i].label, left ? at - 10 : x.until - at, kTextSize),
                      left ? "class=\"halo\" text-anchor=\"end\"" : "class=\"halo\"");
  }
  return out;
}

std::string levels_of(const std::vector<Reference>& references, const Scale& x, const Scale& y) {
  std::string out;
  for (std::size_t i = 0; i < std::min(references.size(), kMostMarks); ++i) {
    const double at = y.at(references[i].value);
    out += svg::line(x.from, at, x.until, at, "class=\"reference\"");
    out += svg::words(x.until - 4,
                      at - 5,
                      svg::fitted(references[i].label, x.until - x.from - 10, kTextSize),
                      "class=\"halo\" text-anchor=\"end\"");
  }
  return out;
}

}  // namespace

std::string lines_svg(const LineChart& chart, const Place& place) {
  const std::size_t count = std::min(chart.lines.size(), kMostSeries);
  const Bounds bounds = bounds_of(chart);
  if (count == 0 || !(bounds.right >= bounds.left)) {
    return "";
  }
  double names_width = 16;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    names.push_back(chart.lines[i].name);
    names_width =
        std::max(names_width, count > 1 ? svg::width_of(names.back(), kTextSize) + 26 : 0);
  }
  // The title names a line that is alone.
  const Legend legend = legend_of(count > 1 ? names : std::vector<std::string>{}, 4, 4, true);
  const double marks_height = chart.marks.empty() ? 0 : 15.0 * kMarkRows + 8;
  const double top = legend.height + 12 + marks_height;
  const double right = kChartWidth - std::min(names_width, kMostLineNames);
  const Scale x = scale_of(bounds.left, bounds.right, kPlotLeft, right, 8, true);
  const Scale y = scale_of(bounds.low, bounds.high, top + kPlotHeight, top, 5);
  const int height = static_cast<int>(top + kPlotHeight) + (place.simulated ? 62 : 44);
  std::string out = svg::begin(
      kChartWidth, height, place.id, titled(chart.head), description_of(chart.head, "Lines"));
  out += legend.drawing + axes_of(chart, x, y) + levels_of(chart.references, x, y);
  out += marks_of(chart.marks, x, y);
  std::vector<EndName> ends;
  for (std::size_t i = 0; i < count; ++i) {
    const std::vector<Point> points = thinned(chart.lines[i].points);
    out += path_of(points, x, y, i) + markers_of(points, x, y, i);
    const auto last = std::find_if(points.rbegin(), points.rend(), is_known);
    if (last != points.rend() && count > 1) {
      ends.push_back({chart.lines[i].name, i, y.at(*last->y)});
    }
  }
  out += end_names(std::move(ends), right, top + 4, top + kPlotHeight);
  return out + corner_mark(place, height) + "</svg>\n";
}

}  // namespace mig::report

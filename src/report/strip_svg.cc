// SPDX-License-Identifier: Apache-2.0
// A GPU as a strip of its memory slots, to scale.
#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "report/chart_parts.h"
#include "report/limits.h"
#include "report/svg.h"

namespace mig::report {
namespace {

constexpr double kStripTop = 22;
constexpr double kFirstLine = 20;
constexpr double kLine = 16;
constexpr std::size_t kMostLines = 4;

std::string cell_svg(const StripCell& cell, double slot, double height) {
  const double x = 4 + slot * cell.start;
  const double width = slot * cell.size - 3;
  std::string out = svg::box(
      x, kStripTop, width, height, cell.busy ? "class=\"cell busy\" rx=\"3\"" : "class=\"cell\" rx=\"3\"");
  out += svg::words(x + 7,
                    kStripTop + kFirstLine,
                    svg::fitted(cell.profile + (cell.busy ? " *" : ""), width - 10, kTextSize),
                    "class=\"strong\"");
  for (std::size_t i = 0; i < std::min(cell.lines.size(), kMostLines); ++i) {
    out += svg::words(x + 7,
                      kStripTop + kFirstLine + kLine * static_cast<double>(i + 1),
                      svg::fitted(cell.lines[i], width - 10, 11.5),
                      "class=\"small\"");
  }
  return out;
}

}  // namespace

std::string strip_svg(const LayoutStrip& strip, const Place& place) {
  if (strip.slots == 0 || strip.slots > kMostSlots) {
    return "";
  }
  std::size_t lines = 0;
  std::vector<bool> taken(strip.slots, false);
  for (const StripCell& cell : strip.cells) {
    lines = std::max(lines, std::min(cell.lines.size(), kMostLines));
    for (std::uint32_t i = cell.start; i < cell.start + cell.size && i < strip.slots; ++i) {
      taken[i] = true;
    }
  }
  const double slot = (kChartWidth - 8.0) / strip.slots;
  const double cell_height = kFirstLine + kLine * static_cast<double>(lines) + 10;
  const bool busy = std::any_of(
      strip.cells.begin(), strip.cells.end(), [](const StripCell& cell) { return cell.busy; });
  const int height = static_cast<int>(kStripTop + cell_height) + (place.simulated || busy ? 22 : 4);
  const auto free = std::count(taken.begin(), taken.end(), false);
  std::string out = svg::begin(
      kChartWidth,
      height,
      place.id,
      strip.gpu + (strip.note.empty() ? "" : ", " + strip.note),
      fmt::format("{} memory slots, {} instances, {} slots free. The instances are in the table below.",
                  strip.slots,
                  strip.cells.size(),
                  free));
  for (std::uint32_t i = 0; i < strip.slots; ++i) {
    const double x = 4 + slot * i;
    out += svg::words(x + 7, kStripTop - 7, fmt::format("{}", i), "class=\"soft\"");
    if (!taken[i]) {
      out += svg::box(x, kStripTop, slot - 3, cell_height, "class=\"free\" rx=\"3\"");
      out += svg::words(x + 7, kStripTop + kFirstLine, svg::fitted("free", slot - 10, kTextSize), "class=\"soft halo\"");
    }
  }
  for (const StripCell& cell : strip.cells) {
    if (cell.size > 0 && cell.start < strip.slots && cell.size <= strip.slots - cell.start) {
      out += cell_svg(cell, slot, cell_height);
    }
  }
  out += busy ? svg::words(4, height - 6, "* in use", "class=\"soft small\"") : "";
  return out + corner_mark(place, height) + "</svg>\n";
}

}  // namespace mig::report

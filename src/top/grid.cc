// SPDX-License-Identifier: Apache-2.0
#include "top/grid.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "top/glyph.h"

namespace mig::top {
namespace {

// SGR parameters of each Color.
constexpr std::array<std::string_view, kColors> kSgr = {
    "39", "32", "33", "31", "36", "30;43", "36", "35", "34", "32", "33", "96", "95", "94"};

std::string sgr(const Style& style) {
  std::string out = "\x1b[0";
  if (style.bold) {
    out += ";1";
  }
  if (style.dim) {
    out += ";2";
  }
  if (style.reverse) {
    out += ";7";
  }
  if (style.color != Color::kPlain) {
    out += fmt::format(";{}", kSgr[static_cast<std::size_t>(style.color)]);
  }
  return out + "m";
}

// Columns up to the last cell that shows anything.
int used_columns(const Grid& grid, int y) {
  int end = grid.width();
  while (end > 0) {
    const Cell& cell = grid.at(end - 1, y);
    if (cell.glyph != U' ' || cell.covered) {
      break;
    }
    --end;
  }
  return end;
}

}  // namespace

Grid::Grid(int width, int height)
    : width_(std::clamp(width, 0, kMostColumns)), height_(std::clamp(height, 0, kMostRows)) {
  cells_.resize(static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_));
}

void Grid::put(int x, int y, char32_t glyph, Style style) {
  const int width = glyph_width(glyph);
  if (width == 0 || !holds(x, y)) {
    return;
  }
  if (width == 2 && !holds(x + 1, y)) {
    glyph = U'~';
  }
  Cell& cell = cells_[index(x, y)];
  if (cell.covered && x > 0) {
    cells_[index(x - 1, y)].glyph = U' ';
  }
  if (holds(x + 1, y)) {
    cells_[index(x + 1, y)].covered = false;
  }
  cell = {glyph, style, false};
  if (width == 2 && holds(x + 1, y)) {
    put(x + 1, y, U' ', style);
    cells_[index(x + 1, y)].covered = true;
  }
}

int Grid::put(int x, int y, std::string_view text, Style style, int room) {
  const int end = room >= width_ - x ? width_ : x + std::max(room, 0);
  while (!text.empty()) {
    const char32_t glyph = next_glyph(text);
    const int width = glyph_width(glyph);
    if (width == 0) {
      continue;
    }
    if (x + width > end) {
      break;
    }
    put(x, y, glyph, style);
    x += width;
  }
  return x;
}

void Grid::restyle(int x, int y, int count, Style style) {
  for (int i = std::max(x, 0); i < std::min(x + count, width_); ++i) {
    if (holds(i, y)) {
      cells_[index(i, y)].style = style;
    }
  }
}

void Grid::clear(int x, int y, int width, int height, Style style) {
  for (int row = std::max(y, 0); row < std::min(y + height, height_); ++row) {
    for (int column = std::max(x, 0); column < std::min(x + width, width_); ++column) {
      put(column, row, U' ', style);
    }
  }
}

std::string line_of(const Grid& grid, int y) {
  std::string line;
  const int end = used_columns(grid, y);
  for (int x = 0; x < end; ++x) {
    if (!grid.at(x, y).covered) {
      append_utf8(line, grid.at(x, y).glyph);
    }
  }
  return line;
}

std::string text_of(const Grid& grid, bool color) {
  std::string out;
  for (int y = 0; y < grid.height(); ++y) {
    if (!color) {
      out += line_of(grid, y) + "\n";
      continue;
    }
    Style style;
    const int end = used_columns(grid, y);
    for (int x = 0; x < end; ++x) {
      const Cell& cell = grid.at(x, y);
      if (cell.covered) {
        continue;
      }
      if (!(cell.style == style)) {
        style = cell.style;
        out += style == Style{} ? std::string("\x1b[0m") : sgr(style);
      }
      append_utf8(out, cell.glyph);
    }
    out += style == Style{} ? "\n" : "\x1b[0m\n";
  }
  return out;
}

}  // namespace mig::top

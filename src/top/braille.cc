// SPDX-License-Identifier: Apache-2.0
#include "top/braille.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace mig::top {
namespace {

constexpr int kDots = 4;  // levels of a braille character
constexpr char32_t kBraille = 0x2800;

// Dots of the left and the right half from the bottom upwards.
constexpr std::array<std::array<char32_t, kDots>, 2> kDot = {
    {{0x40, 0x04, 0x02, 0x01}, {0x80, 0x20, 0x10, 0x08}}};

// Level of a value within `levels`: what is not zero shows.
int level(float value, int levels) {
  if (!std::isfinite(value)) {
    return -1;
  }
  const auto ratio = static_cast<double>(std::clamp(value, 0.0F, 1.0F));
  const int filled = static_cast<int>(std::lround(ratio * levels));
  return ratio > 0 ? std::max(filled, 1) : 0;
}

char32_t braille_cell(float older, float newer, int row_from_bottom, int levels) {
  char32_t glyph = 0;
  const std::array<float, 2> values = {older, newer};
  for (std::size_t half = 0; half < 2; ++half) {
    const int filled = level(values[half], levels) - row_from_bottom * kDots;
    for (int dot = 0; dot < std::clamp(filled, 0, kDots); ++dot) {
      glyph |= kDot[half][static_cast<std::size_t>(dot)];
    }
    if (level(values[half], levels) == 0 && row_from_bottom == 0) {
      glyph |= kDot[half][0];  // zero is a line at the bottom, unknown is blank
    }
  }
  return glyph == 0 ? U' ' : kBraille + glyph;
}

char32_t ascii_cell(float older, float newer, int row_from_bottom, int rows) {
  constexpr std::string_view kLevels = " _.-=#";
  constexpr int kAsciiLevels = 4;
  const float value = std::isfinite(newer) ? newer : older;
  if (!std::isfinite(value)) {
    return U' ';
  }
  const int filled = level(value, rows * kAsciiLevels) - row_from_bottom * kAsciiLevels;
  if (filled <= 0) {
    return row_from_bottom == 0 ? U'_' : U' ';
  }
  return static_cast<char32_t>(
      kLevels[static_cast<std::size_t>(std::min(filled, kAsciiLevels)) + 1]);
}

}  // namespace

void draw_plot(Grid& grid,
               int x,
               int y,
               int columns,
               int rows,
               const Minute& minute,
               bool unicode,
               Style style) {
  const int shown = std::min(columns, kPlotColumns);
  for (int column = 0; column < shown; ++column) {
    const std::size_t older = 2 * static_cast<std::size_t>(kPlotColumns - shown + column);
    for (int row = 0; row < rows; ++row) {
      const int from_bottom = rows - 1 - row;
      const float left = minute[older];
      const float newer = minute[older + 1];
      grid.put(x + column,
               y + row,
               unicode ? braille_cell(left, newer, from_bottom, rows * kDots)
                       : ascii_cell(left, newer, from_bottom, rows),
               style);
    }
  }
}

void draw_bar(Grid& grid, int x, int y, int columns, double ratio, bool unicode, Style style) {
  constexpr int kEighths = 8;
  constexpr char32_t kFull = 0x2588;  // U+2589 to U+258F: seven eighths to one eighth
  const double inside = std::clamp(ratio, 0.0, 1.0);
  int filled = static_cast<int>(std::lround(inside * columns * (unicode ? kEighths : 1)));
  if (inside > 0) {
    filled = std::max(filled, 1);
  }
  for (int column = 0; column < columns; ++column) {
    char32_t glyph = U'-';
    Style painted{Color::kPlain, false, true, false};
    const int eighths = unicode ? std::clamp(filled - column * kEighths, 0, kEighths) : 0;
    if (unicode) {
      glyph = eighths == 0 ? U'·' : kFull + static_cast<char32_t>(kEighths - eighths);
      painted = eighths == 0 ? painted : style;
    } else if (column < filled) {
      glyph = U'#';
      painted = style;
    }
    grid.put(x + column, y, glyph, painted);
  }
}

}  // namespace mig::top

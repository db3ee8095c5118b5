// SPDX-License-Identifier: Apache-2.0
// A terminal's screen as a value: a grid of cells, each with one character and its style. Frames
// are drawn into it and compared in tests; screen.h shows it on a terminal. Drawing outside of the
// grid is clipped, so any size will do, 0x0 included.
#ifndef MIGCTL_TOP_GRID_H_
#define MIGCTL_TOP_GRID_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace mig::top {

// What a colour is for; screen.cc maps it to the terminal's. Eight of tenants.
enum class Color : std::uint8_t {
  kPlain,
  kLow,     // load below 10 %, and what is well
  kMiddle,  // load below 75 % (memory: 80 %)
  kHigh,    // load above, and what is wrong
  kAccent,  // titles and keys
  kSimulated,
  kTenant0,
  kTenant1,
  kTenant2,
  kTenant3,
  kTenant4,
  kTenant5,
  kTenant6,
  kTenant7,
};

constexpr std::size_t kTenantColors = 8;
constexpr std::size_t kColors = static_cast<std::size_t>(Color::kTenant0) + kTenantColors;

struct Style {
  Color color = Color::kPlain;
  bool bold = false, dim = false, reverse = false;
  bool operator==(const Style&) const = default;
};

struct Cell {
  char32_t glyph = U' ';
  Style style;
  bool covered = false;  // by the right half of the wide character before it
  bool operator==(const Cell&) const = default;
};

class Grid {
 public:
  // Larger sizes are cut: no terminal has more, and a frame's memory stays bounded.
  static constexpr int kMostColumns = 1000, kMostRows = 500;

  Grid() = default;
  Grid(int width, int height);

  int width() const { return width_; }

  int height() const { return height_; }

  // Inside of the grid only.
  const Cell& at(int x, int y) const { return cells_[index(x, y)]; }

  // Draws `text` (UTF-8) from column `x` on, in at most `room` columns; returns the column after.
  // Characters without a width are left out.
  int put(int x,
          int y,
          std::string_view text,
          Style style = {},
          int room = std::numeric_limits<int>::max());
  void put(int x, int y, char32_t glyph, Style style);
  // Gives `count` cells another style.
  void restyle(int x, int y, int count, Style style);
  // Blanks a rectangle.
  void clear(int x, int y, int width, int height, Style style = {});

  bool operator==(const Grid&) const = default;

 private:
  bool holds(int x, int y) const { return x >= 0 && y >= 0 && x < width_ && y < height_; }

  std::size_t index(int x, int y) const {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) +
           static_cast<std::size_t>(x);
  }

  int width_ = 0, height_ = 0;
  std::vector<Cell> cells_;
};

// A line of the grid as text, without blanks at its end.
std::string line_of(const Grid& grid, int y);

// The grid as lines of text; with `color`, each style as an ANSI escape sequence.
std::string text_of(const Grid& grid, bool color);

}  // namespace mig::top

#endif  // MIGCTL_TOP_GRID_H_

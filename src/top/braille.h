// SPDX-License-Identifier: Apache-2.0
// Plots of a minute: two seconds per column in braille, four levels per row; in plain ASCII one
// level per character. Threading: pure functions.
#ifndef MIGCTL_TOP_BRAILLE_H_
#define MIGCTL_TOP_BRAILLE_H_

#include "top/grid.h"
#include "top/history.h"

namespace mig::top {

constexpr int kPlotColumns = static_cast<int>(kSeconds) / 2;

// Draws `minute` at (x, y), `rows` high, its newest second on the right; at most kPlotColumns wide,
// and `columns`. Ratios are cut at 1; what is unknown is left blank.
void draw_plot(Grid& grid,
               int x,
               int y,
               int columns,
               int rows,
               const Minute& minute,
               bool unicode,
               Style style);

// A bar of `columns` cells in eighths, or in "#" and "-".
void draw_bar(Grid& grid, int x, int y, int columns, double ratio, bool unicode, Style style);

}  // namespace mig::top

#endif  // MIGCTL_TOP_BRAILLE_H_

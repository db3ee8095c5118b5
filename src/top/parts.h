// SPDX-License-Identifier: Apache-2.0
// Parts of a frame, for frame.cc: each draws into a rectangle of the canvas and clips itself.
#ifndef MIGCTL_TOP_PARTS_H_
#define MIGCTL_TOP_PARTS_H_

#include <string>
#include <vector>

#include "top/frame.h"

namespace mig::top {

struct Canvas {
  Frame& frame;
  const Content& content;
  const View& view;

  Grid& grid() const { return frame.grid; }

  // With the view's colours; without colour the styles keep bold, dim and reverse.
  Style style(Style wanted) const {
    if (!view.color) {
      wanted.color = Color::kPlain;
    }
    return wanted;
  }

  Style of(Color color, bool bold = false) const { return style({color, bold}); }

  static Style dim() { return {Color::kPlain, false, true, false}; }

  void hit(int x, int y, int width, decltype(Hit::action) action) const {
    frame.hits.push_back({x, y, width, std::move(action)});
  }
};

// Rectangle of whole lines.
struct Lines {
  int y = 0, height = 0;
};

// First of `count` lines of a list of `shown`, with line `selected` (-1: none) in the middle.
int first_shown(int count, int shown, int selected);

// GPUs with their strips and instances.
int machine_lines(const Canvas& canvas);
void draw_machine(const Canvas& canvas, Lines lines);

// Last minute of the selected GPU or instance.
void draw_minute(const Canvas& canvas, Lines lines);

// Process list with its title and heading.
void draw_processes(const Canvas& canvas, Lines lines);

// Strips of a GPU; returns the lines drawn. `second`: a line with tenants below.
void draw_strip_line(const Canvas& canvas, int y, const GpuSample& gpu, bool second);

void draw_desired(const Canvas& canvas, Lines lines);
void draw_plan(const Canvas& canvas, Lines lines);
void draw_events(const Canvas& canvas, Lines lines);

// The open menu, over the rest.
void draw_menu(const Canvas& canvas);

// Words of the details page (Enter): why a reading is unknown, identity, leases, energy.
std::vector<std::string> details_of(const Content& content, const View& view);

}  // namespace mig::top

#endif  // MIGCTL_TOP_PARTS_H_

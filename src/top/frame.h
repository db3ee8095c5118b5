// SPDX-License-Identifier: Apache-2.0
// One frame of `migctl top`, as a pure function of what is shown, how, and the terminal's size. Any
// size will do; 80x24 is what it is made for. "SIMULATED" stands first on the first line of every
// frame of a simulated machine, whatever is open.
//
//   Frame frame = draw({80, 24}, content, view);
#ifndef MIGCTL_TOP_FRAME_H_
#define MIGCTL_TOP_FRAME_H_

#include <string>
#include <vector>

#include "top/grid.h"
#include "top/keys.h"
#include "top/view.h"

namespace mig::top {

struct Size {
  int width = 0, height = 0;
};

struct Frame {
  Grid grid;
  std::vector<Hit> hits;
};

Frame draw(Size size, const Content& content, const View& view);

// Rows that all of `content` needs at this width: of `--once`.
int whole_height(int width, const Content& content, const View& view);

}  // namespace mig::top

#endif  // MIGCTL_TOP_FRAME_H_

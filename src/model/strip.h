// SPDX-License-Identifier: Apache-2.0
// A GPU drawn as a strip of its memory slots, for `list` and `plan`:
//
//    0       1       2       3       4       5       6       7
//   |1g.5gb |2g.10gb *      |   .   |3g.20gb                        |
//
// "|" ends an instance, "*" = a process runs on the instance, "." = a free slot. Plain ASCII by
// default.
#ifndef MIGCTL_MODEL_STRIP_H_
#define MIGCTL_MODEL_STRIP_H_

#include <cstdint>
#include <string>

#include "mig/inventory.h"
#include "mig/plan.h"

namespace mig {

struct StripOptions {
  // Columns of one slot with its border; 0 = as wide as this layout's names need. Strips below each
  // other use the largest strip_slot_width() of all.
  std::uint32_t slot_width = 0;
  bool ruler = false;    // a first line with the slot numbers
  bool color = false;    // ANSI colours: busy yellow, idle green, free dim
  bool unicode = false;  // "│" and "·"
};

std::vector<CellCompute> computes_of(const GpuInstance& instance);

// Current layout of `gpu`. An instance is busy when a process runs on it, or may.
GpuLayout layout_of(const Gpu& gpu);

// Smallest slot width, within 4..16, at which no name of `layout` is truncated.
std::uint32_t strip_slot_width(const GpuLayout& layout);

// One line, two with the ruler, no newline at the end. A GPU without MIG gives a text.
std::string draw_strip(const GpuLayout& layout, const StripOptions& options = {});

}  // namespace mig

#endif  // MIGCTL_MODEL_STRIP_H_

// SPDX-License-Identifier: Apache-2.0
#include "cli/strip_scale.h"

#include <algorithm>

#include "base/strings.h"
#include "model/strip.h"

namespace mig::cli {
namespace {

constexpr std::uint32_t kColumns = 79;

}  // namespace

void StripScale::include(const GpuLayout& layout) {
  width_ = std::max(width_, strip_slot_width(layout));
  slots_ = std::max(slots_, layout.memory_slices);
}

std::string StripScale::draw(const GpuLayout& layout,
                             const std::string& lead,
                             bool ruler,
                             const Paint& paint) const {
  const auto room = kColumns - std::min<std::uint32_t>(kColumns, lead.size() + 1U);
  const std::uint32_t width = slots_ == 0 ? width_ : std::min(width_, room / slots_);
  const bool drawn = layout.mode == MigMode::kEnabled;
  std::string out;
  for (const auto& line :
       base::split(draw_strip(layout, {width, ruler && drawn, paint.on(), false}), '\n')) {
    out += (line.rfind('|') == std::string::npos && drawn ? std::string(lead.size(), ' ') : lead) +
           line + "\n";
  }
  return out;
}

}  // namespace mig::cli

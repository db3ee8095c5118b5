// SPDX-License-Identifier: Apache-2.0
// Slot strips below each other, drawn to one scale.
#ifndef MIGCTL_CLI_STRIP_SCALE_H_
#define MIGCTL_CLI_STRIP_SCALE_H_

#include <cstdint>
#include <string>

#include "mig/plan.h"

#include "cli/output.h"

namespace mig::cli {

// Strips of one scale, at most 79 columns: the slot width that fits all of them.
class StripScale {
 public:
  void include(const GpuLayout& layout);
  // One line; two with the ruler. `lead` precedes the strip, blanks of its width the ruler.
  std::string draw(const GpuLayout& layout,
                   const std::string& lead,
                   bool ruler,
                   const Paint& paint) const;

 private:
  std::uint32_t width_ = 0;
  std::uint32_t slots_ = 0;
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_STRIP_SCALE_H_

// SPDX-License-Identifier: Apache-2.0
#include "mig/layout.h"

#include <fmt/format.h>

namespace mig {

std::string SourcePosition::str() const {
  return fmt::format("{}:{}:{}", file, line, column);
}

}  // namespace mig

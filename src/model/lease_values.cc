// SPDX-License-Identifier: Apache-2.0
#include "model/lease_values.h"

#include <fmt/format.h>

namespace mig::lease {

std::string LeaseHolder::str() const {
  switch (kind) {
    case Kind::kProcess:
      return fmt::format("pid {}", pid);
    case Kind::kUnit:
      return "unit " + unit;
    case Kind::kExternal:
      return "external";
    case Kind::kTime:
      break;
  }
  return "its time limit";
}

}  // namespace mig::lease

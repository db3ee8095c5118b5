// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/problem.h"

namespace migsim {

const char* exit_name(Exit code) {
  switch (code) {
    case Exit::kDone:
      return "done";
    case Exit::kUsage:
      return "usage";
    case Exit::kInvalidInput:
      return "invalid_input";
    case Exit::kTooLarge:
      return "too_large";
    case Exit::kNotFound:
      return "not_found";
    case Exit::kNotSupported:
      return "not_supported";
    case Exit::kPermission:
      return "permission";
    case Exit::kInUse:
      return "in_use";
    case Exit::kConflict:
      return "conflict";
    case Exit::kNoDriver:
      return "no_driver";
    case Exit::kDriver:
      return "driver";
    case Exit::kIo:
      return "io";
    case Exit::kInternal:
      break;
  }
  return "internal";
}

}  // namespace migsim

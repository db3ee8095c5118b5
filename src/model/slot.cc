// SPDX-License-Identifier: Apache-2.0
#include "model/slot.h"

namespace mig {

const char* name_of(SlotState state) {
  switch (state) {
    case SlotState::kReady:
      return "ready";
    case SlotState::kEmpty:
      return "empty";
    case SlotState::kTaken:
      return "taken";
    case SlotState::kMigOff:
      return "mig_off";
    case SlotState::kNoGpu:
      break;
  }
  return "no_gpu";
}

}  // namespace mig

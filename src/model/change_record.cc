// SPDX-License-Identifier: Apache-2.0
#include "model/change_record.h"

namespace mig {

const char* name_of(ChangeState state) {
  switch (state) {
    case ChangeState::kApplied:
      return "applied";
    case ChangeState::kRolledBack:
      return "rolled_back";
    case ChangeState::kStuck:
      return "stuck";
    case ChangeState::kRecovered:
      return "recovered";
    case ChangeState::kOpen:
      break;
  }
  return "open";
}

const char* name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kApplied:
      return "applied";
    case Outcome::kRolledBack:
      return "rolled_back";
    case Outcome::kStuck:
      return "stuck";
    case Outcome::kUnchanged:
      break;
  }
  return "unchanged";
}

}  // namespace mig

// SPDX-License-Identifier: Apache-2.0
#include "model/job.h"

namespace mig {

const char* name_of(JobState state) {
  switch (state) {
    case JobState::kWaiting:
      return "waiting";
    case JobState::kRunning:
      return "running";
    case JobState::kUnsupervised:
      return "unsupervised";
    case JobState::kEnded:
      return "ended";
    case JobState::kLost:
      break;
  }
  return "lost";
}

}  // namespace mig

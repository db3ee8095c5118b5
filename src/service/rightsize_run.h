// SPDX-License-Identifier: Apache-2.0
// Inside of service/: one measured run of a command on one device.
#ifndef MIGCTL_SERVICE_RIGHTSIZE_RUN_H_
#define MIGCTL_SERVICE_RIGHTSIZE_RUN_H_

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

#include "model/rightsize_values.h"
#include "service/rightsize_meter.h"

namespace mig::launch {
class Mps;
}  // namespace mig::launch

namespace mig::service {

struct MeasureRequest {
  std::vector<std::string> argv;  // argv[0]: a path
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::string> unset;
  rightsize::RateWords words;
  double seconds = 10;
  double warm_up = 60;
  const launch::Mps* mps = nullptr;  // whose client the command must be
  const std::atomic<bool>* stop = nullptr;
};

// Fills in `run`, whose place is set. A command that fails is an error in `run`. Error: it cannot
// be started.
Result<void> measure(Meter& meter, const MeasureRequest& request, rightsize::Run& run);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_RIGHTSIZE_RUN_H_

// SPDX-License-Identifier: Apache-2.0
// Samples without readings: a reading that may be wrong by now is withdrawn, never repeated.
// Threading: pure functions.
#ifndef MIGCTL_OBSERVE_WITHDRAWN_H_
#define MIGCTL_OBSERVE_WITHDRAWN_H_

#include <cstdint>
#include <string>

#include "model/sample.h"

namespace mig::observe {

// What a sample says of the machine and of its collectors.
MachineSample without_readings(const MachineSample& sample);

// `last` without readings, and why; no collector has success.
MachineSample withdrawn(const MachineSample& last, const std::string& why, std::int64_t time_ms);

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_WITHDRAWN_H_

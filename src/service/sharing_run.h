// SPDX-License-Identifier: Apache-2.0
// Inside of service/: the jobs of a comparison once, in one way of sharing.
#ifndef MIGCTL_SERVICE_SHARING_RUN_H_
#define MIGCTL_SERVICE_SHARING_RUN_H_

#include <cstddef>
#include <optional>

#include "mig/result.h"

#include "model/sharing_values.h"
#include "service/compare_sharing.h"
#include "service/isolation.h"

namespace mig::service {

// The isolation test's words for a way; nullopt: it has none (exclusive, mps-dmem).
std::optional<isolation::Sharing> sharing_of(sharing::Way way);

// A mode of the isolation test on the way's places: `job` as the victim, the next as its neighbour.
isolation::ModeReport mode_of(const sharing::WayReport& way, std::size_t job = 0);

// The request of the isolation test that the comparison's programs are started by.
IsolationRequest programs_of(const CompareRequest& request);

// An Error only when a program cannot be started.
Result<sharing::Round> run_round(const CompareRequest& request, const sharing::WayReport& way);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_SHARING_RUN_H_

// SPDX-License-Identifier: Apache-2.0
// Inside of api/: what an answer of the API server means. Threading: pure functions.
#ifndef MIGCTL_KUBERNETES_API_ANSWER_H_
#define MIGCTL_KUBERNETES_API_ANSWER_H_

#include <string>

#include "mig/result.h"

#include "base/json.h"
#include "kubernetes/api/transfer.h"

namespace mig::kube {

inline constexpr int kGone = 410;
inline constexpr int kTooManyRequests = 429;

// The Error of an answer that is none of 2xx, with the words of its Status object. `what`: "get
// /api/v1/nodes/n1".
Error refusal(const HttpAnswer& answer, const std::string& what);
// As of a Status object that came as an event of a watch.
Error refusal(const base::Json& status, const std::string& what);
// A refused eviction: a PodDisruptionBudget does not allow it now.
bool is_disruption_budget(const HttpAnswer& answer);

// metadata.<member>, "" when it is not there.
std::string metadata_text(const base::Json& object, const char* member);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_API_ANSWER_H_

// SPDX-License-Identifier: Apache-2.0
// Inside of service/: the rate that a program prints, found by a regular expression.
#ifndef MIGCTL_SERVICE_PRINTED_RATE_H_
#define MIGCTL_SERVICE_PRINTED_RATE_H_

#include <optional>
#include <string>
#include <string_view>

#include "mig/result.h"

namespace mig::service {

// kUsage: the expression (ECMAScript) is none, or does not have exactly one group.
Result<void> check_rate_regex(const std::string& regex);

// The number that the group matched last, line by line; nullopt: none. `regex` passed the check.
std::optional<double> printed_rate(std::string_view output, const std::string& regex);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_PRINTED_RATE_H_

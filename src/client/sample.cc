// SPDX-License-Identifier: Apache-2.0
#include "client/sample.h"

#include <fmt/core.h>

#include "http/client.h"
#include "wire/reading.h"
#include "wire/sample.h"

namespace mig::client {
namespace {

constexpr int kSampleGiven = 200;

}  // namespace

Result<MachineSample> sample(const Options& options, std::chrono::milliseconds patience) {
  const std::string socket = daemon_socket(options.choice);
  if (!http::somebody_listens(socket)) {
    return fail(ErrorCode::kNoDriver,
                fmt::format("no daemon listens on {}", socket),
                "start it: migctl serve (docs/reference/leases.md)");
  }
  MIG_ASSIGN_OR_RETURN(const auto answer, http::call(socket, "GET", "/v1/sample", "", patience));
  if (answer.status != kSampleGiven) {
    return wire::parse_error(answer.body);
  }
  return wire::parse_sample(answer.body);
}

}  // namespace mig::client

// SPDX-License-Identifier: Apache-2.0
#include "mig/error.h"

#include <algorithm>

namespace mig {
namespace {

// Exit codes are stable across releases: scripts test them. 0 = success.
const std::vector<ErrorInfo>& table() {
  static const std::vector<ErrorInfo> kRows = {
      {ErrorCode::kUsage, "usage", 1, 400, "the arguments are wrong"},
      {ErrorCode::kInvalidInput, "invalid_input", 2, 422, "a file or text that makes no sense"},
      {ErrorCode::kTooLarge, "too_large", 3, 413, "input beyond a limit"},
      {ErrorCode::kNothingMatched, "nothing_matched", 4, 404, "a selector that matches nothing"},
      {ErrorCode::kNotFound, "not_found", 5, 404, "a named thing that does not exist"},
      {ErrorCode::kNotSupported, "not_supported", 6, 501, "the GPU or its driver cannot do it"},
      {ErrorCode::kPermission, "permission", 7, 403, "needs root or a right"},
      {ErrorCode::kInUse, "in_use", 8, 409, "a process holds what must change"},
      {ErrorCode::kNoCapacity, "no_capacity", 9, 409, "it does not fit"},
      {ErrorCode::kNotApplied, "not_applied", 10, 409, "the layout differs from the one asserted"},
      {ErrorCode::kConflict,
       "conflict",
       11,
       409,
       "the machine changed, or another writer is at work"},
      {ErrorCode::kResetRequired, "reset_required", 12, 409, "a reset or reboot must complete it"},
      {ErrorCode::kTimeout, "timeout", 13, 504, "no answer in time"},
      {ErrorCode::kDeviceLost, "device_lost", 14, 503, "the GPU is gone, or a handle is stale"},
      {ErrorCode::kNoDriver, "no_driver", 15, 503, "no driver library, or it does not start"},
      {ErrorCode::kDriver, "driver", 16, 502, "the driver refused for another reason"},
      {ErrorCode::kIo, "io", 17, 500, "a file could not be read or written"},
      {ErrorCode::kRolledBack, "rolled_back", 18, 500, "a change failed and was undone"},
      {ErrorCode::kStuck, "stuck", 19, 500, "a change failed and could not be undone"},
      {ErrorCode::kHook, "hook", 21, 500, "a hook failed"},
      {ErrorCode::kFindings, "findings", 22, 500, "something is wrong with the machine (doctor)"},
      {ErrorCode::kInternal, "internal", 20, 500, "a defect of migctl"},
  };
  return kRows;
}

}  // namespace

const std::vector<ErrorInfo>& error_table() {
  return table();
}

const ErrorInfo& error_info(ErrorCode code) {
  const auto& rows = table();
  const auto it = std::find_if(
      rows.begin(), rows.end(), [&](const ErrorInfo& row) { return row.code == code; });
  return it != rows.end() ? *it : rows.back();
}

std::string Error::text() const {
  std::string out;
  for (const std::string& outer : context) {
    out += outer;
    out += ": ";
  }
  return out + message;
}

}  // namespace mig

// SPDX-License-Identifier: Apache-2.0
// Errors as values. An Error has a message (the operation, its object, the obstacle), a hint (the
// remedy), and a context (the callers that it passed through, outermost first).
//
// Threading: a plain value. Example:
//   return fail(ErrorCode::kNoCapacity,
//               "cannot create 3g.71gb on GPU 0 at slot 4: ...",
//               "migctl list shows who holds the slots");  // mig/result.h
#ifndef MIG_ERROR_H_
#define MIG_ERROR_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mig {

// Error codes. error_info() gives exit code, HTTP status and docs anchor of each.
enum class ErrorCode {
  kInternal,        // a bug in migctl
  kUsage,           // invalid arguments
  kInvalidInput,    // a file or text that is malformed or inconsistent
  kTooLarge,        // beyond a limit on user input
  kNothingMatched,  // a selector that matches no GPU or instance
  kNotFound,        // a named object that does not exist
  kNotSupported,    // not supported by board or driver
  kPermission,      // needs root or another right
  kInUse,           // a process uses what must change
  kNoCapacity,      // no room for it
  kNotApplied,      // assert: the layout differs
  kConflict,        // the machine changed, or another writer is active
  kResetRequired,   // done as far as possible; needs a reset or reboot to complete
  kTimeout,
  kDeviceLost,  // GPU lost, or a stale handle
  kNoDriver,    // no driver library, or it does not initialise
  kDriver,      // any other error of the driver
  kIo,
  kRolledBack,  // a change failed and was rolled back
  kStuck,       // a change failed and could not be rolled back
  kHook,        // a user's hook failed
  kFindings,    // doctor found a warning or a problem: a result, no error
};

struct ErrorInfo {
  ErrorCode code;
  std::string_view name;  // "in_use": JSON, docs anchor
  int exit_code;
  int http_status;
  std::string_view meaning;
};

// Row of the table for `code`; error_table() has all rows (checked by a docs test).
const ErrorInfo& error_info(ErrorCode code);
const std::vector<ErrorInfo>& error_table();

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string hint;                  // "" = none
  std::vector<std::string> context;  // outermost first
  std::optional<int> nvml;           // the driver's return code, if it is the cause

  Error in(std::string outer) && {
    context.insert(context.begin(), std::move(outer));
    return std::move(*this);
  }

  // Text "outer: inner: message" without the hint.
  std::string text() const;
};

}  // namespace mig

#endif  // MIG_ERROR_H_

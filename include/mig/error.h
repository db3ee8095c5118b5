// SPDX-License-Identifier: Apache-2.0
// What can go wrong, as a value. An Error says what was tried, on what, what stands in the way
// (message), what to do (hint), and through which callers it came (context, outermost first).
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

// The one list of codes. Exit code, HTTP status and docs anchor of each: error_info().
enum class ErrorCode {
  kInternal,        // a defect of ours
  kUsage,           // wrong arguments
  kInvalidInput,    // a file or text that does not parse or make sense
  kTooLarge,        // a limit on user input
  kNothingMatched,  // a selector that matches no GPU or instance
  kNotFound,        // a named thing that does not exist
  kNotSupported,    // the board or driver cannot do it
  kPermission,      // needs root or a right
  kInUse,           // a process holds what must change
  kNoCapacity,      // it does not fit
  kNotApplied,      // assert: the layout differs
  kConflict,        // the machine changed, or another writer holds it
  kResetRequired,   // done as far as possible; a reset or reboot completes it
  kTimeout,
  kDeviceLost,  // GPU gone, or a handle from before a change
  kNoDriver,    // no driver library, or it does not start
  kDriver,      // the driver answered something else
  kIo,
  kRolledBack,  // a change failed and was undone
  kStuck,       // a change failed and could not be undone
  kHook,        // a hook of the user's failed
};

struct ErrorInfo {
  ErrorCode code;
  std::string_view name;  // "in_use": JSON, docs anchor
  int exit_code;
  int http_status;
  std::string_view meaning;
};

// Row of the table for `code`; error_table() walks it (docs test).
const ErrorInfo& error_info(ErrorCode code);
const std::vector<ErrorInfo>& error_table();

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string hint;                  // "" = none
  std::vector<std::string> context;  // outermost first
  std::optional<int> nvml;           // the driver's return code, if one caused this

  Error in(std::string outer) && {
    context.insert(context.begin(), std::move(outer));
    return std::move(*this);
  }

  // "outer: inner: message" without the hint.
  std::string text() const;
};

}  // namespace mig

#endif  // MIG_ERROR_H_

// SPDX-License-Identifier: Apache-2.0
// Points in time and periods as users write them, in the local time zone ($TZ) unless they say
// otherwise. Days of 23 or 25 hours are what they are; an hour that the clock skips or has twice is
// refused without its offset.
#ifndef MIGCTL_CLI_PERIOD_H_
#define MIGCTL_CLI_PERIOD_H_

#include <cstdint>
#include <string>

#include "mig/result.h"

#include "model/usage.h"

namespace mig::cli {

// "2026-11-01", "2026-11-01T12:30[:15]", with Z or +01:00 behind; "now", "today", "yesterday",
// "month" (the first of this month), "last-month"; "7d" (so long ago); "@1790812800" (Unix time in
// seconds). Unix time in milliseconds. `option` is used in messages.
Result<std::int64_t> parse_time(const std::string& option,
                                const std::string& text,
                                std::int64_t now_ms);

// Defaults: from the first of this month, until now.
Result<cost::Period> parse_period(const std::string& from,
                                  const std::string& to,
                                  std::int64_t now_ms);

// "2026-11-01 00:00 CET"; with seconds where there are any.
std::string time_text(std::int64_t ms);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_PERIOD_H_

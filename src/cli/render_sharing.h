// SPDX-License-Identifier: Apache-2.0
// A comparison of ways to share as text: tables, and a chart as SVG. Pure functions.
#ifndef MIGCTL_CLI_RENDER_SHARING_H_
#define MIGCTL_CLI_RENDER_SHARING_H_

#include <string>

#include "cli/output.h"
#include "model/sharing_values.h"
#include "wire/wire.h"

namespace mig::cli {

// A way of sharing in a few words.
const char* meaning_of(sharing::Way way);

std::string sharing_text(const sharing::Report& report,
                         const wire::Source& source,
                         const Paint& paint);

// Chart: throughput of each way with its interval, divided by job, beside the gain and the latency.
// Marked when simulated.
std::string sharing_svg(const sharing::Report& report, const wire::Source& source);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_RENDER_SHARING_H_

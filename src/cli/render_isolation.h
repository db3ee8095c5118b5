// SPDX-License-Identifier: Apache-2.0
// An isolation report as text: a table, and a chart as SVG. Pure functions.
#ifndef MIGCTL_CLI_RENDER_ISOLATION_H_
#define MIGCTL_CLI_RENDER_ISOLATION_H_

#include <string>

#include "cli/output.h"
#include "model/isolation_values.h"
#include "wire/wire.h"

namespace mig::cli {

// Verdict in words: "isolated", "slowed by 31 % (29..33)", "killed, 3 of 3", "not decided: ...".
std::string verdict_text(const isolation::Cell& cell);

// A way of sharing in a few words.
const char* meaning_of(isolation::Sharing sharing);

std::string isolation_text(const isolation::Report& report,
                           const wire::Source& source,
                           const Paint& paint);

// Chart: one panel per way of sharing, one row per neighbour: relative speed with its interval, the
// verdict beside it. Marked when simulated.
std::string isolation_svg(const isolation::Report& report, const wire::Source& source);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_RENDER_ISOLATION_H_

// SPDX-License-Identifier: Apache-2.0
// An isolation report for people: a table, and a chart as SVG. Pure functions.
#ifndef MIGCTL_CLI_RENDER_ISOLATION_H_
#define MIGCTL_CLI_RENDER_ISOLATION_H_

#include <string>

#include "cli/output.h"
#include "model/isolation_values.h"
#include "wire/wire.h"

namespace mig::cli {

// "isolated", "slowed by 31 % (29..33)", "killed, 3 of 3", "not decided: ...".
std::string verdict_text(const isolation::Cell& cell);

// What a way of sharing is, in a few words.
const char* meaning_of(isolation::Sharing sharing);

std::string isolation_text(const isolation::Report& report,
                           const wire::Source& source,
                           const Paint& paint);

// One panel for each way of sharing, one row for each neighbour: the speed kept with its interval,
// the verdict in words beside it. Says so when simulated.
std::string isolation_svg(const isolation::Report& report, const wire::Source& source);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_RENDER_ISOLATION_H_

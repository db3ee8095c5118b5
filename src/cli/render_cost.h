// SPDX-License-Identifier: Apache-2.0
// Costs as text and as charts. In a table all cells are rounded together, so that rows and columns
// add up to the cent.
#ifndef MIGCTL_CLI_RENDER_COST_H_
#define MIGCTL_CLI_RENDER_COST_H_

#include <string>

#include "cli/output.h"
#include "model/cost_values.h"
#include "model/report_values.h"
#include "wire/wire.h"

namespace mig::cli {

// Name of a line of a report: "team-a", "alice", "(nobody)".
std::string cost_line_name(const cost::CostReport& report, const cost::LineKey& key);

// Where the prices are from, as a line of text.
std::string price_origin(const cost::PriceTable& table);

std::string cost_text(const cost::CostReport& report,
                      const wire::Source& source,
                      const Paint& paint);
std::string cost_svg(const cost::CostReport& report, const wire::Source& source);

// What to know about the figures, a line each.
std::string cost_notes(const cost::CostReport& report);

// The same for people without this program: render it with report/report.h.
report::Report cost_page(const cost::CostReport& report, const wire::Source& source);

std::string comparison_text(const cost::Comparison& comparison,
                            const wire::Source& source,
                            const Paint& paint);
std::string comparison_svg(const cost::Comparison& comparison, const wire::Source& source);

std::string prices_text(const cost::PriceTable& table, const Paint& paint);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_RENDER_COST_H_

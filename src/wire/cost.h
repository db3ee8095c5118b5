// SPDX-License-Identifier: Apache-2.0
// JSON and CSV of costs, and JSON of usage both ways (daemon to client). Money is a whole number of
// micro-units: exact in every reader. Threading: pure functions.
#ifndef MIGCTL_WIRE_COST_H_
#define MIGCTL_WIRE_COST_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/result.h"

#include "model/cost_values.h"
#include "wire/wire.h"

namespace mig::wire {

// kTooLarge above 15 MiB.
Result<std::string> usage_document(const cost::Usage& usage, const Source& source);

struct UsageAnswer {
  cost::Usage usage;
  Source source;
};

// Parses a Usage document. An Error document becomes that Error.
Result<UsageAnswer> parse_usage(std::string_view text);

std::string cost_document(const cost::CostReport& report, const Source& source);
std::string comparison_document(const cost::Comparison& comparison, const Source& source);
std::string prices_document(const cost::PriceTable& table, const Source& source);

using UserName = std::function<std::string(std::uint32_t)>;

// RFC 4180, a line for each line of the report.
std::string cost_csv(const cost::CostReport& report, const UserName& user, const Source& source);

// Rows of FOCUS 1.2 (FinOps Open Cost and Usage Specification), one for each charge; columns of our
// own begin with x_. `account`: who is billed, the machine's name.
std::string focus_csv(const std::vector<cost::Charge>& charges,
                      const cost::CostReport& report,
                      const std::string& account,
                      const UserName& user,
                      const Source& source);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_COST_H_

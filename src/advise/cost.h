// SPDX-License-Identifier: Apache-2.0
// What a machine cost in a period, and who had it. Pure: usage and prices are given.
//
// Conservation: for each GPU, what tenants had (allocated, idle), what was free (unallocated), what
// no layout could use (stranded) and what is not recorded add up to price x time, to the
// micro-unit, for every policy. A GPU's price of a period is F(until) - F(from) with F(t) the price
// from the epoch to t, rounded down: so the prices of a divided period add up to that of the whole.
//
//   const CostReport report = advise::cost_report(usage, table, {Policy::kSm, By::kTenant});
#ifndef MIGCTL_ADVISE_COST_H_
#define MIGCTL_ADVISE_COST_H_

#include <string>
#include <vector>

#include "mig/result.h"

#include "model/cost_values.h"

namespace mig::advise {

// The price of a board: of its uuid, else of the entry with the most words that all are in the
// board's name; among equals the cheapest. nullptr: there is none.
const cost::Price* price_of(const cost::PriceTable& table,
                            const std::string& uuid,
                            const std::string& board);

// kNotFound for boards without a price.
tl::unexpected<Error> no_price(const std::vector<std::string>& boards,
                               const cost::PriceTable& table);

// True when all words of the entry are in the board's name.
bool names_board(const cost::Price& price, const std::string& board);

struct CostOptions {
  cost::Policy policy = cost::Policy::kDominant;
  cost::By by = cost::By::kTenant;
};

// kNotFound names the boards without a price.
Result<cost::CostReport> cost_report(const cost::Usage& usage,
                                     const cost::PriceTable& table,
                                     const CostOptions& options);

// The same, not summed up: one piece for each GPU, lease holder, profile and part.
Result<std::vector<cost::Charge>> charges(const cost::Usage& usage,
                                          const cost::PriceTable& table,
                                          cost::Policy policy);

}  // namespace mig::advise

#endif  // MIGCTL_ADVISE_COST_H_

// SPDX-License-Identifier: Apache-2.0
// Costs for the command line: the price table that counts, reports (advise/cost.h), and MIG against
// dedicated GPUs (advise/compare.h).
#ifndef MIGCTL_SERVICE_COST_H_
#define MIGCTL_SERVICE_COST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "model/cost_values.h"
#include "model/usage.h"

namespace mig::service {

// `chosen`, else /etc/migctl/prices.yaml if it is there, else the shipped table.
// `provider`: only its prices; kNothingMatched when there is none.
Result<cost::PriceTable> price_table(const std::string& chosen, const std::string& provider);

Result<cost::CostReport> cost_report(const cost::Usage& usage,
                                     const cost::PriceTable& table,
                                     cost::Policy policy,
                                     cost::By by);
Result<std::vector<cost::Charge>> cost_charges(const cost::Usage& usage,
                                               const cost::PriceTable& table,
                                               cost::Policy policy);

// Of the machine's instances.
Result<cost::Comparison> compare_cost(const Inventory& now,
                                      const cost::PriceTable& table,
                                      std::uint32_t utilization_percent);
// Of a plan's layout. `inventory`: that it is for.
Result<cost::Comparison> compare_cost(const Plan& plan,
                                      const Inventory& inventory,
                                      const cost::PriceTable& table,
                                      std::uint32_t utilization_percent);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_COST_H_

// SPDX-License-Identifier: Apache-2.0
// The price file, /etc/migctl/prices.yaml, and the table that is shipped (prices.yaml beside this
// file, built in as data). Parsed strictly: an unknown key, a price with seven decimals or without
// a currency is an error with file:line:column. docs/reference/cost.md.
#ifndef MIGCTL_CONFIG_PRICES_H_
#define MIGCTL_CONFIG_PRICES_H_

#include <string>
#include <string_view>

#include "mig/result.h"

#include "model/cost_values.h"

namespace mig::config {

inline constexpr std::size_t kMostPrices = 1000;
// Of a GPU's hour, in the currency: above it something is mistyped.
inline constexpr cost::Micros kMostHour = 1'000'000 * cost::kMicrosPerUnit;

// `file` is used in messages only, and becomes PriceTable::file.
Result<cost::PriceTable> parse_prices(std::string_view text, const std::string& file);

// kNotFound when there is no such file.
Result<cost::PriceTable> read_prices(const std::string& path);

// PriceTable::file is "".
Result<cost::PriceTable> shipped_prices();

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_PRICES_H_

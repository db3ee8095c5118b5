// SPDX-License-Identifier: Apache-2.0
// Inside of config/: one config of a layout file as a value.
#ifndef MIGCTL_CONFIG_SPEC_PARSE_H_
#define MIGCTL_CONFIG_SPEC_PARSE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "mig/layout.h"
#include "mig/result.h"

#include "config/document.h"

namespace mig::config {

// Values of a map in the order of `known`; nullptr for a missing key. An unknown key is an error
// that names the nearest known one.
Result<std::vector<const Node*>> fields(const Node& map,
                                        std::string_view where,
                                        const std::vector<std::string>& known);

// `entries` counts the entries of the whole file against its limit.
Result<SpecConfig> read_config(const Node& key, const Node& value, std::size_t& entries);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_SPEC_PARSE_H_

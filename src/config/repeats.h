// SPDX-License-Identifier: Apache-2.0
// Inside of config/: duplicate keys of a map. Equal values are merged with a warning; different
// values are an error of the smallest enclosing object.
#ifndef MIGCTL_CONFIG_REPEATS_H_
#define MIGCTL_CONFIG_REPEATS_H_

#include <optional>
#include <string>
#include <vector>

#include "mig/error.h"

#include "config/document.h"

namespace mig::config {

// Equality of content: key order and position are ignored; quotes count, as a YAML reader takes 7
// and "7" for different types.
bool same_content(const Node& a, const Node& b);

// Removes duplicate keys of equal value from this map, with a warning for each. The error names the
// first duplicate with different values; `map` keeps its first value.
std::optional<Error> settle_keys(Node& map, std::vector<std::string>& warnings);

// As settle_keys, for every map in `node`.
std::optional<Error> settle_all(Node& node, std::vector<std::string>& warnings);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_REPEATS_H_

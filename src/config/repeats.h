// SPDX-License-Identifier: Apache-2.0
// Inside of config/: keys that stand more than once in a map. Equal values are one value and a
// warning; different ones are an error of the smallest thing that they belong to.
#ifndef MIGCTL_CONFIG_REPEATS_H_
#define MIGCTL_CONFIG_REPEATS_H_

#include <optional>
#include <string>
#include <vector>

#include "mig/error.h"

#include "config/document.h"

namespace mig::config {

// Same content: order of keys, and where it stands, do not count; quotes do, since a YAML reader
// takes 7 and "7" for different things.
bool same_content(const Node& a, const Node& b);

// Leaves one of each key in this map, with a warning for each equal one that went. The error names
// the first key with different values; `map` keeps the first value of it.
std::optional<Error> settle_keys(Node& map, std::vector<std::string>& warnings);

// The same for every map in `node`.
std::optional<Error> settle_all(Node& node, std::vector<std::string>& warnings);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_REPEATS_H_

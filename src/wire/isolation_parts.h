// SPDX-License-Identifier: Apache-2.0
// Inside of wire/: parts of the isolation report that other documents have too.
#ifndef MIGCTL_WIRE_ISOLATION_PARTS_H_
#define MIGCTL_WIRE_ISOLATION_PARTS_H_

#include <optional>
#include <vector>

#include "model/isolation_values.h"
#include "wire/document.h"

namespace mig::wire {

// Rounded to the clock's resolution: more digits would be noise in a diff.
Json rounded(double value);
Json rounded(const std::optional<double>& value);
Json estimate_json(const std::optional<isolation::Estimate>& estimate);
Json place_json(const isolation::Place& place);
Json samples_json(const std::vector<isolation::Sample>& samples, bool alone);
Json cell_json(const isolation::Cell& cell);
Json caps_json(const std::optional<isolation::MpsCaps>& caps);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_ISOLATION_PARTS_H_

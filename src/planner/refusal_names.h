// SPDX-License-Identifier: Apache-2.0
// For tests: parses the instances named in a refusal's message.
#ifndef MIGCTL_PLANNER_REFUSAL_NAMES_H_
#define MIGCTL_PLANNER_REFUSAL_NAMES_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mig/layout.h"

namespace mig::planner::refusal {

// One instance named in a message: "2 x 1c.3g.20gb at slots 4-7", "3g.20gb gi=2 at slots 4-7".
struct Named {
  std::string shape;  // text without count, id and placement
  std::optional<Placement> place;
  DesiredInstance wish;

  friend bool operator<(const Named& a, const Named& b) {
    return std::pair(a.shape, a.place) < std::pair(b.shape, b.place);
  }
};

using Names = std::vector<Named>;

// Splits at `by`, except inside parentheses.
std::vector<std::string> split(const std::string& text, const std::string& by);
Names parse(const std::string& text, const std::string& by = " + ");
// The instance as messages name it.
std::string shape_of(const DesiredInstance& wish);
std::size_t count_of(const Names& names, const std::string& profile);

}  // namespace mig::planner::refusal

#endif  // MIGCTL_PLANNER_REFUSAL_NAMES_H_

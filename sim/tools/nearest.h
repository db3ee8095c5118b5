// SPDX-License-Identifier: Apache-2.0
// "Did you mean": the known names closest to the typed one.
#ifndef MIGCTL_SIM_TOOLS_NEAREST_H_
#define MIGCTL_SIM_TOOLS_NEAREST_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace migsim {

// At most `limit` names by edit distance, nearest first; names that contain the typed text count as
// near.
std::vector<std::string_view> nearest(std::string_view typed,
                                      const std::vector<std::string_view>& known,
                                      std::size_t limit = 3);

// Joins names for a message: "a, b or c"; empty for none.
std::string any_of_names(const std::vector<std::string_view>& names);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_NEAREST_H_

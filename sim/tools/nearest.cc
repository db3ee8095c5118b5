// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/nearest.h"

#include <algorithm>
#include <utility>

namespace migsim {

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

// True when `typed` is `name` with letters left out and none added: "a100-40gb" for
// "a100-sxm4-40gb".
bool leaves_out(std::string_view typed, std::string_view name) {
  std::size_t matched = 0;
  for (const char c : name) {
    matched += matched < typed.size() && typed[matched] == c ? 1 : 0;
  }
  return matched == typed.size();
}

std::size_t distance_of(std::string_view typed, std::string_view name) {
  if (typed.size() >= 2 && name.find(typed) != std::string_view::npos) {
    return 0;
  }
  if (typed.size() >= 3 && leaves_out(typed, name)) {
    return 1;
  }
  return edit_distance(typed, name);
}

}  // namespace

std::vector<std::string_view> nearest(std::string_view typed,
                                      const std::vector<std::string_view>& known,
                                      std::size_t limit) {
  constexpr std::size_t kLongest = 64;  // longer input is no typing error
  std::vector<std::pair<std::size_t, std::string_view>> ranked;
  typed = typed.substr(0, kLongest);
  for (const std::string_view name : known) {
    const std::size_t distance = distance_of(typed, name);
    if (distance <= std::max<std::size_t>(2, name.size() / 2)) {
      ranked.emplace_back(distance, name);
    }
  }
  std::stable_sort(
      ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string_view> names;
  for (const auto& [distance, name] : ranked) {
    if (names.size() < limit) {
      names.push_back(name);
    }
  }
  return names;
}

std::string any_of_names(const std::vector<std::string_view>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) {
      text += i + 1 == names.size() ? " or " : ", ";
    }
    text += names[i];
  }
  return text;
}

}  // namespace migsim

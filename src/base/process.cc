// SPDX-License-Identifier: Apache-2.0
#include "base/process.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

namespace mig::base {

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return errno_error("make", "a pipe", errno);
  }
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

std::vector<char*> exec_array(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const std::string& text : texts) {
    out.push_back(const_cast<char*>(text.c_str()));
  }
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment_with(
    const std::vector<std::pair<std::string, std::string>>& added,
    const std::vector<std::string>& unset) {
  std::vector<std::string> out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    const bool replaced = std::any_of(
        added.begin(), added.end(), [&](const auto& pair) { return pair.first == name; });
    if (!replaced && std::find(unset.begin(), unset.end(), name) == unset.end()) {
      out.emplace_back(text);
    }
  }
  for (const auto& [name, value] : added) {
    out.emplace_back(name).append("=").append(value);
  }
  return out;
}

}  // namespace mig::base

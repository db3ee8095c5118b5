// SPDX-License-Identifier: Apache-2.0
#include "base/process_start.h"

#include <string_view>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"

namespace mig::base {
namespace {

constexpr std::size_t kStatFile = 64U << 10U;
constexpr std::size_t kBootIdFile = 64;

}  // namespace

std::optional<std::uint64_t> process_start(const std::string& proc, std::int64_t pid) {
  // Fields are counted from behind the last ')': the name may contain blanks and brackets.
  const auto text = read_file(fmt::format("{}/{}/stat", proc, pid), kStatFile);
  const std::size_t close = text ? text->rfind(')') : std::string::npos;
  if (close == std::string::npos || close + 2 >= text->size()) {
    return std::nullopt;
  }
  const auto fields = split(std::string_view(*text).substr(close + 2), ' ');
  constexpr std::size_t kStartTime = 19;
  if (fields.size() <= kStartTime || fields[0] == "Z" || fields[0] == "X") {
    return std::nullopt;
  }
  return parse_decimal(fields[kStartTime], UINT64_MAX);
}

std::string boot_id(const std::string& proc) {
  const auto text = read_file(proc + "/sys/kernel/random/boot_id", kBootIdFile);
  return text ? text->substr(0, text->find('\n')) : std::string();
}

}  // namespace mig::base

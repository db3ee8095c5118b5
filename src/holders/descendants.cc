// SPDX-License-Identifier: Apache-2.0
#include "holders/descendants.h"

#include <filesystem>
#include <map>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"
#include "holders/process_facts.h"

namespace mig::holders {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kStatFile = 64U << 10U;

std::multimap<std::uint32_t, std::uint32_t> children_by_parent(const std::string& proc) {
  std::multimap<std::uint32_t, std::uint32_t> children;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(proc, error)) {
    const auto pid = base::parse_decimal(entry.path().filename().string(), UINT32_MAX);
    const auto kin = pid ? kin_of(proc, static_cast<std::uint32_t>(*pid)) : std::optional<Kin>();
    if (kin) {
      children.emplace(kin->parent, static_cast<std::uint32_t>(*pid));
    }
  }
  return children;
}

}  // namespace

std::optional<Kin> kin_of(const std::string& proc, std::uint32_t pid) {
  const auto text = base::read_file(fmt::format("{}/{}/stat", proc, pid), kStatFile);
  const std::size_t close = text ? text->rfind(')') : std::string::npos;
  if (close == std::string::npos || close + 2 >= text->size()) {
    return std::nullopt;
  }
  const auto fields = base::split(std::string_view(*text).substr(close + 2), ' ');
  constexpr std::size_t kParent = 1;
  constexpr std::size_t kGroup = 2;
  if (fields.size() <= kGroup) {
    return std::nullopt;
  }
  return Kin{
      static_cast<std::uint32_t>(base::parse_decimal(fields[kParent], UINT32_MAX).value_or(0)),
      static_cast<std::uint32_t>(base::parse_decimal(fields[kGroup], UINT32_MAX).value_or(0))};
}

std::vector<lease::LeaseHolder> descendants_of(const std::string& proc, std::uint32_t pid) {
  const auto children = children_by_parent(proc);
  std::vector<std::uint32_t> found = {pid};
  std::vector<lease::LeaseHolder> out;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto [first, last] = children.equal_range(found[i]);
    for (auto child = first; child != last; ++child) {
      found.push_back(child->second);
      if (const auto start = start_of(proc, child->second)) {
        out.push_back(lease::LeaseHolder::process(child->second, *start));
      }
    }
  }
  return out;
}

}  // namespace mig::holders

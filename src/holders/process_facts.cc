// SPDX-License-Identifier: Apache-2.0
#include "holders/process_facts.h"

#include <sys/stat.h>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"

namespace mig::holders {

namespace {

constexpr std::size_t kSmallFile = 64U << 10U;

}  // namespace

std::optional<std::uint64_t> start_of(const std::string& proc, std::uint32_t pid) {
  // Fields count from behind the last ')': the name may hold blanks and brackets.
  const auto text = base::read_file(fmt::format("{}/{}/stat", proc, pid), kSmallFile);
  const std::size_t close = text ? text->rfind(')') : std::string::npos;
  if (close == std::string::npos || close + 2 >= text->size())
    return std::nullopt;
  const auto fields = base::split(std::string_view(*text).substr(close + 2), ' ');
  constexpr std::size_t kStartTime = 19;
  if (fields.size() <= kStartTime || fields[0] == "Z" || fields[0] == "X")
    return std::nullopt;
  return base::parse_decimal(fields[kStartTime], UINT64_MAX);
}

ProcessFacts read_process(const std::string& proc, std::uint32_t pid) {
  ProcessFacts facts;
  const std::string folder = fmt::format("{}/{}", proc, pid);
  if (auto comm = base::read_file(folder + "/comm", kSmallFile))
    facts.name = comm->substr(0, comm->find('\n'));
  if (auto cgroup = base::read_file(folder + "/cgroup", kSmallFile))
    facts.owner = parse_cgroup(*cgroup);

  struct stat info {};

  if (stat(folder.c_str(), &info) == 0)
    facts.uid = info.st_uid;
  facts.start_ticks = start_of(proc, pid).value_or(0);
  return facts;
}

}  // namespace mig::holders

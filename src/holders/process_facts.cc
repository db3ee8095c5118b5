// SPDX-License-Identifier: Apache-2.0
#include "holders/process_facts.h"

#include <sys/stat.h>

#include <fmt/format.h>

#include "base/file.h"
#include "base/process_start.h"

namespace mig::holders {

namespace {

constexpr std::size_t kSmallFile = 64U << 10U;

}  // namespace

std::optional<std::uint64_t> start_of(const std::string& proc, std::uint32_t pid) {
  return base::process_start(proc, pid);
}

ProcessFacts read_process(const std::string& proc, std::uint32_t pid) {
  ProcessFacts facts;
  const std::string folder = fmt::format("{}/{}", proc, pid);
  if (auto comm = base::read_file(folder + "/comm", kSmallFile)) {
    facts.name = comm->substr(0, comm->find('\n'));
  }
  if (auto cgroup = base::read_file(folder + "/cgroup", kSmallFile)) {
    facts.owner = parse_cgroup(*cgroup);
  }

  struct stat info {};

  if (stat(folder.c_str(), &info) == 0) {
    facts.uid = info.st_uid;
  }
  facts.start_ticks = start_of(proc, pid).value_or(0);
  return facts;
}

}  // namespace mig::holders

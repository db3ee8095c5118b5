// SPDX-License-Identifier: Apache-2.0
#include "holders/process_facts.h"

#include <sys/stat.h>

#include <string_view>

#include <fmt/format.h>

#include "base/file.h"
#include "base/process_start.h"
#include "base/strings.h"
#include "holders/container.h"

namespace mig::holders {

namespace {

constexpr std::size_t kSmallFile = 64U << 10U;

// "Uid:\treal\teffective\tsaved\tfile system" of /proc/<pid>/status. The folder's owner is the
// effective uid: 0 for a setuid program that a user started.
void read_uids(const std::string& folder, ProcessFacts& facts) {
  constexpr std::string_view kKey = "\nUid:\t";
  if (const auto status = base::read_file(folder + "/status", kSmallFile)) {
    const std::size_t at = status->find(kKey);
    if (at == std::string::npos) {
      return;
    }
    const std::size_t begin = at + kKey.size();
    const auto uids = base::split(status->substr(begin, status->find('\n', begin) - begin), '\t');
    const auto real = base::parse_decimal(uids[0], UINT32_MAX);
    if (real && uids.size() > 1) {
      facts.uid = static_cast<std::uint32_t>(*real);
      facts.roots = uids[0] == "0" && uids[1] == "0";
    }
    return;
  }

  // A simulated machine's service, which is no process: the machine's owner made its folder.
  struct stat info {};

  if (::stat(folder.c_str(), &info) == 0) {
    facts.uid = info.st_uid;
  }
}

}  // namespace

std::optional<std::uint64_t> start_of(const std::string& proc, std::uint32_t pid) {
  return base::process_start(proc, pid);
}

ProcessFacts read_process(const std::string& proc, std::uint32_t pid) {
  ProcessFacts facts;
  const std::string folder = fmt::format("{}/{}", proc, pid);
  if (auto comm = base::read_file(folder + "/comm", kSmallFile)) {
    facts.name = base::printable(comm->substr(0, comm->rfind('\n')));
  }
  if (auto cgroup = base::read_file(folder + "/cgroup", kSmallFile)) {
    facts.owner = parse_cgroup(*cgroup);
    facts.system_unit = system_unit(*cgroup);
    if (!facts.owner.container.empty()) {
      facts.owner.container_name = container_name(proc, pid, facts.owner.container);
    }
  }
  read_uids(folder, facts);
  facts.start_ticks = start_of(proc, pid).value_or(0);
  return facts;
}

}  // namespace mig::holders

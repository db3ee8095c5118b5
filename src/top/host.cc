// SPDX-License-Identifier: Apache-2.0
#include "top/host.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <pwd.h>

#include "base/file.h"
#include "base/process_start.h"
#include "base/strings.h"

namespace mig::top {
namespace {

constexpr std::size_t kMostProcesses = 4096, kMostUsers = 4096, kMostAncestors = 32;
constexpr std::size_t kStatFile = 64U << 10U;

// Parent of a process; 0 = none, or not readable.
std::uint32_t parent_of(const std::string& proc, std::uint32_t pid) {
  const auto text = base::read_file(fmt::format("{}/{}/stat", proc, pid), kStatFile);
  const std::size_t close = text ? text->rfind(')') : std::string::npos;
  if (close == std::string::npos || close + 2 >= text->size()) {
    return 0;
  }
  const auto fields = base::split(std::string_view(*text).substr(close + 2), ' ');
  return fields.size() < 2
             ? 0
             : static_cast<std::uint32_t>(base::parse_decimal(fields[1], UINT32_MAX).value_or(0));
}

std::optional<std::string> name_of_user(std::uint32_t uid) {
  constexpr std::size_t kBuffer = 16U << 10U;
  std::array<char, kBuffer> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return std::nullopt;
  }
  return base::printable(found->pw_name);
}

}  // namespace

ProcessFacts read_facts(const std::string& proc, std::uint32_t pid) {
  ProcessFacts facts;
  const auto start = base::process_start(proc, pid);
  if (!start) {
    return facts;
  }
  facts.start_ticks = *start;

  struct stat folder {};

  if (::stat(fmt::format("{}/{}", proc, pid).c_str(), &folder) == 0) {
    facts.uid = folder.st_uid;
  }
  std::uint32_t parent = parent_of(proc, pid);
  while (parent > 1 && facts.ancestors.size() < kMostAncestors) {
    facts.ancestors.push_back(parent);
    parent = parent_of(proc, parent);
  }
  return facts;
}

std::map<std::uint32_t, ProcessFacts> Host::processes(const MachineSample& sample) const {
  std::map<std::uint32_t, ProcessFacts> out;
  for (const GpuSample& gpu : sample.gpus) {
    for (const ProcessSample& process : gpu.processes) {
      if (out.size() < kMostProcesses && !out.contains(process.pid)) {
        out.emplace(process.pid, read_facts(proc_, process.pid));
      }
    }
  }
  return out;
}

const std::map<std::uint32_t, std::string>& Host::users(const MachineSample& sample) {
  for (const GpuSample& gpu : sample.gpus) {
    for (const ProcessSample& process : gpu.processes) {
      if (process.uid && users_.size() < kMostUsers && !users_.contains(*process.uid)) {
        users_.emplace(*process.uid,
                       name_of_user(*process.uid).value_or(fmt::format("{}", *process.uid)));
      }
    }
  }
  return users_;
}

}  // namespace mig::top

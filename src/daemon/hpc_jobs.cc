// SPDX-License-Identifier: Apache-2.0
#include "daemon/hpc_jobs.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <dirent.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/strings.h"

namespace mig::daemon {
namespace {

constexpr std::size_t kMostFiles = 1024;
constexpr std::size_t kMostEntries = 4096;
constexpr std::size_t kMostBytesOfFile = 4096;
constexpr std::size_t kMostJobs = 16;

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

std::vector<std::string> jobs_in(int folder, const char* name) {
  // O_NONBLOCK: a pipe with that name is opened without waiting for its writer, and passed over.
  const base::Fd file(::openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));

  struct stat status {};

  if (!file.valid() || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return {};
  }
  const auto text = base::read_all(file.get(), name, kMostBytesOfFile);
  std::vector<std::string> jobs;
  for (std::string& line : base::split(text.value_or(""), '\n')) {
    line.erase(0, line.find_first_not_of(" \t\r"));
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (!line.empty() && jobs.size() < kMostJobs &&
        std::find(jobs.begin(), jobs.end(), line) == jobs.end()) {
      jobs.push_back(std::move(line));
    }
  }
  return jobs;
}

}  // namespace

std::optional<HpcJobs::key_type> parse_hpc_name(std::string_view name) {
  const std::size_t dot = name.find('.');
  const auto gpu = base::parse_decimal(name.substr(0, dot), UINT32_MAX);
  if (!gpu) {
    return std::nullopt;
  }
  const GpuIndex index{static_cast<std::uint32_t>(*gpu)};
  if (dot == std::string_view::npos) {
    return HpcJobs::key_type(index, std::nullopt);
  }
  const auto instance = base::parse_decimal(name.substr(dot + 1), UINT32_MAX);
  if (!instance) {
    return std::nullopt;
  }
  return HpcJobs::key_type(index, GpuInstanceId{static_cast<std::uint32_t>(*instance)});
}

HpcJobs read_hpc_jobs(const std::string& folder) {
  HpcJobs jobs;
  const std::unique_ptr<DIR, CloseFolder> open(::opendir(folder.c_str()));
  if (open == nullptr) {
    return jobs;
  }
  std::size_t entries = 0;
  for (const dirent* entry = ::readdir(open.get());  // NOLINT(concurrency-mt-unsafe): its own DIR
       entry != nullptr && ++entries <= kMostEntries && jobs.size() < kMostFiles;
       entry = ::readdir(open.get())) {  // NOLINT(concurrency-mt-unsafe)
    if (const auto key = parse_hpc_name(entry->d_name)) {
      if (auto found = jobs_in(::dirfd(open.get()), entry->d_name); !found.empty()) {
        jobs[*key] = std::move(found);
      }
    }
  }
  return jobs;
}

}  // namespace mig::daemon

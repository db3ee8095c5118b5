// SPDX-License-Identifier: Apache-2.0
#include "holders/open_nodes.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include <dirent.h>
#include <fmt/format.h>

#include "base/strings.h"

namespace mig::holders {
namespace {

using Folder = std::unique_ptr<DIR, int (*)(DIR*)>;

// st_size of a file below `folder`; -1: stat failed.
off_t size_of(DIR* folder, const std::string& name) {
  struct stat info {};

  return ::fstatat(::dirfd(folder), name.c_str(), &info, 0) == 0 ? info.st_size : -1;
}

OpenNodes open_nodes_of(const Nodes& nodes, const std::string& proc, std::uint32_t pid) {
  OpenNodes found;
  found.pid = pid;
  const Folder folder(opendir(fmt::format("{}/{}/fd", proc, pid).c_str()), closedir);
  if (!folder) {
    found.unreadable = errno == EACCES;
    return found;  // otherwise the process has just ended
  }
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
  while (const dirent* entry = readdir(folder.get())) {
    if (entry->d_name[0] == '.') {
      continue;
    }
    std::array<char, 512> buffer{};
    // Relative to the open folder: a shorter path lookup in the kernel, for thousands of links.
    const ssize_t length =
        ::readlinkat(::dirfd(folder.get()), entry->d_name, buffer.data(), buffer.size() - 1);
    const std::string_view link(buffer.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    if (link.find('/') >= link.find(':')) {
      continue;  // "socket:[123]" and the like, no path; a simulated machine's are relative
    }
    if (auto node = nodes.find(::dirfd(folder.get()), entry->d_name, link)) {
      found.nodes.emplace(std::move(node->path), node->target);
    }
  }
  return found;
}

// Processes that may have something open, without this one.
std::vector<std::uint32_t> candidates(DIR* folder) {
  // Linux 6.2 and later return the number of open descriptors as the size of a process's fd folder:
  // a kernel thread has none, and most processes of a large machine are kernel threads. Only for
  // root: of a folder that cannot be opened the size tells nothing, and it is counted.
  const bool sizes_told = geteuid() == 0 && size_of(folder, "self/fd") > 0;
  const auto own = static_cast<std::uint64_t>(getpid());
  std::vector<std::uint32_t> pids;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
  while (const dirent* entry = readdir(folder)) {
    const auto pid = base::parse_decimal(entry->d_name, UINT32_MAX);
    if (pid && *pid != own && (!sizes_told || size_of(folder, fmt::format("{}/fd", *pid)) != 0)) {
      pids.push_back(static_cast<std::uint32_t>(*pid));
    }
  }
  return pids;
}

// Descriptors of `pids`, in this order. In parallel, since it is the kernel's work (some 10 us a
// process) and a command waits for it.
std::vector<OpenNodes> search(const Nodes& nodes,
                              const std::string& proc,
                              const std::vector<std::uint32_t>& pids) {
  constexpr std::size_t kOfAThread = 32;
  constexpr std::size_t kMostThreads = 4;
  std::vector<OpenNodes> found(pids.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < pids.size(); i = next++) {
      found[i] = open_nodes_of(nodes, proc, pids[i]);
    }
  };
  const std::size_t count = std::min({kMostThreads,
                                      std::max<std::size_t>(std::thread::hardware_concurrency(), 1),
                                      1 + pids.size() / kOfAThread});
  std::vector<std::thread> others;
  try {
    for (std::size_t i = 1; i < count; ++i) {
      others.emplace_back(work);
    }
  } catch (const std::system_error&) {
    // A limit of threads: those that exist do the work.
  }
  work();
  for (std::thread& other : others) {
    other.join();
  }
  return found;
}

}  // namespace

Result<std::vector<OpenNodes>> search_open_nodes(const Roots& roots) {
  const Nodes nodes(roots);
  std::vector<OpenNodes> all;
  for (const std::string& proc : {roots.proc, roots.machine_proc}) {
    if (proc.empty()) {
      continue;
    }
    const Folder folder(opendir(proc.c_str()), closedir);
    if (!folder) {
      return Error{
          ErrorCode::kIo, "cannot read " + proc + " to find who holds the GPUs", {}, {}, {}};
    }
    std::vector<OpenNodes> found = search(nodes, proc, candidates(folder.get()));
    all.insert(
        all.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  }
  return all;
}

SearchAhead::SearchAhead(Roots roots) : roots_(std::move(roots)) {
  try {
    found_ = std::async(std::launch::async, [this] { return search_open_nodes(roots_); });
  } catch (const std::system_error&) {
    // A limit of threads: take() searches.
  }
}

Result<std::vector<OpenNodes>> SearchAhead::take() {
  return found_.valid() ? found_.get() : search_open_nodes(roots_);
}

}  // namespace mig::holders

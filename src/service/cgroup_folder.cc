// SPDX-License-Identifier: Apache-2.0
#include "service/cgroup_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/fd.h"
#include "base/file.h"
#include "base/strings.h"

namespace mig::service::cgroup {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostText = 16U << 20U;
constexpr std::uint64_t kMostPid = 1U << 22U;  // PID_MAX_LIMIT of the kernel
constexpr int kDeepest = 4;

}  // namespace

bool is_there(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

int write_control(const std::string& path, const std::string& text) {
  const base::Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) {
    return errno;
  }
  return ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0
                                                                                          : errno;
}

std::uint64_t number_in(const std::string& path, std::uint64_t fallback) {
  const auto text = base::read_file(path, 64);
  const auto number =
      text ? base::parse_decimal(text->substr(0, text->find('\n')), INT64_MAX) : std::nullopt;
  return number.value_or(fallback);
}

void add_members(const std::string& path, int depth, std::vector<std::uint32_t>& out) {
  if (const auto text = base::read_file(path + "/cgroup.procs", kMostText)) {
    for (const std::string& line : base::split(*text, '\n')) {
      // 0: a process of another pid namespace.
      if (const auto pid = base::parse_decimal(line, kMostPid); pid && *pid > 1) {
        out.push_back(static_cast<std::uint32_t>(*pid));
      }
    }
  }
  if (depth == kDeepest) {
    return;
  }
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    std::error_code ignored;
    if (entry.is_directory(ignored) && !entry.is_symlink(ignored)) {
      add_members(entry.path().string(), depth + 1, out);
    }
  }
}

void remove_tree(const std::string& path, int depth) {
  if (::rmdir(path.c_str()) == 0 || errno == ENOENT || depth == kDeepest) {
    return;
  }
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    std::error_code ignored;
    if (entry.is_directory(ignored) && !entry.is_symlink(ignored)) {
      remove_tree(entry.path().string(), depth + 1);
    }
  }
  ::rmdir(path.c_str());
}

bool set_frozen(const std::string& path, bool frozen) {
  return write_control(path + "/cgroup.freeze", frozen ? "1" : "0") == 0 ||
         write_control(path + "/freezer.state", frozen ? "FROZEN" : "THAWED") == 0;
}

}  // namespace mig::service::cgroup

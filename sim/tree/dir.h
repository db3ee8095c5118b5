// SPDX-License-Identifier: Apache-2.0
// An open folder whose entries are accessed by name (openat) without ever following a symbolic
// link. Errors are errno values, 0 = success.
#ifndef MIGCTL_SIM_TREE_DIR_H_
#define MIGCTL_SIM_TREE_DIR_H_

#include <sys/types.h>

#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace migsim {

class Dir {
 public:
  Dir() = default;
  ~Dir();
  Dir(const Dir&) = delete;
  Dir& operator=(const Dir&) = delete;

  Dir(Dir&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

  Dir& operator=(Dir&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  // Opens an existing folder by path; symbolic links in the path are followed (the user's own).
  static int open(const std::string& path, Dir& out);

  // Opens the folder `name` inside this one without following symbolic links, made when missing.
  // "a/b/c" walks down.
  int enter(std::string_view name, Dir& out) const;

  bool has(const char* name) const;
  std::string read(const char* name) const;  // "" when the file cannot be read; at most 4 KiB
  // Atomic: the file appears complete or not at all.
  int write(const char* name, std::string_view content, mode_t mode) const;
  int link(const char* name, const char* target) const;
  // Removes a file or a whole folder; success when nothing is there.
  int remove(const char* name) const;
  std::set<std::string> names() const;

 private:
  int fd_ = -1;
};

}  // namespace migsim

#endif  // MIGCTL_SIM_TREE_DIR_H_

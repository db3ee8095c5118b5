// SPDX-License-Identifier: Apache-2.0
// A sequence of mount steps with a sticky error: the first failure is kept and the rest are
// skipped.
#ifndef MIGCTL_SIM_TOOLS_MOUNTER_H_
#define MIGCTL_SIM_TOOLS_MOUNTER_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "sim/tools/problem.h"

namespace migsim {

inline std::string below(const std::string& folder, const std::string& name) {
  return folder + "/" + name;
}

class Mounter {
 public:
  // Makes mount propagation private: the mounts that follow are invisible outside the namespace.
  void make_private();
  // Mounts a tmpfs with nodev: device nodes made in it cannot be opened.
  void tmpfs(const std::string& at, const char* mode);
  // Recursive bind mount (MS_REC).
  void bind(const std::string& what, const std::string& over);
  // Moves a mount made here, with all below it, to its final place (MS_MOVE).
  void move(const std::string& mounted, const std::string& over);
  void folder(const std::string& path);
  void file(const std::string& path, const std::string& content, mode_t mode);
  void link(const std::string& path, const std::string& target);
  // Makes a character device. Needs real root. On a file system without nodev it can be opened:
  // only where no driver has its number, or inside a tmpfs() of this namespace.
  void node(const std::string& path, dev_t number, mode_t mode);

  // Names in a folder; empty after an earlier failure.
  std::vector<std::string> names_in(const std::string& folder);

  bool ok() const { return problem_.ok(); }

  const Problem& problem() const { return problem_; }

 private:
  void fail(const std::string& what);

  Problem problem_;
};

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_MOUNTER_H_

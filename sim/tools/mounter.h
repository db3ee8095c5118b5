// SPDX-License-Identifier: Apache-2.0
// Mount steps in a row, of which the first failure is kept and stops the rest.
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
  // Nothing of what follows is seen outside.
  void make_private();
  // What is made in it is no way to a device: nodes there cannot be opened (nodev).
  void tmpfs(const std::string& at, const char* mode);
  // With everything mounted below.
  void bind(const std::string& what, const std::string& over);
  // A mount of ours, with all below it, to where it is to be seen.
  void move(const std::string& mounted, const std::string& over);
  void folder(const std::string& path);
  void file(const std::string& path, const std::string& content, mode_t mode);
  void link(const std::string& path, const std::string& target);
  // A character device; only ever in a tmpfs() of ours. Needs the machine's root.
  void node(const std::string& path, dev_t number, mode_t mode);

  // Empty after a failure.
  std::vector<std::string> names_in(const std::string& folder);

  bool ok() const { return problem_.ok(); }

  const Problem& problem() const { return problem_; }

 private:
  void fail(const std::string& what);

  Problem problem_;
};

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_MOUNTER_H_

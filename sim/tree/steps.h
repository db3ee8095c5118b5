// SPDX-License-Identifier: Apache-2.0
// A sequence of writes to the tree with a sticky error: the first failure is kept and the rest are
// skipped.
#ifndef MIGCTL_SIM_TREE_STEPS_H_
#define MIGCTL_SIM_TREE_STEPS_H_

#include <sys/types.h>

#include <string>

#include "sim/tree/dir.h"

namespace migsim {

// printf into a std::string, cut at 511 characters.
[[gnu::format(printf, 1, 2)]] std::string print(const char* format, ...);

class Steps {
 public:
  void file(const Dir& dir, const char* name, const std::string& content, mode_t mode = 0444) {
    if (error_ == 0) {
      error_ = dir.write(name, content, mode);
    }
  }

  void link(const Dir& dir, const char* name, const char* target) {
    if (error_ == 0) {
      error_ = dir.link(name, target);
    }
  }

  Dir enter(const Dir& dir, const std::string& path) {
    Dir inner;
    if (error_ == 0) {
      error_ = dir.enter(path, inner);
    }
    return inner;
  }

  // 0, or errno of the first failed step.
  int error() const { return error_; }

 private:
  int error_ = 0;
};

}  // namespace migsim

#endif  // MIGCTL_SIM_TREE_STEPS_H_

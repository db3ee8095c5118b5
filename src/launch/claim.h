// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: a claim, an advisory lock file on one instance that the launched command
// inherits (flock on a shared descriptor). The kernel releases it when the last process with the
// descriptor ends.
#ifndef MIGCTL_LAUNCH_CLAIM_H_
#define MIGCTL_LAUNCH_CLAIM_H_

#include <optional>
#include <string>

#include "mig/result.h"

#include "base/fd.h"

namespace mig::launch {

class Claim {
 public:
  // kInUse, naming the holder if known, when the lock is held.
  static Result<Claim> take(const std::string& dir, const std::string& uuid);

  // Descriptor for the child to inherit (close-on-exec by itself).
  int fd() const { return fd_.get(); }

  // Writes the pid that conflicting runs will name.
  void set_holder(int pid) const;

 private:
  explicit Claim(base::Fd fd) : fd_(std::move(fd)) {}

  base::Fd fd_;
};

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_CLAIM_H_

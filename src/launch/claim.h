// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: a claim on one instance among the processes of this machine, as a locked file
// that the launched command inherits. It ends when the last process that has it open ends.
#ifndef MIGCTL_LAUNCH_CLAIM_H_
#define MIGCTL_LAUNCH_CLAIM_H_

#include <optional>
#include <string>

#include "mig/result.h"

#include "base/fd.h"

namespace mig::launch {

class Claim {
 public:
  // kInUse, naming the holder as far as it is known, when somebody else has it.
  static Result<Claim> take(const std::string& dir, const std::string& uuid);

  // For the child to inherit (the descriptor itself is close-on-exec).
  int fd() const { return fd_.get(); }

  // Whom others will name.
  void set_holder(int pid) const;

 private:
  explicit Claim(base::Fd fd) : fd_(std::move(fd)) {}

  base::Fd fd_;
};

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_CLAIM_H_

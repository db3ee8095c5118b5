// SPDX-License-Identifier: Apache-2.0
// Building blocks for starting a program: a pipe, and argv and envp for execve(2). Thread-safe.
#ifndef MIGCTL_BASE_PROCESS_H_
#define MIGCTL_BASE_PROCESS_H_

#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

#include "base/fd.h"

namespace mig::base {

struct Pipe {
  Fd read, write;
};

// A pipe with O_CLOEXEC on both ends.
Result<Pipe> make_pipe();

// argv or envp for exec: pointers into `texts`, which must outlive them, and a final null pointer.
std::vector<char*> exec_array(const std::vector<std::string>& texts);

// This process's environment as NAME=VALUE, with `added` replacing and `unset` removed.
std::vector<std::string> environment_with(
    const std::vector<std::pair<std::string, std::string>>& added,
    const std::vector<std::string>& unset = {});

}  // namespace mig::base

#endif  // MIGCTL_BASE_PROCESS_H_

// SPDX-License-Identifier: Apache-2.0
// What starting a program takes: a pipe, and argv and envp as execve(2) wants them. Any thread.
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

// Both ends with O_CLOEXEC.
Result<Pipe> make_pipe();

// Pointers into `texts`, which outlive them, and a null pointer behind the last.
std::vector<char*> exec_array(const std::vector<std::string>& texts);

// Our environment as NAME=VALUE, with `added` over it and without `unset`.
std::vector<std::string> environment_with(
    const std::vector<std::pair<std::string, std::string>>& added,
    const std::vector<std::string>& unset = {});

}  // namespace mig::base

#endif  // MIGCTL_BASE_PROCESS_H_

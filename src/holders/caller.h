// SPDX-License-Identifier: Apache-2.0
// The program behind a client, from the client's pid by the kernel's word (SO_PEERCRED), never from
// what the client says: in a pid namespace (a container) its numbers mean other processes here.
//
// Threading: pure functions of /proc.
#ifndef MIGCTL_HOLDERS_CALLER_H_
#define MIGCTL_HOLDERS_CALLER_H_

#include <cstdint>
#include <string>

#include "mig/result.h"

namespace mig::holders {

// The process that "my lease ends with me" means: the shell or program that started `client`.
// Passed over are subshells ("$(...)", a fork without exec belongs to the program that forked) and
// programs that only start this one command and wait (sudo, timeout, `sh -c COMMAND`). kPermission
// when that is another user's, unless `uid` is root; kNotFound when it has ended. The message says
// which process stands there.
Result<std::uint32_t> calling_program(const std::string& proc,
                                      std::uint32_t client,
                                      std::uint32_t uid);

// The process that is called `pid` where `client` is, as we call it. kNotFound when there is none;
// kPermission when we may not see the client's pid namespace.
Result<std::uint32_t> pid_as_seen_by(const std::string& proc,
                                     std::uint32_t client,
                                     std::uint32_t pid);

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_CALLER_H_

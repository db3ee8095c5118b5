// SPDX-License-Identifier: Apache-2.0
// One HTTP request to the daemon on its UNIX socket. Threading: thread-safe, without state.
#ifndef MIGCTL_HTTP_CLIENT_H_
#define MIGCTL_HTTP_CLIENT_H_

#include <chrono>
#include <string>

#include "mig/result.h"

namespace mig::http {

struct Answer {
  int status = 0;
  std::string body;
};

// True when a server listens on the socket; a stale socket file of a dead daemon does not count.
bool somebody_listens(const std::string& socket);

// kNotFound = no server listens; kTimeout; kIo = the connection broke. Never kNoDriver.
Result<Answer> call(const std::string& socket,
                    const std::string& method,
                    const std::string& target,
                    const std::string& body,
                    std::chrono::milliseconds timeout);

}  // namespace mig::http

#endif  // MIGCTL_HTTP_CLIENT_H_

// SPDX-License-Identifier: Apache-2.0
// One HTTP request to the daemon on its UNIX socket. Threading: a pure call.
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

// Whether somebody listens there: a socket file that a dead daemon left does not count.
bool somebody_listens(const std::string& socket);

// kNoDriver is never meant here: kNotFound = nobody listens; kTimeout; kIo = the connection broke.
Result<Answer> call(const std::string& socket,
                    const std::string& method,
                    const std::string& target,
                    const std::string& body,
                    std::chrono::milliseconds timeout);

}  // namespace mig::http

#endif  // MIGCTL_HTTP_CLIENT_H_

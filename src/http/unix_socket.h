// SPDX-License-Identifier: Apache-2.0
// Inside of http/: a client's end of a UNIX socket, non-blocking.
#ifndef MIGCTL_HTTP_UNIX_SOCKET_H_
#define MIGCTL_HTTP_UNIX_SOCKET_H_

#include <string>

#include "base/fd.h"

namespace mig::http {

// 0, or an errno: EAGAIN when the listen backlog is full. (Asio would take that for a connection in
// progress, which a UNIX socket never has.)
int connect_unix(const std::string& path, base::Fd& fd);

}  // namespace mig::http

#endif  // MIGCTL_HTTP_UNIX_SOCKET_H_

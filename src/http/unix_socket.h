// SPDX-License-Identifier: Apache-2.0
// Inside of http/: a client's end of a UNIX socket, without waiting.
#ifndef MIGCTL_HTTP_UNIX_SOCKET_H_
#define MIGCTL_HTTP_UNIX_SOCKET_H_

#include <string>

#include "base/fd.h"

namespace mig::http {

// 0, or an errno: EAGAIN when the line before the listener is full. (Asio takes that for a
// connection under way, which no UNIX socket ever has.)
int connect_unix(const std::string& path, base::Fd& fd);

}  // namespace mig::http

#endif  // MIGCTL_HTTP_UNIX_SOCKET_H_

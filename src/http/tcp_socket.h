// SPDX-License-Identifier: Apache-2.0
// Inside of http/: listening TCP sockets, whoever made them.
#ifndef MIGCTL_HTTP_TCP_SOCKET_H_
#define MIGCTL_HTTP_TCP_SOCKET_H_

#include "http/server.h"

namespace mig::http {

// With its own address, as the kernel tells it.
TcpListener described(base::Fd fd);

}  // namespace mig::http

#endif  // MIGCTL_HTTP_TCP_SOCKET_H_

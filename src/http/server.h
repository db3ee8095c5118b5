// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 on a UNIX socket for the daemon. Who asks is what the kernel says of the socket's other
// end (SO_PEERCRED). Everything that a client controls has a limit: header, body, connections, and
// the time it takes to send. Boost is in server.cc and client.cc only.
//
// Threading: run() is the one thread that everything is called in; stop() may come from a handler.
#ifndef MIGCTL_HTTP_SERVER_H_
#define MIGCTL_HTTP_SERVER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "mig/result.h"

#include "base/fd.h"

namespace mig::http {

struct PeerCredentials {
  std::uint32_t uid = 0, gid = 0, pid = 0;
};

struct Request {
  PeerCredentials peer;
  std::string method;  // "GET"
  std::string path;    // "/v1/leases/3", decoded as sent: no query
  std::string body;
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
};

struct Limits {
  std::size_t header_bytes = 16U << 10U;
  std::size_t body_bytes = 64U << 10U;
  std::size_t connections = 1024;
  std::size_t connections_of_user = 512;      // of one uid, root excepted
  std::chrono::milliseconds receive{10'000};  // for a whole request, and between two of them
  std::chrono::milliseconds send{10'000};
};

// May be kept and called later, once; a client that is gone by then gets nothing. None may outlive
// the server.
using Reply = std::function<void(Response)>;
using Handler = std::function<void(Request, Reply)>;

struct Listener {
  base::Fd fd;
  bool ours = false;  // made here, so its file goes with us
};

// A listening UNIX socket: systemd's ($LISTEN_FDS) when there is one, else made at `path` with mode
// 0666: everybody may ask, and the answer depends on who it is. What a dead daemon left is removed.
Result<Listener> listen_unix(const std::string& path);

class Server {
 public:
  static Result<std::unique_ptr<Server>> open(base::Fd listener,
                                              const Limits& limits,
                                              Handler handler);
  virtual ~Server() = default;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  Server(Server&&) = delete;
  Server& operator=(Server&&) = delete;

  // Serves until stop(), or SIGTERM or SIGINT comes.
  virtual void run() = 0;
  virtual void stop() = 0;
  // Called again and again, first after one period.
  virtual void every(std::chrono::milliseconds period, std::function<void()> call) = 0;
  // Called once, when the descriptor becomes readable (a pidfd: the process has ended).
  virtual void when_readable(base::Fd fd, std::function<void()> call) = 0;

 protected:
  Server() = default;
};

}  // namespace mig::http

#endif  // MIGCTL_HTTP_SERVER_H_

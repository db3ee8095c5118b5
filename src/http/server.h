// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 on a UNIX socket for the daemon. Clients are identified by the kernel's peer credentials
// (SO_PEERCRED). Everything that a client controls has a limit: header, body, connections, and the
// time it takes to send. Boost is in server.cc and client.cc only, and no JSON here: the caller of
// open() provides the bodies of refusals, and error_info() their statuses.
//
// Threading: single-threaded: all handlers are called in the thread of run(); stop() may be called
// from a handler.
#ifndef MIGCTL_HTTP_SERVER_H_
#define MIGCTL_HTTP_SERVER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

#include "base/clock.h"
#include "base/fd.h"

namespace mig::http {

struct PeerCredentials {
  std::uint32_t uid = 0, gid = 0, pid = 0;
};

struct Request {
  PeerCredentials peer;
  std::string method;  // "GET"
  std::string path;    // "/v1/leases/3", not decoded, without the query
  std::string query;   // "tenant=a&limit=5", not decoded, without the '?'
  std::string body;
  // Set by the Router: query parameters and path parts, decoded, by name.
  std::map<std::string, std::string> values;
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;  // additional ones: {"Allow", "GET"}
};

// Writes the body of a refusal: the caller's document for the error.
using ErrorWriter = std::function<std::string(const Error&)>;

// A response with the status of the error's code, and the writer's body.
Response refusal(const Error& error, const ErrorWriter& writer);

struct Limits {
  std::size_t header_bytes = 16U << 10U;
  std::size_t body_bytes = 64U << 10U;
  std::size_t connections = 1024;
  std::size_t connections_of_user = 512;  // of one uid, except root
  // Time limits for a whole request, and between two requests; and for the client to read the
  // response. Checked every 100 ms.
  std::chrono::milliseconds receive{10'000};
  std::chrono::milliseconds send{10'000};
};

// May be stored and called later, once; a disconnected client gets nothing. Must not outlive the
// server.
using Reply = std::function<void(Response)>;
using Handler = std::function<void(Request, Reply)>;

struct Listener {
  base::Fd fd;
  bool ours = false;  // created here, so the file is removed at the end
};

// A listening UNIX socket: systemd's ($LISTEN_FDS) if passed, else created at `path` with mode
// 0666: any user may connect, and authorisation is by peer credentials. Removes the stale file of a
// dead daemon.
Result<Listener> listen_unix(const std::string& path);

class Server {
 public:
  // The clock measures the time limits only; it must outlive the server.
  static Result<std::unique_ptr<Server>> open(base::Fd listener,
                                              const Limits& limits,
                                              Handler handler,
                                              ErrorWriter error_writer,
                                              base::Clock& clock = base::system_clock());
  virtual ~Server() = default;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  Server(Server&&) = delete;
  Server& operator=(Server&&) = delete;

  // Serves until stop(), SIGTERM or SIGINT.
  virtual void run() = 0;
  virtual void stop() = 0;
  // Calls periodically, first after one period.
  virtual void every(std::chrono::milliseconds period, std::function<void()> call) = 0;
  // Calls once when the descriptor becomes readable (a pidfd: the process has ended).
  virtual void when_readable(base::Fd fd, std::function<void()> call) = 0;

 protected:
  Server() = default;
};

}  // namespace mig::http

#endif  // MIGCTL_HTTP_SERVER_H_

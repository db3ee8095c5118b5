// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 on a UNIX socket for the daemon. Who asks is what the kernel says of the socket's other
// end (SO_PEERCRED). Everything that a client controls has a limit: header, body, connections, and
// the time it takes to send. Boost is in server.cc and client.cc only, and no JSON here: bodies of
// refusals are written by whoever opens the server, statuses are those of error_info().
//
// Threading: run() is the one thread that everything is called in; stop() may come from a handler.
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
  std::string path;    // "/v1/leases/3", as sent: without the query
  std::string query;   // "tenant=a&limit=5", as sent: without the '?'
  std::string body;
  // Filled by the Router: query parameters and parts of the path, decoded, by their names.
  std::map<std::string, std::string> values;
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;  // further ones: {"Allow", "GET"}
};

// The body of an answer that refuses: the caller's document for the error.
using ErrorWriter = std::function<std::string(const Error&)>;

// The status of the error's code, and the writer's body.
Response refusal(const Error& error, const ErrorWriter& writer);

struct Limits {
  std::size_t header_bytes = 16U << 10U;
  std::size_t body_bytes = 64U << 10U;
  std::size_t connections = 1024;
  std::size_t connections_of_user = 512;  // of one uid, root excepted
  // For a whole request, and between two of them; and for a client to take its answer. Looked at
  // every 100 ms.
  std::chrono::milliseconds receive{10'000};
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
  // The clock measures the limits of time only; it must outlive the server.
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

// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 for the daemon, on a UNIX socket and on TCP. Clients of the UNIX socket are identified
// by the kernel's peer credentials (SO_PEERCRED); those of TCP are nobody until the handler has
// looked at what they show (Request::remote). Everything that a client controls has a limit:
// header, body, connections, and the time it takes to send. Boost is in files of this room only,
// and no JSON here: the caller of open() provides the bodies of refusals, and error_info() their
// statuses.
//
// Requests are handled one by one, of each user and each address in turn: who sends many delays the
// others by one request each. Root's come first.
//
// Threading: single-threaded: all handlers are called in the thread of run(); stop() may be called
// from a handler. post() may be called from any thread.
#ifndef MIGCTL_HTTP_SERVER_H_
#define MIGCTL_HTTP_SERVER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

#include "base/clock.h"
#include "base/fd.h"

namespace mig::http {

struct PeerCredentials {
  std::uint32_t uid = 0, gid = 0, pid = 0;

  // (uid_t)-1, which no user has: a client of TCP.
  static PeerCredentials nobody() { return {UINT32_MAX, UINT32_MAX, 0}; }
};

// A client of TCP.
struct Remote {
  std::string address;    // "127.0.0.1", "2001:db8::1"
  bool loopback = false;  // of this machine; or of one that its proxy passes on
};

struct Request {
  PeerCredentials peer;          // nobody() over TCP
  std::optional<Remote> remote;  // nullopt: over the UNIX socket
  std::string method;            // "GET"; also for HEAD, which is answered without the body
  std::string path;              // "/v1/leases/3", not decoded, without the query
  std::string query;             // "tenant=a&limit=5", not decoded, without the '?'
  std::string body;
  // Header fields by lower-case name; of a name that is sent twice, both with ", " between.
  std::map<std::string, std::string> headers;
  // Set by who has checked a token: its id, and the role that it gives at most. "" = none.
  std::string token, role;
  // Set by the Router: query parameters and path parts, decoded, by name.
  std::map<std::string, std::string> values;
};

// A response without an end (server-sent events): what is written is sent, until either side
// closes. The connection owns it: keep a weak_ptr. Threading: as the server.
class Stream {
 public:
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  Stream(Stream&&) = delete;
  Stream& operator=(Stream&&) = delete;

  // False: the client is gone; or so much waits for it to read (Limits::stream_bytes) that the
  // connection was closed.
  virtual bool write(const std::string& text) = 0;
  virtual void close() = 0;

 protected:
  Stream() = default;
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;  // additional ones: {"Allow", "GET"}
  // Set: there is no body; called once the header is sent.
  std::function<void(const std::shared_ptr<Stream>&)> stream = {};
  // Set: the body, instead of `body`: for a long text that is made once and sent often.
  std::shared_ptr<const std::string> shared_body = {};
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
  std::size_t kept_for_root = 0;          // of `connections`
  // From so many connections on, a user who has `few_of_user` gets no more: the rest is for others.
  std::size_t crowded = SIZE_MAX;
  std::size_t few_of_user = 16;
  // Over TCP: of all, and of one address (IPv6: of one network of 64 bits).
  std::size_t tcp_connections = 512;
  std::size_t connections_of_address = 128;
  // TLS handshakes of one address that are not done. One more ends the oldest.
  std::size_t handshakes_of_address = 16;
  std::size_t stream_bytes = 256U << 10U;  // of a Stream, that wait for the client to read
  // Time limits for a whole request, and between two requests; and for the client to read the
  // response. Checked every 100 ms.
  std::chrono::milliseconds receive{10'000};
  std::chrono::milliseconds handshake{5'000};  // of TLS, as a whole
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

// A listening UNIX socket: systemd's ($LISTEN_FDS) if one is passed, else created at `path` with
// mode 0666: any user may connect, and authorisation is by peer credentials. Removes the stale file
// of a dead daemon.
Result<Listener> listen_unix(const std::string& path);

// Listening sockets for "127.0.0.1:9400", "[::1]:9400" or "localhost:9400" (both families, as far
// as the machine has them). kInvalidInput for a text that is none, kConflict for a port in use.
struct TcpListener {
  base::Fd fd;
  std::string address;    // with the port that it got: "127.0.0.1:9400"
  bool loopback = false;  // reached from this machine only
  std::string name;       // of a passed one: systemd's FileDescriptorName=
};

Result<std::vector<TcpListener>> listen_tcp(const std::string& address);

// The TCP sockets that systemd passed. Call once: they belong to whom they are returned to.
Result<std::vector<TcpListener>> passed_tcp();

// Certificate and key of a server, from PEM files that only trusted users can write
// (base/own_path.h). TLS 1.2 and later.
class Tls {
 public:
  // kInvalidInput names the file that cannot be used.
  static Result<std::shared_ptr<Tls>> open(const std::string& certificate, const std::string& key);
  virtual ~Tls() = default;
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;
  Tls(Tls&&) = delete;
  Tls& operator=(Tls&&) = delete;

  // Reads the files again, for connections from now on. On an error nothing changes.
  virtual Result<void> reload() = 0;

 protected:
  Tls() = default;
};

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
  // One more listening socket; with TLS if given. Before run().
  virtual Result<void> serve_tcp(base::Fd listener, std::shared_ptr<const Tls> tls = nullptr) = 0;
  virtual void stop() = 0;
  // Calls periodically, first after one period.
  virtual void every(std::chrono::milliseconds period, std::function<void()> call) = 0;
  // Calls at each SIGHUP, which without this ends the process.
  virtual void on_hangup(std::function<void()> call) = 0;
  // Calls once, after that time.
  virtual void after(std::chrono::milliseconds time, std::function<void()> call) = 0;
  // Calls in the thread of run(), after what is ready now. From any thread.
  virtual void post(std::function<void()> call) = 0;
  // Calls once when the descriptor becomes readable (a pidfd: the process has ended).
  virtual void when_readable(base::Fd fd, std::function<void()> call) = 0;

 protected:
  Server() = default;
};

}  // namespace mig::http

#endif  // MIGCTL_HTTP_SERVER_H_

// SPDX-License-Identifier: Apache-2.0
#include "http/connection.h"

#include <optional>
#include <utility>
#include <vector>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/http/span_body.hpp>
#include <fmt/format.h>

#include "base/strings.h"
#include "http/tls.h"

namespace mig::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using BoostError = beast::error_code;

// After the last response over TCP, what the client still sends is read and dropped: closing with
// unread bytes resets the connection, and the response may be lost with it.
constexpr std::chrono::milliseconds kLinger{1'000};
constexpr std::size_t kMostDropped = 1U << 20U;
constexpr std::size_t kDropAtOnce = 4096;
constexpr unsigned kHttp10 = 10;

// A socket with or without TLS, as Beast and Asio take it. Beast is compiled for the plain one
// only: TLS is behind a virtual function.
class AnySocket {
 public:
  using executor_type = Socket::executor_type;

  AnySocket(Socket socket, const Tls* tls) : socket_(std::move(socket)) {
    if (tls != nullptr) {
      tls_ = make_tls_stream(socket_, *tls);
    }
  }

  executor_type get_executor() { return socket_.get_executor(); }

  Socket& plain() { return socket_; }

  TlsStream* tls() const { return tls_.get(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(BoostError, std::size_t)>(
        [this](auto handler, const Buffers& into) {
          if (!tls_) {
            return socket_.async_read_some(into, std::move(handler));
          }
          tls_->read_some(first<asio::mutable_buffer>(into), kept(std::move(handler)));
        },
        token,
        buffers);
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(BoostError, std::size_t)>(
        [this](auto handler, const Buffers& from) {
          if (!tls_) {
            return socket_.async_write_some(from, std::move(handler));
          }
          tls_->write_some(first<asio::const_buffer>(from), kept(std::move(handler)));
        },
        token,
        buffers);
  }

 private:
  // The first buffer that is not empty: "some" may be less than all.
  template <class Buffer, class Buffers>
  static Buffer first(const Buffers& buffers) {
    const auto end = asio::buffer_sequence_end(buffers);
    for (auto one = asio::buffer_sequence_begin(buffers); one != end; ++one) {
      if (const Buffer buffer(*one); buffer.size() > 0) {
        return buffer;
      }
    }
    return {};
  }

  // Beast's handlers cannot be copied, and std::function copies.
  template <class Handler>
  static TlsStream::Done kept(Handler handler) {
    return [shared = std::make_shared<Handler>(std::move(handler))](
               BoostError error, std::size_t size) { (*shared)(error, size); };
  }

  Socket socket_;
  std::unique_ptr<TlsStream> tls_;
};

class BeastConnection final : public Connection,
                              public Stream,
                              public std::enable_shared_from_this<BeastConnection> {
 public:
  BeastConnection(Socket socket, const Tls* tls, Peer peer, std::shared_ptr<Shared> shared)
      : socket_(std::move(socket), tls), peer_(std::move(peer)), shared_(std::move(shared)) {
    shared_->connections.insert(this);
    ++shared_->connections_of[peer_.client];
    shared_->tcp_connections += peer_.client.tcp ? 1U : 0U;
  }

  ~BeastConnection() override {
    end_handshake();
    shared_->connections.erase(this);
    if (--shared_->connections_of[peer_.client] == 0) {
      shared_->connections_of.erase(peer_.client);
    }
    shared_->tcp_connections -= peer_.client.tcp ? 1U : 0U;
  }

  BeastConnection(const BeastConnection&) = delete;
  BeastConnection& operator=(const BeastConnection&) = delete;
  BeastConnection(BeastConnection&&) = delete;
  BeastConnection& operator=(BeastConnection&&) = delete;

  void serve() override {
    if (socket_.tls() == nullptr) {
      return receive();
    }
    begin_handshake();
    socket_.tls()->handshake([self = shared_from_this()](BoostError error) {
      self->end_handshake();
      if (!error) {
        self->receive();
      }
    });
  }

  bool write(const std::string& text) override {
    if (!streaming_ || text.empty()) {
      return streaming_;
    }
    if (waiting_.size() + text.size() > shared_->limits.stream_bytes) {
      abort();
      return false;
    }
    if (version_ == kHttp10) {
      waiting_ += text;  // its end is that of the connection
    } else {
      waiting_ += fmt::format("{:x}\r\n{}\r\n", text.size(), text);
    }
    flush();
    return true;
  }

  void close() override {
    if (std::exchange(streaming_, false)) {
      waiting_ += version_ == kHttp10 ? "" : "0\r\n\r\n";
      flush();
      if (!flushing_) {
        finish();
      }
    }
  }

  void refuse(const Error& error) override {
    keep_alive_ = false;
    head_ = false;
    send(refusal(error, shared_->error_writer));
  }

  void drop() override { abort(); }

  void close_if_expired(std::chrono::nanoseconds now) override {
    if (deadline_ && now >= *deadline_) {
      abort();
    }
  }

 private:
  // One more than a client may have ends its oldest: who is silent makes room, and a client that
  // goes on is through before so many others came.
  void begin_handshake() {
    std::deque<Connection*>& all = shared_->handshakes[peer_.client];
    if (!all.empty() && all.size() >= shared_->limits.handshakes_of_address) {
      Connection* oldest = all.front();
      all.pop_front();
      oldest->drop();
    }
    all.push_back(this);
    expire_after(shared_->limits.handshake);
  }

  void end_handshake() {
    const auto all = shared_->handshakes.find(peer_.client);
    if (all == shared_->handshakes.end()) {
      return;
    }
    std::erase(all->second, this);
    if (all->second.empty()) {
      shared_->handshakes.erase(all);
    }
  }

  void abort() {
    streaming_ = false;
    BoostError ignored;
    socket_.plain().close(ignored);
  }

  void expire_after(std::chrono::milliseconds limit) {
    deadline_ = shared_->clock->monotonic() + limit;
  }

  void receive() {
    head_ = false;
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(shared_->limits.header_bytes));
    parser_->body_limit(shared_->limits.body_bytes);
    expire_after(shared_->limits.receive);
    beast::http::async_read(
        socket_, buffer_, *parser_, [self = shared_from_this()](BoostError error, std::size_t) {
          self->received(error);
        });
  }

  static Error too_large(const char* part, std::size_t limit) {
    return {ErrorCode::kTooLarge,
            fmt::format("the {} of the request is longer than {} bytes", part, limit),
            "send less in one request",
            {},
            {}};
  }

  void received(BoostError error) {
    if (error == beast::http::error::body_limit) {
      return refuse(too_large("body", shared_->limits.body_bytes));
    }
    if (error == beast::http::error::header_limit) {
      return refuse(too_large("header", shared_->limits.header_bytes));
    }
    if (error == beast::http::error::end_of_stream || error == asio::error::connection_reset ||
        error == asio::error::operation_aborted) {
      return;
    }
    if (error) {
      return refuse({ErrorCode::kUsage,
                     "what came is no HTTP/1.1 request: " + error.message(),
                     "docs/reference/leases.md has the requests that migd answers",
                     {},
                     {}});
    }
    keep_alive_ = parser_->keep_alive();
    version_ = parser_->get().version();
    head_ = parser_->get().method() == beast::http::verb::head;
    deadline_.reset();  // no limit while the handler works
    shared_->ready.add(peer_.client, [self = shared_from_this(), request = request()]() mutable {
      self->shared_->handler(std::move(request),
                             [self](Response response) { self->send(std::move(response)); });
    });
    shared_->serve_ready();
  }

  Request request() {
    Request request;
    request.peer = peer_.credentials;
    request.remote = peer_.remote;
    auto& message = parser_->get();
    request.method = head_ ? "GET" : std::string(message.method_string());
    const std::string target(message.target());
    const std::size_t mark = target.find('?');
    request.path = target.substr(0, mark);
    request.query = mark == std::string::npos ? "" : target.substr(mark + 1);
    for (const auto& field : message) {
      const auto name = field.name_string();
      std::string& value = request.headers[base::lower({name.data(), name.size()})];
      value += (value.empty() ? "" : ", ") + std::string(field.value());
    }
    request.body = std::move(message.body());
    return request;
  }

  void send(Response response) {
    if (response.stream) {
      if (!head_) {
        return begin_stream(response);
      }
      keep_alive_ = false;  // as for the stream
    }
    response_.emplace(static_cast<beast::http::status>(response.status), version_);
    response_->set(beast::http::field::server, "migd");
    response_->set(beast::http::field::content_type, response.content_type);
    response_->set(beast::http::field::cache_control, "no-store");
    for (const auto& [name, value] : response.headers) {
      response_->set(name, value);
    }
    response_->keep_alive(keep_alive_);
    body_ = response.shared_body != nullptr
                ? std::move(response.shared_body)
                : std::make_shared<const std::string>(std::move(response.body));
    if (response_->result() == beast::http::status::not_modified) {
      // no body, and the length would be that of the whole
    } else if (!head_) {
      response_->body() = {body_->data(), body_->size()};
      response_->prepare_payload();
    } else if (!response.stream) {
      response_->content_length(body_->size());
    }
    expire_after(shared_->limits.send);
    beast::http::async_write(
        socket_, *response_, [self = shared_from_this()](BoostError error, std::size_t) {
          self->body_.reset();
          if (!error && self->keep_alive_) {
            self->receive();
          } else {
            self->finish();
          }
        });
  }

  void begin_stream(const Response& response) {
    std::string header = fmt::format(
        "HTTP/1.{} {} OK\r\nServer: migd\r\nContent-Type: {}\r\nCache-Control: no-store\r\n",
        version_ == kHttp10 ? 0 : 1,
        response.status,
        response.content_type);
    for (const auto& [name, value] : response.headers) {
      header += fmt::format("{}: {}\r\n", name, value);
    }
    header += version_ == kHttp10 ? "" : "Transfer-Encoding: chunked\r\n";
    header += "Connection: close\r\n\r\n";
    streaming_ = true;
    waiting_ = std::move(header);
    dropped_.resize(kDropAtOnce);
    watch_client(0);
    flush();
    response.stream(shared_from_this());
  }

  // Sends what waits. The send limit counts from one part to the next: a client that reads slower
  // than that is dropped.
  void flush() {
    if (flushing_ || waiting_.empty()) {
      return;
    }
    flushing_ = true;
    sending_.swap(waiting_);
    waiting_.clear();
    expire_after(shared_->limits.send);
    asio::async_write(socket_,
                      asio::buffer(sending_),
                      [self = shared_from_this()](BoostError error, std::size_t) {
                        self->flushing_ = false;
                        self->deadline_.reset();
                        if (error) {
                          return self->abort();
                        }
                        self->flush();
                        if (!self->streaming_ && !self->flushing_) {
                          self->finish();
                        }
                      });
  }

  // Reads and drops what the client sends while nothing is expected of it: so its end is seen.
  void watch_client(std::size_t dropped) {
    watching_ = true;
    socket_.async_read_some(
        asio::buffer(dropped_),
        [self = shared_from_this(), dropped](BoostError error, std::size_t size) {
          if (error || dropped + size >= kMostDropped) {
            return self->abort();
          }
          self->watch_client(dropped + size);
        });
  }

  void finish() {
    if (socket_.tls() != nullptr && !watching_) {
      expire_after(kLinger);
      return socket_.tls()->shutdown([self = shared_from_this()](BoostError) { self->abort(); });
    }
    BoostError error;
    socket_.plain().shutdown(Socket::shutdown_send, error);
    if (!error && peer_.client.tcp) {
      expire_after(kLinger);
      if (!watching_) {
        dropped_.resize(kDropAtOnce);
        watch_client(0);
      }
    }
  }

  AnySocket socket_;
  Peer peer_;
  std::shared_ptr<Shared> shared_;
  std::optional<std::chrono::nanoseconds> deadline_;  // none while the handler works
  beast::flat_buffer buffer_;
  std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
  std::optional<beast::http::response<beast::http::span_body<const char>>> response_;
  std::shared_ptr<const std::string> body_;  // of the response that is sent
  std::vector<char> dropped_;
  bool streaming_ = false;
  bool flushing_ = false;
  bool watching_ = false;          // watch_client() reads
  std::string waiting_, sending_;  // of a stream
  bool keep_alive_ = false;
  bool head_ = false;  // the request is HEAD: the response is sent without its body
  unsigned version_ = 11;
};

}  // namespace

void Ready::add(const Client& client, std::function<void()> job) {
  std::deque<std::function<void()>>& line = lines_[client];
  line.push_back(std::move(job));
  if (line.size() > 1) {
    return;
  }
  if (client.root()) {
    turns_.push_front(client);
  } else {
    turns_.push_back(client);
  }
}

std::function<void()> Ready::take() {
  const Client client = turns_.front();
  turns_.pop_front();
  const auto line = lines_.find(client);
  std::function<void()> job = std::move(line->second.front());
  line->second.pop_front();
  if (line->second.empty()) {
    lines_.erase(line);
  } else {
    turns_.push_back(client);
  }
  return job;
}

std::shared_ptr<Connection> make_connection(Socket socket,
                                            const Tls* tls,
                                            Peer peer,
                                            std::shared_ptr<Shared> shared) {
  return std::make_shared<BeastConnection>(
      std::move(socket), tls, std::move(peer), std::move(shared));
}

}  // namespace mig::http

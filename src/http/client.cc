// SPDX-License-Identifier: Apache-2.0
#include "http/client.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

#include "http/unix_socket.h"

namespace mig::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Unix = asio::local::stream_protocol;
using Stream = beast::basic_stream<Unix>;

constexpr std::size_t kLongestSocketPath = 107;
constexpr std::size_t kReadAtOnce = 64U << 10U;
constexpr std::size_t kMostAnswer = 16U << 20U;

ErrorCode client_code_of(const beast::error_code& error) {
  if (error == beast::error::timeout) {
    return ErrorCode::kTimeout;
  }
  if (error == asio::error::connection_refused || error == beast::errc::no_such_file_or_directory) {
    return ErrorCode::kNotFound;
  }
  if (error == beast::errc::permission_denied) {
    return ErrorCode::kPermission;
  }
  return ErrorCode::kIo;
}

// One call as a chain of callbacks, so that the overall time limit applies to each step.
class Call {
 public:
  Call(std::string socket, std::chrono::milliseconds timeout)
      : socket_(std::move(socket)),
        stream_(io_.get_executor()),
        pause_(io_),
        give_up_(std::chrono::steady_clock::now() + timeout) {}

  Result<Answer> run(beast::http::request<beast::http::string_body> request) {
    request_ = std::move(request);
    parser_.body_limit(kMostAnswer);
    connect();
    io_.run();
    if (failure_) {
      return *std::move(failure_);
    }
    return Answer{static_cast<int>(parser_.get().result_int()), std::move(parser_.get().body())};
  }

 private:
  void connect() {
    base::Fd fd;
    const int number = connect_unix(socket_, fd);
    // EAGAIN: the server's listen backlog is full; retry shortly.
    if (number == EAGAIN && std::chrono::steady_clock::now() < give_up_) {
      return connect_later();
    }
    beast::error_code error(number, boost::system::system_category());
    if (!error) {
      stream_.socket().assign(Unix(), fd.get(), error);
    }
    if (failed(error, "connect to")) {
      return;
    }
    static_cast<void>(fd.release());
    stream_.expires_at(give_up_);
    send();
  }

  void connect_later() {
    constexpr std::chrono::milliseconds kMoment{10};
    pause_.expires_after(kMoment);
    pause_.async_wait([this](beast::error_code error) {
      if (!error) {
        connect();
      }
    });
  }

  void send() {
    beast::http::async_write(stream_, request_, [this](beast::error_code error, std::size_t) {
      if (!failed(error, "ask")) {
        receive();
      }
    });
  }

  void receive() {
    // Beast reads as much as the buffer has room for: 512 bytes at a time without this.
    buffer_.reserve(kReadAtOnce);
    beast::http::async_read(
        stream_, buffer_, parser_, [this](beast::error_code error, std::size_t) {
          failed(error, "hear from");
        });
  }

  bool failed(const beast::error_code& error, const char* doing) {
    if (!error) {
      return false;
    }
    failure_ = Error{client_code_of(error),
                     fmt::format("cannot {} the daemon at {}: {}", doing, socket_, error.message()),
                     "is migd running? (systemctl status migd, or: migctl serve)",
                     {},
                     {}};
    return true;
  }

  asio::io_context io_;
  std::string socket_;
  Stream stream_;
  asio::steady_timer pause_;
  std::chrono::steady_clock::time_point give_up_;
  beast::flat_buffer buffer_;
  beast::http::request<beast::http::string_body> request_;
  beast::http::response_parser<beast::http::string_body> parser_;
  std::optional<Error> failure_;
};

}  // namespace

Result<Answer> call(const std::string& socket,
                    const std::string& method,
                    const std::string& target,
                    const std::string& body,
                    std::chrono::milliseconds timeout) {
  if (socket.empty() || socket.size() > kLongestSocketPath) {
    return fail(
        ErrorCode::kInvalidInput,
        fmt::format("{} is no path for a socket: 1 to {} bytes", socket, kLongestSocketPath));
  }
  try {
    beast::http::request<beast::http::string_body> request;
    request.method(beast::http::string_to_verb(method));
    request.target(target);
    request.version(11);
    request.set(beast::http::field::host, "migd");
    request.set(beast::http::field::content_type, "application/json");
    request.keep_alive(false);
    request.body() = body;
    request.prepare_payload();
    return Call(socket, timeout).run(std::move(request));
  } catch (const std::exception& error) {
    return fail(ErrorCode::kIo,
                fmt::format("cannot ask the daemon at {}: {}", socket, error.what()));
  }
}

}  // namespace mig::http

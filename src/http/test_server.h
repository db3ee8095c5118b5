// SPDX-License-Identifier: Apache-2.0
// For tests: a server in a thread of its own, and raw clients of it.
#ifndef MIGCTL_HTTP_TEST_SERVER_H_
#define MIGCTL_HTTP_TEST_SERVER_H_

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "http/client.h"
#include "http/server.h"
#include "http/unix_socket.h"

namespace mig::http {

using namespace std::chrono_literals;  // NOLINT(google-global-names-in-headers): for tests

// Timeout of a test; only a defect reaches it, even on a loaded machine.
inline constexpr auto kPatience = 60s;

// A manual clock for two threads: advanced by the test, read by the server.
class SharedClock final : public base::Clock {
 public:
  std::chrono::nanoseconds monotonic() override { return now_.load(); }

  std::chrono::nanoseconds wall() override { return now_.load(); }

  void sleep(std::chrono::nanoseconds duration) override { advance(duration); }

  void advance(std::chrono::nanoseconds duration) { now_ = now_.load() + duration; }

 private:
  std::atomic<std::chrono::nanoseconds> now_{};
};

// Text of a refusal for tests: this room has no JSON.
inline std::string words(const Error& error) {
  return std::string(error_info(error.code).name) + "|" + error.message + "|" + error.hint;
}

class HttpTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "/http-XXXXXX";
    ASSERT_NE(::mkdtemp(dir_.data()), nullptr);
    ASSERT_EQ(::chmod(dir_.c_str(), 0755), 0);  // other users connect too
    path_ = dir_ + "/socket";
  }

  void TearDown() override {
    stop();
    std::filesystem::remove_all(dir_);
  }

  void serve(Handler handler) {
    auto listener = listen_unix(path_);
    ASSERT_TRUE(listener) << listener.error().text();
    auto server = Server::open(std::move(listener->fd), limits_, std::move(handler), words, clock_);
    ASSERT_TRUE(server) << server.error().text();
    server_ = *std::move(server);
    if (!tcp_.empty()) {
      auto listeners = listen_tcp(tcp_);
      ASSERT_TRUE(listeners) << listeners.error().text();
      tcp_ = listeners->front().address;
      ASSERT_TRUE(server_->serve_tcp(std::move(listeners->front().fd)));
    }
    // stop() must be called in the server's thread, so a timer there polls the flag.
    server_->every(5ms, [this] {
      if (end_) {
        server_->stop();
      }
    });
    server_->every(100ms, [this] { ++looks_; });
    thread_ = std::thread([this] { server_->run(); });
  }

  void stop() {
    end_ = true;
    if (thread_.joinable()) {
      thread_.join();
    }
    kept_.clear();  // no Reply may outlive the server
    server_.reset();
  }

  // Echoes the request.
  void serve_echo() {
    serve([this](const Request& request, const Reply& reply) {
      ++asked_;
      reply(
          {200,
           request.method + " " + request.path + " (" + request.query + ") [" + request.body + "]",
           "text/plain",
           {}});
    });
  }

  base::Fd connect() const {
    base::Fd fd;
    EXPECT_EQ(connect_unix(path_, fd), 0);
    timeval limit{kPatience.count(), 0};
    EXPECT_EQ(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    const int flags = ::fcntl(fd.get(), F_GETFL);
    EXPECT_EQ(::fcntl(fd.get(), F_SETFL, flags & ~O_NONBLOCK), 0);
    return fd;
  }

  // A connection to the server's port.
  base::Fd connect_tcp() const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(tcp_.substr(tcp_.rfind(':') + 1))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    base::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    timeval limit{kPatience.count(), 0};
    EXPECT_EQ(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    return fd;
  }

  std::string ask_tcp(const std::string& text) const {
    const base::Fd fd = connect_tcp();
    send(fd, text);
    return rest(fd);
  }

  static bool send(const base::Fd& fd, const std::string& text) {
    return ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
  }

  // Reads until the other end closes; "..." is appended on a timeout.
  static std::string rest(const base::Fd& fd) {
    std::string out;
    for (char buffer[4096];;) {
      const ssize_t got = ::recv(fd.get(), buffer, sizeof buffer, 0);
      if (got < 0 && errno == ECONNRESET) {
        return out;
      }
      if (got <= 0) {
        return got == 0 ? out : out + "...";
      }
      out.append(buffer, static_cast<std::size_t>(got));
    }
  }

  std::string ask(const std::string& text) const {
    const base::Fd fd = connect();
    send(fd, text);
    return rest(fd);
  }

  // A connection with that user's credentials: the kernel takes the effective uid at connect().
  base::Fd connect_as(uid_t uid) const {
    EXPECT_EQ(::seteuid(uid), 0);
    base::Fd fd = connect();
    EXPECT_EQ(::seteuid(0), 0);
    return fd;
  }

  void wait_until_asked(int times) const {
    for (const auto end = std::chrono::steady_clock::now() + kPatience;
         asked_ < times && std::chrono::steady_clock::now() < end;
         std::this_thread::sleep_for(1ms)) {
    }
    EXPECT_EQ(asked_, times);
  }

  // Waits until the server has checked its connections at least once: its check and the counter
  // have one period.
  void let_the_server_look() {
    const int looked = looks_;
    for (const auto end = std::chrono::steady_clock::now() + kPatience;
         looks_ < looked + 3 && std::chrono::steady_clock::now() < end;
         std::this_thread::sleep_for(1ms)) {
    }
    EXPECT_GE(looks_, looked + 3);
  }

  static std::string status(const std::string& answer) { return answer.substr(9, 3); }

  std::string dir_, path_;
  std::string tcp_;  // where to listen too, then with the port; "" = nowhere
  Limits limits_;
  SharedClock clock_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
  std::atomic<bool> end_ = false;
  std::atomic<int> asked_ = 0;
  std::atomic<int> looks_ = 0;
  std::vector<Reply> kept_;
};

}  // namespace mig::http

#endif  // MIGCTL_HTTP_TEST_SERVER_H_

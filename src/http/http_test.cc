// SPDX-License-Identifier: Apache-2.0
// The server with clients of every kind, over a real socket: polite, slow, huge, gone.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "http/client.h"
#include "http/server.h"
#include "http/unix_socket.h"

namespace mig::http {
namespace {

using namespace std::chrono_literals;

// So long a test waits for what must come: only a defect lasts longer, however loaded the machine.
constexpr auto kPatience = 60s;

class HttpTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "/http-XXXXXX";
    ASSERT_NE(::mkdtemp(dir_.data()), nullptr);
    path_ = dir_ + "/socket";
  }

  void TearDown() override {
    stop();
    std::filesystem::remove_all(dir_);
  }

  void serve(Handler handler) {
    auto listener = listen_unix(path_);
    ASSERT_TRUE(listener) << listener.error().text();
    auto server = Server::open(std::move(listener->fd), limits_, std::move(handler));
    ASSERT_TRUE(server) << server.error().text();
    server_ = *std::move(server);
    // stop() from another thread is not for the server's users: asked for in its own.
    server_->every(5ms, [this] {
      if (end_) {
        server_->stop();
      }
    });
    thread_ = std::thread([this] { server_->run(); });
  }

  void stop() {
    end_ = true;
    if (thread_.joinable()) {
      thread_.join();
    }
    kept_.clear();  // none may outlive the server
    server_.reset();
  }

  // Says what it was asked.
  void serve_echo() {
    serve([this](const Request& request, const Reply& reply) {
      ++asked_;
      reply({200, request.method + " " + request.path + " [" + request.body + "]", "text/plain"});
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

  static bool send(const base::Fd& fd, const std::string& text) {
    return ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
  }

  // All until the other end closes; "..." at its end when it did not.
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

  // With a limit so short that a busy machine may keep us from asking within it: then once more.
  std::string ask_in_time(const std::string& text) const {
    std::string answer = ask(text);
    while (asked_ == 0)
      answer = ask(text);
    return answer;
  }

  static std::string status(const std::string& answer) { return answer.substr(9, 3); }

  std::string dir_, path_;
  Limits limits_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
  std::atomic<bool> end_ = false;
  std::atomic<int> asked_ = 0;
  std::vector<Reply> kept_;
};

TEST_F(HttpTest, ARequestArrivesWithoutItsQuery) {
  serve_echo();
  const auto answer = call(path_, "POST", "/v1/leases?all=1&x=?", "body", kPatience);
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "POST /v1/leases [body]");
}

TEST_F(HttpTest, WhoAsksIsTheKernelsWord) {
  PeerCredentials peer;
  serve([&peer](const Request& request, const Reply& reply) {
    peer = request.peer;
    reply({200, "", "text/plain"});
  });
  ASSERT_TRUE(call(path_, "GET", "/", "", kPatience));
  stop();
  EXPECT_EQ(peer.uid, ::getuid());
  EXPECT_EQ(peer.pid, static_cast<std::uint32_t>(::getpid()));
}

TEST_F(HttpTest, AnAnswerIsNotKeptByAnybody) {
  serve_echo();
  const std::string answer = ask("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(status(answer), "200");
  EXPECT_NE(answer.find("Cache-Control: no-store\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("Server: migd\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("Content-Type: text/plain\r\n"), std::string::npos) << answer;
}

TEST_F(HttpTest, OneConnectionServesManyRequests) {
  serve_echo();
  const std::string one = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string answers =
      ask(one + one + "GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(answers.find("GET /b []"), std::string::npos) << answers;
  EXPECT_EQ(asked_, 3);
}

TEST_F(HttpTest, LimitsOfHeaderAndBodyAreExact) {
  limits_.header_bytes = 1000;
  limits_.body_bytes = 100;
  serve_echo();
  EXPECT_EQ(call(path_, "POST", "/", std::string(100, 'x'), kPatience)->status, 200);
  EXPECT_EQ(call(path_, "POST", "/", std::string(101, 'x'), kPatience)->status, 413);
  const std::string longer = "GET / HTTP/1.1\r\nX: " + std::string(1000, 'a') + "\r\n\r\n";
  EXPECT_EQ(status(ask(longer)), "431");
  // Said before a byte of it is sent, and in pieces.
  EXPECT_EQ(status(ask("POST / HTTP/1.1\r\nContent-Length: 9223372036854775807\r\n\r\n")), "413");
  EXPECT_EQ(status(ask("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" +
                       std::string(0x65, 'x') + "\r\n0\r\n\r\n")),
            "413");
  EXPECT_EQ(asked_, 1);
}

TEST_F(HttpTest, WhatIsNoRequestIsRefusedAndTheConnectionCloses) {
  serve_echo();
  for (const std::string& text : {std::string("\0\xff\xfe garbage\r\n\r\n", 14),
                                  std::string("GET /v1/leases\r\n\r\n"),
                                  std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
                                  std::string("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
                                  std::string("POST / HTTP/1.1\r\nContent-Length: 2\r\n"
                                              "Content-Length: 5\r\n\r\n{}aaa"),
                                  std::string("POST / HTTP/1.1\r\nContent-Length: 4\r\n"
                                              "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")}) {
    const std::string answer = ask(text);
    EXPECT_EQ(status(answer), "400") << text << " " << answer;
    EXPECT_NE(answer.find("\"kind\":\"Error\""), std::string::npos) << answer;
  }
  EXPECT_EQ(asked_, 0);
}

// Neither a client that sends nothing, nor one that sends a byte now and then, nor one that keeps
// its connection after an answer, holds it for longer than the limit.
TEST_F(HttpTest, ASlowClientLosesItsConnection) {
  limits_.receive = 300ms;
  serve_echo();
  EXPECT_EQ(rest(connect()), "");
  const std::string answer = ask_in_time("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(status(answer), "200");
  EXPECT_FALSE(answer.ends_with("...")) << answer;
  const base::Fd slow = connect();
  bool closed = false;
  for (const auto end = std::chrono::steady_clock::now() + kPatience;
       !closed && std::chrono::steady_clock::now() < end;
       std::this_thread::sleep_for(20ms)) {
    closed = !send(slow, "G");
  }
  EXPECT_TRUE(closed);
}

// A client that does not read its answer loses it.
TEST_F(HttpTest, AnAnswerThatNobodyReadsIsGivenUp) {
  limits_.send = 300ms;
  serve([](const Request&, const Reply& reply) {
    reply({200, std::string(8U << 20U, 'x'), "text/plain"});
  });
  const base::Fd deaf = connect();
  send(deaf, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  bool gone = false;
  for (const auto end = std::chrono::steady_clock::now() + kPatience;
       !gone && std::chrono::steady_clock::now() < end;
       std::this_thread::sleep_for(20ms)) {
    gone = !send(deaf, "x");
  }
  EXPECT_TRUE(gone);
}

// A reply may take as long as it wants: the time to receive does not run meanwhile.
TEST_F(HttpTest, AReplyMayComeLater) {
  limits_.receive = 100ms;
  serve([this](const Request&, const Reply& reply) {
    ++asked_;
    kept_.push_back(reply);
  });
  int ticks = 0;
  server_->every(100ms, [this, &ticks] {
    if (kept_.empty() || ++ticks < 4) {
      return;
    }
    kept_.back()({202, "soon", "text/plain"});
    kept_.clear();
  });
  const std::string answer = ask_in_time("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  stop();
  ASSERT_GT(answer.size(), 12U) << "the connection was closed while the reply was made";
  EXPECT_EQ(status(answer), "202") << answer;
}

TEST_F(HttpTest, TooManyConnectionsAreToldSo) {
  limits_.connections = 2;
  serve_echo();
  const base::Fd first = connect();
  const base::Fd second = connect();
  const std::string refused = ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(status(refused), "503") << refused;
  EXPECT_NE(refused.find("no_capacity"), std::string::npos);
  EXPECT_EQ(asked_, 0);
}

TEST_F(HttpTest, AConnectionThatEndedCountsNoMore) {
  limits_.connections = 1;
  serve_echo();
  for (int i = 0; i < 5; ++i) {
    // The server may see the last one's end after the next one's beginning.
    std::string answer;
    for (int again = 0; again < 1000 && (again == 0 || status(answer) == "503"); ++again) {
      answer = ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    }
    EXPECT_EQ(status(answer), "200");
  }
}

TEST_F(HttpTest, ASecondDaemonIsRefusedAndADeadOnesFileIsNot) {
  serve_echo();
  const auto second = listen_unix(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(somebody_listens(path_));
  stop();
  EXPECT_TRUE(std::filesystem::exists(path_)) << "the file of one that was killed";
  EXPECT_FALSE(somebody_listens(path_));
  const auto third = listen_unix(path_);
  EXPECT_TRUE(third) << third.error().text();
  EXPECT_EQ(std::filesystem::status(path_).permissions(), std::filesystem::perms(0666));
}

TEST_F(HttpTest, WhatIsNoSocketIsLeftAlone) {
  const int fd = ::open(path_.c_str(), O_CREAT | O_WRONLY, 0600);
  ::close(fd);
  EXPECT_FALSE(listen_unix(path_));
  EXPECT_TRUE(std::filesystem::is_regular_file(path_));
}

TEST_F(HttpTest, TheClientSaysWhyItHasNoAnswer) {
  const auto nobody = call(path_, "GET", "/", "", kPatience);
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(call(std::string(108, 'p'), "GET", "/", "", kPatience).error().code,
            ErrorCode::kInvalidInput);
  EXPECT_EQ(call("", "GET", "/", "", kPatience).error().code, ErrorCode::kInvalidInput);
  serve([this](const Request&, const Reply& reply) { kept_.push_back(reply); });
  const auto silent = call(path_, "GET", "/", "", 200ms);
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, ErrorCode::kTimeout);
}

TEST_F(HttpTest, ADescriptorIsWatchedOnce) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  std::atomic<int> seen = 0;
  auto listener = listen_unix(path_);
  ASSERT_TRUE(listener);
  auto server = Server::open(std::move(listener->fd), limits_, [](const Request&, const Reply&) {});
  ASSERT_TRUE(server);
  (*server)->when_readable(base::Fd(pipe[0]), [&] { ++seen; });
  int ticks = 0;
  (*server)->every(10ms, [&] {
    if (++ticks == 2) {
      ::close(pipe[1]);
    }
    if (ticks == 6) {
      (*server)->stop();
    }
  });
  (*server)->run();
  EXPECT_EQ(seen, 1);
}

}  // namespace
}  // namespace mig::http

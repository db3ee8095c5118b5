// SPDX-License-Identifier: Apache-2.0
// The server with clients of every kind, over a real socket: regular, slow, oversized,
// disconnected.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
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

// Timeout of a test; only a defect reaches it, even on a loaded machine.
constexpr auto kPatience = 60s;

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
std::string words(const Error& error) {
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
  Limits limits_;
  SharedClock clock_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
  std::atomic<bool> end_ = false;
  std::atomic<int> asked_ = 0;
  std::atomic<int> looks_ = 0;
  std::vector<Reply> kept_;
};

TEST_F(HttpTest, ARequestArrivesWithItsQueryApart) {
  serve_echo();
  const auto answer = call(path_, "POST", "/v1/leases?all=1&x=?", "body", kPatience);
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "POST /v1/leases (all=1&x=?) [body]");
}

TEST_F(HttpTest, WhoAsksIsTheKernelsWord) {
  PeerCredentials peer;
  serve([&peer](const Request& request, const Reply& reply) {
    peer = request.peer;
    reply({200, "", "text/plain", {}});
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
  EXPECT_NE(answers.find("GET /b () []"), std::string::npos) << answers;
  EXPECT_EQ(asked_, 3);
}

TEST_F(HttpTest, LimitsOfHeaderAndBodyAreExact) {
  limits_.header_bytes = 1000;
  limits_.body_bytes = 100;
  serve_echo();
  EXPECT_EQ(call(path_, "POST", "/", std::string(100, 'x'), kPatience)->status, 200);
  EXPECT_EQ(call(path_, "POST", "/", std::string(101, 'x'), kPatience)->status, 413);
  const std::string longer = "GET / HTTP/1.1\r\nX: " + std::string(1000, 'a') + "\r\n\r\n";
  const std::string refused = ask(longer);
  EXPECT_EQ(status(refused), "413") << "the status of too_large in the one table";
  EXPECT_NE(refused.find("too_large|the header of the request is longer than 1000 bytes|"),
            std::string::npos)
      << refused;
  // Content-Length is declared before the body, which comes in pieces.
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
    EXPECT_NE(answer.find("usage|what came is no HTTP/1.1 request: "), std::string::npos) << answer;
    EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos) << answer;
  }
  EXPECT_EQ(asked_, 0);
}

// Pipelined requests are answered in order; requests after a malformed one are ignored.
TEST_F(HttpTest, PipelinedRequestsAreAnsweredInOrderUpToTheBrokenOne) {
  serve_echo();
  const std::string answers =
      ask("POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none"
          "GET /2?a=b HTTP/1.1\r\nHost: x\r\n\r\n"
          "garbage\r\n\r\n"
          "GET /3 HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto first = answers.find("POST /1 () [one]");
  const auto second = answers.find("GET /2 (a=b) []");
  const auto third = answers.find("400 Bad Request");
  EXPECT_LT(first, second) << answers;
  EXPECT_LT(second, third) << answers;
  EXPECT_NE(third, std::string::npos) << answers;
  EXPECT_EQ(answers.find("/3"), std::string::npos) << answers;
  EXPECT_EQ(asked_, 2);
}

TEST_F(HttpTest, AChunkedBodyArrivesWhole) {
  serve_echo();
  const std::string answer =
      ask("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
          "4;name=value\r\nfour\r\nA\r\n and eight\r\n0\r\nTrailer: t\r\n\r\n");
  EXPECT_NE(answer.find("[four and eight]"), std::string::npos) << answer;
  EXPECT_EQ(status(ask("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")), "400");
}

// A client that disconnects in the middle of a request causes neither a request nor an error.
TEST_F(HttpTest, AClientThatLeavesHalfwayIsForgotten) {
  limits_.connections = 1;
  serve_echo();
  {
    const base::Fd gone = connect();
    send(gone, "POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf");
  }
  std::string answer;
  for (int again = 0; again < 1000 && (again == 0 || status(answer) == "409"); ++again) {
    answer = ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  }
  EXPECT_EQ(status(answer), "200") << answer;
  EXPECT_EQ(asked_, 1);
}

// Clients that send nothing, only a part, or keep an idle connection after a response are
// disconnected at the limit, and not before. The server's manual clock decides, not the wall clock.
TEST_F(HttpTest, ASlowClientLosesItsConnection) {
  limits_.receive = 10s;
  serve_echo();
  const base::Fd silent = connect();
  const base::Fd slow = connect();
  send(slow, "GET / HTTP/1.1\r\nHo");
  const base::Fd kept = connect();
  send(kept, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  wait_until_asked(1);
  clock_.advance(9'999ms);
  let_the_server_look();
  EXPECT_TRUE(send(slow, "st: x\r\n\r\n")) << "in time";
  wait_until_asked(2);
  clock_.advance(1ms);
  EXPECT_EQ(rest(silent), "");
  clock_.advance(10s);
  EXPECT_EQ(status(rest(slow)), "200");
  const std::string answer = rest(kept);
  EXPECT_EQ(status(answer), "200");
  EXPECT_FALSE(answer.ends_with("...")) << answer;
}

// Slowloris: the limit applies to a request as a whole, so single bytes do not prolong it.
TEST_F(HttpTest, AByteNowAndThenProlongsNothing) {
  limits_.receive = 10s;
  serve_echo();
  const base::Fd slow = connect();
  bool closed = false;
  for (int i = 0; i < 10 && !closed; ++i) {
    closed = !send(slow, "G");
    clock_.advance(4s);
    let_the_server_look();
  }
  EXPECT_TRUE(closed);
}

// A client that does not read its response is disconnected.
TEST_F(HttpTest, AnAnswerThatNobodyReadsIsGivenUp) {
  limits_.send = 10s;
  serve([this](const Request&, const Reply& reply) {
    ++asked_;
    reply({200, std::string(8U << 20U, 'x'), "text/plain", {}});
  });
  const base::Fd deaf = connect();
  send(deaf, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  wait_until_asked(1);
  for (int i = 0; i < 2; ++i) {  // the first may come before the response is begun
    clock_.advance(10s);
    let_the_server_look();
  }
  const std::string answer = rest(deaf);
  EXPECT_EQ(status(answer), "200");
  EXPECT_LT(answer.size(), 8U << 20U) << "what fitted into the socket, and no more";
}

// A deferred reply: the receive timeout does not run meanwhile.
TEST_F(HttpTest, AReplyMayComeLater) {
  limits_.receive = 10s;
  serve([this](const Request&, const Reply& reply) { kept_.push_back(reply); });
  int ticks = 0;
  server_->every(100ms, [this, &ticks] {
    if (kept_.empty()) {
      return;
    }
    clock_.advance(10s);
    if (++ticks < 4) {
      return;
    }
    kept_.back()({202, "soon", "text/plain", {}});
    kept_.clear();
  });
  const std::string answer = ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  stop();
  EXPECT_EQ(status(answer), "202") << answer;
}

TEST_F(HttpTest, TooManyConnectionsAreToldSo) {
  limits_.connections = 2;
  serve_echo();
  const base::Fd first = connect();
  const base::Fd second = connect();
  const std::string refused = ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(status(refused), "409") << refused;
  EXPECT_NE(refused.find("no_capacity|too many connections to migd|close some"), std::string::npos);
  EXPECT_EQ(asked_, 0);
}

// Connection quota: one user cannot starve the others; root counts only towards the total.
TEST_F(HttpTest, AUserHasAShareOfTheConnections) {
  if (::getuid() != 0) {
    GTEST_SKIP() << "only root can be several users";
  }
  limits_.connections_of_user = 2;
  serve_echo();
  const std::string request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  std::vector<base::Fd> of_one;
  for (int i = 0; i < 2; ++i) {
    of_one.push_back(connect_as(61001));
  }
  const base::Fd third = connect_as(61001);
  send(third, request);
  EXPECT_EQ(status(rest(third)), "409") << "its third";
  const base::Fd other = connect_as(61002);
  send(other, request);
  EXPECT_EQ(status(rest(other)), "200") << "another user's first";
  std::vector<base::Fd> of_root;
  for (int i = 0; i < 3; ++i) {
    of_root.push_back(connect());
  }
  EXPECT_EQ(status(ask(request)), "200") << "root's fourth";
  of_one.clear();
  std::string again;
  for (int i = 0; i < 1000 && (i == 0 || status(again) == "409"); ++i) {
    const base::Fd once_more = connect_as(61001);
    send(once_more, request);
    again = rest(once_more);
  }
  EXPECT_EQ(status(again), "200") << "after the others ended";
}

TEST_F(HttpTest, AConnectionThatEndedCountsNoMore) {
  limits_.connections = 1;
  serve_echo();
  for (int i = 0; i < 5; ++i) {
    // Race: the server may see the last connection's end after the next one's begin.
    std::string answer;
    for (int again = 0; again < 1000 && (again == 0 || status(answer) == "409"); ++again) {
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
  auto server = Server::open(
      std::move(listener->fd), limits_, [](const Request&, const Reply&) {}, words);
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

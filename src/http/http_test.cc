// SPDX-License-Identifier: Apache-2.0
// The server with clients of every kind, over a real socket: regular, slow, oversized,
// disconnected.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "http/test_server.h"

namespace mig::http {
namespace {

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

// The handler sees a GET; the client gets its header, with the length of the body that is not sent.
TEST_F(HttpTest, AHeadRequestGetsTheHeaderOfItsGet) {
  serve_echo();
  const std::string head = "HEAD /a?b=c HTTP/1.1\r\nHost: x\r\n";
  const std::string answers =
      ask(head + "\r\n" + "GET /a?b=c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string body = "GET /a (b=c) []";
  const std::string length = "Content-Length: " + std::to_string(body.size()) + "\r\n";
  const std::size_t first_end = answers.find("\r\n\r\n") + 4;
  EXPECT_EQ(status(answers), "200");
  EXPECT_LT(answers.find(length), first_end) << answers;
  EXPECT_EQ(answers.compare(first_end, 5, "HTTP/"), 0) << "no body: " << answers;
  EXPECT_NE(answers.find(length, first_end), std::string::npos) << "the same length: " << answers;
  EXPECT_TRUE(answers.ends_with(body)) << answers;
  const std::string last = ask(head + "Connection: close\r\n\r\n");
  EXPECT_TRUE(last.ends_with("\r\n\r\n")) << last;
  EXPECT_EQ(asked_, 3);
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

TEST_F(HttpTest, SomeConnectionsAreKeptForRootAndForThoseWithFew) {
  if (::getuid() != 0) {
    GTEST_SKIP() << "only root can be several users";
  }
  limits_.connections = 6;
  limits_.kept_for_root = 1;
  limits_.crowded = 3;
  limits_.few_of_user = 2;
  serve_echo();
  const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  std::vector<base::Fd> open;
  const auto served = [&](uid_t uid) {
    open.push_back(connect_as(uid));
    send(open.back(), request);
    char line[32] = {};
    return ::recv(open.back().get(), line, sizeof line - 1, 0) > 0 ? status(line) : "";
  };
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(served(61001), "200");
  }
  EXPECT_EQ(served(61001), "409") << "it is crowded, and this user has three";
  EXPECT_EQ(rest(open.back()).empty(), false);
  open.pop_back();
  EXPECT_EQ(served(61002), "200");
  EXPECT_EQ(served(61003), "200");
  EXPECT_EQ(served(61004), "409") << "the last one is root's";
  EXPECT_EQ(served(0), "200");
}

// One user sends many requests at once: another's, and root's, do not wait for all of them.
TEST_F(HttpTest, RequestsOfUsersTakeTurns) {
  if (::getuid() != 0) {
    GTEST_SKIP() << "only root can be several users";
  }
  std::promise<void> all_sent;
  std::vector<std::uint32_t> order;
  std::mutex mutex;
  serve([&](const Request& asked, const Reply& reply) {
    if (asked.path == "/first") {
      all_sent.get_future().wait();
    }
    {
      const std::lock_guard lock(mutex);
      order.push_back(asked.peer.uid);
    }
    ++asked_;
    reply({200, "", "text/plain", {}});
  });
  std::vector<base::Fd> open;
  const auto ask_as = [&](uid_t uid, const char* path) {
    open.push_back(connect_as(uid));
    EXPECT_TRUE(send(open.back(), std::string("GET ") + path + " HTTP/1.1\r\nHost: x\r\n\r\n"));
  };
  constexpr int kMany = 20;
  for (int i = 0; i < kMany; ++i) {
    open.push_back(connect_as(61001));
  }
  open.push_back(connect_as(61002));
  open.push_back(connect());
  const std::string request = "GET /more HTTP/1.1\r\nHost: x\r\n\r\n";
  // Connections are accepted before the server is busy with the first request.
  for (const base::Fd& each : open) {
    EXPECT_TRUE(send(each, request));
    wait_until_asked(static_cast<int>(&each - open.data()) + 1);
    char line[512];
    EXPECT_GT(::recv(each.get(), line, sizeof line, 0), 0);
  }
  const std::size_t accepted = open.size();
  order.clear();
  ask_as(61001, "/first");
  for (std::size_t i = 0; i < accepted; ++i) {
    EXPECT_TRUE(send(open[i], request));
  }
  all_sent.set_value();
  wait_until_asked(static_cast<int>(2 * accepted + 1));
  stop();
  const auto place = [&](std::uint32_t uid) {
    return std::find(order.begin(), order.end(), uid) - order.begin();
  };
  EXPECT_LE(place(0), 2);
  EXPECT_LE(place(61002), 4);
}

TEST_F(HttpTest, ACallIsPostedFromAnotherThreadAndAnotherComesLater) {
  serve_echo();
  std::promise<std::thread::id> posted;
  std::promise<std::thread::id> later;
  server_->post([&] {
    server_->after(1ms, [&] { later.set_value(std::this_thread::get_id()); });
    posted.set_value(std::this_thread::get_id());
  });
  EXPECT_EQ(posted.get_future().get(), thread_.get_id());
  EXPECT_EQ(later.get_future().get(), thread_.get_id());
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

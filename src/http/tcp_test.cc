// SPDX-License-Identifier: Apache-2.0
// The server's TCP side: who asks, header fields, limits for each address, addresses to listen on.
#include <mutex>

#include <gtest/gtest.h>

#include "http/test_server.h"

namespace mig::http {
namespace {

class TcpTest : public HttpTest {
 protected:
  void SetUp() override {
    HttpTest::SetUp();
    tcp_ = "127.0.0.1:0";
  }
};

// Nobody is root by default: (uid_t)-1 until the handler knows better.
TEST_F(TcpTest, AClientOfTcpIsNobody) {
  Request seen;
  std::mutex lock;
  serve([&](const Request& request, const Reply& reply) {
    const std::lock_guard held(lock);
    seen = request;
    reply({200, "", "text/plain", {}});
  });
  const std::string answer = ask_tcp(
      "GET /x?y=1 HTTP/1.0\r\nHost: a\r\nX-One: 1\r\nAuthorization: Bearer b\r\nx-one: 2\r\n\r\n");
  EXPECT_EQ(status(answer), "200");
  const std::lock_guard held(lock);
  EXPECT_EQ(seen.peer.uid, UINT32_MAX);
  EXPECT_EQ(seen.peer.gid, UINT32_MAX);
  EXPECT_EQ(seen.peer.pid, 0U);
  ASSERT_TRUE(seen.remote);
  EXPECT_EQ(seen.remote->address, "127.0.0.1");
  EXPECT_TRUE(seen.remote->loopback);
  EXPECT_EQ(seen.headers.at("host"), "a");
  EXPECT_EQ(seen.headers.at("x-one"), "1, 2");
  EXPECT_EQ(seen.headers.at("authorization"), "Bearer b");
}

TEST_F(TcpTest, BothSocketsAreServedAndAConnectionIsKept) {
  serve_echo();
  EXPECT_EQ(call(path_, "GET", "/u", "", kPatience)->body, "GET /u () []");
  const std::string answer = ask_tcp(
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_NE(answer.find("GET /1 () []"), std::string::npos);
  EXPECT_NE(answer.find("GET /2 () []"), std::string::npos);
}

// One address cannot keep others, nor the users of the UNIX socket, from being served.
TEST_F(TcpTest, OneAddressHasSoManyConnections) {
  limits_.connections_of_address = 3;
  serve_echo();
  std::vector<base::Fd> held;
  for (int i = 0; i < 3; ++i) {
    held.push_back(connect_tcp());
    send(held.back(), "GET / HTTP/1.1\r\n");
  }
  EXPECT_EQ(status(ask_tcp("GET / HTTP/1.0\r\n\r\n")), "409");
  EXPECT_EQ(call(path_, "GET", "/", "", kPatience)->status, 200);
  held.pop_back();
  for (bool served = false; !served;) {  // its end is seen when the server reads it
    served = status(ask_tcp("GET / HTTP/1.0\r\n\r\n")) == "200";
  }
}

TEST_F(TcpTest, AllOfTcpHaveSoManyConnections) {
  limits_.tcp_connections = 2;
  serve_echo();
  const base::Fd one = connect_tcp();
  const base::Fd two = connect_tcp();
  EXPECT_EQ(status(ask_tcp("GET / HTTP/1.0\r\n\r\n")), "409");
  EXPECT_EQ(call(path_, "GET", "/", "", kPatience)->status, 200);
}

// A refusal is read although the client has sent more than was read: without it, the kernel's reset
// would take the answer with it.
TEST_F(TcpTest, ARefusedBodyStillGetsItsAnswer) {
  serve_echo();
  for (int i = 0; i < 20; ++i) {
    const std::string answer =
        ask_tcp("POST / HTTP/1.1\r\nContent-Length: 300000\r\n\r\n" + std::string(300'000, 'x'));
    ASSERT_NE(answer.find("413"), std::string::npos);
    ASSERT_NE(answer.find("too_large|"), std::string::npos);
  }
}

TEST(ListenTcp, TellsWhereItListens) {
  const auto four = listen_tcp("127.0.0.1:0");
  ASSERT_TRUE(four) << four.error().text();
  ASSERT_EQ(four->size(), 1U);
  EXPECT_TRUE(four->front().loopback);
  EXPECT_TRUE(four->front().address.starts_with("127.0.0.1:"));
  EXPECT_FALSE(four->front().address.ends_with(":0"));
  const auto again = listen_tcp(four->front().address);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
  const auto all = listen_tcp("0.0.0.0:0");
  ASSERT_TRUE(all);
  EXPECT_FALSE(all->front().loopback);
}

TEST(ListenTcp, RefusesWhatIsNoAddress) {
  for (const char* text : {"",
                           ":",
                           "9400",
                           "127.0.0.1",
                           "127.0.0.1:",
                           "127.0.0.1:65536",
                           ":9400",
                           "::1:9400",
                           "[::1]",
                           "[]:1",
                           "example.org:80",
                           "127.0.0.1:+1"}) {
    const auto listener = listen_tcp(text);
    ASSERT_FALSE(listener) << text;
    EXPECT_EQ(listener.error().code, ErrorCode::kInvalidInput) << text;
  }
}

}  // namespace
}  // namespace mig::http

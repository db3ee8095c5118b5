// SPDX-License-Identifier: Apache-2.0
// Responses without an end: what is written arrives, slow readers are dropped, ends are seen.
#include <future>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "http/test_server.h"

namespace mig::http {
namespace {

class StreamTest : public HttpTest {
 protected:
  void SetUp() override {
    HttpTest::SetUp();
    tcp_ = "127.0.0.1:0";
  }

  // GET /stream: a stream that the test writes to; else an echo.
  void serve_streams() {
    serve([this](const Request& request, const Reply& reply) {
      if (request.path != "/stream") {
        return reply({200, request.path, "text/plain", {}});
      }
      Response response;
      response.content_type = "text/event-stream";
      response.stream = [this](const std::shared_ptr<Stream>& stream) {
        const std::lock_guard held(lock_);
        stream_ = stream;
        stream->write("first\n");
        ++begun_;
      };
      reply(std::move(response));
    });
  }

  // Calls in the server's thread.
  template <class Call>
  auto in_server(Call call) {
    std::promise<decltype(call())> done;
    auto result = done.get_future();
    server_->post([&] { done.set_value(call()); });
    return result.get();
  }

  bool write(const std::string& text) {
    return in_server([&] {
      const auto stream = stream_.lock();
      return stream && stream->write(text);
    });
  }

  void wait_until_begun() const {
    while (begun_ == 0) {
      std::this_thread::sleep_for(1ms);
    }
  }

  static std::string read_until(const base::Fd& fd, const std::string& end) {
    std::string out;
    for (char byte = 0; !out.ends_with(end) && ::recv(fd.get(), &byte, 1, 0) == 1;) {
      out += byte;
    }
    return out;
  }

  std::mutex lock_;
  std::weak_ptr<Stream> stream_;
  std::atomic<int> begun_ = 0;
};

TEST_F(StreamTest, AHeadRequestBeginsNone) {
  serve_streams();
  const std::string answer = ask_tcp("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(status(answer), "200");
  EXPECT_NE(answer.find("Content-Type: text/event-stream\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
  EXPECT_EQ(begun_, 0);
}

TEST_F(StreamTest, WhatIsWrittenArrivesInPartsWithTheirLengths) {
  serve_streams();
  for (const bool tcp : {false, true}) {
    const base::Fd client = tcp ? connect_tcp() : connect();
    send(client, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    const std::string head = read_until(client, "6\r\nfirst\n\r\n");
    EXPECT_EQ(status(head), "200");
    EXPECT_NE(head.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
    EXPECT_NE(head.find("Content-Type: text/event-stream\r\n"), std::string::npos);
    EXPECT_NE(head.find("Cache-Control: no-store\r\n"), std::string::npos);
    EXPECT_EQ(head.find("Content-Length"), std::string::npos);
    ASSERT_TRUE(write("0123456789abcdef\n"));
    EXPECT_EQ(read_until(client, "f\n\r\n"), "11\r\n0123456789abcdef\n\r\n");
    EXPECT_EQ(call(path_, "GET", "/other", "", kPatience)->body, "/other") << "others are served";
    in_server([&] {
      stream_.lock()->close();
      return true;
    });
    EXPECT_EQ(rest(client), "0\r\n\r\n");
  }
}

TEST_F(StreamTest, AnOldClientReadsToTheEnd) {
  serve_streams();
  const base::Fd client = connect_tcp();
  send(client, "GET /stream HTTP/1.0\r\n\r\n");
  const std::string head = read_until(client, "first\n");
  EXPECT_EQ(head.find("chunked"), std::string::npos);
  EXPECT_NE(head.find("\r\n\r\nfirst\n"), std::string::npos);
  ASSERT_TRUE(write("second\n"));
  in_server([&] {
    stream_.lock()->close();
    return true;
  });
  EXPECT_EQ(rest(client), "second\n");
}

TEST_F(StreamTest, TheEndOfTheClientIsSeen) {
  serve_streams();
  {
    const base::Fd client = connect_tcp();
    send(client, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\nGET /other HTTP/1.1\r\n\r\n");
    read_until(client, "first\n\r\n");
    EXPECT_TRUE(write("more\n"));
  }
  while (write("")) {
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(in_server([&] { return stream_.expired(); })) << "nothing of it is kept";
}

// Memory for a client that does not read is bounded, and so is the time.
TEST_F(StreamTest, ASlowReaderIsDropped) {
  limits_.stream_bytes = 100'000;
  serve_streams();
  const base::Fd client = connect();  // a UNIX socket takes some 200 KiB by itself
  send(client, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  wait_until_begun();
  const std::string part(10'000, 'x');
  int written = 0;
  while (write(part)) {
    ASSERT_LT(++written, 1000);
  }
  EXPECT_GT(written, 9);
  EXPECT_FALSE(write("more"));
  EXPECT_FALSE(rest(client).ends_with("0\r\n\r\n"))
      << "a cut stream does not look like one that ended";
}

TEST_F(StreamTest, WhoReadsNothingForTheTimeToSendIsDropped) {
  serve_streams();
  const base::Fd client = connect();
  send(client, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  wait_until_begun();
  clock_.advance(limits_.send * 100);
  let_the_server_look();
  EXPECT_TRUE(write("x")) << "who has read all may wait as long as it takes";
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(write(std::string(8'000, 'x')));
  }
  let_the_server_look();
  clock_.advance(limits_.send - 1ms);
  let_the_server_look();
  EXPECT_TRUE(write("x"));
  clock_.advance(2ms);
  let_the_server_look();
  EXPECT_FALSE(write("x"));
}

}  // namespace
}  // namespace mig::http

// SPDX-License-Identifier: Apache-2.0
// DaemonEvents against a server on a UNIX socket that sends what a test says.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "kubernetes/api/test_fake_api.h"
#include "kubernetes/api/watch.h"

namespace mig::kube {
namespace {

class EventsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "events.XXXXXX";
    folder_ = ::mkdtemp(name.data());
    socket_ = folder_ + "/migd.sock";
    pace_.first_pause = std::chrono::milliseconds(2);
    pace_.longest_pause = std::chrono::milliseconds(10);
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  void listen() {
    listener_ = base::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket_.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener_.get(), 8), 0);
  }

  // The next client, after its request, which is returned.
  std::string accept() {
    client_ = base::Fd(::accept(listener_.get(), nullptr, nullptr));
    std::string request;
    char byte = 0;
    while (!request.ends_with("\r\n\r\n") && ::read(client_.get(), &byte, 1) == 1) {
      request += byte;
    }
    return request;
  }

  void send(const std::string& text) const {
    EXPECT_TRUE(base::write_all(client_.get(), "a client", text));
  }

  void begin() const {
    send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        "retry: 2000\n\n");
  }

  DaemonEvents::Handlers handlers() {
    return {[this](const Json& event) { add("event " + event.dump()); },
            [this] { add("reset"); },
            [this](const std::string& trouble) { add(trouble.empty() ? "works" : "trouble"); }};
  }

  void add(const std::string& line) {
    const std::lock_guard lock(mutex_);
    lines_ += line + "\n";
  }

  bool says(const std::string& all) {
    return becomes([&] {
      const std::lock_guard lock(mutex_);
      return lines_ == all;
    });
  }

  std::string folder_, socket_;
  base::Fd listener_, client_;
  Pace pace_;
  std::mutex mutex_;
  std::string lines_;
};

TEST_F(EventsTest, EventsAndTheIdOfTheLastOne) {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);  // never for a UNIX socket
  listen();
  const DaemonEvents events(socket_, handlers(), pace_);
  const std::string first = accept();
  ::unsetenv("http_proxy");
  EXPECT_TRUE(first.starts_with("GET /v1/events HTTP/1.1\r\n")) << first;
  EXPECT_EQ(first.find("Last-Event-ID"), std::string::npos);
  begin();
  ASSERT_TRUE(says("reset\n"));
  send("id: e-1\nevent: layout\ndata: {\"n\":1}\n\n: beat\n\nid: e-2\nevent: drift\ndata: {\"n\"");
  ASSERT_TRUE(says("reset\nevent {\"n\":1}\n"));
  client_.reset();  // in the middle of the second
  const std::string second = accept();
  // The event that was cut does not count.
  EXPECT_NE(second.find("Last-Event-ID: e-1\r\n"), std::string::npos) << second;
  begin();
  send("id: e-2\nevent: drift\ndata: {\"n\":2}\n\n");
  ASSERT_TRUE(says("reset\nevent {\"n\":1}\ntrouble\nworks\nreset\nevent {\"n\":2}\n"));
}

TEST_F(EventsTest, ResetIsToldOnceForAConnection) {
  listen();
  const DaemonEvents events(socket_, handlers(), pace_);
  accept();
  begin();
  send("id: e-1\nevent: reset\ndata: {}\n\nid: e-2\nevent: layout\ndata: {}\n\n");
  ASSERT_TRUE(says("reset\nevent {}\n"));
  send("id: e-3\nevent: reset\ndata: {}\n\n");
  ASSERT_TRUE(says("reset\nevent {}\nreset\n"));
}

TEST_F(EventsTest, NobodyListensYet) {
  const DaemonEvents events(socket_, handlers(), pace_);
  ASSERT_TRUE(says("trouble\n"));
  listen();
  accept();
  begin();
  ASSERT_TRUE(says("trouble\nworks\nreset\n"));
}

TEST_F(EventsTest, ARefusalAndGarbageAreTrouble) {
  listen();
  const DaemonEvents events(socket_, handlers(), pace_);
  accept();
  send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
  client_.reset();
  ASSERT_TRUE(says("trouble\n"));
  accept();
  begin();
  ASSERT_TRUE(says("trouble\nworks\nreset\n"));
  send("data: no json\n\n");
  ASSERT_TRUE(says("trouble\nworks\nreset\ntrouble\n"));
  accept();
  begin();
  std::string large = "data: " + std::string(900U << 10U, 'x') + "\n";
  send(large);
  static_cast<void>(::send(client_.get(), large.data(), large.size(), MSG_NOSIGNAL));
  ASSERT_TRUE(says("trouble\nworks\nreset\ntrouble\nworks\nreset\ntrouble\n"));
}

// migd beats each 15 s; a connection that says nothing at all is dead.
TEST_F(EventsTest, SilenceIsTheEnd) {
  pace_.silence = std::chrono::milliseconds(30);
  listen();
  const DaemonEvents events(socket_, handlers(), pace_);
  accept();
  begin();
  ASSERT_TRUE(says("reset\ntrouble\n"));
  accept();
}

}  // namespace
}  // namespace mig::kube

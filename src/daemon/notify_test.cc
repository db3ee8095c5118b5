// SPDX-License-Identifier: Apache-2.0
#include "daemon/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "base/fd.h"

namespace mig::daemon {
namespace {

using namespace std::chrono_literals;

// The manager's end of the protocol.
class NotifyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = "mig-notify-" + std::to_string(::getpid());
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    socket_ = base::Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ASSERT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    ::setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1);
  }

  void TearDown() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) {
      ::unsetenv(name);
    }
  }

  // What has arrived since; "" = nothing.
  std::string heard() {
    std::string all;
    char text[64];
    for (ssize_t got = 0; (got = ::recv(socket_.get(), text, sizeof text, 0)) > 0;) {
      all.append(text, static_cast<std::size_t>(got)).append(" ");
    }
    return all;
  }

  base::Fd socket_;
};

TEST_F(NotifyTest, TheLoopThatTurnsIsTold) {
  base::ManualClock clock;
  Watchdog watchdog(60s, clock);
  EXPECT_EQ(heard(), "") << "not before the loop turns";
  watchdog.loop_turns();
  EXPECT_EQ(heard(), "WATCHDOG=1 ");
  // Ticks of 200 ms over a minute: enough, and not one each.
  int told = 0;
  for (int i = 0; i < 300; ++i) {
    clock.sleep(200ms);
    watchdog.loop_turns();
    told += heard().empty() ? 0 : 1;
  }
  EXPECT_GE(told, 3);
  EXPECT_LE(told, 4);
  clock.sleep(10min);
  EXPECT_EQ(heard(), "") << "a loop that hangs says nothing";
}

TEST_F(NotifyTest, WithoutAWatchdogNothingIsSent) {
  base::ManualClock clock;
  Watchdog watchdog(watchdog_period(), clock);
  watchdog.loop_turns();
  EXPECT_EQ(heard(), "");
  tell_systemd("READY=1");
  EXPECT_EQ(heard(), "READY=1 ");
}

TEST_F(NotifyTest, ThePeriodIsThisProcesss) {
  EXPECT_EQ(watchdog_period(), std::nullopt);
  ::setenv("WATCHDOG_USEC", "60000000", 1);
  EXPECT_EQ(watchdog_period(), 60s);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_EQ(watchdog_period(), 60s);
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(watchdog_period(), std::nullopt);
  ::unsetenv("WATCHDOG_PID");
  for (const char* text : {"", "0", "-5", "soon"}) {
    ::setenv("WATCHDOG_USEC", text, 1);
    EXPECT_EQ(watchdog_period(), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace mig::daemon

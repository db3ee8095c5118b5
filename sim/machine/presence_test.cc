// SPDX-License-Identifier: Apache-2.0
#include "sim/machine/presence.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>

#include "sim/machine/process.h"
#include "sim/machine/test_machine.h"

namespace migsim {
namespace {

// A child in a pid namespace of its own, where its pid is 1, which holds `serial` and then waits.
class Contained {
 public:
  Contained(const std::string& dir, std::uint64_t serial) {
    int ready[2] = {-1, -1};
    EXPECT_EQ(::pipe(ready), 0);
    const int flags = CLONE_NEWPID | (::geteuid() == 0 ? 0 : CLONE_NEWUSER) | SIGCHLD;
    pid_ = static_cast<pid_t>(::syscall(SYS_clone, flags, nullptr, nullptr, nullptr, nullptr));
    if (pid_ == 0) {
      const char word = ::getpid() == 1 && hold_presence(dir, serial) ? 'y' : 'n';
      [[maybe_unused]] const ssize_t told = ::write(ready[1], &word, 1);
      for (;;) {
        ::pause();
      }
    }
    char word = '?';
    if (pid_ > 0) {
      EXPECT_EQ(::read(ready[0], &word, 1), 1);
    }
    held_ = word == 'y';
    ::close(ready[0]);
    ::close(ready[1]);
  }

  ~Contained() { end(); }

  Contained(const Contained&) = delete;
  Contained& operator=(const Contained&) = delete;

  pid_t pid() const { return pid_; }  // in our namespace

  bool held() const { return held_; }

  void end() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      pid_ = -1;
    }
  }

 private:
  pid_t pid_ = -1;
  bool held_ = false;
};

ProcessState entry(std::uint64_t serial) {
  ProcessState process;
  process.used = 1;
  process.pid = 1;  // as the process itself knows it
  process.serial = serial;
  process.pid_namespace = this_process().pid_namespace + 1;
  return process;
}

class PresenceOfOthers : public ::testing::Test {
 protected:
  void SetUp() override { std::ofstream(dir_.file("machine.json")) << "{}"; }

  testing::TempDir dir_;
};

TEST_F(PresenceOfOthers, PidAndEndAreTheKernelsWord) {
  for (const std::uint64_t serial : {UINT64_C(5), UINT64_C(1) << 63U | UINT64_C(123456789)}) {
    Contained contained(dir_.path(), serial);
    if (contained.pid() < 0) {
      GTEST_SKIP() << "no pid namespaces here";
    }
    ASSERT_TRUE(contained.held());
    const Presence presence(dir_.path());
    EXPECT_TRUE(presence.alive(entry(serial), true));
    EXPECT_EQ(presence.pid_here(entry(serial)), contained.pid());
    EXPECT_FALSE(presence.alive(entry(serial + 1), true)) << "nobody holds another entry";
    EXPECT_EQ(presence.pid_here(entry(serial + 1)), std::nullopt);
    contained.end();
    EXPECT_FALSE(presence.alive(entry(serial), true));
    EXPECT_EQ(presence.pid_here(entry(serial)), std::nullopt);
  }
}

TEST_F(PresenceOfOthers, OneOfOurOwnNamespaceIsKnownByItsPid) {
  const Presence presence(dir_.path());
  const ProcessIdentity who = this_process();
  ProcessState process = entry(7);
  process.pid = who.pid;
  process.start_ticks = who.start_ticks;
  process.pid_namespace = who.pid_namespace;
  EXPECT_TRUE(presence.alive(process, false));
  EXPECT_EQ(presence.pid_here(process), who.pid);
}

TEST_F(PresenceOfOthers, WithoutTheFileNothingIsKnown) {
  const std::string nowhere = dir_.file("none");
  const Presence presence(nowhere);
  EXPECT_TRUE(presence.alive(entry(5), false)) << "never taken for dead";
  EXPECT_EQ(presence.pid_here(entry(5)), std::nullopt);
}

TEST_F(PresenceOfOthers, AMachineMadeAgainAtTheSamePathIsAnother) {
  Contained contained(dir_.path(), 5);
  if (contained.pid() < 0) {
    GTEST_SKIP() << "no pid namespaces here";
  }
  const Presence presence(dir_.path());
  ASSERT_TRUE(presence.alive(entry(5), true));
  std::filesystem::rename(dir_.file("machine.json"), dir_.file("old"));
  std::ofstream(dir_.file("machine.json")) << "{}";
  EXPECT_FALSE(presence.alive(entry(5), true));
}

}  // namespace
}  // namespace migsim

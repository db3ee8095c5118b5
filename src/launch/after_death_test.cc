// SPDX-License-Identifier: Apache-2.0
#include "launch/after_death.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace mig::launch {
namespace {

class AfterDeathTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove(file_); }

  void TearDown() override { std::filesystem::remove(file_); }

  HookCommand says(const std::string& words) const {
    return {"/bin/sh", {"-c", words + " >> " + file_}, {{"A", "hook"}}, "/"};
  }

  std::string said() const {
    std::ifstream file(file_);
    std::stringstream all;
    all << file.rdbuf();
    return all.str();
  }

  static bool eventually(const std::function<bool()>& right) {
    for (int i = 0; i < 3000 && !right(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return right();
  }

  // A process that arms the guard, does `then`, says so by the file, and waits to be killed.
  void killed_after(const HookList& hooks,
                    const HookRun& run,
                    const std::function<void(AfterDeath&)>& then) const {
    std::array<int, 2> ready{};
    ASSERT_EQ(::pipe2(ready.data(), O_CLOEXEC), 0);
    const pid_t us = ::fork();
    if (us == 0) {
      AfterDeath exit;
      const bool armed = exit.arm(hooks, run).has_value();
      then(exit);
      static_cast<void>(::write(ready[1], armed ? "y" : "n", 1) == 1);
      ::pause();
      ::_exit(0);
    }
    char answer = 0;
    ASSERT_EQ(::read(ready[0], &answer, 1), 1);
    EXPECT_EQ(answer, 'y');
    ::close(ready[1]);
    ::kill(us, SIGKILL);
    ::waitpid(us, nullptr, 0);
    // The guard keeps nothing of ours open.
    pollfd end{ready[0], POLLIN, 0};
    EXPECT_EQ(::poll(&end, 1, 30'000), 1);
    ::close(ready[0]);
  }

  std::string file_ = testing::TempDir() + "after_death-" + std::to_string(::getpid());
};

TEST_F(AfterDeathTest, HooksRunInOrderWhenWeAreKilled) {
  HookRun run;
  run.environment = {{"B", "run"}};
  killed_after({says("echo one $A $B"), says("false; echo two"), says("pwd")}, run, [](auto&) {});
  EXPECT_TRUE(eventually([&] { return said() == "one hook run\ntwo\n/\n"; })) << said();
}

TEST_F(AfterDeathTest, OneThatFailsOrHangsKeepsNoOtherBack) {
  HookRun run;
  run.timeout = std::chrono::milliseconds(200);
  killed_after(
      {{"/nonexistent/program", {}, {}, ""}, says("exec /bin/sleep 600"), says("echo two")},
      run,
      [](auto&) {});
  EXPECT_TRUE(eventually([&] { return said() == "two\n"; })) << said();
}

// Else it would be one more holder of the GPUs, and bar the change that it is made for.
TEST_F(AfterDeathTest, OnceArmedItHasNothingOpenOfOurs) {
  for (int round = 0; round < 50; ++round) {
    AfterDeath ours;
    ASSERT_TRUE(ours.arm({says("echo one")}, {}));
    std::ifstream children("/proc/thread-self/children");
    int child = 0, descriptors = 0;
    ASSERT_TRUE(children >> child) << "the guard";
    for (const auto& entry :
         std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", child))) {
      static_cast<void>(entry);
      ++descriptors;
    }
    EXPECT_EQ(descriptors, 1) << "its end of the lifeline";
  }
}

TEST_F(AfterDeathTest, DisarmedNoneRuns) {
  killed_after({says("echo one")}, {}, [](AfterDeath& exit) { exit.disarm(); });
  {
    AfterDeath ours;  // its end disarms
    ASSERT_TRUE(ours.arm({says("echo two")}, {}));
  }
  EXPECT_EQ(said(), "");
  // What is armed later runs after all that could have run before it.
  killed_after({says("echo three")}, {}, [](auto&) {});
  EXPECT_TRUE(eventually([&] { return said() == "three\n"; })) << said();
}

}  // namespace
}  // namespace mig::launch

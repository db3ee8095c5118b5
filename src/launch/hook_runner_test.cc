// SPDX-License-Identifier: Apache-2.0
#include "launch/hook_runner.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

namespace mig::launch {
namespace {

using std::chrono::milliseconds;

HookCommand shell(const std::string& line) {
  return {"/bin/sh", {"-c", line}, {}, ""};
}

// A file name unique to this test process: another may run concurrently.
std::string scratch(const std::string& name) {
  return ::testing::TempDir() + name + "-" + std::to_string(::getpid());
}

TEST(RunHook, CapturesBothOutputsAndTheExitCode) {
  const auto end = run_hook(shell("echo out; echo err >&2; exit 3"), {});
  ASSERT_TRUE(end) << end.error().text();
  EXPECT_EQ(end->exit_code, 3);
  EXPECT_EQ(end->output, "out\nerr\n");
  EXPECT_FALSE(end->timed_out);
}

TEST(RunHook, TheEnvironmentIsReplaced) {
  ::setenv("MIG_TEST_OURS", "leaked", 1);
  HookCommand hook{"/usr/bin/env", {}, {{"A", "hook"}, {"B", "hook"}}, ""};
  const auto end = run_hook(hook, {{{"B", "flag"}, {"C", "x y"}}});
  ASSERT_TRUE(end) << end.error().text();
  EXPECT_EQ(end->output, "A=hook\nB=flag\nC=x y\n");
}

TEST(RunHook, WordsAreNotSplitOrExpanded) {
  const auto end = run_hook({"/bin/echo", {"$HOME", "a  b", "*"}, {}, ""}, {});
  ASSERT_TRUE(end);
  EXPECT_EQ(end->output, "$HOME a  b *\n");
}

TEST(RunHook, RunsInItsFolder) {
  const std::string dir = scratch("hook_folder");
  std::filesystem::create_directory(dir);
  const auto end = run_hook({"/bin/pwd", {"-P"}, {}, dir}, {});
  ASSERT_TRUE(end);
  EXPECT_EQ(end->output, std::filesystem::canonical(dir).string() + "\n");
  std::filesystem::remove(dir);
  const auto gone = run_hook({"/bin/pwd", {}, {}, dir}, {});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::kHook);
  EXPECT_NE(gone.error().message.find(dir), std::string::npos);
}

TEST(RunHook, WhatCannotStartSaysSo) {
  const auto end = run_hook({"/nonexistent/hook", {}, {}, ""}, {});
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::kHook);
  EXPECT_EQ(end.error().message, "cannot start \"/nonexistent/hook\": No such file or directory");
}

bool eventually(const std::function<bool()>& true_now) {
  for (int i = 0; i < 1500; ++i) {
    if (true_now()) {
      return true;
    }
    ::usleep(20'000);
  }
  return false;
}

// A zombie counts as ended.
bool runs(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string number, name, state;
  return static_cast<bool>(stat >> number >> name >> state) && state != "Z";
}

// A shell's child has its own command only then: a signal between fork and exec is lost in the
// shell's handlers.
bool has_become(pid_t pid, const std::string& command) {
  std::string name;
  std::ifstream("/proc/" + std::to_string(pid) + "/comm") >> name;
  return name == command;
}

TEST(RunHook, IsKilledWithItsChildrenWhenTheTimeIsOver) {
  // A generous timeout: starting a shell on a loaded host must fit.
  const auto end =
      run_hook(shell("/bin/sleep 600 & echo $!; exec /bin/sleep 600"), {{}, milliseconds(3000)});
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->timed_out);
  EXPECT_EQ(end->exit_code, 128 + 9);
  const pid_t child = std::atoi(end->output.c_str());
  ASSERT_GT(child, 0) << end->output;
  EXPECT_TRUE(eventually([&] { return !runs(child); }));
}

// Like `systemctl start`: the hook ends, and a process that it started keeps the pipe open.
TEST(RunHook, DoesNotWaitForBackgroundPrograms) {
  const auto end = run_hook(shell("/bin/sleep 600 & echo $!"), {});
  ASSERT_TRUE(end);
  const pid_t child = std::atoi(end->output.c_str());
  ASSERT_GT(child, 0) << end->output;
  EXPECT_TRUE(runs(child)) << "the hook was waited for, and nothing else";
  ::kill(child, SIGKILL);
}

TEST(RunHook, FloodsAreCutNotBlocked) {
  const auto end =
      run_hook(shell("i=0; while [ $i -lt 20000 ]; do echo $i........; i=$((i+1)); done"), {});
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_code, 0);
  EXPECT_EQ(end->output.size(), 65536U);
  EXPECT_NE(end->output.find("19999"), std::string::npos);
}

pid_t pid_in(const std::string& file) {
  pid_t pid = 0;
  std::ifstream(file) >> pid;
  return pid;
}

// Sets the stop flag once the hook has written `file`.
class StopAfter {
 public:
  explicit StopAfter(std::string file)
      : thread_([this, file = std::move(file)] {
          EXPECT_TRUE(eventually([&] { return pid_in(file) > 0; }));
          flag = true;
        }) {}

  ~StopAfter() { thread_.join(); }

  StopAfter(const StopAfter&) = delete;
  StopAfter& operator=(const StopAfter&) = delete;
  StopAfter(StopAfter&&) = delete;
  StopAfter& operator=(StopAfter&&) = delete;

  std::atomic<bool> flag{false};

 private:
  std::thread thread_;
};

TEST(RunHook, AskedToStopItMayTidyUpAndLeavesNobodyBehind) {
  const std::string file = scratch("hook_stopped");
  std::filesystem::remove(file);
  StopAfter stop(file);
  HookRun run;
  run.stop = &stop.flag;
  const auto end = run_hook(shell("trap '/bin/sleep 0.3; echo tidied; exit 5' TERM; (trap '' TERM; "
                                  "exec /bin/sleep 600) & echo $! > " +
                                  file + "; wait"),
                            run);
  ASSERT_TRUE(end) << end.error().text();
  EXPECT_TRUE(end->stopped);
  EXPECT_FALSE(end->timed_out);
  EXPECT_EQ(end->exit_code, 5);
  EXPECT_EQ(end->output, "tidied\n");
  EXPECT_TRUE(eventually([&] { return !runs(pid_in(file)); })) << "its child goes on alone";
}

TEST(RunHook, WhatDoesNotHearIsKilledAfterTheGrace) {
  const std::string file = scratch("hook_deaf");
  std::filesystem::remove(file);
  StopAfter stop(file);
  HookRun run;
  run.stop = &stop.flag;
  run.grace = milliseconds(100);
  const auto end =
      run_hook(shell("trap '' TERM; echo $$ > " + file + "; while :; do /bin/sleep 1; done"), run);
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->stopped);
  EXPECT_EQ(end->exit_code, 128 + SIGKILL);
}

// This process is killed while a hook runs: the guard sends SIGTERM, then SIGKILL.
TEST(RunHook, DoesNotOutliveUs) {
  for (const bool deaf : {false, true}) {
    const std::string file = scratch("hook_orphan");
    const std::string heard = file + "_heard";
    std::filesystem::remove(file);
    std::filesystem::remove(heard);
    const pid_t us = ::fork();
    if (us == 0) {
      HookRun run;
      run.grace = deaf ? milliseconds(200) : milliseconds(60'000);
      const std::string trap = deaf ? "trap '' TERM; " : "trap 'echo > " + heard + "; exit' TERM; ";
      static_cast<void>(
          run_hook(shell(trap + "/bin/sleep 600 & echo $! > " + file + "; wait; wait"), run));
      ::_exit(0);
    }
    ASSERT_TRUE(eventually([&] { return has_become(pid_in(file), "sleep"); }));
    ::kill(us, SIGKILL);
    ::waitpid(us, nullptr, 0);
    EXPECT_TRUE(eventually([&] { return !runs(pid_in(file)); })) << "deaf: " << deaf;
    EXPECT_TRUE(eventually([&] { return std::filesystem::exists(heard) != deaf; }));
  }
}

// The guard must not keep descriptors open that others read to the end or lock.
TEST(RunHook, TheGuardKeepsNothingOpen) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  ASSERT_EQ(::fcntl(ends[1], F_SETFD, FD_CLOEXEC), 0);
  const std::string file = scratch("hook_guarded");
  std::filesystem::remove(file);
  std::thread closer([&] {
    EXPECT_TRUE(eventually([&] { return pid_in(file) > 0; }));
    ::close(ends[1]);
    pollfd end{ends[0], POLLIN, 0};
    EXPECT_EQ(::poll(&end, 1, 30'000), 1) << "somebody holds the writing end";
    EXPECT_NE(end.revents & POLLHUP, 0);
    std::ofstream(file + "_go") << "go";
  });
  const auto end = run_hook(
      shell("echo $$ > " + file + "; while ! [ -e " + file + "_go ]; do /bin/sleep 0.02; done"),
      {});
  closer.join();
  ::close(ends[0]);
  std::filesystem::remove(file + "_go");
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_code, 0);
}

TEST(RunHooks, AfterAStopNoneBegins) {
  std::atomic<bool> stop{true};
  HookRun run;
  run.stop = &stop;
  std::string output;
  const auto done = run_hooks({shell("echo one")}, "pre-apply-mode", run, output);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kRolledBack);
  EXPECT_EQ(done.error().message, "stopped on request: the pre-apply-mode hook was not started");
  EXPECT_EQ(output, "");
}

TEST(RunHooks, TheFirstFailureEndsTheList) {
  std::string output;
  const auto done = run_hooks({shell("echo one"), shell("echo two; exit 7"), shell("echo three")},
                              "apply-start",
                              {},
                              output);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kHook);
  EXPECT_EQ(done.error().message,
            "apply-start hook 2 (/bin/sh): exit status 7; its last words: two");
  EXPECT_EQ(output, "one\ntwo\n");
  const auto late =
      run_hooks({shell("/bin/sleep 9")}, "apply-exit", {{}, milliseconds(100)}, output);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kTimeout);
  EXPECT_TRUE(run_hooks({}, "apply-exit", {}, output));
}

}  // namespace
}  // namespace mig::launch

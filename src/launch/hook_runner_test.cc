// SPDX-License-Identifier: Apache-2.0
#include "launch/hook_runner.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace mig::launch {
namespace {

using std::chrono::milliseconds;

HookCommand shell(const std::string& line) {
  return {"/bin/sh", {"-c", line}, {}, ""};
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
  const std::string dir = ::testing::TempDir() + "hook_folder";
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

TEST(RunHook, IsKilledWithItsChildrenWhenTheTimeIsOver) {
  const std::string mark = ::testing::TempDir() + "hook_mark";
  std::filesystem::remove(mark);
  const auto start = std::chrono::steady_clock::now();
  const auto end =
      run_hook(shell("echo begun; (/bin/sleep 2; echo > " + mark + ") & /bin/sleep 60"),
               {{}, milliseconds(300)});
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->timed_out);
  EXPECT_EQ(end->exit_code, 128 + 9);
  EXPECT_EQ(end->output, "begun\n");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  ::usleep(2'300'000);
  EXPECT_FALSE(std::filesystem::exists(mark));
}

// `systemctl start` of sorts: the hook ends, what it started keeps the pipe.
TEST(RunHook, DoesNotWaitForBackgroundPrograms) {
  const auto start = std::chrono::steady_clock::now();
  const auto end = run_hook(shell("/bin/sleep 3 & echo done"), {});
  ASSERT_TRUE(end);
  EXPECT_EQ(end->output, "done\n");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST(RunHook, FloodsAreCutNotBlocked) {
  const auto end =
      run_hook(shell("i=0; while [ $i -lt 20000 ]; do echo $i........; i=$((i+1)); done"), {});
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_code, 0);
  EXPECT_EQ(end->output.size(), 65536U);
  EXPECT_NE(end->output.find("19999"), std::string::npos);
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

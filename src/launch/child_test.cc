// SPDX-License-Identifier: Apache-2.0
#include "launch/child.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "base/fd.h"

namespace mig::launch {
namespace {

// Exit status of the child, by the convention of shells.
int end_of(const ChildRequest& request) {
  sigset_t none;
  sigemptyset(&none);
  const Started started = start_child(request, none);
  if (started.failure) {
    return started.failure->exit_code;
  }
  int status = 0;
  EXPECT_EQ(::waitpid(started.pid, &status, 0), started.pid);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

ChildRequest shell(const std::string& script) {
  ChildRequest request;
  request.argv = {"bash", "-c", script};
  return request;
}

TEST(Child, ExitCodePassesThrough) {
  EXPECT_EQ(end_of(shell("exit 0")), 0);
  EXPECT_EQ(end_of(shell("exit 42")), 42);
  EXPECT_EQ(end_of(shell("kill -SEGV $$")), 128 + SIGSEGV);
}

TEST(Child, WhatIsNotThereIs127AndWhatCannotRunIs126) {
  ChildRequest request;
  request.argv = {"no-such-command-of-ours"};
  sigset_t none;
  sigemptyset(&none);
  const Started missing = start_child(request, none);
  ASSERT_TRUE(missing.failure);
  EXPECT_EQ(missing.failure->exit_code, 127);
  EXPECT_NE(missing.failure->error.message.find("no-such-command-of-ours"), std::string::npos);
  request.argv = {"/etc/passwd"};
  EXPECT_EQ(end_of(request), 126);
}

TEST(Child, EnvironmentReplacesOursAndNothingElse) {
  ::setenv("MIG_TEST_KEPT", "kept", 1);
  ::setenv("MIG_TEST_REPLACED", "old", 1);
  ChildRequest request = shell(R"(test "$MIG_TEST_KEPT-$MIG_TEST_REPLACED" = kept-new)");
  request.environment = {{"MIG_TEST_REPLACED", "new"}};
  EXPECT_EQ(end_of(request), 0);
}

TEST(Child, BothOutputsGoToTheLogAndInputIsEmpty) {
  char path[] = "/tmp/migctl-child-test-XXXXXX";
  const base::Fd log(::mkostemp(path, O_APPEND));
  ChildRequest request = shell("cat; echo out; echo err >&2");
  request.output_fd = log.get();
  request.null_input = true;
  EXPECT_EQ(end_of(request), 0);
  char text[32] = {};
  EXPECT_EQ(::pread(log.get(), text, sizeof text - 1, 0), 8);
  EXPECT_STREQ(text, "out\nerr\n");
  ::unlink(path);
}

TEST(Child, LeadsAGroupOfItsOwn) {
  ChildRequest request = shell("test $(ps -o pgid= -p $$) = $$");
  request.own_group = true;
  EXPECT_EQ(end_of(request), 0);
  request.own_group = false;
  EXPECT_NE(end_of(request), 0);
}

TEST(Child, WaitsForTheAnswerToItsAnnouncementBeforeItsExec) {
  const std::string mark = testing::TempDir() + "announced-" + std::to_string(::getpid());
  ChildRequest request = shell("touch " + mark);
  int announced = 0;
  request.announce = [&](int pid) -> Result<void> {
    announced = pid;
    // The command would have made the file by then.
    ::usleep(200'000);
    EXPECT_NE(::access(mark.c_str(), F_OK), 0);
    EXPECT_EQ(::kill(pid, 0), 0) << "it waits";
    return {};
  };
  EXPECT_EQ(end_of(request), 0);
  EXPECT_GT(announced, 0);
  EXPECT_EQ(::unlink(mark.c_str()), 0);
}

TEST(Child, IsNeverExecutedWhenItsAnnouncementIsRefused) {
  const std::string mark = testing::TempDir() + "refused-" + std::to_string(::getpid());
  ChildRequest request = shell("touch " + mark);
  int announced = 0;
  request.announce = [&](int pid) -> Result<void> {
    announced = pid;
    return fail(ErrorCode::kConflict, "lease 3 is over: expired");
  };
  sigset_t none;
  sigemptyset(&none);
  const Started started = start_child(request, none);
  ASSERT_TRUE(started.failure);
  EXPECT_EQ(started.failure->exit_code, 126);
  EXPECT_NE(started.failure->error.text().find("lease 3 is over: expired"), std::string::npos);
  EXPECT_NE(::access(mark.c_str(), F_OK), 0);
  EXPECT_NE(::kill(announced, 0), 0) << "it is waited for";
}

}  // namespace
}  // namespace mig::launch

// SPDX-License-Identifier: Apache-2.0
#include "launch/child.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace mig::launch {
namespace {

ChildEnd shell(const std::string& script) {
  ChildRequest request;
  request.argv = {"bash", "-c", script};
  return run_child(request);
}

TEST(Child, ExitCodePassesThrough) {
  EXPECT_EQ(shell("exit 0").exit_code, 0);
  EXPECT_EQ(shell("exit 42").exit_code, 42);
}

TEST(Child, DeathBySignalIs128PlusItsNumber) {
  const ChildEnd end = shell("kill -SEGV $$");
  EXPECT_EQ(end.exit_code, 128 + SIGSEGV);
  EXPECT_EQ(end.signal, SIGSEGV);
}

TEST(Child, WhatIsNotThereIs127AndWhatCannotRunIs126) {
  ChildRequest request;
  request.argv = {"no-such-command-of-ours"};
  ChildEnd end = run_child(request);
  EXPECT_EQ(end.exit_code, 127);
  ASSERT_TRUE(end.start_failure);
  EXPECT_NE(end.start_failure->message.find("no-such-command-of-ours"), std::string::npos);
  request.argv = {"/etc/passwd"};
  end = run_child(request);
  EXPECT_EQ(end.exit_code, 126);
}

TEST(Child, EnvironmentReplacesOursAndNothingElse) {
  ::setenv("MIG_TEST_KEPT", "kept", 1);
  ::setenv("MIG_TEST_REPLACED", "old", 1);
  ChildRequest request;
  request.argv = {"sh", "-c", R"(test "$MIG_TEST_KEPT-$MIG_TEST_REPLACED" = kept-new)"};
  request.environment = {{"MIG_TEST_REPLACED", "new"}};
  EXPECT_EQ(run_child(request).exit_code, 0);
}

TEST(Child, ASignalToUsReachesTheChild) {
  sigset_t term;
  sigset_t before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  // No thread of the test may be the one that dies of it.
  pthread_sigmask(SIG_BLOCK, &term, &before);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::thread killer([&] {
    char c = 0;
    EXPECT_EQ(::read(ends[0], &c, 1), 1);  // the trap is set
    ::kill(::getpid(), SIGTERM);
  });
  // A shell cannot trap what it was started with blocked, so the child gets our mask before it.
  const ChildEnd end = [&] {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return shell("trap 'exit 7' TERM; echo up >&" + std::to_string(ends[1]) +
                 "; while :; do sleep 0.05; done");
  }();
  EXPECT_EQ(end.exit_code, 7);
  killer.join();
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace mig::launch

// SPDX-License-Identifier: Apache-2.0
#include "cli/stop_on_signal.h"

#include <unistd.h>

#include <array>
#include <cerrno>

#include <gtest/gtest.h>

namespace mig::cli {
namespace {

void (*handler_of(int number))(int) {
  struct sigaction now {};

  ::sigaction(number, nullptr, &now);
  return now.sa_handler;
}

TEST(StopOnSignal, WhateverWouldEndTheProgramIsARequest) {
  for (const int number :
       {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU}) {
    const StopOnSignal stop;
    EXPECT_FALSE(StopOnSignal::requested) << "of the last one";
    ASSERT_EQ(::raise(number), 0);
    EXPECT_TRUE(StopOnSignal::requested) << number;
    EXPECT_EQ(StopOnSignal::signal, number);
    ASSERT_EQ(::raise(SIGTERM), 0);
    EXPECT_EQ(StopOnSignal::signal, number) << "the first one is told";
  }
  EXPECT_EQ(handler_of(SIGHUP), SIG_DFL);
  EXPECT_EQ(handler_of(SIGXCPU), SIG_DFL);
}

TEST(StopOnSignal, AReaderThatHasGoneIsAnErrorOfTheWrite) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  ::close(ends[0]);
  const StopOnSignal stop;
  EXPECT_EQ(::write(ends[1], "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  EXPECT_FALSE(StopOnSignal::requested);
  EXPECT_EQ(handler_of(SIGXFSZ), SIG_IGN);
  ::close(ends[1]);
}

TEST(StopOnSignal, WhatIsAskedOfTheOuterIsAskedOfTheInner) {
  const StopOnSignal outer;
  ::raise(SIGTERM);
  {
    const StopOnSignal inner;
    EXPECT_TRUE(StopOnSignal::requested);
  }
  EXPECT_TRUE(StopOnSignal::requested);
  ::raise(SIGHUP);  // would kill this process, had the inner object removed the handlers
}

TEST(StopOnSignal, NohupIsHonoured) {
  ::signal(SIGHUP, SIG_IGN);
  ::signal(SIGQUIT, SIG_IGN);  // as a shell script sets it for background programs
  {
    const StopOnSignal stop;
    ::raise(SIGHUP);
    EXPECT_FALSE(StopOnSignal::requested);
    ::raise(SIGQUIT);
    EXPECT_TRUE(StopOnSignal::requested);
  }
  EXPECT_EQ(handler_of(SIGHUP), SIG_IGN);
  EXPECT_EQ(handler_of(SIGQUIT), SIG_IGN);
  ::signal(SIGHUP, SIG_DFL);
  ::signal(SIGQUIT, SIG_DFL);
}

}  // namespace
}  // namespace mig::cli

// SPDX-License-Identifier: Apache-2.0
#include "launch/supervise.h"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace mig::launch {
namespace {

using namespace std::chrono_literals;

ChildRequest shell(const std::string& script) {
  ChildRequest request;
  request.argv = {"bash", "-c", script};
  request.own_group = true;
  return request;
}

SuperviseRequest job(std::vector<std::string> scripts) {
  SuperviseRequest request;
  for (const std::string& script : scripts) {
    request.ranks.push_back(shell(script));
  }
  return request;
}

TEST(Restart, PoliciesAreReadStrictly) {
  EXPECT_EQ(RestartPolicy::parse("no")->str(), "no");
  EXPECT_EQ(RestartPolicy::parse("always")->str(), "always");
  EXPECT_EQ(RestartPolicy::parse("on-failure")->str(), "on-failure");
  EXPECT_EQ(RestartPolicy::parse("on-failure:3")->str(), "on-failure:3");
  for (const char* wrong :
       {"", "yes", "on-failure:", "on-failure:x", "on-failure:-1", "always:3"}) {
    EXPECT_FALSE(RestartPolicy::parse(wrong)) << wrong;
  }
}

TEST(Restart, OnlyAfterFailureAndOnlySoOften) {
  const RestartPolicy three = *RestartPolicy::parse("on-failure:3");
  EXPECT_FALSE(three.again(0, 0));
  EXPECT_TRUE(three.again(1, 2));
  EXPECT_FALSE(three.again(1, 3));
  EXPECT_TRUE(RestartPolicy::parse("always")->again(0, 1000));
}

TEST(Restart, DelayDoublesToAMinute) {
  EXPECT_EQ(restart_delay(0), 1s);
  EXPECT_EQ(restart_delay(3), 8s);
  EXPECT_EQ(restart_delay(6), 60s);
  EXPECT_EQ(restart_delay(4000), 60s);
}

TEST(Supervise, TheFirstRankThatFailedGivesTheExitCode) {
  const JobEnd end = supervise(job({"exit 0", "sleep 0.2; exit 4", "exit 5"}));
  EXPECT_EQ(end.exit_code(), 4);
  EXPECT_EQ(end.ranks.at(0).exit_code, 0);
  EXPECT_EQ(end.ranks.at(2).exit_code, 5);
}

TEST(Supervise, DeathBySignalIs128PlusItsNumber) {
  const JobEnd end = supervise(job({"kill -SEGV $$"}));
  EXPECT_EQ(end.exit_code(), 128 + SIGSEGV);
  EXPECT_EQ(end.ranks.at(0).signal, SIGSEGV);
}

TEST(Supervise, AFailedCommandIsStartedAgain) {
  std::string file = "/tmp/migctl-supervise-" + std::to_string(::getpid());
  SuperviseRequest request = job({"echo x >>" + file + "; test $(wc -l <" + file + ") = 2"});
  request.restart = *RestartPolicy::parse("on-failure:5");
  int told = 0;
  request.on_ended = [&](std::size_t, const RankEnd&, auto again_in) { told += again_in ? 1 : 0; };
  const JobEnd end = supervise(request);
  EXPECT_EQ(end.exit_code(), 0);
  EXPECT_EQ(end.ranks.at(0).restarts, 1U);
  EXPECT_EQ(told, 1);
  ::unlink(file.c_str());
}

TEST(Supervise, WhatCannotStartIsNotTriedAgain) {
  SuperviseRequest request = job({"true"});
  request.ranks[0].argv = {"no-such-command-of-ours"};
  request.restart = *RestartPolicy::parse("always");
  const JobEnd end = supervise(request);
  EXPECT_EQ(end.exit_code(), 127);
  ASSERT_TRUE(end.ranks.at(0).start_failure);
  EXPECT_EQ(end.ranks.at(0).restarts, 0U);
}

// Result of a command whose time is over once it has set a trap; allows more time on a loaded host.
JobEnd after_its_trap(const std::string& trap, const std::function<void(SuperviseRequest&)>& set) {
  const std::string up = "/tmp/migctl-supervise-up-" + std::to_string(::getpid());
  JobEnd end;
  for (const auto timeout : {200ms, 2000ms, 20'000ms}) {
    ::unlink(up.c_str());
    SuperviseRequest request =
        job({"trap '" + trap + "' TERM; : >" + up + "; while :; do sleep 0.02; done"});
    request.timeout = timeout;
    set(request);
    end = supervise(request);
    if (::unlink(up.c_str()) == 0) {
      break;
    }
  }
  return end;
}

TEST(Supervise, TimeOverEndsItGentlyThenByForce) {
  bool gentle_rest = false;
  const JobEnd asked = after_its_trap(
      "exit 0", [&](SuperviseRequest& gentle) { gentle.kill_rest = [&] { gentle_rest = true; }; });
  EXPECT_TRUE(gentle_rest) << "what it left behind goes too";
  EXPECT_TRUE(asked.timed_out);
  EXPECT_EQ(asked.exit_code(), 124);
  EXPECT_EQ(asked.ranks.at(0).exit_code, 0);

  bool rest = false;
  const JobEnd forced = after_its_trap("", [&](SuperviseRequest& stubborn) {
    stubborn.grace = 200ms;
    stubborn.kill_rest = [&] { rest = true; };
  });
  EXPECT_EQ(forced.exit_code(), 124);
  EXPECT_EQ(forced.ranks.at(0).signal, SIGKILL);
  EXPECT_TRUE(rest);
}

TEST(Supervise, RanksThatBelongTogetherEndTogether) {
  SuperviseRequest request = job({"exit 3", "sleep 60"});
  request.end_together = true;
  const JobEnd end = supervise(request);
  EXPECT_EQ(end.exit_code(), 3);
  EXPECT_EQ(end.ranks.at(1).signal, SIGTERM);
}

// Sends a signal to this process once the command runs.
TEST(Supervise, ASignalToUsReachesTheCommandAndEndsRestarts) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  sigset_t term;
  sigset_t before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  // No thread of the test may have the signal unblocked.
  pthread_sigmask(SIG_BLOCK, &term, &before);
  std::thread killer([&] {
    char c = 0;
    EXPECT_EQ(::read(ends[0], &c, 1), 1);  // the trap is set
    ::kill(::getpid(), SIGTERM);
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  SuperviseRequest request = job({"trap 'exit 7' TERM; echo up >&" + std::to_string(ends[1]) +
                                  "; while :; do sleep 0.05; done"});
  request.restart = *RestartPolicy::parse("always");
  const JobEnd end = supervise(request);
  EXPECT_EQ(end.exit_code(), 7);
  EXPECT_EQ(end.ranks.at(0).restarts, 0U);
  killer.join();
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace mig::launch

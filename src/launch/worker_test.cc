// SPDX-License-Identifier: Apache-2.0
#include "launch/worker.h"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

namespace mig::launch {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Result<Worker> shell(const std::string& script, const std::string& input = {}) {
  return Worker::start({{"/bin/sh", "-c", script}, {{"ADDED", "yes"}}, {"TAKEN_AWAY"}, input});
}

// True when there is no such process, or only a zombie.
bool gone(int pid) {
  for (int i = 0; i < 6000; ++i) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string number;
    std::string name;
    std::string state;
    if (!(stat >> number >> name >> state) || state == "Z") {
      return true;
    }
    std::this_thread::sleep_for(milliseconds(60));
  }
  return false;
}

TEST(Worker, KeepsWhatItPrintsAndHowItEnds) {
  auto worker = shell("echo out; echo err >&2; exit 3");
  ASSERT_TRUE(worker);
  EXPECT_TRUE(worker->wait(seconds(60)));
  EXPECT_EQ(worker->exit_code(), 3);
  EXPECT_EQ(worker->output(), "out\n");
  EXPECT_EQ(worker->errors(), "err\n");
}

TEST(Worker, ASignalIsItsEnd) {
  auto worker = shell("kill -KILL $$");
  ASSERT_TRUE(worker && worker->wait(seconds(60)));
  EXPECT_EQ(worker->exit_code(), 128 + SIGKILL);
}

TEST(Worker, EnvironmentAndInputAreWhatWasAsked) {
  ::setenv("TAKEN_AWAY", "still there", 1);
  auto worker = shell("read line; echo $line $ADDED ${TAKEN_AWAY-unset}", "words\n");
  ::unsetenv("TAKEN_AWAY");
  ASSERT_TRUE(worker && worker->wait(seconds(60)));
  EXPECT_EQ(worker->output(), "words yes unset\n");
}

// Two at once, so that no other worker keeps a pipe open that was to be closed.
TEST(Worker, StdinIsHeldUntilReleased) {
  WorkerRequest request{{"/bin/sh", "-c", "echo there; cat >/dev/null; echo end"}, {}, {}, {}};
  request.hold_input = true;
  auto first = Worker::start(request);
  auto second = Worker::start(request);
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(first->wait_output("there", seconds(60)));
  EXPECT_TRUE(second->wait_output("there", seconds(60)));
  EXPECT_FALSE(first->wait(milliseconds(100)));
  first->release();
  EXPECT_TRUE(first->wait(seconds(60)));
  EXPECT_EQ(first->output(), "there\nend\n");
  EXPECT_TRUE(second->running());
  second->release();
  EXPECT_TRUE(second->wait(seconds(60)));
}

TEST(Worker, WhatIsNotThereOrNoProgramIsSaid) {
  const auto missing = Worker::start({{"/nowhere/program"}, {}, {}, {}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find("/nowhere/program"), std::string::npos);
  const auto folder = Worker::start({{"/tmp"}, {}, {}, {}});
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, ErrorCode::kPermission);
}

TEST(Worker, WaitsForAWordOrForItsEnd) {
  auto worker = shell("echo ready; sleep 60");
  ASSERT_TRUE(worker);
  EXPECT_TRUE(worker->wait_output("ready", seconds(60)));
  EXPECT_FALSE(worker->wait_output("never", milliseconds(30)));
  EXPECT_FALSE(worker->wait(milliseconds(30)));
  const std::atomic<bool> stop{true};
  EXPECT_FALSE(worker->wait(seconds(60), &stop));
  EXPECT_EQ(worker->exit_code(), -1);
  worker->stop(seconds(60));
  EXPECT_EQ(worker->exit_code(), 128 + SIGTERM);
}

TEST(Worker, WhoDoesNotHearIsKilled) {
  auto worker = shell("trap '' TERM; echo deaf; while :; do sleep 60; done");
  ASSERT_TRUE(worker && worker->wait_output("deaf", seconds(60)));
  worker->stop(milliseconds(50));
  EXPECT_EQ(worker->exit_code(), 128 + SIGKILL);
}

TEST(Worker, NothingThatItStartedIsLeft) {
  int grandchild = 0;
  {
    auto worker = shell("sleep 60 & echo $!; wait");
    ASSERT_TRUE(worker && worker->wait_output("\n", seconds(60)));
    grandchild = std::atoi(worker->output().c_str());
    ASSERT_GT(grandchild, 0);
  }
  EXPECT_TRUE(gone(grandchild)) << "after the Worker went";
  auto worker = shell("sleep 60 & echo $!");
  ASSERT_TRUE(worker && worker->wait(seconds(60)));
  EXPECT_TRUE(gone(std::atoi(worker->output().c_str()))) << "after its leader ended";
}

TEST(Worker, EndlessOutputIsCutNotWaitedFor) {
  auto worker = shell("head -c 500000 /dev/zero; exit 5");
  ASSERT_TRUE(worker && worker->wait(seconds(60)));
  EXPECT_EQ(worker->exit_code(), 5);
  EXPECT_EQ(worker->output().size(), 64U << 10U);
}

}  // namespace
}  // namespace mig::launch

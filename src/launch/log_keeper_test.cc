// SPDX-License-Identifier: Apache-2.0
#include "launch/log_keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "base/file.h"

namespace mig::launch {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMost = 16U << 20U;

class LogKeeperTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/migctl-keeper-test-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
  }

  void TearDown() override {
    for (const std::string& path : {log(0), log(1)}) {
      ::unlink(path.c_str());
      ::unlink((path + ".1").c_str());
    }
    ::rmdir(folder_.c_str());
  }

  std::string log(int rank) const { return folder_ + "/1." + std::to_string(rank) + ".log"; }

  static void write(const LogKeeper& keeper, std::size_t rank, const std::string& text) {
    ASSERT_TRUE(base::write_all(keeper.fd(rank), "the keeper", text));
  }

  // A command of a job.
  static pid_t start(const LogKeeper& keeper, const std::string& script) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::dup2(keeper.fd(0), STDOUT_FILENO);
      ::execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
      ::_exit(127);
    }
    return child;
  }

  static std::string all_of(int fd) { return base::read_all(fd, "a pipe", kMost).value_or("?"); }

  std::string folder_;
};

TEST_F(LogKeeperTest, AllThatWasWrittenIsInTheLogsWhenTheCommandsHaveEnded) {
  auto keeper = LogKeeper::start({{log(0), ""}, {log(1), ""}}, -1);
  ASSERT_TRUE(keeper) << keeper.error().text();
  write(*keeper, 0, "one\ntwo");
  write(*keeper, 1, "three\n");
  keeper->commands_ended(60s);
  EXPECT_EQ(base::read_file(log(0), kMost).value_or(""), "one\ntwo");
  EXPECT_EQ(base::read_file(log(1), kMost).value_or(""), "three\n");
  EXPECT_EQ(keeper->wait_shown(), 0);
}

TEST_F(LogKeeperTest, OutputIsShownInWholeLinesAndTheReaderSeesItsEnd) {
  auto shown = base::make_pipe();
  auto keeper = LogKeeper::start({{log(0), "[0] "}, {log(1), "[1] "}}, shown->write.get());
  ASSERT_TRUE(keeper);
  shown->write.reset();
  write(*keeper, 0, "one\ntw");
  write(*keeper, 0, "o");
  // What the job left behind still has the pipe.
  const base::Fd left(::dup(keeper->fd(1)));
  keeper->commands_ended(60s);
  EXPECT_EQ(keeper->wait_shown(), 0);
  EXPECT_EQ(all_of(shown->read.get()), "[0] one\n[0] two\n");
}

TEST_F(LogKeeperTest, ACommandThatFloodsIsHeldBackAndItsLogStaysSmall) {
  constexpr std::int64_t kSmall = 100'000;
  auto keeper = LogKeeper::start({{log(0), ""}}, -1, kSmall);
  ASSERT_TRUE(keeper);
  const pid_t flood = start(*keeper, "exec head -c 20000000 /dev/zero");
  int status = 0;
  EXPECT_EQ(::waitpid(flood, &status, 0), flood);
  EXPECT_EQ(status, 0);
  keeper->commands_ended(60s);
  EXPECT_LE(base::read_file(log(0), kMost)->size(), static_cast<std::size_t>(kSmall));
  EXPECT_EQ(base::read_file(log(0) + ".1", kMost)->size(), static_cast<std::size_t>(kSmall));
}

// Nobody reads what is shown: the command waits, the log has all that it wrote, and so it is after
// its end, without waiting for the reader.
TEST_F(LogKeeperTest, AReaderThatStandsStillHoldsUpNoEnd) {
  auto shown = base::make_pipe();
  auto keeper = LogKeeper::start({{log(0), ""}}, shown->write.get());
  ASSERT_TRUE(keeper);
  const pid_t flood = start(*keeper, "exec yes");
  pollfd readable{shown->read.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&readable, 1, 60'000), 1);
  ::kill(flood, SIGKILL);
  ::waitpid(flood, nullptr, 0);
  keeper->commands_ended(60s);
  EXPECT_GT(base::read_file(log(0), 4 * kMost).value_or("").size(), 0U);
  shown->read.reset();
  EXPECT_EQ(keeper->wait_shown(), 0) << "a reader that goes is no error";
}

TEST_F(LogKeeperTest, WhatCannotBeShownIsTold) {
  const base::Fd full(::open("/dev/full", O_WRONLY));
  auto keeper = LogKeeper::start({{log(0), ""}}, full.get());
  ASSERT_TRUE(keeper);
  write(*keeper, 0, "one\n");
  keeper->commands_ended(60s);
  EXPECT_EQ(keeper->wait_shown(), ENOSPC);
  EXPECT_EQ(base::read_file(log(0), kMost).value_or(""), "one\n");
}

TEST_F(LogKeeperTest, AKeeperThatWasKilledIsReplacedAndNoWriterNoticed) {
  auto keeper = LogKeeper::start({{log(0), ""}}, -1);
  ASSERT_TRUE(keeper);
  const int first = keeper->pid();
  ::kill(first, SIGKILL);
  siginfo_t end{};
  EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(first), &end, WEXITED | WNOWAIT), 0);
  write(*keeper, 0, "kept\n");
  keeper->look();
  EXPECT_NE(keeper->pid(), first);
  keeper->commands_ended(60s);
  EXPECT_EQ(base::read_file(log(0), kMost).value_or(""), "kept\n");
}

// The supervisor is killed: the object is gone without a word.
TEST_F(LogKeeperTest, GoesOnWithoutItsSupervisorUntilTheLastWriterIsGone) {
  auto keeper = std::make_unique<Result<LogKeeper>>(LogKeeper::start({{log(0), ""}}, -1));
  ASSERT_TRUE(*keeper);
  const pid_t pid = (*keeper)->pid();
  base::Fd left(::dup((*keeper)->fd(0)));
  keeper.reset();
  ASSERT_TRUE(base::write_all(left.get(), "the keeper", "after\n"));
  left.reset();
  int status = 1;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(base::read_file(log(0), kMost).value_or(""), "after\n");
}

TEST_F(LogKeeperTest, ALogThatCannotBeMadeIsAnError) {
  const auto keeper = LogKeeper::start({{folder_ + "/no/1.0.log", ""}}, -1);
  ASSERT_FALSE(keeper);
  EXPECT_EQ(keeper.error().code, ErrorCode::kNotFound) << keeper.error().text();
}

}  // namespace
}  // namespace mig::launch

// SPDX-License-Identifier: Apache-2.0
#include "holders/caller.h"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace mig::holders {
namespace {

constexpr std::uint32_t kAlice = 1001;
constexpr std::uint32_t kBob = 1002;
constexpr std::uint32_t kForkNoExec = 0x40;

// A /proc of our own.
class CallerTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/migctl-caller-test-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    proc_ = name;
  }

  void TearDown() override { std::filesystem::remove_all(proc_); }

  struct Made {
    std::uint32_t pid, parent;
    std::string name;
    std::uint32_t uid = kAlice;
    std::uint32_t flags = 0;
    std::vector<std::string> words = {};
    std::string pids = "";  // in namespaces, after the first
    std::uint32_t session = 500;
  };

  void process(const Made& made) const {
    const std::string folder = fmt::format("{}/{}", proc_, made.pid);
    std::filesystem::create_directories(folder + "/ns");
    std::ofstream(folder + "/stat") << fmt::format("{} ({}) S {} 1 {} 0 -1 {} 0 0 0",
                                                   made.pid,
                                                   made.name,
                                                   made.parent,
                                                   made.session,
                                                   made.flags);
    std::ofstream(folder + "/status") << fmt::format(
        "Name:\t{}\nUid:\t{}\t0\t0\t0\nNSpid:\t{}{}\n", made.name, made.uid, made.pid, made.pids);
    std::ofstream words(folder + "/cmdline");
    for (const std::string& word : made.words) {
      words << word << '\0';
    }
    std::filesystem::create_symlink(made.pids.empty() ? "pid:[1]" : "pid:[2]", folder + "/ns/pid");
  }

  Result<std::uint32_t> caller(std::uint32_t client = 700, std::uint32_t uid = kAlice) const {
    return calling_program(proc_, client, uid);
  }

  std::string proc_;
};

TEST_F(CallerTest, TheShellThatCalls) {
  process({600, 599, "bash"});
  process({700, 600, "migctl"});
  EXPECT_EQ(caller().value_or(0), 600U);
}

TEST_F(CallerTest, ASubshellBelongsToItsShell) {
  process({600, 599, "a (b) S 1", kAlice});
  process({610, 600, "bash", kAlice, kForkNoExec});
  process({620, 610, "bash", kAlice, kForkNoExec | 0x100});
  process({700, 620, "migctl"});
  EXPECT_EQ(caller().value_or(0), 600U);
}

// sshd forks its process for the session, which changes its user.
TEST_F(CallerTest, AForkOfAnotherUsersProgramIsAProgramOfItsOwn) {
  process({600, 1, "sshd", 0});
  process({610, 600, "sshd", kAlice, kForkNoExec});
  process({700, 610, "migctl"});
  EXPECT_EQ(caller().value_or(0), 610U);
}

TEST_F(CallerTest, WhatOnlyStartsThisOneCommandIsPassedOver) {
  process({600, 599, "zsh"});
  process({610, 600, "timeout"});
  process({700, 610, "migctl"});
  EXPECT_EQ(caller().value_or(0), 600U);
}

TEST_F(CallerTest, AShellWithThisOneCommandIsPassedOverAndOneWithMoreIsNot) {
  process({600, 599, "bash"});
  process({610, 600, "sh", kAlice, 0, {"sh", "-c", "X=1 migctl lease acquire \n"}});
  process({620, 600, "sh", kAlice, 0, {"sh", "-c", "migctl lease acquire; train"}});
  process({700, 610, "migctl", kAlice, 0, {"migctl", "lease", "acquire"}});
  process({701, 620, "migctl", kAlice, 0, {"migctl", "lease", "acquire"}});
  EXPECT_EQ(caller(700).value_or(0), 600U);
  EXPECT_EQ(caller(701).value_or(0), 620U);
}

TEST_F(CallerTest, AnotherUsersProgramIsRefusedAndNamedUnlessRootAsks) {
  process({600, 599, "bash", kBob});
  process({610, 600, "sudo", 0});
  process({700, 610, "migctl"});
  const auto refused = caller();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPermission);
  EXPECT_NE(refused.error().message.find("pid 600 (bash)"), std::string::npos);
  EXPECT_NE(refused.error().hint.find("--for"), std::string::npos);
  EXPECT_EQ(caller(700, 0).value_or(0), 600U);
}

TEST_F(CallerTest, AnOrphanHasNoCallerAndAShellThatIsInitIsOne) {
  process({1, 0, "init", kAlice, 0, {}, "", 1});
  process({700, 1, "migctl"});
  const auto orphan = caller();
  ASSERT_FALSE(orphan);
  EXPECT_EQ(orphan.error().code, ErrorCode::kNotFound);
  process({701, 1, "migctl", kAlice, 0, {}, "", 1});
  EXPECT_EQ(caller(701).value_or(0), 1U);
}

TEST_F(CallerTest, WhoCannotBeSeenIsRefused) {
  process({700, 0, "migctl"});
  for (const std::uint32_t client : {0U, 700U, 999U}) {
    const auto refused = caller(client);
    ASSERT_FALSE(refused) << client;
    EXPECT_EQ(refused.error().code, ErrorCode::kPermission);
    EXPECT_NE(refused.error().message.find("namespace"), std::string::npos);
  }
}

TEST_F(CallerTest, NumbersCountInTheCallersNamespace) {
  process({600, 599, "bash", kAlice, 0, {}, "\t1"});
  process({650, 600, "sleep", kAlice, 0, {}, "\t7"});
  process({7, 1, "kthread", 0});
  process({700, 600, "migctl", kAlice, 0, {}, "\t9"});
  EXPECT_EQ(pid_as_seen_by(proc_, 700, 1).value_or(0), 600U);
  EXPECT_EQ(pid_as_seen_by(proc_, 700, 7).value_or(0), 650U);
  EXPECT_EQ(pid_as_seen_by(proc_, 700, 9).value_or(0), 700U);
  EXPECT_FALSE(pid_as_seen_by(proc_, 700, 650));
  EXPECT_FALSE(pid_as_seen_by(proc_, 0, 7));
  process({701, 1, "migctl"});
  EXPECT_EQ(pid_as_seen_by(proc_, 701, 7).value_or(0), 7U);
}

TEST(Caller, OfThisTestIsWhoStartedIt) {
  const auto program = calling_program("/proc", static_cast<std::uint32_t>(::getpid()), 0);
  EXPECT_TRUE(program) << program.error().text();
  // A fork of ours is ours.
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t fork = ::fork();
  if (fork == 0) {
    const pid_t client = ::fork();
    if (client == 0) {
      const auto found =
          calling_program("/proc", static_cast<std::uint32_t>(::getpid()), ::getuid());
      const std::uint32_t pid = found.value_or(0);
      ::_exit(::write(ends[1], &pid, sizeof pid) == sizeof pid ? 0 : 1);
    }
    ::waitpid(client, nullptr, 0);
    ::_exit(0);
  }
  std::uint32_t found = 0;
  EXPECT_EQ(::read(ends[0], &found, sizeof found), static_cast<ssize_t>(sizeof found));
  ::waitpid(fork, nullptr, 0);
  EXPECT_EQ(found, static_cast<std::uint32_t>(::getpid()));
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace mig::holders

// SPDX-License-Identifier: Apache-2.0
#include "device/command.h"

#include <sys/wait.h>

#include <cerrno>

#include <gtest/gtest.h>

namespace mig::device {
namespace {

using namespace std::chrono_literals;

TEST(Command, OutputAndExitCodeComeBack) {
  const auto result = run_command({"sh", "-c", "echo out; echo err >&2; exit 19"}, 20s);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->exit_code, 19);
  EXPECT_EQ(result->output, "out\nerr\n");
}

TEST(Command, ArgumentsAreNotReadByAShell) {
  const auto result = run_command({"echo", "$(id); rm -rf /nonexistent"}, 20s);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output, "$(id); rm -rf /nonexistent\n");
}

TEST(Command, OneThatIsNotThereIsNotFound) {
  const auto result = run_command({"no-such-nvidia-smi"}, 20s);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
}

TEST(Command, OneThatHangsIsKilled) {
  const auto result = run_command({"sleep", "60"}, 100ms);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kTimeout);
  errno = 0;
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD) << "no child is left";
}

TEST(Command, AFloodOfOutputIsCut) {
  const auto result = run_command({"sh", "-c", "head -c 300000 /dev/zero"}, 20s);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output.size(), 64U * 1024U);
}

}  // namespace
}  // namespace mig::device

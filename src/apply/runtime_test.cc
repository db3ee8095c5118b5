// SPDX-License-Identifier: Apache-2.0
#include "apply/runtime.h"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

namespace mig::apply {
namespace {

class WriterLock : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "/writer-XXXXXX";
    ASSERT_NE(::mkdtemp(dir_.data()), nullptr);
    path_ = dir_ + "/writer.lock";
  }

  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::string dir_, path_;
};

TEST_F(WriterLock, TheSecondWriterIsToldWhoTheFirstIs) {
  const auto first = lock_writer(path_, base::system_clock(), "apply -c mixed");
  ASSERT_TRUE(first);
  const auto second = lock_writer(path_, base::system_clock(), "apply -c mixed");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_NE(second.error().text().find("pid " + std::to_string(::getpid())), std::string::npos);
  EXPECT_NE(second.error().text().find("`apply -c mixed`, since "), std::string::npos);
  EXPECT_NE(second.error().text().find(" s ago)"), std::string::npos);
  EXPECT_NE(second.error().hint.find("--wait"), std::string::npos);
}

TEST_F(WriterLock, AClockThatWasSetBackTellsNoAge) {
  using namespace std::chrono_literals;
  base::ManualClock later(1'000'000s);
  base::ManualClock earlier(900'000s);
  const auto first = lock_writer(path_, later, "apply -c mixed");
  ASSERT_TRUE(first);
  const auto second = lock_writer(path_, earlier, "undo");
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().text().find("since 1970-01-12 13:46:40 UTC"), std::string::npos)
      << second.error().text();
  EXPECT_EQ(second.error().text().find("ago"), std::string::npos);
}

TEST_F(WriterLock, AKilledHolderHoldsNoLonger) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = lock_writer(path_, base::system_clock(), "apply -c mixed");
    static_cast<void>(::write(ready[1], held ? "y" : "n", 1) == 1);
    ::pause();
    ::_exit(0);
  }
  char got = 0;
  ASSERT_EQ(::read(ready[0], &got, 1), 1);
  ASSERT_EQ(got, 'y');
  EXPECT_FALSE(lock_writer(path_, base::system_clock(), "apply -c mixed"));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(lock_writer(path_, base::system_clock(), "apply -c mixed"));
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace mig::apply

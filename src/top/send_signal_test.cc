// SPDX-License-Identifier: Apache-2.0
#include "top/send_signal.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <gtest/gtest.h>

#include "base/process_start.h"
#include "top/host.h"

namespace mig::top {
namespace {

// A child that waits for a signal.
class Child {
 public:
  Child() : pid_(::fork()) {
    if (pid_ == 0) {
      for (;;) {
        ::pause();
      }
    }
  }

  ~Child() {
    if (!reaped_) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }

  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  Child(Child&&) = delete;
  Child& operator=(Child&&) = delete;

  ProcessId id() const {
    return {static_cast<std::uint32_t>(pid_), base::process_start("/proc", pid_).value_or(0)};
  }

  bool alive() const { return ::kill(pid_, 0) == 0; }

  int ended_by() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    reaped_ = true;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

 private:
  pid_t pid_;
  bool reaped_ = false;
};

TEST(SendSignal, ReachesTheProcess) {
  Child child;
  ASSERT_TRUE(send_signal("/proc", child.id(), SIGTERM));
  EXPECT_EQ(child.ended_by(), SIGTERM);
}

TEST(SendSignal, AnotherProcessWithThatPidIsSpared) {
  Child child;
  ProcessId other = child.id();
  --other.start_ticks;
  const auto sent = send_signal("/proc", other, SIGKILL);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(child.alive());
  const auto unknown = send_signal("/proc", {other.pid, 0}, SIGKILL);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(child.alive());
}

TEST(SendSignal, WhoHasEndedIsSaidToHaveEnded) {
  ProcessId id;
  {
    Child child;
    id = child.id();
  }
  const auto sent = send_signal("/proc", id, SIGTERM);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ErrorCode::kNotFound);
}

TEST(SendSignal, AnOrderSaysWhatBecameOfIt) {
  Child first;
  Child second;
  // A pid that lives, with another start: `first` may have ended by then.
  const ProcessId reused{static_cast<std::uint32_t>(::getpid()), 1};
  const SignalOrder order{SIGTERM, {{first.id(), "a"}, {second.id(), "b"}, {reused, "c"}}};
  const std::string text = carry_out("/proc", order);
  EXPECT_NE(text.find("SIGTERM sent to 2 of 3"), std::string::npos) << text;
  EXPECT_NE(text.find("another process now"), std::string::npos) << text;
  EXPECT_EQ(first.ended_by(), SIGTERM);
  EXPECT_EQ(second.ended_by(), SIGTERM);
}

TEST(Host, FactsOfAChild) {
  Child child;
  const ProcessFacts facts = read_facts("/proc", child.id().pid);
  EXPECT_EQ(facts.start_ticks, child.id().start_ticks);
  EXPECT_EQ(facts.uid, ::geteuid());
  ASSERT_FALSE(facts.ancestors.empty());
  EXPECT_EQ(facts.ancestors[0], static_cast<std::uint32_t>(::getpid()));
  EXPECT_EQ(read_facts("/proc", 1U << 30U).start_ticks, 0U);
}

}  // namespace
}  // namespace mig::top

// SPDX-License-Identifier: Apache-2.0
// Evictions of real child processes; no other process may ever be signalled.
#include "apply/evict.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "holders/process_facts.h"

namespace mig::apply {
namespace {

using namespace std::chrono_literals;

class EvictTest : public testing::Test {
 protected:
  // A child process that waits; with `stubborn` it ignores SIGTERM.
  Evictee child(bool stubborn) {
    int ready[2];
    EXPECT_EQ(::pipe(ready), 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::signal(SIGTERM, stubborn ? SIG_IGN : SIG_DFL);
      (void)!::write(ready[1], "x", 1);
      for (;;) {
        ::pause();
      }
    }
    char byte = 0;
    (void)!::read(ready[0], &byte, 1);
    ::close(ready[0]);
    ::close(ready[1]);
    children_.push_back(pid);
    const auto number = static_cast<std::uint32_t>(pid);
    return {number, holders::start_of("/proc", number).value_or(0), {}, {}, "the child"};
  }

  void TearDown() override {
    for (const pid_t pid : children_) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
  }

  // The signal that ended the child process.
  int ended_by(std::size_t index) {
    int status = 0;
    const pid_t pid = children_.at(index);
    children_.erase(children_.begin() + static_cast<std::ptrdiff_t>(index));
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

  EvictOptions options(std::chrono::milliseconds grace) {
    EvictOptions out;
    out.grace = grace;
    out.tell = [this](const std::string& line) { told_ += line + "\n"; };
    return out;
  }

  std::vector<pid_t> children_;
  std::string told_;
};

TEST_F(EvictTest, ATermIsEnoughForMost) {
  const Evictee one = child(false);
  ASSERT_NE(one.start_ticks, 0U);
  const auto done = evict({one}, options(10s), base::system_clock());
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(ended_by(0), SIGTERM);
  EXPECT_EQ(told_.find("SIGKILL"), std::string::npos) << told_;
}

TEST_F(EvictTest, AfterTheGraceComesTheKill) {
  const Evictee one = child(true);
  const auto done = evict({one}, options(200ms), base::system_clock());
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(ended_by(0), SIGKILL);
  EXPECT_NE(told_.find("SIGKILL"), std::string::npos) << told_;
}

// The process needs a while to save its work: no SIGKILL within the grace period.
TEST_F(EvictTest, WhoEndsWithinTheGraceEndsByItself) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::signal(SIGTERM, [](int) {
      ::usleep(400'000);
      ::_exit(7);
    });
    (void)!::write(ready[1], "x", 1);
    for (;;) {
      ::pause();
    }
  }
  char byte = 0;
  (void)!::read(ready[0], &byte, 1);
  ::close(ready[0]);
  ::close(ready[1]);
  const auto number = static_cast<std::uint32_t>(pid);
  const Evictee one{number, holders::start_of("/proc", number).value_or(0), {}, {}, "the child"};
  const auto done = evict({one}, options(60s), base::system_clock());
  ASSERT_TRUE(done) << done.error().text();
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_EQ(told_.find("SIGKILL"), std::string::npos) << told_;
}

TEST_F(EvictTest, AnotherProcessOfThatNumberIsLeftAlone) {
  Evictee one = child(false);
  ++one.start_ticks;  // simulates pid reuse: a process that started later
  const auto done = evict({one}, options(200ms), base::system_clock());
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(::kill(children_[0], 0), 0);
  int status = 0;
  EXPECT_EQ(::waitpid(children_[0], &status, WNOHANG), 0) << "still running";
  EXPECT_EQ(told_, "");
}

// Race: the process ended before the signal was due, and its pid was reused.
TEST_F(EvictTest, ANumberThatIsUsedAgainJustBeforeTheSignalIsLeftAlone) {
  Evictee one = child(false);
  std::string proc = testing::TempDir() + "evictXXXXXX";
  ASSERT_NE(::mkdtemp(proc.data()), nullptr);
  const std::string folder = proc + "/" + std::to_string(one.pid);
  std::filesystem::create_directory(folder);
  const auto start = [&](std::uint64_t ticks) {
    std::ofstream(folder + "/stat")
        << one.pid << " (python) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 " << ticks << " 0 0\n";
  };
  start(100);
  one.start_ticks = 100;
  ASSERT_EQ(holders::start_of(proc, one.pid), 100U) << "or this shows nothing";
  EvictOptions between = options(200ms);
  between.proc = proc;
  between.tell = [&](const std::string& line) {
    told_ += line;
    start(200);
  };
  const auto done = evict({one}, between, base::system_clock());
  std::filesystem::remove_all(proc);
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_NE(told_, "");
  ::kill(children_[0], SIGKILL);
  EXPECT_EQ(ended_by(0), SIGKILL) << "nothing was sent before";
}

TEST_F(EvictTest, AHookThatFailsStopsItBeforeAnySignal) {
  const Evictee one = child(false);
  EvictOptions with_hook = options(200ms);
  with_hook.hook = [](const Evictee& who) -> Result<void> {
    return fail(ErrorCode::kHook, "no: " + who.text);
  };
  const auto done = evict({one}, with_hook, base::system_clock());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kHook);
  EXPECT_EQ(::waitpid(children_[0], nullptr, WNOHANG), 0) << "still running";
}

TEST_F(EvictTest, AHookMayDoTheWork) {
  const Evictee one = child(true);
  EvictOptions with_hook = options(200ms);
  with_hook.hook = [](const Evictee& who) -> Result<void> {
    ::kill(static_cast<pid_t>(who.pid), SIGUSR1);
    while (holders::start_of("/proc", who.pid) == who.start_ticks) {
      ::usleep(1000);
    }
    return {};
  };
  ASSERT_TRUE(evict({one}, with_hook, base::system_clock()));
  EXPECT_EQ(ended_by(0), SIGUSR1);
  EXPECT_EQ(told_, "") << "nobody was left to signal";
}

class EvicteesTest : public testing::Test {
 protected:
  EvicteesTest() {
    holders::Holder holder;
    holder.pid = 4121;
    holder.start_ticks = 77;
    holder.name = "python";
    holder.gpu_instance = GpuInstanceId{3};
    report_.holders = {holder};
    Blocker blocker;
    blocker.process = Process{};
    blocker.process->pid = 4121;
    blocker.start_ticks = 70;  // start time recorded in the plan
    plan_.gpus.resize(1);
    plan_.gpus[0].blockers = {blocker, blocker};
  }

  holders::Report report_;
  Plan plan_;
};

TEST_F(EvicteesTest, EachOnceAndWithTheStartThatThePlanNames) {
  const auto who = evictees(plan_, report_);
  ASSERT_TRUE(who);
  ASSERT_EQ(who->size(), 1U);
  EXPECT_EQ(who->front().start_ticks, 70U);
  EXPECT_EQ(who->front().gpu_instance, GpuInstanceId{3});
}

TEST_F(EvicteesTest, ServicesAndTheUnknownAreNotSignalled) {
  report_.holders[0].kind = holders::Kind::kService;
  report_.holders[0].owner.unit = "nvidia-dcgm.service";
  const auto service = evictees(plan_, report_);
  ASSERT_FALSE(service);
  EXPECT_EQ(service.error().code, ErrorCode::kInUse);
  EXPECT_NE(service.error().hint.find("systemctl stop nvidia-dcgm.service"), std::string::npos);
  report_.holders[0].kind = holders::Kind::kProcess;
  report_.holders[0].start_ticks = 0;
  plan_.gpus[0].blockers[0].start_ticks = 0;
  EXPECT_FALSE(evictees(plan_, report_));
}

}  // namespace
}  // namespace mig::apply

// SPDX-License-Identifier: Apache-2.0
#include "sim/machine/process.h"

#include <sys/wait.h>

#include <signal.h>
#include <time.h>

#include "abi/nvml.h"
#include "sim/machine/telemetry.h"
#include "sim/machine/test_machine.h"

namespace migsim {
namespace {

using testing::on_disk;
using testing::Rig;
using testing::TempDir;

constexpr std::uint64_t kMib = 1U << 20U;

ProcessIdentity someone(std::int32_t pid) {
  ProcessIdentity who;
  who.pid = pid;
  std::snprintf(who.name, sizeof(who.name), "/usr/bin/train");
  return who;
}

Attach attach(const Rig& rig, const Instance& at, std::int32_t pid, std::uint32_t* slot = nullptr) {
  std::uint32_t found = kNone;
  const Attach outcome = attach_process(*rig.hardware, *rig.state, at, someone(pid), 7, found);
  if (slot != nullptr) {
    *slot = found;
  }
  return outcome;
}

// GPU 0 with a 3g (GI 2) of 1c (CI 0) and 2c (CI 1), and GPU 1 without MIG.
Rig two_gpus() {
  Rig rig({"h200-141gb", "a100-sxm4-40gb"});
  EXPECT_EQ(rig.create(9), 2);
  EXPECT_EQ(rig.create_compute(2, 0), 0);
  EXPECT_EQ(rig.create_compute(2, 1), 1);
  rig.state->gpus[1].mig_current = rig.state->gpus[1].mig_pending = 0;
  return rig;
}

TEST(Process, AttachesOnlyToWhatExists) {
  const Rig rig = two_gpus();
  EXPECT_EQ(attach(rig, {0, 2, 0}, 1), Attach::kOk);
  EXPECT_EQ(attach(rig, {0, 2, 2}, 1), Attach::kNoInstance);
  EXPECT_EQ(attach(rig, {0, 1, 0}, 1), Attach::kNoInstance);
  EXPECT_EQ(attach(rig, {0, kNone, kNone}, 1), Attach::kNoInstance) << "bare GPU in MIG mode";
  EXPECT_EQ(attach(rig, {1, kNone, kNone}, 1), Attach::kOk);
  EXPECT_EQ(attach(rig, {1, 2, 0}, 1), Attach::kNoInstance);
  EXPECT_EQ(attach(rig, {2, kNone, kNone}, 1), Attach::kNoInstance);
  rig.state->gpus[1].lost = 1;
  EXPECT_EQ(attach(rig, {1, kNone, kNone}, 2), Attach::kLost);
  EXPECT_EQ(rig.broken(), nullptr);
}

TEST(Process, ContextsOfOneProcessShareASlot) {
  const Rig rig = two_gpus();
  std::uint32_t first = 0, second = 1, other = 0;
  ASSERT_EQ(attach(rig, {0, 2, 0}, 41, &first), Attach::kOk);
  ASSERT_EQ(attach(rig, {0, 2, 0}, 41, &second), Attach::kOk);
  ASSERT_EQ(attach(rig, {0, 2, 1}, 41, &other), Attach::kOk);
  EXPECT_EQ(first, second);
  EXPECT_NE(first, other);
  detach_context(*rig.state, first);
  EXPECT_EQ(rig.state->processes[first].used, 1U);
  detach_context(*rig.state, first);
  EXPECT_EQ(rig.state->processes[first].used, 0U);
  EXPECT_EQ(rig.state->process_top, other + 1);
  detach_context(*rig.state, other);
  EXPECT_EQ(rig.state->process_top, 0U);
}

TEST(Process, ComputeModeIsObeyed) {
  const Rig rig = two_gpus();
  rig.state->gpus[1].compute_mode = NVML_COMPUTEMODE_EXCLUSIVE_PROCESS;
  EXPECT_EQ(attach(rig, {1, kNone, kNone}, 1), Attach::kOk);
  EXPECT_EQ(attach(rig, {1, kNone, kNone}, 1), Attach::kOk) << "the same process again";
  EXPECT_EQ(attach(rig, {1, kNone, kNone}, 2), Attach::kRefused);
  rig.state->gpus[1].compute_mode = NVML_COMPUTEMODE_PROHIBITED;
  EXPECT_EQ(attach(rig, {1, kNone, kNone}, 3), Attach::kRefused);
}

TEST(Process, TableIsFiniteAndSlotsAreUsedAgain) {
  const Rig rig = two_gpus();
  for (std::uint32_t i = 0; i < kMaxOwnProcesses; ++i) {
    ASSERT_EQ(attach(rig, {1, kNone, kNone}, static_cast<std::int32_t>(i + 1)), Attach::kOk);
  }
  EXPECT_EQ(attach(rig, {1, kNone, kNone}, 99999), Attach::kFull);
  EXPECT_EQ(rig.broken(), nullptr);
  remove_process(*rig.state, 500);
  EXPECT_EQ(rig.state->process_top, kMaxOwnProcesses);
  std::uint32_t slot = 0;
  EXPECT_EQ(attach(rig, {1, kNone, kNone}, 99999, &slot), Attach::kOk);
  EXPECT_EQ(slot, 500U);
}

TEST(Process, MemoryEndsAtTheInstance) {
  const Rig rig = two_gpus();
  std::uint32_t one = 0, two = 0;
  ASSERT_EQ(attach(rig, {0, 2, 0}, 1, &one), Attach::kOk);
  ASSERT_EQ(attach(rig, {0, 2, 1}, 2, &two), Attach::kOk);
  const std::uint64_t free = memory_free(*rig.hardware, *rig.state, {0, 2, 0});
  EXPECT_LE(free, 71424 * kMib);
  EXPECT_GT(free, 71000 * kMib);
  EXPECT_FALSE(allocate(*rig.hardware, *rig.state, one, free + 1));
  EXPECT_FALSE(allocate(*rig.hardware, *rig.state, one, UINT64_MAX));
  EXPECT_EQ(rig.state->processes[one].memory_bytes, 0U);
  EXPECT_TRUE(allocate(*rig.hardware, *rig.state, one, free - kMib));
  // Compute instances of one GPU instance share its memory.
  EXPECT_FALSE(allocate(*rig.hardware, *rig.state, two, 2 * kMib));
  EXPECT_TRUE(allocate(*rig.hardware, *rig.state, two, kMib));
  EXPECT_EQ(memory_free(*rig.hardware, *rig.state, {0, 2, 1}), 0U);
  EXPECT_EQ(rig.broken(), nullptr);
}

TEST(Process, MemoryOfAWholeGpuIsTotalLessReserved) {
  const Rig rig = two_gpus();
  const Board& board = rig.hardware->boards[1];
  std::uint32_t slot = 0;
  ASSERT_EQ(attach(rig, {1, kNone, kNone}, 1, &slot), Attach::kOk);
  const std::int64_t reserved =
      board.memory_reserved_bytes == kUnknown ? 0 : board.memory_reserved_bytes;
  const auto limit = static_cast<std::uint64_t>(board.memory_total_bytes - reserved);
  EXPECT_FALSE(allocate(*rig.hardware, *rig.state, slot, limit + 1));
  EXPECT_TRUE(allocate(*rig.hardware, *rig.state, slot, limit));
  rig.hardware->boards[1].memory_total_bytes = kUnknown;
  EXPECT_EQ(memory_free(*rig.hardware, *rig.state, {1, kNone, kNone}), 0U);
}

TEST(Process, KnowsItself) {
  const ProcessIdentity who = this_process();
  EXPECT_EQ(who.pid, ::getpid());
  EXPECT_NE(who.start_ticks, 0U);
  EXPECT_NE(std::string(who.name).find("sim_machine_test"), std::string::npos) << who.name;
  ProcessState process;
  process.pid = who.pid;
  process.start_ticks = who.start_ticks;
  process.pid_namespace = who.pid_namespace;
  EXPECT_TRUE(is_alive(process, false));
  process.start_ticks += 1;
  EXPECT_FALSE(is_alive(process, false)) << "the pid was given to another process";
  process.pid_namespace += 1;
  EXPECT_TRUE(is_alive(process, false)) << "nothing is known of another pid namespace";
}

// A child process that attaches and then sleeps.
pid_t attached_child(Machine& machine, const Instance& at) {
  int ready[2];
  EXPECT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    {
      Machine::Change change(machine);
      std::uint32_t slot = 0;
      attach_process(machine.hardware(), *change, at, this_process(), now_ns(), slot);
      change->processes[slot].memory_bytes = 100 * kMib;
      change.commit();
    }
    [[maybe_unused]] const ssize_t told = ::write(ready[1], "x", 1);
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  EXPECT_EQ(::read(ready[0], &byte, 1), 1);
  ::close(ready[0]);
  ::close(ready[1]);
  return child;
}

int destroy(Machine& machine, std::uint32_t gi, std::uint32_t ci) {
  Machine::Change change(machine);
  const int code = destroy_ci({machine.hardware(), *change, 0}, gi, ci);
  change.commit();
  return code;
}

TEST(DeadProcess, HoldsItsInstanceUntilItDies) {
  const TempDir dir;
  const auto machine = on_disk(dir, two_gpus());
  const pid_t child = attached_child(*machine, {0, 2, 0});
  EXPECT_EQ((*Machine::View(*machine)).process_top, 1U);
  EXPECT_EQ(destroy(*machine, 2, 0), NVML_ERROR_IN_USE);
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(destroy(*machine, 2, 0), NVML_SUCCESS);
}

TEST(DeadProcess, ReadersDoNotSeeIt) {
  const TempDir dir;
  const auto machine = on_disk(dir, two_gpus());
  const pid_t child = attached_child(*machine, {0, 2, 1});
  const std::uint64_t generation = machine->generation();
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  const Machine::View view(*machine);
  EXPECT_EQ(view->process_top, 0U);
  EXPECT_EQ(view->generation, generation + 1);
}

TEST(DeadProcess, AZombieIsDead) {
  const TempDir dir;
  const auto machine = on_disk(dir, two_gpus());
  const pid_t child = attached_child(*machine, {0, 2, 0});
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  const timespec time{0, 12'000'000};
  ::nanosleep(&time, nullptr);
  EXPECT_EQ((*Machine::View(*machine)).process_top, 0U);
  EXPECT_EQ(destroy(*machine, 2, 0), NVML_SUCCESS);
  ::waitpid(child, nullptr, 0);
}

TEST(Events, RingKeepsTheNewest) {
  const Rig rig = two_gpus();
  for (std::uint64_t xid = 1; xid <= kMaxEvents + 10; ++xid) {
    raise_event(*rig.state, nvmlEventTypeXidCriticalError, xid, {0, 2, 0});
  }
  EXPECT_EQ(rig.state->event_sequence, kMaxEvents + 10U);
  std::uint64_t oldest = UINT64_MAX;
  for (const Event& event : rig.state->events) {
    EXPECT_EQ(event.data, event.sequence);
    oldest = std::min(oldest, event.sequence);
  }
  EXPECT_EQ(oldest, 11U);
}

}  // namespace
}  // namespace migsim

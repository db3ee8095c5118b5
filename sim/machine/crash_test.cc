// SPDX-License-Identifier: Apache-2.0
// Crash and contention tests: clients killed at any point, and clients that compete for one GPU.
#include <sys/wait.h>

#include <random>

#include <signal.h>
#include <time.h>

#include "abi/nvml.h"
#include "sim/machine/mapping.h"
#include "sim/machine/test_machine.h"

namespace migsim {
namespace {

using testing::on_disk;
using testing::Rig;
using testing::TempDir;

void pause_us(long us) {
  const timespec time{0, us * 1000};
  ::nanosleep(&time, nullptr);
}

// One random operation. Each also raises both ECC counters by one: a torn state shows as a
// difference between the two.
void change_something(Machine& machine, std::mt19937& random) {
  Machine::Change change(machine);
  const auto index = static_cast<std::uint32_t>(random() % machine.hardware().gpu_count);
  const GpuRef gpu{machine.hardware(), *change, index};
  const Board& board = gpu.board();
  auto id = static_cast<std::uint32_t>(random() % kMaxGis);
  std::uint32_t ci = 0;
  ++gpu.self().ecc_corrected;
  if (random() % 2 == 0) {
    create_gi(gpu, board.gi_profiles[random() % board.gi_profile_count], {}, id);
  }
  if (gpu.self().gis[id].used != 0) {
    const GiProfile& profile = board.gi_profiles[gpu.self().gis[id].profile_index];
    create_ci(gpu, id, profile.ci_profiles[random() % profile.ci_profile_count], {}, ci);
    if (random() % 2 == 0) {
      destroy_ci(gpu, id, ci);
      destroy_gi(gpu, id);
    }
  }
  ++gpu.self().ecc_uncorrected;
  if (random() % 8 != 0) {
    change.commit();
  }
}

const char* torn(const Hardware& hardware, const State& state) {
  for (std::uint32_t gpu = 0; gpu < hardware.gpu_count; ++gpu) {
    if (state.gpus[gpu].ecc_corrected != state.gpus[gpu].ecc_uncorrected) {
      return "half a change became the state";
    }
  }
  return broken_invariant(hardware, state);
}

// The torn flag is set by the client that finds the lock's owner dead, and cleared by the next
// Change.
bool holder_had_died(const TempDir& dir) {
  std::uint32_t torn_flag = 0;
  std::FILE* file = std::fopen(dir.file("machine.state").c_str(), "rbe");
  std::fseek(file, offsetof(Header, torn), SEEK_SET);
  EXPECT_EQ(std::fread(&torn_flag, sizeof(torn_flag), 1, file), 1U);
  std::fclose(file);
  return torn_flag != 0;
}

TEST(Crash, KilledAtRandomMomentsLeavesAWholeStateAndAFreeLock) {
  constexpr unsigned kSeed = 20261123;
  constexpr int kRounds = 400;
  const TempDir dir;
  const auto machine = on_disk(dir, Rig({"a100-sxm4-40gb", "h200-141gb"}));
  std::mt19937 random(kSeed);
  int died_with_lock = 0;
  for (int round = 0; round < kRounds; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      std::mt19937 own(kSeed + static_cast<unsigned>(round));
      for (;;) {
        change_something(*machine, own);
      }
    }
    pause_us(static_cast<long>(random() % 2000));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    {
      const Machine::View view(*machine);  // would block for ever if the robust lock were lost
      ASSERT_EQ(torn(machine->hardware(), *view), nullptr)
          << "round " << round << " of seed " << kSeed;
    }
    died_with_lock += holder_had_died(dir) ? 1 : 0;
    change_something(*machine, random);
    const Machine::View view(*machine);
    ASSERT_EQ(torn(machine->hardware(), *view), nullptr)
        << "after round " << round << " of seed " << kSeed;
  }
  std::printf("seed %u: %d of %d died with the lock held\n", kSeed, died_with_lock, kRounds);
  EXPECT_GT(died_with_lock, kRounds / 10) << "the rounds did not hit what they aim at";
}

// Kills the process at each step of a Change: a deterministic sweep over crash points.
TEST(Crash, KilledBetweenAnyTwoStepsOfAChange) {
  const TempDir dir;
  const auto machine = on_disk(dir, Rig({"a100-sxm4-40gb"}));
  for (int step = 0; step < 4; ++step) {
    const std::uint64_t before = (*Machine::View(*machine)).gpus[0].ecc_corrected;
    const pid_t child = ::fork();
    if (child == 0) {
      Machine::Change change(*machine);
      if (step >= 1) {
        ++change->gpus[0].ecc_corrected;
      }
      if (step >= 2) {
        // The dead process left garbage everywhere: the next client must not trust the unfinished
        // image.
        change->process_top = 0xFFFFFFFFU;
        change->gpus[kMaxGpus - 1].lost = 1;
        change->processes[kMaxProcesses - 1].used = 1;
      }
      if (step == 3) {
        change->process_top = 0;
        change->gpus[kMaxGpus - 1].lost = 0;
        change->processes[kMaxProcesses - 1].used = 0;
        change.commit();
      }
      ::kill(::getpid(), SIGKILL);
    }
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    {
      Machine::Change change(*machine);
      change.commit();
    }
    const Machine::View view(*machine);
    EXPECT_EQ(view->gpus[0].ecc_corrected, before + (step == 3 ? 1 : 0)) << "step " << step;
    EXPECT_EQ(view->gpus[kMaxGpus - 1].lost, 0U) << "step " << step;
    EXPECT_EQ(view->processes[kMaxProcesses - 1].used, 0U) << "step " << step;
    EXPECT_EQ(broken_invariant(machine->hardware(), *view), nullptr) << "step " << step;
  }
}

TEST(Contention, TenProcessesWantTheOneWholeGpu) {
  const TempDir dir;
  const auto machine = on_disk(dir, Rig({"a100-sxm4-40gb"}));
  constexpr int kRivals = 10;
  pid_t rivals[kRivals];
  for (pid_t& rival : rivals) {
    rival = ::fork();
    if (rival == 0) {
      Status status;
      const auto mine = Machine::open(dir.path(), status);
      Machine::Change change(*mine);
      const GpuRef gpu{mine->hardware(), *change, 0};
      std::uint32_t id = 0;
      const int code = create_gi(gpu, *find_gi_profile_by_id(gpu.board(), 0), {}, id);
      change.commit();
      ::_exit(code);
    }
  }
  int won = 0, refused = 0;
  for (const pid_t rival : rivals) {
    int how = 0;
    ASSERT_EQ(::waitpid(rival, &how, 0), rival);
    ASSERT_TRUE(WIFEXITED(how));
    won += WEXITSTATUS(how) == NVML_SUCCESS ? 1 : 0;
    refused += WEXITSTATUS(how) == NVML_ERROR_INSUFFICIENT_RESOURCES ? 1 : 0;
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(refused, kRivals - 1);
  EXPECT_EQ(broken_invariant(machine->hardware(), *Machine::View(*machine)), nullptr);
}

TEST(Contention, TwoWritersAndAReaderNeverSeeHalfAChange) {
  const TempDir dir;
  const auto machine = on_disk(dir, Rig({"a100-sxm4-40gb", "a30-24gb"}));
  pid_t writers[2];
  for (unsigned i = 0; i < 2; ++i) {
    writers[i] = ::fork();
    if (writers[i] == 0) {
      std::mt19937 random(i);
      for (int n = 0; n < 2000; ++n) {
        change_something(*machine, random);
      }
      ::_exit(0);
    }
  }
  int running = 2;
  std::uint64_t generation = 0;
  while (running > 0) {
    {
      const Machine::View view(*machine);
      ASSERT_EQ(torn(machine->hardware(), *view), nullptr);
      ASSERT_GE(view->generation, generation);
      generation = view->generation;
    }
    running -= ::waitpid(-1, nullptr, WNOHANG) > 0 ? 1 : 0;
  }
  EXPECT_GT(generation, 100U);
}

}  // namespace
}  // namespace migsim

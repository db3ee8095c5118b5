// SPDX-License-Identifier: Apache-2.0
// Random operations on random machines with random faults: the simulator's invariants hold, no busy
// instance is destroyed, and board file, simulator and manager agree. By default a short walk with
// a fixed seed; MIGCTL_PROPERTY_OPERATIONS, MIGCTL_PROPERTY_CHANGES (whole changes by the manager,
// per thousand operations) and MIGCTL_PROPERTY_SEED change that.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "driver_walk.h"
#include "manager_walk.h"

namespace mig::property {
namespace {

constexpr std::uint64_t kOfOneMachine = 2500;
constexpr std::uint64_t kBetweenComparisons = 50;

// In memory: the journal's fsync is not under test here.
std::string make_root() {
  std::string root =
      ::access("/dev/shm", W_OK) == 0 ? "/dev/shm/migctl-walk-XXXXXX" : "/tmp/migctl-walk-XXXXXX";
  EXPECT_NE(::mkdtemp(root.data()), nullptr);
  return root;
}

struct Totals {
  std::uint64_t operations = 0, changes = 0, machines = 0;
  DriverTally driver;
  ManagerTally manager;
};

void print(const Totals& t, std::uint64_t seed, double seconds) {
  const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf("seed %llu: %llu operations on %llu machines in %.0f s\n",
              n(seed),
              n(t.operations),
              n(t.machines),
              seconds);
  std::printf(
      "  driver calls that change: %llu done, %llu refused (%llu because in use); %llu questions\n",
      n(t.driver.done),
      n(t.driver.refused),
      n(t.driver.in_use),
      n(t.driver.asked));
  std::printf(
      "  processes: %llu attached, %llu killed; %llu faults injected, %llu GPUs lost, "
      "%llu reboots\n",
      n(t.driver.attached),
      n(t.driver.killed),
      n(t.driver.faults + t.manager.faults),
      n(t.driver.lost),
      n(t.driver.reboots));
  std::printf(
      "  changes by the manager: %llu; %llu applied with %llu steps beside %llu running processes, "
      "%llu pending, %llu nothing to do, %llu refused, %llu rolled back, %llu stuck; "
      "%llu processes came in between\n",
      n(t.changes),
      n(t.manager.applied),
      n(t.manager.steps),
      n(t.manager.kept_busy),
      n(t.manager.pending),
      n(t.manager.empty),
      n(t.manager.refused),
      n(t.manager.rolled_back),
      n(t.manager.stuck),
      n(t.manager.intruders));
  std::printf("  %llu inventories compared with the simulator's state\n", n(t.manager.inventories));
  std::printf("  %s\n",
              ::testing::Test::HasFailure()
                  ? "FAILED"
                  : "no invariant broken, nothing in use destroyed, model and simulator agree");
}

// Walks on one machine; "" or the violated property.
std::string walk(const std::string& root,
                 std::uint64_t seed,
                 std::uint64_t operations,
                 std::uint64_t changes_permille,
                 Totals& totals) {
  Random random(seed);
  World world(root, random);
  DriverWalk driver(world, random, totals.driver);
  ManagerWalk manager(world, random, totals.manager);
  for (std::uint64_t i = 0; i < operations; ++i) {
    ++totals.operations;
    std::string wrong;
    if (random.below(1000) < changes_permille) {
      ++totals.changes;
      wrong = manager.change();
    } else {
      wrong = driver.step();
    }
    if (wrong.empty() && i % kBetweenComparisons == 0) {
      wrong = manager.compare();
    }
    if (!wrong.empty()) {
      return "operation " + std::to_string(i) + ": " + wrong;
    }
  }
  return {};
}

TEST(MachineWalk, InvariantsHoldNothingInUseGoesAndAllAgree) {
  const std::uint64_t operations = number_from("MIGCTL_PROPERTY_OPERATIONS", 12000);
  const std::uint64_t changes = number_from("MIGCTL_PROPERTY_CHANGES", 40);
  const std::uint64_t seed = number_from("MIGCTL_PROPERTY_SEED", 1);
  const auto start = std::chrono::steady_clock::now();
  const std::string root = make_root();
  Totals totals;
  while (totals.operations < operations && !HasFailure()) {
    const std::uint64_t machine = seed * 1'000'000 + totals.machines++;
    const std::string wrong = walk(
        root, machine, std::min(kOfOneMachine, operations - totals.operations), changes, totals);
    EXPECT_EQ(wrong, "") << "machine of seed " << machine;
  }
  std::error_code ignored;
  std::filesystem::remove_all(root, ignored);
  print(totals,
        seed,
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  if (operations >= 10000 && !HasFailure()) {
    EXPECT_GT(totals.driver.done, operations / 10) << "the walk does not walk";
    EXPECT_GT(totals.driver.in_use, 0U);
    EXPECT_GT(totals.manager.applied, totals.changes / 20);
    EXPECT_GT(totals.manager.rolled_back, 0U);
  }
}

}  // namespace
}  // namespace mig::property

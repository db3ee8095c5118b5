// SPDX-License-Identifier: Apache-2.0
#include "sim/machine/contention.h"

#include <random>

#include "sim/machine/process.h"
#include "sim/machine/test_machine.h"

namespace migsim {
namespace {

using testing::Rig;

// An H200 with GI 2 (3g: CI 0 of one slice, CI 1 of two) and GI 9 (1g: CI 0), and an A100 without
// MIG.
class Contended : public ::testing::Test {
 protected:
  Contended() : rig({"h200-141gb", "a100-sxm4-40gb"}) {
    EXPECT_EQ(rig.create(9), 2);
    EXPECT_EQ(rig.create(19, Placement{2, 1}), 9);
    EXPECT_EQ(rig.create_compute(2, 0), 0);
    EXPECT_EQ(rig.create_compute(2, 1), 1);
    EXPECT_EQ(rig.create_compute(9, 0), 0);
    rig.state->gpus[1].mig_current = rig.state->gpus[1].mig_pending = 0;
  }

  std::uint32_t attach(Instance at, Wants wants = {}) {
    ProcessIdentity who;
    who.pid = ++pid;
    std::uint32_t slot = 0;
    EXPECT_EQ(attach_process(*rig.hardware, *rig.state, at, who, 1, slot), Attach::kOk);
    rig.state->processes[slot].wants = wants;
    return slot;
  }

  Contention of(std::uint32_t slot) const { return contention_of(*rig.hardware, *rig.state, slot); }

  Rig rig;
  std::int32_t pid = 100;
};

const Instance kFirst{0, 2, 0}, kSecond{0, 2, 1}, kApart{0, 9, 0}, kBare{1, kNone, kNone};

void expect(const Contention& got, double engine, double dram, double tx, double rx) {
  EXPECT_DOUBLE_EQ(got.engine, engine);
  EXPECT_DOUBLE_EQ(got.dram, dram);
  EXPECT_DOUBLE_EQ(got.pcie_tx, tx);
  EXPECT_DOUBLE_EQ(got.pcie_rx, rx);
}

TEST_F(Contended, AloneNothingIsSlower) {
  expect(of(attach(kFirst, {1, 1, 9e12, 9e12})), 1, 1, 1, 1);
}

TEST_F(Contended, OneComputeInstanceIsTakenInTurns) {
  const std::uint32_t self = attach(kFirst);
  attach(kFirst, {0.5, 1, 0, 0});
  expect(of(self), 1.5, 1, 1, 1);
  attach(kFirst, {1, 0, 0, 0});
  expect(of(self), 2.5, 1, 1, 1);
}

TEST_F(Contended, ComputeInstancesOfOneGpuInstanceShareItsMemory) {
  const std::uint32_t self = attach(kFirst);
  attach(kSecond, {1, 0.75, 0, 0});
  expect(of(self), 1, 1.75, 1, 1);
}

TEST_F(Contended, AnotherGpuInstanceTakesOfTheLinkOnly) {
  const std::uint32_t self = attach(kFirst);
  const double link = static_cast<double>(rig.hardware->boards[0].pcie_mb_per_s) * 1e6;
  attach(kApart, {1, 1, link / 4, link / 2});
  expect(of(self), 1, 1, 1.25, 1.5);
}

TEST_F(Contended, AnotherGpuTakesNothing) {
  const std::uint32_t self = attach(kBare);
  attach(kFirst, {1, 1, 9e12, 9e12});
  expect(of(self), 1, 1, 1, 1);
  attach(kBare, {1, 1, 0, 0});
  expect(of(self), 2, 1, 1, 1);
}

TEST_F(Contended, NobodyTakesMoreThanThereIs) {
  const std::uint32_t self = attach(kFirst);
  attach(kFirst, {7, 0, 9e15, 0});
  expect(of(self), 2, 1, 2, 1);
}

TEST_F(Contended, AnUnknownLinkIsNotContended) {
  rig.hardware->boards[0].pcie_mb_per_s = kUnknown;
  const std::uint32_t self = attach(kFirst);
  attach(kFirst, {0, 0, 9e12, 9e12});
  expect(of(self), 1, 1, 1, 1);
}

// Load on other GPU instances and other GPUs changes neither engine nor memory factor of this
// instance, and a process that ends leaves no trace.
TEST_F(Contended, RandomNeighboursElsewhereChangeNothing) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> share(0, 1);
  const std::uint32_t self = attach(kFirst);
  std::vector<std::uint32_t> others;
  for (int i = 0; i < 200; ++i) {
    const Wants wants{share(random), share(random), 1e11 * share(random), 1e11 * share(random)};
    others.push_back(attach(i % 2 == 0 ? kApart : kBare, wants));
    EXPECT_EQ(of(self).engine, 1);
    EXPECT_EQ(of(self).dram, 1);
    EXPECT_GE(of(self).pcie_rx, 1);
  }
  for (const std::uint32_t slot : others) {
    remove_process(*rig.state, slot);
  }
  expect(of(self), 1, 1, 1, 1);
}

}  // namespace
}  // namespace migsim

// SPDX-License-Identifier: Apache-2.0
#include "sim/machine/telemetry.h"

#include <cstring>
#include <memory>

#include <gtest/gtest.h>

namespace migsim {
namespace {

constexpr std::uint64_t kSecond = UINT64_C(1000000000);
constexpr std::uint64_t kMib = UINT64_C(1) << 20;

// A board of 8 memory slices and 100 SMs with one 2g profile (2 slices, 20 SMs, two halves).
class Telemetry : public testing::Test {
 protected:
  Telemetry() {
    hardware->gpu_count = 1;
    Board& board = hardware->boards[0];
    board.memory_slices = 8;
    board.sm_count = 100;
    board.memory_total_bytes = 40960 * static_cast<std::int64_t>(kMib);
    board.power_idle_mw = 100000;
    board.power_limit_mw = 300000;
    board.temperature_idle_c = 30;
    board.temperature_full_c = 80;
    board.clock_sm_idle_mhz = 300;
    board.clock_sm_max_mhz = 1400;
    GiProfile& gi = board.gi_profiles[0];
    gi.slices = 2;
    gi.sm = 20;
    gi.memory_mib = 9856;
    gi.ci_profiles[0].slices = 1;
    gi.ci_profiles[0].sm = 10;
    settle(*hardware, *state, 0, now);
  }

  void add_gi(std::uint32_t id) {
    GiState& gi = state->gpus[0].gis[id];
    gi.used = 1;
    gi.placement = {0, 2};
    gi.cis[0].used = 1;
    settle(*hardware, *state, 0, now);
  }

  void add_process(std::uint32_t gi, double sm, double dram, double tensor = 0) {
    ProcessState& process = state->processes[state->process_top++];
    process.used = 1;
    process.gi = gi;
    process.ci = gi == kNone ? kNone : 0;
    process.memory_bytes = 100 * kMib;
    process.rate[kSmActive] = sm;
    process.rate[kDram] = dram;
    process.rate[kTensor] = tensor;
    settle(*hardware, *state, 0, now);
  }

  void wait(std::uint64_t seconds) { now += seconds * kSecond; }

  std::unique_ptr<Hardware> hardware = std::make_unique<Hardware>();
  std::unique_ptr<State> state = std::make_unique<State>();
  std::uint64_t now = 1000 * kSecond;
};

TEST_F(Telemetry, IdleGpuDrawsIdlePower) {
  EXPECT_EQ(power_mw(*hardware, *state, 0), 100000U);
  EXPECT_EQ(temperature_c(*hardware, *state, 0, now + 60 * kSecond), 30U);
  EXPECT_EQ(clock_sm_mhz(*hardware, *state, 0), 300U);
  EXPECT_EQ(clock_mem_mhz(*hardware, *state, 0), std::nullopt) << "the board does not know";
  EXPECT_EQ(gpu_utilization(*state, 0), 0U);
}

TEST_F(Telemetry, FullLoadReachesTheLimit) {
  add_process(kNone, 1, 1, 1);
  EXPECT_EQ(power_mw(*hardware, *state, 0), 300000U);
  EXPECT_EQ(gpu_utilization(*state, 0), 100U);
  EXPECT_EQ(memory_utilization(*state, 0), 100U);
  EXPECT_EQ(clock_sm_mhz(*hardware, *state, 0), 1400U);
  EXPECT_EQ(temperature_c(*hardware, *state, 0, now), 30U) << "heat lags";
  EXPECT_NEAR(*temperature_c(*hardware, *state, 0, now + 15 * kSecond), 30 + 50 * 0.632, 1);
  EXPECT_EQ(temperature_c(*hardware, *state, 0, now + 300 * kSecond), 80U);
}

TEST_F(Telemetry, EnergyIsPowerOverTime) {
  wait(10);
  EXPECT_DOUBLE_EQ(*energy_mj(*hardware, *state, 0, now), 100000.0 * 10);
  add_process(kNone, 1, 1, 1);
  wait(10);
  EXPECT_DOUBLE_EQ(*energy_mj(*hardware, *state, 0, now), 100000.0 * 10 + 300000.0 * 10);
}

TEST_F(Telemetry, UnknownPowerIsNoReading) {
  hardware->boards[0].power_idle_mw = kUnknown;
  EXPECT_EQ(power_mw(*hardware, *state, 0), std::nullopt);
  EXPECT_EQ(energy_mj(*hardware, *state, 0, now), std::nullopt);
  hardware->boards[0].temperature_idle_c = kUnknown;
  EXPECT_EQ(temperature_c(*hardware, *state, 0, now), std::nullopt);
}

// The process keeps all its 10 SMs busy: half of its instance's 20, a tenth of the GPU's 100.
TEST_F(Telemetry, CountersAreRelativeToTheirOwnShare) {
  add_gi(3);
  add_process(3, 1.0, 0.8);
  wait(2);
  const auto two_seconds = static_cast<double>(2 * kSecond);
  const Counters gi = counters_at(*state, 0, 3, now);
  EXPECT_NEAR(gi.integral[kSmActive] / two_seconds, 0.5, 1e-9);
  EXPECT_NEAR(gi.integral[kDram] / two_seconds, 0.8, 1e-9) << "memory is the whole instance's";
  const Counters gpu = counters_at(*state, 0, kNone, now);
  EXPECT_NEAR(gpu.integral[kSmActive] / two_seconds, 0.1, 1e-9);
  EXPECT_NEAR(gpu.integral[kDram] / two_seconds, 0.2, 1e-9) << "2 of 8 memory slices";
}

TEST_F(Telemetry, OtherInstancesAreNotTouched) {
  add_gi(3);
  add_gi(4);
  add_process(3, 1.0, 1.0);
  wait(1);
  EXPECT_EQ(counters_at(*state, 0, 4, now).integral[kSmActive], 0);
}

TEST_F(Telemetry, SharesNeverExceedOne) {
  add_process(kNone, 0.8, 0.9);
  add_process(kNone, 0.8, 0.9);
  EXPECT_EQ(gpu_utilization(*state, 0), 100U);
  wait(1);
  EXPECT_LE(counters_at(*state, 0, kNone, now).integral[kDram], static_cast<double>(kSecond));
}

TEST_F(Telemetry, MemoryOfInstanceAndGpu) {
  add_gi(3);
  add_process(3, 0, 0);
  const auto gi = memory_use(*hardware, *state, 0, 3);
  ASSERT_TRUE(gi);
  EXPECT_EQ(gi->total, 9856 * kMib);
  EXPECT_EQ(gi->reserved, 0U);
  EXPECT_EQ(gi->used, 100 * kMib + 33 * kMib / 2) << "a 2g prints 17 MiB when idle";
  EXPECT_EQ(memory_use(*hardware, *state, 0, kNone)->used, gi->used);
  EXPECT_FALSE(memory_use(*hardware, *state, 0, 4).has_value()) << "no such instance";
}

TEST_F(Telemetry, TimeGoingBackwardsAddsNothing) {
  add_process(kNone, 1, 1);
  const double before = *energy_mj(*hardware, *state, 0, now);
  now -= 5 * kSecond;
  settle(*hardware, *state, 0, now);
  EXPECT_EQ(*energy_mj(*hardware, *state, 0, now), before);
}

}  // namespace
}  // namespace migsim

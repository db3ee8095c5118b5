// SPDX-License-Identifier: Apache-2.0
#include "workload/loads.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "workload/stop.h"

namespace workload {

namespace {

using Clock = std::chrono::steady_clock;

// Period of the check for contention; also the longest delay of a stop.
constexpr std::chrono::milliseconds kLookEvery{50};

// Model: on an H200 without MIG a training kept 0.775 of its speed beside a process that launches
// empty kernels without pause and 0.676 beside a kernel that never ends
// (bench/results/isolation_matrix_h200.json); its slowdowns of 0.29 and 0.48 have the ratio 0.6 to
// 1.
constexpr double kEngineOfLaunches = 0.6;

// Of a warp each, as an H200 did it alone (7.9e9, bench/results/isolation_membar_h200.json's run);
// on other boards assumed to be the same order of magnitude. No simulated device orders memory.
constexpr double kBarriersPerSecond = 8e9;

// Model: order of magnitude of one host thread's launch rate.
constexpr double kLaunchesPerSecond = 4e5;

// Of the memory hog.
constexpr std::uint64_t kMostPiece = UINT64_C(1) << 30U;
constexpr std::uint64_t kLeastPiece = UINT64_C(2) << 20U;

}  // namespace

double Load::slower(const Slowdown& others) const {
  if (demand.pcie_in > 0) {
    return others.pcie_in;
  }
  return others.engine * (demand.dram > 0 ? others.dram : 1);
}

std::optional<Load> load_of(cuda::Hog hog, const Speed& speed) {
  Load load;
  switch (hog) {
    case cuda::Hog::kDram:
      load.demand.sm = load.demand.dram = 1;
      load.per_second = speed.dram_gb_per_s;
      load.unit = "GB/s";
      break;
    case cuda::Hog::kTensor:
      load.demand.sm = load.demand.tensor = 1;
      load.per_second = speed.bf16_gflops / 1e3;
      load.unit = "TFLOP/s";
      break;
    case cuda::Hog::kCompute:
      load.demand.sm = load.demand.fp32 = 1;
      load.per_second = speed.fp32_gflops;
      load.unit = "GFLOP/s";
      break;
    case cuda::Hog::kPcie:
      load.demand.pcie_in = speed.pcie_gb_per_s * 1e9;
      load.per_second = speed.pcie_gb_per_s;
      load.unit = "GB/s";
      break;
    case cuda::Hog::kLaunch:
      load.demand.sm = kEngineOfLaunches;
      load.per_second = kLaunchesPerSecond;
      load.unit = "launches/s";
      break;
    case cuda::Hog::kBarriers:
      // Its kernels fill the SMs as others do. What barriers do to the L2 is in no model of ours.
      load.demand.sm = 1;
      load.per_second = kBarriersPerSecond;
      load.unit = "barriers/s";
      break;
    case cuda::Hog::kMemory:  // asks for memory, not for work: hold_memory()
      break;
  }
  return load.per_second > 0 ? std::optional(load) : std::nullopt;
}

Result hold_memory(Backend& backend, const HoldStarted& started, double seconds, double& bytes) {
  bytes = 0;
  Result result;
  for (std::uint64_t piece = kMostPiece; piece >= kLeastPiece && !stop_requested();) {
    result = backend.allocate(piece);
    if (result.ok()) {
      bytes += static_cast<double>(piece);
    } else if (result.outcome == Outcome::kOutOfMemory) {
      piece /= 2;
      result = {};
    } else {
      return result;
    }
  }
  started();
  const Clock::time_point begin = Clock::now();
  while (!stop_requested() &&
         std::chrono::duration<double>(Clock::now() - begin).count() < seconds) {
    std::this_thread::sleep_for(kLookEvery);
  }
  return result;
}

Result keep_up(Backend& backend, const Load& load, double seconds, double& amount, double& lasted) {
  const Clock::time_point begin = Clock::now();
  Result result = backend.want(load.demand);
  lasted = amount = 0;
  while (result.ok() && !stop_requested() && lasted < seconds) {
    Slowdown others;
    result = backend.slowdown(others);
    const double got = 1 / load.slower(others);
    if (result.ok()) {
      const Demand& asked = load.demand;
      result = backend.use({got * asked.sm,
                            got * asked.tensor,
                            got * asked.fp32,
                            got * asked.dram,
                            got * asked.pcie_in});
    }
    const std::chrono::duration<double> left(seconds - lasted);
    std::this_thread::sleep_for(std::min<std::chrono::duration<double>>(left, kLookEvery));
    const double now = std::chrono::duration<double>(Clock::now() - begin).count();
    amount += load.per_second * got * (now - lasted);
    lasted = now;
  }
  return result;
}

}  // namespace workload

// SPDX-License-Identifier: Apache-2.0
// Turns of calls. What the engine does with instances: tests/kubernetes/claims.py, with a migd.
#include "kubernetes/claims/engine.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "kubernetes/claims/checkpoint.h"

namespace mig::kube {
namespace {

TEST(ClaimEngine, CallsForOneClaimWaitForEachOther) {
  std::string folder = testing::TempDir() + "/engine-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const AllocatedDevice device{"gpu", "node-1", "gpu-0-mig-1g-5gb-3", ""};
  ClaimRecord record;
  record.claim = {"default", "one", "c1"};
  record.state = ClaimState::kPrepared;
  record.devices.resize(1);
  record.devices[0].device = device;
  record.devices[0].profile = "1g.5gb";
  ASSERT_TRUE(write_checkpoint(folder + "/checkpoint.json", {{"c1", record}}));
  std::atomic<int> within = 0;
  std::atomic<int> most = 0;
  std::atomic<int> steps = 0;
  EngineSettings settings;
  settings.checkpoint = folder + "/checkpoint.json";
  settings.migd_socket = folder + "/none.sock";
  settings.before_step = [&](std::string_view) {
    most = std::max(most.load(), ++within);
    ++steps;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    --within;
  };
  const auto engine = ClaimEngine::open(settings);
  ASSERT_TRUE(engine) << engine.error().text();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto prepared = (*engine)->prepare(record.claim, {device});
      EXPECT_FALSE(prepared) << "there is no migd";
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_GE(steps, 4);
  EXPECT_EQ(most, 1);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace mig::kube

// SPDX-License-Identifier: Apache-2.0
#include "launch/candidates.h"

#include <gtest/gtest.h>

namespace mig::launch {
namespace {

GpuInstance instance(std::uint32_t id, const char* name, std::uint64_t memory_mib) {
  GpuInstance gi;
  gi.id = GpuInstanceId{id};
  gi.name = *ProfileName::parse(name);
  gi.memory_mib = memory_mib;
  ComputeInstance ci;
  ci.name = gi.name;
  ci.uuid = "MIG-" + std::to_string(id);
  gi.compute_instances = {ci};
  return gi;
}

Inventory machine() {
  Gpu gpu;
  gpu.mig_current = MigMode::kEnabled;
  gpu.instances = {
      instance(1, "3g.20gb", 19968), instance(7, "1g.5gb", 4864), instance(8, "1g.5gb", 4864)};
  Process process;
  process.pid = 41;
  process.name = "python";
  process.gpu_instance = GpuInstanceId{7};
  process.compute_instance = ComputeInstanceId{0};
  gpu.processes = {process};
  Inventory inventory;
  inventory.gpus = {gpu};
  return inventory;
}

TEST(Candidates, SmallestThatFitsComesFirst) {
  Need selection;
  EXPECT_EQ(candidates(machine(), selection)->front().instance.gpu_instance.value, 7U);
  selection.min_memory_mib = 8000;
  const auto found = candidates(machine(), selection);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().instance.gpu_instance.value, 1U);
}

TEST(Candidates, BusyOnesSayWhoHoldsThem) {
  Need selection;
  selection.profile = *ProfileName::parse("1g.5gb");
  const auto found = candidates(machine(), selection);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ((*found)[0].busy, "pid 41 (python)");
  EXPECT_EQ((*found)[1].busy, "");
}

TEST(Candidates, NothingOfThatKindSaysWhatThereIs) {
  Need selection;
  selection.profile = *ProfileName::parse("2g.10gb");
  const auto found = candidates(machine(), selection);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kNothingMatched);
  EXPECT_EQ(found.error().message, "there is no MIG instance of profile 2g.10gb");
  EXPECT_EQ(found.error().hint, "there are: 2 x 1g.5gb, 1 x 3g.20gb");
}

TEST(Candidates, WithMigOffTheHintSaysHowToTurnItOn) {
  Inventory inventory;
  inventory.gpus.resize(1);
  const auto found = candidates(inventory, {});
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().hint.find("migctl mode enable"), std::string::npos);
}

}  // namespace
}  // namespace mig::launch

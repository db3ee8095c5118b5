// SPDX-License-Identifier: Apache-2.0
#include "launch/ranks.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

namespace mig::launch {
namespace {

Instance instance() {
  Instance chosen;
  chosen.uuid = "MIG-1";
  chosen.profile = *ProfileName::parse("1g.5gb");
  chosen.gpu = GpuIndex{2};
  chosen.memory_mib = 4864;
  return chosen;
}

std::string value_of(const Environment& environment, const std::string& name) {
  const auto found = std::find_if(
      environment.begin(), environment.end(), [&](const auto& pair) { return pair.first == name; });
  return found == environment.end() ? "(not set)" : found->second;
}

TEST(Ranks, OneCommandIsToldItsInstanceAndNoRanksOfATraining) {
  const Environment told = rank_environment(instance(), {});
  EXPECT_EQ(value_of(told, "CUDA_VISIBLE_DEVICES"), "MIG-1");
  EXPECT_EQ(value_of(told, "NVIDIA_VISIBLE_DEVICES"), "MIG-1");
  EXPECT_EQ(value_of(told, "MIGCTL_MEMORY_MIB"), "4864");
  EXPECT_EQ(value_of(told, "MIGCTL_RANK"), "0");
  EXPECT_EQ(value_of(told, "MIGCTL_SMS"), "(not set)");  // not known
  EXPECT_EQ(value_of(told, "RANK"), "(not set)");
}

TEST(Ranks, TorchGetsItsRanksAndEachTheOnlyDeviceItSees) {
  const Environment told = rank_environment(instance(), {3, 4, 17, 29500, true});
  EXPECT_EQ(value_of(told, "RANK"), "3");
  EXPECT_EQ(value_of(told, "WORLD_SIZE"), "4");
  EXPECT_EQ(value_of(told, "LOCAL_RANK"), "0");
  EXPECT_EQ(value_of(told, "MASTER_PORT"), "29500");
  EXPECT_EQ(value_of(told, "NCCL_MULTI_RANK_GPU_ENABLE"), "1");
  EXPECT_EQ(value_of(told, "MIGCTL_JOB_ID"), "17");
}

TEST(Ranks, WarnsWhereAUserWouldStumble) {
  using Words = std::vector<std::string>;
  EXPECT_TRUE(warnings_of({"python", "train.py"}, "", 1, false).empty());
  EXPECT_TRUE(warnings_of({"torchrun", "--nproc_per_node=1", "t.py"}, "", 1, false).empty());
  for (const Words& words : {Words{"torchrun", "--nproc_per_node=2", "t.py"},
                             Words{"torchrun", "--nproc-per-node", "gpu", "t.py"},
                             Words{"mpirun", "-np", "4", "./a.out"},
                             Words{"accelerate", "launch", "--num_processes", "8", "t.py"}}) {
    EXPECT_EQ(warnings_of(words, "", 1, false).size(), 1U) << words[0];
  }
  EXPECT_EQ(warnings_of({"python", "t.py"}, "0,1", 1, false).size(), 1U);
  EXPECT_EQ(warnings_of({"python", "t.py"}, "", 2, true).size(), 1U);
  EXPECT_EQ(warnings_of({"vllm", "serve", "m"}, "", 1, false).size(), 1U);
  EXPECT_TRUE(
      warnings_of({"vllm", "serve", "m", "--max-num-batched-tokens=4096"}, "", 1, false).empty());
}

}  // namespace
}  // namespace mig::launch

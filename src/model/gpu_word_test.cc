// SPDX-License-Identifier: Apache-2.0
#include "model/gpu_word.h"

#include <gtest/gtest.h>

namespace mig {
namespace {

Inventory two_gpus() {
  Inventory inventory;
  inventory.gpus.resize(2);
  inventory.gpus[0].index = GpuIndex{0};
  inventory.gpus[0].uuid = "GPU-aaaa";
  inventory.gpus[0].pci_bus_id = "00000000:1A:00.0";
  inventory.gpus[1].index = GpuIndex{2};
  inventory.gpus[1].uuid = "GPU-bbbb";
  inventory.gpus[1].pci_bus_id = "00000001:1A:00.0";
  return inventory;
}

std::optional<std::uint32_t> found(const std::string& word) {
  const Inventory inventory = two_gpus();
  const Gpu* gpu = GpuWord(word).find(inventory);
  return gpu == nullptr ? std::nullopt : std::optional(gpu->index.value);
}

TEST(GpuWord, IsAnIndexAUuidOrAnAddress) {
  EXPECT_EQ(found("2"), 2U);
  EXPECT_EQ(found("GPU-bbbb"), 2U);
  EXPECT_EQ(found("00000001:1a:00.0"), 2U) << "either case";
  EXPECT_EQ(found("0001:1A:00.0"), 2U);
  EXPECT_EQ(found("1A:00.0"), 0U) << "the first of those that end so";
}

TEST(GpuWord, NothingElseNamesAGpu) {
  for (const char* word :
       {"", "1", "02", "-1", "GPU-", "GPU-aaa", "A:00.0", "0000000", "all", "00.0"}) {
    EXPECT_EQ(found(word), std::nullopt) << word;
  }
}

TEST(GpuWord, AGpuThatCannotBeOpenedIsMeantByItsIndexAndPerhapsByOtherNames) {
  Inventory inventory = two_gpus();
  EXPECT_EQ(GpuWord("1").find_lost(inventory), nullptr);
  inventory.lost.push_back({GpuIndex{1}, Error{}});
  EXPECT_NE(GpuWord("1").find_lost(inventory), nullptr);
  EXPECT_EQ(GpuWord("3").find_lost(inventory), nullptr);
  EXPECT_NE(GpuWord("GPU-cccc").find_lost(inventory), nullptr) << "it may be that one";
  EXPECT_NE(GpuWord("00000002:1A:00.0").find_lost(inventory), nullptr);
  EXPECT_EQ(GpuWord("GPU-bbbb").find_lost(inventory), nullptr) << "another one has the name";
  EXPECT_EQ(GpuWord("nonsense").find_lost(inventory), nullptr);
}

}  // namespace
}  // namespace mig

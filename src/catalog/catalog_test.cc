// SPDX-License-Identifier: Apache-2.0
// tests/property/catalog_reading_test.cc compares the figures themselves with a driver session on a
// simulated machine of each board.
#include "catalog/catalog.h"

#include <set>

#include <gtest/gtest.h>

namespace mig::catalog {
namespace {

TEST(Catalog, KnowsEveryBoardByTheNameThatUsersType) {
  const std::vector<std::string> names = board_names();
  EXPECT_GE(names.size(), 12U);
  for (const std::string& name : names) {
    const auto gpu = gpu_of(name, GpuIndex{0});
    ASSERT_TRUE(gpu) << gpu.error().text();
    EXPECT_FALSE(gpu->profiles.empty()) << name;
    EXPECT_EQ(gpu->mig_current, MigMode::kDisabled) << name;
  }
}

TEST(Catalog, ABoardThatIsNotThereNamesTheNearest) {
  const auto gpu = gpu_of("h200-141", GpuIndex{0});
  ASSERT_FALSE(gpu);
  EXPECT_EQ(gpu.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(gpu.error().message, "no board is called \"h200-141\"");
  EXPECT_NE(gpu.error().hint.find("h200-141gb"), std::string::npos);
}

TEST(Catalog, NoTwoGpusOfAnInventoryShareAnIdentity) {
  const auto inventory = inventory_of({"a100-sxm4-40gb", kMostGpus});
  ASSERT_TRUE(inventory) << inventory.error().text();
  ASSERT_EQ(inventory->gpus.size(), kMostGpus);
  std::set<std::string> seen;
  for (const Gpu& gpu : inventory->gpus) {
    EXPECT_TRUE(seen.insert(gpu.uuid).second) << gpu.uuid;
    EXPECT_TRUE(seen.insert(gpu.pci_bus_id).second) << gpu.pci_bus_id;
    EXPECT_EQ(gpu.pci_bus_id.size(), std::string("00000000:10:00.0").size());
  }
  EXPECT_EQ(inventory->gpus.back().index, GpuIndex{kMostGpus - 1});
  EXPECT_TRUE(inventory->simulated);
  EXPECT_NE(inventory->generation, 0U);
  EXPECT_EQ(inventory_of({"a100-sxm4-40gb", kMostGpus + 1}).error().code, ErrorCode::kTooLarge);
}

TEST(Catalog, WordsOfBoardsAreReadStrictly) {
  EXPECT_EQ(parse_boards("h200-141gb")->count, 1U);
  const auto eight = parse_boards("a100-sxm4-40gb,8");
  ASSERT_TRUE(eight);
  EXPECT_EQ(eight->name, "a100-sxm4-40gb");
  EXPECT_EQ(eight->count, 8U);
  EXPECT_TRUE(parse_boards("h200-141gb,1024"));
  for (const char* text :
       {"", ",2", "h200-141gb,", "h200-141gb,0", "h200-141gb,1025", "x,08", "x,-1"}) {
    const auto boards = parse_boards(text);
    ASSERT_FALSE(boards) << text;
    EXPECT_EQ(boards.error().code, ErrorCode::kUsage) << text;
  }
}

}  // namespace
}  // namespace mig::catalog

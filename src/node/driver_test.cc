// SPDX-License-Identifier: Apache-2.0
#include "node/driver.h"

#include <gtest/gtest.h>

#include "node/test_machine.h"

namespace mig::node {
namespace {

class DriverTest : public MachineTest {};

TEST_F(DriverTest, AMachineThatIsNotThereIsNamedWithTheOnesThatAre) {
  const auto none = Node::open({"", "lab", MIG_SIM_LIBRARY_DIR});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_NE(none.error().hint.find("migctl sim create"), std::string::npos);
  make("1x h200-141gb");
  const auto other = Node::open({"", "lba", MIG_SIM_LIBRARY_DIR});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().hint, "there are: lab");
}

TEST_F(DriverTest, ALibraryThatDoesNotLoadIsNeverReplacedByAnother) {
  make("1x h200-141gb");
  const auto opened = Node::open({"/nonexistent/libnvidia-ml.so.1", "", MIG_SIM_LIBRARY_DIR});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kNoDriver);
}

TEST_F(DriverTest, HandlesFromBeforeARenewalAreRefused) {
  make("1x h200-141gb");
  auto session = open_driver({"", "lab", MIG_SIM_LIBRARY_DIR, false});
  ASSERT_TRUE(session);
  EXPECT_TRUE((*session)->simulated());
  nvmlDevice_t device = nullptr;
  ASSERT_EQ((*session)->nvml().nvmlDeviceGetHandleByIndex_v2(0, &device), NVML_SUCCESS);
  const auto kept = (*session)->keep(device);
  EXPECT_TRUE((*session)->use(kept));
  ASSERT_TRUE((*session)->renew());
  const auto stale = (*session)->use(kept);
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, ErrorCode::kDeviceLost);
}

TEST_F(DriverTest, AnH200ShowsWhatARealOneDoes) {
  // H200, 580.159.04, MIG off: names, SMs, memory, and the placements of mig -lgip and -lgipp.
  make("1x h200-141gb");
  const Inventory now = inventory();
  ASSERT_EQ(now.gpus.size(), 1U);
  const Gpu& gpu = now.gpus[0];
  EXPECT_EQ(gpu.memory_total_mib, 143771U);
  EXPECT_EQ(gpu.memory_slices, 8U);
  EXPECT_EQ(gpu.compute_slices, 7U);
  EXPECT_EQ(gpu.architecture, Architecture::kHopper);
  std::string rows;
  for (const GpuInstanceProfile& p : gpu.profiles) {
    rows += p.name.str() + "/" + std::to_string(p.id.value) + "/" + std::to_string(p.sm) + "/" +
            std::to_string(p.memory_mib) + "/" + std::to_string(p.placements.size()) + "x" +
            std::to_string(p.placements.front().size) + "/" + std::to_string(*p.remaining) + " ";
  }
  EXPECT_EQ(rows,
            "1g.18gb/19/16/16384/7x1/7 1g.18gb+me/20/16/16384/7x1/1 1g.35gb/15/26/33280/4x2/4 "
            "2g.35gb/14/32/33280/3x2/3 3g.71gb/9/60/71424/2x4/2 4g.71gb/5/64/71424/1x4/1 "
            "7g.141gb/0/132/143360/1x8/1 ");
}

}  // namespace
}  // namespace mig::node

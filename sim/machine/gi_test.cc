// SPDX-License-Identifier: Apache-2.0
#include "abi/nvml.h"
#include "sim/machine/process.h"
#include "sim/machine/test_machine.h"

namespace migsim {
namespace {

using testing::Rig;

ProcessIdentity someone(std::int32_t pid = 4121) {
  ProcessIdentity who;
  who.pid = pid;
  return who;
}

TEST(GpuInstance, RefusedWithoutMig) {
  Rig rig({"a100-sxm4-40gb"}, false);
  EXPECT_EQ(rig.create(19), -NVML_ERROR_NOT_SUPPORTED);
}

TEST(GpuInstance, IllegalPlacementIsAnInvalidArgument) {
  Rig rig({"a100-sxm4-40gb"});
  EXPECT_EQ(rig.create(9, Placement{2, 4}), -NVML_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(rig.create(5, Placement{4, 4}), -NVML_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(rig.create(19, Placement{7, 1}), -NVML_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(rig.create(19, Placement{0, 2}), -NVML_ERROR_INVALID_ARGUMENT);
}

TEST(GpuInstance, OccupiedPlacementIsInsufficientResources) {
  Rig rig({"a100-sxm4-40gb"});
  ASSERT_EQ(rig.create(14, Placement{0, 2}), 3);
  EXPECT_EQ(rig.create(14, Placement{0, 2}), -NVML_ERROR_INSUFFICIENT_RESOURCES);
  EXPECT_EQ(rig.create(19, Placement{1, 1}), -NVML_ERROR_INSUFFICIENT_RESOURCES);
  EXPECT_EQ(rig.create(5, Placement{0, 4}), -NVML_ERROR_INSUFFICIENT_RESOURCES);
  EXPECT_EQ(rig.create(9, Placement{4, 4}), 2);
}

TEST(GpuInstance, FirstOneNeedsAnIdleGpu) {
  Rig rig({"a100-sxm4-40gb"}, false);
  std::uint32_t slot = 0;
  ASSERT_EQ(attach_process(*rig.hardware, *rig.state, {0, kNone, kNone}, someone(), 1, slot),
            Attach::kOk);
  rig.state->gpus[0].mig_current = 1;  // a process that was attached before MIG mode
  EXPECT_EQ(rig.create(19), -NVML_ERROR_IN_USE);
  remove_process(*rig.state, slot);
  EXPECT_GE(rig.create(19), 0);
}

TEST(GpuInstance, LaterOnesDoNotCareWhoRuns) {
  Rig rig({"a100-sxm4-40gb"});
  const int gi = rig.create(9);
  ASSERT_EQ(rig.create_compute(gi, 2), 0);
  std::uint32_t slot = 0;
  ASSERT_EQ(attach_process(*rig.hardware, *rig.state, {0, 2, 0}, someone(), 1, slot), Attach::kOk);
  EXPECT_GE(rig.create(14), 0);
  EXPECT_EQ(rig.broken(), nullptr);
}

TEST(GpuInstance, DestroyedOnlyWhenEmpty) {
  Rig rig({"a100-sxm4-40gb"});
  const auto gi = static_cast<std::uint32_t>(rig.create(9));
  ASSERT_EQ(rig.create_compute(gi, 2), 0);
  EXPECT_EQ(destroy_gi(rig.gpu(), gi), NVML_ERROR_IN_USE);
  std::uint32_t slot = 0;
  ASSERT_EQ(attach_process(*rig.hardware, *rig.state, {0, gi, 0}, someone(), 1, slot), Attach::kOk);
  EXPECT_EQ(destroy_ci(rig.gpu(), gi, 0), NVML_ERROR_IN_USE);
  remove_process(*rig.state, slot);
  EXPECT_EQ(destroy_ci(rig.gpu(), gi, 0), NVML_SUCCESS);
  EXPECT_EQ(destroy_gi(rig.gpu(), gi), NVML_SUCCESS);
  EXPECT_EQ(destroy_gi(rig.gpu(), gi), NVML_ERROR_NOT_FOUND);
  EXPECT_EQ(destroy_gi(rig.gpu(), kMaxGis), NVML_ERROR_NOT_FOUND);
  EXPECT_EQ(rig.broken(), nullptr);
}

TEST(GpuInstance, LostGpuAnswersSo) {
  Rig rig({"a100-sxm4-40gb"});
  const auto gi = static_cast<std::uint32_t>(rig.create(9));
  rig.state->gpus[0].lost = 1;
  EXPECT_EQ(rig.create(19), -NVML_ERROR_GPU_IS_LOST);
  EXPECT_EQ(destroy_gi(rig.gpu(), gi), NVML_ERROR_GPU_IS_LOST);
}

TEST(GpuInstance, EachChangeCountsOnceAndSerialsNeverReturn) {
  Rig rig({"a100-sxm4-40gb"});
  const std::uint64_t before = rig.state->generation;
  const auto gi = static_cast<std::uint32_t>(rig.create(19));
  const std::uint64_t serial = rig.state->gpus[0].gis[gi].serial;
  ASSERT_EQ(destroy_gi(rig.gpu(), gi), NVML_SUCCESS);
  ASSERT_EQ(rig.create(19), static_cast<int>(gi));
  EXPECT_NE(rig.state->gpus[0].gis[gi].serial, serial);
  EXPECT_EQ(rig.state->generation, before + 3);
  EXPECT_EQ(rig.create(0), -NVML_ERROR_INSUFFICIENT_RESOURCES);
  EXPECT_EQ(rig.state->generation, before + 3) << "a refused call changed something";
}

TEST(GpuInstance, MigDevicesAreCountedByGiThenCi) {
  Rig rig({"h200-141gb"});
  // The published capture of an H200: 3g (GI 2) with 1c and 2c, 2g (GI 3), two 1g (GI 9, 10).
  ASSERT_EQ(rig.create(9), 2);
  ASSERT_EQ(rig.create(14), 3);
  ASSERT_EQ(rig.create(19), 9);
  ASSERT_EQ(rig.create(19), 10);
  ASSERT_EQ(rig.create_compute(10, 0), 0);
  ASSERT_EQ(rig.create_compute(2, 0), 0);
  ASSERT_EQ(rig.create_compute(2, 1), 1);
  ASSERT_EQ(rig.create_compute(3, 1), 0);
  std::uint32_t gi = 0, ci = 0;
  const std::uint32_t want[][2] = {{2, 0}, {2, 1}, {3, 0}, {10, 0}};
  for (std::uint32_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(mig_device_at(rig.state->gpus[0], i, gi, ci));
    EXPECT_EQ(gi, want[i][0]);
    EXPECT_EQ(ci, want[i][1]);
  }
  EXPECT_FALSE(mig_device_at(rig.state->gpus[0], 4, gi, ci));
  EXPECT_EQ(max_mig_devices(rig.gpu()), 7U);
  EXPECT_EQ(max_mig_devices(Rig({"h200-141gb"}, false).gpu()), 0U);
  EXPECT_EQ(max_mig_devices(Rig({"a30-24gb"}).gpu()), 4U);
}

}  // namespace
}  // namespace migsim

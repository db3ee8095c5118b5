// SPDX-License-Identifier: Apache-2.0
// Lists of a GPU that changes while it is read, from a driver of a few functions.
#include "device/instances.h"

#include <gtest/gtest.h>

namespace mig::device {
namespace {

// One instance per profile; its handle is the profile's id, its id too.
nvmlReturn_t one_each(nvmlDevice_t, unsigned profile, nvmlGpuInstance_t* handles, unsigned* count) {
  handles[0] = reinterpret_cast<nvmlGpuInstance_t>(std::uintptr_t{profile});
  *count = 1;
  return NVML_SUCCESS;
}

// 9 (3g) lies at 4:4, 14 (2g) at 0:2, 19 (1g) at 1:1, which is where the 2g is.
nvmlReturn_t place_of(nvmlGpuInstance_t handle, nvmlGpuInstanceInfo_t* info) {
  info->id = info->profileId = static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(handle));
  info->placement = info->id == 9    ? nvmlGpuInstancePlacement_t{4, 4}
                    : info->id == 14 ? nvmlGpuInstancePlacement_t{0, 2}
                                     : nvmlGpuInstancePlacement_t{1, 1};
  return NVML_SUCCESS;
}

Result<InstanceList> read(std::initializer_list<unsigned> ids) {
  nvml::Functions driver;
  driver.nvmlDeviceGetGpuInstances = nvml::Function<decltype(nvmlDeviceGetGpuInstances)>(one_each);
  driver.nvmlGpuInstanceGetInfo = nvml::Function<decltype(nvmlGpuInstanceGetInfo)>(place_of);
  std::vector<GpuInstanceProfile> profiles;
  for (const unsigned id : ids) {
    GpuInstanceProfile profile;
    profile.id = ProfileId{id};
    profile.nvml_profile = id;
    profiles.push_back(profile);
  }
  ComputeProfiles compute;
  return read_instances(driver, nullptr, {}, profiles, compute);
}

TEST(Instances, AreListedByTheirIds) {
  const auto list = read({14, 9});
  ASSERT_TRUE(list) << list.error().text();
  ASSERT_EQ(list->instances.size(), 2U);
  EXPECT_EQ(list->instances[0].id, GpuInstanceId{9});
  EXPECT_EQ(list->instances[1].id, GpuInstanceId{14});
}

// Found by tests/hammer: the 2g went and a 1g came while the lists were read one by one.
TEST(Instances, TwoInOnePlaceAreAListThatChangedMeanwhile) {
  const auto list = read({19, 14, 9});
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().code, ErrorCode::kConflict);
}

}  // namespace
}  // namespace mig::device

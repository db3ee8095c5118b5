// SPDX-License-Identifier: Apache-2.0
// Instance lists of a GPU that changes during the read (race), from a fake driver of a few
// functions.
#include "device/instances.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "model/profile_names.h"

namespace mig::device {
namespace {

// Fake: one instance per profile, whose handle and id are the profile's id.
nvmlReturn_t one_each(nvmlDevice_t, unsigned profile, nvmlGpuInstance_t* handles, unsigned* count) {
  handles[0] = reinterpret_cast<nvmlGpuInstance_t>(std::uintptr_t{profile});
  *count = 1;
  return NVML_SUCCESS;
}

// Fake placements: 9 (3g) at 4:4, 14 (2g) at 0:2, 19 (1g) at 1:1, which overlaps the 2g.
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

// Found by tests/hammer: a race of a destroy and a create with the per-profile list calls.
TEST(Instances, TwoInOnePlaceAreAListThatChangedMeanwhile) {
  const auto list = read({19, 14, 9});
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().code, ErrorCode::kConflict);
}

nvmlReturn_t refuses(nvmlDevice_t, unsigned, nvmlGpuInstance_t*, unsigned*) {
  return NVML_ERROR_NO_PERMISSION;
}

GpuInstanceProfile h100(const char* name,
                        std::uint32_t number,
                        std::uint64_t memory,
                        std::uint32_t sm,
                        Engines engines) {
  GpuInstanceProfile profile;
  profile.name = *ProfileName::parse(name);
  profile.nvml_profile = number;
  profile.slices = profile.name.gpu_slices;
  profile.memory_mib = memory;
  profile.sm = sm;
  profile.engines = engines;
  return profile;
}

// The unprivileged view of one MIG device of an H100: "<gi> <ci> <SMs>", or "nothing".
std::string shown(const char* name, std::optional<nvmlDeviceAttributes_t> attributes) {
  std::vector<GpuInstanceProfile> profiles = {h100("1g.10gb", 0, 9984, 16, {1, 1, 0, 1, 0}),
                                              h100("1g.10gb+me", 7, 9984, 16, {1, 1, 0, 1, 1}),
                                              h100("1g.20gb", 9, 20096, 26, {1, 1, 0, 1, 0}),
                                              h100("2g.20gb", 1, 20096, 32, {2, 2, 0, 2, 0}),
                                              h100("2g.20gb+gfx", 11, 20096, 32, {2, 2, 0, 2, 0})};
  for (GpuInstanceProfile& profile : profiles) {
    profile.compute_profiles = derive_compute_profiles(profile, profiles);
  }
  MigDevice device;
  device.name = std::string("NVIDIA H100 80GB HBM3 MIG ") + name;
  device.attributes = attributes;
  nvml::Functions driver;
  driver.nvmlDeviceGetGpuInstances = nvml::Function<decltype(nvmlDeviceGetGpuInstances)>(refuses);
  ComputeProfiles compute;
  const auto list = read_instances(driver, nullptr, {device}, profiles, compute);
  if (!list || list->instances.size() != 1) {
    return "nothing";
  }
  const GpuInstance& gi = list->instances[0];
  const ComputeInstance& ci = gi.compute_instances.at(0);
  return gi.name.str() + " " + ci.name.str() + " " +
         (ci.sm ? std::to_string(*ci.sm) : std::string("?"));
}

// The driver names a MIG device after its compute instance, without the attribute, and equally for
// both compute profiles of a 1g.20gb.
TEST(Instances, WhoIsNotToldTheListsIsToldTheProfilesByWhatTheyHave) {
  EXPECT_EQ(shown("1g.10gb", nvmlDeviceAttributes_t{16, 1, 1, 0, 1, 0, 1, 1, 9984}),
            "1g.10gb 1g.10gb 16");
  EXPECT_EQ(shown("1g.10gb", nvmlDeviceAttributes_t{16, 1, 1, 0, 1, 1, 1, 1, 9984}),
            "1g.10gb+me 1g.10gb+me 16");
  EXPECT_EQ(shown("1g.20gb", nvmlDeviceAttributes_t{26, 1, 1, 0, 1, 0, 1, 1, 20096}),
            "1g.20gb 1g.20gb 26");
  EXPECT_EQ(shown("1g.20gb", nvmlDeviceAttributes_t{16, 1, 1, 0, 1, 0, 1, 1, 20096}),
            "1g.20gb 1g.20gb@16sm 16");
  EXPECT_EQ(shown("1c.2g.20gb", nvmlDeviceAttributes_t{26, 2, 2, 0, 2, 0, 2, 1, 20096}),
            "2g.20gb 1c.2g.20gb@26sm 26");
}

TEST(Instances, WhereThatDoesNotTellTheNameDoes) {
  const nvmlDeviceAttributes_t alike{32, 2, 2, 0, 2, 0, 2, 2, 20096};
  EXPECT_EQ(shown("2g.20gb", alike), "2g.20gb 2g.20gb 32");
  EXPECT_EQ(shown("2g.20gb+gfx", alike), "2g.20gb+gfx 2g.20gb+gfx 32");
  const nvmlDeviceAttributes_t other{16, 9, 9, 9, 9, 9, 1, 1, 1};
  EXPECT_EQ(shown("1g.10gb", other), "1g.10gb 1g.10gb 16");
  EXPECT_EQ(shown("1c.2g.20gb", std::nullopt), "2g.20gb 1c.2g.20gb ?");
  EXPECT_EQ(shown("9g.90gb", std::nullopt), "9g.90gb 9g.90gb ?") << "as the driver calls it";
}

}  // namespace
}  // namespace mig::device

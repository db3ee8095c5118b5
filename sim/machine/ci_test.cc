// SPDX-License-Identifier: Apache-2.0
#include <set>
#include <string>

#include "abi/nvml.h"
#include "sim/machine/rules.h"
#include "sim/machine/test_machine.h"

namespace migsim {
namespace {

using testing::Rig;

TEST(ComputeInstance, IdsAreTheLowestFree) {
  Rig rig({"a100-sxm4-40gb"});
  ASSERT_EQ(rig.create(0), 0);
  for (int id = 0; id < 7; ++id) {
    EXPECT_EQ(rig.create_compute(0, 0), id);
  }
  EXPECT_EQ(rig.create_compute(0, 0), -NVML_ERROR_INSUFFICIENT_RESOURCES);
  ASSERT_EQ(destroy_ci(rig.gpu(), 0, 3), NVML_SUCCESS);
  ASSERT_EQ(destroy_ci(rig.gpu(), 0, 5), NVML_SUCCESS);
  EXPECT_EQ(rig.create_compute(0, 0), 3);
  EXPECT_EQ(destroy_ci(rig.gpu(), 0, 5), NVML_ERROR_NOT_FOUND);
  EXPECT_EQ(destroy_ci(rig.gpu(), 1, 0), NVML_ERROR_NOT_FOUND);
  EXPECT_EQ(rig.broken(), nullptr);
}

TEST(ComputeInstance, SmallOnesLeaveRoomForLargerWhereTheDriverAligns) {
  // H200 capture, R590: CI 0 is 1c.3g and CI 1 is 2c.3g, which starts only at 0.
  Rig rig({"h200-141gb"});
  ASSERT_EQ(rig.create(9), 2);
  ASSERT_EQ(rig.create_compute(2, 0), 0);
  EXPECT_EQ(rig.state->gpus[0].gis[2].cis[0].placement.start, 2U);
  EXPECT_EQ(rig.create_compute(2, 1), 1);
  EXPECT_EQ(rig.broken(), nullptr);
}

TEST(ComputeInstance, FirstFitElsewhere) {
  Rig rig({"a30-24gb"});
  ASSERT_EQ(rig.create(0), 0);
  for (std::uint32_t start = 0; start < 4; ++start) {
    ASSERT_EQ(rig.create_compute(0, 0), static_cast<int>(start));
    EXPECT_EQ(rig.state->gpus[0].gis[0].cis[start].placement.start, start);
  }
}

TEST(ComputeInstance, PlacementsAreChecked) {
  Rig rig({"a100-sxm4-40gb"});
  ASSERT_EQ(rig.create(9), 2);
  const CiProfile& one = *find_ci_profile(rig.profile(9), 0);
  const CiProfile& two = *find_ci_profile(rig.profile(9), 1);
  std::uint32_t id = 0;
  EXPECT_EQ(create_ci(rig.gpu(), 2, two, Placement{1, 2}, id), NVML_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(create_ci(rig.gpu(), 2, one, Placement{1, 1}, id), NVML_SUCCESS);
  EXPECT_EQ(create_ci(rig.gpu(), 2, two, Placement{0, 2}, id), NVML_ERROR_INSUFFICIENT_RESOURCES);
  EXPECT_EQ(create_ci(rig.gpu(), 2, one, Placement{1, 1}, id), NVML_ERROR_INSUFFICIENT_RESOURCES);
  EXPECT_EQ(create_ci(rig.gpu(), 1, one, {}, id), NVML_ERROR_NOT_FOUND);
}

TEST(ComputeInstance, RemainingCountsWhatStillFits) {
  Rig rig({"a100-sxm4-40gb"});
  ASSERT_EQ(rig.create(0), 0);
  const GiProfile& holder = rig.profile(0);
  const auto left = [&](std::uint32_t profile) {
    return ci_remaining(rig.gpu(), 0, *find_ci_profile(holder, profile));
  };
  EXPECT_EQ(left(0), 7U);
  EXPECT_EQ(left(1), 3U);
  EXPECT_EQ(left(2), 2U);
  EXPECT_EQ(left(4), 1U);
  ASSERT_EQ(rig.create_compute(0, 3), 0);  // 4c
  EXPECT_EQ(left(0), 3U);
  EXPECT_EQ(left(2), 1U);
  EXPECT_EQ(left(3), 0U);
  EXPECT_EQ(left(4), 0U);
  EXPECT_EQ(ci_remaining(rig.gpu(), 5, holder.ci_profiles[0]), 0U);
}

std::string uuid(const Rig& rig, std::uint32_t gi) {
  return rig.state->gpus[0].gis[gi].cis[0].uuid;
}

TEST(MigUuid, SameSlotSameUuid) {
  Rig rig({"a100-sxm4-40gb"});
  ASSERT_EQ(rig.create(9), 2);
  ASSERT_EQ(rig.create_compute(2, 2), 0);
  const std::string first = uuid(rig, 2);
  EXPECT_EQ(first.size(), 40U);
  EXPECT_EQ(first.substr(0, 4), "MIG-");
  EXPECT_EQ(first[18], '5') << first;  // version
  EXPECT_NE(std::string("89ab").find(first[23]), std::string::npos) << first;
  ASSERT_EQ(destroy_ci(rig.gpu(), 2, 0), NVML_SUCCESS);
  ASSERT_EQ(rig.create_compute(2, 0), 0);  // 1c, same engine
  EXPECT_EQ(uuid(rig, 2), first);
}

TEST(MigUuid, FreshOptionMakesItDiffer) {
  Rig rig({"a100-sxm4-40gb"});
  rig.state->options.fresh_uuids = 1;
  ASSERT_EQ(rig.create(9), 2);
  ASSERT_EQ(rig.create_compute(2, 2), 0);
  const std::string first = uuid(rig, 2);
  ASSERT_EQ(destroy_ci(rig.gpu(), 2, 0), NVML_SUCCESS);
  ASSERT_EQ(rig.create_compute(2, 2), 0);
  EXPECT_NE(uuid(rig, 2), first);
  EXPECT_EQ(uuid(rig, 2)[18], '5');
}

TEST(MigUuid, DependsOnGpuInstanceAndEngine) {
  std::set<std::string> seen;
  char text[48];
  for (const char* gpu : {"GPU-a", "GPU-b"}) {
    for (std::uint32_t gi = 0; gi < kMaxGis; ++gi) {
      for (std::uint32_t ci = 0; ci < kMaxCis; ++ci) {
        mig_uuid(gpu, gi, ci, 0, text);
        seen.insert(text);
      }
    }
  }
  EXPECT_EQ(seen.size(), 2U * kMaxGis * kMaxCis);
}

TEST(MigUuid, IsTheSha1OfItsParts) {
  // python3 -c 'import hashlib;
  // print(hashlib.sha1(bytes.fromhex("c816c9a3522456bf9d9aac7ea703fb5b")
  //   + b"NVIDIA GPU" + b"GPU-x" + b"SMC" + bytes([2,0,0,0, 1,0,0,0])).hexdigest())'
  // = d08748e3f9c7...; version and variant bits set.
  char text[48];
  mig_uuid("GPU-x", 2, 1, 0, text);
  EXPECT_STREQ(text, "MIG-d08748e3-f9c7-5c6b-99e7-6383546962fe");
}

}  // namespace
}  // namespace migsim

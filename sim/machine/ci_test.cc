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

// Placement of a compute instance as text: "2:1".
std::string place(const Rig& rig, std::uint32_t gi, std::uint32_t ci) {
  const Placement at = rig.state->gpus[0].gis[gi].cis[ci].placement;
  return std::to_string(at.start) + ":" + std::to_string(at.size);
}

TEST(ComputeInstance, SmallOnesLeaveRoomForLargerWhereTheDriverAligns) {
  // H100, R580, and H200, R590: CI 0 is 1c.3g at 2:1 and CI 1 is 2c.3g, which starts only at 0.
  for (const char* board : {"h100-sxm5-80gb", "h200-141gb"}) {
    Rig rig({board});
    ASSERT_EQ(rig.create(9), 2);
    ASSERT_EQ(rig.create_compute(2, 0), 0);
    EXPECT_EQ(place(rig, 2, 0), "2:1");
    ASSERT_EQ(rig.create_compute(2, 1), 1);
    EXPECT_EQ(place(rig, 2, 1), "0:2");
    EXPECT_EQ(rig.broken(), nullptr);
  }
}

TEST(ComputeInstance, AlignedSpansAreWhatHopperPrints) {
  Rig rig({"h100-sxm5-80gb"});
  ASSERT_EQ(rig.create(9), 2);
  ASSERT_EQ(rig.create_compute(2, 2), 0);
  EXPECT_EQ(place(rig, 2, 0), "0:4");
  ASSERT_EQ(rig.create(15), 3);
  ASSERT_EQ(rig.create_compute(3, 7), 0);
  EXPECT_EQ(place(rig, 3, 0), "0:2");
  Rig whole({"h100-sxm5-80gb"});
  ASSERT_EQ(whole.create(0), 0);
  ASSERT_EQ(whole.create_compute(0, 4), 0);
  EXPECT_EQ(place(whole, 0, 0), "0:8");
}

TEST(ComputeInstance, TwoThirdsAndAOneFillNoAlignedSeven) {
  Rig rig({"h100-sxm5-80gb"});
  ASSERT_EQ(rig.create(0), 0);
  ASSERT_EQ(rig.create_compute(0, 2), 0);
  EXPECT_EQ(place(rig, 0, 0), "4:4");
  ASSERT_EQ(rig.create_compute(0, 2), 1);
  EXPECT_EQ(rig.create_compute(0, 0), -NVML_ERROR_INSUFFICIENT_RESOURCES);
  Rig ampere({"a100-sxm4-40gb"});  // on an A100, 3c + 3c + 1c fill all seven slices
  ASSERT_EQ(ampere.create(0), 0);
  ASSERT_EQ(ampere.create_compute(0, 2), 0);
  ASSERT_EQ(ampere.create_compute(0, 2), 1);
  EXPECT_EQ(place(ampere, 0, 1), "3:3");
  EXPECT_EQ(ampere.create_compute(0, 0), 2);
  EXPECT_EQ(place(ampere, 0, 2), "6:1");
}

TEST(ComputeInstance, OneNameTwoProfilesInA2g) {
  Rig rig({"h100-sxm5-80gb"});
  ASSERT_EQ(rig.create(14, Placement{0, 2}), 3);
  ASSERT_EQ(rig.create_compute(3, 7), 0);  // the profile of 26 SMs takes both slots
  EXPECT_EQ(place(rig, 3, 0), "0:2");
  EXPECT_EQ(rig.create_compute(3, 0), -NVML_ERROR_INSUFFICIENT_RESOURCES);
  ASSERT_EQ(destroy_ci(rig.gpu(), 3, 0), NVML_SUCCESS);
  EXPECT_EQ(rig.create_compute(3, 0), 0);
  EXPECT_EQ(rig.create_compute(3, 0), 1);
}

TEST(ComputeInstance, FirstFitOnAmpere) {
  Rig rig({"a30-24gb"});
  ASSERT_EQ(rig.create(0), 0);
  for (std::uint32_t start = 0; start < 4; ++start) {
    ASSERT_EQ(rig.create_compute(0, 0), static_cast<int>(start));
    EXPECT_EQ(place(rig, 0, start), std::to_string(start) + ":1");
  }
  Rig middle({"a30-24gb"});
  ASSERT_EQ(middle.create(0), 0);
  ASSERT_EQ(middle.create_compute(0, 0), 0);
  ASSERT_EQ(middle.create_compute(0, 1), 1);
  EXPECT_EQ(place(middle, 0, 1), "1:2");
  EXPECT_EQ(middle.create_compute(0, 1), -NVML_ERROR_INSUFFICIENT_RESOURCES);
}

TEST(ComputeInstance, PlacementsAreChecked) {
  Rig rig({"a100-sxm4-40gb"});
  ASSERT_EQ(rig.create(9), 2);
  const CiProfile& one = *find_ci_profile(rig.profile(9), 0);
  const CiProfile& two = *find_ci_profile(rig.profile(9), 1);
  std::uint32_t id = 0;
  EXPECT_EQ(create_ci(rig.gpu(), 2, two, Placement{2, 2}, id), NVML_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(create_ci(rig.gpu(), 2, one, Placement{1, 1}, id), NVML_SUCCESS);
  EXPECT_EQ(create_ci(rig.gpu(), 2, two, Placement{0, 2}, id), NVML_ERROR_INSUFFICIENT_RESOURCES);
  EXPECT_EQ(create_ci(rig.gpu(), 2, one, Placement{1, 1}, id), NVML_ERROR_INSUFFICIENT_RESOURCES);
  EXPECT_EQ(create_ci(rig.gpu(), 1, one, {}, id), NVML_ERROR_NOT_FOUND);
  Rig hopper({"h100-sxm5-80gb"});
  ASSERT_EQ(hopper.create(9), 2);
  const CiProfile& aligned = *find_ci_profile(hopper.profile(9), 1);
  EXPECT_EQ(create_ci(hopper.gpu(), 2, aligned, Placement{1, 2}, id), NVML_ERROR_INVALID_ARGUMENT);
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

// The limits are rules of their own: they hold even where a board's spans would leave room.
TEST(ComputeInstance, SlicesOfTheInstanceAndMaximumCountBesideTheSpans) {
  for (const bool by_slices : {true, false}) {
    Rig rig({"a100-sxm4-40gb"});
    ASSERT_EQ(rig.create(0), 0);
    GiProfile& holder =
        rig.hardware->boards[0].gi_profiles[rig.state->gpus[0].gis[0].profile_index];
    for (std::uint32_t i = 0; i < holder.ci_profile_count; ++i) {
      if (holder.ci_profiles[i].profile == 0 && !by_slices) {
        holder.ci_profiles[i].max_count = 3;
      }
    }
    holder.slices = by_slices ? 3 : holder.slices;
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(rig.create_compute(0, 0), i);
    }
    EXPECT_EQ(ci_remaining(rig.gpu(), 0, *find_ci_profile(holder, 0)), 0U);
    EXPECT_EQ(rig.create_compute(0, 0), -NVML_ERROR_INSUFFICIENT_RESOURCES);
  }
}

// Placements may overlap on Ampere: ci_remaining counts from the left, each slot once.
TEST(ComputeInstance, RemainingCountsNoSlotTwice) {
  Rig rig({"a100-sxm4-40gb"});
  ASSERT_EQ(rig.create(0), 0);
  const GiProfile& holder = rig.profile(0);
  const auto left = [&](std::uint32_t profile) {
    return ci_remaining(rig.gpu(), 0, *find_ci_profile(holder, profile));
  };
  std::uint32_t id = 0;
  const CiProfile& one = *find_ci_profile(holder, 0);
  ASSERT_EQ(create_ci(rig.gpu(), 0, one, Placement{1, 1}, id), NVML_SUCCESS);
  EXPECT_EQ(left(1), 2U);  // free: 2:2 and 4:2; slots 0 and 6 are single
  EXPECT_EQ(left(2), 1U);
  EXPECT_EQ(left(3), 1U);
  ASSERT_EQ(create_ci(rig.gpu(), 0, one, Placement{4, 1}, id), NVML_SUCCESS);
  EXPECT_EQ(left(1), 2U);
  EXPECT_EQ(left(2), 0U);
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
  EXPECT_EQ(first[18], '5') << first;  // UUID version digit
  EXPECT_NE(std::string("89ab").find(first[23]), std::string::npos) << first;
  ASSERT_EQ(destroy_ci(rig.gpu(), 2, 0), NVML_SUCCESS);
  ASSERT_EQ(rig.create_compute(2, 0), 0);  // 1c on the same engine
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
  // Reference value, computed with:
  // python3 -c 'import hashlib;
  // print(hashlib.sha1(bytes.fromhex("c816c9a3522456bf9d9aac7ea703fb5b")
  //   + b"NVIDIA GPU" + b"GPU-x" + b"SMC" + bytes([2,0,0,0, 1,0,0,0])).hexdigest())'
  // = d08748e3f9c7...; then version and variant bits are set.
  char text[48];
  mig_uuid("GPU-x", 2, 1, 0, text);
  EXPECT_STREQ(text, "MIG-d08748e3-f9c7-5c6b-99e7-6383546962fe");
}

}  // namespace
}  // namespace migsim

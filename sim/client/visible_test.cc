// SPDX-License-Identifier: Apache-2.0
#include "sim/client/visible.h"

#include <cstdio>

#include "sim/machine/test_machine.h"

namespace migsim {
namespace {

using testing::Rig;

// GPU 0 without MIG; GPU 1 in MIG mode, empty; GPU 2 with GI 2: CI 0 and 1, and GI 3: CI 0.
Rig three_gpus() {
  Rig rig({"a100-sxm4-40gb", "h200-141gb", "h200-141gb"});
  rig.state->gpus[0].mig_current = rig.state->gpus[0].mig_pending = 0;
  EXPECT_EQ(rig.create(9, {}, 2), 2);
  EXPECT_EQ(rig.create(14, {}, 2), 3);
  EXPECT_EQ(rig.create_compute(2, 0, 2), 0);
  EXPECT_EQ(rig.create_compute(2, 1, 2), 1);
  EXPECT_EQ(rig.create_compute(3, 1, 2), 0);
  return rig;
}

// "gpu" or "gpu/gi/ci" of the device found, or the error.
std::string seen(const Rig& rig, const char* visible) {
  Instance at;
  std::string error;
  if (!find_visible(*rig.hardware, *rig.state, visible, at, error)) {
    return error;
  }
  return at.gi == kNone
             ? std::to_string(at.gpu)
             : std::to_string(at.gpu) + "/" + std::to_string(at.gi) + "/" + std::to_string(at.ci);
}

TEST(Visible, UnsetMeansTheFirstMigDeviceThenTheFirstGpu) {
  const Rig rig = three_gpus();
  EXPECT_EQ(seen(rig, nullptr), "2/2/0");
  rig.state->gpus[2].mig_current = 0;
  EXPECT_EQ(seen(rig, nullptr), "0");
  const Rig empty({"h200-141gb"});
  EXPECT_EQ(seen(empty, nullptr), "every GPU is in MIG mode and none has a compute instance");
}

TEST(Visible, Index) {
  const Rig rig = three_gpus();
  EXPECT_EQ(seen(rig, "0"), "0");
  EXPECT_EQ(seen(rig, " 2 ,0"), "2/2/0");
  EXPECT_EQ(seen(rig, "1"), "GPU 1 is in MIG mode and has no compute instance");
  EXPECT_EQ(seen(rig, "3"), "no device is 3; give an index below 3, GPU-<uuid> or MIG-<uuid>");
  EXPECT_EQ(seen(rig, "0x1").substr(0, 16), "no device is 0x1");
  EXPECT_EQ(seen(rig, "99999999999").substr(0, 12), "no device is");
}

// As in a container, or the sandbox of a job: with the nodes of one instance it is index 0.
TEST(Visible, WhatCannotBeOpenedIsNotCounted) {
  const Rig rig = three_gpus();
  const auto seen_by = [&](const char* visible, const CanOpen& can_open) {
    Instance at;
    std::string error;
    return find_visible(*rig.hardware, *rig.state, visible, at, error, can_open)
               ? std::to_string(at.gpu) + "/" + std::to_string(at.gi) + "/" + std::to_string(at.ci)
               : error;
  };
  const CanOpen one = [](const Instance& at) {
    return at.gpu == 2 && (at.gi == kNone || (at.gi == 3 && at.ci == 0));
  };
  EXPECT_EQ(seen_by("0", one), "2/3/0");
  EXPECT_EQ(seen_by(nullptr, one), "2/3/0");
  EXPECT_EQ(seen_by("1", one), "no device is 1; give an index below 1, GPU-<uuid> or MIG-<uuid>");
  const CanOpen none = [](const Instance&) { return false; };
  EXPECT_EQ(seen_by("2", none), "2/2/0");  // refused then, with the reason
  EXPECT_EQ(seen_by(nullptr, none), "2/2/0");
}

// NVIDIA's MIG user guide, device enumeration: with MIG on GPU 0 and a GPU 1 without it,
// CUDA_VISIBLE_DEVICES=1,0 shows the MIG device.
TEST(Visible, AMigDeviceComesBeforeAGpuWithoutMig) {
  const Rig rig = three_gpus();
  EXPECT_EQ(seen(rig, "0,2"), "2/2/0");
  EXPECT_EQ(seen(rig, "2,0"), "2/2/0");
  EXPECT_EQ(seen(rig, "0, GPU-abc00002"), "2/2/0");
  const std::string uuid = rig.state->gpus[2].gis[3].cis[0].uuid;
  EXPECT_EQ(seen(rig, ("0," + uuid).c_str()), "2/3/0");
  EXPECT_EQ(seen(rig, (uuid + ",2").c_str()), "2/3/0") << "of MIG devices the first in the list";
}

TEST(Visible, TheListEndsAtTheFirstEntryThatNamesNothing) {
  const Rig rig = three_gpus();
  for (const char* list : {"0,9,2", "0,-1,2", "0,,2", "0,1,2", "0,MIG-nothing,2"}) {
    EXPECT_EQ(seen(rig, list), "0") << list;
  }
  EXPECT_EQ(seen(rig, "9,0"), "no device is 9; give an index below 3, GPU-<uuid> or MIG-<uuid>");
}

TEST(Visible, NothingIsVisible) {
  const Rig rig = three_gpus();
  for (const char* none : {"", "-1", "NoDevFiles", ",0", "-1,0"}) {
    EXPECT_EQ(seen(rig, none), "CUDA_VISIBLE_DEVICES hides every device") << none;
  }
}

TEST(Visible, GpuUuidMayBeCutShortWhileItNamesOne) {
  const Rig rig = three_gpus();
  EXPECT_EQ(seen(rig, rig.state->gpus[0].uuid), "0");
  EXPECT_EQ(seen(rig, "GPU-0abc00000"), "no GPU has the UUID GPU-0abc00000");
  EXPECT_EQ(seen(rig, "GPU-abc00000"), "0");
  EXPECT_EQ(seen(rig, "GPU-abc00002"), "2/2/0");
  EXPECT_EQ(seen(rig, "GPU-abc"), "more than one GPU has a UUID that starts with GPU-abc");
}

TEST(Visible, MigUuid) {
  const Rig rig = three_gpus();
  const std::string uuid = rig.state->gpus[2].gis[2].cis[1].uuid;
  EXPECT_EQ(seen(rig, uuid.c_str()), "2/2/1");
  EXPECT_EQ(seen(rig, (uuid + ",0").c_str()), "2/2/1");
  EXPECT_EQ(seen(rig, uuid.substr(0, 20).c_str()), "2/2/1");
  EXPECT_EQ(seen(rig, (uuid + "0").c_str()), "no MIG device has the UUID " + uuid + "0");
}

TEST(Visible, MigUuidMayBeCutShortWhileItNamesOne) {
  const Rig rig = three_gpus();
  CiState* computes = rig.state->gpus[2].gis[2].cis;
  std::snprintf(computes[0].uuid, sizeof(computes[0].uuid), "MIG-abc0");
  std::snprintf(computes[1].uuid, sizeof(computes[1].uuid), "MIG-abc1");
  EXPECT_EQ(seen(rig, "MIG-abc1"), "2/2/1");
  EXPECT_EQ(seen(rig, "MIG-abc"), "more than one MIG device has a UUID that starts with MIG-abc");
}

TEST(Visible, MigByGpuInstanceAndComputeInstance) {
  const Rig rig = three_gpus();
  const std::string gpu = std::string("MIG-") + rig.state->gpus[2].uuid;
  EXPECT_EQ(seen(rig, (gpu + "/2/1").c_str()), "2/2/1");
  EXPECT_EQ(seen(rig, (gpu + "/3/0").c_str()), "2/3/0");
  for (const char* wrong : {"/3/1", "/4/0", "/15/0", "/2/8", "/2", "/2/", "/x/0", "", "/2/1/0"}) {
    EXPECT_EQ(seen(rig, (gpu + wrong).c_str()), "no MIG device is " + gpu + wrong);
  }
}

}  // namespace
}  // namespace migsim

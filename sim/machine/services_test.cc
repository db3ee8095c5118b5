// SPDX-License-Identifier: Apache-2.0
#include "sim/machine/services.h"

#include "abi/nvml.h"
#include "sim/machine/telemetry.h"
#include "sim/machine/test_machine.h"

namespace migsim {
namespace {

using testing::Rig;

int mode(Rig& rig, std::uint32_t wanted, int& activation, bool opened = false) {
  return set_mig_mode(rig.gpu(), wanted, activation, opened);
}

void start(Rig& rig, std::uint32_t service, bool on = true) {
  set_service(*rig.hardware, *rig.state, service, on);
}

// A pending mode on Ampere; sources: MIG user guide, "driver clients"; gpu-operator#118 and #1845.
TEST(Services, AmperesModeIsPendingAsLongAsOneHoldsTheGpu) {
  for (std::uint32_t service = 0; service < kServiceCount; ++service) {
    Rig rig({"a100-sxm4-40gb"}, false);
    start(rig, service);
    int activation = 0;
    EXPECT_EQ(mode(rig, 1, activation), NVML_SUCCESS) << kServices[service].key;
    EXPECT_EQ(activation, NVML_ERROR_IN_USE) << kServices[service].key;
    EXPECT_EQ(rig.state->gpus[0].mig_current, 0U);
    EXPECT_EQ(rig.state->gpus[0].mig_pending, 1U);
    EXPECT_EQ(reset_gpu(rig.gpu()), NVML_ERROR_IN_USE) << kServices[service].key;
    start(rig, service, false);
    EXPECT_EQ(reset_gpu(rig.gpu()), NVML_SUCCESS);
    EXPECT_EQ(rig.state->gpus[0].mig_current, 1U) << kServices[service].key;
  }
}

// Sources: RTX PRO 6000 Max-Q, 580.105.08: MIG enabled with Xorg and gnome-shell on the GPU.
// gpu-operator#1845: H100 and H200 change their mode where an A100 stays pending.
TEST(Services, ResetlessGpusChangeTheirModeAndAreNotReset) {
  for (const char* board : {"h100-sxm5-80gb", "rtx-pro-6000-maxq"}) {
    for (std::uint32_t service = 0; service < kServiceCount; ++service) {
      Rig rig({board}, false);
      start(rig, service);
      int activation = 0;
      EXPECT_EQ(mode(rig, 1, activation, true), NVML_SUCCESS) << board;
      EXPECT_EQ(activation, NVML_SUCCESS) << board << " " << kServices[service].key;
      EXPECT_EQ(rig.state->gpus[0].mig_current, 1U);
      EXPECT_EQ(reset_gpu(rig.gpu()), NVML_ERROR_IN_USE) << board << " " << kServices[service].key;
    }
  }
}

TEST(Services, WhoHasTheNodeOpenCountsLikeAService) {
  Rig rig({"a100-sxm4-40gb"}, false);
  int activation = 0;
  EXPECT_EQ(mode(rig, 1, activation, true), NVML_SUCCESS);
  EXPECT_EQ(activation, NVML_ERROR_IN_USE);
  EXPECT_EQ(reset_gpu(rig.gpu(), true), NVML_ERROR_IN_USE);
  EXPECT_EQ(mode(rig, 1, activation), NVML_SUCCESS);
  EXPECT_EQ(activation, NVML_SUCCESS);
  EXPECT_EQ(rig.state->gpus[0].mig_current, 1U);
}

TEST(Services, WhoHasAnInstancesNodeOpenKeepsIt) {
  Rig rig({"a100-sxm4-40gb"});
  const auto gi = static_cast<std::uint32_t>(rig.create(9));
  ASSERT_EQ(rig.create_compute(gi, 0), 0);
  EXPECT_EQ(destroy_ci(rig.gpu(), gi, 0, true), NVML_ERROR_IN_USE);
  EXPECT_EQ(destroy_ci(rig.gpu(), gi, 0), NVML_SUCCESS);
  EXPECT_EQ(destroy_gi(rig.gpu(), gi, true), NVML_ERROR_IN_USE);
  EXPECT_EQ(destroy_gi(rig.gpu(), gi), NVML_SUCCESS);
}

// Open kernel module: channels and memory block only the first instance.
TEST(Services, ADisplayKeepsTheFirstInstanceAwayAndNoOther) {
  for (const char* board : {"rtx-pro-6000-maxq", "h100-sxm5-80gb", "a100-sxm4-40gb"}) {
    Rig rig({board});
    const std::uint32_t id = rig.gpu().board().gi_profiles[0].id;
    for (const std::uint32_t harmless : {kDcgm, kPersistenced, kNvsm, kDrm}) {
      start(rig, harmless);
    }
    start(rig, kDisplay);
    EXPECT_EQ(rig.create(id), -NVML_ERROR_IN_USE) << board;
    start(rig, kDisplay, false);
    EXPECT_GE(rig.create(id), 0) << board;
    start(rig, kDisplay);
    EXPECT_GE(rig.create(id), 0) << board << ": there is one already";
    EXPECT_EQ(rig.broken(), nullptr);
  }
}

// Max-Q: class 0x0300 with its outputs on (590.44.01); without them Disp.A Off under Xorg and
// gnome-shell (580.105.08).
TEST(Services, AScreenNeedsOutputsThatAreOn) {
  Rig rig({"rtx-pro-6000-maxq", "rtx-pro-6000-server"}, false);
  const State& state = *rig.state;
  rig.state->gpus[0].graphics_mode = 1;
  const Board& maxq = rig.gpu(0).board();
  const Board& server = rig.gpu(1).board();
  EXPECT_EQ(pci_class_of(maxq, state.gpus[0]), 0x030000U);
  EXPECT_FALSE(display_active(maxq, state, 0)) << "nobody draws";
  start(rig, kDisplay);
  EXPECT_TRUE(display_active(maxq, state, 0));
  EXPECT_FALSE(display_active(server, state, 1));
  EXPECT_EQ(pci_class_of(server, state.gpus[1]), 0x030200U);
  rig.state->gpus[0].graphics_mode = 0;
  EXPECT_TRUE(display_draws(state, 0));
  EXPECT_FALSE(display_active(maxq, state, 0));
  EXPECT_EQ(pci_class_of(maxq, state.gpus[0]), 0x030200U);
}

TEST(Services, TheDaemonLetsGoOfAGpuWithItsPersistenceMode) {
  Rig rig({"a100-sxm4-40gb", "a100-sxm4-40gb"}, false);
  start(rig, kPersistenced);
  EXPECT_EQ(rig.state->gpus[1].persistence, 1U);
  rig.state->gpus[0].persistence = 0;
  EXPECT_FALSE(any_service_holds(*rig.state, 0));
  EXPECT_TRUE(any_service_holds(*rig.state, 1));
  EXPECT_EQ(reset_gpu(rig.gpu(0)), NVML_SUCCESS);
  EXPECT_EQ(reset_gpu(rig.gpu(1)), NVML_ERROR_IN_USE);
  start(rig, kPersistenced, false);
  EXPECT_EQ(rig.state->gpus[1].persistence, 0U) << "it takes persistence mode with it";
}

// Persistence mode is a switch of the kernel module; without the daemon no process has the GPU
// open.
TEST(Services, PersistenceModeAloneHoldsNothing) {
  Rig rig({"a100-sxm4-40gb"}, false);
  rig.state->gpus[0].persistence = 1;
  EXPECT_EQ(reset_gpu(rig.gpu()), NVML_SUCCESS);
}

TEST(Services, TheyRunAgainAfterAReboot) {
  Rig rig({"a100-sxm4-40gb"}, false);
  start(rig, kPersistenced);
  start(rig, kDcgm);
  int activation = 0;
  ASSERT_EQ(mode(rig, 1, activation), NVML_SUCCESS);
  reboot(*rig.hardware, *rig.state);
  EXPECT_EQ(rig.state->gpus[0].mig_current, 1U) << "the pending mode came with it";
  EXPECT_TRUE(runs(*rig.state, kDcgm));
  EXPECT_EQ(rig.state->gpus[0].persistence, 1U);
  EXPECT_EQ(reset_gpu(rig.gpu()), NVML_ERROR_IN_USE);
  start(rig, kPersistenced, false);
  reboot(*rig.hardware, *rig.state);
  EXPECT_EQ(rig.state->gpus[0].persistence, 0U);
}

TEST(Services, ADisplaysMemoryIsTheGpusAndNoInstances) {
  Rig rig({"h100-sxm5-80gb"});
  const int gi = rig.create(9);
  ASSERT_GE(gi, 0);
  const auto whole = memory_use(*rig.hardware, *rig.state, 0, kNone);
  const auto part = memory_use(*rig.hardware, *rig.state, 0, static_cast<std::uint32_t>(gi));
  start(rig, kDisplay);
  EXPECT_EQ(memory_use(*rig.hardware, *rig.state, 0, kNone)->used,
            whole->used + kServices[kDisplay].display_bytes);
  EXPECT_EQ(memory_use(*rig.hardware, *rig.state, 0, static_cast<std::uint32_t>(gi))->used,
            part->used);
}

TEST(Services, AreNamedAsUsersAndSystemdNameThem) {
  EXPECT_EQ(find_service("dcgm"), kDcgm);
  EXPECT_EQ(find_service("nvidia-dcgm"), kDcgm);
  EXPECT_EQ(find_service("nvidia-dcgm.service"), kDcgm);
  EXPECT_EQ(find_service("dcgm.service"), kDcgm) << "an alias, as in the MIG user guide";
  EXPECT_EQ(find_service("gdm"), kDisplay);
  EXPECT_EQ(find_service("drm"), kDrm);
  EXPECT_EQ(find_service(""), kServiceCount) << "a service without a unit has no empty name";
  EXPECT_EQ(find_service("nvidia-dcgm.serv"), kServiceCount);
}

TEST(Services, StartingTwiceChangesNothingMore) {
  Rig rig({"a100-sxm4-40gb"}, false);
  const std::uint64_t generation = rig.state->generation;
  start(rig, kDcgm);
  EXPECT_EQ(rig.state->generation, generation + 1);
  start(rig, kDcgm);
  EXPECT_EQ(rig.state->generation, generation + 1);
  EXPECT_TRUE(runs(*rig.state, kDcgm));
}

}  // namespace
}  // namespace migsim

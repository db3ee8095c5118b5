// SPDX-License-Identifier: Apache-2.0
#include "abi/nvml.h"
#include "sim/machine/process.h"
#include "sim/machine/test_machine.h"

namespace migsim {
namespace {

using testing::Rig;

struct Answer {
  int code, activation;
  bool operator==(const Answer&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Answer& answer) {
  return out << "{" << answer.code << ", activation " << answer.activation << "}";
}

Answer set_mode(const Rig& rig, std::uint32_t mode) {
  int activation = -1;
  const int code = set_mig_mode(rig.gpu(), mode, activation);
  return {code, activation};
}

std::uint32_t attach(const Rig& rig, const Instance& at) {
  ProcessIdentity who;
  who.pid = 4121;
  std::uint32_t slot = kNone;
  EXPECT_EQ(attach_process(*rig.hardware, *rig.state, at, who, 1, slot), Attach::kOk);
  return slot;
}

constexpr Answer kDone{NVML_SUCCESS, NVML_SUCCESS};
constexpr Answer kRefused{NVML_ERROR_IN_USE, NVML_ERROR_IN_USE};

TEST(MigMode, IdleGpuChangesAtOnceOnEveryArchitecture) {
  for (const char* board : {"a100-sxm4-40gb", "h200-141gb", "rtx-pro-6000-server"}) {
    Rig rig({board}, false);
    rig.state->gpus[0].accounting = 1;
    EXPECT_EQ(set_mode(rig, 1), kDone) << board;
    EXPECT_EQ(rig.state->gpus[0].mig_current, 1U);
    EXPECT_EQ(rig.state->gpus[0].mig_pending, 1U);
    EXPECT_EQ(rig.state->gpus[0].accounting, 0U) << "MIG turns accounting off";
    EXPECT_EQ(set_mode(rig, 0), kDone) << board;
    EXPECT_EQ(rig.state->gpus[0].mig_current, 0U);
    EXPECT_EQ(rig.broken(), nullptr);
  }
}

TEST(MigMode, BusyAmpereStaysPendingUntilAReset) {
  Rig rig({"a100-sxm4-40gb"}, false);
  const std::uint32_t slot = attach(rig, {0, kNone, kNone});
  EXPECT_EQ(set_mode(rig, 1), (Answer{NVML_SUCCESS, NVML_ERROR_IN_USE}));
  EXPECT_EQ(rig.state->gpus[0].mig_current, 0U);
  EXPECT_EQ(rig.state->gpus[0].mig_pending, 1U);
  EXPECT_EQ(reset_gpu(rig.gpu()), NVML_ERROR_IN_USE);
  remove_process(*rig.state, slot);
  EXPECT_EQ(reset_gpu(rig.gpu()), NVML_SUCCESS);
  EXPECT_EQ(rig.state->gpus[0].mig_current, 1U);
}

TEST(MigMode, PendingChangeCanBeTakenBack) {
  Rig rig({"a100-sxm4-40gb"}, false);
  attach(rig, {0, kNone, kNone});
  set_mode(rig, 1);
  EXPECT_EQ(set_mode(rig, 0), kDone);
  EXPECT_EQ(rig.state->gpus[0].mig_pending, 0U);
}

TEST(MigMode, BusyHopperRefuses) {
  Rig rig({"h200-141gb"}, false);
  attach(rig, {0, kNone, kNone});
  EXPECT_EQ(set_mode(rig, 1), kRefused);
  EXPECT_EQ(rig.state->gpus[0].mig_pending, 0U);
  EXPECT_EQ(rig.broken(), nullptr);
}

TEST(MigMode, VirtualMachineKeepsAmperePendingUntilItReboots) {
  Rig rig({"a100-sxm4-40gb"}, false);
  rig.state->options.vm_passthrough = 1;
  EXPECT_EQ(set_mode(rig, 1), (Answer{NVML_SUCCESS, NVML_ERROR_NOT_SUPPORTED}));
  EXPECT_EQ(rig.state->gpus[0].mig_current, 0U);
  EXPECT_EQ(reset_gpu(rig.gpu()), NVML_ERROR_NOT_SUPPORTED);
  reboot(*rig.hardware, *rig.state);
  EXPECT_EQ(rig.state->gpus[0].mig_current, 1U);
  Rig hopper({"h200-141gb"}, false);
  hopper.state->options.vm_passthrough = 1;
  EXPECT_EQ(set_mode(hopper, 1), kDone);
}

TEST(MigMode, DisablingWithInstancesIsRefused) {
  for (const char* board : {"a100-sxm4-40gb", "h200-141gb"}) {
    Rig rig({board});
    ASSERT_EQ(rig.create(9), 2);
    EXPECT_EQ(set_mode(rig, 0), kRefused) << board;
    EXPECT_EQ(rig.state->gpus[0].mig_pending, 1U);
    EXPECT_EQ(rig.state->gpus[0].gis[2].used, 1U);
  }
}

TEST(MigMode, OptionLetsDisablingRemoveIdleInstancesOnly) {
  Rig rig({"h200-141gb"});
  rig.state->options.disable_destroys_idle = 1;
  ASSERT_EQ(rig.create(9), 2);
  ASSERT_EQ(rig.create_compute(2, 2), 0);
  const std::uint32_t slot = attach(rig, {0, 2, 0});
  EXPECT_EQ(set_mode(rig, 0), kRefused);
  remove_process(*rig.state, slot);
  EXPECT_EQ(set_mode(rig, 0), kDone);
  EXPECT_EQ(rig.state->gpus[0].gis[2].used, 0U);
  EXPECT_EQ(rig.broken(), nullptr);
}

TEST(MigMode, NotOfferedWhereTheBoardCannot) {
  Rig rig({"rtx-pro-6000-workstation"}, false);
  rig.state->gpus[0].graphics_mode = 1;
  EXPECT_EQ(set_mode(rig, 1).code, NVML_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(set_mode(rig, 2).code, NVML_ERROR_INVALID_ARGUMENT);
  rig.hardware->boards[0].gi_profile_count = 0;
  rig.state->gpus[0].graphics_mode = 0;
  EXPECT_EQ(set_mode(rig, 1).code, NVML_ERROR_NOT_SUPPORTED);
}

TEST(Reset, InstancesGoModeStays) {
  Rig rig({"h200-141gb"});
  ASSERT_EQ(rig.create(9), 2);
  ASSERT_EQ(rig.create_compute(2, 2), 0);
  EXPECT_EQ(reset_gpu(rig.gpu()), NVML_SUCCESS);
  EXPECT_EQ(rig.state->gpus[0].gis[2].used, 0U);
  EXPECT_EQ(rig.state->gpus[0].mig_current, 1U);
  rig.state->gpus[0].lost = 1;
  EXPECT_EQ(reset_gpu(rig.gpu()), NVML_ERROR_GPU_IS_LOST);
}

TEST(Reboot, ModeIsKeptInAmpereBoardsOnly) {
  Rig rig({"a100-sxm4-40gb", "h200-141gb"});
  for (std::uint32_t gpu : {0U, 1U}) {
    ASSERT_EQ(rig.create(9, {}, gpu), 2);
    ASSERT_EQ(rig.create_compute(2, 2, gpu), 0);
    attach(rig, {gpu, 2, 0});
  }
  rig.state->gpus[1].lost = 1;
  reboot(*rig.hardware, *rig.state);
  EXPECT_EQ(rig.state->gpus[0].mig_current, 1U);
  EXPECT_EQ(rig.state->gpus[1].mig_current, 0U);
  EXPECT_EQ(rig.state->gpus[1].lost, 0U);
  EXPECT_EQ(rig.state->process_top, 0U);
  EXPECT_EQ(rig.state->boot_count, 1U);
  EXPECT_EQ(rig.state->gpus[0].gis[2].used, 0U);
  EXPECT_EQ(rig.broken(), nullptr);
}

}  // namespace
}  // namespace migsim

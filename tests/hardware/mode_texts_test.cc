// SPDX-License-Identifier: Apache-2.0
// nvidia-smi's texts for mode changes, GPU resets and refusals (published transcripts, drivers R470
// to R590), reproduced on simulated machines.
#include <unistd.h>

#include <gtest/gtest.h>

#include "sim/client/migsim.h"
#include "simulated_machine.h"

namespace mig::hardware {
namespace {

constexpr const char* kBus = "00000000:10:00.0";
constexpr const char* kUseOfGpu =
    " currently being used by one or more other processes (e.g., Fabric Manager, CUDA application, "
    "graphics application such as an X server, or a monitoring application such as another "
    "instance of nvidia-smi). Please first kill all processes using this device and all compute "
    "applications running in the system.\n";

class ModeTexts : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) {
      GTEST_SKIP() << "a driver lets only root change modes";
    }
  }

  static std::string with_bus(std::string text) {
    for (std::size_t at = text.find('@'); at != std::string::npos; at = text.find('@')) {
      text.replace(at, 1, kBus);
    }
    return text;
  }

  static void says(SimulatedMachine& box, const std::string& line, int exit, const char* text) {
    EXPECT_EQ(box.smi(line), with_bus(text)) << line;
    EXPECT_EQ(box.exit_code(), exit) << line;
  }
};

TEST_F(ModeTexts, EnableDisableAndPersistence) {
  SimulatedMachine box("1x h200-141gb");
  ASSERT_TRUE(box.created());
  box.smi("-pm 1");
  says(box, "-mig 1", 0, "Enabled MIG Mode for GPU @\nAll done.\n");
  says(box, "-mig 0", 0, "Disabled MIG Mode for GPU @\nAll done.\n");
  box.smi("-pm 0");
  says(box,
       "-mig 1",
       0,
       "Enabled MIG Mode for GPU @\n\n"
       "Warning: persistence mode is disabled on device @. See the Known Issues section of the "
       "nvidia-smi(1) man page for more information. Run with [--help | -h] switch to get more "
       "information on how to enable persistence mode.\nAll done.\n");
}

TEST_F(ModeTexts, PendingInAVirtualMachine) {
  SimulatedMachine box("1x a100-sxm4-40gb", {"--vm"});
  ASSERT_TRUE(box.created());
  says(box,
       "-mig 1",
       0,
       "Warning: MIG mode is in pending enable state for GPU @:Not Supported\n"
       "Reboot the system or try nvidia-smi --gpu-reset to make MIG mode effective on GPU @\n"
       "All done.\n");
}

TEST_F(ModeTexts, PendingBehindAProcess) {
  SimulatedMachine box("1x a100-sxm4-40gb");
  ASSERT_TRUE(box.created());
  migsim_context* process = nullptr;
  ASSERT_EQ(migsim_attach("0", &process), MIGSIM_OK);
  says(box,
       "-mig 1",
       0,
       "Warning: MIG mode is in pending enable state for GPU @:In use by another client\n"
       "@ is currently being used by one or more other processes (e.g. CUDA application or a "
       "monitoring application such as another instance of nvidia-smi). Please first kill all "
       "processes using the device and retry the command or reboot the system to make MIG mode "
       "effective.\nAll done.\n");
  EXPECT_EQ(box.smi("-r -i 0"),
            with_bus("The following GPUs could not be reset:\n"
                     "  GPU @: In use by another client\n\n1 device is") +
                kUseOfGpu);
  EXPECT_EQ(box.exit_code(), 255);
  migsim_detach(process);
  says(box, "-r -i 0", 0, "GPU @ was successfully reset.\nAll done.\n");
}

TEST_F(ModeTexts, Refused) {
  SimulatedMachine box("1x h200-141gb");
  ASSERT_TRUE(box.created());
  ASSERT_TRUE(box.fail("nvmlDeviceSetMigMode", "NVML_ERROR_NOT_SUPPORTED"));
  says(box,
       "-mig 1",
       0,
       "Unable to enable MIG Mode for GPU @: Not Supported\nTreating as warning and moving on.\n"
       "All done.\n");
  box.smi("-mig 1");
  box.smi("mig -cgi 9");
  says(box,
       "-mig 0",
       19,
       "Unable to disable MIG Mode for GPU @: In use by another client\n"
       "Terminating early due to previous errors.\n");
}

TEST_F(ModeTexts, NothingToShow) {
  SimulatedMachine box("1x h200-141gb");
  ASSERT_TRUE(box.created());
  box.smi("-mig 1");
  for (const char* line : {"mig -lgi", "mig -dgi", "mig -dci"}) {
    says(box, line, 6, "No GPU instances found: Not Found\n");
  }
  ASSERT_TRUE(box.fail("nvmlDeviceGetGpuInstanceProfileInfoV", "NVML_ERROR_UNKNOWN"));
  says(box, "mig -lgip", 255, "Failed to display GPU instance profiles: Unknown Error\n");
  box.smi("mig -cgi 9");
  for (const char* line : {"mig -lci", "mig -dci"}) {
    says(box, line, 6, "No compute instances found: Not Found\n");
  }
  box.smi("mig -cci -gi 2");
  ASSERT_TRUE(box.fail("nvmlGpuInstanceGetComputeInstances", "NVML_ERROR_NO_PERMISSION"));
  says(box, "mig -lci", 4, "Failed to display compute instances: Insufficient Permissions\n");
  ASSERT_TRUE(box.fail("nvmlDeviceGetMigMode", "NVML_ERROR_NOT_SUPPORTED"));
  says(box, "mig -lgip", 0, "No MIG-supported devices found.\n");
}

}  // namespace
}  // namespace mig::hardware

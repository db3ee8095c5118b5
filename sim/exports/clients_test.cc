// SPDX-License-Identifier: Apache-2.0
// Tests that a process between nvmlInit and nvmlShutdown has every GPU's node open, and of the
// consequences.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include <signal.h>

#include "abi/simulated.h"
#include "sim/exports/test_library.h"
#include "sim/machine/services.h"
#include "sim/tree/tree.h"

namespace migsim::testing {
namespace {

class Clients : public LibraryTest {
 protected:
  void start_on(const std::vector<std::string>& boards, bool mig) {
    start(boards, mig);
    machine = on_disk(dir, *rig);
    ASSERT_TRUE(sync_tree(*machine).ok());
    ::setenv("MIGSIM_MACHINE", dir.path().c_str(), 1);
  }

  // Names of the machine's device nodes that this process has open.
  std::vector<std::string> own_nodes() const {
    std::vector<std::string> names;
    const std::string dev = std::filesystem::canonical(dir.path()).string() + "/tree/dev/";
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
      if (target.starts_with(dev)) {
        names.push_back(target.substr(dev.size()));
      }
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  // Another process that has initialised NVML, killed at the end of the test.
  void another_client() {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    other_ = ::fork();
    if (other_ == 0) {
      const char answer = NV(nvmlInit_v2)() == NVML_SUCCESS ? '1' : '0';
      if (::write(ready[1], &answer, 1) == 1) {
        ::pause();
      }
      ::_exit(0);
    }
    char answer = 0;
    ASSERT_EQ(::read(ready[0], &answer, 1), 1);
    ASSERT_EQ(answer, '1');
    ::close(ready[0]);
    ::close(ready[1]);
  }

  // Another process that has the file open and does not use NVML.
  void holder_of(const std::string& path) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    other_ = ::fork();
    if (other_ == 0) {
      for (int fd = 3; fd < 256; ++fd) {
        if (fd != ready[1]) {
          ::close(fd);
        }
      }
      const char answer = ::open(path.c_str(), O_RDONLY) >= 0 ? '1' : '0';
      if (::write(ready[1], &answer, 1) == 1) {
        ::pause();
      }
      ::_exit(0);
    }
    char answer = 0;
    ASSERT_EQ(::read(ready[0], &answer, 1), 1);
    ASSERT_EQ(answer, '1') << path;
    ::close(ready[0]);
    ::close(ready[1]);
  }

  void end_other() {
    if (other_ > 0) {
      ::kill(other_, SIGKILL);
      ::waitpid(other_, nullptr, 0);
      other_ = 0;
    }
  }

  void init() {
    ASSERT_EQ(NV(nvmlInit_v2)(), NVML_SUCCESS);
    opened = true;
  }

  static const migsim_control* control() {
    static constexpr unsigned char kId[16] = MIGSIM_CONTROL_GUID;
    const void* table = nullptr;
    EXPECT_EQ(NV(nvmlInternalGetExportTable)(&table, kId), NVML_SUCCESS);
    return static_cast<const migsim_control*>(table);
  }

  void TearDown() override {
    end_other();
    LibraryTest::TearDown();
  }

  pid_t other_ = 0;
};

// H100, 580.159.04: the open descriptors of a process at each point.
TEST_F(Clients, NodesAreOpenFromInitToShutdown) {
  start_on({"a100-sxm4-40gb", "h100-sxm5-80gb"}, false);
  EXPECT_TRUE(own_nodes().empty());
  ASSERT_EQ(NV(nvmlInit_v2)(), NVML_SUCCESS);
  EXPECT_EQ(own_nodes(), (std::vector<std::string>{"nvidia0", "nvidia1", "nvidiactl"}));
  ASSERT_EQ(NV(nvmlInit_v2)(), NVML_SUCCESS);
  ASSERT_EQ(NV(nvmlShutdown)(), NVML_SUCCESS);
  EXPECT_EQ(own_nodes().size(), 3U) << "another user of the library is left";
  ASSERT_EQ(NV(nvmlShutdown)(), NVML_SUCCESS);
  EXPECT_TRUE(own_nodes().empty());
  ASSERT_EQ(NV(nvmlInitWithFlags)(NVML_INIT_FLAG_NO_ATTACH), NVML_SUCCESS);
  EXPECT_EQ(own_nodes(), std::vector<std::string>{"nvidiactl"});
  ASSERT_EQ(NV(nvmlShutdown)(), NVML_SUCCESS);
  ASSERT_EQ(NV(nvmlInitWithFlags)(NVML_INIT_FLAG_NO_GPUS), NVML_SUCCESS);
  EXPECT_EQ(own_nodes().size(), 3U) << "that flag changes nothing";
  ASSERT_EQ(NV(nvmlShutdown)(), NVML_SUCCESS);
}

TEST_F(Clients, AnotherClientKeepsAnAmpereGpuFromItsMode) {
  start_on({"a100-sxm4-40gb"}, false);
  another_client();
  init();
  nvmlReturn_t activation = NVML_SUCCESS;
  EXPECT_EQ(NV(nvmlDeviceSetMigMode)(gpu(), 1, &activation), NVML_SUCCESS);
  EXPECT_EQ(activation, NVML_ERROR_IN_USE);
  unsigned current = 9;
  unsigned pending = 9;
  ASSERT_EQ(NV(nvmlDeviceGetMigMode)(gpu(), &current, &pending), NVML_SUCCESS);
  EXPECT_EQ(current, 0U);
  EXPECT_EQ(pending, 1U);
  EXPECT_EQ(control()->reset_gpu(0), NVML_ERROR_IN_USE);
  end_other();
  EXPECT_EQ(control()->reset_gpu(0), NVML_SUCCESS);
  ASSERT_EQ(NV(nvmlDeviceGetMigMode)(gpu(), &current, &pending), NVML_SUCCESS);
  EXPECT_EQ(current, 1U);
}

TEST_F(Clients, TheCallerAloneIsInNobodysWay) {
  start_on({"a100-sxm4-40gb"}, false);
  init();
  const std::vector<std::string> open = own_nodes();
  nvmlReturn_t activation = NVML_ERROR_UNKNOWN;
  EXPECT_EQ(NV(nvmlDeviceSetMigMode)(gpu(), 1, &activation), NVML_SUCCESS);
  EXPECT_EQ(activation, NVML_SUCCESS);
  EXPECT_EQ(own_nodes(), open) << "each once, as before";
  EXPECT_EQ(control()->reset_gpu(0), NVML_SUCCESS);
}

// klueska in k8s-device-plugin#299: clients may stay while the configuration changes.
TEST_F(Clients, AnotherClientHindersNoInstance) {
  start_on({"a100-sxm4-40gb"}, true);
  another_client();
  init();
  const nvmlGpuInstance_t gi = create_gi(9);
  const nvmlComputeInstance_t ci = create_ci(gi, NVML_COMPUTE_INSTANCE_PROFILE_3_SLICE);
  EXPECT_EQ(NV(nvmlComputeInstanceDestroy)(ci), NVML_SUCCESS);
  EXPECT_EQ(NV(nvmlGpuInstanceDestroy)(gi), NVML_SUCCESS);
}

TEST_F(Clients, ADisplayIsActiveWhereTheBoardHasOutputs) {
  start_on({"rtx-pro-6000-maxq", "rtx-pro-6000-maxq"}, false);
  {
    Machine::Change change(*machine);
    change->gpus[0].graphics_mode = 1;
    set_service(machine->hardware(), *change, kDisplay, true);
    change.commit();
  }
  init();
  nvmlPciInfoExt_v1_t pci{};
  for (const unsigned index : {0U, 1U}) {
    nvmlEnableState_t active{};
    ASSERT_EQ(NV(nvmlDeviceGetDisplayActive)(gpu(index), &active), NVML_SUCCESS);
    EXPECT_EQ(active, index == 0 ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED);
    pci.version = nvmlPciInfoExt_v1;
    ASSERT_EQ(NV(nvmlDeviceGetPciInfoExt)(gpu(index), &pci), NVML_SUCCESS);
    EXPECT_EQ(pci.baseClass, 3U);
    EXPECT_EQ(pci.subClass, index == 0 ? 0U : 2U);
  }
  EXPECT_EQ(NV(nvmlDeviceGetDisplayActive)(gpu(), nullptr), NVML_ERROR_INVALID_ARGUMENT);
}

TEST_F(Clients, ADisplayIsAmongTheGraphicsProcessesOfTheWholeGpu) {
  start_on({"rtx-pro-6000-maxq"}, true);
  {
    Machine::Change change(*machine);
    set_service(machine->hardware(), *change, kDisplay, true);
    change.commit();
  }
  init();
  unsigned count = 4;
  nvmlProcessInfo_t infos[4];
  ASSERT_EQ(NV(nvmlDeviceGetGraphicsRunningProcesses_v3)(gpu(), &count, infos), NVML_SUCCESS);
  ASSERT_EQ(count, 1U);
  EXPECT_EQ(infos[0].pid, service_pid(kDisplay));
  EXPECT_EQ(infos[0].usedGpuMemory, kServices[kDisplay].display_bytes);
  EXPECT_EQ(infos[0].gpuInstanceId, 0xFFFFFFFFU);
  char name[64];
  ASSERT_EQ(NV(nvmlSystemGetProcessName)(infos[0].pid, name, sizeof(name)), NVML_SUCCESS);
  EXPECT_STREQ(name, "/usr/lib/xorg/Xorg");
  count = 4;
  ASSERT_EQ(NV(nvmlDeviceGetComputeRunningProcesses_v3)(gpu(), &count, infos), NVML_SUCCESS);
  EXPECT_EQ(count, 0U);
  nvmlGpuInstance_t instance = nullptr;
  EXPECT_EQ(NV(nvmlDeviceCreateGpuInstance)(gpu(), 14, &instance), NVML_ERROR_IN_USE);
}

// A display draws on the whole GPU and is on no instance, though listed beside their processes.
TEST_F(Clients, ADisplayIsOnNoInstance) {
  start_on({"rtx-pro-6000-maxq"}, true);
  {
    Machine::Change change(*machine);
    const GpuRef whole{machine->hardware(), *change, 0};
    const GiProfile* profile = find_gi_profile_by_id(whole.board(), 14);
    ASSERT_NE(profile, nullptr);
    std::uint32_t gi = kNone;
    std::uint32_t ci = kNone;
    ASSERT_EQ(migsim::create_gi(whole, *profile, {}, gi), 0);
    ASSERT_EQ(
        migsim::create_ci(whole, gi, profile->ci_profiles[profile->ci_profile_count - 1], {}, ci),
        0);
    set_service(machine->hardware(), *change, kDisplay, true);
    change.commit();
  }
  init();
  nvmlProcessInfo_t infos[4];
  unsigned count = 4;
  ASSERT_EQ(NV(nvmlDeviceGetGraphicsRunningProcesses_v3)(gpu(), &count, infos), NVML_SUCCESS);
  EXPECT_EQ(count, 1U);
  count = 4;
  ASSERT_EQ(NV(nvmlDeviceGetGraphicsRunningProcesses_v3)(mig(0), &count, infos), NVML_SUCCESS);
  EXPECT_EQ(count, 0U);
}

// A user who may not see a GPU's instances does not see their processes either.
TEST_F(Clients, OthersSeeNoProcessesOfAMigGpu) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to become another user";
  }
  start_on({"a100-sxm4-40gb", "a100-sxm4-40gb"}, false);
  {
    Machine::Change change(*machine);
    int activation = 0;
    ASSERT_EQ(set_mig_mode({machine->hardware(), *change, 0}, 1, activation), NVML_SUCCESS);
    change.commit();
  }
  init();
  const auto asked = [&](unsigned index) {
    unsigned count = 0;
    return NV(nvmlDeviceGetComputeRunningProcesses_v3)(gpu(index), &count, nullptr);
  };
  EXPECT_EQ(asked(0), NVML_SUCCESS);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool right =
        ::setuid(65534) == 0 && asked(0) == NVML_ERROR_NO_PERMISSION && asked(1) == NVML_SUCCESS;
    ::_exit(right ? 0 : 1);
  }
  int how = 0;
  ASSERT_EQ(::waitpid(child, &how, 0), child);
  EXPECT_EQ(how, 0);
}

// A process that has an instance's capability node open and does nothing else with the instance.
TEST_F(Clients, WhoHasAnInstancesNodeOpenKeepsIt) {
  start_on({"a100-sxm4-40gb"}, true);
  init();
  const nvmlGpuInstance_t gi = create_gi(9);
  const nvmlComputeInstance_t ci = create_ci(gi, NVML_COMPUTE_INSTANCE_PROFILE_3_SLICE);
  const auto node_of = [&](const std::string& what) {
    std::ifstream access(dir.path() + "/tree/proc/driver/nvidia/capabilities/gpu0/mig/" + what +
                         "/access");
    std::string word;
    std::string number;
    access >> word >> number;
    return dir.path() + "/tree/dev/nvidia-caps/nvidia-cap" + number;
  };
  nvmlGpuInstanceInfo_t info{};
  ASSERT_EQ(NV(nvmlGpuInstanceGetInfo)(gi, &info), NVML_SUCCESS);
  const std::string place = "gi" + std::to_string(info.id);
  holder_of(node_of(place + "/ci0"));
  EXPECT_EQ(NV(nvmlComputeInstanceDestroy)(ci), NVML_ERROR_IN_USE);
  end_other();
  EXPECT_EQ(NV(nvmlComputeInstanceDestroy)(ci), NVML_SUCCESS);
  holder_of(node_of(place));
  EXPECT_EQ(NV(nvmlGpuInstanceDestroy)(gi), NVML_ERROR_IN_USE);
  end_other();
  EXPECT_EQ(NV(nvmlGpuInstanceDestroy)(gi), NVML_SUCCESS);
}

}  // namespace
}  // namespace migsim::testing

// SPDX-License-Identifier: Apache-2.0
#include "sim/tree/tree.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "sim/gpus/board.h"
#include "sim/machine/services.h"
#include "sim/tree/static_part.h"
#include "sim/tree/sys_part.h"

namespace fs = std::filesystem;

namespace migsim {
namespace {

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class Tree : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/migsim-tree-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    dir = folder;
    auto hardware = std::make_unique<Hardware>();
    auto state = std::make_unique<State>();
    hardware->gpu_count = 1;
    hardware->board_count = 1;
    std::string error;
    ASSERT_TRUE(load_board(builtin_board("h200-141gb"), hardware->boards[0], error)) << error;
    state->gpus[0].pci_bus = 0x10;
    std::strcpy(state->gpus[0].uuid, "GPU-9c3469f8-18d9-fbb9-2578-4e38e4446db4");
    std::strcpy(state->options.driver_version, "580.159.04");
    ASSERT_EQ(Machine::create(dir.string(), *hardware, *state).error, "");
    Status status;
    machine = Machine::open(dir.string(), status);
    ASSERT_NE(machine, nullptr) << status.error;
    sync();
  }

  void TearDown() override { fs::remove_all(dir); }

  void sync() { ASSERT_EQ(sync_tree(*machine).error, ""); }

  void set_instance(std::uint32_t gi, std::uint32_t ci, std::uint32_t used) {
    Machine::Change change(*machine);
    change->gpus[0].gis[gi].used = used;
    change->gpus[0].gis[gi].cis[ci].used = used;
    change.commit();
  }

  fs::path at(const char* path) const { return dir / "tree" / path; }

  fs::path dir;
  std::unique_ptr<Machine> machine;
};

TEST_F(Tree, ShowsTheDriverAndTheDevice) {
  EXPECT_NE(read(at("proc/driver/nvidia/version")).find("x86_64  580.159.04  Release"),
            std::string::npos);
  EXPECT_NE(read(at("proc/modules")).find("\nnvidia "), std::string::npos);
  EXPECT_EQ(read(at("sys/bus/pci/devices/0000:10:00.0/vendor")), "0x10de\n");
  EXPECT_EQ(read(at("sys/bus/pci/devices/0000:10:00.0/device")), "0x2335\n");
  EXPECT_EQ(read(at("sys/bus/pci/devices/0000:10:00.0/class")), "0x030200\n");
  EXPECT_EQ(read(at("sys/bus/pci/devices/0000:10:00.0/config")).substr(0, 4), "\xde\x10\x35\x23");
  EXPECT_NE(read(at("proc/driver/nvidia/gpus/0000:10:00.0/information"))
                .find("GPU UUID: \t GPU-9c3469f8"),
            std::string::npos);
  EXPECT_TRUE(fs::exists(at("dev/nvidia0")));
}

TEST_F(Tree, DevicesAreLinksAsInTheKernelsTree) {
  const fs::path device = at("sys/bus/pci/devices/0000:10:00.0");
  EXPECT_EQ(fs::read_symlink(device), "../../../devices/pci0000:10/0000:10:00.0");
  EXPECT_EQ(fs::canonical(device / "driver"), fs::canonical(at("sys/bus/pci/drivers/nvidia")));
  EXPECT_EQ(fs::canonical(device / "subsystem"), fs::canonical(at("sys/bus/pci")));
  EXPECT_EQ(fs::canonical(at("sys/bus/pci/drivers/nvidia/0000:10:00.0")), fs::canonical(device));
  EXPECT_EQ(fs::canonical(at("sys/bus/pci/drivers/nvidia/module")),
            fs::canonical(at("sys/module/nvidia")));
  EXPECT_EQ(read(device / "uevent"),
            "DRIVER=nvidia\nPCI_CLASS=30200\nPCI_ID=10DE:2335\nPCI_SUBSYS_ID=10DE:18BF\n"
            "PCI_SLOT_NAME=0000:10:00.0\n"
            "MODALIAS=pci:v000010DEd00002335sv000010DEsd000018BFbc03sc02i00\n");
  EXPECT_EQ(read(device / "current_link_speed"), "32.0 GT/s PCIe\n");
  EXPECT_EQ(read(device / "max_link_width"), "16\n");
}

TEST_F(Tree, TheModuleSaysTheDriversVersion) {
  EXPECT_EQ(read(at("sys/module/nvidia/version")), "580.159.04\n");
  EXPECT_EQ(read(at("sys/module/nvidia_uvm/version")), "580.159.04\n");
  EXPECT_EQ(fs::canonical(at("sys/module/nvidia/holders/nvidia_uvm")),
            fs::canonical(at("sys/module/nvidia_uvm")));
}

// Version 2 of the tree had a folder where the device's link is now.
TEST_F(Tree, AnOlderTreeIsMadeAnew) {
  const fs::path device = at("sys/bus/pci/devices/0000:10:00.0");
  fs::remove(device);
  fs::create_directories(device);
  std::ofstream(device / "vendor") << "old";
  std::ofstream(at(".new")) << "2\n";
  fs::rename(at(".new"), at(".version"));
  sync();
  EXPECT_TRUE(fs::is_symlink(device));
  EXPECT_EQ(read(device / "vendor"), "0x10de\n");
}

TEST(CpuMask, AsTheKernelWritesIt) {
  EXPECT_EQ(cpu_mask("0"), "1");
  EXPECT_EQ(cpu_mask("0-3,8"), "10f");
  EXPECT_EQ(cpu_mask("32-33"), "3,00000000");
  EXPECT_EQ(cpu_mask("0-63"), "ffffffff,ffffffff");
  EXPECT_EQ(cpu_mask(""), "");
  for (const char* nonsense : {"x", "3-1", "1-", "0-99999", "1 2"}) {
    EXPECT_EQ(cpu_mask(nonsense), "") << nonsense;
  }
}

// H200, 580.159.04: the real file has 4322 lines; first and last are compared.
TEST_F(Tree, MinorsAreTheKernelsTable) {
  const std::string minors = read(at("proc/driver/nvidia-caps/mig-minors"));
  EXPECT_TRUE(
      minors.starts_with("config 1\nmonitor 2\ngpu0/gi0/access 3\ngpu0/gi0/ci0/access 4\n"));
  EXPECT_TRUE(minors.ends_with("gpu31/gi14/ci7/access 4322\n"));
  EXPECT_EQ(std::count(minors.begin(), minors.end(), '\n'), 4322);
  EXPECT_EQ(read(at("proc/driver/nvidia/capabilities/mig/config")),
            "DeviceFileMinor: 1\nDeviceFileMode: 256\nDeviceFileModify: 1\n");
}

TEST_F(Tree, InstancesComeAndGo) {
  const char* access = "proc/driver/nvidia/capabilities/gpu0/mig/gi9/ci0/access";
  set_instance(9, 0, 1);
  sync();
  EXPECT_EQ(read(at(access)), capability_text(85, 0444));
  EXPECT_EQ(ci_cap_minor(0, 9, 0), 85U);
  EXPECT_TRUE(fs::exists(at("dev/nvidia-caps/nvidia-cap84")));
  EXPECT_TRUE(fs::exists(at("dev/nvidia-caps/nvidia-cap85")));
  set_instance(9, 0, 0);
  sync();
  EXPECT_FALSE(fs::exists(at("proc/driver/nvidia/capabilities/gpu0")));
  EXPECT_FALSE(fs::exists(at("dev/nvidia-caps/nvidia-cap84")));
  EXPECT_TRUE(fs::exists(at("dev/nvidia-caps/nvidia-cap1")));
}

TEST_F(Tree, NothingIsWrittenWhenNothingChanged) {
  struct stat before {};

  struct stat after {};

  set_instance(9, 0, 1);
  sync();
  ASSERT_EQ(stat(at("dev/nvidia-caps").c_str(), &before), 0);
  sync();
  ASSERT_EQ(stat(at("dev/nvidia-caps").c_str(), &after), 0);
  EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

// A killed caller leaves no .layout and possibly half an instance.
TEST_F(Tree, HalfDoneWorkIsMadeGood) {
  set_instance(9, 0, 1);
  sync();
  fs::remove(at(".layout"));
  fs::remove_all(at("dev/nvidia-caps/nvidia-cap85"));
  fs::create_directories(at("proc/driver/nvidia/capabilities/gpu0/mig/gi3/ci1"));
  std::ofstream(at("dev/nvidia-caps/.new-nvidia-cap85")) << "half";
  sync();
  EXPECT_TRUE(fs::exists(at("dev/nvidia-caps/nvidia-cap85")));
  EXPECT_FALSE(fs::exists(at("proc/driver/nvidia/capabilities/gpu0/mig/gi3")));
}

TEST_F(Tree, FollowsNoLink) {
  const fs::path outside = dir / "outside";
  fs::create_directories(outside / "ci0");
  std::ofstream(outside / "access") << "mine";
  const fs::path mig = at("proc/driver/nvidia/capabilities/gpu0/mig");
  fs::create_directories(mig);
  fs::create_directory_symlink(outside, mig / "gi9");
  set_instance(8, 0, 1);  // gi9 must go: the link is removed, not its target
  sync();
  EXPECT_FALSE(fs::is_symlink(mig / "gi9"));
  EXPECT_EQ(read(outside / "access"), "mine");
  fs::create_directory_symlink(outside, mig / "gi10");
  set_instance(10, 0, 1);  // gi10 must be made: not through the link
  EXPECT_NE(sync_tree(*machine).error, "");
  EXPECT_EQ(read(outside / "access"), "mine");
}

TEST_F(Tree, ManyCallersAgree) {
  std::vector<std::thread> callers;
  for (std::uint32_t t = 0; t < 4; ++t) {
    callers.emplace_back([this, t] {
      for (int round = 0; round < 20; ++round) {
        set_instance(7 + t, 0, round % 2 == 0 ? 1 : 0);
        EXPECT_EQ(sync_tree(*machine).error, "");
      }
      set_instance(7 + t, 0, t % 2);
      EXPECT_EQ(sync_tree(*machine).error, "");
    });
  }
  for (std::thread& caller : callers) {
    caller.join();
  }
  EXPECT_FALSE(fs::exists(at("proc/driver/nvidia/capabilities/gpu0/mig/gi7")));
  EXPECT_TRUE(fs::exists(at("proc/driver/nvidia/capabilities/gpu0/mig/gi8/ci0/access")));
  EXPECT_FALSE(fs::exists(at("proc/driver/nvidia/capabilities/gpu0/mig/gi9")));
  EXPECT_TRUE(fs::exists(at("proc/driver/nvidia/capabilities/gpu0/mig/gi10/ci0/access")));
}

// Files that `lsof` and `migctl holders` read of a process that has a GPU open.
TEST_F(Tree, ServicesShowAsProcessesWhileTheyRun) {
  const fs::path proc = dir / "tree/proc";
  const fs::path dcgm = proc / std::to_string(service_pid(kDcgm));
  const fs::path daemon = proc / std::to_string(service_pid(kPersistenced));
  const auto set = [&](std::uint32_t service, bool on) {
    {
      Machine::Change change(*machine);
      set_service(machine->hardware(), *change, service, on);
      change.commit();
    }
    sync();
  };
  EXPECT_FALSE(fs::exists(dcgm));
  set(kDcgm, true);
  EXPECT_EQ(read(dcgm / "comm"), "nv-hostengine\n");
  EXPECT_EQ(read(dcgm / "cgroup"), "0::/system.slice/nvidia-dcgm.service\n");
  EXPECT_TRUE(fs::equivalent(dcgm / "fd/4", dir / "tree/dev/nvidia0"));
  set(kPersistenced, true);
  EXPECT_TRUE(fs::exists(daemon / "fd/4"));
  {
    Machine::Change change(*machine);
    change->gpus[0].persistence = 0;
    change.commit();
  }
  sync();
  EXPECT_TRUE(fs::exists(daemon / "fd/3")) << "it runs on";
  EXPECT_FALSE(fs::is_symlink(daemon / "fd/4")) << "and has let go of the GPU";
  set(kDcgm, false);
  EXPECT_FALSE(fs::exists(dcgm));
  EXPECT_EQ(read(proc / "modules").find("nvidia_drm"), std::string::npos);
  set(kDrm, true);
  EXPECT_EQ(read(proc / "modules").rfind("nvidia_drm 135168 1 ", 0), 0U);
  set(kDrm, false);
  EXPECT_EQ(read(proc / "modules").find("nvidia_drm"), std::string::npos);
}

}  // namespace
}  // namespace migsim

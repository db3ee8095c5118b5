// SPDX-License-Identifier: Apache-2.0
// Holders by the device nodes that they have open.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "holders/holders.h"
#include "holders/process_facts.h"
#include "holders/test_processes.h"

namespace mig::holders {
namespace {

TEST_F(HoldersTest, CapabilityNodeNamesTheInstance) {
  process(4121,
          "python",
          {"nvidia0", "nvidiactl", "nvidia-caps/nvidia-cap31"},
          "0::/system.slice/slurmstepd.scope/job_17/step_0\n");
  const Report report = find();
  ASSERT_EQ(report.holders.size(), 2U);  // the GPU node, and the instance
  const Holder& on_gpu = report.holders[0];
  EXPECT_FALSE(on_gpu.gpu_instance.has_value());
  EXPECT_EQ(on_gpu.stops, Stops::kReset);
  const Holder& on_instance = report.holders[1];
  EXPECT_EQ(on_instance.gpu_instance, GpuInstanceId{3});
  EXPECT_EQ(on_instance.compute_instance, ComputeInstanceId{0});
  EXPECT_EQ(on_instance.stops, Stops::kDestroy);
  EXPECT_EQ(on_instance.start_ticks, 41210U);
  EXPECT_NE(on_instance.str().find("pid 4121 (python"), std::string::npos);
  EXPECT_NE(on_instance.str().find("Slurm job 17) on GPU 0 gi=3 ci=0"), std::string::npos)
      << on_instance.str();
}

// The table of all minors is slow to read on a real driver (5.5 ms), and not needed for these.
TEST_F(HoldersTest, NodesOfExistingCapabilitiesNeedNoTableOfAllMinors) {
  std::filesystem::remove(root_ + "/proc/driver/nvidia-caps/mig-minors");
  const std::string folder = "/proc/driver/nvidia/capabilities/gpu0/mig/gi5/ci1";
  std::filesystem::create_directories(root_ + folder);
  write(folder + "/access", "DeviceFileMinor: 49\nDeviceFileMode: 292\nDeviceFileModify: 1\n");
  std::filesystem::create_directories(root_ + "/dev/nvidia-caps");
  write("/dev/nvidia-caps/nvidia-cap49", "");
  process(9, "train", {"nvidia-caps/nvidia-cap49"});
  const Report report = find();
  ASSERT_EQ(report.holders.size(), 1U);
  EXPECT_EQ(report.holders[0].gpu_instance, GpuInstanceId{5});
  EXPECT_EQ(report.holders[0].compute_instance, ComputeInstanceId{1});
}

// A node that outlived its instance is in that table only.
TEST_F(HoldersTest, ANodeLeftBehindIsFoundInTheTableOfAllMinors) {
  std::filesystem::create_directories(root_ + "/proc/driver/nvidia/capabilities/mig");
  write("/proc/driver/nvidia/capabilities/mig/config", "DeviceFileMinor: 1\n");
  std::filesystem::create_directories(root_ + "/dev/nvidia-caps");
  write("/dev/nvidia-caps/nvidia-cap1", "");
  write("/dev/nvidia-caps/nvidia-cap30", "");
  process(9, "train", {"nvidia-caps/nvidia-cap30"});
  const Report report = find();
  ASSERT_EQ(report.holders.size(), 1U);
  EXPECT_EQ(report.holders[0].gpu_instance, GpuInstanceId{3});
}

// A container's /dev has its own nodes under other names: a node is identified by its device
// number, not by its path.
TEST_F(HoldersTest, AnInstanceIsKnownUnderAnotherName) {
  std::filesystem::create_directories(root_ + "/dev/nvidia-caps");
  std::filesystem::create_directories(root_ + "/elsewhere");
  write("/dev/nvidia-caps/nvidia-cap30", "");
  write("/elsewhere/nvidia-cap30", "not that one");
  for (const char* name : {"/elsewhere/nvidia-mine", "/elsewhere/data.bin"}) {
    std::filesystem::create_hard_link(root_ + "/dev/nvidia-caps/nvidia-cap30", root_ + name);
  }
  process(21, "guest", {"../elsewhere/nvidia-mine"});
  process(22, "other", {"../elsewhere/nvidia-cap30"});
  process(23, "hidden", {"../elsewhere/data.bin"});
  const Report report = find();
  ASSERT_EQ(report.holders.size(), 2U);
  EXPECT_EQ(report.holders[0].pid, 21U);
  EXPECT_EQ(report.holders[1].pid, 23U) << "a user can bind a node to any name";
  for (const Holder& holder : report.holders) {
    EXPECT_EQ(holder.gpu_instance, GpuInstanceId{3});
    EXPECT_EQ(holder.evidence.at(0), root_ + "/dev/nvidia-caps/nvidia-cap30");
  }
}

// The daemon's guard looks at nodes so: it opens no device, and must not stand in a change's way.
TEST_F(HoldersTest, ADescriptorThatOnlyNamesANodeHoldsNothing) {
  process(41, "migd", {"nvidia-caps/nvidia-cap31"});
  process(42, "train", {"nvidia-caps/nvidia-cap31"});
  std::filesystem::create_directories(root_ + "/proc/41/fdinfo");
  std::filesystem::create_directories(root_ + "/proc/42/fdinfo");
  write("/proc/41/fdinfo/3", "pos:\t0\nflags:\t012600000\nmnt_id:\t29\n");
  write("/proc/42/fdinfo/3", "pos:\t0\nflags:\t0100002\nmnt_id:\t29\n");
  const Report report = find();
  ASSERT_EQ(report.holders.size(), 1U);
  EXPECT_EQ(report.holders[0].pid, 42U);
}

// The guard goes from node to node by one descriptor's number, faster than a search may look at it.
TEST_F(HoldersTest, WhoGoesThroughTheNodesByNameHoldsNone) {
  process(43, "migd", {});
  std::filesystem::create_directories(root_ + "/dev/nvidia-caps");
  std::string minors;
  std::vector<std::string> nodes;
  for (int gi = 0; gi < 64; ++gi) {
    const std::string cap = std::to_string(100 + gi);
    minors += "gpu0/gi" + std::to_string(gi) + "/access " + cap + "\n";
    write("/dev/nvidia-caps/nvidia-cap" + cap, "");
    nodes.push_back(root_ + "/dev/nvidia-caps/nvidia-cap" + cap);
  }
  write("/proc/driver/nvidia-caps/mig-minors", minors);
  const pid_t guard = ::fork();
  ASSERT_GE(guard, 0);
  if (guard == 0) {
    ::alarm(120);  // ends it, should the test be killed
    constexpr int kNumber = 200;
    for (;;) {
      for (const std::string& node : nodes) {
        const int fd = ::open(node.c_str(), O_PATH | O_CLOEXEC);
        ::dup2(fd, kNumber);
        ::close(fd);
      }
    }
  }
  const std::string folder = "/proc/" + std::to_string(guard);
  std::filesystem::remove_all(root_ + "/proc/43/fd");
  std::filesystem::create_directory_symlink(folder + "/fd", root_ + "/proc/43/fd");
  Report report;
  for (int search = 0; search < 200 && report.holders.empty(); ++search) {
    report = find();
  }
  ::kill(guard, SIGKILL);
  ::waitpid(guard, nullptr, 0);
  EXPECT_TRUE(report.holders.empty()) << report.holders[0].evidence.at(0);
}

TEST_F(HoldersTest, OpenNodesAloneLeaveTheDriversListsOut) {
  process(7, "train", {"nvidia-caps/nvidia-cap31"});
  Process ended;
  ended.pid = 8;
  ended.gpu_instance = GpuInstanceId{3};
  inventory_.gpus[0].processes.push_back(ended);
  const auto report =
      find_open_nodes(inventory_, {root_ + "/proc", root_ + "/proc", root_ + "/dev"});
  ASSERT_TRUE(report);
  ASSERT_EQ(report->holders.size(), 1U);
  EXPECT_EQ(report->holders[0].pid, 7U);
}

// Nodes of a container are separate inodes: a character device is identified by its numbers, a
// regular file by its inode.
TEST_F(HoldersTest, ACharacterDeviceIsTheSameUnderAnyInode) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to make device nodes";
  }
  std::filesystem::create_directories(root_ + "/dev/nvidia-caps");
  std::filesystem::create_directories(root_ + "/container/dev");
  const auto node = [&](const std::string& path, unsigned minor) {
    // major of /dev/null's driver: these nodes lead to no GPU
    return ::mknod((root_ + path).c_str(), S_IFCHR | 0600, makedev(1, minor)) == 0;
  };
  if (!node("/dev/nvidia-caps/nvidia-cap30", 3) || !node("/container/dev/nvidia-cap7", 3) ||
      !node("/container/dev/nvidia-cap8", 5)) {
    GTEST_SKIP() << "no device nodes can be made here";
  }
  process(81, "guest", {"../container/dev/nvidia-cap7"});
  process(82, "other", {"../container/dev/nvidia-cap8"});
  const Report report = find();
  ASSERT_EQ(report.holders.size(), 1U);
  EXPECT_EQ(report.holders[0].pid, 81U);
  EXPECT_EQ(report.holders[0].gpu_instance, GpuInstanceId{3});
}

// A container may have an unrelated file at a node's path: the path alone is not evidence. Here the
// file is opened by a path that means another file outside of the container.
TEST_F(HoldersTest, AForeignFileAtANodesPathIsNotTheNode) {
  std::filesystem::create_directories(root_ + "/dev");
  write("/dev/nvidia0", "");
  process(7, "guest", {});
  std::filesystem::create_directories(root_ + "/proc/7/fd/dev");
  write("/proc/7/fd/dev/nvidia0", "not that one");
  std::filesystem::create_symlink("dev/nvidia0", root_ + "/proc/7/fd/3");
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(root_);
  const auto foreign = find_open_nodes(inventory_, {"proc", "proc", "dev"});
  std::filesystem::remove(root_ + "/proc/7/fd/dev/nvidia0");
  const auto gone = find_open_nodes(inventory_, {"proc", "proc", "dev"});
  std::filesystem::current_path(before);
  ASSERT_TRUE(foreign);
  EXPECT_TRUE(foreign->holders.empty());
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->holders.size(), 1U) << "what cannot be looked at has still its name";
}

}  // namespace
}  // namespace mig::holders

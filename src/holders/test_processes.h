// SPDX-License-Identifier: Apache-2.0
// A /proc, nodes and control groups of a test's own, with processes in them.
#ifndef MIGCTL_HOLDERS_TEST_PROCESSES_H_
#define MIGCTL_HOLDERS_TEST_PROCESSES_H_

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "holders/holders.h"

namespace mig::holders {

class HoldersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "holdersXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    std::filesystem::create_directories(root_ + "/proc/driver/nvidia-caps");
    write("/proc/driver/nvidia-caps/mig-minors",
          "config 1\nmonitor 2\ngpu0/gi3/access 30\ngpu0/gi3/ci0/access 31\n");
    Gpu gpu;
    gpu.index = GpuIndex{0};
    gpu.minor = 0;
    inventory_.gpus.push_back(gpu);
  }

  void TearDown() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    std::ofstream(root_ + path) << text;
  }

  void process(int pid,
               const std::string& comm,
               const std::vector<std::string>& nodes,
               const std::string& cgroup = "0::/\n",
               const std::string& uids = "0\t0\t0\t0") {
    const std::string folder = "/proc/" + std::to_string(pid);
    std::filesystem::create_directories(root_ + folder + "/fd");
    write(folder + "/comm", comm + "\n");
    write(folder + "/cgroup", cgroup);
    write(folder + "/status",
          "Name:\t" + comm + "\nUmask:\t0022\nUid:\t" + uids + "\nGid:\t0\t0\t0\t0\n");
    write(folder + "/stat",
          std::to_string(pid) + " (a) b) S 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 " +
              std::to_string(pid * 10) + " 0 0");
    int fd = 3;
    for (const std::string& node : nodes) {
      std::filesystem::create_symlink(root_ + "/dev/" + node,
                                      root_ + folder + "/fd/" + std::to_string(fd++));
    }
  }

  Report find() {
    auto report = find_holders(inventory_, {root_ + "/proc", root_ + "/proc", root_ + "/dev"});
    EXPECT_TRUE(report) << report.error().text();
    return report ? *report : Report{};
  }

  std::string root_;
  Inventory inventory_;
};

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_TEST_PROCESSES_H_

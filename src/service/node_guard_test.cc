// SPDX-License-Identifier: Apache-2.0
// The device guard on folders that it must not be led out of.
#include "service/node_guard.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

namespace mig::service {
namespace {

namespace fs = std::filesystem;

class NodeGuardTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "guardXXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    fs::create_directories(root_ + "/dev/nvidia-caps");
    fs::create_directories(root_ + "/proc/driver/nvidia-caps");
    write("/proc/driver/nvidia-caps/mig-minors",
          "config 1\nmonitor 2\ngpu0/gi7/access 30\ngpu0/gi7/ci0/access 31\n");
    for (const char* node : {"1", "2", "30"}) {
      write(std::string("/dev/nvidia-caps/nvidia-cap") + node, "");
    }
    write("/precious", "");
  }

  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    std::ofstream(root_ + path) << text;
    ::chmod((root_ + path).c_str(), 0444);
  }

  mode_t mode(const std::string& path) const {
    struct stat info {};

    return ::stat((root_ + path).c_str(), &info) == 0 ? info.st_mode & 0777U : 0;
  }

  NodeGuard guard() const { return NodeGuard({root_ + "/dev", root_ + "/proc"}); }

  std::string root_;
};

TEST_F(NodeGuardTest, ANodeOfNoInstanceIsClosedAndThoseOfTheDriverAreLeft) {
  const auto kept = guard().keep({}, {});
  if (!kept && kept.error().code == ErrorCode::kNotSupported) {
    GTEST_SKIP() << kept.error().text();
  }
  ASSERT_TRUE(kept) << kept.error().text();
  EXPECT_EQ(mode("/dev/nvidia-caps/nvidia-cap30"), 0400U);
  EXPECT_EQ(mode("/dev/nvidia-caps/nvidia-cap1"), 0444U);
  EXPECT_EQ(mode("/dev/nvidia-caps/nvidia-cap2"), 0444U);
  ASSERT_TRUE(guard().open_all());
  EXPECT_EQ(mode("/dev/nvidia-caps/nvidia-cap30"), 0444U);
}

// nvidia-modprobe, which any user can run, would open them again, and make what is missing with
// mode 0444.
TEST_F(NodeGuardTest, TheDriversHelperIsKeptOffAndAMissingNodeIsBornClosed) {
  const std::string gi = "/proc/driver/nvidia/capabilities/gpu0/mig/gi7";
  fs::create_directories(root_ + gi + "/ci0");
  const auto text = [](int minor, int modify, bool first) {
    const std::string line = "DeviceFileModify: " + std::to_string(modify) + "\n";
    const std::string rest =
        "DeviceFileMinor: " + std::to_string(minor) + "\nDeviceFileMode: 292\n";
    return first ? line + rest : rest + line;
  };
  const auto read = [&](const std::string& path) {
    std::ifstream file(root_ + path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  write(gi + "/access", text(30, 1, false));
  write(gi + "/ci0/access", text(31, 1, false));
  write("/proc/devices", "Character devices:\n  1 nvidia-caps\n195 nvidia\n\nBlock devices:\n");
  write("/proc/driver/nvidia/params", "RmLogonRC: 1\nModifyDeviceFiles: 1\n");
  const std::string node = root_ + "/dev/nvidia-caps/nvidia-cap31";
  if (::geteuid() != 0 || ::mknod(node.c_str(), S_IFCHR | 0400, makedev(1, 31)) != 0) {
    GTEST_SKIP() << "needs root, and device nodes";
  }
  ::unlink(node.c_str());
  Inventory now;
  Gpu gpu;
  gpu.minor = 0;
  GpuInstance instance;
  instance.id = GpuInstanceId{7};
  ComputeInstance compute;
  compute.id = ComputeInstanceId{0};
  compute.uuid = "MIG-7";
  instance.compute_instances.push_back(compute);
  gpu.instances.push_back(instance);
  now.gpus.push_back(gpu);

  const auto kept = guard().keep(now, {});
  if (!kept && kept.error().code == ErrorCode::kNotSupported) {
    GTEST_SKIP() << kept.error().text();
  }
  ASSERT_TRUE(kept) << kept.error().text();
  EXPECT_EQ(read(gi + "/access"), text(30, 0, true));
  EXPECT_EQ(read(gi + "/ci0/access"), text(31, 0, true));
  EXPECT_EQ(mode("/dev/nvidia-caps/nvidia-cap30"), 0400U);

  struct stat info {};

  ASSERT_EQ(::stat(node.c_str(), &info), 0);
  EXPECT_TRUE(S_ISCHR(info.st_mode));
  EXPECT_EQ(info.st_rdev, makedev(1, 31));
  EXPECT_EQ(info.st_mode & 0777U, 0400U);

  ASSERT_TRUE(guard().open_all());
  EXPECT_EQ(read(gi + "/access"), text(30, 1, true));
  EXPECT_EQ(mode("/dev/nvidia-caps/nvidia-cap31"), 0444U);

  // Where the module parameter keeps the helper off, so it stays.
  ASSERT_TRUE(guard().keep(now, {}));
  ::chmod((root_ + "/proc/driver/nvidia/params").c_str(), 0644);
  write("/proc/driver/nvidia/params", "RmLogonRC: 1\nModifyDeviceFiles: 0\n");
  ASSERT_TRUE(guard().open_all());
  EXPECT_EQ(read(gi + "/access"), text(30, 0, true));

  // What cannot be made is left to the helper: an instance without a node has no users.
  ::unlink(node.c_str());
  ::chmod((root_ + "/proc/devices").c_str(), 0644);
  write("/proc/devices", "Character devices:\n195 nvidia\n");
  ASSERT_TRUE(guard().keep(now, {}));
  EXPECT_EQ(read(gi + "/access"), text(30, 0, true));
  EXPECT_EQ(read(gi + "/ci0/access"), text(31, 1, true));
}

TEST_F(NodeGuardTest, ALinkIsNotFollowed) {
  fs::create_symlink(root_ + "/precious", root_ + "/dev/nvidia-caps/nvidia-cap31");
  EXPECT_EQ(guard().keep({}, {}).error().code, ErrorCode::kPermission);
  EXPECT_EQ(mode("/precious"), 0444U);
}

TEST_F(NodeGuardTest, AFileWithASecondNameIsNotTouched) {
  fs::create_hard_link(root_ + "/precious", root_ + "/dev/nvidia-caps/nvidia-cap31");
  EXPECT_EQ(guard().keep({}, {}).error().code, ErrorCode::kPermission);
  EXPECT_EQ(mode("/precious"), 0444U);
}

TEST_F(NodeGuardTest, AFolderThatIsALinkIsNotEntered) {
  fs::rename(root_ + "/dev/nvidia-caps", root_ + "/elsewhere");
  fs::create_directory_symlink(root_ + "/elsewhere", root_ + "/dev/nvidia-caps");
  EXPECT_FALSE(guard().keep({}, {}));
  EXPECT_EQ(mode("/elsewhere/nvidia-cap30"), 0444U);
}

TEST_F(NodeGuardTest, AMachineWithoutNodesNeedsNone) {
  fs::remove_all(root_ + "/dev/nvidia-caps");
  EXPECT_TRUE(guard().keep({}, {}));
  EXPECT_TRUE(guard().open_all());
  EXPECT_EQ(guard().nodes_changed(), 0);
}

}  // namespace
}  // namespace mig::service

// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "sim/tools/cmd_driver_root.h"
#include "sim/tools/create.h"

namespace fs = std::filesystem;

namespace migsim {
namespace {

std::string content_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class DriverRoot : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/migsim-root-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    top = folder;
    setenv("MIGSIM_ROOT", (top / "machines").c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    MachineSpec spec;
    spec.name = "lab";
    spec.gpus = "1x h200-141gb";
    std::string dir;
    const Problem problem = create_machine(spec, dir);
    ASSERT_TRUE(problem.ok()) << problem.message;
    fs::create_directory(top / "installed");
    std::ofstream(top / "installed/libnvidia-ml.so.1") << "the library";
    std::ofstream(top / "installed/migctl") << "the program";
  }

  void TearDown() override { fs::remove_all(top); }

  Problem make(const std::string& name = "lab", Nodes nodes = Nodes::kFiles) const {
    const SimPaths paths{(top / "installed").string(), (top / "installed/migctl").string()};
    return cmd_driver_root(name, (top / "root").string(), nodes, paths, true);
  }

  fs::path root(const char* path) const { return top / "root" / path; }

  fs::path top;
};

TEST_F(DriverRoot, HasTheFilesOfTheDriversPackages) {
  ASSERT_TRUE(make().ok());
  const fs::path libraries = root("usr/lib/x86_64-linux-gnu");
  EXPECT_EQ(content_of(libraries / "libnvidia-ml.so.1"), "the library");
  EXPECT_EQ(fs::read_symlink(libraries / "libnvidia-ml.so.1"), "libnvidia-ml.so.580.159.04");
  EXPECT_EQ(fs::read_symlink(libraries / "libcuda.so.1"), "libcuda.so.580.159.04");
  EXPECT_EQ(content_of(root("usr/bin/nvidia-smi")), "the program");
  EXPECT_EQ(fs::status(root("usr/bin/nvidia-smi")).permissions(), fs::perms(0755));
  EXPECT_FALSE(fs::exists(root("dev"))) << "without nodes tools look in /dev";
}

TEST_F(DriverRoot, MadeAgainIsBroughtUpToDate) {
  ASSERT_TRUE(make().ok());
  std::ofstream(root("usr/lib/x86_64-linux-gnu/libnvidia-ml.so.570.1")) << "of an older driver";
  std::ofstream(top / "installed/migctl") << "a newer program";
  ASSERT_TRUE(make().ok());
  EXPECT_EQ(content_of(root("usr/bin/nvidia-smi")), "a newer program");
  EXPECT_FALSE(fs::exists(root("usr/lib/x86_64-linux-gnu/libnvidia-ml.so.570.1")));
}

TEST_F(DriverRoot, AFolderOfSomethingElseIsLeftAlone) {
  fs::create_directories(root("usr"));
  EXPECT_EQ(make().code, Exit::kConflict);
  EXPECT_FALSE(fs::exists(root("usr/bin")));
}

TEST_F(DriverRoot, SaysWhatIsMissing) {
  EXPECT_EQ(make("other").code, Exit::kNotFound);
  EXPECT_FALSE(fs::exists(root("")));
  fs::remove(top / "installed/libnvidia-ml.so.1");
  const Problem problem = make();
  EXPECT_EQ(problem.code, Exit::kIo);
  EXPECT_NE(problem.message.find("libnvidia-ml.so.1"), std::string::npos) << problem.message;
}

TEST_F(DriverRoot, FollowsNoLinkOutOfTheFolder) {
  ASSERT_TRUE(make().ok());
  fs::remove_all(root("usr/bin"));
  fs::create_directory(top / "outside");
  fs::create_directory_symlink(top / "outside", root("usr/bin"));
  EXPECT_EQ(make().code, Exit::kIo);
  EXPECT_TRUE(fs::is_empty(top / "outside"));
}

TEST_F(DriverRoot, NodesHaveTheDriversNumbers) {
  const Problem problem = make("lab", Nodes::kCharacterDevices);
  if (geteuid() != 0) {
    EXPECT_EQ(problem.code, Exit::kPermission);
    return;
  }
  if (problem.code == Exit::kConflict) {
    GTEST_SKIP() << problem.message;
  }
  ASSERT_TRUE(problem.ok()) << problem.message;

  struct stat info {};

  ASSERT_EQ(stat(root("dev/nvidia-caps/nvidia-cap1").c_str(), &info), 0);
  EXPECT_TRUE(S_ISCHR(info.st_mode));
  EXPECT_EQ(info.st_mode & 0777U, 0400U);
  ASSERT_TRUE(make().ok());
  EXPECT_FALSE(fs::exists(root("dev"))) << "nodes of an earlier call would be untrue";
}

}  // namespace
}  // namespace migsim

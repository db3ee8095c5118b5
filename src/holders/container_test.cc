// SPDX-License-Identifier: Apache-2.0
#include "holders/container.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace mig::holders {
namespace {

namespace fs = std::filesystem;

const std::string kId(64, 'a');

// Folders as a cgroup hierarchy (v1) and /proc have them.
class ContainerFiles : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(root_); }

  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << text;
  }

  std::string at(const std::string& path) const { return (root_ / path).string(); }

  fs::path root_ = fs::temp_directory_path() / ("container_test." + std::to_string(::getpid()));
};

TEST(Container, CgroupsThatEnginesGet) {
  EXPECT_TRUE(is_containers_cgroup("/sys/fs/cgroup/migctl/node/containers-12"));
  EXPECT_TRUE(is_containers_cgroup("/x/migctl.slice/migctl-node.slice/migctl-node-lease12.slice"));
  EXPECT_FALSE(is_containers_cgroup("/sys/fs/cgroup/migctl/node/lease-12"));
  EXPECT_FALSE(is_containers_cgroup("/sys/fs/cgroup/user.slice"));
  EXPECT_FALSE(is_containers_cgroup(""));
}

TEST(Container, WhatAnEngineTakesAsTheParent) {
  EXPECT_EQ(engine_parent("/sys/fs/cgroup/freezer/migctl/node/containers-12"),
            "/migctl/node/containers-12");
  EXPECT_EQ(engine_parent("/sys/fs/cgroup/migctl.slice/migctl-n.slice/migctl-n-lease12.slice"),
            "migctl-n-lease12.slice");
}

TEST(Container, IdInTheNameOfACgroup) {
  for (const std::string& name :
       {kId, "libpod-" + kId, "docker-" + kId + ".scope", "libpod-" + kId + ".scope"}) {
    EXPECT_EQ(container_id(name), kId) << name;
  }
  for (const std::string& name :
       {std::string("conmon"), "libpod-conmon-" + kId + ".scope", kId.substr(1), std::string()}) {
    EXPECT_EQ(container_id(name), "") << name;
  }
}

TEST_F(ContainerFiles, TheMonitorIsNoMember) {
  write("lease/conmon/cgroup.procs", "7\n");
  write("lease/libpod-" + kId + "/cgroup.procs", "");
  EXPECT_EQ(container_cgroups(at("lease")), std::vector<std::string>{at("lease/libpod-" + kId)});
  EXPECT_FALSE(containers_live(at("lease")));
  write("lease/libpod-" + kId + "/init.scope/cgroup.procs", "8\n");
  EXPECT_TRUE(containers_live(at("lease"))) << "below the container's own cgroup";
  EXPECT_FALSE(containers_live(at("nothing")));
}

TEST_F(ContainerFiles, NameByTheMonitorsCommandLine) {
  const auto words = [](const std::string& name, const std::string& id) {
    const char end = '\0';
    return "/usr/bin/conmon" + (end + std::string("-c") + end) + id + end + "-n" + end + name + end;
  };
  write("proc/9/stat", "9 (train) S 8 9 9 0");
  write("proc/8/stat", "8 (sh) S 7 8 8 0");
  write("proc/7/stat", "7 (conmon) S 1 7 7 0");
  write("proc/7/cmdline", words("web\n", kId));
  EXPECT_EQ(container_name(at("proc"), 9, kId), "web\\u000a") << "one line of text";
  EXPECT_EQ(container_name(at("proc"), 9, std::string(64, 'b')), "") << "another container's";
  EXPECT_EQ(container_name(at("proc"), 4, kId), "");
}

}  // namespace
}  // namespace mig::holders

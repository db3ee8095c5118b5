// SPDX-License-Identifier: Apache-2.0
#include "service/background.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace mig::service {
namespace {

// This process, in a /proc and a cgroup file system of plain files.
class BackgroundTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/migctl-background-test-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    std::filesystem::create_directories(proc());
    std::ofstream(proc() + "/status") << "Name:\tx\nUid:\t1001\t1001\t1001\t1001\n";
  }

  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string proc() const { return fmt::format("{}/proc/{}", root_, ::getpid()); }

  void in_cgroups(const std::string& lines) const { std::ofstream(proc() + "/cgroup") << lines; }

  // The kernel makes cgroup.procs with the folder.
  std::string hierarchy(const std::string& name, const std::string& slice) const {
    std::string folder = root_ + "/cgroup" + name;
    std::filesystem::create_directories(folder + slice + "/migctl-background");
    std::ofstream(folder + "/cgroup.controllers") << "";
    std::ofstream(folder + slice + "/migctl-background/cgroup.procs") << "";
    return folder + slice + "/migctl-background/cgroup.procs";
  }

  bool leave(std::uint32_t uid = 1001) const {
    return leave_session(
        static_cast<std::uint32_t>(::getpid()), uid, {root_ + "/cgroup", root_ + "/proc"});
  }

  static std::string text(const std::string& path) { return *base::read_file(path, 100); }

  std::string root_;
  std::string me_ = fmt::format("{}", ::getpid());
};

TEST_F(BackgroundTest, FromTheSessionToItsUsersSlice) {
  const std::string procs = hierarchy("", "/user.slice/user-1001.slice");
  in_cgroups("0::/user.slice/user-1001.slice/session-3.scope/x\n");
  EXPECT_TRUE(leave());
  EXPECT_EQ(text(procs), me_);
}

TEST_F(BackgroundTest, FromTheUsersManagerTooAndInVersionOne) {
  const std::string procs = hierarchy("/systemd", "/user.slice/user-1001.slice");
  in_cgroups(
      "4:memory:/user.slice\n1:name=systemd:/user.slice/user-1001.slice/user@1001.service/a\n");
  EXPECT_TRUE(leave());
  EXPECT_EQ(text(procs), me_);
}

TEST_F(BackgroundTest, WhatIsInNoSessionStays) {
  const std::string procs = hierarchy("", "/user.slice/user-1001.slice");
  for (const char* path : {"/",
                           "/system.slice/cron.service",
                           "/user.slice/user-1001.slice/x.slice/y",
                           "/user.slice/user-1002.slice/session-3.scope",
                           "/user.slice/user-1001.slice/migctl-background"}) {
    in_cgroups(fmt::format("0::{}\n", path));
    EXPECT_FALSE(leave()) << path;
  }
  EXPECT_EQ(text(procs), "");
}

TEST_F(BackgroundTest, AnotherUsersProcessIsNotMoved) {
  hierarchy("", "/user.slice/user-1002.slice");
  in_cgroups("0::/user.slice/user-1002.slice/session-3.scope\n");
  EXPECT_FALSE(leave(1002));
}

}  // namespace
}  // namespace mig::service

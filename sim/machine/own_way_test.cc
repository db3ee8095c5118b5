// SPDX-License-Identifier: Apache-2.0
#include "sim/machine/own_way.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "sim/machine/test_machine.h"

namespace migsim {
namespace {

using testing::on_disk;
using testing::Rig;
using testing::TempDir;

namespace fs = std::filesystem;

constexpr uid_t kStranger = 4001;

class OwnWay : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) {
      GTEST_SKIP() << "needs root, to make what belongs to somebody else";
    }
    ::unsetenv("SUDO_UID");
    fs::create_directory(dir_.file("theirs"));
    give("theirs");
    fs::create_directory(dir_.file("ours"));
  }

  void TearDown() override { ::unsetenv("SUDO_UID"); }

  void give(const std::string& name) {
    ASSERT_EQ(::lchown(dir_.file(name).c_str(), kStranger, kStranger), 0);
  }

  void link(const std::string& target, const std::string& name) {
    fs::create_symlink(target, dir_.file(name));
  }

  std::string way(const std::string& name) { return foreign_on_way(dir_.file(name)); }

  TempDir dir_;
};

TEST_F(OwnWay, NamesTheComponentThatIsSomebodyElses) {
  EXPECT_EQ(way("ours"), "");
  EXPECT_EQ(way("ours/not/there"), "");
  EXPECT_NE(way("theirs/x").find("the folder " + dir_.file("theirs")), std::string::npos);
  link("ours", "good");
  EXPECT_EQ(way("good/x"), "");
  link("ours", "bad");
  give("bad");
  EXPECT_NE(way("bad/x").find("the link " + dir_.file("bad")), std::string::npos);
  link("bad", "way_to_bad");
  EXPECT_NE(way("way_to_bad/x"), "");
  link("/etc", "absolute");
  EXPECT_EQ(way("absolute/hostname"), "");
  link("round", "round");
  EXPECT_EQ(way("round"), "") << "the kernel says that it never ends";
  ::setenv("SUDO_UID", "4001", 1);
  EXPECT_EQ(way("theirs/x"), "");
  ::setenv("SUDO_UID", "4001 ", 1);
  EXPECT_NE(way("theirs/x"), "");
}

TEST_F(OwnWay, RootOpensNoMachineThatAnotherUserCanExchange) {
  const auto machine = on_disk(dir_, Rig({"a30-24gb"}));
  ASSERT_NE(machine, nullptr);
  link("..", "theirs/lab");
  Status status;
  EXPECT_EQ(Machine::open(dir_.file("theirs/lab"), status), nullptr);
  EXPECT_TRUE(status.denied);
  EXPECT_NE(status.error.find("belongs to another user (uid 4001)"), std::string::npos)
      << status.error;
}

// fs.protected_hardlinks keeps users from linking root's files; without it a stranger's folder can
// hold one.
TEST_F(OwnWay, AStateFileOfOursInAFolderThatIsNot) {
  const auto machine = on_disk(dir_, Rig({"a30-24gb"}));
  ASSERT_NE(machine, nullptr);
  fs::create_hard_link(dir_.file("machine.state"), dir_.file("theirs/machine.state"));
  Status status;
  EXPECT_EQ(Machine::open(dir_.file("theirs"), status), nullptr);
  EXPECT_TRUE(status.denied);
  EXPECT_NE(Machine::open(dir_.path(), status), nullptr) << status.error;
}

TEST_F(OwnWay, WritesIntoNothingOfAnothers) {
  const auto opened = [&](const std::string& name) {
    const int fd = open_own_output(dir_.file(name), 0);
    if (fd >= 0) {
      ::close(fd);
    }
    return fd >= 0;
  };
  std::ofstream(dir_.file("precious")) << "precious";
  link("precious", "link");
  EXPECT_TRUE(opened("link"));
  give("link");
  EXPECT_FALSE(opened("link"));
  fs::create_hard_link(dir_.file("precious"), dir_.file("hard"));
  EXPECT_FALSE(opened("hard"));
  EXPECT_TRUE(opened("new"));
  give("new");
  EXPECT_FALSE(opened("new"));
  EXPECT_FALSE(opened("theirs/new"));
  const int out = open_own_output("/dev/stderr", O_APPEND);
  EXPECT_GE(out, 0);
  ::close(out);
}

}  // namespace
}  // namespace migsim

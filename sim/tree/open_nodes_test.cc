// SPDX-License-Identifier: Apache-2.0
#include "sim/tree/open_nodes.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <signal.h>

#include "sim/machine/test_machine.h"
#include "sim/tree/static_part.h"
#include "sim/tree/tree.h"

namespace migsim {
namespace {

using testing::on_disk;
using testing::Rig;
using testing::TempDir;

class OpenNodesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Rig rig({"a100-sxm4-40gb", "a100-sxm4-40gb"});
    const int gi = rig.create(9);
    ASSERT_GE(gi, 0);
    gi_ = static_cast<std::uint32_t>(gi);
    ASSERT_EQ(rig.create_compute(gi_, 0), 0);
    machine_ = on_disk(dir_, rig);
    ASSERT_TRUE(sync_tree(*machine_).ok());
  }

  std::string dev(const std::string& name) const { return dir_.path() + "/tree/dev/" + name; }

  std::string cap(std::uint32_t minor) const {
    return dev("nvidia-caps/nvidia-cap" + std::to_string(minor));
  }

  // Runs the search on a fake /proc in which process `pid` has these files open.
  OpenNodes seen_with(const std::vector<std::string>& paths, const std::string& pid = "7") {
    const std::string fds = dir_.path() + "/proc/" + pid + "/fd";
    std::filesystem::create_directories(fds);
    int number = 3;
    for (const std::string& path : paths) {
      std::filesystem::create_symlink(path, fds + "/" + std::to_string(number++));
    }
    OpenNodes open = open_nodes(*machine_, dir_.path() + "/proc");
    std::filesystem::remove_all(dir_.path() + "/proc");
    return open;
  }

  TempDir dir_;
  std::unique_ptr<Machine> machine_;
  std::uint32_t gi_ = 0;
};

TEST_F(OpenNodesTest, TheGpusNodeIsItsAndTheControlNodeNobodys) {
  EXPECT_EQ(seen_with({dev("nvidia1")}).gpus, 2U);
  EXPECT_EQ(seen_with({dev("nvidia0"), dev("nvidia1")}).gpus, 3U);
  EXPECT_EQ(seen_with({dev("nvidiactl"), dev("nvidia-uvm"), "/dev/null"}).gpus, 0U);
  EXPECT_TRUE(seen_with({dev("nvidiactl")}).capabilities.empty());
}

TEST_F(OpenNodesTest, TheCallerIsNotInItsOwnWay) {
  EXPECT_EQ(seen_with({dev("nvidia0")}, std::to_string(::getpid())).gpus, 0U);
  EXPECT_EQ(seen_with({dev("nvidia0")}, "self").gpus, 0U) << "a name that is no pid";
}

TEST_F(OpenNodesTest, AnotherMachinesNodeIsNotOurs) {
  const std::string other = dir_.path() + "/nvidia0";
  std::ofstream(other) << "";
  EXPECT_EQ(seen_with({other}).gpus, 0U) << "the file counts, not its name";
  std::filesystem::remove(other);
  std::filesystem::create_hard_link(dev("nvidia0"), other);
  EXPECT_EQ(seen_with({other}).gpus, 1U);
}

TEST_F(OpenNodesTest, CapabilitiesNameTheirInstance) {
  const OpenNodes of_gi = seen_with({cap(gi_cap_minor(0, gi_))});
  EXPECT_EQ(of_gi.gpus, 0U);
  EXPECT_TRUE(of_gi.gpu_instance(0, gi_));
  EXPECT_TRUE(of_gi.compute_instance(0, gi_, 0)) << "whoever has the whole has the part";
  EXPECT_FALSE(of_gi.gpu_instance(1, gi_));
  EXPECT_FALSE(of_gi.gpu_instance(0, gi_ + 1));
  EXPECT_FALSE(of_gi.gpu_instance(0, gi_ - 1));
  const OpenNodes of_ci = seen_with({cap(ci_cap_minor(0, gi_, 0))});
  EXPECT_TRUE(of_ci.gpu_instance(0, gi_)) << "the part goes with the whole";
  EXPECT_TRUE(of_ci.compute_instance(0, gi_, 0));
  EXPECT_FALSE(of_ci.compute_instance(0, gi_, 1));
}

TEST_F(OpenNodesTest, ADescriptorThatOnlyNamesANodeIsNotOpen) {
  for (const int flags : {O_PATH, O_RDONLY}) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      const bool open = ::open(dev("nvidia1").c_str(), flags) >= 0;
      if (::write(ready[1], open ? "1" : "0", 1) == 1) {
        ::pause();
      }
      ::_exit(0);
    }
    char answer = 0;
    ASSERT_EQ(::read(ready[0], &answer, 1), 1);
    ASSERT_EQ(answer, '1');
    EXPECT_EQ(open_nodes(*machine_).gpus, flags == O_PATH ? 0U : 2U);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ready[0]);
    ::close(ready[1]);
  }
}

TEST_F(OpenNodesTest, ARealProcessIsSeenAndGoneWithItsEnd) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool open = ::open(dev("nvidia1").c_str(), O_RDONLY) >= 0;
    if (::write(ready[1], open ? "1" : "0", 1) == 1) {
      ::pause();
    }
    ::_exit(0);
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  ASSERT_EQ(answer, '1');
  EXPECT_EQ(open_nodes(*machine_).gpus, 2U);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(open_nodes(*machine_).gpus, 0U);
}

TEST_F(OpenNodesTest, AClosedNodeIsSurelyClosedAndNoOtherIs) {
  const std::string node = cap(gi_cap_minor(0, gi_));
  if (!surely_closed(node)) {
    GTEST_SKIP() << "no leases on this file system: /proc is searched every time";
  }
  EXPECT_TRUE(surely_closed(node)) << "asking leaves nothing open";
  EXPECT_TRUE(surely_closed(cap(7777))) << "what is not there is not open";
  const int fd = ::open(node.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  EXPECT_FALSE(surely_closed(node));
  EXPECT_TRUE(open_nodes_of(*machine_, 0, gi_).capabilities.empty()) << "we are not in our own way";
  ::close(fd);
  EXPECT_TRUE(surely_closed(node));
}

}  // namespace
}  // namespace migsim

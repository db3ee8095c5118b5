// SPDX-License-Identifier: Apache-2.0
// Cgroups of leases on this kernel's hierarchies, as far as they can be made here.
#include "service/lease_cgroup.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "holders/process_facts.h"

namespace mig::service {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// The parameter: the only hierarchy there is; "" = as on this host.
class LeaseCgroupsTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "cgroupsXXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    roots_.cgroups = "/sys/fs/cgroup";
    if (*GetParam() != '\0') {
      roots_.cgroups = folder_;
      fs::create_directory_symlink(std::string("/sys/fs/cgroup/") + GetParam(),
                                   folder_ + "/" + GetParam());
    }
    cgroups_.emplace(store::MachineId{folder_}, roots_);
    path_ = cgroups_->make(12).value_or("");
    if (path_.empty()) {
      GTEST_SKIP() << "no cgroup can be made in " << roots_.cgroups << "/" << GetParam();
    }
  }

  void TearDown() override {
    if (!path_.empty()) {
      cgroups_->kill(path_);
      for (const pid_t child : children_) {
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
      }
      EXPECT_TRUE(within_a_minute([&] { return !LeaseCgroups::populated(path_); }));
      LeaseCgroups::remove(path_);
      EXPECT_FALSE(LeaseCgroups::exists(path_)) << "nothing is left in cgroup folders";
    }
    fs::remove_all(folder_);
  }

  template <class Condition>
  static bool within_a_minute(Condition condition) {
    for (int i = 0; i < 6000; ++i) {
      if (condition()) {
        return true;
      }
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }

  lease::LeaseHolder child(const std::string& script) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::raise(SIGSTOP);  // until it is placed
      ::execlp("sh", "sh", "-c", script.c_str(), nullptr);
      ::_exit(127);
    }
    ::waitpid(pid, nullptr, WUNTRACED);
    children_.push_back(pid);
    const auto number = static_cast<std::uint32_t>(pid);
    return lease::LeaseHolder::process(number, holders::start_of("/proc", number).value_or(0));
  }

  // Members that run their last program: shells on the way there come and go.
  std::size_t sleepers() const {
    std::size_t count = 0;
    for (const std::uint32_t member : LeaseCgroups::members(path_)) {
      std::string name;
      std::ifstream(fmt::format("/proc/{}/comm", member)) >> name;
      count += name == "sleep" ? 1 : 0;
    }
    return count;
  }

  void place(const lease::LeaseHolder& process) {
    const auto placed = cgroups_->place(path_, process);
    ASSERT_TRUE(placed) << placed.error().text();
    ::kill(static_cast<pid_t>(process.pid), SIGCONT);
  }

  std::string folder_, path_;
  LeaseCgroups::Roots roots_;
  std::optional<LeaseCgroups> cgroups_;
  std::vector<pid_t> children_;
};

TEST_P(LeaseCgroupsTest, HoldsWhatIsForkedHoweverItIsForked) {
  EXPECT_NE(path_.find("/migctl/sim-"), std::string::npos);
  EXPECT_FALSE(LeaseCgroups::populated(path_));
  const lease::LeaseHolder job =
      child("(setsid sh -c 'sleep 60 & exec sleep 61' &); exec sleep 62");
  place(job);
  EXPECT_TRUE(cgroups_->contains(path_, job.pid));
  EXPECT_FALSE(cgroups_->contains(path_, static_cast<std::uint32_t>(::getpid())));
  // A cgroup that somebody has made elsewhere, with the same name.
  const std::size_t ours = path_.find("/migctl/");
  const std::string other = path_.substr(0, ours) + "/hidden";
  const std::string same_name = other + path_.substr(ours);
  fs::create_directories(same_name);
  const lease::LeaseHolder hidden = child("exec sleep 60");
  ASSERT_TRUE(cgroups_->place(same_name, hidden));
  EXPECT_FALSE(cgroups_->contains(path_, hidden.pid));
  ::kill(static_cast<pid_t>(hidden.pid), SIGKILL);
  ::waitpid(static_cast<pid_t>(hidden.pid), nullptr, 0);
  for (std::string left = same_name; left.size() >= other.size(); left.resize(left.rfind('/'))) {
    EXPECT_EQ(::rmdir(left.c_str()), 0) << left;
  }
  ASSERT_TRUE(within_a_minute([&] { return sleepers() == 3; }));
  EXPECT_EQ(LeaseCgroups::members(path_).size(), 3U) << "no shell is left";
  EXPECT_TRUE(LeaseCgroups::populated(path_));
  cgroups_->signal(path_, SIGTERM);
  EXPECT_TRUE(within_a_minute([&] { return !LeaseCgroups::populated(path_); }));
}

TEST_P(LeaseCgroupsTest, WhatForksAndIgnoresSignalsIsKilled) {
  place(
      child("trap '' TERM; for i in 1 2 3 4 5 6 7 8; do "
            "(trap '' TERM; while :; do sh -c 'sleep 0.01'; done) & done; wait"));
  ASSERT_TRUE(within_a_minute([&] { return LeaseCgroups::members(path_).size() > 8; }));
  cgroups_->signal(path_, SIGTERM);
  EXPECT_TRUE(LeaseCgroups::populated(path_));
  EXPECT_TRUE(within_a_minute([&] {
    cgroups_->kill(path_);  // as every pass does
    return !LeaseCgroups::populated(path_);
  }));
}

TEST_P(LeaseCgroupsTest, APidThatIsAnothersByNowIsNotPlaced) {
  lease::LeaseHolder other = child("exec sleep 60");
  ++other.start_ticks;
  EXPECT_EQ(cgroups_->place(path_, other).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(LeaseCgroups::members(path_).empty());
}

TEST_P(LeaseCgroupsTest, ACgroupWithProcessesIsNotUsedForAnotherLease) {
  EXPECT_EQ(cgroups_->make(12).value(), path_) << "it is empty";
  place(child("exec sleep 60"));
  const std::string second = cgroups_->make(12).value();
  EXPECT_EQ(second, path_ + ".1") << "a lost store used the number";
  LeaseCgroups::remove(second);
  LeaseCgroups::remove(path_);
  EXPECT_TRUE(LeaseCgroups::exists(path_)) << "it has a process";
}

TEST_P(LeaseCgroupsTest, WhatAKilledDaemonLeftIsRemovedAndWhatRunsIsNot) {
  const std::string empty = cgroups_->make(13).value();
  const std::string populated = cgroups_->make(14).value();
  const lease::LeaseHolder process = child("exec sleep 60");
  ASSERT_TRUE(cgroups_->place(populated, process));
  cgroups_->remove_empty();
  EXPECT_FALSE(LeaseCgroups::exists(empty));
  EXPECT_FALSE(LeaseCgroups::exists(path_));
  ASSERT_TRUE(LeaseCgroups::exists(populated));
  EXPECT_TRUE(cgroups_->contains(populated, process.pid));
  cgroups_->kill(populated);
  ASSERT_TRUE(within_a_minute([&] { return !LeaseCgroups::populated(populated); }));
  cgroups_->remove_empty();
  const std::string folder = populated.substr(0, populated.rfind('/'));
  EXPECT_NE(::access(folder.c_str(), F_OK), 0) << "the machine's folder, too";
}

TEST_P(LeaseCgroupsTest, APathThatIsNoneOfOursIsNotTouched) {
  EXPECT_TRUE(LeaseCgroups::members("/sys/fs/cgroup").empty());
  EXPECT_TRUE(LeaseCgroups::members("").empty());
  EXPECT_FALSE(LeaseCgroups::populated(""));
}

INSTANTIATE_TEST_SUITE_P(Hierarchies,
                         LeaseCgroupsTest,
                         testing::Values("", "freezer", "pids", "systemd"));

TEST(LeaseCgroups, WithoutACgroupFileSystemThereIsNone) {
  LeaseCgroups::Roots roots;
  roots.cgroups = testing::TempDir();
  EXPECT_EQ(LeaseCgroups({}, roots).make(1).value(), "");
}

// Paths only: nobody here has systemd make the slice.
TEST(ContainerCgroupsTest, SlicesAreThoseOfTheEnginesSystemd) {
  const std::string root = testing::TempDir() + "slices";
  fs::create_directories(root);
  std::ofstream(root + "/cgroup.procs") << "1\n";
  store::MachineId machine{"/m/my-box"};
  const LeaseCgroups cgroups(machine, {root, "/proc"});
  const std::string system = cgroups.make_for_containers(12, {true, false}, 1001).value_or("");
  EXPECT_TRUE(system.starts_with(root + "/migctl.slice/migctl-sim_my_box_")) << system;
  EXPECT_TRUE(system.ends_with("-lease12.slice")) << system;
  const std::string own = cgroups.make_for_containers(12, {true, true}, 1001).value_or("");
  EXPECT_TRUE(own.starts_with(root + "/user.slice/user-1001.slice/user@1001.service/migctl.slice/"))
      << own;
  EXPECT_FALSE(fs::exists(system)) << "systemd makes it";
  fs::create_directories(system + "/docker-" + std::string(64, 'a') + ".scope");
  const auto all = cgroups.all_for_containers();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all.front(), std::make_pair(std::int64_t{12}, system));
  fs::remove_all(root);
}

// A container and its monitor, as Podman places them.
TEST_P(LeaseCgroupsTest, OfContainersOnlyTheContainersAreMembers) {
  const std::string path = cgroups_->make_for_containers(13, {false, false}, 0).value_or("");
  if (path.empty()) {
    GTEST_SKIP() << "engines make no cgroups in this hierarchy";
  }
  const std::string container = path + "/libpod-" + std::string(64, 'a');
  fs::create_directories(container);
  fs::create_directories(path + "/conmon");
  const auto first = child("sleep 600");
  const auto monitor = child("sleep 600");
  ASSERT_TRUE(cgroups_->place(container, first));
  ASSERT_TRUE(cgroups_->place(path + "/conmon", monitor));
  EXPECT_EQ(LeaseCgroups::members(path), std::vector<std::uint32_t>{first.pid});
  EXPECT_TRUE(LeaseCgroups::populated(path));
  EXPECT_TRUE(cgroups_->contains(path, first.pid));
  cgroups_->kill(path);
  ASSERT_EQ(::waitpid(static_cast<pid_t>(first.pid), nullptr, 0), static_cast<pid_t>(first.pid));
  EXPECT_TRUE(within_a_minute([&] { return !LeaseCgroups::populated(path); }));
  EXPECT_TRUE(holders::start_of("/proc", monitor.pid)) << "it records the container's end";
  ::kill(static_cast<pid_t>(monitor.pid), SIGKILL);
  ::waitpid(static_cast<pid_t>(monitor.pid), nullptr, 0);
  EXPECT_TRUE(within_a_minute([&] {
    LeaseCgroups::remove(path);
    return !LeaseCgroups::exists(path);
  }));
}

}  // namespace
}  // namespace mig::service

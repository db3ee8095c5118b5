// SPDX-License-Identifier: Apache-2.0
// Processes on instances without a lease: a child with a node open, as another user.
#include "service/unleased.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "holders/instance_users.h"

namespace mig::service {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr std::uint32_t kUser = 4021;

class UnleasedTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) {
      GTEST_SKIP() << "only root can be another user";
    }
    std::string pattern = testing::TempDir() + "unleasedXXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    fs::create_directories(root_ + "/dev/nvidia-caps");
    fs::create_directories(root_ + "/proc/driver/nvidia-caps");
    std::ofstream(root_ + "/proc/driver/nvidia-caps/mig-minors")
        << "gpu0/gi7/access 30\ngpu0/gi7/ci0/access 31\n";
    for (const char* node : {"30", "31"}) {
      std::ofstream(root_ + "/dev/nvidia-caps/nvidia-cap" + node) << "";
    }
    Gpu& gpu = now_.gpus.emplace_back();
    gpu.uuid = "GPU-0";
    gpu.minor = 0;
    gpu.mig_current = MigMode::kEnabled;
    GpuInstance& instance = gpu.instances.emplace_back();
    instance.id = GpuInstanceId{7};
    ComputeInstance& compute = instance.compute_instances.emplace_back();
    compute.id = ComputeInstanceId{0};
    compute.uuid = "MIG-7";
    roots_.dev = root_ + "/dev";
    roots_.driver_proc = root_ + "/proc";
  }

  void TearDown() override {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    fs::remove_all(root_);
  }

  // A process of the user that has the node open and ignores SIGTERM. setuid(2) makes it
  // undumpable: its folder in /proc is root's.
  void start(const char* node, std::uint32_t uid) {
    start_with(root_ + "/dev/nvidia-caps/nvidia-cap" + node, uid);
  }

  void start_with(const std::string& path, std::uint32_t uid) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    child_ = ::fork();
    if (child_ == 0) {
      ::signal(SIGTERM, SIG_IGN);
      const int fd = ::open(path.c_str(), O_RDONLY);
      const bool done = fd >= 0 && ::setuid(uid) == 0 && ::write(ready[1], "r", 1) == 1;
      while (done) {
        ::pause();
      }
      ::_exit(1);
    }
    ::close(ready[1]);
    char word = 0;
    ASSERT_EQ(::read(ready[0], &word, 1), 1);
    ::close(ready[0]);
  }

  std::vector<lease::UnleasedProcess> find(const std::vector<lease::Lease>& leases) const {
    const LeaseMembers members(LeaseCgroups({}, {}), roots_);
    return watch_.find(now_, leases, members, [](std::uint32_t uid) {
      return "tenant of " + std::to_string(uid);
    });
  }

  static lease::Lease lease_of(std::uint32_t uid) {
    lease::Lease lease;
    lease.instance.uuid = "MIG-7";
    lease.uid = uid;
    return lease;
  }

  bool lives() const { return ::waitpid(child_, nullptr, WNOHANG) == 0; }

  std::string root_;
  holders::Roots roots_;
  Inventory now_;
  UnleasedWatch watch_{holders::Roots{}};
  pid_t child_ = 0;
};

TEST_F(UnleasedTest, WhoHasTheNodeOpenIsNamedUnlessHeLeases) {
  start("31", kUser);
  watch_ = UnleasedWatch(roots_);
  const auto found = find({});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].pid, static_cast<std::uint32_t>(child_));
  EXPECT_EQ(found[0].uid, kUser) << "by its real uid, not by the owner of its folder in /proc";
  EXPECT_EQ(found[0].tenant, "tenant of 4021");
  EXPECT_EQ(found[0].instance.uuid, "MIG-7");
  EXPECT_EQ(find({lease_of(kUser + 1)}).size(), 1U) << "another's lease";
  EXPECT_TRUE(find({lease_of(kUser)}).empty());
  lease::Lease of_a_pod = lease_of(0);
  of_a_pod.holder = lease::LeaseHolder::external("kubernetes/1/gpu-0");
  EXPECT_TRUE(find({of_a_pod}).empty()) << "a pod's processes have whatever uid";
  EXPECT_EQ(holders::users_of_instances(now_, roots_, {{kUser, 0}}).size(), 1U);
  EXPECT_TRUE(holders::users_of_instances(now_, roots_, {{kUser + 1}}).empty());
}

// As with a bind mount in a namespace of the user's own; /proc/<pid>/fd says "/" where that is
// gone.
TEST_F(UnleasedTest, ANodeIsKnownByWhatItIsAndNotByItsName) {
  fs::create_hard_link(root_ + "/dev/nvidia-caps/nvidia-cap31", root_ + "/notes");
  start_with(root_ + "/notes", kUser);
  watch_ = UnleasedWatch(roots_);
  EXPECT_EQ(find({}).size(), 1U);
}

TEST_F(UnleasedTest, TheNodeOfTheGpuInstanceAloneIsNoUse) {
  start("30", kUser);
  watch_ = UnleasedWatch(roots_);
  EXPECT_TRUE(find({}).empty());
}

TEST_F(UnleasedTest, RootsAreNeverAmongThem) {
  start("31", 0);
  watch_ = UnleasedWatch(roots_);
  EXPECT_TRUE(find({}).empty());
}

TEST_F(UnleasedTest, AnEarlierLookLosesThoseThatHaveEndedSince) {
  start("31", kUser);
  watch_ = UnleasedWatch(roots_);
  auto found = find({});
  watch_.drop_ended(found);
  ASSERT_EQ(found.size(), 1U);
  auto reused = found;
  ++reused[0].start_ticks;
  watch_.drop_ended(reused);
  EXPECT_TRUE(reused.empty()) << "its number is another process's now";
  ::kill(child_, SIGKILL);
  ::waitpid(child_, nullptr, 0);
  child_ = 0;
  watch_.drop_ended(found);
  EXPECT_TRUE(found.empty());
}

TEST_F(UnleasedTest, EachIsNewsOnceAndIsKilledAfterTheGrace) {
  start("31", kUser);
  watch_ = UnleasedWatch(roots_);
  const auto found = find({});
  EXPECT_EQ(watch_.news(found).size(), 1U);
  EXPECT_TRUE(watch_.news(found).empty());
  watch_.end(found, 100s);
  EXPECT_TRUE(watch_.news(found).empty());
  watch_.end(found, 100s + UnleasedWatch::kGrace - 1ms);
  EXPECT_TRUE(lives()) << "it ignores SIGTERM, and its grace is not over";
  watch_.end(found, 100s + UnleasedWatch::kGrace);
  int status = 0;
  ASSERT_EQ(::waitpid(child_, &status, 0), child_);
  child_ = 0;
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  EXPECT_TRUE(watch_.news({}).empty());
  EXPECT_EQ(watch_.news(found).size(), 1U) << "who comes back is news again";
}

}  // namespace
}  // namespace mig::service

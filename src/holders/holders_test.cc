// SPDX-License-Identifier: Apache-2.0
#include "holders/holders.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include <gtest/gtest.h>
#include <time.h>

#include "holders/instance_users.h"
#include "holders/process_facts.h"
#include "holders/test_processes.h"

namespace mig::holders {
namespace {

TEST_F(HoldersTest, DriverListAndDescriptorsAreOneHolder) {
  process(7, "train", {"nvidia-caps/nvidia-cap31"});
  Process running;
  running.pid = 7;
  running.gpu_instance = GpuInstanceId{3};
  running.compute_instance = ComputeInstanceId{0};
  inventory_.gpus[0].processes.push_back(running);
  const Report report = find();
  ASSERT_EQ(report.holders.size(), 1U);
  EXPECT_EQ(report.holders[0].evidence.size(), 2U);
}

TEST_F(HoldersTest, ServicesAndModulesStopAResetOnly) {
  process(11, "nvidia-persiste", {"nvidia0"});
  write("/proc/modules", "nvidia_drm 131072 4 - Live 0x0\nnvidia 1 2 nvidia_drm, Live 0x0\n");
  const Report report = find();
  ASSERT_EQ(report.holders.size(), 2U);
  for (const Holder& holder : report.holders) {
    EXPECT_EQ(holder.stops, Stops::kReset) << holder.str();
  }
  EXPECT_EQ(report.holders[0].kind, Kind::kKernelModule);
  EXPECT_EQ(report.holders[1].kind, Kind::kService);
}

TEST_F(HoldersTest, AStartTellsAProcessFromAnotherOfItsNumber) {
  process(31, "first", {});
  EXPECT_EQ(start_of(root_ + "/proc", 31), 310U);
  EXPECT_EQ(start_of(root_ + "/proc", 32), std::nullopt);
  write("/proc/31/stat", "31 (first) Z 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 310 0 0");
  EXPECT_EQ(start_of(root_ + "/proc", 31), std::nullopt) << "ended, and not yet reaped";
}

// cases/mutants.md: index and minor number confused. They differ where a GPU is missing or the
// driver enumerates in another order.
TEST_F(HoldersTest, AGpuIsKnownByItsMinorNumberNotItsIndex) {
  inventory_.gpus[0].minor = 3;
  Gpu other;
  other.index = GpuIndex{1};
  other.minor = 0;
  inventory_.gpus.push_back(other);
  write("/proc/driver/nvidia-caps/mig-minors", "gpu3/gi3/access 30\ngpu0/gi5/access 90\n");
  process(51, "on_three", {"nvidia3", "nvidia-caps/nvidia-cap30"});
  process(52, "on_zero", {"nvidia0"});
  process(53, "on_one", {"nvidia1"});
  const Report report = find();
  ASSERT_EQ(report.holders.size(), 3U);
  EXPECT_EQ(report.holders[0].pid, 51U);
  EXPECT_EQ(report.holders[0].gpu, GpuIndex{0});
  EXPECT_EQ(report.holders[1].pid, 51U);
  EXPECT_EQ(report.holders[1].gpu_instance, GpuInstanceId{3});
  EXPECT_EQ(report.holders[1].gpu, GpuIndex{0});
  EXPECT_EQ(report.holders[2].pid, 52U);
  EXPECT_EQ(report.holders[2].gpu, GpuIndex{1});
}

// A GPU whose minor number is unknown has no identifiable node.
TEST_F(HoldersTest, AGpuWithoutAMinorNumberHasNoNodes) {
  inventory_.gpus[0].minor = std::nullopt;
  process(51, "python", {"nvidia0"});
  EXPECT_TRUE(find().holders.empty());
}

TEST_F(HoldersTest, AProcessThatComputesOnAWholeGpuStopsMoreThanAReset) {
  process(7, "train", {"nvidia0"});
  Process running;
  running.pid = 7;
  inventory_.gpus[0].processes.push_back(running);
  const Report report = find();
  ASSERT_EQ(report.holders.size(), 1U);
  EXPECT_EQ(report.holders[0].stops, Stops::kDestroy);
  EXPECT_EQ(report.holders[0].kind, Kind::kProcess);
  EXPECT_FALSE(stops_first_instance(report.holders[0]));
}

// RTX PRO 6000 Max-Q, 580.105.08: Xorg is in the driver's list of a GPU in MIG mode.
TEST_F(HoldersTest, ADisplayDrawsOnTheGpuAndOnNoInstance) {
  process(9, "Xorg", {"nvidia0"}, "0::/system.slice/gdm.service\n");
  const Report open_only = find();
  ASSERT_EQ(open_only.holders.size(), 1U);
  EXPECT_EQ(open_only.holders[0].kind, Kind::kDisplay);
  EXPECT_FALSE(stops_first_instance(open_only.holders[0])) << "it has no memory there";
  Process drawing;
  drawing.pid = 9;
  inventory_.gpus[0].processes.push_back(drawing);
  const Report report = find();
  ASSERT_EQ(report.holders.size(), 1U);
  EXPECT_EQ(report.holders[0].stops, Stops::kReset);
  EXPECT_TRUE(stops_first_instance(report.holders[0]));
  EXPECT_EQ(report.holders[0].owner.unit, "gdm.service");
}

// A compositor of any name: the driver's graphics list says that it draws.
TEST_F(HoldersTest, WhoIsInTheGraphicsListDraws) {
  process(9, "cosmic-comp", {"nvidia0"});
  Process drawing;
  drawing.pid = 9;
  drawing.graphics = true;
  inventory_.gpus[0].processes = {drawing};
  inventory_.gpus[0].display.active = true;
  const Report report = find();
  ASSERT_EQ(report.holders.size(), 1U) << "the screen is its own";
  EXPECT_EQ(report.holders[0].stops, Stops::kReset);
  EXPECT_TRUE(stops_first_instance(report.holders[0]));
  EXPECT_EQ(report.holders[0].evidence.front(), "driver graphics list");
  EXPECT_EQ(report.holders[0].evidence.back(), "display active");
}

TEST_F(HoldersTest, AnActiveDisplayIsWhoeverDrawsThere) {
  process(9, "Xorg", {"nvidia0"}, "0::/system.slice/gdm.service\n");
  inventory_.gpus[0].display.active = true;
  const Report report = find();
  ASSERT_EQ(report.holders.size(), 1U);
  EXPECT_EQ(report.holders[0].evidence,
            (std::vector<std::string>{root_ + "/dev/nvidia0", "display active"}));
  EXPECT_TRUE(stops_first_instance(report.holders[0])) << "a screen is memory of the GPU";
  for (const auto& no_screen : {std::optional(false), std::optional<bool>()}) {
    inventory_.gpus[0].display.active = no_screen;
    EXPECT_FALSE(stops_first_instance(find().holders.at(0)));
  }
}

// The console of a kernel whose frame buffer is nvidia_drm's; a desktop in another PID namespace.
TEST_F(HoldersTest, AScreenIsSomebodysThoughNobodyIsSeen) {
  process(41, "python", {"nvidia0"});
  inventory_.gpus[0].display.active = true;
  const Report report = find();
  ASSERT_EQ(report.holders.size(), 2U);
  const Holder& screen = report.holders[0];
  EXPECT_EQ(screen.kind, Kind::kDisplay);
  EXPECT_EQ(screen.pid, 0U);
  EXPECT_EQ(screen.stops, Stops::kReset);
  EXPECT_TRUE(stops_first_instance(screen));
  EXPECT_EQ(screen.str(), "a display (whose, the driver does not say) on GPU 0");
  EXPECT_EQ(report.holders[1].name, "python");
  EXPECT_EQ(report.holders[1].evidence, std::vector<std::string>{root_ + "/dev/nvidia0"});
}

TEST_F(HoldersTest, CommandsThatAskAndGoAreToldFromThoseThatStay) {
  for (const char* name : {"nvidia-smi", "migctl", "migd", "nvidia-mig-part"}) {
    process(61, name, {"nvidia0"});
    const Report report = find();
    ASSERT_EQ(report.holders.size(), 1U);
    EXPECT_TRUE(is_passing(report.holders[0])) << name;
    std::filesystem::remove_all(root_ + "/proc/61");
  }
  for (const char* name : {"nvidia-smi-loop", "python", "Xorg", "nv-hostengine", "mig-workload"}) {
    process(61, name, {"nvidia0"});
    const Report report = find();
    ASSERT_EQ(report.holders.size(), 1U);
    EXPECT_FALSE(is_passing(report.holders[0])) << name;
    std::filesystem::remove_all(root_ + "/proc/61");
  }
  process(61, "migctl", {"nvidia-caps/nvidia-cap31"});
  EXPECT_FALSE(is_passing(find().holders.at(0))) << "an instance's node is not opened to look";
}

// --evict passes over services and displays, so a name must not make one.
TEST_F(HoldersTest, ANameMakesNoServiceAndNoDisplay) {
  const auto kind = [&](const char* name, const char* cgroup, const char* uids) {
    process(61, name, {"nvidia-caps/nvidia-cap31"}, cgroup, uids);
    const Report report = find();
    std::filesystem::remove_all(root_ + "/proc/61");
    return report.holders.size() == 1 ? report.holders[0].kind : Kind::kLease;
  };
  const char* user = "1000\t1000\t1000\t1000";
  const char* session = "0::/user.slice/user-1000.slice/session-2.scope\n";
  EXPECT_EQ(kind("Xorg", "0::/\n", "0\t0\t0\t0"), Kind::kDisplay);
  EXPECT_EQ(kind("Xorg", session, user), Kind::kProcess);
  EXPECT_EQ(kind("nvidia-persistenced", session, user), Kind::kProcess);
  // A link of this name to a setuid program of root's.
  EXPECT_EQ(kind("Xorg", session, "1000\t0\t0\t0"), Kind::kProcess);
  // Ubuntu's gives up root; its unit is the system manager's.
  EXPECT_EQ(kind("nvidia-persistenced", "0::/system.slice/nvidia-persistenced.service\n", user),
            Kind::kService);
  EXPECT_EQ(kind("nv-hostengine", "1:name=systemd:/system.slice/dcgm.service\n", user),
            Kind::kService);
  EXPECT_EQ(kind("Xorg", "0::/system.slice/gdm.service\n", user), Kind::kDisplay);
  EXPECT_EQ(kind("Xorg", "0::/system.slice/cron.service\n", user), Kind::kProcess);
  EXPECT_EQ(kind("Xorg", "0::/system.slice/nvidia-persistenced.service\n", user), Kind::kProcess);
  for (const char* own :
       {"0::/user.slice/user-1000.slice/user@1000.service/app.slice/gdm.service\n",
        "0::/user.slice/user-1000.slice/system.slice/gdm.service\n"}) {
    EXPECT_EQ(kind("Xorg", own, user), Kind::kProcess) << own;
  }
}

TEST_F(HoldersTest, AStrangersCommandPassesInItsFirstMinuteOnly) {
  process(61, "nvidia-smi", {"nvidia0"}, "0::/\n", "4001\t4001\t4001\t4001");
  Holder holder = find().holders.at(0);
  EXPECT_EQ(holder.uid, 4001U);
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  holder.start_ticks = static_cast<std::uint64_t>(now.tv_sec) * ticks;
  EXPECT_TRUE(is_passing(holder));
  holder.start_ticks -= 62 * ticks;
  EXPECT_FALSE(is_passing(holder)) << "a program called so stays on the GPU";
  holder.uid = 0;
  EXPECT_TRUE(is_passing(holder));
}

TEST_F(HoldersTest, TheMachinesOwnProcessesAreHoldersToo) {
  process(4194404, "nv-hostengine", {"nvidia0"}, "0::/system.slice/nvidia-dcgm.service\n");
  std::filesystem::create_directories(root_ + "/machine/proc");
  std::filesystem::rename(root_ + "/proc/4194404", root_ + "/machine/proc/4194404");
  process(7, "train", {"nvidia0"});
  Roots roots{root_ + "/proc", root_ + "/proc", root_ + "/dev"};
  EXPECT_EQ(find_holders(inventory_, roots)->holders.size(), 1U);
  roots.machine_proc = root_ + "/machine/proc";
  const auto report = find_holders(inventory_, roots);
  ASSERT_TRUE(report);
  ASSERT_EQ(report->holders.size(), 2U);
  EXPECT_EQ(report->holders[0].name, "train");
  EXPECT_EQ(report->holders[1].kind, Kind::kService);
  EXPECT_EQ(report->holders[1].owner.unit, "nvidia-dcgm.service");
  EXPECT_EQ(report->holders[1].stops, Stops::kReset);
}

// setuid(2) made it undumpable: its folder in /proc is root's, in a user namespace that namespace's
// root's, and neither is the user.
TEST_F(HoldersTest, AProcessBelongsToItsUserWhoeverOwnsItsFolder) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to give folders away";
  }
  std::filesystem::create_directories(root_ + "/dev/nvidia-caps");
  write("/dev/nvidia-caps/nvidia-cap31", "");
  GpuInstance instance;
  instance.id = GpuInstanceId{3};
  ComputeInstance compute;
  compute.id = ComputeInstanceId{0};
  compute.uuid = "MIG-3";
  instance.compute_instances.push_back(compute);
  inventory_.gpus[0].instances.push_back(instance);
  for (const auto& [pid, owner] : {std::pair(81, 0U), {82, 100000U}, {83, 4002U}}) {
    const std::string uid = pid == 83 ? "4002" : "4001";
    process(pid, "train", {"nvidia-caps/nvidia-cap31"}, "0::/\n", uid + "\t" + uid + "\t0\t0");
    ASSERT_EQ(::chown((root_ + "/proc/" + std::to_string(pid)).c_str(), owner, owner), 0);
  }
  const Roots roots{root_ + "/proc", root_ + "/proc", root_ + "/dev"};
  std::vector<std::uint32_t> pids;
  for (const InstanceUser& user :
       users_of_instances(inventory_, roots, std::set<std::uint32_t>{4001U})) {
    EXPECT_EQ(user.uid, 4001U);
    pids.push_back(user.pid);
  }
  std::sort(pids.begin(), pids.end());
  EXPECT_EQ(pids, (std::vector<std::uint32_t>{81, 82}));
  EXPECT_EQ(find().holders.at(1).uid, 4001U);
}

// Without root the descriptors of other users' processes are unreadable; the report counts those
// processes.
TEST_F(HoldersTest, ProcessesThatCannotBeLookedIntoAreCounted) {
  process(71, "secret", {"nvidia0"});
  process(72, "secret", {"nvidia0"});
  process(73, "open", {"nvidia0"});
  for (const char* pid : {"71", "72"}) {
    std::filesystem::permissions(root_ + "/proc/" + pid + "/fd", std::filesystem::perms::none);
  }
  ASSERT_EQ(::chmod(root_.c_str(), 0755), 0);
  const auto look = [&] {
    const Report report = find();
    return report.unreadable_processes == 2 && report.holders.size() == 1 ? 0 : 1;
  };
  if (::geteuid() != 0) {
    EXPECT_EQ(look(), 0);
    return;
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(::setuid(65534) == 0 ? look() : 2);
  }
  int how = 0;
  ASSERT_EQ(::waitpid(child, &how, 0), child);
  EXPECT_EQ(how, 0);
  for (const char* pid : {"71", "72"}) {
    std::filesystem::permissions(root_ + "/proc/" + pid + "/fd", std::filesystem::perms::owner_all);
  }
}

TEST_F(HoldersTest, TheOrderIsGpuInstanceProcess) {
  Gpu second;
  second.index = GpuIndex{1};
  second.minor = 1;
  inventory_.gpus.insert(inventory_.gpus.begin(), second);
  process(20, "b", {"nvidia0", "nvidia1", "nvidia-caps/nvidia-cap31", "nvidia-caps/nvidia-cap30"});
  process(10, "a", {"nvidia0"});
  const std::string uid = "uid " + std::to_string(::geteuid());
  std::vector<std::string> order;
  for (const Holder& holder : find().holders) {
    order.push_back(holder.str());
  }
  EXPECT_EQ(order,
            (std::vector<std::string>{"pid 10 (a, " + uid + ") on GPU 0",
                                      "pid 20 (b, " + uid + ") on GPU 0",
                                      "pid 20 (b, " + uid + ") on GPU 0 gi=3",
                                      "pid 20 (b, " + uid + ") on GPU 0 gi=3 ci=0",
                                      "pid 20 (b, " + uid + ") on GPU 1"}));
}

TEST_F(HoldersTest, ANodeThatIsOpenTwiceIsOnePieceOfEvidence) {
  process(7, "train", {"nvidia0", "nvidia0", "nvidia0"});
  const Report report = find();
  ASSERT_EQ(report.holders.size(), 1U);
  EXPECT_EQ(report.holders[0].evidence.size(), 1U);
}

TEST_F(HoldersTest, WhomTheDriverListsTwiceIsOneHolderForOneReason) {
  process(7, "train", {});
  Process running;
  running.pid = 7;
  running.gpu_instance = GpuInstanceId{3};
  inventory_.gpus[0].processes = {running, running};
  const Report report = find();
  ASSERT_EQ(report.holders.size(), 1U);
  EXPECT_EQ(report.holders[0].evidence.size(), 1U);
}

TEST_F(HoldersTest, OurOwnProcessIsNoHolder) {
  process(::getpid(), "us", {"nvidia0"});
  EXPECT_TRUE(find().holders.empty());
}

TEST_F(HoldersTest, UnusedModuleAndForeignNodesAreNoHolders) {
  process(12, "bash", {"null", "nvidiactl", "nvidia-uvm"});
  write("/proc/modules", "nvidia_drm 131072 0 - Live 0x0\n");
  EXPECT_TRUE(find().holders.empty());
}

}  // namespace
}  // namespace mig::holders

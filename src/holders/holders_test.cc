// SPDX-License-Identifier: Apache-2.0
#include "holders/holders.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "holders/lease_life.h"
#include "holders/process_facts.h"

namespace mig::holders {
namespace {

TEST(OwnerTest, ReadsTheFieldsFormats) {
  const std::string id(64, 'a');
  const Owner container = parse_cgroup("0::/system.slice/docker-" + id + ".scope");
  EXPECT_EQ(container.container, id);
  EXPECT_EQ(container.str(), "docker aaaaaaaaaaaa");
  EXPECT_EQ(parse_cgroup("12:devices:/docker/" + id).str(), "docker aaaaaaaaaaaa");
  const Owner pod = parse_cgroup(
      "0::/kubepods.slice/kubepods-burstable.slice/"
      "kubepods-burstable-pod1b2c3d4e_0000_1111_2222_333344445555.slice/cri-containerd-" +
      id + ".scope");
  EXPECT_EQ(pod.pod, "1b2c3d4e-0000-1111-2222-333344445555");
  EXPECT_EQ(pod.container, id);
  EXPECT_EQ(pod.container_runtime, "containerd");
  EXPECT_EQ(parse_cgroup("0::/machine.slice/libpod-" + id + ".scope/container").str(),
            "podman aaaaaaaaaaaa");
  const Owner job = parse_cgroup("0::/system.slice/slurmstepd.scope/job_17/step_0/user/task_0");
  EXPECT_EQ(job.slurm_job, "17");
  EXPECT_EQ(job.str(), "Slurm job 17");
  EXPECT_EQ(parse_cgroup("0::/system.slice/jupyter.service").unit, "jupyter.service");
  EXPECT_EQ(parse_cgroup("0::/user.slice/user-1000.slice/user@1000.service/app.slice").unit, "");
  EXPECT_EQ(parse_cgroup("garbage\n\n::").str(), "");
}

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
               const std::string& cgroup = "0::/\n") {
    const std::string folder = "/proc/" + std::to_string(pid);
    std::filesystem::create_directories(root_ + folder + "/fd");
    write(folder + "/comm", comm + "\n");
    write(folder + "/cgroup", cgroup);
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

TEST_F(HoldersTest, CapabilityNodeNamesTheInstance) {
  process(4121,
          "python",
          {"nvidia0", "nvidiactl", "nvidia-caps/nvidia-cap31"},
          "0::/system.slice/slurmstepd.scope/job_17/step_0\n");
  const Report report = find();
  ASSERT_EQ(report.holders.size(), 2U);  // the GPU node, and the instance
  const Holder& on_gpu = report.holders[0];
  EXPECT_FALSE(on_gpu.gpu_instance.has_value());
  EXPECT_EQ(on_gpu.stops, Stops::kReset);
  const Holder& on_instance = report.holders[1];
  EXPECT_EQ(on_instance.gpu_instance, GpuInstanceId{3});
  EXPECT_EQ(on_instance.compute_instance, ComputeInstanceId{0});
  EXPECT_EQ(on_instance.stops, Stops::kDestroy);
  EXPECT_EQ(on_instance.start_ticks, 41210U);
  EXPECT_NE(on_instance.str().find("pid 4121 (python"), std::string::npos);
  EXPECT_NE(on_instance.str().find("Slurm job 17) on GPU 0 gi=3 ci=0"), std::string::npos)
      << on_instance.str();
}

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

// A container's /dev has its own nodes under other names: a node is identified by its device
// number, not by its path.
TEST_F(HoldersTest, AnInstanceIsKnownUnderAnotherName) {
  std::filesystem::create_directories(root_ + "/dev/nvidia-caps");
  std::filesystem::create_directories(root_ + "/elsewhere");
  write("/dev/nvidia-caps/nvidia-cap30", "");
  write("/elsewhere/nvidia-cap30", "not that one");
  std::filesystem::create_hard_link(root_ + "/dev/nvidia-caps/nvidia-cap30",
                                    root_ + "/elsewhere/nvidia-mine");
  process(21, "guest", {"../elsewhere/nvidia-mine"});
  process(22, "other", {"../elsewhere/nvidia-cap30"});
  const Report report = find();
  ASSERT_EQ(report.holders.size(), 1U);
  EXPECT_EQ(report.holders[0].pid, 21U);
  EXPECT_EQ(report.holders[0].gpu_instance, GpuInstanceId{3});
  EXPECT_EQ(report.holders[0].evidence.at(0), root_ + "/dev/nvidia-caps/nvidia-cap30");
}

TEST_F(HoldersTest, OpenNodesAloneLeaveTheDriversListsOut) {
  process(7, "train", {"nvidia-caps/nvidia-cap31"});
  Process ended;
  ended.pid = 8;
  ended.gpu_instance = GpuInstanceId{3};
  inventory_.gpus[0].processes.push_back(ended);
  const auto report =
      find_open_nodes(inventory_, {root_ + "/proc", root_ + "/proc", root_ + "/dev"});
  ASSERT_TRUE(report);
  ASSERT_EQ(report->holders.size(), 1U);
  EXPECT_EQ(report->holders[0].pid, 7U);
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

// Nodes of a container are separate inodes: a character device is identified by its numbers, a
// regular file by its inode.
TEST_F(HoldersTest, ACharacterDeviceIsTheSameUnderAnyInode) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to make device nodes";
  }
  std::filesystem::create_directories(root_ + "/dev/nvidia-caps");
  std::filesystem::create_directories(root_ + "/container/dev");
  const auto node = [&](const std::string& path, unsigned minor) {
    // major of /dev/null's driver: these nodes lead to no GPU
    return ::mknod((root_ + path).c_str(), S_IFCHR | 0600, makedev(1, minor)) == 0;
  };
  if (!node("/dev/nvidia-caps/nvidia-cap30", 3) || !node("/container/dev/nvidia-cap7", 3) ||
      !node("/container/dev/nvidia-cap8", 5)) {
    GTEST_SKIP() << "no device nodes can be made here";
  }
  process(81, "guest", {"../container/dev/nvidia-cap7"});
  process(82, "other", {"../container/dev/nvidia-cap8"});
  const Report report = find();
  ASSERT_EQ(report.holders.size(), 1U);
  EXPECT_EQ(report.holders[0].pid, 81U);
  EXPECT_EQ(report.holders[0].gpu_instance, GpuInstanceId{3});
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

// A container may have an unrelated file at a node's path: the path alone is not evidence. Here the
// file is opened by a path that means another file outside of the container.
TEST_F(HoldersTest, AForeignFileAtANodesPathIsNotTheNode) {
  std::filesystem::create_directories(root_ + "/dev");
  write("/dev/nvidia0", "");
  process(7, "guest", {});
  std::filesystem::create_directories(root_ + "/proc/7/fd/dev");
  write("/proc/7/fd/dev/nvidia0", "not that one");
  std::filesystem::create_symlink("dev/nvidia0", root_ + "/proc/7/fd/3");
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(root_);
  const auto foreign = find_open_nodes(inventory_, {"proc", "proc", "dev"});
  std::filesystem::remove(root_ + "/proc/7/fd/dev/nvidia0");
  const auto gone = find_open_nodes(inventory_, {"proc", "proc", "dev"});
  std::filesystem::current_path(before);
  ASSERT_TRUE(foreign);
  EXPECT_TRUE(foreign->holders.empty());
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->holders.size(), 1U) << "what cannot be looked at has still its name";
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

// Pids and start times repeat after a reboot.
TEST_F(HoldersTest, AProcessOfAnEarlierBootHoldsNoLease) {
  process(31, "first", {});
  store::LeaseRow lease;
  lease.holder = LeaseHolder::process(31, 310);
  lease.boot_id = "this";
  const LifeRoots roots{root_ + "/proc", root_ + "/cgroup", nullptr};
  EXPECT_EQ(life_of(lease, {5000, 1000, "this"}, roots), Life::kLive);
  EXPECT_EQ(life_of(lease, {5000, 1000, "next"}, roots), Life::kDead);
  lease.holder.start_ticks = 311;
  EXPECT_EQ(life_of(lease, {5000, 1000, "this"}, roots), Life::kDead);
}

// systemd keeps the cgroup of a failed unit: its members are what counts.
TEST_F(HoldersTest, AUnitHoldsItsLeaseWhileAProcessIsInIt) {
  const std::string folder = "/cgroup/system.slice/train.service";
  const std::string first_version = "/cgroup/devices/system.slice/old.service";
  for (const std::string& one : {folder, first_version})
    std::filesystem::create_directories(root_ + one);
  write(folder + "/cgroup.events", "populated 1\nfrozen 0\n");
  EXPECT_EQ(cgroup_of_unit(root_ + "/cgroup", "train.service"), "/system.slice/train.service");
  write(folder + "/cgroup.events", "populated 0\nfrozen 0\n");
  EXPECT_EQ(cgroup_of_unit(root_ + "/cgroup", "train.service"), std::nullopt);
  // cgroup v1 has no cgroup.events file.
  write(first_version + "/cgroup.procs", "31\n");
  EXPECT_NE(cgroup_of_unit(root_ + "/cgroup", "old.service"), std::nullopt);
  write(first_version + "/cgroup.procs", "");
  EXPECT_EQ(cgroup_of_unit(root_ + "/cgroup", "old.service"), std::nullopt);
}

}  // namespace
}  // namespace mig::holders

// SPDX-License-Identifier: Apache-2.0
// Devices of a CDI file from made-up machines: names, nodes by minor, what a change withdraws; the
// text; libraries; the registration; the check before a start.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/fd.h"
#include "cdi/devices.h"
#include "cdi/foreign.h"
#include "cdi/keeper.h"
#include "cdi/libraries.h"
#include "cdi/start_check.h"
#include "cdi/test_machine.h"
#include "config/cdi_spec.h"

namespace mig::cdi {
namespace {

TEST_F(CdiTest, EveryInstanceHasItsNamesAndAGpuInMigModeHasNone) {
  const DeviceList made = list({{"train-a", "MIG-b"}});
  EXPECT_EQ(names(made.devices),
            (std::vector<std::string>{"0:0",
                                      "MIG-a",
                                      "1g.18gb-0",
                                      "0:1",
                                      "MIG-b",
                                      "1g.18gb.me-0",
                                      "0:2",
                                      "MIG-c",
                                      "1g.18gb-1",
                                      "1",
                                      "GPU-b",
                                      "train-a",
                                      "all"}));
  EXPECT_TRUE(made.left_out.empty());
  for (const Device& device : made.devices) {
    EXPECT_TRUE(is_device_name(device.name)) << device.name;
  }
}

TEST_F(CdiTest, NodesGoByTheMinorOfTheGpuAndNotByItsIndex) {
  const DeviceList made = list();
  const Device& first = made.devices.front();
  ASSERT_EQ(first.edits.nodes.size(), 3U);
  EXPECT_EQ(first.edits.nodes[0].path, "/dev/nvidia1");
  EXPECT_EQ(first.edits.nodes[0].major_number, 195U);
  EXPECT_EQ(first.edits.nodes[1], (DeviceNode{"/dev/nvidia-caps/nvidia-cap30", 241, 30, 0444, 0}));
  EXPECT_EQ(minors(first), (std::vector<std::uint32_t>{1, 30, 31}));
}

TEST_F(CdiTest, TheTableIsReadWhereTheDriverHasNoFileOfTheInstance) {
  const Inventory now = machine();
  fs::remove_all(root_ + "/proc/driver/nvidia/capabilities");
  write("proc/driver/nvidia-caps/mig-minors",
        "config 1\ngpu1/gi7/access 66\ngpu1/gi7/ci0/access 67\n");
  const DeviceList made = devices_of(now, {}, DriverFiles(roots_));
  EXPECT_EQ(minors(made.devices.front()), (std::vector<std::uint32_t>{1, 66, 67}));
  ASSERT_EQ(made.left_out.size(), 2U);
  EXPECT_NE(made.left_out[0].find("gpu1/gi9/access"), std::string::npos) << made.left_out[0];
}

TEST_F(CdiTest, ASlotWithoutAUsableNameIsLeftOutAndSaid) {
  const DeviceList made =
      list({{"0:1", "MIG-a"}, {"all", "MIG-a"}, {"ends-badly-", "MIG-b"}, {"gone", "MIG-z"}});
  ASSERT_EQ(made.left_out.size(), 3U);
  EXPECT_EQ(made.left_out[0], "slot 0:1: another device has this name");
  EXPECT_EQ(names(made.devices).size(), list().devices.size());
}

Step step(StepKind kind, const std::string& gpu, std::optional<std::uint32_t> gi, Placement place) {
  Step made;
  made.kind = kind;
  made.gpu_uuid = gpu;
  made.gpu_placement = place;
  if (gi) {
    made.gpu_instance = GpuInstanceId{*gi};
  }
  return made;
}

TEST_F(CdiTest, ADestroyWithdrawsItsInstanceAndEveryNameByPlace) {
  Plan plan;
  plan.steps = {step(StepKind::kDestroyGpuInstance, "GPU-a", 9, {1, 1})};
  Spec spec;
  spec.devices = list({{"train-a", "MIG-b"}, {"train-b", "MIG-c"}}).devices;
  const Spec left = without(spec, going_by(plan, machine()));
  EXPECT_EQ(names(left.devices),
            (std::vector<std::string>{"MIG-a", "MIG-c", "1", "GPU-b", "train-b"}));
}

TEST_F(CdiTest, ACreateWithdrawsNamesByPlaceOnly) {
  Plan plan;
  plan.steps = {step(StepKind::kCreateGpuInstance, "GPU-a", {}, {4, 4})};
  Spec spec;
  spec.devices = list({{"train-a", "MIG-b"}}).devices;
  EXPECT_EQ(names(without(spec, going_by(plan, machine())).devices),
            (std::vector<std::string>{"MIG-a", "MIG-b", "MIG-c", "1", "GPU-b", "train-a"}));
}

TEST_F(CdiTest, AModeChangeAndAReturnFromACrashWithdrawTheGpu) {
  Plan plan;
  plan.steps = {step(StepKind::kEnableMig, "GPU-b", {}, {})};
  Spec spec;
  spec.devices = list().devices;
  const auto left = names(without(spec, going_by(plan, machine())).devices);
  EXPECT_EQ(std::count(left.begin(), left.end(), "GPU-b"), 0);
  EXPECT_EQ(std::count(left.begin(), left.end(), "1"), 0);
  EXPECT_EQ(std::count(left.begin(), left.end(), "0:0"), 1);
  plan.steps = {step(StepKind::kCreateGpuInstance, "GPU-a", {}, {4, 4})};
  EXPECT_EQ(names(without(spec, going_by_recovery(plan)).devices),
            (std::vector<std::string>{"1", "GPU-b"}));
}

TEST_F(CdiTest, TheTextIsWhatReadersOfCdiTake) {
  Spec spec;
  spec.kind = "nvidia.com/gpu";
  spec.devices = list().devices;
  spec.common.mounts.push_back({"/a", "/b", false});
  const auto read = config::parse_cdi_spec(spec_text(spec), "x.yaml");
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->version, "0.5.0");
  ASSERT_EQ(read->devices.size(), spec.devices.size());
  EXPECT_EQ(read->devices[0].name, "0:0");
  EXPECT_EQ(read->devices[0].edits.nodes[1].minor_number, 30U);
  EXPECT_EQ(read->common.mounts, (std::vector<std::string>{"/a"}));
}

TEST_F(CdiTest, KindsAndNamesThatReadersRefuse) {
  for (const char* good : {"nvidia.com/gpu", "nvidia.com/mig", "management.nvidia.com/gpu"}) {
    EXPECT_TRUE(is_kind(good)) << good;
  }
  for (const char* bad : {"",
                          "nvidia.com",
                          "/gpu",
                          "a/gpu",
                          "nvidia.com/g",
                          "nvidia.com/g.pu",
                          "1nvidia/gpu",
                          "nvidia.com/gpu-",
                          "nvidia com/gpu"}) {
    EXPECT_FALSE(is_kind(bad)) << bad;
  }
  for (const char* bad : {"", "1g.18gb+me", "-a", "a-", "a b", "a/b", "a=b"}) {
    EXPECT_FALSE(is_device_name(bad)) << bad;
  }
}

TEST_F(CdiTest, TheFileIsWrittenOnlyWhereItDiffersAndGoesWithTheLastDevice) {
  const std::string path = root_ + "/cdi/migctl.json";
  Spec spec;
  spec.kind = "nvidia.com/gpu";
  spec.devices = list().devices;
  EXPECT_EQ(*put(spec, path), Written::kReplaced);
  EXPECT_EQ(*put(spec, path), Written::kUnchanged);

  struct stat info {};

  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0644U);
  EXPECT_EQ(*put({}, path), Written::kRemoved);
  EXPECT_EQ(*put({}, path), Written::kUnchanged);
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(CdiTest, ARegistrationIsReadAsItWasWritten) {
  EXPECT_EQ(registration_file("/s/journal.db"), "/s/cdi.json");
  EXPECT_EQ(registration_file("/s/sim-lab.db"), "/s/sim-lab-cdi.json");
  const std::string file = root_ + "/state/cdi.json";
  EXPECT_FALSE(read_registration(file)->has_value());
  const Registration wrote{"/x/y.json", "nvidia.com/mig", Hooks::kCheck, "/usr/bin/migctl", {"/l"}};
  ASSERT_TRUE(write_registration(file, wrote));
  EXPECT_EQ(**read_registration(file), wrote);
  write("state/cdi.json",
        R"({"format":1,"path":"relative","kind":"nvidia.com/gpu","hooks":"none",)"
        R"("hookProgram":"","libraryFolders":[]})");
  EXPECT_EQ(read_registration(file).error().code, ErrorCode::kInvalidInput);
  write("state/cdi.json", R"({"format":2})");
  EXPECT_EQ(read_registration(file).error().code, ErrorCode::kInvalidInput);
  ASSERT_TRUE(remove_registration(file));
  ASSERT_TRUE(remove_registration(file));
}

TEST_F(CdiTest, AStartIsRefusedUnlessTheFileStillHasTheDevice) {
  const std::string path = root_ + "/cdi/migctl.json";
  Spec spec;
  spec.kind = "nvidia.com/gpu";
  spec.devices = list().devices;
  const Hook hook = start_check("/usr/bin/migctl", path, spec.devices[1]);
  ASSERT_EQ(hook.arguments.size(), 6U);
  const auto start = [&] {
    return check_start(hook.arguments[3], hook.arguments[4], hook.arguments[5]);
  };
  EXPECT_EQ(start().error().code, ErrorCode::kConflict);  // no file
  ASSERT_TRUE(put(spec, path));
  EXPECT_TRUE(start()) << start().error().text();
  Spec other = spec;
  other.devices[1].edits.nodes[2].minor_number = 99;
  ASSERT_TRUE(put(other, path));
  EXPECT_NE(start().error().text().find("another instance"), std::string::npos);
  other.devices.erase(other.devices.begin() + 1);
  ASSERT_TRUE(put(other, path));
  EXPECT_NE(start().error().text().find("withdrawn"), std::string::npos);
}

TEST_F(CdiTest, TheHookTakesAllThatTheRuntimeWritesToIt) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const base::Fd out(ends[0]);
  const std::string state(300'000, 'x');  // more than a pipe holds: without a reader it blocks
  std::thread runtime([&, in = base::Fd(ends[1])] {
    for (std::size_t done = 0; done < state.size();) {
      const ssize_t wrote = ::write(in.get(), state.data() + done, state.size() - done);
      ASSERT_GT(wrote, 0);
      done += static_cast<std::size_t>(wrote);
    }
  });
  take_state(out.get());  // until the runtime closes its end
  runtime.join();
  char more = 0;
  EXPECT_EQ(::read(out.get(), &more, 1), 0);
  const base::Fd nothing(::open("/dev/zero", O_RDONLY | O_CLOEXEC));  // has no end
  take_state(nothing.get());
}

TEST_F(CdiTest, AnotherFileWithTheSameDeviceIsFound) {
  Spec spec;
  spec.kind = "nvidia.com/gpu";
  spec.devices = list().devices;
  const std::string own = root_ + "/etc/cdi/migctl.json";
  ASSERT_TRUE(put(spec, own));
  const auto in = [&] { return named_elsewhere(spec, own, {root_ + "/run/cdi"}); };
  EXPECT_TRUE(in().empty());
  const std::string text =
      "cdiVersion: 0.5.0\nkind: {}\ndevices:\n- name: \"0:1\"\n  containerEdits:\n    env: [A=1]\n";
  write("run/cdi/other.yaml", fmt::format(fmt::runtime(text), "nvidia.com/mig"));
  write("run/cdi/broken.yaml", "{");
  EXPECT_TRUE(in().empty());
  write("run/cdi/nvidia.yaml", fmt::format(fmt::runtime(text), "nvidia.com/gpu"));
  ASSERT_EQ(in().size(), 1U);
  EXPECT_EQ(in()[0].name, "nvidia.com/gpu=0:1");
}

// A cache as ldconfig writes it since glibc 2.2, of these names and paths.
std::string loader_cache(const std::vector<std::pair<std::string, std::string>>& entries) {
  const auto u32 = [](std::uint32_t value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof value);
  };
  std::string strings;
  std::string rows;
  const std::uint32_t base = 48 + static_cast<std::uint32_t>(entries.size()) * 24;
  for (const auto& [name, path] : entries) {
    const auto key = base + static_cast<std::uint32_t>(strings.size());
    strings += name + '\0';
    const auto value = base + static_cast<std::uint32_t>(strings.size());
    strings += path + '\0';
    rows += u32(0x0303) + u32(key) + u32(value) + u32(0) + u32(0) + u32(0);
  }
  return "glibc-ld.so.cache1.1" + u32(static_cast<std::uint32_t>(entries.size())) +
         u32(static_cast<std::uint32_t>(strings.size())) + std::string(20, '\0') + rows + strings;
}

TEST_F(CdiTest, TheLoadersCacheNamesFolders) {
  const std::string text = loader_cache({{"libc.so.6", "/lib/libc.so.6"},
                                         {"libcuda.so.1", "/opt/nv/libcuda.so.1"},
                                         {"libcuda.so.1", "/opt/nv32/libcuda.so.1"}});
  write("cache", text);
  EXPECT_EQ(folders_in_loader_cache(root_ + "/cache", "libcuda.so.1"),
            (std::vector<std::string>{"/opt/nv", "/opt/nv32"}));
  for (std::size_t cut = 0; cut < text.size(); cut += 7) {  // whatever is missing, nothing is read
    write("cache", text.substr(0, cut));
    static_cast<void>(folders_in_loader_cache(root_ + "/cache", "libcuda.so.1"));
  }
  EXPECT_TRUE(folders_in_loader_cache(root_ + "/none", "libcuda.so.1").empty());
}

TEST_F(CdiTest, LibrariesComeFromTheFirstFolderThatHasThemUnderAllTheirNames) {
  write("nvml/libnvidia-ml.so.580.1", "a");
  fs::create_symlink("libnvidia-ml.so.580.1", root_ + "/nvml/libnvidia-ml.so.1");
  write("cached/libcuda.so.580.1", "b");
  write("cached/libcuda.so.570.9", "old");
  fs::create_symlink("libcuda.so.580.1", root_ + "/cached/libcuda.so.1");
  fs::create_symlink("libcuda.so.1", root_ + "/cached/libcuda.so");
  write("cached/libnvidia-ml.so.580.1", "second");
  write("cache", loader_cache({{"libcuda.so.1", root_ + "/cached/libcuda.so.1"}}));
  const auto found =
      find_libraries({"580.1", root_ + "/nvml/libnvidia-ml.so.1", {}, root_ + "/cache"});
  ASSERT_TRUE(found) << found.error().text();
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ((*found)[0].file, fs::canonical(root_ + "/cached/libcuda.so.580.1").string());
  EXPECT_EQ((*found)[0].names,
            (std::vector<std::string>{"libcuda.so", "libcuda.so.1", "libcuda.so.580.1"}));
  EXPECT_EQ((*found)[1].file, fs::canonical(root_ + "/nvml/libnvidia-ml.so.580.1").string());
  const auto none =
      find_libraries({"999.9", root_ + "/nvml/libnvidia-ml.so.1", {}, root_ + "/cache"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_NE(none.error().message.find(root_ + "/cached"), std::string::npos);
}

// A machine with a driver below the test's folder.
class KeeperTest : public CdiTest {
 protected:
  void SetUp() override {
    CdiTest::SetUp();
    write("lib/libcuda.so.580.1", "a");
    fs::create_symlink("libcuda.so.580.1", root_ + "/lib/libcuda.so.1");
    registration_.path = root_ + "/cdi/migctl.json";
    registration_.hook_program = "/usr/bin/hook";
    registration_.library_folders = {root_ + "/lib"};
    now_ = machine();
    now_.driver_version = "580.1";
  }

  Spec made() {
    Keeper keeper(roots_, root_ + "/lib/libnvidia-ml.so.1");
    auto made = keeper.make(now_, {}, registration_);
    EXPECT_TRUE(made) << made.error().text();
    return made ? std::move(made->spec) : Spec{};
  }

  std::vector<std::string> mounted(const Spec& spec) const {
    const std::string file = fs::canonical(root_ + "/lib/libcuda.so.580.1").string();
    std::vector<std::string> found;
    for (const Mount& mount : spec.common.mounts) {
      if (mount.host == file) {
        found.push_back(mount.container);
      }
    }
    return found;
  }

  Registration registration_;
  Inventory now_;
};

TEST_F(KeeperTest, WithoutHooksALibraryIsThereUnderEachNameInBothDefaultFolders) {
  const Spec spec = made();
  const std::string debian = default_folders()[0];
  EXPECT_EQ(mounted(spec),
            (std::vector<std::string>{debian + "/libcuda.so.1",
                                      debian + "/libcuda.so.580.1",
                                      "/usr/lib64/libcuda.so.1",
                                      "/usr/lib64/libcuda.so.580.1"}));
  EXPECT_TRUE(spec.common.hooks.empty());
  EXPECT_TRUE(spec.devices[0].edits.hooks.empty());
}

TEST_F(KeeperTest, NvidiasOlderHookIsToldToDoNothingInBothWays) {
  const Spec spec = made();
  EXPECT_EQ(spec.common.env, (std::vector<std::string>{"NVIDIA_VISIBLE_DEVICES=void"}));
  const auto is_told = [](const Mount& mount) {
    return mount.host == "/dev/null" && !mount.writable &&
           mount.container == "/var/run/nvidia-container-devices/void";
  };
  EXPECT_EQ(std::count_if(spec.common.mounts.begin(), spec.common.mounts.end(), is_told), 1);
}

TEST_F(KeeperTest, WithNvidiasHookItIsThereOnceAndTheHookMakesTheRest) {
  registration_.hooks = Hooks::kNvidia;
  const Spec spec = made();
  const std::string file = fs::canonical(root_ + "/lib/libcuda.so.580.1").string();
  EXPECT_EQ(mounted(spec), (std::vector<std::string>{file}));
  std::vector<std::string> order;
  for (const Hook& hook : spec.common.hooks) {
    EXPECT_EQ(hook.path, "/usr/bin/hook");
    EXPECT_EQ(hook.name, "createContainer");
    order.push_back(hook.arguments.at(1));
  }
  EXPECT_EQ(order,
            (std::vector<std::string>{"create-symlinks",
                                      "enable-cuda-compat",
                                      "update-ldcache",
                                      "disable-device-node-modification"}));
  const std::string link =
      "libcuda.so.580.1::" + fs::path(file).parent_path().string() + "/libcuda.so.1";
  const auto& links = spec.common.hooks[0].arguments;
  EXPECT_EQ(std::count(links.begin(), links.end(), link), 1);
}

TEST_F(KeeperTest, WithTheCheckEachDeviceHasItsOwnHook) {
  registration_.hooks = Hooks::kCheck;
  const Spec spec = made();
  for (const Device& device : spec.devices) {
    ASSERT_EQ(device.edits.hooks.size(), 1U) << device.name;
    EXPECT_EQ(device.edits.hooks[0].arguments.at(4), device.name);
  }
  ASSERT_TRUE(put(spec, registration_.path));
  const auto& words = spec.devices[0].edits.hooks[0].arguments;
  EXPECT_TRUE(check_start(words[3], words[4], words[5]));
}

TEST_F(KeeperTest, MissingCapabilityNodesAreMadeWithTheDriversNumbersAndMode) {
  fs::create_directories(root_ + "/dev/nvidia-caps");
  if (::mknod((root_ + "/dev/probe").c_str(), S_IFCHR | 0400, 0) != 0) {
    GTEST_SKIP() << "device nodes need root";
  }
  made();

  struct stat info {};

  ASSERT_EQ(::stat((root_ + "/dev/nvidia-caps/nvidia-cap30").c_str(), &info), 0);
  EXPECT_TRUE(S_ISCHR(info.st_mode));
  EXPECT_EQ(info.st_mode & 0777U, 0444U);
  EXPECT_EQ(major(info.st_rdev), 241U);
  EXPECT_EQ(minor(info.st_rdev), 30U);
  EXPECT_FALSE(fs::exists(root_ + "/dev/nvidia1")) << "the driver's own nodes are not ours to make";
}

}  // namespace
}  // namespace mig::cdi

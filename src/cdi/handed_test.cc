// SPDX-License-Identifier: Apache-2.0
// What a container is handed in cases that are rare: unusual drivers, other users' rights, plans
// that name less, files in other places. Each was once a change to the code that no test noticed.
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "cdi/audit.h"
#include "cdi/foreign.h"
#include "cdi/keeper.h"
#include "cdi/libraries.h"
#include "cdi/start_check.h"
#include "cdi/test_machine.h"

namespace mig::cdi {
namespace {

// For a while, as a careful administrator's shell.
class Umask {
 public:
  explicit Umask(mode_t mask) : before_(::umask(mask)) {}

  ~Umask() { ::umask(before_); }

  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;

 private:
  mode_t before_;
};

class HandedTest : public CdiTest {
 protected:
  Spec spec_of(const Inventory& now) {
    Spec spec;
    spec.kind = "nvidia.com/gpu";
    spec.devices = devices_of(now, {}, DriverFiles(roots_)).devices;
    return spec;
  }

  static std::size_t count(const std::string& text, const std::string& words) {
    std::size_t found = 0;
    for (auto at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) {
      ++found;
    }
    return found;
  }

  // A character device below the test's folder; false: it needs root.
  bool device(const std::string& path, unsigned major_number, unsigned minor_number) const {
    const fs::path file = fs::path(root_) / path;
    fs::create_directories(file.parent_path());
    return ::mknod(file.c_str(), S_IFCHR | 0600, makedev(major_number, minor_number)) == 0;
  }

  static std::vector<std::string> left(const Spec& spec, const Plan& plan, const Inventory& now) {
    return names(without(spec, going_by(plan, now)).devices);
  }
};

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Step destroy(std::optional<std::uint32_t> gi, Placement place) {
  Step step;
  step.kind = StepKind::kDestroyGpuInstance;
  step.gpu_uuid = "GPU-a";
  step.gpu_placement = place;
  if (gi) {
    step.gpu_instance = GpuInstanceId{*gi};
  }
  return step;
}

TEST_F(HandedTest, TheTextHasGroupRightsAndEnvironmentWhereThereAreAny) {
  Spec spec;
  spec.kind = "nvidia.com/gpu";
  spec.common.nodes = {{"/dev/a", 1, 2, 0660, 0}, {"/dev/b", 1, 3, 0660, 44}};
  spec.common.mounts = {{"/a", "/a", false}};
  spec.common.hooks = {{"createRuntime", "/h", {"h"}, {}}};
  const std::string text = spec_text(spec);
  EXPECT_EQ(count(text, "\"gid\""), 1U);
  EXPECT_EQ(count(text, "\"gid\": 44"), 1U);
  EXPECT_EQ(count(text, "\"type\": \"c\""), 2U);
  EXPECT_EQ(count(text, "\"ro\""), 1U);
  EXPECT_EQ(count(text, "\"rw\""), 0U);
  EXPECT_EQ(count(text, "\"env\""), 0U);
  spec.common.mounts[0].writable = true;
  spec.common.hooks[0].env = {"A=1"};
  EXPECT_EQ(count(spec_text(spec), "\"rw\""), 1U);
  EXPECT_EQ(count(spec_text(spec), "\"A=1\""), 1U);
}

TEST_F(HandedTest, AKindHasAtMost63LettersInEachPart) {
  EXPECT_TRUE(is_kind("nvidia.com/" + std::string(63, 'g')));
  EXPECT_FALSE(is_kind("nvidia.com/" + std::string(64, 'g')));
}

TEST_F(HandedTest, AllHasEachNodeOnce) {
  const auto nodes = spec_of(machine()).devices.back().edits.nodes;
  EXPECT_EQ(std::set<DeviceNode>(nodes.begin(), nodes.end()).size(), nodes.size());
  EXPECT_EQ(nodes.size(), 8U) << "two GPUs, two nodes for each of three instances";
}

TEST_F(HandedTest, WhatIsNotKnownIsLeftOutAndSaid) {
  Inventory now = machine();
  now.gpus[1].minor.reset();
  now.gpus[0].instances[1].compute_instances[0].uuid.clear();
  fs::remove_all(root_ + "/proc/driver/nvidia/capabilities/gpu1/mig/gi7");
  const DeviceList made = devices_of(now, {}, DriverFiles(roots_));
  EXPECT_EQ(names(made.devices), (std::vector<std::string>{"0:2", "MIG-c", "1g.18gb-1", "all"}))
      << "an ordinal does not move up";
  ASSERT_EQ(made.left_out.size(), 3U);
  EXPECT_NE(made.left_out[1].find("no UUID"), std::string::npos);
  EXPECT_EQ(made.left_out[2], "GPU 1: its driver reports no minor number");
}

TEST_F(HandedTest, TheOrderIsThatOfTheDriversIndices) {
  Inventory now = machine();
  now.gpus[0].instances[0].compute_instances[0].device_index = 2;
  now.gpus[0].instances[2].compute_instances[0].device_index = 0;
  const auto found = names(spec_of(now).devices);
  EXPECT_EQ(found[0], "0:0");
  EXPECT_EQ(found[1], "MIG-c");
  EXPECT_EQ(found[2], "1g.18gb-0");
}

TEST_F(HandedTest, AnInstanceWithGraphicsHasTheRenderingNode) {
  if (!device("dev/dri/renderD128", 226, 128)) {
    GTEST_SKIP() << "device nodes need root";
  }
  write("sys/bus/pci/devices/0000:07:00.0/drm/renderD128/dev", "226:128\n");
  Inventory now = machine();
  now.gpus[0].pci_bus_id = "00000000:07:00.0";
  GpuInstanceProfile plain;
  plain.name = now.gpus[0].instances[0].name;
  GpuInstanceProfile graphics;
  graphics.name = now.gpus[0].instances[1].name;
  graphics.graphics = true;
  now.gpus[0].profiles = {plain, graphics};
  const Spec spec = spec_of(now);
  EXPECT_EQ(minors(*spec.find("MIG-a")), (std::vector<std::uint32_t>{1, 30, 31}));
  EXPECT_EQ(minors(*spec.find("MIG-b")), (std::vector<std::uint32_t>{1, 39, 40, 128}));
}

TEST_F(HandedTest, APlanMayNameAnInstanceByIdOrByPlace) {
  const Inventory now = machine();
  const Spec spec = spec_of(now);
  Plan plan;
  plan.steps = {destroy(9, {7, 1})};
  EXPECT_FALSE(has(left(spec, plan, now), "MIG-b"));
  EXPECT_TRUE(has(left(spec, plan, now), "MIG-a"));
  plan.steps = {destroy({}, {2, 1})};
  EXPECT_FALSE(has(left(spec, plan, now), "MIG-c"));
  EXPECT_TRUE(has(left(spec, plan, now), "MIG-a"));
}

TEST_F(HandedTest, ComputeInstancesOfOneGpuInstanceComeAndGoAlone) {
  Inventory now = machine();
  ComputeInstance second = now.gpus[0].instances[0].compute_instances[0];
  second.id = {1};
  second.uuid = "MIG-d";
  second.device_index = 3;
  now.gpus[0].instances[0].compute_instances.push_back(second);
  capability(1, 7, 1, 30);
  const Spec spec = spec_of(now);
  EXPECT_EQ(minors(*spec.find("MIG-d")), (std::vector<std::uint32_t>{1, 30, 32}));
  Plan plan;
  plan.steps = {destroy(7, {0, 1})};
  plan.steps[0].kind = StepKind::kDestroyComputeInstance;
  plan.steps[0].compute_instance = ComputeInstanceId{1};
  EXPECT_FALSE(has(left(spec, plan, now), "MIG-d"));
  EXPECT_TRUE(has(left(spec, plan, now), "MIG-a"));
}

TEST_F(HandedTest, AResetWithdrawsItsGpu) {
  const Inventory now = machine();
  Plan plan;
  plan.steps = {destroy({}, {})};
  plan.steps[0].kind = StepKind::kResetGpu;
  const auto kept = left(spec_of(now), plan, now);
  EXPECT_FALSE(has(kept, "MIG-a"));
  EXPECT_TRUE(has(kept, "GPU-b"));
}

TEST_F(HandedTest, NumbersAreThoseOfCharacterDevicesOldDriversIncluded) {
  write("proc/devices",
        "Character devices:\n195 nvidia-frontend\n\nBlock devices:\n241 nvidia-caps\n");
  const DriverFiles files(roots_);
  const auto gpu = files.gpu(0);
  ASSERT_TRUE(gpu) << gpu.error().text();
  EXPECT_EQ(gpu->major_number, 195U);
  capability(1, 7, 0, 30);
  EXPECT_FALSE(files.instance(1, {7}, {0})) << "the numbers are a disk's";
}

TEST_F(HandedTest, ASharedNodeThatTheHostDoesNotHaveIsNotNamed) {
  std::vector<std::string> paths;
  for (const DeviceNode& node : DriverFiles(roots_).shared()) {
    paths.push_back(node.path);
  }
  EXPECT_EQ(
      paths,
      (std::vector<std::string>{"/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidiactl"}));
}

TEST_F(HandedTest, TheUmaskDoesNotShutWhatIsMade) {
  const Umask careful(077);
  const std::string path = root_ + "/cdi/migctl.json";
  ASSERT_TRUE(put(spec_of(machine()), path));

  struct stat info {};

  ASSERT_EQ(::stat((root_ + "/cdi").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0755U);
  if (!device("dev/probe", 1, 3)) {
    GTEST_SKIP() << "device nodes need root";
  }
  EXPECT_TRUE(DriverFiles(roots_).have({"/dev/nvidia-caps/nvidia-cap30", 241, 30, 0444, 0}));
  ASSERT_EQ(::stat((root_ + "/dev/nvidia-caps/nvidia-cap30").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0444U);
}

TEST_F(HandedTest, TheFolderThatIsNamedIsSearchedFirst) {
  write("own/libcuda.so.580.1", "own");
  write("nvml/libcuda.so.580.1", "other");
  const auto found = find_libraries(
      {"580.1", root_ + "/nvml/libnvidia-ml.so.1", {root_ + "/own"}, root_ + "/none"});
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ((*found)[0].file, fs::canonical(root_ + "/own/libcuda.so.580.1").string());
}

TEST_F(HandedTest, NoFileWithoutLibcuda) {
  write("nvml/libnvidia-ml.so.580.1", "a");
  const auto found =
      find_libraries({"580.1", root_ + "/nvml/libnvidia-ml.so.580.1", {}, root_ + "/none"});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kNotFound);
}

TEST_F(HandedTest, ARegistrationOfAnotherFormatKindOrUserIsRefused) {
  const std::string file = root_ + "/state/cdi.json";
  const auto look = [&](const std::string& format, const std::string& kind) {
    write("state/cdi.json",
          R"({"format":)" + format + R"(,"path":"/x.json","kind":")" + kind +
              R"(","hooks":"none","hookProgram":"","libraryFolders":[]})");
    const auto read = read_registration(file);
    return read ? ErrorCode::kFindings : read.error().code;  // kFindings: fine
  };
  EXPECT_EQ(look("1", "nvidia.com/gpu"), ErrorCode::kFindings);
  EXPECT_EQ(look("2", "nvidia.com/gpu"), ErrorCode::kInvalidInput);
  EXPECT_EQ(look("1", "gpu"), ErrorCode::kInvalidInput);
  ::chmod(file.c_str(), 0666);
  EXPECT_EQ(look("1", "nvidia.com/gpu"), ErrorCode::kPermission);
}

TEST_F(HandedTest, AStartDoesNotDependOnTheOrderOfNodes) {
  const std::string path = root_ + "/cdi/migctl.json";
  Spec spec = spec_of(machine());
  const Hook hook = start_check("/usr/bin/migctl", path, spec.devices[0]);
  std::reverse(spec.devices[0].edits.nodes.begin(), spec.devices[0].edits.nodes.end());
  ASSERT_TRUE(put(spec, path));
  EXPECT_TRUE(check_start(hook.arguments[3], hook.arguments[4], hook.arguments[5]));
}

TEST_F(HandedTest, OtherFilesAreFoundBesideOursAndOursIsNotOneOfThem) {
  const Spec spec = spec_of(machine());
  const std::string real = root_ + "/run/cdi/real.json";
  const std::string own = root_ + "/etc/cdi/migctl.json";
  ASSERT_TRUE(put(spec, real));
  fs::create_directories(root_ + "/etc/cdi");
  fs::create_symlink(real, own);
  EXPECT_TRUE(named_elsewhere(spec, own, {root_ + "/run/cdi"}).empty()) << "a link to it";
  write("etc/cdi/other.yml",
        "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices:\n- name: \"0:1\"\n"
        "  containerEdits:\n    env: [A=1]\n");
  ASSERT_EQ(named_elsewhere(spec, own, {}).size(), 1U);
}

TEST_F(HandedTest, AKeeperFollowsItsRegistration) {
  write("lib/libcuda.so.580.1", "a");
  Inventory now = machine();
  now.driver_version = "580.1";
  Registration registration{
      root_ + "/x.json", "nvidia.com/gpu", Hooks::kNone, "/hook", {root_ + "/lib"}};
  Keeper keeper(roots_, root_ + "/lib/libnvidia-ml.so.1");
  EXPECT_TRUE(keeper.make(now, {}, registration)->spec.common.hooks.empty());
  registration.hooks = Hooks::kNvidia;
  EXPECT_FALSE(keeper.make(now, {}, registration)->spec.common.hooks.empty());
}

class AuditTest : public HandedTest {
 protected:
  void SetUp() override {
    HandedTest::SetUp();
    registration_.path = root_ + "/cdi/migctl.json";
    registration_.kind = "nvidia.com/gpu";
    wanted_.spec = spec_of(machine());
  }

  CheckResult check(const std::string& id) {
    for (CheckResult& one : audit({registration_, wanted_, roots_, "migctl"})) {
      if (one.id == id) {
        return std::move(one);
      }
    }
    ADD_FAILURE() << id;
    return {};
  }

  // The check of the devices when the file has `kept`.
  std::string told(const Spec& kept) {
    EXPECT_TRUE(put(kept, registration_.path));
    const CheckResult result = check("cdi-kept-devices");
    EXPECT_EQ(result.verdict, result.evidence.empty() ? Verdict::kOk : Verdict::kProblem);
    return result.evidence.empty() ? "" : result.evidence.front();
  }

  Registration registration_;
  Made wanted_;
};

TEST_F(AuditTest, EachDifferenceOfADeviceIsTold) {
  EXPECT_EQ(told(wanted_.spec), "");
  Spec kept = wanted_.spec;
  kept.devices[0].name = "0:9";
  EXPECT_NE(told(kept).find("0:9 is of no instance that exists"), std::string::npos);
  kept = wanted_.spec;
  kept.devices.erase(kept.devices.begin() + 1);
  EXPECT_NE(told(kept).find("MIG-a is missing"), std::string::npos);
  kept = wanted_.spec;
  kept.devices[0].edits.nodes[1].minor_number = 39;
  EXPECT_NE(told(kept).find("hands over"), std::string::npos);
}

TEST_F(AuditTest, AFileThatRootlessEnginesCannotReadIsTold) {
  ASSERT_TRUE(put(wanted_.spec, registration_.path));
  EXPECT_EQ(check("cdi-kept-file").verdict, Verdict::kOk);
  ::chmod(registration_.path.c_str(), 0600);
  EXPECT_EQ(check("cdi-kept-file").verdict, Verdict::kWarning);
}

TEST_F(AuditTest, TheWorstOfSeveralFindingsIsTheVerdict) {
  if (!device("dev/nvidia-caps/nvidia-cap30", 241, 31)) {
    GTEST_SKIP() << "device nodes need root";
  }
  const CheckResult result = check("cdi-nodes");
  ASSERT_GT(result.evidence.size(), 1U) << "a wrong node, and nodes that are missing";
  EXPECT_EQ(result.verdict, Verdict::kProblem);
}

}  // namespace
}  // namespace mig::cdi

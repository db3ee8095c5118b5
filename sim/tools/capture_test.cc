// SPDX-License-Identifier: Apache-2.0
// Capture of simulated machines with known boards: the figures read must equal the board file's.
#include "sim/tools/capture.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "abi/simulated.h"
#include "sim/gpus/board.h"
#include "sim/tools/create.h"

namespace migsim {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDate = "2026-11-24";

// A simulated machine of one GPU, opened through NVML.
class CapturedMachine {
 public:
  explicit CapturedMachine(const std::string& board) {
    std::string root = fs::temp_directory_path() / "capture-XXXXXX";
    EXPECT_NE(mkdtemp(root.data()), nullptr);
    root_ = root;
    setenv("MIGSIM_ROOT", root_.c_str(), 1);
    MachineSpec spec;
    spec.name = "rig";
    spec.gpus = "1x " + board;
    spec.latency = "none";
    std::string dir;
    const Problem problem = create_machine(spec, dir);
    EXPECT_TRUE(problem.ok()) << problem.message;
    setenv("MIGSIM_MACHINE", dir.c_str(), 1);
    library_ = dlopen(MIG_SIM_NVML_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    EXPECT_NE(library_, nullptr) << dlerror();
    EXPECT_EQ(MIGSIM_NVML(calls(), nvmlInitWithFlags, 0U), NVML_SUCCESS);
    EXPECT_EQ(MIGSIM_NVML(calls(), nvmlDeviceGetHandleByIndex_v2, 0U, &gpu), NVML_SUCCESS);
  }

  ~CapturedMachine() {
    reinterpret_cast<nvmlReturn_t (*)()>(lookup("nvmlShutdown"))();
    unsetenv("MIGSIM_MACHINE");
    unsetenv("MIGSIM_ROOT");
    fs::remove_all(root_);
  }

  CapturedMachine(const CapturedMachine&) = delete;
  CapturedMachine& operator=(const CapturedMachine&) = delete;

  void* lookup(const char* name) const { return dlsym(library_, name); }

  NvmlCalls calls() const {
    return NvmlCalls([this](const char* name) { return lookup(name); });
  }

  void enable_mig() const {
    nvmlReturn_t activation = NVML_SUCCESS;
    ASSERT_EQ(MIGSIM_NVML(calls(), nvmlDeviceSetMigMode, gpu, 1U, &activation), NVML_SUCCESS);
    constexpr unsigned char kGuid[16] = MIGSIM_CONTROL_GUID;
    const void* table = nullptr;
    ASSERT_EQ(MIGSIM_NVML(calls(), nvmlInternalGetExportTable, &table, &kGuid[0]), NVML_SUCCESS);
    ASSERT_EQ(static_cast<const migsim_control*>(table)->reset_gpu(0), NVML_SUCCESS);
  }

  nvmlDevice_t gpu = nullptr;

 private:
  fs::path root_;
  void* library_ = nullptr;
};

Board builtin(std::string_view key) {
  Board board;
  std::string error;
  EXPECT_TRUE(load_board(builtin_board(key), board, error)) << error;
  return board;
}

std::set<std::string> keys_of(const std::map<std::string, std::string>& map) {
  std::set<std::string> keys;
  for (const auto& [key, value] : map) {
    EXPECT_FALSE(value.empty()) << key;
    keys.insert(key);
  }
  return keys;
}

// Paths of figures that the board file leaves unknown or (`from_files_too`) takes from a source
// other than the driver.
std::set<std::string> untold_of(const Board& board, bool from_files_too) {
  std::set<std::string> paths;
  for (const CaptureFigure& figure : capture_figures()) {
    const bool no_call = std::string_view(figure.block) == "roofline" ||
                         std::string_view(figure.key) == "full_c" ||
                         std::string_view(figure.key) == "bar1_mig_bytes";
    if (std::string_view(figure.key) == "fan_percent") {
      continue;  // unknown on boards without a fan
    }
    if (board.*figure.field == kUnknown || (no_call && !from_files_too)) {
      paths.insert(figure.path());
    }
  }
  if (board.pci_subsystem_id == 0) {
    paths.insert("identity.pci_subsystem_id");
  }
  if (board.vbios[0] == '\0') {
    paths.insert("identity.vbios");
  }
  if (board.part_number[0] == '\0') {
    paths.insert("identity.part_number");
  }
  // The simulator interpolates the temperature between the idle and the full figure.
  if (board.temperature_full_c == kUnknown && !from_files_too) {
    paths.insert("temperature.idle_c");
  }
  if (board.power_limit_mw == kUnknown) {
    paths.insert("power.min_limit_mw");
  }
  return paths;
}

std::vector<std::string> lines(const Capture& capture, const Board& other) {
  std::vector<std::string> out;
  for (const Difference& difference : differences(capture, other)) {
    out.push_back(difference.line());
  }
  return out;
}

class EveryBoard : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryBoard, IsReadAsItsFileSays) {
  const Board known = builtin(GetParam());
  const CapturedMachine rig(GetParam());
  Capture capture;
  const Problem problem = read_board(rig.calls(), 0, kDate, capture);
  ASSERT_TRUE(problem.ok()) << problem.message;
  EXPECT_EQ(lines(capture, known), std::vector<std::string>());
  EXPECT_EQ(keys_of(capture.untold), untold_of(known, false));
  EXPECT_STREQ(capture.board.key, known.key);
  EXPECT_EQ(capture.board.gi_profile_count, known.gi_profile_count);
  EXPECT_EQ(capture.machine, "rig");
  for (const auto& [path, origin] : capture.origins) {
    EXPECT_NE(origin.kind, "measured") << path << ": a simulated machine is no measurement";
  }
}

TEST_P(EveryBoard, TheFileMadeOfItIsABoardFile) {
  const CapturedMachine rig(GetParam());
  Capture capture;
  ASSERT_TRUE(read_board(rig.calls(), 0, kDate, capture).ok());
  Board again;
  std::string error;
  ASSERT_TRUE(load_board(print_board(capture), again, error)) << error;
  EXPECT_EQ(lines(capture, again), std::vector<std::string>());
}

TEST_P(EveryBoard, FilledInItIsTheBuiltInBoard) {
  const Board known = builtin(GetParam());
  const CapturedMachine rig(GetParam());
  Capture capture;
  ASSERT_TRUE(read_board(rig.calls(), 0, kDate, capture).ok());
  std::string error;
  ASSERT_TRUE(fill_from(builtin_board(GetParam()), capture, error)) << error;
  EXPECT_EQ(keys_of(capture.untold), untold_of(known, true));
  Board again;
  ASSERT_TRUE(load_board(print_board(capture), again, error)) << error;
  // Compared in both directions, so that neither has a figure more.
  capture.board = again;
  EXPECT_EQ(lines(capture, known), std::vector<std::string>());
  capture.board = known;
  EXPECT_EQ(lines(capture, again), std::vector<std::string>());
  for (std::uint32_t i = 0; i < known.gi_profile_count; ++i) {
    for (std::uint32_t c = 0; c < known.gi_profiles[i].ci_profile_count; ++c) {
      EXPECT_EQ(again.gi_profiles[i].ci_profiles[c].sm, known.gi_profiles[i].ci_profiles[c].sm);
    }
  }
}

// Compute profiles of a profile with an existing instance are read, not derived.
TEST_P(EveryBoard, ComputeProfilesAreReadOffInstances) {
  const Board known = builtin(GetParam());
  const CapturedMachine rig(GetParam());
  rig.enable_mig();
  for (std::uint32_t i = 0; i < known.gi_profile_count; ++i) {
    const GiProfile& profile = known.gi_profiles[i];
    nvmlGpuInstance_t instance = nullptr;
    ASSERT_EQ(MIGSIM_NVML(rig.calls(), nvmlDeviceCreateGpuInstance, rig.gpu, profile.id, &instance),
              NVML_SUCCESS)
        << profile.name;
    Capture capture;
    const Problem problem = read_board(rig.calls(), 0, kDate, capture);
    ASSERT_TRUE(problem.ok()) << problem.message;
    const GiProfile& read = capture.board.gi_profiles[i];
    EXPECT_EQ(capture.compute[i], Capture::Compute::kRead) << profile.name;
    ASSERT_EQ(read.ci_profile_count, profile.ci_profile_count) << profile.name;
    for (std::uint32_t c = 0; c < read.ci_profile_count; ++c) {
      EXPECT_EQ(read.ci_profiles[c].profile, profile.ci_profiles[c].profile) << profile.name;
      EXPECT_EQ(read.ci_profiles[c].sm, profile.ci_profiles[c].sm) << read.ci_profiles[c].name;
      EXPECT_EQ(read.ci_profiles[c].is_default, profile.ci_profiles[c].is_default);
      EXPECT_STREQ(read.ci_profiles[c].name, profile.ci_profiles[c].name);
    }
    EXPECT_EQ(MIGSIM_NVML(rig.calls(), nvmlGpuInstanceDestroy, instance), NVML_SUCCESS);
  }
}

INSTANTIATE_TEST_SUITE_P(Boards,
                         EveryBoard,
                         ::testing::ValuesIn([] {
                           std::vector<std::string> keys;
                           for (const std::string_view key : builtin_board_keys()) {
                             keys.emplace_back(key);
                           }
                           return keys;
                         }()),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

nvmlReturn_t no_threshold(nvmlDevice_t, nvmlTemperatureThresholds_t, unsigned*) {
  return NVML_ERROR_NOT_SUPPORTED;
}

nvmlReturn_t no_placements(nvmlDevice_t, unsigned, nvmlGpuInstancePlacement_t*, unsigned*) {
  return NVML_ERROR_NO_PERMISSION;
}

nvmlReturn_t one_process(nvmlDevice_t, unsigned* count, nvmlProcessInfo_t*) {
  *count = 1;
  return NVML_ERROR_INSUFFICIENT_SIZE;
}

// The rig's library with one function replaced by a fake.
template <class Function>
NvmlCalls with(const CapturedMachine& rig, const char* name, Function* function) {
  return NvmlCalls([&rig, name, function](const char* wanted) {
    return std::string_view(wanted) == name ? reinterpret_cast<void*>(function)
                                            : rig.lookup(wanted);
  });
}

// An H200 (580.159.04) reports no thresholds, only margins.
TEST(Capture, ThresholdsFollowFromDistances) {
  const CapturedMachine rig("h200-141gb");
  Capture capture;
  ASSERT_TRUE(
      read_board(with(rig, "nvmlDeviceGetTemperatureThreshold", no_threshold), 0, kDate, capture)
          .ok());
  EXPECT_EQ(capture.board.temperature_slowdown_c, 89);
  EXPECT_EQ(capture.board.temperature_shutdown_c, 95);
  EXPECT_FALSE(capture.untold.contains("temperature.slowdown_c"));
  EXPECT_EQ(capture.origins.at("temperature.slowdown_c").kind, "derived");
}

TEST(Capture, WhatOnlyRootIsToldIsSaid) {
  const CapturedMachine rig("h200-141gb");
  Capture capture;
  const Problem problem = read_board(
      with(rig, "nvmlDeviceGetGpuInstancePossiblePlacements_v2", no_placements), 0, kDate, capture);
  EXPECT_EQ(problem.code, Exit::kPermission);
  EXPECT_NE(problem.hint.find("sudo"), std::string::npos);
}

TEST(Capture, ABusyGpuGivesNoIdleReadings) {
  const CapturedMachine rig("h200-141gb");
  Capture capture;
  ASSERT_TRUE(
      read_board(
          with(rig, "nvmlDeviceGetComputeRunningProcesses_v3", one_process), 0, kDate, capture)
          .ok());
  for (const char* path :
       {"power.idle_mw", "temperature.idle_c", "clocks.sm_idle_mhz", "clocks.mem_idle_mhz"}) {
    EXPECT_TRUE(capture.untold.contains(path)) << path;
    EXPECT_FALSE(capture.origins.contains(path)) << path;
  }
}

TEST(Capture, AGpuThatIsNotThere) {
  const CapturedMachine rig("a30-24gb");
  Capture capture;
  EXPECT_EQ(read_board(rig.calls(), 1, kDate, capture).code, Exit::kNotFound);
}

TEST(Capture, DifferencesAreNamed) {
  const CapturedMachine rig("h200-141gb");
  Capture capture;
  ASSERT_TRUE(read_board(rig.calls(), 0, kDate, capture).ok());
  Board other = builtin("h200-141gb");
  other.power_limit_mw = 650000;
  other.gi_profiles[0].engines.jpeg = 0;
  other.gi_profiles[2].placement_count = 3;
  EXPECT_EQ(lines(capture, other),
            (std::vector<std::string>{
                "power.limit_mw: read 700000, the built-in board has 650000",
                "mig.profiles[enum=0].engines: read 1 CE 1 DEC 0 ENC 1 JPEG 0 OFA, the built-in "
                "board has 1 CE 1 DEC 0 ENC 0 JPEG 0 OFA",
                "mig.profiles[enum=9].placements: read {0,2,4,6}:2, the built-in board has "
                "{0,2,4}:2"}));
}

TEST(Capture, WhatVariesFromCardToCardIsNoDifferenceOfTheModel) {
  const CapturedMachine rig("h200-141gb");
  Capture capture;
  ASSERT_TRUE(read_board(rig.calls(), 0, kDate, capture).ok());
  Board other = builtin("h200-141gb");
  other.power_idle_mw = 76000;
  other.clock_sm_max_mhz = 1755;
  const std::vector<Difference> found = differences(capture, other);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].figure, "power.idle_mw");
  EXPECT_TRUE(found[0].varies);
  EXPECT_EQ(found[1].figure, "clocks.sm_max_mhz");
  EXPECT_FALSE(found[1].varies);
}

}  // namespace
}  // namespace migsim

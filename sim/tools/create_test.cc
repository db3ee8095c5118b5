// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/create.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "sim/machine/mig.h"
#include "sim/machine/process.h"
#include "sim/tools/cmd_inject.h"
#include "sim/tools/commands.h"
#include "sim/tools/machines.h"

namespace fs = std::filesystem;

namespace migsim {
namespace {

class SimTools : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/migsim-tools-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    root = folder;
    setenv("MIGSIM_ROOT", folder, 1);
  }

  void TearDown() override { fs::remove_all(root); }

  static MachineSpec spec() {
    MachineSpec spec;
    spec.name = "lab";
    spec.gpus = "2x a100-sxm4-40gb, 1x h200-141gb";
    return spec;
  }

  static std::unique_ptr<Machine> create(const MachineSpec& spec) {
    std::string dir;
    const Problem problem = create_machine(spec, dir);
    EXPECT_TRUE(problem.ok()) << problem.message;
    std::unique_ptr<Machine> machine;
    EXPECT_TRUE(open_machine(spec.name, machine).ok());
    return machine;
  }

  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(root), {}));
  }

  fs::path root;
};

TEST_F(SimTools, CreatesAWholeMachine) {
  const auto machine = create(spec());
  ASSERT_NE(machine, nullptr);
  EXPECT_EQ(machine->hardware().gpu_count, 3U);
  EXPECT_EQ(machine->hardware().board_count, 2U) << "equal boards are kept once";
  EXPECT_TRUE(fs::exists(root / "lab/tree/dev/nvidia2"));
  EXPECT_TRUE(fs::exists(root / "lab/machine.json"));
  const Machine::View view(*machine);
  EXPECT_STREQ(view->options.nvml_version, "13.580.159.04");
  EXPECT_STREQ(machine->hardware().boards[view->gpus[2].board].key, "h200-141gb");
  const char* broken = broken_invariant(machine->hardware(), *view);
  EXPECT_TRUE(broken == nullptr || broken[0] == '\0') << broken;
}

TEST_F(SimTools, CudaVersionFollowsFromTheDriver) {
  const std::pair<const char*, std::uint32_t> kSeen[] = {{"450.80.02", 11000},
                                                         {"510.47.03", 11060},
                                                         {"535.54.03", 12020},
                                                         {"550.54.14", 12040},
                                                         {"580.173.02", 13000},
                                                         {"590.48.01", 13010}};
  int machine = 0;
  for (const auto& [driver, cuda] : kSeen) {
    MachineSpec request = spec();
    request.name += std::to_string(machine++);
    request.driver = driver;
    const auto made = create(request);
    const Machine::View view(*made);
    EXPECT_EQ(view->options.cuda_version, cuda) << driver;
    EXPECT_EQ(std::string(view->options.nvml_version), std::to_string(cuda / 1000) + "." + driver);
  }
}

TEST_F(SimTools, SwapIsForBoardsOfSevenSlices) {
  MachineSpec request = spec();
  request.gpus = "a30-24gb, h100-pcie-80gb";
  request.swap = "all";
  const auto machine = create(request);
  const Machine::View view(*machine);
  EXPECT_EQ(view->gpus[0].swap_halves, 0U);
  EXPECT_EQ(view->gpus[1].swap_halves, 1U);
}

// A real node: GPUs 2 and 3 with swapped halves beside two without (stackhpc).
TEST_F(SimTools, SwapIsPerGpu) {
  MachineSpec request = spec();
  request.gpus = "5x a100-sxm4-80gb, a30-24gb";
  request.swap = "2-3, 4";
  const auto machine = create(request);
  const Machine::View view(*machine);
  for (std::uint32_t gpu = 0; gpu < 6; ++gpu) {
    EXPECT_EQ(view->gpus[gpu].swap_halves, gpu >= 2 && gpu <= 4 ? 1U : 0U) << gpu;
  }
  std::string dir;
  request.name = "other";
  for (const char* wrong : {"none", "2,", "3-2", "-1", "1-", "2;3", "0x1"}) {
    request.swap = wrong;
    EXPECT_EQ(create_machine(request, dir).code, Exit::kInvalidInput) << wrong;
  }
  request.swap = "6";
  EXPECT_EQ(create_machine(request, dir).code, Exit::kNotFound);
  request.swap = "5";
  EXPECT_EQ(create_machine(request, dir).message,
            "--swap: GPU 5 is a a30-24gb, which has no halves to swap");
}

TEST_F(SimTools, GraphicsIsForBoardsWithOutputs) {
  MachineSpec request = spec();
  request.gpus = "2x rtx-pro-6000-maxq, rtx-pro-6000-server";
  request.graphics = "0";
  {
    const auto machine = create(request);
    const Machine::View view(*machine);
    EXPECT_EQ(view->gpus[0].graphics_mode, 1U);
    EXPECT_EQ(view->gpus[1].graphics_mode, 0U);
  }
  request.name = "every";
  request.graphics = "all";
  const auto machine = create(request);
  const Machine::View view(*machine);
  EXPECT_EQ(view->gpus[1].graphics_mode, 1U);
  EXPECT_EQ(view->gpus[2].graphics_mode, 0U);
  std::string dir;
  request.name = "wrong";
  request.graphics = "2";
  EXPECT_EQ(create_machine(request, dir).message,
            "--graphics: GPU 2 is a rtx-pro-6000-server, which has no display outputs");
  request.graphics = "3";
  EXPECT_EQ(create_machine(request, dir).code, Exit::kNotFound);
}

TEST_F(SimTools, FailureLeavesNothing) {
  std::string dir;
  MachineSpec bad = spec();
  bad.gpus = "3x nothing";
  EXPECT_EQ(create_machine(bad, dir).code, Exit::kNotFound);
  EXPECT_EQ(entries(), 0U);
  create(spec());
  const auto before = fs::last_write_time(root / "lab/machine.json");
  EXPECT_EQ(create_machine(spec(), dir).code, Exit::kConflict);
  EXPECT_EQ(fs::last_write_time(root / "lab/machine.json"), before);
  EXPECT_EQ(entries(), 1U);
}

TEST_F(SimTools, OwnBoardFile) {
  MachineSpec request = spec();
  request.board_file = (root / "board.json").string();
  request.gpus = "1x my-board";
  std::string dir;
  EXPECT_EQ(create_machine(request, dir).code, Exit::kIo);
  std::ofstream(request.board_file) << "{\"key\": 1}";
  EXPECT_EQ(create_machine(request, dir).code, Exit::kInvalidInput);
}

TEST_F(SimTools, DestroyRefusesWhileAProcessRuns) {
  const auto machine = create(spec());
  {
    Machine::Change change(*machine);
    std::uint32_t slot = 0;
    ASSERT_EQ(attach_process(
                  machine->hardware(), *change, {0, kNone, kNone}, this_process(), now_ns(), slot),
              Attach::kOk);
    change.commit();
  }
  const Problem problem = cmd_destroy("lab", false, false);
  EXPECT_EQ(problem.code, Exit::kInUse);
  EXPECT_NE(problem.message.find("pid " + std::to_string(getpid())), std::string::npos);
  EXPECT_TRUE(fs::exists(root / "lab/machine.state"));
  EXPECT_TRUE(cmd_destroy("lab", true, false).ok());
  EXPECT_EQ(entries(), 0U);
}

TEST_F(SimTools, DestroyTouchesOnlyMachines) {
  fs::create_directories(root / "other/precious");
  EXPECT_EQ(cmd_destroy("other", true, false).code, Exit::kNotFound);
  EXPECT_EQ(cmd_destroy("..", true, false).code, Exit::kInvalidInput);
  create(spec());
  fs::create_directory_symlink(root / "lab", root / "link");
  EXPECT_EQ(cmd_destroy("link", true, false).code, Exit::kNotFound);
  EXPECT_TRUE(fs::exists(root / "other/precious"));
  EXPECT_TRUE(fs::exists(root / "lab/machine.state"));
}

TEST_F(SimTools, RebootBringsALostGpuBack) {
  const auto machine = create(spec());
  InjectRequest request;
  request.name = "lab";
  request.fault.lost = true;
  request.fault.gpu = 1;
  EXPECT_TRUE(cmd_inject(request).ok());
  EXPECT_EQ(Machine::View(*machine)->gpus[1].lost, 1U);
  EXPECT_TRUE(cmd_reboot("lab", false).ok());
  EXPECT_EQ(Machine::View(*machine)->gpus[1].lost, 0U);
}

TEST_F(SimTools, InjectIsAllOrNothing) {
  const auto machine = create(spec());
  const fs::path file = root / "faults.json";
  std::ofstream(file) << R"({"faults": [{"call": "nvmlInit_v2", "fail": "IN_USE"},
                                        {"call": "nvmlInit_v2", "gpu": 3, "lost": true}]})";
  InjectRequest request;
  request.name = "lab";
  request.file = file.string();
  EXPECT_EQ(cmd_inject(request).code, Exit::kNotFound) << "there is no GPU 3";
  EXPECT_EQ(Machine::View(*machine)->faults[0].used, 0U);
}

TEST(ShellQuoted, AnyText) {
  EXPECT_EQ(shell_quoted("/a b"), "'/a b'");
  EXPECT_EQ(shell_quoted("it's $HOME"), "'it'\\''s $HOME'");
}

// A machine's folder may have links in it, as its /sys has: they are removed, and not what they
// lead to.
TEST_F(SimTools, DestroyLeavesAloneWhatLinksLeadTo) {
  std::string dir;
  ASSERT_TRUE(create_machine(spec(), dir).ok());
  const std::string kept = root.string() + "/kept";
  fs::create_directory(kept);
  std::ofstream(kept + "/file") << "text";
  fs::create_directory_symlink(kept, dir + "/tree/out");
  fs::create_symlink(kept + "/file", dir + "/file");
  testing::internal::CaptureStdout();
  const Problem problem = cmd_destroy("lab", true, false);
  testing::internal::GetCapturedStdout();
  EXPECT_TRUE(problem.ok()) << problem.message;
  EXPECT_FALSE(fs::exists(dir));
  EXPECT_TRUE(fs::exists(kept + "/file"));
}

TEST_F(SimTools, RootKeepsNoMachinesInAnotherUsersFolder) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root, to make what belongs to somebody else";
  }
  std::string dir;
  ASSERT_TRUE(create_machine(spec(), dir).ok());
  ASSERT_EQ(::chown(root.c_str(), 4001, 4001), 0);
  EXPECT_EQ(cmd_destroy("lab", true, false).code, Exit::kPermission);
  MachineSpec other = spec();
  other.name = "other";
  EXPECT_EQ(create_machine(other, dir).code, Exit::kPermission);
  EXPECT_TRUE(fs::exists(root / "lab/machine.state"));
  EXPECT_FALSE(fs::exists(root / "other"));
  // A link of the stranger's to a folder of root's.
  ASSERT_EQ(::chown(root.c_str(), 0, 0), 0);
  const std::string way = root.string() + "/way";
  fs::create_directory_symlink(root, way);
  ASSERT_EQ(::lchown(way.c_str(), 4001, 4001), 0);
  setenv("MIGSIM_ROOT", way.c_str(), 1);
  EXPECT_EQ(cmd_destroy("lab", true, false).code, Exit::kPermission);
  EXPECT_TRUE(fs::exists(root / "lab/machine.state"));
}

}  // namespace
}  // namespace migsim

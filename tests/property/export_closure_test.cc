// SPDX-License-Identifier: Apache-2.0
// Export round trip: a layout that is exported, wiped and applied from the file is restored and
// asserted: every maximal layout of GPU instances of every board, with the compute instances of -C,
// and with others drawn by a fixed seed. Layouts are made in the machine's state, as another
// program would, and compared there by profile ids, independent of the manager's names.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "board_facts.h"
#include "config/spec.h"
#include "model/testing/test_boards.h"
#include "node/node.h"
#include "planner/planner.h"
#include "random_case.h"
#include "sim/machine/machine.h"
#include "sim/machine/mig.h"
#include "sim/tools/create.h"

namespace mig::property {
namespace {

// One layout in n is tested again with other compute instances inside.
constexpr std::size_t kSplitEvery = 4;

std::vector<Windows> maximal(const BoardFacts& board) {
  std::vector<Windows> out;
  for (const Windows& windows : all_layouts(board)) {
    bool more = false;
    for (std::size_t p = 0; p < board.profiles.size(); ++p) {
      for (const int start : board.profiles[p].starts) {
        Windows larger = windows;
        larger.push_back({static_cast<int>(p), start});
        more = more || board.legal(larger);
      }
    }
    if (!more) {
      out.push_back(windows);
    }
  }
  return out;
}

// A machine of one GPU with MIG on, in memory: the journal's fsync is not under test here.
class OneGpu {
 public:
  explicit OneGpu(const std::string& file) {
    root_ = ::access("/dev/shm", W_OK) == 0 ? "/dev/shm/migctl-closure-XXXXXX"
                                            : "/tmp/migctl-closure-XXXXXX";
    EXPECT_NE(::mkdtemp(root_.data()), nullptr);
    ::setenv("MIGSIM_ROOT", root_.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): no thread yet
    migsim::MachineSpec spec;
    spec.name = "closure";
    spec.latency = "none";
    spec.gpus = file;
    std::replace(spec.gpus.begin(), spec.gpus.end(), '_', '-');
    std::string dir;
    const migsim::Problem problem = migsim::create_machine(spec, dir);
    EXPECT_TRUE(problem.ok()) << problem.message;
    migsim::Status status;
    machine_ = migsim::Machine::open(dir, status);
    EXPECT_NE(machine_, nullptr) << status.error;
    auto opened = node::Node::open({"", dir, MIG_SIM_LIBRARY_DIR});
    EXPECT_TRUE(opened) << opened.error().text();
    if (opened) {
      node_ = *std::move(opened);
    }
  }

  ~OneGpu() {
    node_.reset();
    machine_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  OneGpu(const OneGpu&) = delete;
  OneGpu& operator=(const OneGpu&) = delete;

  bool ready() const { return machine_ != nullptr && node_ != nullptr; }

  node::Node& node() { return *node_; }

  void wipe() {
    migsim::Machine::Change change(*machine_);
    clear(*change);
    change.commit();
  }

  // `random` nullptr: each GPU instance gets its full-size compute instance.
  void make(const BoardFacts& board, const Windows& windows, Random* random) {
    migsim::Machine::Change change(*machine_);
    clear(*change);
    const migsim::GpuRef gpu{machine_->hardware(), *change, 0};
    for (const Window& window : windows) {
      const ProfileFacts& facts = board.profiles[static_cast<std::size_t>(window.profile)];
      const auto* profile =
          find_gi_profile_by_id(gpu.board(), static_cast<std::uint32_t>(facts.id));
      std::uint32_t gi = 0;
      ASSERT_EQ(create_gi(gpu, *profile, place(window.start, facts.size), gi), 0) << facts.name;
      fill(gpu, *profile, gi, random);
    }
    change.commit();
  }

  // Number by (GPU instance profile, compute profile), read from the machine's own state.
  std::map<std::pair<std::uint32_t, std::uint32_t>, int> contents() {
    std::map<std::pair<std::uint32_t, std::uint32_t>, int> out;
    const migsim::Machine::View view(*machine_);
    const migsim::Board& board = machine_->hardware().boards[view->gpus[0].board];
    for (const migsim::GiState& gi : view->gpus[0].gis) {
      const migsim::GiProfile& profile = board.gi_profiles[gi.profile_index];
      for (const migsim::CiState& ci : gi.cis) {
        if (gi.used != 0 && ci.used != 0) {
          ++out[{profile.id, profile.ci_profiles[ci.profile_index].profile}];
        }
      }
    }
    return out;
  }

 private:
  static migsim::Placement place(int start, int size) {
    return {static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(size)};
  }

  static void clear(migsim::State& state) {
    state.gpus[0].mig_current = state.gpus[0].mig_pending = 1;
    std::fill(std::begin(state.gpus[0].gis), std::end(state.gpus[0].gis), migsim::GiState{});
    ++state.generation;
  }

  static void fill(const migsim::GpuRef& gpu,
                   const migsim::GiProfile& profile,
                   std::uint32_t gi,
                   Random* random) {
    std::uint32_t ci = 0;
    for (int tries = 0; random != nullptr && tries < 8; ++tries) {
      const migsim::CiProfile& one = profile.ci_profiles[random->below(profile.ci_profile_count)];
      if (one.sm != migsim::kUnknown) {
        create_ci(gpu, gi, one, {}, ci);  // refused when the instance is full
      }
    }
    for (std::uint32_t c = 0; random == nullptr && c < profile.ci_profile_count; ++c) {
      if (profile.ci_profiles[c].is_default != 0) {
        ASSERT_EQ(create_ci(gpu, gi, profile.ci_profiles[c], {}, ci), 0) << profile.name;
      }
    }
  }

  std::string root_;
  std::unique_ptr<migsim::Machine> machine_;
  std::unique_ptr<node::Node> node_;
};

// The machine's layout as a layout file.
std::string exported(OneGpu& machine) {
  const auto read = machine.node().inventory();
  EXPECT_TRUE(read) << read.error().text();
  return read ? config::export_spec(*read, "current", config::Format::kYaml) : std::string();
}

Result<DesiredLayout> wanted(OneGpu& machine, const std::string& text) {
  MIG_ASSIGN_OR_RETURN(const Spec spec, config::parse_spec(text, "exported"));
  MIG_ASSIGN_OR_RETURN(const Inventory now, machine.node().inventory());
  return config::resolve(spec, std::nullopt, now);
}

void closes(OneGpu& machine) {
  const auto before = machine.contents();
  const std::string text = exported(machine);
  machine.wipe();
  const auto desired = wanted(machine, text);
  ASSERT_TRUE(desired) << desired.error().text() << "\n" << text;
  const auto plan = machine.node().plan(*desired);
  ASSERT_TRUE(plan) << plan.error().text() << "\n" << text;
  const auto result = machine.node().apply(*plan, {});
  ASSERT_TRUE(result) << result.error().text() << "\n" << text;
  ASSERT_FALSE(result->failure) << result->failure->text() << "\n" << text;
  EXPECT_EQ(machine.contents(), before) << text;
  const auto asserted = wanted(machine, text);
  ASSERT_TRUE(asserted) << asserted.error().text();
  const auto now = machine.node().inventory();
  ASSERT_TRUE(now) << now.error().text();
  EXPECT_EQ(planner::differences(*now, *asserted), std::vector<std::string>()) << text;
  EXPECT_EQ(exported(machine), text);
}

class EveryBoardsExport : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryBoardsExport, IsTheLayoutAgain) {
  const BoardFacts board = read_board(GetParam());
  const std::vector<Windows> layouts = maximal(board);
  OneGpu machine(GetParam());
  ASSERT_TRUE(machine.ready());
  Random random(20261128);
  std::size_t split = 0;
  for (std::size_t i = 0; i < layouts.size() && !HasFailure(); ++i) {
    SCOPED_TRACE(fmt::format("layout {} of {}", i, layouts.size()));
    machine.make(board, layouts[i], nullptr);
    closes(machine);
    if (i % kSplitEvery == 0 && !HasFailure()) {
      machine.make(board, layouts[i], &random);
      closes(machine);
      ++split;
    }
  }
  std::printf("%s: %zu maximal layouts and %zu with other compute instances inside closed\n",
              GetParam().c_str(),
              layouts.size(),
              split);
}

INSTANTIATE_TEST_SUITE_P(Boards,
                         EveryBoardsExport,
                         ::testing::ValuesIn(testing::board_keys()),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace mig::property

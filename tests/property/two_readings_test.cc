// SPDX-License-Identifier: Apache-2.0
// The planner's reading of MIG's rules against the simulator's independent one: every layout of one
// GPU, on every board, with and without swapped halves; and random operations on two GPUs, their
// number by MIGCTL_PROPERTY_READINGS (README.md).
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "abi/nvml.h"
#include "model/testing/test_boards.h"
#include "planner/board.h"
#include "planner/compute.h"
#include "sim/machine/test_machine.h"

namespace mig::property {
namespace {

using migsim::testing::Rig;
using Windows = std::vector<std::pair<std::uint32_t, std::uint32_t>>;  // profile id, start; sorted

migsim::Placement simulated(Placement placement) {
  return {placement.start, placement.size};
}

struct ReadingTally {
  std::size_t states = 0, answers = 0, places = 0, computes = 0;
};

// One GPU of a machine as planner and simulator see it.
class Readings {
 public:
  Readings(std::shared_ptr<Rig> rig, std::uint32_t index, const std::string& file, bool swap)
      : gpu_(testing::board(file)), board_(gpu_), rig_(std::move(rig)), index_(index) {
    rig_->state->gpus[index].swap_halves = swap ? 1 : 0;
  }

  Readings(const std::string& file, bool swap)
      : Readings(std::make_shared<Rig>(std::vector{key_of(file)}), 0, file, swap) {}

  Readings(const Readings&) = delete;
  Readings& operator=(const Readings&) = delete;

  static std::string key_of(std::string file) {
    std::replace(file.begin(), file.end(), '_', '-');
    return file;
  }

  const planner::Board& board() const { return board_; }

  migsim::GpuRef sim() const { return rig_->gpu(index_); }

  const migsim::GiProfile& sim_profile(std::size_t profile) const {
    return rig_->profile(gpu_.profiles[profile].id.value, index_);
  }

  const Gpu& gpu() const { return gpu_; }

  const char* broken() const { return rig_->broken(); }

  Windows windows(const planner::Layout& layout) const {
    Windows out;
    out.reserve(layout.size());
    for (const planner::Placed& placed : layout) {
      out.emplace_back(gpu_.profiles[placed.profile].id.value, placed.placement.start);
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  Windows sim_windows() const {
    Windows out;
    for (const migsim::GiState& gi : sim().self().gis) {
      if (gi.used != 0) {
        out.emplace_back(sim().board().gi_profiles[gi.profile_index].id, gi.placement.start);
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  void clear() const {
    for (migsim::GiState& gi : sim().self().gis) {
      gi = {};
    }
  }

 private:
  Gpu gpu_;
  planner::Board board_;
  std::shared_ptr<Rig> rig_;
  std::uint32_t index_;
};

// Every layout that creations reach in the simulator.
std::set<Windows> reachable(const Readings& both) {
  std::map<Windows, migsim::GpuState> seen{{{}, both.sim().self()}};
  std::deque<Windows> open{{}};
  while (!open.empty()) {
    const migsim::GpuState from = seen.at(open.front());
    open.pop_front();
    for (std::size_t p = 0; p < both.gpu().profiles.size(); ++p) {
      const migsim::GiProfile& profile = both.sim_profile(p);
      for (std::uint32_t i = 0; i < profile.placement_count; ++i) {
        both.sim().self() = from;
        std::uint32_t gi = 0;
        if (create_gi(both.sim(), profile, profile.placements[i], gi) == NVML_SUCCESS &&
            seen.emplace(both.sim_windows(), both.sim().self()).second) {
          open.push_back(both.sim_windows());
        }
      }
    }
  }
  both.clear();
  std::set<Windows> out;
  for (const auto& [windows, state] : seen) {
    out.insert(windows);
  }
  return out;
}

// Largest number of instances of a profile that fit beside the existing ones, by the planner's
// search.
std::uint32_t most(const planner::Board& board, const planner::Load& load, std::size_t profile) {
  std::vector<std::size_t> wanted{profile};
  while (board.fit_beside(load, wanted)) {
    wanted.push_back(profile);
  }
  return static_cast<std::uint32_t>(wanted.size() - 1);
}

// Default placement of one more instance: the free one that leaves the most pairs free.
std::optional<Placement> most_room(const planner::Board& board,
                                   planner::Load load,
                                   std::size_t profile) {
  std::optional<Placement> best;
  std::size_t best_room = 0;
  for (const Placement placement : board.profiles()[profile].placements) {
    if (!board.fits(load, {profile, placement})) {
      continue;
    }
    board.add(load, {profile, placement});
    const std::size_t room = board.room(load);
    board.remove(load, {profile, placement});
    if (!best || room > best_room) {
      best = placement;
      best_room = room;
    }
  }
  return best;
}

void compare_profile(const Readings& both,
                     const planner::Load& load,
                     std::size_t p,
                     ReadingTally& tally) {
  const migsim::GiProfile& profile = both.sim_profile(p);
  for (const Placement placement : both.gpu().profiles[p].placements) {
    const migsim::GpuState before = both.sim().self();
    std::uint32_t gi = 0;
    const int code = create_gi(both.sim(), profile, simulated(placement), gi);
    EXPECT_EQ(
        code,
        both.board().fits(load, {p, placement}) ? NVML_SUCCESS : NVML_ERROR_INSUFFICIENT_RESOURCES)
        << profile.name << " at " << placement.start;
    both.sim().self() = before;
    ++tally.answers;
  }
  EXPECT_EQ(gi_remaining(both.sim(), profile), most(both.board(), load, p)) << profile.name;
  const auto there = gi_default_placement(both.sim(), profile);
  const auto here = most_room(both.board(), load, p);
  EXPECT_EQ(there.has_value(), here.has_value()) << profile.name;
  if (there && here) {
    EXPECT_EQ(there->start, here->start) << profile.name;
    EXPECT_EQ(there->size, here->size) << profile.name;
  }
  ++tally.places;
}

// Third reading of the ids: nodes of a binary tree over the memory, numbered level by level.
std::uint32_t node_of(std::uint32_t total, Placement placement, bool swap) {
  const std::uint32_t level = total / placement.size;
  const bool moves = swap && placement.size * 2 <= total;
  const std::uint32_t start = moves ? (placement.start + total / 2) % total : placement.start;
  return level - 1 + start / placement.size;
}

// Builds the layout in the simulator, each instance with its full-size compute instance.
void build(const Readings& both, const planner::Layout& layout, bool swap) {
  both.clear();
  for (const planner::Placed& placed : layout) {
    const migsim::GiProfile& profile = both.sim_profile(placed.profile);
    std::uint32_t gi = 0;
    ASSERT_EQ(create_gi(both.sim(), profile, simulated(placed.placement), gi), NVML_SUCCESS)
        << profile.name;
    EXPECT_EQ(gi, node_of(both.sim().board().memory_slices, placed.placement, swap));
    for (std::uint32_t c = 0; c < profile.ci_profile_count; ++c) {
      if (profile.ci_profiles[c].is_default != 0) {
        std::uint32_t ci = 0;
        ASSERT_EQ(create_ci(both.sim(), gi, profile.ci_profiles[c], {}, ci), NVML_SUCCESS);
      }
    }
  }
}

// MIG device indices are dense from 0, by GPU instance id.
void compare_indices(const Readings& both, std::size_t instances) {
  std::set<std::uint32_t> ids;
  std::uint32_t gi = 0;
  std::uint32_t ci = 0;
  for (std::uint32_t index = 0; mig_device_at(both.sim().self(), index, gi, ci); ++index) {
    EXPECT_TRUE(ids.empty() || *ids.rbegin() < gi);
    ids.insert(gi);
    EXPECT_EQ(ci, 0U);
  }
  EXPECT_EQ(ids.size(), instances);
  EXPECT_LE(instances, max_mig_devices(both.sim()));
}

class EveryBoardTwice : public ::testing::TestWithParam<std::tuple<std::string, bool>> {};

TEST_P(EveryBoardTwice, LayoutsCapacityPlacesIdsAndIndices) {
  const auto& [file, swap] = GetParam();
  const Readings both(file, swap);
  const std::vector<planner::Layout> states = all_states(both.board());
  std::set<Windows> planned;
  for (const planner::Layout& layout : states) {
    planned.insert(both.windows(layout));
  }
  EXPECT_EQ(planned, reachable(both));
  ReadingTally tally;
  for (const planner::Layout& layout : states) {
    build(both, layout, swap);
    EXPECT_EQ(both.broken(), nullptr);
    compare_indices(both, layout.size());
    const planner::Load load = both.board().load_of(layout);
    for (std::size_t p = 0; p < both.gpu().profiles.size(); ++p) {
      compare_profile(both, load, p, tally);
    }
    ++tally.states;
    if (HasFailure()) {
      break;
    }
  }
  std::printf("%s%s: %zu layouts, %zu creations and %zu default places and capacities agree\n",
              file.c_str(),
              swap ? " (swapped halves)" : "",
              tally.states,
              tally.answers,
              tally.places);
}

// Content of a GPU instance: compute profile (NVML's number) and start.
using Inside = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

const migsim::CiProfile* told(const migsim::GiProfile& profile, std::uint32_t number) {
  const migsim::CiProfile* ci = find_ci_profile(profile, number);
  return ci != nullptr && ci->sm != migsim::kUnknown ? ci : nullptr;
}

// True when the planner accepts these, and `more` of one profile beside them.
bool planner_takes(const Gpu& gpu,
                   const GpuInstanceProfile& profile,
                   const Inside& inside,
                   std::uint32_t number = 0,
                   std::uint32_t more = 0) {
  std::vector<planner::WantedCompute> wanted;
  for (const auto& [compute, start] : inside) {
    for (const ComputeInstanceProfile& known : profile.compute_profiles) {
      if (known.nvml_profile == compute) {
        wanted.push_back({known.name, Placement{start, known.placements.at(0).size}});
      }
    }
  }
  for (const ComputeInstanceProfile& known : profile.compute_profiles) {
    for (std::uint32_t i = 0; known.nvml_profile == number && i < more; ++i) {
      wanted.push_back({known.name, {}});
    }
  }
  return compute_change(gpu, profile, wanted, nullptr).has_value();
}

Inside inside_of(const migsim::GiState& gi, const migsim::GiProfile& profile) {
  Inside out;
  for (const migsim::CiState& ci : gi.cis) {
    if (ci.used != 0) {
      out.emplace_back(profile.ci_profiles[ci.profile_index].profile, ci.placement.start);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

// From one set of compute instances: each one that can be added, and the capacity for each profile.
void compare_inside(const Readings& both,
                    std::size_t p,
                    std::uint32_t gi,
                    const Inside& inside,
                    std::vector<Inside>& next,
                    ReadingTally& tally) {
  const migsim::GiProfile& profile = both.sim_profile(p);
  const GpuInstanceProfile& planned = both.gpu().profiles[p];
  const migsim::GpuState before = both.sim().self();
  for (const ComputeInstanceProfile& compute : planned.compute_profiles) {
    const migsim::CiProfile* known = told(profile, compute.nvml_profile);
    if (known == nullptr) {
      continue;
    }
    std::uint32_t more = 0;
    while (planner_takes(both.gpu(), planned, inside, compute.nvml_profile, more + 1)) {
      ++more;
    }
    EXPECT_EQ(ci_remaining(both.sim(), gi, *known), more) << known->name;
    for (const Placement placement : compute.placements) {
      Inside with = inside;
      with.emplace_back(compute.nvml_profile, placement.start);
      std::sort(with.begin(), with.end());
      std::uint32_t ci = 0;
      const int code = create_ci(both.sim(), gi, *known, simulated(placement), ci);
      EXPECT_EQ(code == NVML_SUCCESS, planner_takes(both.gpu(), planned, with))
          << known->name << " at " << placement.start << ": " << code;
      if (code == NVML_SUCCESS) {
        EXPECT_EQ(inside_of(both.sim().self().gis[gi], profile), with);
        next.push_back(with);
      }
      both.sim().self() = before;
      ++tally.answers;
    }
  }
}

TEST_P(EveryBoardTwice, ComputeInstancesInside) {
  const auto& [file, swap] = GetParam();
  const Readings both(file, swap);
  ReadingTally tally;
  for (std::size_t p = 0; p < both.gpu().profiles.size(); ++p) {
    const migsim::GiProfile& profile = both.sim_profile(p);
    both.clear();
    std::uint32_t gi = 0;
    ASSERT_EQ(create_gi(both.sim(), profile, {}, gi), NVML_SUCCESS);
    const migsim::GpuState empty = both.sim().self();
    std::set<Inside> seen{{}};
    std::deque<Inside> open{{}};
    while (!open.empty() && !HasFailure()) {
      const Inside inside = open.front();
      open.pop_front();
      both.sim().self() = empty;
      for (const auto& [number, start] : inside) {
        const migsim::CiProfile* compute = told(profile, number);
        ASSERT_NE(compute, nullptr);
        std::uint32_t ci = 0;
        ASSERT_EQ(create_ci(both.sim(),
                            gi,
                            *compute,
                            migsim::Placement{start, compute->placements[0].size},
                            ci),
                  NVML_SUCCESS);
      }
      EXPECT_EQ(both.broken(), nullptr);
      std::vector<Inside> next;
      compare_inside(both, p, gi, inside, next, tally);
      for (const Inside& one : next) {
        if (seen.insert(one).second) {
          open.push_back(one);
        }
      }
      ++tally.computes;
    }
  }
  std::printf("%s%s: %zu layouts of compute instances, %zu creations agree\n",
              file.c_str(),
              swap ? " (swapped halves)" : "",
              tally.computes,
              tally.answers);
}

// Halves are swapped on boards with seven of eight compute slices only.
std::vector<std::tuple<std::string, bool>> both_ways() {
  std::vector<std::tuple<std::string, bool>> out;
  for (const std::string& file : testing::board_keys()) {
    out.emplace_back(file, false);
    const Gpu gpu = testing::board(file);
    if (gpu.memory_slices == 8 && gpu.compute_slices == 7) {
      out.emplace_back(file, true);
    }
  }
  return out;
}

// Two GPUs of one machine under random operations, with the planner's load updated after each.
class Pair {
 public:
  explicit Pair(std::mt19937& random) : random_(random) {
    const auto choices = both_ways();
    const auto& [file, swap] = choices[any(choices.size())];
    const auto& [other_file, other_swap] = choices[any(choices.size())];
    const auto rig =
        std::make_shared<Rig>(std::vector{Readings::key_of(file), Readings::key_of(other_file)});
    gpus_[0] = std::make_unique<Readings>(rig, 0, file, swap);
    gpus_[1] = std::make_unique<Readings>(rig, 1, other_file, other_swap);
  }

  void operate(ReadingTally& tally) {
    const std::size_t g = any(2);
    Readings& both = *gpus_[g];
    planner::Layout& layout = layouts_[g];
    if (!layout.empty() && any(5) < 2) {
      destroy(both, layout);
    } else {
      create(both, layout);
    }
    EXPECT_EQ(both.broken(), nullptr);
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(gpus_[i]->sim_windows(), gpus_[i]->windows(layouts_[i])) << "GPU " << i;
    }
    const planner::Load load = both.board().load_of(layout);
    for (std::size_t p = 0; p < both.gpu().profiles.size(); ++p) {
      compare_profile(both, load, p, tally);
    }
    ++tally.states;
  }

 private:
  std::size_t any(std::size_t below) { return random_() % below; }

  // In half of the cases the driver chooses the placement, which must be the one that the planner
  // predicts.
  void create(const Readings& both, planner::Layout& layout) {
    const std::size_t p = any(both.gpu().profiles.size());
    const auto& placements = both.gpu().profiles[p].placements;
    const planner::Load load = both.board().load_of(layout);
    std::optional<Placement> at = placements[any(placements.size())];
    std::optional<migsim::Placement> asked = simulated(*at);
    if (any(2) == 0) {
      at = most_room(both.board(), load, p);
      asked.reset();
    }
    const bool fits = at && both.board().fits(load, {p, *at});
    std::uint32_t gi = 0;
    EXPECT_EQ(create_gi(both.sim(), both.sim_profile(p), asked, gi),
              fits ? NVML_SUCCESS : NVML_ERROR_INSUFFICIENT_RESOURCES);
    if (fits) {
      layout.push_back({p, *at});
    }
  }

  void destroy(const Readings& both, planner::Layout& layout) {
    const std::size_t victim = any(layout.size());
    const Placement at = layout[victim].placement;
    const std::uint32_t total = both.sim().board().memory_slices;
    const bool swap = both.sim().self().swap_halves != 0;
    EXPECT_EQ(destroy_gi(both.sim(), node_of(total, at, swap)), NVML_SUCCESS);
    layout.erase(layout.begin() + static_cast<std::ptrdiff_t>(victim));
  }

  std::mt19937& random_;
  std::array<std::unique_ptr<Readings>, 2> gpus_;
  std::array<planner::Layout, 2> layouts_;
};

TEST(TwoGpus, RandomOperations) {
  const char* text = std::getenv("MIGCTL_PROPERTY_READINGS");  // NOLINT(concurrency-mt-unsafe)
  const std::size_t operations = text == nullptr ? 4000 : std::strtoull(text, nullptr, 10);
  std::mt19937 random(20261124);
  ReadingTally tally;
  std::size_t machines = 0;
  while (tally.states < operations && !HasFailure()) {
    Pair pair(random);
    for (int i = 0; i < 40 && !HasFailure(); ++i) {
      pair.operate(tally);
    }
    ++machines;
  }
  std::printf(
      "two GPUs: %zu operations on %zu machines, %zu creations and %zu default places and "
      "capacities agree\n",
      tally.states,
      machines,
      tally.answers,
      tally.places);
}

INSTANTIATE_TEST_SUITE_P(
    Boards, EveryBoardTwice, ::testing::ValuesIn(both_ways()), [](const auto& tested) {
      return std::get<0>(tested.param) + (std::get<1>(tested.param) ? "_swapped" : "");
    });

}  // namespace
}  // namespace mig::property

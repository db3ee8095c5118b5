// SPDX-License-Identifier: Apache-2.0
// The scheduler's rule on our counters against the planner's rule on the board, over all sets of
// instances of all boards; and against what real machines printed.
#include "kubernetes/objects/counters.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "catalog/catalog.h"
#include "kubernetes/objects/device_name.h"
#include "kubernetes/objects/test_machines.h"
#include "kubernetes/objects/test_scheduler.h"

namespace mig::kube {
namespace {

using planner::Board;
using Names = std::set<std::string>;

// All sets of devices that the scheduler would allocate, by a search that knows counters only.
void admitted(TestScheduler& scheduler, std::size_t next, std::set<Names>& out) {
  out.insert(scheduler.allocated());
  for (std::size_t i = next; i < scheduler.devices().size(); ++i) {
    const TestDevice& device = scheduler.devices()[i];
    if (!device.json["attributes"]["static"]["bool"] && scheduler.admits(device)) {
      scheduler.allocate(device.name);
      admitted(scheduler, i + 1, out);
      scheduler.release(device.name);
    }
  }
}

std::set<Names> admitted(TestScheduler scheduler) {
  std::set<Names> out;
  admitted(scheduler, 0, out);
  return out;
}

Names names_of(const Gpu& gpu, const planner::Layout& layout) {
  Names names;
  for (const planner::Placed& placed : layout) {
    names.insert(device_name(gpu, gpu.profiles[placed.profile].name, placed.placement.start));
  }
  return names;
}

std::set<Names> planned(const Gpu& gpu) {
  std::set<Names> out;
  for (const planner::Layout& layout : all_states(Board(gpu))) {
    out.insert(names_of(gpu, layout));
  }
  return out;
}

TEST(Counters, AdmitTheLayoutsOfThePlannerAndNoOthersOnEveryBoard) {
  std::size_t layouts = 0;
  for (const std::string& name : catalog::board_names()) {
    const Inventory machine = machine_of(name);
    const std::set<Names> ours = admitted(TestScheduler(slices_of(machine)));
    const std::set<Names> theirs = planned(machine.gpus[0]);
    EXPECT_EQ(ours.size(), theirs.size()) << name;
    EXPECT_TRUE(ours == theirs) << name;
    layouts += theirs.size();
  }
  EXPECT_GT(layouts, 10'000U);
}

// The test above can fail, and no counter is there for nothing: without any one of those that are
// not slots, and without the slots of any one placement, more layouts are admitted.
TEST(Counters, EachOneIsNeeded) {
  for (const std::string& name : catalog::board_names()) {
    const Inventory machine = machine_of(name);
    const Gpu& gpu = machine.gpus[0];
    const TestScheduler whole(slices_of(machine));
    const std::size_t layouts = admitted(whole).size();
    for (const auto& [counter, value] : whole.counters()) {
      if (counter.find("memory-slice-") == std::string::npos) {
        TestScheduler without = whole;
        without.drop_counter(counter);
        EXPECT_GT(admitted(without).size(), layouts) << name << " without " << counter;
      }
    }
    for (const Placement place : gpu.profiles[0].placements) {
      TestScheduler without = whole;
      for (std::uint32_t slot = place.start; slot < place.end(); ++slot) {
        without.drop_counter(fmt::format("gpu-0/memory-slice-{}", slot));
      }
      EXPECT_GT(admitted(without).size(), layouts) << name << " without slots of " << place.start;
    }
  }
}

// Instances of somebody else, one and two on a GPU: what is admitted beside them is what the
// planner has beside them; busy or idle makes no difference to the counters.
TEST(Counters, AdmitWhatFitsBesideInstancesOfOthers) {
  for (const std::string& name : catalog::board_names()) {
    const Inventory empty = machine_of(name);
    const std::set<Names> all = planned(empty.gpus[0]);
    for (const planner::Layout& foreign : all_states(Board(empty.gpus[0]))) {
      if (foreign.empty() || foreign.size() > 2) {
        continue;
      }
      Inventory machine = empty;
      Gpu& gpu = machine.gpus[0];
      for (const planner::Placed& placed : foreign) {
        add_instance(gpu, gpu.profiles[placed.profile].name.str(), placed.placement.start);
      }
      const Names there = names_of(gpu, foreign);
      std::set<Names> beside;
      for (const Names& layout : all) {
        if (std::includes(layout.begin(), layout.end(), there.begin(), there.end())) {
          Names rest = layout;
          for (const std::string& one : there) {
            rest.erase(one);
          }
          beside.insert(rest);
        }
      }
      ASSERT_TRUE(admitted(TestScheduler(slices_of(machine))) == beside)
          << name << " beside " << *there.begin();
    }
  }
}

// A device that is allocated but whose instance another program's has made impossible: it is not
// published, so that no counter gets negative, which would block every device of the node.
TEST(Counters, AnAllocationThatHasBecomeImpossibleBlocksNoOtherDevice) {
  Inventory machine = machine_of("h200-141gb", 2);
  TestScheduler scheduler(slices_of(machine));
  scheduler.allocate("gpu-0-mig-1g-18gb-me-0");
  scheduler.allocate("gpu-0-mig-3g-71gb-4");
  add_instance(machine.gpus[0], "1g.18gb+me", 6);
  scheduler.publish(slices_of(machine));
  const auto any = [](const TestDevice& device) { return profile_of(device) == "2g.35gb"; };
  const auto got = scheduler.allocate_first(any);
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, "gpu-0-mig-2g-35gb-4");
}

// "Free instances" of nvidia-smi mig -lgip on real machines with instances on them.
struct Printed {
  const char* board;
  std::vector<std::pair<std::string, std::uint32_t>> there;
  std::vector<std::pair<std::string, std::size_t>> free;
};

TEST(Counters, AgreeWithFreeInstancesThatRealMachinesPrinted) {
  const Printed captures[] = {
      // H100 80GB HBM3, R580.173.02, and H200, R580.173.02: two 1g, which the driver put at 6
      // and 4.
      {"h100-sxm5-80gb",
       {{"1g.10gb", 4}, {"1g.10gb", 6}},
       {{"1g.10gb", 5},
        {"1g.10gb+me", 1},
        {"1g.20gb", 2},
        {"2g.20gb", 2},
        {"3g.40gb", 1},
        {"4g.40gb", 1},
        {"7g.80gb", 0}}},
      {"h200-141gb",
       {{"1g.18gb", 4}, {"1g.18gb", 6}},
       {{"1g.18gb", 5},
        {"1g.18gb+me", 1},
        {"1g.35gb", 2},
        {"2g.35gb", 2},
        {"3g.71gb", 1},
        {"4g.71gb", 1},
        {"7g.141gb", 0}}},
      // H200, R580.159.04, empty.
      {"h200-141gb",
       {},
       {{"1g.18gb", 7},
        {"1g.18gb+me", 1},
        {"1g.35gb", 4},
        {"2g.35gb", 3},
        {"3g.71gb", 2},
        {"4g.71gb", 1},
        {"7g.141gb", 1}}},
  };
  for (const Printed& capture : captures) {
    Inventory machine = machine_of(capture.board);
    for (const auto& [profile, start] : capture.there) {
      add_instance(machine.gpus[0], profile, start);
    }
    for (const auto& [profile, free] : capture.free) {
      TestScheduler scheduler(slices_of(machine));
      std::size_t count = 0;
      while (scheduler.allocate_first([&](const TestDevice& device) {
        return profile_of(device) == profile && !device.consumes.empty();
      })) {
        ++count;
      }
      EXPECT_EQ(count, free) << capture.board << " " << profile;
    }
  }
}

// A driver may have profiles that this version does not know.
TEST(Counters, AnInstanceOfAnUnknownProfileTakesItsSlots) {
  const Inventory machine = machine_of("a100-sxm4-40gb");
  const planner::Board board(machine.gpus[0]);
  const CounterModel model(board);
  GpuInstance unknown;
  unknown.name = ProfileName::parse("9g.99gb").value();
  unknown.placement = {2, 3};
  Counters left = model.full();
  model.take(left, unknown);
  for (const auto& [name, amount] : model.full()) {
    const bool taken =
        name == "memory-slice-2" || name == "memory-slice-3" || name == "memory-slice-4";
    EXPECT_EQ(left.at(name), taken ? 0 : amount) << name;
  }
}

// Rules that no known board's slots leave to others: the model has counters for them all the same.
TEST(Counters, RulesOfABoardThatTheSlotsDoNotImply) {
  Inventory machine = machine_of("a100-sxm4-40gb");
  Gpu& gpu = machine.gpus[0];
  for (GpuInstanceProfile& profile : gpu.profiles) {
    if (profile.name.str() == "1g.5gb") {
      profile.max_count = 3;
    }
  }
  gpu.compute_slices = 5;
  const TestScheduler scheduler(slices_of(machine));
  EXPECT_TRUE(scheduler.counters().contains("gpu-0/count-1g-5gb"));
  EXPECT_TRUE(scheduler.counters().contains("gpu-0/compute-slices"));
  EXPECT_TRUE(admitted(scheduler) == planned(gpu));
}

}  // namespace
}  // namespace mig::kube

// SPDX-License-Identifier: Apache-2.0
#include "top/events.h"

#include <gtest/gtest.h>

#include "top/test_sample.h"

namespace mig::top {
namespace {

std::vector<std::string> texts(const MachineSample& before, const MachineSample& after) {
  std::vector<std::string> out;
  for (const Event& event : events_between(before, after)) {
    out.push_back(event.text);
  }
  return out;
}

using Texts = std::vector<std::string>;

TEST(Events, NothingChanged) {
  MachineSample after = testing::machine(testing::kNoon + 1000);
  after.gpus[0].activity.sm = 0.9;
  after.gpus[0].processes.clear();
  EXPECT_EQ(texts(testing::machine(), after), Texts());
}

TEST(Events, InstancesLeasesAndModes) {
  MachineSample after = testing::machine();
  GpuSample& gpu = after.gpus[0];
  gpu.instances[0].generation = 0xB2;  // made anew at the same place
  gpu.instances[1].compute_instances[0].uses.clear();
  testing::lease(gpu.instances[2], 8, "team-c", "night");
  after.gpus[1].mig_pending = MigMode::kDisabled;
  EXPECT_EQ(texts(testing::machine(), after),
            (Texts{"GPU 0 gi=3 (2g.35gb) at 0:2 is gone",
                   "GPU 0 gi=3 (2g.35gb) at 0:2 is new",
                   "GPU 0 gi=3 (2g.35gb): lease 1 granted to team-a (train)",
                   "GPU 0 gi=7 (1g.18gb): lease 2 of team-b ended",
                   "GPU 0 gi=8 (1g.18gb+me): lease 8 granted to team-c (night)",
                   "GPU 1: MIG will be off after a reset"}));
}

TEST(Events, XidsDriftAndGpus) {
  MachineSample after = testing::machine();
  after.gpus[0].xids[0].count = 5;
  after.gpus[0].xids.push_back({79, std::nullopt, std::nullopt, 1, 0});
  after.gpus[0].drift = true;
  after.gpus.pop_back();
  const auto events = events_between(testing::machine(), after);
  ASSERT_EQ(events.size(), 4U);
  for (const Event& event : events) {
    EXPECT_TRUE(event.bad) << event.text;
  }
  EXPECT_EQ(events[1].text, "GPU 0 gi=7: Xid 43, 5 in all");
  EXPECT_EQ(events[2].text, "GPU 0: Xid 79, 1 in all");
}

TEST(Events, WithdrawnReadingsAreNotTakenForAnEmptyMachine) {
  EventLog log;
  log.note(testing::machine());
  MachineSample none = testing::machine(testing::kNoon + 1000);
  none.gpus.clear();
  none.withdrawn = "the driver hangs";
  log.note(none);
  MachineSample back = testing::machine(testing::kNoon + 2000);
  back.gpus[0].instances.pop_back();
  log.note(back);
  ASSERT_EQ(log.events().size(), 3U);
  EXPECT_EQ(log.events()[0].text, "readings withdrawn: the driver hangs");
  EXPECT_EQ(log.events()[1].text, "readings are back");
  EXPECT_EQ(log.events()[2].text, "GPU 0 gi=1 (3g.71gb) at 4:4 is gone");
}

}  // namespace
}  // namespace mig::top

// SPDX-License-Identifier: Apache-2.0
#include "daemon/sample_news.h"

#include <gtest/gtest.h>

#include "model/testing/test_sample.h"

namespace mig::daemon {
namespace {

// An H200 whose 3g (gi=2) is leased by team-a (ci=0) and team-b (ci=1), and an A100.
class SampleNewsTest : public testing::Test {
 protected:
  SampleNewsTest() {
    sample_.withdrawn.clear();
    for (GpuSample& gpu : sample_.gpus) {
      gpu.xids.clear();
      gpu.drift.reset();
      gpu.remap_failed = false;
      for (GpuInstanceSample& instance : gpu.instances) {
        instance.idle_since_ms.reset();
      }
    }
    for (CollectorHealth& collector : sample_.collectors) {
      collector.success = true;
    }
  }

  std::vector<wire::EventNews> look() {
    sample_.time_ms += 1000;
    return news_.look(sample_);
  }

  GpuSample& gpu() { return sample_.gpus[0]; }

  GpuInstanceSample& leased() { return gpu().instances[0]; }

  MachineSample sample_ = test_sample();
  SampleNews news_;
};

TEST_F(SampleNewsTest, EachXidIsToldOnceWithItsOwner) {
  EXPECT_TRUE(look().empty());
  gpu().xids = {{31, GpuInstanceId{2}, ComputeInstanceId{0}, 1, 77}};
  auto found = look();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].type, "xid");
  EXPECT_EQ(found[0].xid, 31U);
  EXPECT_EQ(found[0].count, 1U);
  EXPECT_EQ(found[0].time_ms, 77);
  EXPECT_EQ(found[0].gpu, 0U);
  EXPECT_EQ(found[0].gpu_instance, 2U);
  EXPECT_EQ(found[0].compute_instance, 0U);
  EXPECT_EQ(found[0].instance, "3g.71gb");
  EXPECT_EQ(found[0].tenant, "team-a");
  EXPECT_EQ(found[0].lease, 193);
  EXPECT_EQ(found[0].uid, 1001U);
  EXPECT_TRUE(found[0].others_see);
  EXPECT_EQ(found[0].message.find("team"), std::string::npos) << "others read it too";
  EXPECT_TRUE(look().empty());
  gpu().xids[0].count = 4;
  gpu().xids.push_back({79, std::nullopt, std::nullopt, 1, 78});
  found = look();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].count, 3U);
  EXPECT_EQ(found[1].xid, 79U);
  EXPECT_EQ(found[1].tenant, "") << "a board's Xid is everybody's";
  EXPECT_FALSE(found[1].gpu_instance);
}

TEST_F(SampleNewsTest, WithoutAComputeInstanceItsOwnerIsWhoHasTheWhole) {
  gpu().xids = {{43, GpuInstanceId{2}, std::nullopt, 1, 77}};
  auto found = look();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].tenant, "") << "of two tenants nobody knows which";
  for (ComputeInstanceSample& compute : leased().compute_instances) {
    compute.uses = {{200, "team-c", "train", 1003, 5}};
  }
  gpu().xids[0].count = 2;
  found = look();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].tenant, "team-c");
  EXPECT_EQ(found[0].lease, 200);
  EXPECT_EQ(found[0].job, "train");
}

TEST_F(SampleNewsTest, TheVictimMayHaveLeftWithinTheTick) {
  EXPECT_TRUE(look().empty());
  for (ComputeInstanceSample& compute : leased().compute_instances) {
    compute.uses.clear();
  }
  gpu().xids = {{31, GpuInstanceId{2}, ComputeInstanceId{1}, 1, 77}};
  const auto found = look();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].tenant, "team-b");
  gpu().xids[0].count = 2;
  EXPECT_EQ(look().at(0).tenant, "") << "two ticks later it is somebody else's";
}

TEST_F(SampleNewsTest, DriftBeginsAndEndsOnce) {
  gpu().drift = true;
  auto found = look();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].type, "drift");
  EXPECT_EQ(found[0].action, "raised");
  EXPECT_EQ(found[0].gpu_uuid, gpu().uuid);
  EXPECT_TRUE(look().empty());
  gpu().drift.reset();  // a change is under way
  EXPECT_TRUE(look().empty());
  gpu().drift = true;
  EXPECT_TRUE(look().empty());
  gpu().drift = false;
  found = look();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].action, "cleared");
  EXPECT_TRUE(look().empty());
}

TEST_F(SampleNewsTest, WithoutReadingsNothingBeginsOrEnds) {
  gpu().drift = true;
  EXPECT_EQ(look().size(), 1U);
  MachineSample hung = sample_;
  hung.gpus.clear();
  hung.withdrawn = "the driver has not answered for 3 s";
  for (CollectorHealth& collector : hung.collectors) {
    collector.success = false;
  }
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(news_.look(hung).empty());
  }
  EXPECT_TRUE(look().empty());
}

TEST_F(SampleNewsTest, AnInstanceThatIsHeldIdle) {
  const std::int64_t begin = sample_.time_ms;
  leased().idle_since_ms = begin - SampleNews::kIdleMs;
  for (ComputeInstanceSample& compute : leased().compute_instances) {
    compute.uses = {{200, "team-c", "", 1003, begin - 60'000}};
  }
  EXPECT_TRUE(look().empty()) << "it was idle before it was leased";
  sample_.time_ms = begin + SampleNews::kIdleMs;
  auto found = look();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].type, "alert");
  EXPECT_EQ(found[0].alert, "held_idle");
  EXPECT_EQ(found[0].action, "raised");
  EXPECT_EQ(found[0].tenant, "team-c");
  EXPECT_EQ(found[0].lease, 200);
  EXPECT_TRUE(look().empty());
  leased().idle_since_ms.reset();
  found = look();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].action, "cleared");
  EXPECT_EQ(found[0].tenant, "team-c");
  EXPECT_TRUE(look().empty());
}

TEST_F(SampleNewsTest, AnAlertOfAnInstanceEndsWithIt) {
  leased().idle_since_ms = 1;
  sample_.time_ms += SampleNews::kIdleMs;
  EXPECT_EQ(look().size(), 1U);
  leased().generation += 1;  // another one at the same place
  leased().idle_since_ms.reset();
  const auto found = look();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].action, "cleared");
}

TEST_F(SampleNewsTest, ACollectorThatKeepsFailingAndARowThatCannotBeRemapped) {
  ASSERT_FALSE(sample_.collectors.empty());
  CollectorHealth& collector = sample_.collectors.front();
  collector.success = false;
  collector.error = "no";
  EXPECT_TRUE(look().empty());
  EXPECT_TRUE(look().empty());
  auto found = look();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].alert, "collector/" + collector.name);
  EXPECT_TRUE(look().empty());
  collector.success = true;
  gpu().remap_failed = true;
  found = look();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].alert, "row_remap");
  EXPECT_EQ(found[0].action, "raised");
  EXPECT_EQ(found[1].action, "cleared");
}

}  // namespace
}  // namespace mig::daemon

// SPDX-License-Identifier: Apache-2.0
// From records to what was in force: what is known, and what is not.
#include "service/usage.h"

#include <gtest/gtest.h>

#include "apply/saved_layout.h"
#include "model/testing/test_boards.h"

namespace mig::service {
namespace {

constexpr std::int64_t kStart = 1'790'812'800'000;
constexpr std::int64_t kHour = 3'600'000;
constexpr cost::Period kDay{kStart, kStart + 24 * kHour};

Gpu small(std::uint32_t index = 0) {
  Gpu gpu = testing::board("a100_sxm4_40gb", index);
  testing::add_instance(gpu, "1g.5gb", 0);
  return gpu;
}

Gpu large(std::uint32_t index = 0) {
  Gpu gpu = testing::board("a100_sxm4_40gb", index);
  testing::add_instance(gpu, "3g.20gb", 4);
  return gpu;
}

std::string saved(const Gpu& gpu) {
  return apply::save_layout(testing::inventory({gpu}), {gpu.uuid});
}

ChangeRecord change(
    std::int64_t id, const Gpu& before, const Gpu& after, std::int64_t from, std::int64_t until) {
  ChangeRecord out;
  out.id = id;
  out.before = saved(before);
  out.after = saved(after);
  out.started_ms = from;
  out.finished_ms = until;
  out.state = ChangeState::kApplied;
  return out;
}

store::LayoutSeen seen(const Gpu& gpu, std::int64_t first, std::int64_t last) {
  store::LayoutSeen out;
  out.gpu_uuid = gpu.uuid;
  out.board = gpu.name;
  out.layout = saved(gpu);
  out.first_ms = first;
  out.last_ms = last;
  return out;
}

UsageRecords records(const Gpu& now) {
  UsageRecords out;
  out.now = testing::inventory({now});
  return out;
}

cost::Usage usage(const UsageRecords& records, cost::Period period = kDay) {
  auto got = usage_of(records, period, kDay.until_ms);
  EXPECT_TRUE(got) << got.error().text();
  return got ? *std::move(got) : cost::Usage{};
}

TEST(Usage, AChangeOfOursIsKnownOnBothSides) {
  UsageRecords all = records(large());
  all.changes = {change(1, small(), small(), kStart, kStart),
                 change(2, small(), large(), kStart + 8 * kHour, kStart + 8 * kHour + 2000)};
  const auto got = usage(all);
  ASSERT_EQ(got.gpus.size(), 1U);
  const auto& spans = got.gpus[0].layouts;
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(spans[0].from_ms, kStart);
  EXPECT_EQ(spans[0].until_ms, kStart + 8 * kHour + 2000) << "the earlier one until it is done";
  EXPECT_EQ(spans[0].instances[0].profile, "1g.5gb");
  EXPECT_EQ(spans[1].until_ms, kDay.until_ms);
  EXPECT_EQ(spans[1].instances[0].amount, (cost::Amount{3, 4, 42}));
  EXPECT_EQ(spans[1].room.most.memory_slices, 4U);
  EXPECT_EQ(got.gpus[0].whole, (cost::Amount{7, 8, 98}));
}

TEST(Usage, WhatSomebodyElseChangedInBetweenIsNotRecorded) {
  UsageRecords all = records(large());
  all.changes = {change(1, small(), small(), kStart, kStart)};
  const auto got = usage(all);
  EXPECT_TRUE(got.gpus[0].layouts.empty()) << "some time that day it became another";
}

TEST(Usage, ADaemonSawWhenItBecameAnother) {
  UsageRecords all = records(large());
  all.seen = {seen(small(), kStart - kHour, kStart + 6 * kHour),
              seen(large(), kStart + 6 * kHour + 1000, kStart + 20 * kHour)};
  const auto got = usage(all);
  const auto& spans = got.gpus[0].layouts;
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(spans[0].until_ms, kStart + 6 * kHour);
  EXPECT_EQ(spans[1].from_ms, kStart + 6 * kHour + 1000) << "the second between is not recorded";
  EXPECT_EQ(spans[1].until_ms, kDay.until_ms) << "it is the same now";
}

TEST(Usage, HalfAChangeThatTheDaemonSawDoesNotCount) {
  UsageRecords all = records(large());
  Gpu half = testing::board("a100_sxm4_40gb");
  all.changes = {change(1, small(), large(), kStart + kHour, kStart + kHour + 9000)};
  all.seen = {seen(small(), kStart - kHour, kStart + kHour - 500),
              seen(half, kStart + kHour + 3000, kStart + kHour + 4000),
              seen(large(), kStart + kHour + 9500, kStart + 2 * kHour)};
  const auto got = usage(all);
  ASSERT_EQ(got.gpus[0].layouts.size(), 2U);
  EXPECT_EQ(got.gpus[0].layouts[0].until_ms, got.gpus[0].layouts[1].from_ms);
}

TEST(Usage, AStuckChangeHasNoKnownEnd) {
  UsageRecords all = records(large());
  all.changes = {change(1, small(), large(), kStart + kHour, kStart + 2 * kHour)};
  all.changes[0].state = ChangeState::kStuck;
  EXPECT_TRUE(usage(all).gpus[0].layouts.empty());
}

TEST(Usage, GpusComeAndGo) {
  Gpu added = large(1);
  Gpu gone = small(2);
  UsageRecords all;
  all.now = testing::inventory({large(0), added});
  all.seen = {seen(large(0), kStart - kHour, kStart + 20 * kHour),
              seen(gone, kStart - kHour, kStart + 5 * kHour),
              seen(added, kStart + 10 * kHour, kStart + 20 * kHour)};
  const auto got = usage(all);
  ASSERT_EQ(got.gpus.size(), 3U);
  EXPECT_EQ(got.gpus[0].from_ms, kStart);
  EXPECT_EQ(got.gpus[1].from_ms, kStart + 10 * kHour);
  EXPECT_FALSE(got.gpus[2].index);
  EXPECT_EQ(got.gpus[2].until_ms, kStart + 5 * kHour);
  EXPECT_EQ(got.gpus[2].whole, (cost::Amount{7, 8, 98})) << "of the same board that is there";
}

TEST(Usage, LeasesAreCutToThePeriod) {
  UsageRecords all = records(large());
  store::TenureRow row;
  row.lease = 1;
  row.gpu_uuid = all.now.gpus[0].uuid;
  row.gpu_instance = {1};
  row.profile = *ProfileName::parse("1c.3g.20gb");
  row.tenant = "a";
  row.from_ms = kStart - kHour;
  all.tenures = {row};
  row.from_ms = kStart + kHour;
  row.until_ms = kStart + 2 * kHour;
  all.tenures.push_back(row);
  const auto got = usage(all);
  ASSERT_EQ(got.tenures.size(), 2U);
  EXPECT_EQ(got.tenures[0].from_ms, kStart);
  EXPECT_EQ(got.tenures[0].until_ms, kDay.until_ms);
  EXPECT_TRUE(got.tenures[0].open);
  EXPECT_EQ(got.tenures[0].part, 1U);
  EXPECT_EQ(got.tenures[0].parts, 3U);
  EXPECT_EQ(got.tenures[0].amount, (cost::Amount{3, 4, 42}));
  EXPECT_FALSE(got.tenures[1].open);
}

TEST(Usage, MinutesBecomeSpansAndEnergyGoesToWhoHadIt) {
  UsageRecords all = records(large());
  const std::string uuid = all.now.gpus[0].uuid;
  store::TenureRow row;
  row.lease = 1;
  row.gpu_uuid = uuid;
  row.gpu_instance = {1};
  row.profile = *ProfileName::parse("3g.20gb");
  row.tenant = "a";
  row.from_ms = kStart + 30'000;  // half of the first minute
  all.tenures = {row};
  const std::int64_t s = kStart / 1000;
  all.activity = {{s, uuid, -1, std::nullopt, 200'000},
                  {s, uuid, 1, 500'000, 100'000},
                  {s + 60, uuid, 1, 5000, 50'000},
                  {s + 120, uuid, 1, 5000, 50'000},
                  {s + 180, uuid, 1, std::nullopt, 50'000}};
  const auto got = usage(all);
  const auto& activity = got.gpus[0].activity;
  ASSERT_EQ(activity.size(), 2U);
  EXPECT_FALSE(activity[0].idle);
  EXPECT_TRUE(activity[1].idle);
  EXPECT_EQ(activity[1].until_ms - activity[1].from_ms, 120'000);
  EXPECT_EQ(got.gpus[0].energy_mj, 12'000'000U) << "200 W for a minute";
  EXPECT_EQ(got.tenures[0].energy_mj, 3'000'000U + 3 * 3'000'000U);
}

TEST(Usage, ATenantSeesOthersWithoutNames) {
  UsageRecords all = records(large());
  store::TenureRow row;
  row.gpu_uuid = all.now.gpus[0].uuid;
  row.profile = *ProfileName::parse("3g.20gb");
  row.from_ms = kStart;
  row.lease = 7;
  row.uid = 1001;
  row.job = "secret";
  row.tenant = "a";
  all.tenures = {row};
  Tenant viewer;
  viewer.name = "b";
  viewer.role = Role::kUser;
  const auto got = seen_by(usage(all), viewer);
  EXPECT_FALSE(got.all);
  EXPECT_TRUE(got.tenures[0].others);
  EXPECT_EQ(got.tenures[0].lease, 0);
  EXPECT_EQ(got.tenures[0].uid, 0U);
  EXPECT_TRUE(got.tenures[0].job.empty());
  EXPECT_TRUE(got.tenures[0].tenant.empty());
  viewer.name = "a";
  EXPECT_FALSE(seen_by(usage(all), viewer).tenures[0].others);
  viewer = {};
  viewer.role = Role::kOperator;
  EXPECT_EQ(seen_by(usage(all), viewer).tenures[0].job, "secret");
}

TEST(Usage, PeriodsThatAreNoneAreRefused) {
  EXPECT_EQ(check_period({5, 5}, 10).error().code, ErrorCode::kUsage);
  EXPECT_EQ(check_period({-1, 5}, 10).error().code, ErrorCode::kUsage);
  EXPECT_EQ(check_period({10, 20}, 10).error().code, ErrorCode::kUsage);
  EXPECT_EQ(check_period({0, cost::kLongestPeriodMs + 1}, kStart).error().code,
            ErrorCode::kTooLarge);
  const auto got = usage(records(large()), {kStart, kDay.until_ms + kHour});
  EXPECT_EQ(got.until_ms, kDay.until_ms) << "what is to come costs nothing";
}

TEST(Usage, ATickIsALayoutOfTheJournal) {
  MachineSample sample;
  GpuSample& gpu = sample.gpus.emplace_back();
  gpu.uuid = "GPU-1";
  gpu.name = "NVIDIA A100";
  gpu.mig_current = gpu.mig_pending = MigMode::kEnabled;
  GpuInstanceSample& instance = gpu.instances.emplace_back();
  instance.id = {1};
  instance.profile = "3g.20gb";
  instance.placement = {4, 4};
  instance.sm = 42;
  instance.compute_instances.push_back({{0}, "3g.20gb"});
  const auto rows = layouts_of(sample);
  ASSERT_EQ(rows.size(), 1U);
  const auto back = apply::rebuild(rows[0].layout, Inventory{});
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->gpus[0].instances[0].name.str(), "3g.20gb");
  EXPECT_EQ(back->gpus[0].instances[0].placement, (Placement{4, 4}));
  sample.withdrawn = "closed for a change";
  EXPECT_TRUE(layouts_of(sample).empty());
}

}  // namespace
}  // namespace mig::service

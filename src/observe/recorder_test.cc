// SPDX-License-Identifier: Apache-2.0
#include "observe/recorder.h"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "observe/history.h"

namespace mig::observe {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kStart = 1'790'002'800'000;  // a full hour

class RecorderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "recorderXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Recorder> open(const std::string& boot = "boot") const {
    auto recorder = Recorder::open(folder_ + "/watch.db", boot);
    EXPECT_TRUE(recorder) << recorder.error().text();
    return *std::move(recorder);
  }

  std::string folder_;
};

std::shared_ptr<const MachineSample> sample_at(std::int64_t ms,
                                               double sm,
                                               const std::string& tenant = "") {
  MachineSample sample;
  sample.time_ms = ms;
  GpuSample& gpu = sample.gpus.emplace_back();
  gpu.uuid = "GPU-1";
  gpu.power_watts = 300;
  GpuInstanceSample& instance = gpu.instances.emplace_back();
  instance.id = {3};
  instance.generation = 7;
  instance.profile = "1g.18gb";
  instance.activity.sm = sm;
  instance.memory_used_bytes = std::uint64_t{4096} << 20U;
  if (!tenant.empty()) {
    instance.compute_instances.emplace_back().uses = {{1, tenant, "train", 1000, 0}};
  }
  return std::make_shared<const MachineSample>(std::move(sample));
}

// Waits for the answer, which comes after all that was recorded before.
std::vector<SampleRow> ask(Recorder& recorder, store::HistoryQuery query) {
  std::mutex mutex;
  std::condition_variable came;
  std::optional<Recorder::Rows> answer;
  query.until_s = INT64_MAX;
  query.limit = query.limit == 0 ? 1'000'000 : query.limit;
  recorder.history(query, [&](Recorder::Rows rows) {
    const std::lock_guard lock(mutex);
    answer = std::move(rows);
    came.notify_all();
  });
  std::unique_lock lock(mutex);
  came.wait(lock, [&] { return answer.has_value(); });
  EXPECT_TRUE(*answer) << answer->error().text();
  return *std::move(*answer);
}

// Samples pile up faster than they are taken: one at a time.
void record(Recorder& recorder, std::shared_ptr<const MachineSample> sample) {
  recorder.record(std::move(sample));
  static_cast<void>(ask(recorder, {1, INT64_MAX - 1, 0, "", {}, 1}));
}

TEST_F(RecorderTest, TicksMinutesAndHours) {
  const auto recorder = open();
  for (int minute = 0; minute < 61; ++minute) {
    record(*recorder, sample_at(kStart + minute * 60'000, 0.25));
    record(*recorder, sample_at(kStart + minute * 60'000 + 30'000, 0.75, "team-a"));
  }
  const auto ticks = ask(*recorder, {1, 0, 0, "GPU-1", 3, 0});
  ASSERT_FALSE(ticks.empty());
  EXPECT_GT(ticks.front().begin_s, kStart / 1000) << "an hour, no more";
  EXPECT_EQ(ticks.back().begin_s, kStart / 1000 + 60 * 60 + 30);
  EXPECT_EQ(ticks.back().sm, 750'000);
  EXPECT_EQ(ticks.back().memory_bytes, std::int64_t{4096} << 20U);
  const auto minutes = ask(*recorder, {60, 0, 0, "", 3, 0});
  ASSERT_EQ(minutes.size(), 60U) << "the running minute is not over";
  EXPECT_EQ(minutes[0].begin_s, kStart / 1000);
  EXPECT_EQ(minutes[0].ticks, 2);
  EXPECT_EQ(minutes[0].sm, 500'000);
  EXPECT_EQ(minutes[0].sm_max, 750'000);
  EXPECT_EQ(minutes[0].tenant, "team-a");
  EXPECT_EQ(minutes[0].job, "train");
  EXPECT_EQ(minutes[0].dram, std::nullopt) << "never known";
  const auto hours = ask(*recorder, {3600, 0, 0, "", 3, 0});
  ASSERT_EQ(hours.size(), 1U);
  EXPECT_EQ(hours[0].ticks, 120);
  EXPECT_EQ(hours[0].sm, 500'000);
  EXPECT_EQ(hours[0].sm_max, 750'000);
  const auto boards = ask(*recorder, {60, 0, 0, "GPU-1", {}, 3});
  EXPECT_EQ(boards.size(), 3U) << "the limit";
  EXPECT_EQ(boards[0].gpu_instance, -1);
  EXPECT_EQ(boards[0].power_mw, 300'000);
  EXPECT_EQ(recorder->problem(), "");
}

TEST_F(RecorderTest, TheRunningMinuteIsWrittenAtTheEnd) {
  {
    const auto recorder = open();
    record(*recorder, sample_at(kStart, 0.5));
  }
  const auto rows = ask(*open(), {60, 0, 0, "", 3, 0});
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].sm, 500'000);
}

TEST_F(RecorderTest, HistoryIsBounded) {
  auto store = store::WatchStore::open(folder_ + "/watch.db");
  ASSERT_TRUE(store);
  std::vector<SampleRow> rows;
  for (std::int64_t i = 0; i < 100; ++i) {
    SampleRow& row = rows.emplace_back();
    row.begin_s = kStart / 1000 + i * 60;
    row.period_s = i % 10 == 0 ? 3600 : 60;
    row.gpu_uuid = "GPU-1";
  }
  ASSERT_TRUE(store->add(rows));
  const auto left = [&](std::int64_t period) {
    return store->history({period, 0, INT64_MAX, "", {}, 1000})->size();
  };
  ASSERT_TRUE(store->prune(kStart / 1000, 50));
  EXPECT_LE(left(60) + left(3600), 50U);
  EXPECT_GE(left(60) + left(3600), 45U);
  EXPECT_EQ(left(3600), 10U) << "minutes go first";
  ASSERT_TRUE(store->prune(kStart / 1000 + store::WatchStore::kKeptSeconds + 60 * 60, 50));
  EXPECT_EQ(left(3600), 4U) << "what is older than 30 days goes";
}

Accounts accounts() {
  Accounts out;
  out.last_generation = 9;
  out.instances[{"GPU-1", 3}] = {7, "1g.18gb", {0, 1}};
  out.instances[{"GPU-1", 4}] = {9, "1g.18gb+me", {1, 1}};
  BoardEnergy::State& state = out.boards["GPU-1"];
  state.total_mj = 1'000'000;
  state.counter_mj = 900'000;
  state.unattributed_mj = 600'000;
  state.gone_mj = 100'000;
  state.floor_watts = 100.5;
  state.instances_mj = {{7, 300'000}};
  return out;
}

TEST_F(RecorderTest, AccountsOutliveTheProcess) {
  {
    const auto recorder = open();
    EXPECT_TRUE(recorder->before().boards.empty());
    recorder->keep(accounts());
  }
  const auto next = open();
  EXPECT_EQ(next->before().boards, accounts().boards);
  EXPECT_EQ(next->before().instances, accounts().instances);
  EXPECT_EQ(next->before().last_generation, 9U);
}

// A process that is killed had published no more than what is written: every tick, without an end.
TEST_F(RecorderTest, AccountsOfEachTickAreWrittenAtOnce) {
  const auto recorder = open();
  Accounts now = accounts();
  for (std::uint64_t tick = 1; tick <= 3; ++tick) {
    now.boards.at("GPU-1").total_mj = 1'000'000 + tick;
    recorder->keep(now);
    std::uint64_t written = 0;
    for (int i = 0; i < 500 && written != 1'000'000 + tick; ++i) {  // at once, but for a busy disk
      auto other = store::WatchStore::open(folder_ + "/watch.db");
      ASSERT_TRUE(other) << other.error().text();
      const auto rows = other->accounts();
      ASSERT_TRUE(rows) << rows.error().text();
      ASSERT_EQ(rows->boards.size(), 1U);
      written = static_cast<std::uint64_t>(rows->boards.front().total_mj);
      std::this_thread::sleep_for(std::chrono::milliseconds(written == 1'000'000 + tick ? 0 : 10));
    }
    EXPECT_EQ(written, 1'000'000 + tick);
  }
}

TEST_F(RecorderTest, AfterABootTheInstancesAreGoneAndTheCounterBeginsAnew) {
  open()->keep(accounts());
  const auto next = open("another boot");
  const BoardEnergy::State& state = next->before().boards.at("GPU-1");
  EXPECT_TRUE(next->before().instances.empty());
  EXPECT_EQ(next->before().last_generation, 9U) << "no number is given twice";
  EXPECT_EQ(state.gone_mj, 400'000U);
  EXPECT_EQ(state.counter_mj, 0U);
  EXPECT_EQ(state.total_mj, state.gone_mj + state.unattributed_mj);
}

// What the sampler calls gone before its next tick is in no row of an instance, but is not lost.
TEST_F(RecorderTest, EnergyOfAnInstanceThatVanishedMeanwhileIsKept) {
  Accounts now = accounts();
  now.instances.erase({"GPU-1", 3});
  open()->keep(now);
  const BoardEnergy::State state = open()->before().boards.at("GPU-1");
  EXPECT_EQ(state.gone_mj, 400'000U);
  EXPECT_EQ(state.total_mj, state.gone_mj + state.unattributed_mj);
}

TEST_F(RecorderTest, AnHourInMemoryIsBoundedByRowsToo) {
  RecentTicks ticks;
  MachineSample sample = *sample_at(kStart, 0.5);
  for (int i = 0; i < 400; ++i) {
    GpuInstanceSample instance = sample.gpus[0].instances[0];
    instance.id = {static_cast<std::uint32_t>(i + 10)};
    sample.gpus[0].instances.push_back(instance);
  }
  for (int i = 0; i < 1000; ++i) {
    sample.time_ms += 1000;
    ticks.add(sample);
  }
  const auto rows = ticks.history({1, 0, INT64_MAX, "", {}, 10'000'000});
  EXPECT_LE(rows.size(), RecentTicks::kMostRows);
  EXPECT_GT(rows.size(), RecentTicks::kMostRows - 500);
  EXPECT_EQ(rows.back().begin_s, sample.time_ms / 1000);
  sample.time_ms += kHourMs;
  ticks.add(sample);
  EXPECT_EQ(ticks.history({1, 0, INT64_MAX, "", {}, 10'000'000}).size(), 402U);
}

}  // namespace
}  // namespace mig::observe

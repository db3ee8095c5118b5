// SPDX-License-Identifier: Apache-2.0
#include "apply/last_good.h"

#include <unistd.h>

#include <filesystem>
#include <optional>

#include <gtest/gtest.h>

#include "apply/saved_layout.h"

namespace mig::apply {
namespace {

Gpu gpu(const char* uuid, const char* profile, std::uint32_t start) {
  Gpu out;
  out.uuid = uuid;
  out.mig_current = out.mig_pending = MigMode::kEnabled;
  GpuInstance instance;
  instance.name = *ProfileName::parse(profile);
  instance.placement = {start, 1};
  out.instances = {instance};
  return out;
}

std::string saved(const std::vector<Gpu>& gpus) {
  Inventory inventory;
  inventory.gpus = gpus;
  std::vector<std::string> uuids;
  for (const Gpu& one : gpus) {
    uuids.push_back(one.uuid);
  }
  return save_layout(inventory, uuids);
}

Inventory machine(const std::vector<const char*>& uuids) {
  Inventory out;
  for (const char* uuid : uuids) {
    Gpu one;
    one.index = GpuIndex{static_cast<std::uint32_t>(out.gpus.size())};
    one.uuid = uuid;
    out.gpus.push_back(one);
  }
  return out;
}

TEST(LastGood, TheNewestOfEachGpuCounts) {
  std::vector<std::string> gone;
  const Inventory now = machine({"GPU-a", "GPU-b"});
  const auto merged =
      merge_layouts({saved({gpu("GPU-a", "1g.5gb", 3)}),
                     saved({gpu("GPU-a", "2g.10gb", 0), gpu("GPU-b", "1g.5gb", 5)})},
                    now,
                    gone);
  ASSERT_TRUE(merged) << merged.error().text();
  const auto wish = wish_of(*merged, now);
  ASSERT_TRUE(wish) << wish.error().text();
  ASSERT_EQ(wish->gpus.size(), 2U);
  EXPECT_EQ(wish->gpus[0].instances.at(0).profile.str(), "1g.5gb");
  EXPECT_EQ(wish->gpus[0].instances.at(0).placement->start, 3U);
  EXPECT_EQ(wish->gpus[1].instances.at(0).placement->start, 5U);
  EXPECT_TRUE(gone.empty());
}

TEST(LastGood, AModeThatWasPendingIsReachedByTheReboot) {
  Gpu waiting = gpu("GPU-a", "1g.5gb", 0);
  waiting.mig_current = MigMode::kDisabled;
  waiting.instances.clear();
  std::vector<std::string> gone;
  const Inventory now = machine({"GPU-a"});
  const auto wish = wish_of(*merge_layouts({saved({waiting})}, now, gone), now);
  ASSERT_TRUE(wish);
  EXPECT_TRUE(wish->gpus.at(0).mig_enabled);
}

TEST(LastGood, AGpuThatIsGoneIsLeftOutAndTold) {
  std::vector<std::string> gone;
  const auto merged =
      merge_layouts({saved({gpu("GPU-old", "1g.5gb", 0)})}, machine({"GPU-new"}), gone);
  ASSERT_TRUE(merged);
  EXPECT_EQ(*merged, "");
  EXPECT_EQ(gone, std::vector<std::string>{"GPU-old"});
}

TEST(LastGood, WhatIsNoLayoutIsAnError) {
  std::vector<std::string> gone;
  EXPECT_FALSE(merge_layouts({"{]"}, machine({"GPU-a"}), gone));
  EXPECT_FALSE(merge_layouts({R"({"format":1})"}, machine({"GPU-a"}), gone));
}

// A rolled-back change left the layout before it; after a reboot that is neither there nor wanted.
TEST(LastGood, OnlyChangesThatWereAppliedCount) {
  std::string folder = testing::TempDir() + "lastgoodXXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const auto record = [&](store::ChangeState state, std::uint32_t start) {
    auto journal = store::Journal::open(folder + "/journal.db");
    ASSERT_TRUE(journal) << journal.error().text();
    const auto id = journal->begin({}, {});
    ASSERT_TRUE(id) << id.error().text();
    ASSERT_TRUE(journal->finish(*id, state, "", saved({gpu("GPU-a", "1g.5gb", start)})));
  };
  const Inventory now = machine({"GPU-a"});
  const auto wanted = [&]() -> std::optional<std::uint32_t> {
    auto journal = store::Journal::open(folder + "/journal.db");
    const auto wish = last_good(*journal, now);
    if (!wish) {
      return std::nullopt;
    }
    return wish->gpus.at(0).instances.at(0).placement->start;
  };
  record(store::ChangeState::kRolledBack, 1);
  EXPECT_EQ(wanted(), std::nullopt);
  record(store::ChangeState::kApplied, 3);
  EXPECT_EQ(wanted(), 3U);
  record(store::ChangeState::kRolledBack, 4);
  record(store::ChangeState::kStuck, 5);
  record(store::ChangeState::kRecovered, 6);
  EXPECT_EQ(wanted(), 3U);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace mig::apply

// SPDX-License-Identifier: Apache-2.0
#include "store/slots.h"

#include <filesystem>

#include <gtest/gtest.h>

namespace mig::store {
namespace {

class SlotsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "slotsXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  Slots open() {
    auto slots = Slots::open(folder_ + "/slots.db");
    EXPECT_TRUE(slots) << slots.error().text();
    return *std::move(slots);
  }

  static SlotRow row(const std::string& name) {
    SlotRow out;
    out.name = name;
    out.gpu_uuid = "GPU-a";
    out.pci_bus_id = "00000000:10:00.0";
    out.pci_device_id = 0x20B010DE;
    out.profile = "2g.10gb";
    out.start = 4;
    out.size = 2;
    return out;
  }

  std::string folder_;
};

TEST_F(SlotsTest, WhatIsSetIsThereAfterOpeningAgain) {
  ASSERT_TRUE(open().set(row("train-b")));
  SlotRow inner = row("train-a");
  inner.ci_start = 1;
  ASSERT_TRUE(open().set(inner));
  Slots slots = open();
  const auto all = slots.all();
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ((*all)[0].name, "train-a");
  EXPECT_EQ((*all)[0].ci_start, 1);
  EXPECT_EQ((*all)[1].ci_start, std::nullopt);
  EXPECT_EQ((*all)[1].pci_device_id, 0x20B010DE);
  EXPECT_EQ((*all)[1].size, 2);
  EXPECT_GT((*all)[1].set_ms, 0);
  EXPECT_FALSE(*slots.find("train-c"));
  EXPECT_TRUE(*slots.remove("train-a"));
  EXPECT_FALSE(*slots.remove("train-a"));
  EXPECT_FALSE(*slots.find("train-a"));
}

TEST_F(SlotsTest, AnotherUuidAtThePlaceIsRememberedWithTheOneBefore) {
  Slots slots = open();
  ASSERT_TRUE(slots.set(row("s")));
  ASSERT_TRUE(slots.saw("s", "MIG-1"));
  EXPECT_EQ((*slots.find("s"))->uuid, "MIG-1");
  EXPECT_EQ((*slots.find("s"))->previous_uuid, "");
  EXPECT_FALSE((*slots.find("s"))->changed_ms);
  ASSERT_TRUE(slots.saw("s", "MIG-2"));
  ASSERT_TRUE(slots.saw("s", "MIG-2"));
  const SlotRow now = **slots.find("s");
  EXPECT_EQ(now.uuid, "MIG-2");
  EXPECT_EQ(now.previous_uuid, "MIG-1");
  EXPECT_TRUE(now.changed_ms);
  ASSERT_TRUE(slots.set(row("s")));
  EXPECT_EQ((*slots.find("s"))->previous_uuid, "") << "set anew, it has no past";
}

}  // namespace
}  // namespace mig::store

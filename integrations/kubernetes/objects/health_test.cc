// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/objects/health.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "kubernetes/objects/test_machines.h"
#include "kubernetes/objects/test_scheduler.h"

namespace mig::kube {
namespace {

class HealthTest : public testing::Test {
 protected:
  HealthTest() {
    add_instance(machine_.gpus[0], "1g.18gb", 6);
    add_instance(machine_.gpus[0], "3g.71gb", 0);
  }

  bool note(std::uint64_t xid, std::optional<std::uint32_t> instance, std::int64_t ms = 1000) {
    return book_.note({machine_.gpus[0].uuid, instance, xid, ms}, machine_);
  }

  std::set<std::string> tainted() const {
    std::set<std::string> names;
    for (const auto& [name, taints] : book_.taints(machine_, "NoSchedule", ignored_)) {
      names.insert(name);
    }
    return names;
  }

  // All devices of GPU 0, the GPU as a whole among them.
  static constexpr std::size_t kAll = 26;
  static constexpr const char* kSmall = "gpu-0-mig-1g-18gb-6";

  Inventory machine_ = machine_of("h200-141gb", 2);
  HealthBook book_;
  std::set<std::uint64_t> ignored_;
};

TEST_F(HealthTest, AContainedErrorConcernsItsInstanceOnly) {
  EXPECT_TRUE(note(94, 1));
  EXPECT_EQ(tainted(), std::set<std::string>{kSmall});
}

TEST_F(HealthTest, AnErrorOfAProgramConcernsNoDevice) {
  for (const std::uint64_t xid : {13, 31, 43, 45, 63, 68, 69, 92, 109}) {
    EXPECT_FALSE(note(xid, 1)) << xid;
    EXPECT_FALSE(note(xid, std::nullopt)) << xid;
  }
  EXPECT_TRUE(tainted().empty());
}

TEST_F(HealthTest, AnErrorOfTheBoardConcernsAllItsDevicesWhateverInstanceIsNamed) {
  for (const std::uint64_t xid : {79, 95, 119, 64}) {
    HealthBook book;
    ASSERT_TRUE(book.note({machine_.gpus[0].uuid, 1, xid, 1000}, machine_));
    const auto taints = book.taints(machine_, "NoSchedule", ignored_);
    EXPECT_EQ(taints.size(), kAll) << xid;
    for (const auto& [name, list] : taints) {
      EXPECT_EQ(name.substr(0, 5), "gpu-0");
    }
  }
}

TEST_F(HealthTest, WithoutAnInstanceItIsTheBoards) {
  EXPECT_TRUE(note(94, std::nullopt));
  EXPECT_EQ(tainted().size(), kAll);
}

// 48 says that memory failed, 94 that an instance contained it, 45 that its program was ended.
TEST_F(HealthTest, APairWithAContainedErrorIsTheInstances) {
  note(48, std::nullopt, 1000);
  EXPECT_EQ(tainted().size(), kAll);
  note(94, 1, 1200);
  note(45, 1, 1300);
  EXPECT_EQ(tainted(), std::set<std::string>{kSmall});
  // Much later another 48, without a companion.
  note(48, std::nullopt, 60'000);
  EXPECT_EQ(tainted().size(), kAll);
}

TEST_F(HealthTest, AContainedErrorOfAnotherBoardMakesNoPair) {
  EXPECT_TRUE(book_.note({machine_.gpus[1].uuid, std::nullopt, 48, 1000}, machine_));
  EXPECT_TRUE(note(94, 1, 1200));
  EXPECT_EQ(tainted().size(), kAll + 1);
}

TEST_F(HealthTest, APairWithAnUncontainedErrorIsTheBoards) {
  note(48, std::nullopt, 1000);
  note(95, 1, 1200);
  EXPECT_EQ(tainted().size(), kAll);
}

TEST_F(HealthTest, AnInstanceMadeAnewIsHealthy) {
  note(94, 1);
  EXPECT_FALSE(book_.settle(machine_));
  machine_.gpus[0].instances[0].compute_instances[0].uuid = "MIG-new";
  EXPECT_TRUE(book_.settle(machine_));
  EXPECT_TRUE(tainted().empty());
}

TEST_F(HealthTest, AReadingWithoutInstancesEndsNothing) {
  note(94, 1);
  machine_.gpus[0].instances.clear();
  machine_.gpus[0].instances_complete = false;
  EXPECT_FALSE(book_.settle(machine_));
  EXPECT_EQ(book_.records().size(), 1U);
}

TEST_F(HealthTest, AGpuThatWasLostAndIsBackIsHealthy) {
  note(79, std::nullopt);
  const Inventory whole = machine_;
  machine_.gpus.erase(machine_.gpus.begin());
  EXPECT_TRUE(book_.settle(machine_));
  EXPECT_FALSE(book_.settle(machine_));
  EXPECT_TRUE(tainted().empty());  // it has no devices anyway
  EXPECT_EQ(book_.records().size(), 1U);
  machine_ = whole;
  EXPECT_TRUE(book_.settle(machine_));
  EXPECT_TRUE(book_.records().empty());
}

TEST_F(HealthTest, AnAdministratorClearsUpToATime) {
  note(95, std::nullopt, 1000);
  note(94, 1, 5000);
  EXPECT_FALSE(book_.clear("gpu-1", 9000));
  EXPECT_TRUE(book_.clear("gpu-0", 2000));
  EXPECT_EQ(tainted(), std::set<std::string>{kSmall});
  EXPECT_TRUE(book_.clear(kSmall, 5000));
  EXPECT_TRUE(tainted().empty());
}

TEST_F(HealthTest, WhatCameAgainAfterTheTimeStays) {
  note(94, 1, 1000);
  note(94, 1, 5000);
  EXPECT_FALSE(book_.clear("", 2000));
  EXPECT_EQ(tainted(), std::set<std::string>{kSmall});
}

TEST_F(HealthTest, ClearingAGpuClearsNoOtherOfALongerName) {
  machine_.gpus[0].minor = 10;
  note(94, 1);
  EXPECT_FALSE(book_.clear("gpu-1", 2000));
  EXPECT_TRUE(book_.clear("gpu-10", 2000));
}

TEST_F(HealthTest, WhatIsIgnoredGivesNoTaint) {
  note(94, 1);
  note(119, std::nullopt);
  ignored_ = {119};
  EXPECT_EQ(tainted(), std::set<std::string>{kSmall});
  ignored_ = {94, 119};
  EXPECT_TRUE(tainted().empty());
  ignored_ = {};
  EXPECT_EQ(tainted().size(), kAll) << "no longer ignored";
}

TEST_F(HealthTest, AnIgnoredContainedErrorStillHasItsPair) {
  ignored_ = {94};
  note(48, std::nullopt, 1000);
  EXPECT_EQ(tainted().size(), kAll);
  note(94, 1, 1200);
  EXPECT_TRUE(tainted().empty());
}

TEST_F(HealthTest, WhatIsGoneOrUnknownConcernsNothing) {
  EXPECT_FALSE(book_.note({"GPU-other", 1, 94, 1}, machine_));
  EXPECT_FALSE(note(94, 9));
}

TEST_F(HealthTest, CountsTheSameOnce) {
  note(94, 1, 1000);
  EXPECT_FALSE(note(94, 1, 1000));
  EXPECT_TRUE(note(94, 1, 2000));
  ASSERT_EQ(book_.records().size(), 1U);
  EXPECT_EQ(book_.records()[0].count, 2U);
}

TEST_F(HealthTest, HasALimit) {
  for (std::uint64_t i = 0; i < HealthBook::kMostRecords + 100; ++i) {
    note(1000 + i, 1);
  }
  EXPECT_EQ(book_.records().size(), HealthBook::kMostRecords);
  EXPECT_LE(book_.taints(machine_, "NoSchedule", ignored_).at(kSmall).size(), 16U);
}

TEST_F(HealthTest, IsReadBack) {
  note(94, 1);
  note(79, std::nullopt);
  const auto again = HealthBook::parse(book_.json());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->records(), book_.records());
  for (const char* bad : {R"({})", R"([{}])", R"([3])", R"([{"gpu": 3}])"}) {
    EXPECT_EQ(HealthBook::parse(base::Json::parse(bad)).error().code, ErrorCode::kInvalidInput);
  }
}

// From the Xid to what the scheduler sees.
TEST_F(HealthTest, TheSliceHasTheTaint) {
  note(94, 1);
  SliceInput input = input_of(machine_);
  input.held[kSmall] = true;
  input.taints = book_.taints(machine_, "NoExecute", ignored_);
  std::size_t found = 0;
  const TestScheduler scheduler(slices_of(input));
  for (const TestDevice& device : scheduler.devices()) {
    if (device.json.contains("taints")) {
      ++found;
      EXPECT_EQ(device.name, kSmall);
      EXPECT_EQ(device.json["taints"][0]["value"], "94");
      EXPECT_EQ(device.json["taints"][0]["effect"], "NoExecute");
    }
  }
  EXPECT_EQ(found, 1U);
}

}  // namespace
}  // namespace mig::kube

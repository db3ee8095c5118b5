// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/publish/health.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "base/file.h"
#include "catalog/catalog.h"

namespace mig::kube {
namespace {

using base::Json;

class HealthFile : public testing::Test {
 protected:
  HealthFile() {
    std::string name = (std::filesystem::temp_directory_path() / "health_XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    machine_ = catalog::inventory_of({"h200-141gb", 1}).value();
    Gpu& gpu = machine_.gpus[0];
    gpu.mig_current = gpu.mig_pending = MigMode::kEnabled;
    GpuInstance instance;
    instance.id = GpuInstanceId{3};
    instance.name = ProfileName::parse("3g.71gb").value();
    instance.placement = {4, 4};
    instance.compute_instances.push_back({});
    instance.compute_instances[0].uuid = "MIG-1";
    gpu.instances.push_back(instance);
  }

  ~HealthFile() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Health> open(const std::string& boot = "b1") const {
    auto health = Health::open({folder_ + "/health.json", boot});
    EXPECT_TRUE(health) << health.error().message;
    return *std::move(health);
  }

  Json event(std::uint64_t xid, std::int64_t time_ms) const {
    return {{"kind", "Event"},
            {"type", "xid"},
            {"gpuUuid", machine_.gpus[0].uuid},
            {"gpuInstance", 3},
            {"computeInstance", nullptr},
            {"xid", xid},
            {"timeMs", time_ms}};
  }

  std::string folder_;
  Inventory machine_;
};

TEST_F(HealthFile, IsKeptOverARestartAndEndsWithABoot) {
  {
    const auto health = open();
    EXPECT_TRUE(health->note(event(94, 1000)));
    EXPECT_EQ(health->taints(machine_).count("gpu-0-mig-3g-71gb-4"), 1U);
    EXPECT_EQ(health->trouble(), "");
  }
  EXPECT_EQ(open()->taints(machine_).count("gpu-0-mig-3g-71gb-4"), 1U);
  EXPECT_TRUE(open("b2")->taints(machine_).empty());
}

TEST_F(HealthFile, WhatWasClearedDoesNotComeBackWithASample) {
  const auto health = open();
  health->note(event(94, 1000));
  EXPECT_EQ(health->taints(machine_).size(), 1U);
  const Json node = {
      {"metadata", {{"annotations", {{"mig.migctl.dev/health-cleared", "1970-01-01T00:00:02Z"}}}}}};
  EXPECT_TRUE(health->clear_by(node));
  EXPECT_FALSE(health->clear_by(node));
  MachineSample sample;
  sample.gpus.push_back({});
  sample.gpus[0].uuid = machine_.gpus[0].uuid;
  sample.gpus[0].xids.push_back({94, GpuInstanceId{3}, std::nullopt, 1, 1000});
  health->note(xids_of(sample));
  EXPECT_TRUE(health->taints(machine_).empty());
  EXPECT_TRUE(open()->taints(machine_).empty());
  // One that is new is told, also another one of the same tick.
  sample.gpus[0].xids.push_back({79, std::nullopt, std::nullopt, 1, 1000});
  health->note(xids_of(sample));
  EXPECT_EQ(health->taints(machine_).size(), 26U);
}

TEST_F(HealthFile, AnXidIsSeenThoughAnotherOneIsYounger) {
  const auto health = open();
  health->note(event(79, 2000));
  health->taints(machine_);
  Json other = event(94, 1000);
  health->note(other);
  health->taints(machine_);
  EXPECT_EQ(health->records().size(), 2U) << "told late, and of another kind";
  health->note(event(79, 1500));
  health->taints(machine_);
  for (const auto& record : health->records()) {
    EXPECT_EQ(record.count, 1U) << "an older one of the same kind is told late";
  }
}

TEST_F(HealthFile, AnXidIsSeenAfterTheClockWasSetBack) {
  base::ManualClock clock(std::chrono::seconds(5));
  HealthSettings settings{folder_ + "/health.json", "b1"};
  settings.clock = &clock;
  const auto health = Health::open(settings).value();
  health->note(event(94, 5000));
  EXPECT_EQ(health->taints(machine_).size(), 1U);
  clock.advance(-std::chrono::seconds(4));  // it was set back
  EXPECT_TRUE(health->clear("", 9000));
  EXPECT_TRUE(health->taints(machine_).empty());
  health->note(event(94, 5000));
  EXPECT_TRUE(health->taints(machine_).empty()) << "the same again, from a sample";
  health->note(event(94, 1000));
  EXPECT_EQ(health->taints(machine_).size(), 1U);
}

TEST_F(HealthFile, WhatIsIgnoredFromARestartOnGivesNoTaint) {
  {
    const auto health = open();
    health->note(event(94, 1000));
    EXPECT_EQ(health->taints(machine_).size(), 1U);
  }
  HealthSettings settings{folder_ + "/health.json", "b1"};
  settings.effect = "NoExecute";
  settings.ignored = {94};
  const auto health = Health::open(settings).value();
  EXPECT_TRUE(health->taints(machine_).empty());
  health->note(event(95, 2000));
  const auto taints = health->taints(machine_);
  ASSERT_FALSE(taints.empty());
  EXPECT_EQ(taints.begin()->second[0].effect, "NoExecute");
}

TEST_F(HealthFile, OtherEventsAreNotXids) {
  const auto health = open();
  for (const char* text : {R"({"type": "layout"})",
                           R"({"type": "layout", "gpuUuid": "GPU-1", "xid": 94})",
                           R"({"type": "xid"})",
                           R"({"type": "xid", "gpuUuid": 3, "xid": 94})",
                           R"([])",
                           R"({"type": "xid", "gpuUuid": "GPU-1", "xid": "94"})"}) {
    EXPECT_FALSE(health->note(Json::parse(text))) << text;
  }
}

TEST_F(HealthFile, AFileOfSomethingElseIsRefusedAndLeft) {
  const std::string path = folder_ + "/health.json";
  for (const char* text : {"{}",
                           "x",
                           R"({"version": 3, "bootId": "b1", "seen": [], "records": []})",
                           R"({"version": 2, "bootId": "b1", "seen": [], "records": 3})"}) {
    ASSERT_TRUE(base::write_file_atomic(path, text));
    const auto health = Health::open({path, "b1"});
    ASSERT_FALSE(health) << text;
    EXPECT_EQ(health.error().code, ErrorCode::kInvalidInput);
    EXPECT_EQ(base::read_file(path, 1000).value(), text);
  }
}

TEST_F(HealthFile, AFileThatCannotBeWrittenIsSaidAndTriedAgain) {
  const auto health = Health::open({folder_ + "/missing/health.json", "b1"}).value().release();
  const std::unique_ptr<Health> owner(health);
  health->note(event(94, 1000));
  EXPECT_EQ(health->taints(machine_).size(), 1U);
  EXPECT_NE(health->trouble(), "");
  std::filesystem::create_directory(folder_ + "/missing");
  health->taints(machine_);
  EXPECT_EQ(health->trouble(), "");
}

TEST_F(HealthFile, AnAnnotationThatIsNotUnderstoodIsSaidUntilItIsMended) {
  const auto health = Health::open({folder_ + "/health.json", "b1"}).value().release();
  const std::unique_ptr<Health> owner(health);
  const auto node = [](const char* text) {
    return base::Json{{"metadata", {{"annotations", {{"mig.migctl.dev/health-cleared", text}}}}}};
  };
  EXPECT_FALSE(health->clear_by(node("yesterday")));
  health->note(event(94, 1000));
  EXPECT_EQ(health->taints(machine_).size(), 1U);
  EXPECT_NE(health->trouble().find("yesterday"), std::string::npos) << "also after the file's";
  (void)health->clear_by(node("2023-11-14T22:13:20Z"));
  EXPECT_EQ(health->trouble(), "");
  EXPECT_FALSE(health->clear_by(node("yesterday")));
  EXPECT_FALSE(health->clear_by({{"metadata", base::Json::object()}}));
  EXPECT_EQ(health->trouble(), "");
}

TEST(Clearances, AreTimesForAllOrForDevices) {
  const auto all = parse_clearances("2023-11-14T22:13:20Z");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->at(0).device, "");
  EXPECT_EQ(all->at(0).until_ms, 1'700'000'000'000);
  const auto two =
      parse_clearances("gpu-0=2023-11-14T22:13:20Z,gpu-1-mig-3g-71gb-4=2023-11-14T22:13:21Z");
  ASSERT_TRUE(two);
  EXPECT_EQ(two->at(1).device, "gpu-1-mig-3g-71gb-4");
  for (const char* bad :
       {"", "now", "gpu-0=", "=2023-11-14T22:13:20Z", "2023-11-14T22:13:20", ","}) {
    EXPECT_FALSE(parse_clearances(bad)) << bad;
  }
}

}  // namespace
}  // namespace mig::kube

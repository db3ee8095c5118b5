// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/main/xid_watch.h"

#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "kubernetes/objects/device_name.h"

namespace mig::kube {
namespace {

TEST(OpenHealth, ADamagedFileIsMovedAside) {
  const std::string file = testing::TempDir() + "health-damaged.json";
  std::ofstream(file) << "{";
  Log log(false);
  testing::internal::CaptureStderr();
  ASSERT_TRUE(open_health({.state_file = file, .boot_id = ""}, log));
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("moved to " + file + ".damaged"), std::string::npos) << said;
  EXPECT_FALSE(std::ifstream(file).good());
  EXPECT_TRUE(std::ifstream(file + ".damaged").good());
}

TEST(HealthSettings, AreThoseOfTheWords) {
  Settings settings;
  settings.state_dir = "/s";
  settings.xid_effect = "NoExecute";
  settings.ignored_xids = {94};
  const HealthSettings health = health_settings(settings);
  EXPECT_EQ(health.state_file, "/s/health.json");
  EXPECT_EQ(health.effect, "NoExecute");
  EXPECT_EQ(health.ignored, std::set<std::uint64_t>{94});
}

TEST(Illness, IsThatOfTheInstanceOrOfTheGpu) {
  Gpu gpu;
  gpu.minor = 0;
  GpuInstance well;
  well.name = ProfileName::parse("1g.18gb").value();
  well.placement = {0, 1};
  GpuInstance ill = well;
  ill.placement = {1, 1};
  const Taint taint{"mig.migctl.dev/xid", "94", "NoSchedule", 1};
  const std::map<std::string, std::vector<Taint>> taints = {
      {device_name(gpu, ill.name, 1), {taint, taint}}};
  EXPECT_EQ(illness(gpu, &ill, taints), "Xid 94");
  EXPECT_EQ(illness(gpu, &well, taints), "");
  EXPECT_EQ(illness(gpu, nullptr, taints), "");
  EXPECT_EQ(illness(gpu, nullptr, {{device_name(gpu), {taint}}}), "Xid 94");
}

}  // namespace
}  // namespace mig::kube

// SPDX-License-Identifier: Apache-2.0
#include "slurm/gres.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "model/testing/test_boards.h"
#include "slurm/conf.h"
#include "slurm/job.h"

namespace mig::slurm {
namespace {

Result<std::pair<std::string, std::string>> capabilities(std::uint32_t minor,
                                                         GpuInstanceId gi,
                                                         ComputeInstanceId ci) {
  const unsigned first = minor * 1000 + gi.value * 10;
  return std::pair(fmt::format("nvidia-cap{}", first),
                   fmt::format("nvidia-cap{}", first + 1 + ci.value));
}

// Two boards, the first with MIG; the driver's minors are not its indexes.
Inventory two_boards() {
  Gpu first = testing::board("h200_141gb", 0);
  Gpu second = testing::board("h200_141gb", 1);
  first.minor = 1;
  second.minor = 0;
  second.mig_current = second.mig_pending = MigMode::kDisabled;
  testing::add_instance(first, "3g.71gb", 4);
  testing::add_instance(first, "1g.18gb", 2);
  testing::add_instance(first, "1g.18gb", 0);
  for (GpuInstance& instance : first.instances) {
    for (ComputeInstance& compute : instance.compute_instances) {
      compute.uuid = fmt::format("MIG-{}", instance.placement.start);
    }
  }
  return testing::inventory({first, second});
}

Naming naming() {
  Naming out;
  out.node = "gpu01";
  return out;
}

TEST(Gres, OneOrderInBothFiles) {
  const auto files = files_of(two_boards(), naming(), capabilities);
  ASSERT_TRUE(files) << files.error().text();
  ASSERT_EQ(files->devices.size(), 4U);
  EXPECT_EQ(files->gres, "gpu:1g.18gb:2,gpu:3g.71gb:1,gpu:h200:1");
  std::vector<std::string> uuids;
  for (const Device& device : files->devices) {
    EXPECT_EQ(device.index, uuids.size());
    uuids.push_back(device.uuid);
  }
  EXPECT_EQ(uuids[0], "MIG-0");
  EXPECT_EQ(uuids[1], "MIG-2");
  EXPECT_EQ(uuids[2], "MIG-4");
  EXPECT_EQ(files->devices[0].files.front(), "/dev/nvidia1");  // by minor
  EXPECT_EQ(files->devices[0].files.size(), 3U);
  EXPECT_EQ(files->devices[3].files, std::vector<std::string>{"/dev/nvidia0"});
  EXPECT_NE(files->gres_conf.find("NodeName=gpu01 Name=gpu Type=h200 File=/dev/nvidia0 #"),
            std::string::npos);
  // What is written is read back as it was.
  const auto read = devices_in(files->gres_conf, "gres.conf");
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(*read, files->devices);
  EXPECT_TRUE(device_differences(*read, files->devices).empty());
}

TEST(Gres, TypesOfSlurmsOwnPlugin) {
  Naming nvml = naming();
  nvml.nvml_types = nvml.autodetect = true;
  nvml.version = kTypesByName;
  const auto files = files_of(two_boards(), nvml, capabilities);
  ASSERT_TRUE(files);
  EXPECT_EQ(files->gres, "gpu:nvidia_h200:1,gpu:nvidia_h200_1g.18gb:2,gpu:nvidia_h200_3g.71gb:1");
  EXPECT_NE(files->gres_conf.find("NodeName=gpu01 AutoDetect=nvml\n"), std::string::npos);
  const auto read = devices_in(files->gres_conf, "gres.conf");
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->size(), 4U);
  Gpu a100 = testing::board("a100_sxm4_40gb", 0);
  GpuInstance instance;
  instance.name = *ProfileName::parse("2g.10gb");
  instance.memory_mib = 9856;
  EXPECT_EQ(type_of(a100, instance, *ProfileName::parse("1g.5gb+me"), nvml),
            "nvidia_a100_1g.5gb+me");
  EXPECT_EQ(type_of(a100, naming()), "a100-sxm4-40gb");
  const ProfileName part = *ProfileName::parse("1c.2g.10gb@26sm");
  EXPECT_EQ(type_of(a100, instance, part, naming()), "1c.2g.10gb.26sm");
  nvml.version = {23, 2, 5};
  EXPECT_EQ(type_of(a100, instance, part, nvml), "nvidia_a100_2g.10gb");
  instance.memory_mib = 16384;  // of 1g.18gb
  EXPECT_EQ(type_of(a100, instance, part, nvml), "nvidia_a100_2g.16gb");
}

TEST(Gres, WhatCannotBeHandedOverIsSaid) {
  Naming old = naming();
  old.version = {20, 11};
  const auto files = files_of(two_boards(), old, capabilities);
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, ErrorCode::kNotSupported);
  Inventory partly = two_boards();
  partly.gpus[0].instances_complete = false;
  EXPECT_EQ(files_of(partly, naming(), capabilities).error().code, ErrorCode::kPermission);
  Inventory empty = two_boards();
  empty.gpus[0].instances.clear();
  empty.gpus.resize(1);
  const auto none = files_of(empty, naming(), capabilities);
  ASSERT_TRUE(none);
  EXPECT_EQ(none->gres, "");
  EXPECT_EQ(none->warnings.size(), 2U);
}

TEST(Gres, DifferencesNameWhatIsWrong) {
  const auto files = files_of(two_boards(), naming(), capabilities);
  ASSERT_TRUE(files);
  auto they = files->devices;
  std::swap(they[0].index, they[1].index);
  they[2].uuid = "MIG-gone";
  they[3].files = {"/dev/nvidia7"};
  std::string all;
  for (const std::string& line : device_differences(they, files->devices)) {
    all += line + "\n";
  }
  EXPECT_NE(all.find("has number 1, and should have 0"), std::string::npos) << all;
  EXPECT_NE(all.find("MIG-4) is not there"), std::string::npos) << all;
  EXPECT_NE(all.find("MIG-gone (GPU 0 gi="), std::string::npos) << all;
  EXPECT_NE(all.find("/dev/nvidia7"), std::string::npos) << all;
}

TEST(Gres, VersionsAreUnderstood) {
  EXPECT_EQ(parse_version("slurm-wlm 22.05.8"), (Version{22, 5, 8}));
  EXPECT_EQ(parse_version("slurm 25.11.0-rc1"), (Version{25, 11}));
  EXPECT_EQ(parse_version("slurm"), std::nullopt);
  EXPECT_LT((Version{20, 11}), kMultipleFiles);
}

TEST(Gres, ATaskHasWhatItMayOpen) {
  const auto files = files_of(two_boards(), naming(), capabilities);
  ASSERT_TRUE(files);
  const auto& all = files->devices;
  const auto only = [&](std::size_t which) {
    return [&all, which](const std::string& path) {
      return std::find(all[which].files.begin(), all[which].files.end(), path) !=
             all[which].files.end();
    };
  };
  const auto any = [](const std::string&) { return true; };
  const auto nothing = [](const std::string&) { return false; };
  const auto uuid = [](const std::vector<Device>& devices) {
    return devices.size() == 1 ? devices.front().uuid : fmt::format("{} devices", devices.size());
  };
  EXPECT_EQ(uuid(devices_of_task(all, {1}, only(1))), "MIG-2");
  // Slurm before 23.11 names the first device to every task of a step.
  EXPECT_EQ(uuid(devices_of_task(all, {0}, only(1))), "MIG-2");
  // Nothing is constrained: the numbers decide.
  EXPECT_EQ(uuid(devices_of_task(all, {2}, any)), "MIG-4");
  EXPECT_EQ(devices_of_task(all, {0, 2}, any).size(), 2U);
  EXPECT_TRUE(devices_of_task(all, {0}, nothing).empty());
}

TEST(Job, IsWhatSlurmSays) {
  auto job = parse_job({{"SLURM_JOB_ID", "7"},
                        {"SLURM_JOB_UID", "1001"},
                        {"SLURM_JOB_GPUS", "0,3"},
                        {"SLURM_STEP_GPUS", "3"}});
  ASSERT_TRUE(job);
  EXPECT_EQ(job->devices, std::vector<std::uint32_t>{3});
  EXPECT_TRUE(parse_job({{"SLURM_JOB_ID", "7"}})->devices.empty());
  EXPECT_FALSE(parse_job({}));
  EXPECT_FALSE(parse_job({{"SLURM_JOB_ID", "7\nexport X=1"}}));
  EXPECT_FALSE(parse_job({{"SLURM_JOB_ID", "7"}, {"SLURM_JOB_UID", "root"}}));
  EXPECT_FALSE(parse_job({{"SLURM_JOB_ID", "7"}, {"SLURM_JOB_GPUS", "0-3"}}));
}

}  // namespace
}  // namespace mig::slurm

// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/objects/device_name.h"

#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/file.h"
#include "catalog/catalog.h"
#include "kubernetes/objects/resource_names.h"
#include "kubernetes/objects/test_machines.h"

namespace mig::kube {
namespace {

ProfileName profile(const std::string& text) {
  return ProfileName::parse(text).value();
}

TEST(DeviceName, WritesProfilesAsDnsLabels) {
  EXPECT_EQ(dashed(profile("3g.71gb")), "3g-71gb");
  EXPECT_EQ(dashed(profile("1g.10gb+me")), "1g-10gb-me");
  EXPECT_EQ(dashed(profile("1g.24gb+me.all")), "1g-24gb-me-all");
  EXPECT_EQ(dashed(profile("1g.24gb-me")), "1g-24gb-nome");
  EXPECT_EQ(dashed(profile("1g.24gb-gfx,me")), "1g-24gb-nogfx-nome");
  EXPECT_EQ(dashed(profile("1g.24gb+GFX")), "1g-24gb-gfx");
}

TEST(DeviceName, NoTwoPlacesOfAMachineHaveOneNameAndEachIsFoundAgain) {
  for (const std::string& board : catalog::board_names()) {
    const Inventory machine = machine_of(board, 2);
    std::set<std::string> names;
    for (const Gpu& gpu : machine.gpus) {
      EXPECT_TRUE(names.insert(device_name(gpu)).second);
      EXPECT_FALSE(find_place(machine, device_name(gpu))) << "a GPU as a whole is no device";
      for (const GpuInstanceProfile& one : gpu.profiles) {
        for (const Placement place : one.placements) {
          const std::string name = device_name(gpu, one.name, place.start);
          EXPECT_TRUE(names.insert(name).second) << board << " " << name;
          EXPECT_LE(name.size(), 63U);
          EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"),
                    std::string::npos)
              << name;
          const auto found = find_place(machine, name);
          ASSERT_TRUE(found) << name;
          EXPECT_EQ(found->gpu, &gpu);
          EXPECT_EQ(found->profile, &one);
          EXPECT_EQ(found->placement, place);
        }
      }
    }
  }
}

TEST(DeviceName, OfUnknownPlacesIsNotFound) {
  const Inventory machine = machine_of("h200-141gb");
  for (const char* name : {"",
                           "gpu-1",
                           "gpu-0-mig-4g-71gb-4",
                           "gpu-0-mig-1g-10gb-0",
                           "gpu-0-mig-1g-18gb-0x",
                           "GPU-0"}) {
    EXPECT_FALSE(find_place(machine, name)) << name;
  }
}

TEST(DeviceName, AnIndexIsNoMinorNumber) {
  Inventory machine = machine_of("h200-141gb", 2);
  machine.gpus[0].minor = 1;
  machine.gpus[1].minor.reset();
  EXPECT_EQ(device_name(machine.gpus[0]), "gpu-1");
  EXPECT_EQ(device_name(machine.gpus[1]), "gpu-index-1");
}

TEST(ResourceNames, OneForEachProfileOfEveryBoard) {
  EXPECT_EQ(extended_resource_name(profile("1g.10gb")), "nvidia.com/mig-1g.10gb");
  EXPECT_EQ(extended_resource_name(profile("1g.10gb+me")), "nvidia.com/mig-1g.10gb.me");
  EXPECT_EQ(extended_resource_name(profile("2g.48gb+me.all")), "nvidia.com/mig-2g.48gb.me.all");
  EXPECT_EQ(extended_resource_name(profile("1g.24gb-me")), "nvidia.com/mig-1g.24gb-me");
  EXPECT_EQ(device_class_name(profile("1g.10gb+me")), "mig-1g-10gb-me.migctl.dev");
  EXPECT_EQ(device_class_name(profile("1g.24gb-me")), "mig-1g-24gb-nome.migctl.dev");
  std::map<std::string, std::string> of_class, of_resource;  // profile
  for (const std::string& board : catalog::board_names()) {
    const Inventory machine = machine_of(board);
    for (const GpuInstanceProfile& one : machine.gpus[0].profiles) {
      const std::string name = one.name.str();
      EXPECT_EQ(of_class.emplace(device_class_name(one.name), name).first->second, name);
      EXPECT_EQ(of_resource.emplace(extended_resource_name(one.name), name).first->second, name);
      EXPECT_LE(extended_resource_name(one.name).size(), std::string("nvidia.com/").size() + 63);
    }
  }
  EXPECT_EQ(of_class.size(), of_resource.size());
}

// The manifests are made by a script, by rules of its own.
TEST(ResourceNames, AreThoseOfTheManifests) {
  const auto read = base::read_file(
      MIG_SOURCE_DIR "/integrations/kubernetes/deploy/base/device-classes.yaml", 1U << 20U);
  ASSERT_TRUE(read) << read.error().message;
  for (const std::string& board : catalog::board_names()) {
    const Inventory machine = machine_of(board);
    for (const GpuInstanceProfile& one : machine.gpus[0].profiles) {
      const std::string name = "\n  name: " + device_class_name(one.name) + "\n";
      const std::size_t at = read->find(name);
      ASSERT_NE(at, std::string::npos) << name;
      const std::string entry = read->substr(at, read->find("\n---", at) - at);
      EXPECT_NE(entry.find("extendedResourceName: " + extended_resource_name(one.name) + "\n"),
                std::string::npos)
          << entry;
      EXPECT_NE(entry.find(".profile == '" + one.name.str() + "'"), std::string::npos) << entry;
    }
  }
}

}  // namespace
}  // namespace mig::kube

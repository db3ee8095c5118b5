// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/node_config/gfd_labels.h"

#include <gtest/gtest.h>

#include "catalog/catalog.h"

namespace mig::kube {
namespace {

// GPU instances of these profiles, each with its full compute instance.
void add(Gpu& gpu, const std::string& name) {
  const auto profile = ProfileName::parse(name);
  ASSERT_TRUE(profile) << name;
  const GpuInstanceProfile* known = gpu.find_profile(*profile);
  ASSERT_NE(known, nullptr) << name;
  GpuInstance instance;
  instance.id = GpuInstanceId{static_cast<std::uint32_t>(gpu.instances.size() + 1)};
  instance.profile_id = known->id;
  instance.name = known->name;
  instance.memory_mib = known->memory_mib;
  instance.sm = known->sm;
  ComputeInstance compute;
  compute.name = known->name;
  compute.sm = known->sm;
  instance.compute_instances.push_back(compute);
  gpu.instances.push_back(instance);
  gpu.mig_current = MigMode::kEnabled;
}

Inventory machine(std::uint32_t count) {
  auto out = catalog::inventory_of({"a100-sxm4-40gb", count});
  EXPECT_TRUE(out);
  return out.value_or(Inventory{});
}

TEST(GfdLabels, Mixed) {
  Inventory now = machine(2);
  add(now.gpus[0], "2g.10gb");
  add(now.gpus[0], "1g.5gb+me");
  add(now.gpus[1], "2g.10gb");
  const auto labels = gfd_labels(now, MigStrategy::kMixed);
  // As gpu-feature-discovery wrote them for an A100 of 40 GB.
  EXPECT_EQ(labels.at("nvidia.com/mig-2g.10gb.count"), "2");
  EXPECT_EQ(labels.at("nvidia.com/mig-2g.10gb.multiprocessors"), "28");
  EXPECT_EQ(labels.at("nvidia.com/mig-2g.10gb.slices.gi"), "2");
  EXPECT_EQ(labels.at("nvidia.com/mig-2g.10gb.slices.ci"), "2");
  EXPECT_EQ(labels.at("nvidia.com/mig-2g.10gb.engines.copy"), "2");
  EXPECT_EQ(labels.at("nvidia.com/mig-2g.10gb.engines.decoder"), "1");
  EXPECT_EQ(labels.at("nvidia.com/mig-2g.10gb.engines.encoder"), "0");
  EXPECT_EQ(labels.at("nvidia.com/mig-2g.10gb.product"), "NVIDIA-A100-SXM4-40GB-MIG-2g.10gb");
  EXPECT_EQ(labels.at("nvidia.com/mig-1g.5gb.me.count"), "1");
  EXPECT_EQ(labels.at("nvidia.com/mig.strategy"), "mixed");
  EXPECT_EQ(labels.at("nvidia.com/mig.capable"), "true");
  EXPECT_FALSE(labels.contains("nvidia.com/gpu.count"));
  EXPECT_EQ(gfd_labels(machine(2), MigStrategy::kMixed).size(), 2U);
}

TEST(GfdLabels, Single) {
  Inventory now = machine(2);
  EXPECT_EQ(gfd_labels(now, MigStrategy::kSingle).size(), 2U) << "MIG is off: GFD's own";
  add(now.gpus[0], "1g.5gb");
  add(now.gpus[0], "1g.5gb");
  auto labels = gfd_labels(now, MigStrategy::kSingle);
  EXPECT_EQ(labels.at("nvidia.com/gpu.count"), "0") << "one GPU is not MIG";
  EXPECT_EQ(labels.at("nvidia.com/gpu.product"), "NVIDIA-A100-SXM4-40GB-MIG-INVALID");
  add(now.gpus[1], "1g.5gb");
  labels = gfd_labels(now, MigStrategy::kSingle);
  EXPECT_EQ(labels.at("nvidia.com/gpu.count"), "3");
  EXPECT_EQ(labels.at("nvidia.com/gpu.product"), "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb");
  EXPECT_EQ(labels.at("nvidia.com/gpu.slices.gi"), "1");
  add(now.gpus[1], "2g.10gb");
  EXPECT_EQ(gfd_labels(now, MigStrategy::kSingle).at("nvidia.com/gpu.count"), "0");
}

TEST(GfdLabels, AreLabels) {
  for (const std::string& board : catalog::board_names()) {
    auto now = catalog::inventory_of({board, 1});
    ASSERT_TRUE(now);
    Gpu& gpu = now->gpus[0];
    for (const GpuInstanceProfile& profile : std::vector<GpuInstanceProfile>(gpu.profiles)) {
      add(gpu, profile.name.str());
    }
    for (const auto& [name, value] : gfd_labels(*now, MigStrategy::kMixed)) {
      EXPECT_LE(name.size() - std::string("nvidia.com/").size(), 63U) << name;
      EXPECT_LE(value.size(), 63U) << value;
      for (const char c : name.substr(11) + value) {
        EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' ||
                    c == '_')
            << name << " = " << value;
      }
    }
  }
}

TEST(GfdLabels, Words) {
  EXPECT_EQ(parse_strategy("mixed"), MigStrategy::kMixed);
  EXPECT_EQ(parse_strategy("single"), MigStrategy::kSingle);
  EXPECT_EQ(parse_strategy("none"), MigStrategy::kNone);
  EXPECT_EQ(parse_strategy("both"), std::nullopt);
}

}  // namespace
}  // namespace mig::kube

// SPDX-License-Identifier: Apache-2.0
// By the journal of a simulated machine, which migctl and nvidia-smi's dialect change.
#include "service/drift.h"

#include "node/test_machine.h"

namespace mig::service {
namespace {

class DriftTest : public node::MachineTest {
 protected:
  // What the sampler tells of the first GPU, as far as it matters here.
  MachineSample sample() {
    MachineSample out;
    for (const Gpu& gpu : inventory().gpus) {
      GpuSample& one = out.gpus.emplace_back();
      one.uuid = gpu.uuid;
      one.mig_pending = gpu.mig_pending;
      for (const GpuInstance& instance : gpu.instances) {
        GpuInstanceSample& to = one.instances.emplace_back();
        to.profile = instance.name.str();
        to.placement = instance.placement;
        for (const ComputeInstance& compute : instance.compute_instances) {
          to.compute_instances.emplace_back().profile = compute.name.str();
        }
      }
    }
    return out;
  }

  std::optional<bool> drift(Drift& by, std::size_t gpu = 0) {
    MachineSample now = sample();
    const auto noted = by.note(now);
    EXPECT_TRUE(noted) << noted.error().text();
    return now.gpus.at(gpu).drift;
  }
};

TEST_F(DriftTest, WhatMigctlLeftIsNoDriftWhatAnotherProgramMadeIs) {
  make("2x a100-sxm4-40gb");
  Drift by(node_->places().journal());
  EXPECT_EQ(drift(by), std::nullopt) << "nothing is recorded, and no journal is made for this";
  enable_mig();
  EXPECT_EQ(drift(by), false);
  create(0, {"3g.20gb", "1g.5gb"});
  EXPECT_EQ(drift(by), false);
  EXPECT_EQ(drift(by, 1), false);
  ASSERT_EQ(migctl({"smi", "mig", "-cgi", "14", "-C", "-i", "0"}), 0);
  EXPECT_EQ(drift(by), true);
  EXPECT_EQ(drift(by, 1), false);
  create(0, {"1g.5gb"});
  EXPECT_EQ(drift(by), false) << "a change of ours takes what is there as it is";
}

}  // namespace
}  // namespace mig::service

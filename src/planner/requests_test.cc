// SPDX-License-Identifier: Apache-2.0
#include "planner/requests.h"

#include <string>

#include <gtest/gtest.h>

namespace mig::planner {
namespace {

ProfileName profile(const char* name) {
  return *ProfileName::parse(name);
}

// GPU 0 with a 3g.20gb at 4:4 with these compute instances.
Inventory machine(const std::vector<const char*>& computes) {
  GpuInstance instance;
  instance.name = profile("3g.20gb");
  instance.placement = {4, 4};
  for (const char* name : computes) {
    ComputeInstance compute;
    compute.name = profile(name);
    instance.compute_instances.push_back(compute);
  }
  Inventory out;
  out.gpus.resize(1);
  out.gpus[0].mig_current = out.gpus[0].mig_pending = MigMode::kEnabled;
  out.gpus[0].instances = {instance};
  return out;
}

// The desired GPU instances as text: "3g.20gb[1c.3g.20gb 1c.3g.20gb]".
std::string wanted(const Inventory& inventory, const char* compute, std::uint32_t start) {
  DesiredInstance instance;
  instance.profile = profile("3g.20gb");
  instance.compute_instances = {profile(compute)};
  instance.placement = Placement{start, 4};
  const auto layout = desired_create(inventory, {GpuIndex{0}, {instance}});
  if (!layout) {
    return layout.error().text();
  }
  std::string out;
  for (const DesiredInstance& one : layout->gpus.at(0).instances) {
    out += (out.empty() ? "" : " ") + one.profile.str() + "[";
    for (const ProfileName& name : one.compute_instances) {
      out += (out.back() == '[' ? "" : " ") + name.str();
    }
    out += "]";
  }
  return out;
}

TEST(DesiredCreate, APartOfAnInstanceGoesIntoTheOneAtItsPlace) {
  EXPECT_EQ(wanted(machine({"1c.3g.20gb"}), "1c.3g.20gb", 4), "3g.20gb[1c.3g.20gb 1c.3g.20gb]");
  EXPECT_EQ(wanted(machine({"1c.3g.20gb"}), "1c.3g.20gb", 0),
            "3g.20gb[1c.3g.20gb] 3g.20gb[1c.3g.20gb]");
}

TEST(DesiredCreate, AWholeOneGoesOnlyIntoOneThatIsEmpty) {
  EXPECT_EQ(wanted(machine({}), "3g.20gb", 4), "3g.20gb[3g.20gb]");
  EXPECT_EQ(wanted(machine({"1c.3g.20gb"}), "3g.20gb", 4), "3g.20gb[1c.3g.20gb] 3g.20gb[3g.20gb]");
}

}  // namespace
}  // namespace mig::planner

// SPDX-License-Identifier: Apache-2.0
#include "model/report_values.h"

#include <gtest/gtest.h>

#include "mig/inventory.h"
#include "mig/plan.h"

namespace mig::report {
namespace {

std::string shape_of(const Text& text) {
  std::string out;
  for (const Span& span : text.spans) {
    const char* kinds = "pcel";
    out += std::string(1, kinds[static_cast<int>(span.kind)]) + "(" + span.text + ")";
    out += span.address.empty() ? "" : "<" + span.address + ">";
  }
  return out;
}

TEST(ReportText, MarkupIsRead) {
  EXPECT_EQ(shape_of(marked("run `migctl list` and *look*, see [the page](https://x.example/a)")),
            "p(run )c(migctl list)p( and )e(look)p(, see )l(the page)<https://x.example/a>");
}

TEST(ReportText, WhatIsNoMarkupStaysAsItIs) {
  for (const char* plain : {"2 * 3 * 4", "a ` b", "``", "*", "[x]", "[x](", "a [b] (c)", ""}) {
    EXPECT_EQ(marked(plain).str(), plain);
    EXPECT_EQ(marked(plain).spans.size(), plain[0] == '\0' ? 0U : 1U) << plain;
  }
}

TEST(ReportText, AStringHasNoMarkup) {
  EXPECT_EQ(shape_of(Text("`a` *b* [c](https://d)")), "p(`a` *b* [c](https://d))");
  EXPECT_EQ(shape_of(Text("by ").code("`x`").plain(" and ").emphasis("*")),
            "p(by )c(`x`)p( and )e(*)");
  EXPECT_TRUE(Text("").empty());
}

TEST(ReportStrip, AGpuWithMigHasItsInstancesInOrderOfPlace) {
  Gpu gpu;
  gpu.index = GpuIndex{1};
  gpu.name = "NVIDIA A100-SXM4-40GB";
  gpu.mig_current = MigMode::kEnabled;
  gpu.memory_slices = 8;
  GpuInstance large, small;
  large.id = GpuInstanceId{1};
  large.name = ProfileName::parse("3g.20gb").value();
  large.placement = {4, 4};
  large.sm = 42;
  ComputeInstance compute;
  compute.uuid = "MIG-1";
  large.compute_instances.push_back(compute);
  small.id = GpuInstanceId{9};
  small.name = ProfileName::parse("1g.5gb").value();
  small.placement = {0, 1};
  small.sm = 14;
  gpu.instances = {large, small};
  gpu.leases.push_back({1, "team-a", "", GpuInstanceId{1}, ComputeInstanceId{0}});
  const LayoutStrip strip = strip_of(gpu, "after");
  EXPECT_EQ(strip.gpu, "GPU 1  NVIDIA A100-SXM4-40GB");
  EXPECT_EQ(strip.slots, 8U);
  ASSERT_EQ(strip.cells.size(), 2U);
  EXPECT_EQ(strip.cells[0].profile, "1g.5gb");
  EXPECT_FALSE(strip.cells[0].busy);
  EXPECT_EQ(strip.cells[1].lines, (std::vector<std::string>{"gi 1", "42 SMs", "MIG-1"}));
  EXPECT_TRUE(strip.cells[1].busy);
  gpu.mig_current = MigMode::kDisabled;
  EXPECT_EQ(strip_of(gpu).slots, 0U);
}

}  // namespace
}  // namespace mig::report

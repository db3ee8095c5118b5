// SPDX-License-Identifier: Apache-2.0
#include "model/strip.h"

#include <gtest/gtest.h>

namespace mig {
namespace {

LayoutCell cell(const char* name, std::uint32_t start, std::uint32_t size, bool busy = false) {
  return {ProfileName::parse(name).value(), {start, size}, busy};
}

TEST(Strip, MixedBoardOfEightSlots) {
  const GpuLayout layout{
      MigMode::kEnabled,
      8,
      {cell("1g.5gb", 0, 1), cell("2g.10gb", 2, 2, true), cell("3g.20gb", 4, 4)}};
  EXPECT_EQ(draw_strip(layout, {.ruler = true}),
            " 0      1      2      3      4      5      6      7\n"
            "|1g.5gb|  .   |2g.10gb *    |3g.20gb                    |");
}

TEST(Strip, FourAndTwelveSlots) {
  EXPECT_EQ(draw_strip({MigMode::kEnabled, 4, {cell("2g.12gb+me", 0, 2), cell("1g.6gb", 3, 1)}}),
            "|2g.12gb+me   |  .   |1g.6gb|");
  EXPECT_EQ(
      draw_strip({MigMode::kEnabled, 12, {cell("2g.48gb", 0, 6), cell("1g.24gb+me.all", 9, 3)}}),
      "|2g.48gb                      | .  | .  | .  |1g.24gb+me.all|");
}

TEST(Strip, EveryLineIsAsWideAsTheRulerSays) {
  const GpuLayout full{MigMode::kEnabled, 8, {cell("7g.141gb", 0, 8, true)}};
  const GpuLayout empty{MigMode::kEnabled, 8, {}};
  EXPECT_EQ(draw_strip(full, {.slot_width = 7}).size(), 7U * 8 + 1);
  EXPECT_EQ(draw_strip(empty, {.slot_width = 7}).size(), 7U * 8 + 1);
}

TEST(Strip, NarrowSlotsCutNamesButKeepTheBusyMark) {
  const GpuLayout layout{MigMode::kEnabled, 4, {cell("1g.6gb+me", 0, 1, true)}};
  EXPECT_EQ(draw_strip(layout, {.slot_width = 6}), "|1g.~*|  .  |  .  |  .  |");
  EXPECT_EQ(draw_strip(layout, {.slot_width = 1}), "|~|.|.|.|");
}

TEST(Strip, ColoursAreTheOnlyDifferenceColourMakes) {
  const GpuLayout layout{MigMode::kEnabled, 4, {cell("2g.12gb", 0, 2, true), cell("1g.6gb", 2, 1)}};
  std::string colored = draw_strip(layout, {.color = true});
  EXPECT_NE(colored.find("\x1b[33m2g.12gb *"), std::string::npos);
  for (std::size_t at = colored.find('\x1b'); at != std::string::npos; at = colored.find('\x1b')) {
    colored.erase(at, colored.find('m', at) - at + 1);
  }
  EXPECT_EQ(colored, draw_strip(layout));
}

TEST(Strip, WordsWhereThereAreNoSlots) {
  EXPECT_EQ(draw_strip({MigMode::kUnsupported, 0, {}}), "(no MIG on this GPU)");
  EXPECT_EQ(draw_strip({MigMode::kDisabled, 8, {}}), "(MIG is disabled)");
}

TEST(Strip, SurvivesPlacementsThatMakeNoSense) {
  const GpuLayout layout{MigMode::kEnabled,
                         4,
                         {cell("1g.6gb", 0, 0),
                          cell("2g.12gb", 1, 2),
                          cell("2g.12gb", 2, 2),
                          cell("4g.24gb", 3, 9),
                          cell("1g.6gb", 50, 1)}};
  EXPECT_EQ(draw_strip(layout, {.slot_width = 4}), "| . |2g.12gb|4g~|");
}

TEST(LayoutOf, SortsByStartAndMarksBusy) {
  Gpu gpu;
  gpu.mig_current = MigMode::kEnabled;
  gpu.memory_slices = 8;
  GpuInstance left;
  left.id = {2};
  left.name = ProfileName::parse("3g.20gb").value();
  left.placement = {0, 4};
  GpuInstance right = left;
  right.id = {1};
  right.placement = {4, 4};
  gpu.instances = {right, left};
  Process process;
  process.pid = 4121;
  process.gpu_instance = GpuInstanceId{1};
  gpu.processes = {process};
  const GpuLayout layout = layout_of(gpu);
  ASSERT_EQ(layout.cells.size(), 2U);
  EXPECT_EQ(layout.cells[0].placement.start, 0U);
  EXPECT_FALSE(layout.cells[0].busy);
  EXPECT_TRUE(layout.cells[1].busy);

  gpu.processes[0].gpu_instance.reset();  // on the GPU as a whole: possibly on any instance
  EXPECT_TRUE(layout_of(gpu).cells[0].busy);
}

}  // namespace
}  // namespace mig

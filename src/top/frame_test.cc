// SPDX-License-Identifier: Apache-2.0
// Frames against testdata/*.frame: the text, and below it the styles, one letter per cell. After an
// intended change: MIG_UPDATE_GOLDENS=1 top_test
#include "top/frame.h"

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "top/glyph.h"
#include "top/test_sample.h"

namespace mig::top {
namespace {

// '.' plain, g y r low, middle, high, c accent, s simulated, 0-7 tenants; capitals (and !, for
// digits and plain: # and !) are reversed.
char letter_of_style(const Style& style) {
  constexpr std::string_view kPlain = ".gyrcs01234567";
  constexpr std::string_view kReverse = "#GYRCS!@$%&*()";
  return (style.reverse ? kReverse : kPlain)[static_cast<std::size_t>(style.color)];
}

std::string golden_text(const Grid& grid) {
  std::string out = text_of(grid, false) + "-- styles --\n";
  for (int y = 0; y < grid.height(); ++y) {
    for (int x = 0; x < grid.width(); ++x) {
      out += letter_of_style(grid.at(x, y).style);
    }
    out += "\n";
  }
  return out;
}

void expect_golden(const std::string& name, const Frame& frame) {
  const std::string path = std::string(MIG_TOP_TESTDATA) + "/" + name + ".frame";
  const std::string text = golden_text(frame.grid);
  // NOLINTNEXTLINE(concurrency-mt-unsafe): a test has one thread here
  if (std::getenv("MIG_UPDATE_GOLDENS") != nullptr) {
    std::ofstream(path) << text;
  }
  std::ifstream stream(path);
  ASSERT_TRUE(stream) << path;
  std::ostringstream wanted;
  wanted << stream.rdbuf();
  EXPECT_EQ(text, wanted.str()) << name;
}

TEST(Frame, EightyByTwentyFour) {
  expect_golden("80x24", draw({80, 24}, testing::content(), {}));
}

TEST(Frame, TwoHundredBySixty) {
  expect_golden("200x60", draw({200, 60}, testing::content(), {}));
}

TEST(Frame, TwentyByFive) {
  expect_golden("20x5", draw({20, 5}, testing::content(), {}));
}

TEST(Frame, WithoutColorAndUnicode) {
  View view;
  view.color = false;
  view.unicode = false;
  const Frame frame = draw({100, 30}, testing::content(), view);
  expect_golden("100x30_plain", frame);
  for (int y = 0; y < 30; ++y) {
    for (int x = 0; x < 100; ++x) {
      EXPECT_EQ(frame.grid.at(x, y).style.color, Color::kPlain) << x << "," << y;
      EXPECT_LT(frame.grid.at(x, y).glyph, 0x7FU) << x << "," << y;
    }
  }
}

TEST(Frame, EveryMenuAndPage) {
  const Content content = testing::content();
  View view;
  view.machine = MachineKey{content.sample.gpus[0].uuid, 3, -1, 0xA1};
  const std::pair<Menu, const char*> menus[] = {{Menu::kHelp, "help"},
                                                {Menu::kSetup, "setup"},
                                                {Menu::kSort, "sort"},
                                                {Menu::kSignal, "signal"},
                                                {Menu::kConfirm, "confirm"},
                                                {Menu::kDetails, "details"}};
  view.order = {15, {{{4121, 900}, "python"}, {{5001, 1000}, "jupyter"}}};
  for (const auto& [menu, name] : menus) {
    view.menu = menu;
    expect_golden(name, draw({80, 24}, content, view));
  }
}

TEST(Frame, DesiredAndObserved) {
  Content content = testing::content();
  View view;
  view.page = Page::kDesired;
  content.desired.asked = true;
  GpuLayout layout = layout_of(content.sample.gpus[0]);
  layout.cells[1].placement = {3, 1};
  layout.cells.erase(layout.cells.begin() + 2);
  content.desired.gpus = {{content.sample.gpus[0].uuid, layout}};
  expect_golden("desired", draw({80, 24}, content, view));
}

TEST(Frame, PlanPreview) {
  Content content = testing::content();
  View view;
  view.page = Page::kPlan;
  view.naming = true;
  view.layout = "layouts.yaml -c mixed";
  expect_golden("plan_naming", draw({80, 24}, content, view));
  view.naming = false;
  content.preview = {view.layout, false, "", 0, {}};
  EXPECT_NE(text_of(draw({80, 24}, content, view).grid, false).find("planning ..."),
            std::string::npos);
  content.preview = testing::preview(content.sample, view.layout);
  expect_golden("plan", draw({80, 24}, content, view));
  content.preview.plan = {};
  EXPECT_NE(text_of(draw({80, 24}, content, view).grid, false).find("The machine is so already"),
            std::string::npos);
  content.preview.trouble = "layouts.yaml:3:5: there is no profile 1g.7gb";
  EXPECT_NE(text_of(draw({80, 24}, content, view).grid, false).find("layouts.yaml:3:5"),
            std::string::npos);
}

TEST(Frame, Events) {
  Content content = testing::content();
  MachineSample next = testing::machine(testing::kNoon + 1000);
  next.gpus[0].instances.erase(next.gpus[0].instances.begin());
  next.gpus[0].xids[0].count = 3;
  next.gpus[0].drift = true;
  testing::lease(next.gpus[1].instances[0], 9, "team-b", "night");
  content.note(next, testing::kNoon + 1000);
  content.tick(testing::kNoon + 9000);
  View view;
  view.page = Page::kEvents;
  expect_golden("events", draw({80, 24}, content, view));
}

TEST(Frame, WithdrawnReadingsAreNotShown) {
  Content content = testing::content();
  content.trouble = "the daemon does not answer";
  content.tick(testing::kNoon + 2900);
  EXPECT_NE(text_of(draw({80, 24}, content, {}).grid, false).find("82%"), std::string::npos);
  content.tick(testing::kNoon + 3100);
  const Frame frame = draw({80, 24}, content, {});
  expect_golden("withdrawn", frame);
  EXPECT_EQ(text_of(frame.grid, false).find('%'), std::string::npos);
}

// The first line of every frame of a simulated machine says so, whatever else is open.
TEST(Frame, SimulatedIsAlwaysVisible) {
  const Content content = testing::content();
  for (const Page page : {Page::kMain, Page::kDesired, Page::kPlan, Page::kEvents}) {
    for (int menu = 0; menu <= static_cast<int>(Menu::kDetails); ++menu) {
      for (const Size size : {Size{80, 24}, {200, 60}, {20, 5}, {12, 2}, {9, 1}}) {
        View view;
        view.page = page;
        view.menu = static_cast<Menu>(menu);
        const Frame frame = draw(size, content, view);
        EXPECT_TRUE(line_of(frame.grid, 0).starts_with("SIMULATED"))
            << size.width << "x" << size.height << " " << menu;
      }
    }
  }
}

TEST(Frame, AnySizeIsSafe) {
  Content content = testing::content();
  for (int width = 0; width <= 90; ++width) {
    for (int height = 0; height <= 30; ++height) {
      View view;
      view.page = static_cast<Page>((width + height) % 4);
      view.menu = static_cast<Menu>(width % 7);
      const Frame frame = draw({width, height}, content, view);
      EXPECT_EQ(frame.grid.width(), width);
      EXPECT_EQ(frame.grid.height(), height);
    }
  }
  EXPECT_EQ(draw({0, 0}, content, {}).grid, Grid());
  EXPECT_EQ(draw({-5, 1 << 30}, content, {}).grid.width(), 0);
  EXPECT_EQ(draw({1 << 30, 3}, content, {}).grid.width(), Grid::kMostColumns);
}

TEST(Frame, UnknownIsAQuestionMarkAndHasAReason) {
  const Content content = testing::content();
  const Frame frame = draw({80, 40}, content, {});
  std::string row;
  for (int y = 0; y < 40; ++y) {
    if (line_of(frame.grid, y).starts_with(" 5/0 ")) {
      row = line_of(frame.grid, y);
    }
  }
  EXPECT_NE(row.find('?'), std::string::npos);
  EXPECT_EQ(row.find('%'), std::string::npos) << row;
  View view;
  view.machine = MachineKey{content.sample.gpus[1].uuid, 5, -1, 0xA1};
  const std::string details = text_of(draw({80, 40}, content, view).grid, false);
  EXPECT_NE(details.find("activity unknown: the driver gives none on Ampere"), std::string::npos);
}

TEST(Frame, WideAndSteeringCharactersKeepTheColumns) {
  Content content = testing::content();
  MachineSample sample = testing::machine(testing::kNoon + 1000);
  sample.gpus[0].processes[0].name =
      "訓練\x1b[31m\xE2\x80\xAE"
      "abc";
  sample.gpus[0].instances[0].compute_instances[0].uses[0].tenant = "Zoë\xff組織組織組織組織組織";
  content.note(sample, testing::kNoon + 1000);
  const Frame frame = draw({80, 24}, content, {});
  const std::string text = text_of(frame.grid, false);
  EXPECT_NE(text.find("訓練"), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\xE2\x80\xAE"), std::string::npos);
  for (int y = 0; y < 24; ++y) {
    EXPECT_LE(text_width(line_of(frame.grid, y)), 80) << y;
  }
}

TEST(Frame, OnceHasRoomForEveryRow) {
  Content content;
  content.note(testing::full_node(testing::kNoon, 0), testing::kNoon);
  View view;
  view.plots = false;
  const std::string text =
      text_of(draw({100, whole_height(100, content, view)}, content, view).grid, false);
  for (const GpuSample& gpu : content.sample.gpus) {
    for (const ProcessSample& process : gpu.processes) {
      EXPECT_NE(text.find(" " + std::to_string(process.pid) + " "), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace mig::top

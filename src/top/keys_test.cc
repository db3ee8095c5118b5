// SPDX-License-Identifier: Apache-2.0
#include "top/keys.h"

#include <csignal>

#include <gtest/gtest.h>

#include "top/frame.h"
#include "top/rows.h"
#include "top/test_sample.h"

namespace mig::top {
namespace {

Key of(KeyKind kind) {
  return {kind, 0};
}

class Keys : public ::testing::Test {
 protected:
  Keys() { view_.uid = 1001; }

  Effects press_one(const Key& key) { return press(view_, content_, key); }

  Effects type(std::u32string_view text) {
    Effects last;
    for (const char32_t glyph : text) {
      last = press(view_, content_, character(glyph));
    }
    return last;
  }

  // Selects the process with this pid in the list.
  void select(std::uint32_t pid) {
    view_.pane = Pane::kProcesses;
    for (const ProcessRow& row : process_rows(content_, view_)) {
      if (row.key.id.pid == pid) {
        view_.process = row.key;
      }
    }
    ASSERT_TRUE(view_.process);
    ASSERT_EQ(view_.process->id.pid, pid);
  }

  std::vector<std::uint32_t> pids() const {
    std::vector<std::uint32_t> out;
    for (const ProcessRow& row : process_rows(content_, view_)) {
      out.push_back(row.key.id.pid);
    }
    return out;
  }

  using Pids = std::vector<std::uint32_t>;

  Content content_ = testing::content();
  View view_;
};

TEST_F(Keys, QuitByLetterAndFunctionKey) {
  EXPECT_TRUE(press_one(character(U'q')).quit);
  EXPECT_TRUE(press_one(function(10)).quit);
  EXPECT_FALSE(press_one(of(KeyKind::kEscape)).quit);
}

TEST_F(Keys, QuitInsideOfAMenuClosesIt) {
  press_one(character(U'h'));
  EXPECT_EQ(view_.menu, Menu::kHelp);
  EXPECT_FALSE(press_one(character(U'q')).quit);
  EXPECT_EQ(view_.menu, Menu::kNone);
}

TEST_F(Keys, ArrowsWalkGpusInstancesAndComputeInstances) {
  std::vector<std::string> walked;
  for (int i = 0; i < 9; ++i) {
    press_one(of(KeyKind::kDown));
    ASSERT_TRUE(view_.machine);
    walked.push_back(std::to_string(view_.machine->instance) + "/" +
                     std::to_string(view_.machine->compute));
  }
  EXPECT_EQ(walked,
            (std::vector<std::string>{
                "-1/-1", "3/-1", "7/-1", "8/-1", "1/-1", "1/0", "1/1", "-1/-1", "5/-1"}));
  press_one(of(KeyKind::kDown));
  EXPECT_EQ(view_.machine->instance, 5) << "the last row stays selected";
  press_one(of(KeyKind::kHome));
  EXPECT_EQ(view_.machine->instance, -1);
  press_one(of(KeyKind::kUp));
  EXPECT_FALSE(view_.machine) << "above the first row: everything";
}

TEST_F(Keys, TheProcessListIsThatOfTheSelectedRow) {
  EXPECT_EQ(pids(), (Pids{4121, 4122, 5001, 6000}));
  type(U"jj");  // gi 3
  EXPECT_EQ(pids(), (Pids{4121, 4122}));
  type(U"j");
  EXPECT_EQ(pids(), (Pids{5001}));
  press_one(of(KeyKind::kEscape));
  EXPECT_EQ(pids().size(), 4U);
}

TEST_F(Keys, FilterTakesLettersAndIsDroppedByEscape) {
  type(U"/PYTHq");
  EXPECT_EQ(view_.filter, "PYTHq") << "q is a letter here";
  press_one(of(KeyKind::kBackspace));
  press_one(of(KeyKind::kEnter));
  EXPECT_FALSE(view_.typing);
  EXPECT_EQ(pids(), (Pids{4121, 4122}));
  press_one(of(KeyKind::kEscape));
  EXPECT_EQ(pids().size(), 4U);
  type(U"/bob");
  EXPECT_EQ(pids(), (Pids{4121, 5001}));
  press_one(of(KeyKind::kEscape));
  EXPECT_EQ(view_.filter, "");
  type(U"/組é");
  press_one(of(KeyKind::kBackspace));
  EXPECT_EQ(view_.filter, "組") << "a character, not a byte";
}

TEST_F(Keys, FilterIsBounded) {
  type(U"/");
  for (int i = 0; i < 1000; ++i) {
    type(U"x");
  }
  EXPECT_LE(view_.filter.size(), 68U);
}

TEST_F(Keys, SortByLetterCommaAndMenu) {
  type(U"om");
  EXPECT_EQ(view_.sort, SortBy::kMemory);
  EXPECT_EQ(pids(), (Pids{4121, 4122, 5001, 6000}));
  type(U"oM");
  EXPECT_TRUE(view_.reverse);
  EXPECT_EQ(pids(), (Pids{6000, 5001, 4122, 4121}));
  type(U"+");
  EXPECT_FALSE(view_.reverse);
  type(U"on");
  EXPECT_EQ(pids(), (Pids{5001, 4121, 4122, 6000}));
  type(U",");
  EXPECT_EQ(view_.sort, SortBy::kMemory);
  type(U"..");
  EXPECT_EQ(view_.sort, SortBy::kInstance);
  type(U"ox");
  EXPECT_EQ(view_.sort, SortBy::kInstance);
  EXPECT_NE(view_.message, "");
  press_one(function(6));
  EXPECT_EQ(view_.menu, Menu::kSort);
  press_one(of(KeyKind::kDown));
  press_one(of(KeyKind::kEnter));
  EXPECT_EQ(view_.sort, SortBy::kPid);
  EXPECT_EQ(view_.menu, Menu::kNone);
}

TEST_F(Keys, SignalNeedsConfirmation) {
  select(4121);
  EXPECT_FALSE(type(U"T").signal);
  EXPECT_EQ(view_.menu, Menu::kConfirm);
  const Effects effects = type(U"y");
  ASSERT_TRUE(effects.signal);
  EXPECT_EQ(effects.signal->signal, SIGTERM);
  ASSERT_EQ(effects.signal->targets.size(), 1U);
  EXPECT_EQ(effects.signal->targets[0].id, (ProcessId{4121, 900}));
  EXPECT_EQ(view_.menu, Menu::kNone);
}

TEST_F(Keys, AnyOtherKeyThanYesSendsNothing) {
  for (const Key& no : {character(U'n'),
                        character(U'K'),
                        character(U' '),
                        of(KeyKind::kEnter),
                        of(KeyKind::kEscape)}) {
    select(4121);
    type(U"K");
    EXPECT_FALSE(press_one(no).signal);
    EXPECT_EQ(view_.menu, Menu::kNone);
    EXPECT_TRUE(view_.order.targets.empty());
  }
}

TEST_F(Keys, LettersAndMenuChooseTheSignal) {
  select(5001);
  type(U"K");
  EXPECT_EQ(type(U"y").signal->signal, SIGKILL);
  type(U"I");
  EXPECT_EQ(type(U"y").signal->signal, SIGINT);
  press_one(function(9));
  EXPECT_EQ(view_.menu, Menu::kSignal);
  type(U"jjj");
  press_one(of(KeyKind::kEnter));
  EXPECT_EQ(view_.menu, Menu::kConfirm);
  EXPECT_EQ(type(U"y").signal->signal, SIGHUP);
}

TEST_F(Keys, OnlyOnesOwnProcessesUnlessRoot) {
  select(4122);  // alice's
  type(U"T");
  EXPECT_EQ(view_.menu, Menu::kNone);
  EXPECT_NE(view_.message.find("only its user and root"), std::string::npos);
  press_one(function(9));
  EXPECT_EQ(view_.menu, Menu::kNone);
  view_.uid = 0;
  type(U"T");
  EXPECT_EQ(view_.menu, Menu::kConfirm);
}

TEST_F(Keys, AProcessThatIsNotVisibleHereIsNotSignalled) {
  view_.uid = 0;
  select(6000);
  type(U"K");
  EXPECT_EQ(view_.menu, Menu::kNone);
  EXPECT_NE(view_.message.find("not visible here"), std::string::npos);
}

TEST_F(Keys, ReadonlyHasNoSignals) {
  view_.readonly = true;
  view_.uid = 0;
  select(4121);
  for (const Key& key : {character(U'T'), character(U'K'), character(U'I'), function(9)}) {
    press_one(key);
    EXPECT_EQ(view_.menu, Menu::kNone);
    EXPECT_NE(view_.message.find("--readonly"), std::string::npos);
  }
}

TEST_F(Keys, TaggedProcessesGetTheSignalWhateverTheFilterShows) {
  view_.uid = 0;
  select(4121);
  type(U" ");
  EXPECT_EQ(view_.process->id.pid, 4122U) << "Space goes on to the next";
  select(5001);
  type(U" /python");
  press_one(of(KeyKind::kEnter));
  type(U"T");
  const Effects effects = type(U"y");
  ASSERT_TRUE(effects.signal);
  ASSERT_EQ(effects.signal->targets.size(), 2U);
  EXPECT_EQ(effects.signal->targets[1].id.pid, 5001U);
  EXPECT_TRUE(view_.tagged.empty());
}

TEST_F(Keys, SpaceTagsAndTakesTheTagBack) {
  select(4121);
  type(U" ");
  select(4121);
  type(U" ");
  EXPECT_TRUE(view_.tagged.empty());
}

TEST_F(Keys, WhatIsGoneIsNeitherSelectedNorSignalled) {
  view_.uid = 0;
  select(4121);
  type(U" ");
  type(U"jjT");
  EXPECT_EQ(view_.menu, Menu::kConfirm);
  MachineSample next = testing::machine(testing::kNoon + 1000);
  next.gpus[0].processes.erase(next.gpus[0].processes.begin());
  content_.note(next, testing::kNoon + 1000);
  forget_gone(view_, content_);
  EXPECT_TRUE(view_.tagged.empty());
  const Effects effects = type(U"y");
  EXPECT_FALSE(effects.signal);
  EXPECT_NE(view_.message.find("has ended"), std::string::npos);
}

TEST_F(Keys, AnotherProcessWithTheSamePidIsNotTheTaggedOne) {
  view_.uid = 0;
  select(4121);
  type(U" ");
  content_.processes[4121].start_ticks = 901;
  forget_gone(view_, content_);
  EXPECT_TRUE(view_.tagged.empty());
  EXPECT_FALSE(view_.process && view_.process->id.pid == 4121);
}

TEST_F(Keys, ANewInstanceAtTheSamePlaceIsNotTheSelectedOne) {
  type(U"jj");
  MachineSample next = testing::machine(testing::kNoon + 1000);
  next.gpus[0].instances[0].generation = 0xA2;
  content_.note(next, testing::kNoon + 1000);
  forget_gone(view_, content_);
  EXPECT_FALSE(view_.machine);
}

TEST_F(Keys, TreePutsChildrenBelowTheirParents) {
  type(U"tom");
  const auto rows = process_rows(content_, view_);
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].key.id.pid, 4121U);
  EXPECT_EQ(rows[1].key.id.pid, 4122U);
  EXPECT_EQ(rows[1].depth, 1);
  EXPECT_EQ(rows[2].depth, 0);
}

TEST_F(Keys, ALoopOfAncestorsLosesNoRow) {
  content_.processes[4121].ancestors = {4122};
  type(U"t");
  EXPECT_EQ(process_rows(content_, view_).size(), 4U);
}

TEST_F(Keys, PagesOpenAndClose) {
  EXPECT_TRUE(type(U"d").ask_desired);
  EXPECT_EQ(view_.page, Page::kDesired);
  EXPECT_FALSE(type(U"E").ask_desired);
  EXPECT_EQ(view_.page, Page::kEvents);
  type(U"E");
  EXPECT_EQ(view_.page, Page::kMain);
  type(U"d");
  press_one(of(KeyKind::kEscape));
  EXPECT_EQ(view_.page, Page::kMain);
}

TEST_F(Keys, APlanIsAskedForByFile) {
  type(U"p");
  EXPECT_EQ(view_.page, Page::kPlan);
  EXPECT_TRUE(view_.naming);
  EXPECT_FALSE(type(U"/tmp/my layouts.yaml -c q").quit) << "letters are typed";
  press_one(of(KeyKind::kBackspace));
  type(U"mixed ");
  const Effects effects = press_one(of(KeyKind::kEnter));
  EXPECT_TRUE(effects.ask_plan);
  EXPECT_FALSE(view_.naming);
  EXPECT_EQ(layout_name(view_.layout).file, "/tmp/my layouts.yaml");
  EXPECT_EQ(layout_name(view_.layout).config, "mixed");
  EXPECT_FALSE(type(U"j").ask_plan) << "it scrolls";
  type(U"p");
  EXPECT_TRUE(view_.naming) << "the name is there to be changed, or to be planned again";
  EXPECT_TRUE(press_one(of(KeyKind::kEnter)).ask_plan);
  type(U"p");
  press_one(of(KeyKind::kEscape));
  EXPECT_EQ(view_.page, Page::kMain);
  EXPECT_FALSE(view_.naming);
}

TEST_F(Keys, NoPlanWithoutAFile) {
  type(U"p  ");
  EXPECT_FALSE(press_one(of(KeyKind::kEnter)).ask_plan);
  EXPECT_EQ(layout_name("layouts.yaml").config, std::nullopt);
  EXPECT_EQ(layout_name(" a.yaml -c b -c c").file, "a.yaml -c b");
}

TEST_F(Keys, SetupChangesWhatItNames) {
  press_one(function(2));
  press_one(of(KeyKind::kEnter));
  EXPECT_FALSE(view_.color);
  type(U"jjjj");
  press_one(of(KeyKind::kRight));
  EXPECT_EQ(view_.interval_ms, 1100);
  for (int i = 0; i < 100; ++i) {
    press_one(of(KeyKind::kLeft));
  }
  EXPECT_EQ(view_.interval_ms, kShortestIntervalMs);
  press_one(of(KeyKind::kEscape));
  EXPECT_EQ(view_.menu, Menu::kNone);
}

TEST_F(Keys, ClicksSelectSortAndPress) {
  const Frame frame = draw({80, 40}, content_, view_);
  const auto click_at = [&](const std::string& text) {
    for (int y = 39; y >= 0; --y) {
      const auto found = line_of(frame.grid, y).find(text);
      if (found != std::string::npos) {
        return click(view_, content_, frame.hits, static_cast<int>(found), y);
      }
    }
    ADD_FAILURE() << text;
    return Effects{};
  };
  click_at("7/0   1g");
  ASSERT_TRUE(view_.machine);
  EXPECT_EQ(view_.machine->instance, 7);
  click_at("5001");
  ASSERT_TRUE(view_.process);
  EXPECT_EQ(view_.process->id.pid, 5001U);
  click_at("USER");
  EXPECT_EQ(view_.sort, SortBy::kUser);
  click_at("USER");
  EXPECT_TRUE(view_.reverse);
  EXPECT_TRUE(click_at("quit").quit);
  EXPECT_FALSE(click(view_, content_, frame.hits, 500, 500).quit);
}

TEST_F(Keys, EmptyMachinesTakeEveryKey) {
  content_ = {};
  for (char32_t glyph = U' '; glyph < 0x7F; ++glyph) {
    press_one(character(glyph));
  }
  for (int kind = 0; kind <= static_cast<int>(KeyKind::kFunction); ++kind) {
    for (int i = 0; i < 13; ++i) {
      press_one({static_cast<KeyKind>(kind), static_cast<char32_t>(i)});
      draw({80, 24}, content_, view_);
    }
  }
}

}  // namespace
}  // namespace mig::top

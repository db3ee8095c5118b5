// SPDX-License-Identifier: Apache-2.0
// Menus over a frame: help, setup, sort, signals, their confirmation, details.
#include <algorithm>

#include <fmt/format.h>

#include "top/glyph.h"
#include "top/parts.h"

namespace mig::top {
namespace {

struct MenuText {
  std::string title;
  std::vector<std::string> lines;
  int selected = -1;
  bool pages = false;  // scrolls
};

MenuText help_text() {
  return {"Keys",
          {"arrows j k PgUp PgDn Home End   select      Tab   other half",
           "Enter  details: why a reading is ?, identity, leases, energy",
           "/  filter processes      Esc  undo filter, tags, selection",
           "o + i p u t m n  sort by instance, pid, user, tenant, memory,",
           "       name; capital: reversed   , .  next column   + -  order",
           "Space  tag    T K I  SIGTERM SIGKILL SIGINT, after asking",
           "t  tree of processes      u  pause",
           "d  desired and observed layout      E  events",
           "p  what a layout file would change (a plan, nothing is done)",
           "F1 h ?  help    F2  setup    F6  sort    F9  signals",
           "F10 q  quit      mouse: rows, headings, the keys below",
           "",
           "strip: * a process runs, hatched = free, dots = nothing fits",
           "?  the driver does not tell: Enter says why",
           "100+  more than the whole: raw reading above 1"},
          -1,
          true};
}

const char* on_off(bool on) {
  return on ? "on" : "off";
}

MenuText setup_text(const View& view) {
  return {
      "Setup (Space changes, left and right the interval)",
      {fmt::format("colours              {}", on_off(view.color)),
       fmt::format("Unicode              {}", on_off(view.unicode)),
       fmt::format("strips of slots      {}", on_off(view.strips)),
       fmt::format("plots of 60 s        {}", on_off(view.plots)),
       fmt::format(
           "interval             {}.{} s", view.interval_ms / 1000, view.interval_ms % 1000 / 100)},
      view.menu_line};
}

MenuText sort_text(const View& view) {
  MenuText text{"Sort by", {}, view.menu_line};
  for (std::size_t i = 0; i < kSortKeys; ++i) {
    const auto sort = static_cast<SortBy>(i);
    text.lines.push_back(fmt::format("{}  o{}", padded(name_of(sort), 10), letter_of(sort)));
  }
  return text;
}

MenuText signal_text(const View& view) {
  MenuText text{"Signal", {}, view.menu_line};
  for (const SignalWord& word : signal_words()) {
    text.lines.push_back(fmt::format("{:>2} SIG{}", word.number, word.name));
  }
  return text;
}

MenuText confirm_text(const View& view) {
  constexpr std::size_t kNamed = 8;
  MenuText text{fmt::format("Send {}? y = yes, any other key = no", signal_name(view.order.signal)),
                {}};
  for (const SignalOrder::Target& target : view.order.targets) {
    if (text.lines.size() == kNamed) {
      text.lines.push_back(fmt::format("and {} more", view.order.targets.size() - kNamed));
      break;
    }
    text.lines.push_back(fmt::format("pid {} {}", target.id.pid, target.name));
  }
  if (view.order.targets.empty()) {
    text.lines.emplace_back("the process has ended");
  }
  return text;
}

MenuText menu_text(const Canvas& canvas) {
  switch (canvas.view.menu) {
    case Menu::kHelp:
      return help_text();
    case Menu::kSetup:
      return setup_text(canvas.view);
    case Menu::kSort:
      return sort_text(canvas.view);
    case Menu::kSignal:
      return signal_text(canvas.view);
    case Menu::kConfirm:
      return confirm_text(canvas.view);
    case Menu::kDetails:
      return {"Details", details_of(canvas.content, canvas.view), -1, true};
    case Menu::kNone:
      break;
  }
  return {};
}

// The characters that a box is drawn with, row by row.
struct BoxGlyphs {
  struct Ends {
    char32_t left;
    char32_t right;
  };

  char32_t line;
  Ends top;
  Ends side;
  Ends bottom;
};

BoxGlyphs box_glyphs(bool unicode) {
  if (unicode) {
    return {U'─', {U'┌', U'┐'}, {U'│', U'│'}, {U'└', U'┘'}};
  }
  return {U'-', {U'+', U'+'}, {U'|', U'|'}, {U'+', U'+'}};
}

BoxGlyphs::Ends ends_of_row(const BoxGlyphs& glyphs, int row, int height) {
  if (row == 0) {
    return glyphs.top;
  }
  return row == height - 1 ? glyphs.bottom : glyphs.side;
}

void draw_box(const Canvas& canvas, int x, int y, int width, int height, const std::string& title) {
  const BoxGlyphs glyphs = box_glyphs(canvas.view.unicode);
  canvas.grid().clear(x, y, width, height);
  for (int column = 0; column < width; ++column) {
    canvas.grid().put(x + column, y, glyphs.line, {});
    canvas.grid().put(x + column, y + height - 1, glyphs.line, {});
  }
  for (int row = 0; row < height; ++row) {
    const BoxGlyphs::Ends ends = ends_of_row(glyphs, row, height);
    canvas.grid().put(x, y + row, ends.left, {});
    canvas.grid().put(x + width - 1, y + row, ends.right, {});
  }
  canvas.grid().put(x + 2, y, cut(" " + title + " ", width - 4), canvas.of(Color::kAccent, true));
}

}  // namespace

void draw_menu(const Canvas& canvas) {
  const MenuText text = menu_text(canvas);
  if (canvas.view.menu == Menu::kNone || canvas.grid().height() < 2) {
    return;
  }
  int widest = text_width(text.title) + 2;
  for (const std::string& line : text.lines) {
    widest = std::max(widest, text_width(line));
  }
  const int count = static_cast<int>(text.lines.size());
  const int width = std::min(widest + 4, canvas.grid().width());
  // Below the first line, which says that the machine is simulated.
  const int height = std::min(count + 2, canvas.grid().height() - 1);
  const int x = (canvas.grid().width() - width) / 2;
  const int y = 1 + (canvas.grid().height() - 1 - height) / 2;
  draw_box(canvas, x, y, width, height, text.title);
  const int shown = height - 2;
  const int first = text.pages ? std::clamp(canvas.view.menu_line, 0, std::max(0, count - shown))
                               : first_shown(count, shown, text.selected);
  for (int i = 0; i < shown && first + i < count; ++i) {
    const int index = first + i;
    const bool selected = index == text.selected;
    canvas.grid().put(x + 2,
                      y + 1 + i,
                      padded(text.lines[static_cast<std::size_t>(index)], width - 4),
                      {Color::kPlain, selected, false, selected});
  }
}

}  // namespace mig::top

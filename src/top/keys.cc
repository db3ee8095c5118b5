// SPDX-License-Identifier: Apache-2.0
#include "top/keys.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "top/glyph.h"
#include "top/menu_keys.h"
#include "top/rows.h"

namespace mig::top {
namespace {

constexpr int kPage = 10;
constexpr int kFar = 1'000'000;

// How many rows a key moves by; 0: another key.
int movement(const Key& key) {
  switch (key.kind) {
    case KeyKind::kUp:
      return -1;
    case KeyKind::kDown:
      return 1;
    case KeyKind::kPageUp:
      return -kPage;
    case KeyKind::kPageDown:
      return kPage;
    case KeyKind::kHome:
      return -kFar;
    case KeyKind::kEnd:
      return kFar;
    case KeyKind::kCharacter:
      return key.character == U'j' ? 1 : key.character == U'k' ? -1 : 0;
    default:
      return 0;
  }
}

template <class Rows, class Selected>
void move_in(const Rows& rows, int selected, int by, Selected& target) {
  if (rows.empty()) {
    target.reset();
    return;
  }
  const int last = static_cast<int>(rows.size()) - 1;
  const int from = selected < 0 ? (by > 0 ? -1 : last + 1) : selected;
  target = rows[static_cast<std::size_t>(std::clamp(from + by, 0, last))].key;
}

void move(View& view, const Content& content, int by) {
  if (view.page != Page::kMain) {
    view.menu_line = std::clamp(view.menu_line + by, 0, kFar);
  } else if (view.pane == Pane::kMachine) {
    const auto rows = machine_rows(content.sample);
    const int selected = selected_index(rows, view);
    if (selected == 0 && by < 0) {
      view.machine.reset();  // above the first row: everything
    } else {
      move_in(rows, selected, by, view.machine);
    }
  } else {
    const auto rows = process_rows(content, view);
    move_in(rows, selected_index(rows, view), by, view.process);
  }
}

// A character more or less.
void edit(std::string& text, const Key& key, std::size_t longest) {
  if (key.kind == KeyKind::kBackspace) {
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U) {
      text.pop_back();
    }
    if (!text.empty()) {
      text.pop_back();
    }
  } else if (key.kind == KeyKind::kCharacter && glyph_width(key.character) > 0 &&
             text.size() < longest) {
    append_utf8(text, key.character);
  }
}

void type(View& view, const Key& key) {
  constexpr std::size_t kLongest = 64;
  if (key.kind == KeyKind::kEnter) {
    view.typing = false;
  } else if (key.kind == KeyKind::kEscape) {
    view.typing = false;
    view.filter.clear();
  } else {
    edit(view.filter, key, kLongest);
  }
}

void open_page(View& view, Page page) {
  view.page = view.page == page ? Page::kMain : page;
  view.menu_line = 0;
}

// Names the layout file of the plan preview.
void name_layout(View& view, const Key& key, Effects& effects) {
  constexpr std::size_t kLongest = 1024;
  if (key.kind == KeyKind::kEnter) {
    view.naming = false;
    effects.ask_plan = !layout_name(view.layout).file.empty();
  } else if (key.kind == KeyKind::kEscape) {
    view.naming = false;
    open_page(view, Page::kMain);
  } else {
    edit(view.layout, key, kLongest);
  }
}

void sort_by(View& view, char32_t letter) {
  view.sort_letter = false;
  const bool upper = letter >= U'A' && letter <= U'Z';
  const char32_t lower = upper ? letter - U'A' + U'a' : letter;
  for (std::size_t i = 0; i < kSortKeys; ++i) {
    if (static_cast<char32_t>(letter_of(static_cast<SortBy>(i))) == lower) {
      view.sort = static_cast<SortBy>(i);
      view.reverse = upper;
      return;
    }
  }
  view.message = "o, then one of: i instance, p pid, u user, t tenant, m memory, n name";
}

void tag(View& view, const Content& content) {
  const auto rows = process_rows(content, view);
  const int selected = selected_index(rows, view);
  if (selected < 0) {
    view.message = "no process is selected: Tab goes to the list, arrows select";
    return;
  }
  const ProcessId id = rows[static_cast<std::size_t>(selected)].key.id;
  if (view.tagged.erase(id) == 0) {
    view.tagged.insert(id);
  }
  move_in(rows, selected, 1, view.process);
}

// Escape, one thing at a time: the page, the filter, the tags, the selection.
void escape(View& view) {
  if (view.page != Page::kMain) {
    open_page(view, Page::kMain);
  } else if (!view.filter.empty()) {
    view.filter.clear();
  } else if (!view.tagged.empty()) {
    view.tagged.clear();
  } else {
    view.machine.reset();
    view.process.reset();
  }
}

void open_menu(View& view, Menu menu, int line = 0) {
  view.menu = menu;
  view.menu_line = line;
}

void press_function(View& view, const Content& content, int number, Effects& effects) {
  constexpr int kHelp = 1;
  constexpr int kSetup = 2;
  constexpr int kSort = 6;
  constexpr int kSignal = 9;
  constexpr int kQuit = 10;
  if (number == kHelp) {
    open_menu(view, Menu::kHelp);
  } else if (number == kSetup) {
    open_menu(view, Menu::kSetup);
  } else if (number == kSort) {
    open_menu(view, Menu::kSort, static_cast<int>(view.sort));
  } else if (number == kSignal) {
    open_signals(view, content);
  } else if (number == kQuit) {
    effects.quit = true;
  }
}

void press_letter(View& view, const Content& content, char32_t letter, Effects& effects) {
  switch (letter) {
    case U'q':
      effects.quit = true;
      break;
    case U'h':
    case U'?':
      open_menu(view, Menu::kHelp);
      break;
    case U'o':
      view.sort_letter = true;
      break;
    case U',':
    case U'.': {
      const std::size_t step = letter == U'.' ? 1 : kSortKeys - 1;
      view.sort = static_cast<SortBy>((static_cast<std::size_t>(view.sort) + step) % kSortKeys);
      break;
    }
    case U'+':
    case U'-':
      view.reverse = letter == U'-';
      break;
    case U'/':
      view.typing = true;
      break;
    case U' ':
      tag(view, content);
      break;
    case U'T':
    case U'K':
    case U'I':
      order_signal(view, content, signal_of_letter(letter));
      break;
    case U't':
      view.tree = !view.tree;
      break;
    case U'u':
      view.paused = !view.paused;
      break;
    case U'd':
      open_page(view, Page::kDesired);
      effects.ask_desired = view.page == Page::kDesired;
      break;
    case U'p':
      view.page = Page::kPlan;
      view.menu_line = 0;
      view.naming = true;
      break;
    case U'E':
      open_page(view, Page::kEvents);
      break;
    default:
      break;
  }
}

}  // namespace

Key character(char32_t glyph) {
  return {KeyKind::kCharacter, glyph};
}

Key function(int number) {
  return {KeyKind::kFunction, static_cast<char32_t>(number)};
}

LayoutName layout_name(const std::string& typed) {
  constexpr std::string_view kConfig = " -c ";
  const auto without_blanks = [](std::string text) {
    text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  };
  LayoutName name{typed, std::nullopt};
  if (const std::size_t at = typed.rfind(kConfig); at != std::string::npos) {
    name.file = typed.substr(0, at);
    name.config = without_blanks(typed.substr(at + kConfig.size()));
  }
  name.file = without_blanks(name.file);
  return name;
}

Effects press(View& view, const Content& content, const Key& key) {
  Effects effects;
  view.message.clear();
  if (view.menu != Menu::kNone) {
    press_in_menu(view, content, key, effects);
  } else if (view.typing) {
    type(view, key);
  } else if (view.naming) {
    name_layout(view, key, effects);
  } else if (view.sort_letter) {
    sort_by(view, key.kind == KeyKind::kCharacter ? key.character : U'?');
  } else if (const int by = movement(key); by != 0) {
    move(view, content, by);
  } else if (key.kind == KeyKind::kCharacter) {
    press_letter(view, content, key.character, effects);
  } else if (key.kind == KeyKind::kFunction) {
    press_function(view, content, static_cast<int>(key.character), effects);
  } else if (key.kind == KeyKind::kTab) {
    view.pane = view.pane == Pane::kMachine ? Pane::kProcesses : Pane::kMachine;
    if (view.pane == Pane::kProcesses && !view.process) {
      move(view, content, 1);
    }
  } else if (key.kind == KeyKind::kEnter) {
    open_menu(view, Menu::kDetails);
  } else if (key.kind == KeyKind::kEscape) {
    escape(view);
  }
  return effects;
}

Effects click(View& view, const Content& content, const std::vector<Hit>& hits, int x, int y) {
  const auto hit = std::find_if(hits.rbegin(), hits.rend(), [&](const Hit& one) {
    return one.y == y && x >= one.x && x < one.x + one.width;
  });
  if (hit == hits.rend()) {
    return {};
  }
  if (const Key* key = std::get_if<Key>(&hit->action)) {
    return press(view, content, *key);
  }
  if (view.menu != Menu::kNone) {
    return {};
  }
  view.message.clear();
  if (const MachineKey* row = std::get_if<MachineKey>(&hit->action)) {
    view.pane = Pane::kMachine;
    view.machine = view.machine == *row ? std::nullopt : std::optional(*row);
  } else if (const ProcessKey* process = std::get_if<ProcessKey>(&hit->action)) {
    view.pane = Pane::kProcesses;
    view.process = *process;
  } else if (const SortBy* sort = std::get_if<SortBy>(&hit->action)) {
    view.reverse = view.sort == *sort && !view.reverse;
    view.sort = *sort;
  }
  return {};
}

void forget_gone(View& view, const Content& content) {
  if (!content.sample.withdrawn.empty()) {
    return;  // nothing is known to be gone; nothing can be signalled either: it has no row
  }
  if (selected_index(machine_rows(content.sample), view) < 0) {
    view.machine.reset();
  }
  View all;
  std::set<ProcessId> there;
  std::set<ProcessKey> keys;
  for (const ProcessRow& row : process_rows(content, all)) {
    there.insert(row.key.id);
    keys.insert(row.key);
  }
  if (view.process && !keys.contains(*view.process)) {
    view.process.reset();
  }
  std::erase_if(view.tagged, [&](const ProcessId& id) { return !there.contains(id); });
  std::erase_if(view.order.targets,
                [&](const SignalOrder::Target& target) { return !there.contains(target.id); });
}

}  // namespace mig::top

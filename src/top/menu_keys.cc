// SPDX-License-Identifier: Apache-2.0
#include "top/menu_keys.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include <fmt/format.h>

#include "top/rows.h"

namespace mig::top {
namespace {

constexpr std::int64_t kIntervalStep = 100;

void close(View& view) {
  view.menu = Menu::kNone;
  view.menu_line = 0;
}

int lines_of(Menu menu) {
  switch (menu) {
    case Menu::kSetup:
      return kSetupLines;
    case Menu::kSort:
      return static_cast<int>(kSortKeys);
    case Menu::kSignal:
      return static_cast<int>(signal_words().size());
    default:
      return 1;
  }
}

void change_interval(View& view, std::int64_t by) {
  view.interval_ms =
      std::clamp(view.interval_ms + by * kIntervalStep, kShortestIntervalMs, kLongestIntervalMs);
}

void toggle(View& view) {
  switch (static_cast<SetupLine>(view.menu_line)) {
    case SetupLine::kColor:
      view.color = !view.color;
      break;
    case SetupLine::kUnicode:
      view.unicode = !view.unicode;
      break;
    case SetupLine::kStrips:
      view.strips = !view.strips;
      break;
    case SetupLine::kPlots:
      view.plots = !view.plots;
      break;
    case SetupLine::kInterval:
      change_interval(view, 1);
      break;
  }
}

void choose(View& view, const Content& content) {
  if (view.menu == Menu::kSetup) {
    toggle(view);
  } else if (view.menu == Menu::kSort) {
    view.sort = static_cast<SortBy>(view.menu_line);
    close(view);
  } else if (view.menu == Menu::kSignal) {
    const int signal = signal_words()[static_cast<std::size_t>(view.menu_line)].number;
    close(view);
    order_signal(view, content, signal);
  } else {
    close(view);
  }
}

void confirm(View& view, const Key& key, Effects& effects) {
  const bool yes = key == character(U'y') || key == character(U'Y');
  if (!yes) {
    view.message = "not sent";
  } else if (view.order.targets.empty()) {
    view.message = "not sent: the process has ended";
  } else {
    effects.signal = std::exchange(view.order, {});
    view.tagged.clear();
  }
  view.order = {};
  close(view);
}

// Of a menu that is read page by page: it has no line to choose.
bool is_pages(Menu menu) {
  return menu == Menu::kHelp || menu == Menu::kDetails;
}

// By how many lines `key` moves a menu: 0 for a key that does not.
int step_of(const Key& key) {
  if (key.kind == KeyKind::kDown || key == character(U'j')) {
    return 1;
  }
  return key.kind == KeyKind::kUp || key == character(U'k') ? -1 : 0;
}

bool is_sideways(const Key& key) {
  return key.kind == KeyKind::kLeft || key.kind == KeyKind::kRight;
}

// A menu of pages is closed by any key that does not move it.
bool closes(Menu menu, const Key& key) {
  return is_pages(menu) || key.kind == KeyKind::kEscape || key == character(U'q') ||
         key.kind == KeyKind::kFunction;
}

void change_sideways(View& view, const Key& key) {
  if (static_cast<SetupLine>(view.menu_line) == SetupLine::kInterval) {
    change_interval(view, key.kind == KeyKind::kRight ? 1 : -1);
  }
}

std::vector<ProcessRow> rows_to_signal(const Content& content, const View& view) {
  View all = view;
  all.tree = false;
  if (!view.tagged.empty()) {
    all.filter.clear();
    all.machine.reset();
  }
  std::vector<ProcessRow> rows = process_rows(content, all);
  std::set<ProcessId> taken;
  std::erase_if(rows, [&](const ProcessRow& row) {
    const bool wanted =
        view.tagged.empty() ? view.process == row.key : view.tagged.contains(row.key.id);
    return !wanted || !taken.insert(row.key.id).second;
  });
  return rows;
}

}  // namespace

const std::array<SignalWord, 9>& signal_words() {
  static constexpr std::array<SignalWord, 9> kWords = {{{SIGTERM, "TERM"},
                                                        {SIGINT, "INT"},
                                                        {SIGKILL, "KILL"},
                                                        {SIGHUP, "HUP"},
                                                        {SIGQUIT, "QUIT"},
                                                        {SIGSTOP, "STOP"},
                                                        {SIGCONT, "CONT"},
                                                        {SIGUSR1, "USR1"},
                                                        {SIGUSR2, "USR2"}}};
  return kWords;
}

std::string signal_name(int number) {
  for (const SignalWord& word : signal_words()) {
    if (word.number == number) {
      return std::string("SIG") + word.name;
    }
  }
  return fmt::format("signal {}", number);
}

int signal_of_letter(char32_t letter) {
  return letter == U'K' ? SIGKILL : letter == U'I' ? SIGINT : SIGTERM;
}

std::string refusal(const View& view, const Content& content, const ProcessSample& process) {
  if (view.readonly) {
    return "no signals: started with --readonly";
  }
  const auto facts = content.processes.find(process.pid);
  if (facts == content.processes.end() || facts->second.start_ticks == 0) {
    return fmt::format("pid {} is not visible here: of another container or host", process.pid);
  }
  if (view.uid != 0 && facts->second.uid != view.uid) {
    return fmt::format("pid {} is of {}: only its user and root may signal it",
                       process.pid,
                       content.user_of(process));
  }
  return "";
}

void order_signal(View& view, const Content& content, int signal) {
  const std::vector<ProcessRow> rows = rows_to_signal(content, view);
  if (rows.empty()) {
    view.message = view.readonly ? "no signals: started with --readonly"
                                 : "no process is selected or tagged: Tab, arrows, Space";
    return;
  }
  SignalOrder order;
  order.signal = signal;
  for (const ProcessRow& row : rows) {
    if (const std::string why = refusal(view, content, *row.process); !why.empty()) {
      view.message = why;
      return;
    }
    order.targets.push_back({row.key.id, row.process->name});
  }
  view.order = std::move(order);
  view.menu = Menu::kConfirm;
  view.menu_line = 0;
}

void open_signals(View& view, const Content& content) {
  order_signal(view, content, SIGTERM);  // says what stands in the way, before a choice is made
  if (view.menu == Menu::kConfirm) {
    view.order = {};
    view.menu = Menu::kSignal;
  }
}

void press_in_menu(View& view, const Content& content, const Key& key, Effects& effects) {
  if (view.menu == Menu::kConfirm) {
    confirm(view, key, effects);
    return;
  }
  const bool pages = is_pages(view.menu);
  const int last = pages ? 1000 : lines_of(view.menu) - 1;
  if (const int step = step_of(key); step != 0) {
    view.menu_line = std::clamp(view.menu_line + step, 0, last);
  } else if (is_sideways(key) && view.menu == Menu::kSetup) {
    change_sideways(view, key);
  } else if (key.kind == KeyKind::kEnter || (key == character(U' ') && !pages)) {
    choose(view, content);
  } else if (closes(view.menu, key)) {
    close(view);
  }
}

}  // namespace mig::top

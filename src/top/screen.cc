// SPDX-License-Identifier: Apache-2.0
#include "top/screen.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <langinfo.h>

// Functions, no macros: their names are common words.
#define NCURSES_NOMACROS 1  // NOLINT(cppcoreguidelines-macro-usage)
#include <curses.h>
#include <term.h>

#include "top/curses_keys.h"
#include "top/restore.h"

namespace mig::top {
namespace {

constexpr std::array kDeliveredInWait = {
    SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP, SIGWINCH, SIGCONT};
constexpr int kFallbackColumns = 80;
constexpr int kFallbackRows = 24;
constexpr int kEscapeDelayMs = 50;

std::atomic<bool> stop_asked{false};
std::atomic<bool> size_changed{false};

void note_stop(int /*number*/) {
  stop_asked = true;
}

void note_size(int /*number*/) {
  size_changed = true;
}

void nothing(int /*number*/) {}

// A capability of the terminal, "" = it has none.
std::string capability(const char* name) {
  const char* text = ::tigetstr(name);
  return text == nullptr || reinterpret_cast<std::intptr_t>(text) == -1 ? "" : text;
}

constexpr const char* kMouseOff = "\x1b[?1000l\x1b[?1002l\x1b[?1006l";

// Colours of a terminal: the basic eight, tenants' from 256 where there are so many.
short color_number(Color color) {
  constexpr std::array<short, kTenantColors> kMany = {39, 170, 75, 114, 179, 80, 208, 141};
  constexpr std::array<short, kTenantColors> kFew = {COLOR_CYAN,
                                                     COLOR_MAGENTA,
                                                     COLOR_BLUE,
                                                     COLOR_GREEN,
                                                     COLOR_YELLOW,
                                                     COLOR_CYAN,
                                                     COLOR_MAGENTA,
                                                     COLOR_BLUE};
  switch (color) {
    case Color::kPlain:
      return -1;
    case Color::kLow:
      return COLOR_GREEN;
    case Color::kMiddle:
      return COLOR_YELLOW;
    case Color::kHigh:
      return COLOR_RED;
    case Color::kAccent:
      return COLOR_CYAN;
    case Color::kSimulated:
      return COLOR_BLACK;
    default:
      break;
  }
  constexpr int kManyColors = 256;
  const auto tenant = static_cast<std::size_t>(color) - static_cast<std::size_t>(Color::kTenant0);
  return COLORS >= kManyColors ? kMany[tenant] : kFew[tenant];
}

}  // namespace

struct Screen::State {
  SCREEN* terminal = nullptr;
  Grid shown;
  bool whole = true;  // nothing of `shown` is on the terminal
  bool colors = false;
  bool mouse = false;
  bool ended = false;
  Size last;
  sigset_t outside{};  // signal mask of before

  struct sigaction window_before {
  }, stop_before{}, continue_before{};

  std::vector<cchar_t> line;

  void start_colors();
  void write_row(const Grid& grid, int y);
  attr_t attributes(const Style& style);
};

void Screen::State::start_colors() {
  if (colors || !::has_colors()) {
    return;
  }
  colors = true;
  ::start_color();
  ::use_default_colors();
  for (std::size_t i = 1; i < kColors; ++i) {
    const auto color = static_cast<Color>(i);
    ::init_pair(
        static_cast<short>(i),
        color_number(color),
        color == Color::kSimulated ? static_cast<short>(COLOR_YELLOW) : static_cast<short>(-1));
  }
}

attr_t Screen::State::attributes(const Style& style) {
  attr_t out = A_NORMAL;
  out |= style.bold ? A_BOLD : A_NORMAL;
  out |= style.dim ? A_DIM : A_NORMAL;
  out |= style.reverse ? A_REVERSE : A_NORMAL;
  if (style.color != Color::kPlain) {
    start_colors();
  }
  return out;
}

void Screen::State::write_row(const Grid& grid, int y) {
  line.clear();
  for (int x = 0; x < grid.width(); ++x) {
    const Cell& cell = grid.at(x, y);
    if (cell.covered) {
      continue;
    }
    const std::array<wchar_t, 2> text = {static_cast<wchar_t>(cell.glyph), L'\0'};
    const attr_t attribute = attributes(cell.style);
    cchar_t out{};
    ::setcchar(&out,
               text.data(),
               attribute,
               colors ? static_cast<short>(cell.style.color) : static_cast<short>(0),
               nullptr);
    line.push_back(out);
  }
  ::mvwadd_wchnstr(stdscr, y, 0, line.data(), static_cast<int>(line.size()));
}

Screen::Screen(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Screen>> Screen::open(bool mouse) {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) {
    return fail(ErrorCode::kUsage,
                "top needs a terminal as its input and output",
                "top --once prints one frame, top --json one document");
  }
  const char* name = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  auto state = std::make_unique<State>();

  // Own handlers first: ncurses leaves signals alone that are handled.
  struct sigaction action {};

  action.sa_handler = note_size;
  ::sigaction(SIGWINCH, &action, &state->window_before);
  action.sa_handler = nothing;
  ::sigaction(SIGCONT, &action, &state->continue_before);
  action.sa_handler = note_stop;
  stop_asked = false;
  ::sigaction(SIGTSTP, nullptr, &state->stop_before);
  if (state->stop_before.sa_handler != SIG_IGN) {
    ::sigaction(SIGTSTP, &action, nullptr);
  }
  sigset_t blocked;
  sigemptyset(&blocked);
  for (const int number : kDeliveredInWait) {
    sigaddset(&blocked, number);
  }
  ::pthread_sigmask(SIG_BLOCK, &blocked, &state->outside);
  auto screen = std::unique_ptr<Screen>(new Screen(std::move(state)));
  State& made = *screen->state_;
  remember_modes();
  made.terminal = name == nullptr || *name == '\0' ? nullptr : ::newterm(nullptr, stdout, stdin);
  if (made.terminal == nullptr) {
    made.ended = true;
    return fail(ErrorCode::kUsage,
                std::string("the terminal ") + (name == nullptr ? "(TERM is not set)" : name) +
                    " is not known",
                "set TERM, or use top --once");
  }
  ::set_term(made.terminal);
  restore_on_fault(capability("sgr0") + capability("cnorm") + capability("rmkx") +
                   (mouse ? kMouseOff : "") + capability("rmcup"));
  ::cbreak();
  ::noecho();
  ::nonl();
  ::curs_set(0);
  ::keypad(stdscr, TRUE);
  ::nodelay(stdscr, TRUE);
  ::leaveok(stdscr, TRUE);
  ::set_escdelay(kEscapeDelayMs);
  if (mouse) {
    made.mouse = true;
    ::mouseinterval(0);
    ::mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, nullptr);
  }
  return screen;
}

Screen::~Screen() {
  if (state_->terminal != nullptr) {
    ::set_term(state_->terminal);
    ::endwin();
    ::delscreen(state_->terminal);
    no_restore();
  }
  ::sigaction(SIGWINCH, &state_->window_before, nullptr);
  ::sigaction(SIGCONT, &state_->continue_before, nullptr);
  ::sigaction(SIGTSTP, &state_->stop_before, nullptr);
  ::pthread_sigmask(SIG_SETMASK, &state_->outside, nullptr);
}

Size Screen::size() {
  winsize now{};
  Size size{kFallbackColumns, kFallbackRows};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &now) == 0 && (now.ws_col != 0 || now.ws_row != 0)) {
    size = {now.ws_col, now.ws_row};
  }
  // After there and back again too: the terminal may have dropped what was cut off.
  if (size_changed.exchange(false) || size.width != state_->last.width ||
      size.height != state_->last.height) {
    state_->last = size;
    state_->whole = true;
    if (size.width > 0 && size.height > 0) {
      ::resizeterm(size.height, size.width);
      ::wclear(stdscr);
    }
  }
  return size;
}

void Screen::show(const Grid& grid) {
  if (grid.width() == 0 || grid.height() == 0) {
    return;
  }
  State& state = *state_;
  const bool same_size =
      grid.width() == state.shown.width() && grid.height() == state.shown.height();
  const bool whole = state.whole || !same_size;
  bool changed = false;
  for (int y = 0; y < grid.height(); ++y) {
    bool differs = whole;
    for (int x = 0; !differs && x < grid.width(); ++x) {
      differs = !(grid.at(x, y) == state.shown.at(x, y));
    }
    if (differs) {
      state.write_row(grid, y);
      changed = true;
    }
  }
  if (changed) {
    ::wnoutrefresh(stdscr);
    ::doupdate();
    state.shown = grid;
    state.whole = false;
  }
}

bool Screen::wait(int other, std::chrono::milliseconds most) {
  std::array<pollfd, 2> watched = {{{STDIN_FILENO, POLLIN, 0}, {other, POLLIN, 0}}};
  constexpr std::int64_t kMsPerSecond = 1000;
  constexpr std::int64_t kNsPerMs = 1'000'000;
  const timespec until{most.count() / kMsPerSecond, most.count() % kMsPerSecond * kNsPerMs};
  const int ready = ::ppoll(watched.data(), watched.size(), &until, &state_->outside);
  if (ready < 0) {
    return errno == EINTR;
  }
  return (watched[0].revents & (POLLHUP | POLLERR | POLLNVAL)) == 0;
}

std::optional<Input> Screen::read() {
  for (;;) {
    wint_t code = 0;
    const int kind = ::wget_wch(stdscr, &code);
    if (kind == ERR) {
      return std::nullopt;
    }
    if (kind != KEY_CODE_YES) {
      return curses_key(false, static_cast<char32_t>(code));
    }
    if (code == KEY_RESIZE) {
      continue;  // of resizeterm(): nobody pressed it, and no menu closes for it
    }
    if (code != KEY_MOUSE) {
      return curses_key(true, static_cast<char32_t>(code));
    }
    MEVENT event{};
    if (::getmouse(&event) != OK) {
      continue;
    }
    if ((event.bstate & (BUTTON4_PRESSED | BUTTON5_PRESSED)) != 0) {
      return Key{(event.bstate & BUTTON4_PRESSED) != 0 ? KeyKind::kUp : KeyKind::kDown, 0};
    }
    return Click{event.x, event.y};
  }
}

void Screen::suspend_if_asked() {
  if (!stop_asked.exchange(false)) {
    return;
  }
  ::endwin();

  struct sigaction stop {};

  stop.sa_handler = SIG_DFL;

  struct sigaction own {};

  ::sigaction(SIGTSTP, &stop, &own);
  sigset_t only;
  sigset_t masked;
  sigemptyset(&only);
  sigaddset(&only, SIGTSTP);
  ::kill(0, SIGTSTP);
  ::pthread_sigmask(SIG_UNBLOCK, &only, &masked);  // stops here until SIGCONT
  ::pthread_sigmask(SIG_SETMASK, &masked, nullptr);
  ::sigaction(SIGTSTP, &own, nullptr);
  state_->whole = true;
  state_->last = {};
  ::wclear(stdscr);
  ::wrefresh(stdscr);  // back in the program's modes
}

bool use_locale() {
  std::setlocale(LC_CTYPE, "");  // NOLINT(concurrency-mt-unsafe): before any thread starts
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing else in the program sets or asks the locale
  return std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0;
}

}  // namespace mig::top

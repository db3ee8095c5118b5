// SPDX-License-Identifier: Apache-2.0
// The terminal, through ncursesw: shows grids, gives keys, and is what it was before when the
// object or the process ends, by a fault of the program too (not by SIGKILL). One object at a time,
// used by one thread, which keeps the signals of wait() blocked.
#ifndef MIGCTL_TOP_SCREEN_H_
#define MIGCTL_TOP_SCREEN_H_

#include <chrono>
#include <memory>
#include <optional>
#include <variant>

#include "mig/result.h"

#include "top/frame.h"
#include "top/grid.h"
#include "top/keys.h"

namespace mig::top {

struct Click {
  int x = 0, y = 0;
};

using Input = std::variant<Key, Click>;

class Screen {
 public:
  // kUsage when standard input or output is no terminal, or $TERM is not known.
  static Result<std::unique_ptr<Screen>> open(bool mouse);
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  Screen(Screen&&) = delete;
  Screen& operator=(Screen&&) = delete;

  // The terminal's size now. One that does not know its size (0x0) has 80x24; nothing is shown
  // while it has no rows or no columns.
  Size size();

  // Writes what differs from the grid before.
  void show(const Grid& grid);

  // Waits for a key, a signal, `other` (a descriptor that becomes readable) or `most`. Signals that
  // end or stop a program or tell of a new size are delivered here only. False: the terminal is
  // gone.
  bool wait(int other, std::chrono::milliseconds most);

  // The next key or click that has arrived; nullopt: none.
  std::optional<Input> read();

  // Ctrl-Z: restores the terminal, stops the process group, and comes back.
  void suspend_if_asked();

 private:
  struct State;
  explicit Screen(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

// True when the locale's characters are UTF-8; sets the program's LC_CTYPE.
bool use_locale();

}  // namespace mig::top

#endif  // MIGCTL_TOP_SCREEN_H_

// SPDX-License-Identifier: Apache-2.0
// Keys as a state machine: what a key or a click does to the view, and what it asks the session to
// do. Keys are nvtop's and nvitop's where those have them. Threading: pure functions.
#ifndef MIGCTL_TOP_KEYS_H_
#define MIGCTL_TOP_KEYS_H_

#include <array>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "top/view.h"

namespace mig::top {

enum class KeyKind {
  kCharacter,
  kUp,
  kDown,
  kLeft,
  kRight,
  kPageUp,
  kPageDown,
  kHome,
  kEnd,
  kEnter,
  kEscape,
  kTab,
  kBackspace,
  kFunction,  // character: 1 to 12
};

struct Key {
  KeyKind kind = KeyKind::kCharacter;
  char32_t character = 0;
  bool operator==(const Key&) const = default;
};

Key character(char32_t glyph);
Key function(int number);

// A part of a frame that can be clicked, and what the click does.
struct Hit {
  int x = 0, y = 0, width = 0;
  std::variant<Key, MachineKey, ProcessKey, SortBy> action;
};

// What the session has to do after a key.
struct Effects {
  bool quit = false;
  bool ask_desired = false;           // read the layout that was applied last
  bool ask_plan = false;              // plan View::layout
  std::optional<SignalOrder> signal;  // confirmed
};

Effects press(View& view, const Content& content, const Key& key);

// `hits` of the frame that is shown; the last one at a place counts.
Effects click(View& view, const Content& content, const std::vector<Hit>& hits, int x, int y);

// After a new sample: what is gone is no longer selected, tagged or about to get a signal.
void forget_gone(View& view, const Content& content);

// Lines of the setup and of the signal menu.
enum class SetupLine { kColor, kUnicode, kStrips, kPlots, kInterval };
constexpr int kSetupLines = 5;

struct SignalWord {
  int number;
  const char* name;
};

const std::array<SignalWord, 9>& signal_words();
std::string signal_name(int number);  // "SIGTERM"

// "FILE" and "FILE -c CONFIG" of the plan preview.
struct LayoutName {
  std::string file;
  std::optional<std::string> config;
};

LayoutName layout_name(const std::string& typed);

// Why who looks may not signal a process; "" = may. The kernel decides again when it is sent.
std::string refusal(const View& view, const Content& content, const ProcessSample& process);

}  // namespace mig::top

#endif  // MIGCTL_TOP_KEYS_H_

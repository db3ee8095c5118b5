// SPDX-License-Identifier: Apache-2.0
// How a frame shows its content: what is selected, sorted, filtered, tagged, and which page or menu
// is open. Changed by keys (keys.h) only. Plain values.
#ifndef MIGCTL_TOP_VIEW_H_
#define MIGCTL_TOP_VIEW_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "top/content.h"

namespace mig::top {

enum class Pane { kMachine, kProcesses };
enum class Page { kMain, kDesired, kPlan, kEvents };
enum class Menu { kNone, kHelp, kSetup, kSort, kSignal, kConfirm, kDetails };
enum class SortBy { kInstance, kPid, kUser, kTenant, kMemory, kName };
constexpr std::size_t kSortKeys = 6;

const char* name_of(SortBy sort);  // "instance"
char letter_of(SortBy sort);       // of `o` + letter: 'i'

// A row of the upper half: a GPU, an instance of it, or one of several compute instances of that.
struct MachineKey {
  std::string gpu_uuid;
  std::int64_t instance = -1, compute = -1;  // -1: none
  std::uint64_t generation = 0;
  auto operator<=>(const MachineKey&) const = default;
};

// A row of the process list: a process may be on several instances.
struct ProcessKey {
  ProcessId id;
  std::string gpu_uuid;
  std::int64_t instance = -1, compute = -1;
  auto operator<=>(const ProcessKey&) const = default;
};

// A signal that waits for its confirmation.
struct SignalOrder {
  int signal = 0;

  struct Target {
    ProcessId id;
    std::string name;
    bool operator==(const Target&) const = default;
  };

  std::vector<Target> targets;
};

struct View {
  Pane pane = Pane::kMachine;
  Page page = Page::kMain;
  Menu menu = Menu::kNone;
  int menu_line = 0;  // of the setup, sort and signal menus; first line of long pages
  std::optional<MachineKey> machine;  // selected; nullopt: all processes are listed
  std::optional<ProcessKey> process;
  SortBy sort = SortBy::kInstance;
  bool reverse = false;
  bool tree = false;
  bool paused = false;
  std::string filter;
  bool typing = false;       // characters go into the filter
  std::string layout;        // file and config of the plan preview: "layouts.yaml -c mixed"
  bool naming = false;       // characters go into `layout`
  bool sort_letter = false;  // `o` was pressed
  std::set<ProcessId> tagged;
  SignalOrder order;
  std::string message;  // of the last action, until the next key

  // Of the session.
  bool readonly = false;  // --readonly: no signals
  std::uint32_t uid = 0;  // of who looks
  bool color = true, unicode = true;
  bool strips = true, plots = true;
  bool once = false;  // --once: there are no keys to name
  std::int64_t interval_ms = 1000;
};

constexpr std::int64_t kShortestIntervalMs = 100;
constexpr std::int64_t kLongestIntervalMs = 60'000;

}  // namespace mig::top

#endif  // MIGCTL_TOP_VIEW_H_

// SPDX-License-Identifier: Apache-2.0
// The lab's terminal: runs the commands of the exercises, as programs with the words that a person
// would type, and keeps what they printed. No shell anywhere. Threading: one thread.
#ifndef MIGCTL_LAB_TERMINAL_H_
#define MIGCTL_LAB_TERMINAL_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

#include "launch/worker.h"
#include "model/report_values.h"

namespace mig::lab {

// How long a program of the lab may take to start its work, and to end after SIGTERM.
inline constexpr std::chrono::milliseconds kToStart{30'000};
inline constexpr std::chrono::milliseconds kToEnd{5'000};

using Environment = std::vector<std::pair<std::string, std::string>>;

struct TerminalSetting {
  std::map<std::string, std::string> programs;  // path by name; others are searched in PATH
  std::string machine;                          // for `migctl --sim NAME`; "" = hardware
  Environment environment;                      // of every program
  std::vector<std::string> unset;
  const std::atomic<bool>* stop = nullptr;
};

// One command that has ended.
struct Ran {
  std::string typed;
  int exit_code = -1;
  std::string printed;
  std::int64_t ms = 0;
  std::string note;  // "stopped after 60 s", "" = ended by itself

  bool ok() const { return exit_code == 0 && note.empty(); }

  report::Transcript transcript() const;
};

struct Ways {
  Environment environment;  // shown before the command: CUDA_VISIBLE_DEVICES=...
  std::chrono::milliseconds patience{60'000};
  bool only_output = false;  // standard output alone: documents
  bool to_the_end = false;   // also when the lab is stopped: putting the machine back
};

class Terminal {
 public:
  explicit Terminal(TerminalSetting setting) : setting_(std::move(setting)) {}

  // A program that does not start is a Ran with exit code 127 (126) and the reason as its text.
  Ran run(const std::vector<std::string>& words, const Ways& ways = {}) const;

  // In the background; the caller waits for it. Killed when the object goes.
  Result<launch::Worker> start(const std::vector<std::string>& words, const Ways& ways = {}) const;

  // As a person would type it.
  std::string typed(const std::vector<std::string>& words, const Ways& ways = {}) const;

  // True when such a program can be found.
  bool has(const std::string& program) const;

  bool stopped() const { return setting_.stop != nullptr && *setting_.stop; }

  const std::atomic<bool>* stop() const { return setting_.stop; }

  const std::string& machine() const { return setting_.machine; }

 private:
  std::vector<std::string> full(const std::vector<std::string>& words) const;
  std::string path_of(const std::string& program) const;

  TerminalSetting setting_;
};

}  // namespace mig::lab

#endif  // MIGCTL_LAB_TERMINAL_H_

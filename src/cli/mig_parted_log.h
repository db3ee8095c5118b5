// SPDX-License-Identifier: Apache-2.0
// Log lines on standard error in the form of mig-parted's logger (logrus): key=value for a file or
// a pipe, short and coloured for a terminal.
#ifndef MIGCTL_CLI_MIG_PARTED_LOG_H_
#define MIGCTL_CLI_MIG_PARTED_LOG_H_

#include <chrono>
#include <string>
#include <string_view>

#include "cli/output.h"

namespace mig::cli {

class MigPartedLog {
 public:
  explicit MigPartedLog(Output& output)
      : output_(&output), start_(std::chrono::steady_clock::now()) {}

  void show_debug(bool on) { debug_ = on; }

  bool shows_debug() const { return debug_; }

  void debug(const std::string& message) const;
  void info(const std::string& message) const;
  void warning(const std::string& message) const;
  // The first letter is capitalised.
  void fatal(std::string message) const;

 private:
  void line(std::string_view level, Style style, const std::string& message) const;

  Output* output_;
  std::chrono::steady_clock::time_point start_;
  bool debug_ = false;
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_MIG_PARTED_LOG_H_

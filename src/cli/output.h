// SPDX-License-Identifier: Apache-2.0
// Output of a command: results to `out`, progress and diagnostics to `err`. Colours only on a
// terminal, and never with --no-color or $NO_COLOR. What others chose (names of jobs and processes,
// commands, reasons) may stand in any text: only newlines, tabs and our own colours are let through
// of what steers a terminal (base::printable). raw() passes on what a job printed as it is.
#ifndef MIGCTL_CLI_OUTPUT_H_
#define MIGCTL_CLI_OUTPUT_H_

#include <cstdio>
#include <string>
#include <string_view>

namespace mig::cli {

enum class Style { kBold, kDim, kRed, kGreen, kYellow };

// Escape sequences around text, or none when off.
class Paint {
 public:
  explicit Paint(bool on) : on_(on) {}

  std::string operator()(Style style, std::string_view text) const;

  bool on() const { return on_; }

 private:
  bool on_;
};

class Output {
 public:
  Output(std::FILE* out, std::FILE* err) : out_(out), err_(err) {}

  void quiet(bool on) { quiet_ = on; }

  void no_color(bool on) { no_color_ = on; }

  void result(std::string_view text);    // stdout
  void raw(std::string_view text);       // stdout, byte for byte
  void message(std::string_view text);   // stderr, always
  void progress(std::string_view text);  // stderr, not with --quiet

  // For another process that writes results: stdout's descriptor, with all that was written so far
  // before it; and errno of a result that it could not write (0 = none).
  int shown_by_others();
  void lost(int number);

  Paint paint() const;      // for stdout
  Paint err_paint() const;  // for stderr
  bool err_is_terminal() const;

  // Final exit code: unwritten results are a failure. A closed pipe is not.
  int finish(int code);

  std::FILE* out() const { return out_; }

  std::FILE* err() const { return err_; }

 private:
  bool colors_wanted() const;

  std::FILE* out_;
  std::FILE* err_;
  int lost_ = 0;  // errno of the first result that could not be written
  bool quiet_ = false;
  bool no_color_ = false;
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_OUTPUT_H_

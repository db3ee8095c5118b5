// SPDX-License-Identifier: Apache-2.0
// Options of a command as data: help, completion and the parser (parse.cc, the only file that
// compiles CLI11) use the same list. Targets are members of the command, which must outlive the
// list.
//
//   options.text({"-f,--file", "FILE|-", "layout file; - reads standard input"}, file_);
#ifndef MIGCTL_CLI_OPTIONS_H_
#define MIGCTL_CLI_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/result.h"

namespace mig::cli {

struct OptionText {
  std::string names;     // "-f,--file"; for a positional argument its name: "PROFILE[:START]"
  std::string value;     // "FILE", or "yaml|json" = an enumeration; "" = a flag
  std::string help;      // including unit and default
  std::string env = {};  // environment variable with the default
};

struct OptionSpec {
  OptionText text;
  bool positional = false;
  bool required = false;
  bool many = false;  // repeatable or comma-separated
  std::function<Result<void>(const std::string&)> set;
  std::string fallback = {};  // optional value: "--evict" alone means "--evict=FALLBACK"

  // True when no separate word is its value.
  bool flag() const { return !positional && (text.value.empty() || !fallback.empty()); }

  std::vector<std::string> names() const;    // "-f", "--file"
  std::vector<std::string> choices() const;  // words of "yaml|json"; empty = free text
};

class Options {
 public:
  void flag(OptionText text, bool& target);
  void text(OptionText text, std::string& target);
  // Option with an optional value, which must follow "=".
  void optional_text(OptionText text, std::string& target, const std::string& fallback);
  void number(OptionText text, std::optional<std::uint32_t>& target);
  void list(OptionText text, std::vector<std::string>& target);
  void positional(OptionText text, std::vector<std::string>& target, bool required);

  const std::vector<OptionSpec>& specs() const { return specs_; }

 private:
  std::vector<OptionSpec> specs_;
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_OPTIONS_H_

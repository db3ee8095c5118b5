// SPDX-License-Identifier: Apache-2.0
// nvidia-smi's own command line grammar, which no argument library supports: long names behind one
// dash (-lgip, -pm), values after a blank or '=', and optional values (-cci).
#ifndef MIGCTL_SMI_OPTIONS_H_
#define MIGCTL_SMI_OPTIONS_H_

#include <map>
#include <string>
#include <vector>

#include "smi/run.h"

namespace mig::smi {

enum class Takes { kNothing, kValue, kMaybeValue };

struct OptionSpec {
  const char* name;         // option and key in Options::values: "-i"
  const char* alternative;  // long form "--id"; nullptr = none
  Takes takes;
};

// Refusal of a command line: text and exit code, both nvidia-smi's.
struct UsageError {
  std::string text;  // "" = no error
  int exit = kExitUsage;

  bool empty() const { return text.empty(); }
};

struct Options {
  std::map<std::string, std::string> values;  // by OptionSpec::name; the last occurrence counts
  UsageError error;
  std::string lacks_value;  // option without its required value; `error` is about it

  bool has(const char* name) const { return values.count(name) != 0; }

  std::string get(const char* name) const {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  }
};

// `help` is the command that error texts point to, e.g. "nvidia-smi -h"; `unknown` words the
// refusal of an unknown option.
Options parse_options(const std::vector<std::string>& words,
                      const std::vector<OptionSpec>& specs,
                      const char* help,
                      UsageError (*unknown)(const std::string& word));

// Refusal of a part of NVIDIA's tool that is not implemented here, distinct from an unknown one.
// `what`: "nvlink -info".
UsageError belongs_elsewhere(const std::string& what);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_OPTIONS_H_

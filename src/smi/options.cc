// SPDX-License-Identifier: Apache-2.0
#include "smi/options.h"

#include <cstddef>

#include "smi/text.h"

namespace mig::smi {
namespace {

bool is(const char* name, const std::string& word) {
  return name != nullptr && word == name;
}

const OptionSpec* find(const std::vector<OptionSpec>& specs, const std::string& word) {
  for (const OptionSpec& spec : specs) {
    if (is(spec.name, word) || is(spec.alternative, word)) {
      return &spec;
    }
  }
  return nullptr;
}

}  // namespace

UsageError belongs_elsewhere(const std::string& what) {
  return {"ERROR: " + what +
          " belongs to NVIDIA's own nvidia-smi; this one speaks its MIG dialect. Please run "
          "'nvidia-smi -h' for what it knows.\n"};
}

Options parse_options(const std::vector<std::string>& words,
                      const std::vector<OptionSpec>& specs,
                      const char* help,
                      UsageError (*unknown)(const std::string& word)) {
  Options options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const std::size_t equals = word.find('=');
    const OptionSpec* spec = find(specs, word.substr(0, equals));
    if (spec == nullptr || (equals != std::string::npos && spec->takes == Takes::kNothing)) {
      options.error = unknown(word);
      return options;
    }
    std::string value;
    const bool next_is_value = i + 1 < words.size() && words[i + 1].rfind('-', 0) != 0;
    if (equals != std::string::npos) {
      value = word.substr(equals + 1);
    } else if (spec->takes != Takes::kNothing && next_is_value) {
      value = words[++i];
    }
    if (spec->takes == Takes::kValue && value.empty()) {
      options.lacks_value = word.substr(0, equals);
      options.error.text =
          text("ERROR: Option %s is missing its value. Please run '%s' for help.\n",
               word.substr(0, equals).c_str(),
               help);
      return options;
    }
    options.values[spec->name] = value;
  }
  return options;
}

}  // namespace mig::smi

// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"

namespace mig::cli {
namespace {

constexpr std::uint64_t kMaxNumber = 0xFFFFFFFEU;

bool is_choice(const std::string& word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || c == '-';
  });
}

// Words accepted by Go's ParseBool, with which mig-parted reads its environment variables.
Result<void> set_flag(const std::string& name, const std::string& value, bool& target) {
  const std::string word = base::lower(value);
  const bool yes = word == "1" || word == "t" || word == "true";
  const bool no = word == "0" || word == "f" || word == "false";
  if (!yes && !no) {
    return fail(ErrorCode::kUsage,
                fmt::format("{} is {}: true or false is expected", name, base::quoted(value)));
  }
  target = yes;
  return {};
}

}  // namespace

std::vector<std::string> OptionSpec::names() const {
  return positional ? std::vector<std::string>{} : base::split(text.names, ',');
}

std::vector<std::string> OptionSpec::choices() const {
  auto words = base::split(text.value, '|');
  if (words.size() < 2 || !std::all_of(words.begin(), words.end(), is_choice)) {
    return {};
  }
  return words;
}

void Options::flag(OptionText text, bool& target) {
  OptionSpec spec{std::move(text), false, false, false, {}};
  spec.set = [name = spec.text.names, &target](const std::string& value) -> Result<void> {
    if (value.empty()) {
      target = true;
      return {};
    }
    return set_flag(name, value, target);
  };
  specs_.push_back(std::move(spec));
}

void Options::text(OptionText text, std::string& target) {
  OptionSpec spec{std::move(text), false, false, false, {}};
  const auto choices = spec.choices();
  spec.set = [name = spec.text.names, choices, &target](const std::string& value) -> Result<void> {
    if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end()) {
      return fail(ErrorCode::kUsage,
                  fmt::format("{} is {}: one of {} is expected",
                              name,
                              base::quoted(value),
                              base::join(choices, ", ")));
    }
    target = value;
    return {};
  };
  specs_.push_back(std::move(spec));
}

void Options::optional_text(OptionText option, std::string& target, const std::string& fallback) {
  text(std::move(option), target);
  specs_.back().fallback = fallback;
}

void Options::number(OptionText text, std::optional<std::uint32_t>& target) {
  OptionSpec spec{std::move(text), false, false, false, {}};
  spec.set = [name = spec.text.names, &target](const std::string& value) -> Result<void> {
    const auto number = base::parse_decimal(value, kMaxNumber);
    if (!number) {
      return fail(ErrorCode::kUsage,
                  fmt::format("{} is {}: a plain number is expected", name, base::quoted(value)));
    }
    target = static_cast<std::uint32_t>(*number);
    return {};
  };
  specs_.push_back(std::move(spec));
}

void Options::list(OptionText text, std::vector<std::string>& target) {
  OptionSpec spec{std::move(text), false, false, true, {}};
  spec.set = [name = spec.text.names, &target](const std::string& value) -> Result<void> {
    for (auto& part : base::split(value, ',')) {
      if (part.empty()) {
        return fail(ErrorCode::kUsage,
                    fmt::format("{} is {}: an element is empty", name, base::quoted(value)));
      }
      target.push_back(std::move(part));
    }
    return {};
  };
  specs_.push_back(std::move(spec));
}

void Options::positional(OptionText text, std::vector<std::string>& target, bool required) {
  OptionSpec spec{std::move(text), true, required, true, {}};
  spec.set = [&target](const std::string& value) -> Result<void> {
    target.push_back(value);
    return {};
  };
  specs_.push_back(std::move(spec));
}

}  // namespace mig::cli

// SPDX-License-Identifier: Apache-2.0
#include "mig/profile.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "base/strings.h"

namespace mig {
namespace {

constexpr std::string_view kForm =
    "[<C>c.]<G>g.<GB>gb[+attribute[,attribute]|-attribute][@<N>sm], e.g. 3g.20gb";

Error bad(std::string_view text, std::string_view why) {
  return Error{ErrorCode::kInvalidInput,
               fmt::format("{} is not a MIG profile: {}", base::quoted(text), why),
               fmt::format("a profile is written {}", kForm)};
}

// Removes "<number><unit>" from the front of `text`.
std::optional<std::uint32_t> take(std::string_view& text,
                                  std::string_view unit,
                                  std::uint32_t max) {
  const auto digits_end =
      std::find_if(text.begin(), text.end(), [](char c) { return c < '0' || c > '9'; });
  const auto length = static_cast<std::size_t>(digits_end - text.begin());
  if (text.substr(length, unit.size()) != unit) {
    return std::nullopt;
  }
  const auto value = base::parse_decimal(text.substr(0, length), max);
  if (!value || *value == 0) {
    return std::nullopt;
  }
  text.remove_prefix(length + unit.size());
  return static_cast<std::uint32_t>(*value);
}

bool valid_attribute(std::string_view word) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
  };
  return !word.empty() && std::all_of(word.begin(), word.end(), allowed) && word.front() != '.' &&
         word.back() != '.' && (word.front() < '0' || word.front() > '9');
}

// `text` starts with its sign. Sorted, so that equal sets of attributes compare equal.
Result<std::string> canonical_attributes(std::string_view text, std::string_view whole) {
  if (text.empty()) {
    return std::string();
  }
  const char sign = text[0];
  if (text.find(sign == '+' ? '-' : '+') != std::string_view::npos) {
    return bad(whole, "it has both \"+\" and \"-\"");
  }
  std::vector<std::string> words = base::split(text.substr(1), ',');
  for (const std::string& word : words) {
    if (!valid_attribute(word)) {
      return bad(whole, fmt::format("{} is not an attribute", base::quoted(word)));
    }
  }
  std::sort(words.begin(), words.end());
  if (std::adjacent_find(words.begin(), words.end()) != words.end()) {
    return bad(whole, "an attribute is there twice");
  }
  return sign + base::join(words, ",");
}

// `text` is what follows "@".
Result<void> read_special(std::string_view text, std::string_view whole, ProfileName& name) {
  constexpr std::uint32_t kMostSms = 9999;
  constexpr std::uint32_t kHighestId = 99;
  std::string_view rest = text;
  if (const auto sm = take(rest, "sm", kMostSms); sm && rest.empty()) {
    name.sm = *sm;
    return {};
  }
  if (text.substr(0, 2) == "ci") {
    if (const auto id = base::parse_decimal(text.substr(2), kHighestId)) {
      name.compute_profile = static_cast<std::uint32_t>(*id);
      return {};
    }
  }
  return bad(whole,
             fmt::format("{} after \"@\" is neither a number of SMs such as \"26sm\" nor a compute "
                         "instance profile such as \"ci7\"",
                         base::quoted(text)));
}

}  // namespace

Result<ProfileName> ProfileName::parse(std::string_view text) {
  constexpr std::uint32_t kMostSlices = 99;
  constexpr std::uint32_t kMostGb = 9999;
  const std::string_view whole = text;
  if (text.substr(0, 4) == "MIG ") {
    text.remove_prefix(4);
  }
  ProfileName name;
  if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
    MIG_TRY(read_special(text.substr(at + 1), whole, name));
    text = text.substr(0, at);
  }
  const auto compute = take(text, "c.", kMostSlices);
  const auto slices = take(text, "g.", kMostSlices);
  if (!slices) {
    return bad(whole, "it does not start with a number of slices such as \"3g.\"");
  }
  const auto memory = take(text, "gb", kMostGb);
  if (!memory) {
    return bad(whole, "it has no whole number of gigabytes such as \"20gb\" after the slices");
  }
  if (!text.empty() && text[0] != '+' && text[0] != '-') {
    return bad(whole, fmt::format("{} follows the size", base::quoted(text)));
  }
  if (compute.value_or(1) > *slices) {
    return bad(whole, "a compute instance cannot have more slices than its GPU instance");
  }
  name.compute_slices = compute.value_or(*slices);
  name.gpu_slices = *slices;
  name.memory_gb = *memory;
  MIG_ASSIGN_OR_RETURN(name.attributes, canonical_attributes(text, whole));
  return name;
}

ProfileName ProfileName::gpu_instance() const {
  ProfileName name = *this;
  name.compute_slices = gpu_slices;
  name.sm.reset();
  name.compute_profile.reset();
  return name;
}

std::string ProfileName::str() const {
  std::string text = fmt::format("{}g.{}gb{}", gpu_slices, memory_gb, attributes);
  if (compute_slices != gpu_slices) {
    text = fmt::format("{}c.{}", compute_slices, text);
  }
  if (sm) {
    text += fmt::format("@{}sm", *sm);
  } else if (compute_profile) {
    text += fmt::format("@ci{}", *compute_profile);
  }
  return text;
}

}  // namespace mig

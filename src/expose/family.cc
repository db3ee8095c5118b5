// SPDX-License-Identifier: Apache-2.0
#include "expose/family.h"

#include <cmath>

#include "base/strings.h"

namespace mig::expose {
namespace {

// The longest prefix of at most `most` bytes that does not end inside of a UTF-8 character.
std::string_view cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) {
    return text;
  }
  std::size_t end = most;
  constexpr unsigned char kContinuationMask = 0xC0;
  constexpr unsigned char kContinuation = 0x80;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & kContinuationMask) == kContinuation) {
    --end;
  }
  return text.substr(0, end);
}

std::string valid_utf8(std::string_view text) {
  std::string valid;
  while (const auto bad = base::invalid_utf8(text)) {
    valid.append(text.substr(0, *bad)).append("\xEF\xBF\xBD");  // U+FFFD
    text.remove_prefix(*bad + 1);
  }
  return valid.append(text);
}

bool is_control(char c) {
  constexpr unsigned char kFirstPrintable = 0x20;
  constexpr unsigned char kDelete = 0x7F;
  const auto byte = static_cast<unsigned char>(c);
  return byte < kFirstPrintable || byte == kDelete;
}

void append_escaped(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\\' || c == '"') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (is_control(c)) {
      out += '?';  // a NUL byte ends a scraper's reading
    } else {
      out += c;
    }
  }
}

}  // namespace

Labels& Labels::add(std::string_view name, std::string_view value) {
  if (!text_.empty()) {
    text_ += ',';
  }
  text_.append(name).append("=\"");
  append_escaped(text_, cut(valid_utf8(value.substr(0, 2 * kLongestLabel)), kLongestLabel));
  text_ += '"';
  return *this;
}

Labels& Labels::add(std::string_view name, std::uint64_t value) {
  return add(name, std::to_string(value));
}

void Families::add(std::string_view name,
                   Type type,
                   std::string_view help,
                   const Labels& labels,
                   std::optional<double> value,
                   Form form) {
  if (!value || !std::isfinite(*value)) {
    return;
  }
  const auto [at, is_new] = by_name_.emplace(name, families_.size());
  if (is_new) {
    families_.push_back({name, help, type, form, {}});
  }
  Family& family = families_[at->second];
  if (family.series.size() >= kMostSeries) {
    ++dropped_;
    return;
  }
  family.series.push_back({labels.text(), *value});
}

}  // namespace mig::expose

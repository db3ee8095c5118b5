// SPDX-License-Identifier: Apache-2.0
#include "config/interpolate.h"

#include <cctype>
#include <cstddef>
#include <utility>

namespace mig::config {
namespace {

bool begins_name(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::size_t name_end(std::string_view text, std::size_t from) {
  while (from < text.size() &&
         (begins_name(text[from]) || std::isdigit(static_cast<unsigned char>(text[from])) != 0)) {
    ++from;
  }
  return from;
}

// The value of "VAR", "VAR:-default", ...; nullopt: it cannot be told.
std::optional<std::string> value_of(std::string_view inside, const Variables& variables) {
  const std::size_t end = name_end(inside, 0);
  auto value = variables(std::string(inside.substr(0, end)));
  std::string_view rest = inside.substr(end);
  if (rest.empty()) {
    return value;
  }
  const bool or_empty = rest.front() == ':';
  rest.remove_prefix(or_empty ? 1 : 0);
  if (rest.empty() || rest.find('$') != std::string_view::npos) {
    return std::nullopt;
  }
  const bool set = value && !(or_empty && value->empty());
  const std::string other(rest.substr(1));
  switch (rest.front()) {
    case '-':
      return set ? value : other;
    case '+':
      return set ? other : std::string();
    case '?':
      return set ? value : std::nullopt;
    default:
      return std::nullopt;
  }
}

// What stands between "${" and "}", or the name behind "$".
struct Reference {
  std::string_view inside;  // "" = no reference
  std::size_t length = 0;   // with the dollar sign
};

Reference reference_at(std::string_view text, std::size_t dollar) {
  const std::string_view rest = text.substr(dollar + 1);
  if (!rest.starts_with('{')) {
    const std::size_t end = name_end(rest, 0);
    return {rest.substr(0, end), end + 1};
  }
  const std::size_t end = rest.find('}');
  return end == std::string_view::npos ? Reference{} : Reference{rest.substr(1, end - 1), end + 2};
}

}  // namespace

Interpolated interpolate(std::string_view text, const Variables& variables) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '$') {
      out += text[at++];
      continue;
    }
    if (text.substr(at, 2) == "$$") {
      out += '$';
      at += 2;
      continue;
    }
    const Reference reference = reference_at(text, at);
    if (reference.inside.empty() || !begins_name(reference.inside.front())) {
      return {std::string(text), std::string(text.substr(at))};
    }
    const auto value = value_of(reference.inside, variables);
    if (!value) {
      const std::size_t end = name_end(reference.inside, 0);
      return {std::string(text), std::string(reference.inside.substr(0, end))};
    }
    out += *value;
    at += reference.length;
  }
  return {std::move(out), std::nullopt};
}

}  // namespace mig::config

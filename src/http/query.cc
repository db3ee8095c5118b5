// SPDX-License-Identifier: Apache-2.0
#include "http/query.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"

namespace mig::http {
namespace {

constexpr std::size_t kShown = 30;

std::optional<int> hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') {
    return digit - '0';
  }
  if (digit >= 'a' && digit <= 'f') {
    return digit - 'a' + 10;
  }
  if (digit >= 'A' && digit <= 'F') {
    return digit - 'A' + 10;
  }
  return std::nullopt;
}

std::string there_are(const std::vector<std::string>& declared) {
  return declared.empty() ? "this path takes no query parameters"
                          : "this path takes: " + base::join(declared, ", ");
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '+' && plus_is_blank) {
      out += ' ';
      continue;
    }
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    if (at + 2 >= text.size()) {
      return std::nullopt;
    }
    const auto high = hex_digit(text[at + 1]);
    const auto low = hex_digit(text[at + 2]);
    if (!high || !low) {
      return std::nullopt;
    }
    const int byte = *high * 16 + *low;
    if (byte < ' ' || byte == 0x7f) {
      return std::nullopt;
    }
    out += static_cast<char>(byte);
    at += 2;
  }
  return out;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kPlain = "-._~";
  std::string out;
  for (const char byte : text) {
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= '0' && byte <= '9') || kPlain.find(byte) != std::string_view::npos;
    out += plain ? std::string(1, byte)
                 : fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(byte)));
  }
  return out;
}

Result<std::map<std::string, std::string>> parse_query(std::string_view query,
                                                       const std::vector<std::string>& declared) {
  std::map<std::string, std::string> values;
  if (query.empty()) {
    return values;
  }
  for (const std::string& part : base::split(query, '&')) {
    const std::size_t equals = part.find('=');
    const auto name = percent_decoded(part.substr(0, equals), true);
    if (!name || std::find(declared.begin(), declared.end(), *name) == declared.end()) {
      return fail(ErrorCode::kUsage,
                  fmt::format("there is no query parameter {}",
                              base::quoted(part.substr(0, equals), kShown)),
                  there_are(declared));
    }
    if (equals == std::string::npos || equals + 1 == part.size()) {
      return fail(ErrorCode::kUsage,
                  fmt::format("the query parameter {} has no value", *name),
                  fmt::format("write {}=VALUE, or leave it out", *name));
    }
    const auto value = percent_decoded(std::string_view(part).substr(equals + 1), true);
    if (!value || base::invalid_utf8(*value)) {
      return fail(ErrorCode::kUsage,
                  fmt::format("the value of the query parameter {} is not percent-encoded text: {}",
                              *name,
                              base::quoted(part.substr(equals + 1), kShown)),
                  "a byte is %XX with two hexadecimal digits; control bytes are refused");
    }
    if (!values.emplace(*name, *value).second) {
      return fail(ErrorCode::kUsage,
                  fmt::format("the query parameter {} is given twice", *name),
                  "give it once");
    }
  }
  return values;
}

}  // namespace mig::http

// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/strings.h"
#include "report/html.h"

namespace mig::report {
namespace {

struct Sheet {
  std::string_view text;
  std::string_view sha256;  // hexadecimal
};

// Made by CMakeLists.txt of style.css and style_simulated.css.
constexpr Sheet kStyle =
#include "style.inc"
    ;
constexpr Sheet kSimulatedStyle =
#include "style_simulated.inc"
    ;

std::string source_of(const Sheet& sheet) {
  std::string bytes;
  for (std::size_t at = 0; at + 2 <= sheet.sha256.size(); at += 2) {
    bytes += static_cast<char>(
        base::parse_hex32("0x" + std::string(sheet.sha256.substr(at, 2))).value_or(0));
  }
  return fmt::format("'sha256-{}'", base::base64(bytes));
}

}  // namespace

std::string style_html(bool simulated) {
  std::string out = fmt::format("<style>{}</style>\n", kStyle.text);
  return simulated ? out + fmt::format("<style>{}</style>\n", kSimulatedStyle.text) : out;
}

std::string policy_html(bool simulated) {
  return fmt::format(
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src {}{}; "
      "img-src data:; base-uri 'none'; form-action 'none'\">\n",
      source_of(kStyle),
      simulated ? " " + source_of(kSimulatedStyle) : "");
}

}  // namespace mig::report

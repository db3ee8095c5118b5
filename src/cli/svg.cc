// SPDX-License-Identifier: Apache-2.0
#include "cli/svg.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace mig::cli::svg {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : base::printable(text)) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else {
      out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
  }
  return out;
}

std::string words(double x, int y, std::string_view text, std::string_view more) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{}\" {}>{}</text>\n", x, y, more, escaped(text));
}

std::string line(double x1, double y1, double x2, double y2, std::string_view style) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n",
                     x1,
                     y1,
                     x2,
                     y2,
                     style);
}

std::string box(double x, double y, double width, double height, std::string_view style) {
  return fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" {}/>\n",
                     x,
                     y,
                     width,
                     height,
                     style);
}

std::string head(int width, int height, std::string_view title) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
      "height=\"{1}\" "
      "role=\"img\" font-family=\"sans-serif\" font-size=\"14\" "
      "fill=\"#222222\">\n<title>{2}</title>\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n",
      width,
      height,
      escaped(title));
}

}  // namespace mig::cli::svg

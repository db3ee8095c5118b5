// SPDX-License-Identifier: Apache-2.0
#include "report/svg.h"

#include <fmt/format.h>

#include "report/escape.h"

namespace mig::report::svg {
namespace {

constexpr double kCharacter = 0.56;  // of the size; texts in DejaVu Sans have 0.53

}  // namespace

std::string words(double x, double y, std::string_view text, std::string_view more) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" {}>{}</text>\n", x, y, more, escaped(text));
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

std::string begin(int width,
                  int height,
                  std::string_view id,
                  std::string_view title,
                  std::string_view description) {
  return fmt::format(
      "<svg viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" role=\"img\" "
      "aria-labelledby=\"{2}-title {2}-about\">\n"
      "<title id=\"{2}-title\">{3}</title>\n<desc id=\"{2}-about\">{4}</desc>\n",
      width,
      height,
      id,
      escaped(title),
      escaped(description));
}

double width_of(std::string_view text, double size) {
  std::size_t characters = 0;
  for (const char byte : text) {
    characters += (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U ? 0 : 1;
  }
  return static_cast<double>(characters) * size * kCharacter;
}

std::string fitted(std::string_view text, double width, double size) {
  if (width_of(text, size) <= width) {
    return std::string(text);
  }
  // One column is for the ellipsis.
  double room = width / (size * kCharacter) - 1;
  std::size_t end = 0;
  while (end < text.size() && room >= 1) {
    ++end;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
      ++end;
    }
    --room;
  }
  return end == 0 ? "" : std::string(text.substr(0, end)) + "…";
}

}  // namespace mig::report::svg

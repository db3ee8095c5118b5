// SPDX-License-Identifier: Apache-2.0
// Columns of a terminal that text takes. An own table of East Asian wide and of combining
// characters, because wcwidth(3) depends on the locale and a frame does not. Threading: pure
// functions.
#ifndef MIGCTL_TOP_GLYPH_H_
#define MIGCTL_TOP_GLYPH_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace mig::top {

// 0: control and combining characters, which are not drawn; 2: wide ones; else 1.
int glyph_width(char32_t glyph);

// Takes the next character off `text`; U+FFFD for a byte that is not UTF-8. `text` is not empty.
char32_t next_glyph(std::string_view& text);

void append_utf8(std::string& text, char32_t glyph);

int text_width(std::string_view text);

// `text` in at most `width` columns, cut with "~".
std::string cut(std::string_view text, int width);
// The end of `text`, in at most `width` columns, cut with "~" in front.
std::string end_of(std::string_view text, int width);
// In exactly `width` columns: filled with blanks on the right, or on the left.
std::string padded(std::string_view text, int width);
std::string right(std::string_view text, int width);

}  // namespace mig::top

#endif  // MIGCTL_TOP_GLYPH_H_

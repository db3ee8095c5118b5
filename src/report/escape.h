// SPDX-License-Identifier: Apache-2.0
// Text of programs and users made fit for a page. Threading: pure functions.
#ifndef MIGCTL_REPORT_ESCAPE_H_
#define MIGCTL_REPORT_ESCAPE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mig::report {

// For text between tags and in quoted attributes, in HTML and SVG: what steers a terminal or
// reorders a line is spelled out (base::printable), markup is escaped. `lines`: newlines and tabs
// stay.
std::string escaped(std::string_view text, bool lines = false);

// At most `bytes`, cut before a character and ended with "…".
std::string clipped(std::string_view text, std::size_t bytes);

// What a terminal would show in the end, as lines: escape sequences are taken out, a carriage
// return begins its line anew, a backspace takes a character back. Not escaped.
std::string terminal_text(std::string_view printed);

struct CutText {
  std::string text;
  std::string note;  // what was left out; "" = nothing
};

// The beginning and the end of what a command printed, within the limits of limits.h.
CutText cut_transcript(const std::string& printed);

// Whether a link may lead there: http, https, or a place of this page.
bool may_link(std::string_view address);

// "2026-11-29 18:05 UTC"
std::string utc_text(std::int64_t ms);

// A figure for people: four significant digits, from 1000 on whole with commas: "0.125", "12,346".
std::string figure_text(double value);

}  // namespace mig::report

#endif  // MIGCTL_REPORT_ESCAPE_H_

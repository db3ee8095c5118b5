// SPDX-License-Identifier: Apache-2.0
#include "report/escape.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <time.h>

#include "base/strings.h"
#include "report/limits.h"

namespace mig::report {
namespace {

bool continues(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

// The start of the character that `at` is in.
std::size_t character_start(std::string_view text, std::size_t at) {
  while (at > 0 && at < text.size() && continues(text[at])) {
    --at;
  }
  return at;
}

// Length of "ESC [ ... final".
std::size_t control_length(std::string_view text) {
  for (std::size_t at = 2; at < text.size(); ++at) {
    if (text[at] >= '@' && text[at] <= '~') {
      return at + 1;
    }
    if (text[at] < ' ' || text[at] > '?') {
      return at;  // broken off
    }
  }
  return text.size();
}

// Length of a string for the terminal, which BEL or "ESC \" ends.
std::size_t string_length(std::string_view text) {
  const std::size_t end = text.find_first_of("\a\x1b\n", 2);
  if (end == std::string_view::npos || text[end] == '\n') {
    return std::min(text.size(), end);  // no terminator: the lines after it are not swallowed
  }
  if (text[end] == '\a') {
    return end + 1;
  }
  return text.substr(end + 1, 1) == "\\" ? end + 2 : end;  // another sequence begins
}

// Length of an escape sequence that starts with ESC (ECMA-48): CSI ... final, OSC, DCS, APC, PM and
// SOS up to their terminator, else intermediates and a final.
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2) {
    return text.size();
  }
  if (text[1] == '[') {
    return control_length(text);
  }
  if (std::string_view("]PX^_").find(text[1]) != std::string_view::npos) {
    return string_length(text);
  }
  std::size_t at = 1;
  while (at < text.size() && text[at] >= ' ' && text[at] <= '/') {
    ++at;
  }
  return std::min(text.size(), at + 1);
}

std::size_t length_of(const std::vector<std::string>& lines, std::size_t from, std::size_t until) {
  std::size_t length = 0;
  for (std::size_t i = from; i < until; ++i) {
    length += lines[i].size() + 1;
  }
  return length;
}

std::string joined(const std::vector<std::string>& lines, std::size_t from, std::size_t until) {
  std::string out;
  for (std::size_t i = from; i < until; ++i) {
    out += (i == from ? "" : "\n") + lines[i];
  }
  return out;
}

// What is kept of a transcript: the lines before `head`, and those from `tail` on.
struct Ends {
  std::size_t head = 0, tail = 0;
};

// Two thirds are the beginning, a third is the end, where the result or the failure is.
Ends ends_of(const std::vector<std::string>& lines) {
  const std::size_t count = lines.size();
  if (count <= kMostTranscriptLines && length_of(lines, 0, count) <= kMostTranscriptBytes) {
    return {count, count};
  }
  Ends ends;
  ends.head = std::min(count, kMostTranscriptLines * 2 / 3);
  while (ends.head > 0 && length_of(lines, 0, ends.head) > kMostTranscriptBytes * 2 / 3) {
    --ends.head;
  }
  ends.tail = std::max(ends.head, count - std::min(count, kMostTranscriptLines / 3));
  while (ends.tail < count && length_of(lines, ends.tail, count) > kMostTranscriptBytes / 3) {
    ++ends.tail;
  }
  return ends;
}

// "1234567.5" -> "1,234,567.5"
std::string with_commas(std::string text) {
  const std::size_t first = text.starts_with('-') ? 1 : 0;
  const std::size_t point = std::min(text.find('.'), text.size());
  for (std::size_t at = point; at > first + 3; at -= 3) {
    text.insert(at - 3, ",");
  }
  return text;
}

// So that four digits count.
int decimals_of(double size) {
  int decimals = 4;
  for (const double limit : {1.0, 10.0, 100.0, 1000.0}) {
    decimals -= size >= limit ? 1 : 0;
  }
  return decimals;
}

void take_back(std::string& line) {
  while (!line.empty() && continues(line.back())) {
    line.pop_back();
  }
  if (!line.empty()) {
    line.pop_back();
  }
}

}  // namespace

std::string escaped(std::string_view text, bool lines) {
  std::string out;
  for (const char c : base::printable(text, lines)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string clipped(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) {
    return std::string(text);
  }
  constexpr std::string_view kEnd = "…";
  const std::size_t kept = bytes > kEnd.size() ? bytes - kEnd.size() : 0;
  return std::string(text.substr(0, character_start(text, kept))) + std::string(kEnd);
}

std::string terminal_text(std::string_view printed) {
  std::string out, line;
  bool anew = false;  // a carriage return was read: the next character begins the line again
  while (!printed.empty()) {
    const char c = printed[0];
    if (c == '\x1b') {
      printed.remove_prefix(escape_length(printed));
      continue;
    }
    printed.remove_prefix(1);
    if (c == '\n') {
      out += line + '\n';
      line.clear();
      anew = false;
    } else if (c == '\r') {
      anew = true;
    } else if (c == '\b') {
      take_back(line);
    } else if (c != '\a') {
      if (std::exchange(anew, false)) {
        line.clear();
      }
      line += c;
    }
  }
  return out + line;
}

CutText cut_transcript(const std::string& printed) {
  // Far more than is shown is not even looked at.
  constexpr std::size_t kMostRead = 64 * kMostTranscriptBytes;
  const bool huge = printed.size() > kMostRead;
  const std::string text = terminal_text(huge ? printed.substr(0, kMostRead / 2) + "\n" +
                                                    printed.substr(printed.size() - kMostRead / 2)
                                              : printed);
  std::vector<std::string> lines = base::split(text, '\n');
  while (!lines.empty() && lines.back().empty()) {
    lines.pop_back();
  }
  std::size_t long_lines = 0;
  for (std::string& line : lines) {
    long_lines += line.size() > kMostTranscriptLine ? 1 : 0;
    line = clipped(line, kMostTranscriptLine);
  }
  const Ends ends = ends_of(lines);
  CutText out{joined(lines, 0, ends.head), ""};
  if (ends.tail > ends.head) {
    out.text += "\n[...]\n" + joined(lines, ends.tail, lines.size());
    out.note = huge ? "most lines in the middle are left out"
                    : base::counted(ends.tail - ends.head, "line") + " in the middle left out";
  }
  if (long_lines > 0) {
    out.note += fmt::format("{}{} cut after {} bytes",
                            out.note.empty() ? "" : "; ",
                            base::counted(long_lines, "line"),
                            kMostTranscriptLine);
  }
  return out;
}

bool may_link(std::string_view address) {
  for (const char c : address) {
    if (static_cast<unsigned char>(c) <= ' ') {
      return false;
    }
  }
  return address.size() <= 500 &&
         (address.starts_with("https://") || address.starts_with("http://") ||
          (address.size() > 1 && address[0] == '#'));
}

std::string utc_text(std::int64_t ms) {
  const auto seconds = static_cast<::time_t>(ms / 1000);
  struct tm parts = {};
  std::array<char, 40> text{};
  if (::gmtime_r(&seconds, &parts) == nullptr ||
      ::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &parts) == 0) {
    return "unknown";
  }
  return text.data();
}

std::string figure_text(double value) {
  if (!std::isfinite(value)) {
    return "unknown";
  }
  // Rounded first: 999.96 has a comma.
  const double size = std::fabs(value) >= 999.95 ? std::round(std::fabs(value)) : std::fabs(value);
  if (size >= 1e15 || (size > 0 && size < 1e-4)) {
    return fmt::format("{:.3g}", value);
  }
  const int decimals = decimals_of(size);
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (decimals > 0) {
    text.erase(text.find_last_not_of('0') + 1);
    text.erase(text.find_last_not_of('.') + 1);
  }
  return text == "-0" ? "0" : with_commas(std::move(text));
}

}  // namespace mig::report

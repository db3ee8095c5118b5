// SPDX-License-Identifier: Apache-2.0
#include "report/escape.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include <fmt/format.h>

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

// Length of an escape sequence that starts with ESC (ECMA-48): CSI ... final, OSC, DCS, APC, PM and
// SOS up to their terminator, else intermediates and a final.
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2) {
    return text.size();
  }
  const char kind = text[1];
  if (kind == '[') {
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
  if (std::string_view("]PX^_").find(kind) != std::string_view::npos) {
    for (std::size_t at = 2; at < text.size(); ++at) {
      if (text[at] == '\a') {
        return at + 1;
      }
      if (text[at] == '\x1b') {
        return std::min(text.size(), at + (at + 1 < text.size() && text[at + 1] == '\\' ? 2 : 0));
      }
      if (text[at] == '\n') {
        return at;  // no terminator: the rest is not swallowed
      }
    }
    return text.size();
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
  const std::string text = terminal_text(
      huge ? printed.substr(0, kMostRead / 2) + "\n" + printed.substr(printed.size() - kMostRead / 2)
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
  const std::size_t all = length_of(lines, 0, lines.size());
  std::size_t head = lines.size();
  std::size_t tail = lines.size();
  if (all > kMostTranscriptBytes || lines.size() > kMostTranscriptLines) {
    // Two thirds are the beginning, a third is the end, where the result or the failure is.
    head = std::min(lines.size(), kMostTranscriptLines * 2 / 3);
    while (head > 0 && length_of(lines, 0, head) > kMostTranscriptBytes * 2 / 3) {
      --head;
    }
    tail = std::max(head, lines.size() - std::min(lines.size(), kMostTranscriptLines / 3));
    while (tail < lines.size() && length_of(lines, tail, lines.size()) > kMostTranscriptBytes / 3) {
      ++tail;
    }
  }
  CutText out;
  for (std::size_t i = 0; i < lines.size(); i = i + 1 == head ? tail : i + 1) {
    out.text += i == tail && tail > head ? "[...]\n" : "";
    out.text += lines[i] + (i + 1 < lines.size() ? "\n" : "");
  }
  if (tail > head) {
    out.note = huge ? "most lines in the middle are left out"
                    : fmt::format("{} in the middle left out", base::counted(tail - head, "line"));
  }
  if (long_lines > 0) {
    out.note += (out.note.empty() ? "" : "; ") +
                fmt::format("{} cut after {} bytes", base::counted(long_lines, "line"), kMostTranscriptLine);
  }
  return out;
}

bool may_link(std::string_view address) {
  for (const char c : address) {
    if (static_cast<unsigned char>(c) <= ' ') {
      return false;
    }
  }
  return address.size() <= 500 && (address.starts_with("https://") || address.starts_with("http://") ||
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
  const double size = std::fabs(value) >= 999.95 ? std::fabs(std::round(value)) : std::fabs(value);
  if (size >= 1e15 || (size > 0 && size < 1e-4)) {
    return fmt::format("{:.3g}", value);
  }
  const int decimals = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : 4;
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (decimals > 0) {
    text.erase(text.find_last_not_of('0') + 1);
    text.erase(text.find_last_not_of('.') + 1);
  }
  for (std::size_t at = text.find('.') == std::string::npos ? text.size() : text.find('.');
       size >= 1000 && at > 3 && (text[at - 4] >= '0' && text[at - 4] <= '9');
       at -= 3) {
    text.insert(at - 3, ",");
  }
  return text == "-0" ? "0" : text;
}

}  // namespace mig::report

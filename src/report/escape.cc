// SPDX-License-Identifier: Apache-2.0
#include "report/escape.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

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
  CutText out;
  // Far more than is shown is not even looked at.
  constexpr std::size_t kMostRead = 64 * kMostTranscriptBytes;
  const bool huge = printed.size() > kMostRead;
  std::string text = terminal_text(huge ? printed.substr(0, kMostRead / 2) + "\n" +
                                              printed.substr(printed.size() - kMostRead / 2)
                                        : printed);
  std::string lines;
  std::size_t long_lines = 0;
  for (const std::string& line : base::split(text, '\n')) {
    long_lines += line.size() > kMostTranscriptLine ? 1 : 0;
    lines += (lines.empty() ? "" : "\n") + clipped(line, kMostTranscriptLine);
  }
  while (!lines.empty() && lines.back() == '\n') {
    lines.pop_back();
  }
  if (lines.size() > kMostTranscriptBytes) {
    const std::size_t head = lines.rfind('\n', kMostTranscriptBytes * 2 / 3);
    const std::size_t tail = lines.find('\n', lines.size() - kMostTranscriptBytes / 3);
    if (head != std::string::npos && tail != std::string::npos && head < tail) {
      const auto left = std::count(lines.begin() + static_cast<std::ptrdiff_t>(head),
                                   lines.begin() + static_cast<std::ptrdiff_t>(tail),
                                   '\n');
      out.note =
          fmt::format("{} lines in the middle are left out", huge ? "many" : std::to_string(left));
      lines = lines.substr(0, head) + "\n[...]" + lines.substr(tail);
    }
    lines = clipped(lines, kMostTranscriptBytes + 16);
  }
  if (long_lines > 0) {
    out.note += (out.note.empty() ? "" : "; ") + fmt::format("{} cut after {} bytes",
                                                             base::counted(long_lines, "line"),
                                                             kMostTranscriptLine);
  }
  out.text = std::move(lines);
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
  const double size = std::fabs(value);
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

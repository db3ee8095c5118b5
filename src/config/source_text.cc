// SPDX-License-Identifier: Apache-2.0
#include "config/source_text.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

namespace mig::config {
namespace {

// A scalar decoded byte by byte, with the source position of each byte.
struct Replay {
  std::string text;
  std::vector<std::uint32_t> places;

  void add(std::string_view bytes, std::size_t place) {
    text += bytes;
    places.insert(places.end(), bytes.size(), static_cast<std::uint32_t>(place));
  }
};

std::size_t line_end(std::string_view text, std::size_t from) {
  return std::min(text.find('\n', from), text.size());
}

// The line without a carriage return before the line feed.
std::string_view line_at(std::string_view text, std::size_t from) {
  std::string_view line = text.substr(from, line_end(text, from) - from);
  if (!line.empty() && line.back() == '\r') {
    line.remove_suffix(1);
  }
  return line;
}

// Decodes the lines of a literal block whose "|" is at `begin`, less `indent` blanks each. Does not
// look for the block's end: the caller knows the value's length.
Replay replay_block(std::string_view text,
                    std::size_t begin,
                    std::size_t indent,
                    std::size_t bytes) {
  Replay out;
  for (std::size_t at = line_end(text, begin) + 1; at < text.size() && out.text.size() < bytes;
       at = line_end(text, at) + 1) {
    const std::string_view line = line_at(text, at);
    if (line.size() > indent) {
      for (std::size_t i = indent; i < line.size(); ++i) {
        out.add(line.substr(i, 1), at + i);
      }
    }
    out.add("\n", at + line.size());
  }
  return out;
}

std::size_t first_indent(std::string_view text, std::size_t begin) {
  for (std::size_t at = line_end(text, begin) + 1; at < text.size(); at = line_end(text, at) + 1) {
    const std::size_t blanks = line_at(text, at).find_first_not_of(' ');
    if (blanks != std::string_view::npos) {
      return blanks;
    }
  }
  return 0;
}

std::string utf8(std::uint32_t code) {
  const auto tail = [&](unsigned shift) {
    return static_cast<char>(0x80 | ((code >> shift) & 0x3F));
  };
  if (code < 0x80) {
    return {static_cast<char>(code)};
  }
  if (code < 0x800) {
    return {static_cast<char>(0xC0 | (code >> 6)), tail(0)};
  }
  if (code < 0x10000) {
    return {static_cast<char>(0xE0 | (code >> 12)), tail(6), tail(0)};
  }
  return {static_cast<char>(0xF0 | ((code >> 18) & 7)), tail(12), tail(6), tail(0)};
}

// Decodes a quoted scalar, from behind its opening quote.
class QuotedReplay {
 public:
  QuotedReplay(std::string_view text, std::size_t begin) : text_(text), at_(begin + 1) {
    const char quote = text[begin];
    while (at_ < text_.size() && text_[at_] != quote) {
      step(quote);
      if (text_.substr(at_, 2) == "''" && quote == '\'') {
        out_.add("'", at_);
        at_ += 2;
      }
    }
  }

  Replay take() { return std::move(out_); }

 private:
  void step(char quote) {
    const char c = text_[at_];
    if (c == '\\' && quote == '"') {
      return escape();
    }
    if (c == '\n' || c == '\r') {
      return fold();
    }
    out_.add(text_.substr(at_, 1), at_);
    ++at_;
  }

  // Line folding: blanks around a line break are dropped; one break is a blank, each further one a
  // line feed.
  void fold() {
    while (!out_.text.empty() && (out_.text.back() == ' ' || out_.text.back() == '\t') &&
           out_.text.size() > kept_) {
      out_.text.pop_back();
      out_.places.pop_back();
    }
    const std::size_t place = at_;
    const std::size_t breaks = skip_breaks();
    out_.add(breaks == 1 ? " " : std::string(breaks - 1, '\n'), place);
  }

  std::size_t skip_breaks() {
    std::size_t breaks = 0;
    for (; at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != text_.npos;
         ++at_) {
      breaks += text_[at_] == '\n' ? 1 : 0;
    }
    return std::max<std::size_t>(breaks, 1);
  }

  void escape() {
    static constexpr std::string_view kFrom = "abtnvfre0 \"/\\";
    static constexpr std::string_view kTo("\a\b\t\n\v\f\r\x1b\0 \"/\\", 13);
    const std::size_t place = at_;
    const char c = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    at_ += 2;
    if (c == '\n' || c == '\r') {  // escaped line break: the line continues
      if (const std::size_t breaks = skip_breaks(); breaks > 1) {
        out_.add(std::string(breaks - 1, '\n'), place);
      }
    } else if (const std::size_t known = kFrom.find(c); known != std::string_view::npos) {
      out_.add(kTo.substr(known, 1), place);
    } else if (const std::size_t digits = c == 'x'   ? 2
                                          : c == 'u' ? 4
                                          : c == 'U' ? 8
                                                     : 0;
               digits > 0) {
      out_.add(utf8(hex(digits)), place);
    }
    kept_ = out_.text.size();
  }

  std::uint32_t hex(std::size_t digits) {
    std::uint32_t value = 0;
    for (; digits > 0 && at_ < text_.size(); --digits, ++at_) {
      static constexpr std::string_view kDigits = "0123456789abcdef";
      const auto c = static_cast<char>(text_[at_] | 0x20);
      value = value * 16 + static_cast<std::uint32_t>(std::min<std::size_t>(kDigits.find(c), 15));
    }
    return value;
  }

  std::string_view text_;
  std::size_t at_;
  std::size_t kept_ = 0;  // an escape's result is never a blank to drop
  Replay out_;
};

// Positions of `value`'s bytes, if the decoded text matches; a literal block's value may lack the
// line feeds at its end.
std::optional<std::vector<std::uint32_t>> places_of(Replay replay, std::string_view value) {
  if (replay.text.size() < value.size() || replay.places.empty() ||
      std::string_view(replay.text).substr(0, value.size()) != value) {
    return std::nullopt;
  }
  const std::uint32_t last = replay.places.back();
  replay.places.resize(value.size(), last);
  replay.places.push_back(replay.places.empty() ? last : replay.places.back());
  return std::move(replay.places);
}

std::vector<std::uint32_t> places_inside(std::string_view text,
                                         std::size_t begin,
                                         std::string_view value) {
  std::optional<std::vector<std::uint32_t>> places;
  const char first = begin < text.size() ? text[begin] : '\0';
  if (first == '|') {
    const std::size_t most = first_indent(text, begin);
    // With an indentation indicator ("|2") the first line may be indented deeper than the block.
    static constexpr std::size_t kDeepestIndicator = 9;
    const bool indicated = line_at(text, begin).find_first_of("123456789") < 3;
    for (std::size_t less = 0; !places && less <= (indicated ? kDeepestIndicator : 0); ++less) {
      if (less < most) {
        places = places_of(replay_block(text, begin, most - less, value.size()), value);
      }
    }
  } else if (first == '"' || first == '\'') {
    places = places_of(QuotedReplay(text, begin).take(), value);
  }
  return places ? *std::move(places)
                : std::vector<std::uint32_t>(value.size() + 1, static_cast<std::uint32_t>(begin));
}

}  // namespace

SourceText::SourceText(std::string_view text, std::string_view file) : text_(text), file_(file) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text_.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    text_.remove_prefix(kByteOrderMark.size());
  }
  characters_.reserve(text_.size() + 1);
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < text_.size(); ++i) {
    characters_.push_back(count);
    count += (static_cast<unsigned char>(text_[i]) & 0xC0) != 0x80 ? 1 : 0;
    if (text_[i] == '\n') {
      lines_.push_back(i + 1);
    }
  }
  characters_.push_back(count);
}

SourceText::SourceText(const SourceText& outer,
                       std::string_view value,
                       std::vector<std::uint32_t> places)
    : text_(value), file_(outer.file_), outer_(&outer), places_(std::move(places)) {}

SourceText SourceText::inside(const SourceText& outer, std::size_t begin, std::string_view value) {
  return {outer, value, places_inside(outer.text_, begin, value)};
}

SourcePosition SourceText::at(std::size_t offset) const {
  if (outer_ != nullptr) {
    return outer_->at(places_[std::min(offset, places_.size() - 1)]);
  }
  offset = std::min(offset, characters_.size() - 1);
  const auto line = std::upper_bound(lines_.begin(), lines_.end(), offset);
  const std::uint32_t column = characters_[offset] - characters_[*std::prev(line)];
  return {file_, static_cast<int>(line - lines_.begin()), static_cast<int>(column) + 1};
}

}  // namespace mig::config

// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include <fmt/format.h>

#include "mig/error.h"

#include "base/strings.h"

namespace mig::cli {
namespace {

std::string_view code_of(Style style) {
  switch (style) {
    case Style::kBold:
      return "\x1b[1m";
    case Style::kDim:
      return "\x1b[2m";
    case Style::kRed:
      return "\x1b[31m";
    case Style::kGreen:
      return "\x1b[32m";
    case Style::kYellow:
      return "\x1b[33m";
  }
  return "";
}

bool is_terminal(std::FILE* file) {
  const int fd = fileno(file);
  return fd >= 0 && ::isatty(fd) == 1;
}

// 0, or errno. A reader that closed the pipe (`migctl list | head`, EPIPE) is not an error.
int write(std::FILE* file, std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), file) == text.size() && std::fflush(file) == 0) {
    return 0;
  }
  const int why = errno != 0 ? errno : EIO;
  std::clearerr(file);
  return why == EPIPE ? 0 : why;
}

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread, at start
  return value != nullptr ? value : "";
}

constexpr std::string_view kPlain = "\x1b[0m";

// Length of one of Paint's sequences at the start of the text; 0 = none.
std::size_t own_sequence(std::string_view text) {
  for (const Style style :
       {Style::kBold, Style::kDim, Style::kRed, Style::kGreen, Style::kYellow}) {
    if (text.starts_with(code_of(style))) {
      return code_of(style).size();
    }
  }
  return text.starts_with(kPlain) ? kPlain.size() : 0;
}

// The text as a terminal may have it; with `colors` Paint's sequences stay.
std::string harmless(std::string_view text, bool colors) {
  std::string out;
  while (colors && !text.empty()) {
    const std::size_t escape = text.find('\x1b');
    if (escape == std::string_view::npos) {
      break;
    }
    out += base::printable(text.substr(0, escape), true);
    text.remove_prefix(escape);
    const std::size_t own = own_sequence(text);
    out += own > 0 ? std::string(text.substr(0, own)) : base::printable(text.substr(0, 1));
    text.remove_prefix(std::max<std::size_t>(own, 1));
  }
  return out + base::printable(text, true);
}

}  // namespace

std::string Paint::operator()(Style style, std::string_view text) const {
  if (!on_ || text.empty()) {
    return std::string(text);
  }
  std::string painted(code_of(style));
  painted += text;
  painted += kPlain;
  return painted;
}

void Output::result(std::string_view text) {
  raw(harmless(text, paint().on()));
}

void Output::raw(std::string_view text) {
  const int why = write(out_, text);
  if (lost_ == 0) {
    lost_ = why;
  }
}

int Output::shown_by_others() {
  std::fflush(out_);
  return fileno(out_);
}

void Output::lost(int number) {
  if (lost_ == 0) {
    lost_ = number;
  }
}

int Output::finish(int code) {
  errno = 0;
  // Commands that print directly (sim, smi) leave errors in the stream's state.
  if (const bool trouble = std::fflush(out_) != 0 || std::ferror(out_) != 0;
      trouble && lost_ == 0 && errno != EPIPE) {
    lost_ = errno != 0 ? errno : EIO;
  }
  if (lost_ == 0) {
    return code;
  }
  message(fmt::format("migctl: error: cannot write to standard output: {}\n",
                      std::generic_category().message(lost_)));
  return code == 0 ? error_info(ErrorCode::kIo).exit_code : code;
}

void Output::message(std::string_view text) {
  static_cast<void>(write(err_, harmless(text, err_paint().on())));
}

void Output::progress(std::string_view text) {
  if (!quiet_) {
    static_cast<void>(write(err_, harmless(text, err_paint().on())));
  }
}

bool Output::colors_wanted() const {
  return !no_color_ && variable("NO_COLOR").empty() && variable("TERM") != "dumb";
}

Paint Output::paint() const {
  return Paint(colors_wanted() && is_terminal(out_));
}

Paint Output::err_paint() const {
  return Paint(colors_wanted() && is_terminal(err_));
}

bool Output::err_is_terminal() const {
  return is_terminal(err_);
}

}  // namespace mig::cli

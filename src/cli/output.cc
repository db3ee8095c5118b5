// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <unistd.h>

#include <cstdlib>

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

void write(std::FILE* file, std::string_view text) {
  // A reader that went away (`migctl list | head`) is no error of ours.
  (void)std::fwrite(text.data(), 1, text.size(), file);
  (void)std::fflush(file);
}

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread, at start
  return value != nullptr ? value : "";
}

}  // namespace

std::string Paint::operator()(Style style, std::string_view text) const {
  if (!on_ || text.empty())
    return std::string(text);
  std::string painted(code_of(style));
  painted += text;
  painted += "\x1b[0m";
  return painted;
}

void Output::result(std::string_view text) {
  write(out_, text);
}

void Output::message(std::string_view text) {
  write(err_, text);
}

void Output::progress(std::string_view text) {
  if (!quiet_)
    write(err_, text);
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

// SPDX-License-Identifier: Apache-2.0
#include "cli/mig_parted_log.h"

#include <array>
#include <cctype>
#include <ctime>

#include <fmt/core.h>

#include "base/strings.h"

namespace mig::cli {
namespace {

// Timestamp of the log: 2026-11-24T01:02:03+01:00, Z for UTC.
std::string log_time() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  std::array<char, 40> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S%z", &local);
  std::string out = text.data();
  if (out.ends_with("+0000")) {
    return out.substr(0, out.size() - 5) + "Z";
  }
  return out.insert(out.size() - 2, ":");
}

std::string quoted_message(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace

void MigPartedLog::debug(const std::string& message) const {
  if (debug_) {
    line("debug", Style::kDim, message);
  }
}

void MigPartedLog::info(const std::string& message) const {
  line("info", Style::kGreen, message);
}

void MigPartedLog::warning(const std::string& message) const {
  line("warning", Style::kYellow, message);
}

void MigPartedLog::fatal(std::string message) const {
  if (!message.empty()) {
    message[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(message[0])));
  }
  line("fatal", Style::kRed, message);
}

void MigPartedLog::line(std::string_view level, Style style, const std::string& message) const {
  const Paint paint = output_->err_paint();
  if (!paint.on()) {
    output_->message(
        fmt::format("time=\"{}\" level={} msg={}\n", log_time(), level, quoted_message(message)));
    return;
  }
  std::string word(level.substr(0, 4));
  for (char& c : word) {
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - start_);
  output_->message(fmt::format("{}[{:04}] {}\n", paint(style, word), seconds.count(), message));
}

}  // namespace mig::cli

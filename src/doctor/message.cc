// SPDX-License-Identifier: Apache-2.0
#include "doctor/message.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace mig::doctor {
namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);

void put(std::string& out, std::uint64_t number) {
  char bytes[kWord];
  std::memcpy(bytes, &number, kWord);
  out.append(bytes, kWord);
}

void put(std::string& out, std::string_view text) {
  put(out, std::uint64_t{text.size()});
  out.append(text);
}

void put(std::string& out, const std::vector<std::string>& texts) {
  put(out, std::uint64_t{texts.size()});
  for (const std::string& text : texts) {
    put(out, std::string_view(text));
  }
}

class Taker {
 public:
  explicit Taker(std::string_view rest) : rest_(rest) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    if (rest_.size() < kWord) {
      broken_ = true;
      return 0;
    }
    std::memcpy(&value, rest_.data(), kWord);
    rest_.remove_prefix(kWord);
    return value;
  }

  std::string text() {
    const std::uint64_t size = number();
    if (size > rest_.size()) {
      broken_ = true;
      return {};
    }
    std::string out(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return out;
  }

  std::vector<std::string> texts() {
    std::vector<std::string> out;
    for (std::uint64_t left = number(); left > 0 && !broken_; --left) {
      out.push_back(text());
    }
    return out;
  }

  bool broken() const { return broken_; }

 private:
  std::string_view rest_;
  bool broken_ = false;
};

constexpr std::size_t kLongest = 2000;  // of a text

// A check that has much to say is cut: its first lines, and the number of the others.
void shorten(std::vector<std::string>& lines) {
  constexpr std::size_t kMostLines = 40;
  if (lines.size() > kMostLines) {
    const std::size_t more = lines.size() - kMostLines;
    lines.resize(kMostLines);
    lines.push_back("and " + std::to_string(more) + " more");
  }
  for (std::string& line : lines) {
    line.resize(std::min(line.size(), kLongest));
  }
}

}  // namespace

std::string encode(const Message& message) {
  Finding finding = message.finding;
  shorten(finding.evidence);
  shorten(finding.mend);
  finding.found.resize(std::min(finding.found.size(), kLongest));
  finding.cause.resize(std::min(finding.cause.size(), kLongest));
  std::string body;
  put(body, static_cast<std::uint64_t>(finding.verdict));
  put(body, std::string_view(finding.found));
  put(body, finding.evidence);
  put(body, std::string_view(finding.cause));
  put(body, finding.mend);
  put(body, std::string_view(message.machine_dir));
  std::string out;
  put(out, std::string_view(body));
  return out;
}

std::optional<Message> take(std::string& received, bool& broken) {
  if (received.size() < kWord) {
    return std::nullopt;
  }
  Taker head(received);
  const std::uint64_t size = head.number();
  broken = size > kMostMessage;
  if (broken || received.size() - kWord < size) {
    return std::nullopt;
  }
  Taker body(std::string_view(received).substr(kWord, size));
  Message message;
  const std::uint64_t verdict = body.number();
  broken = verdict > static_cast<std::uint64_t>(Verdict::kNotHere);
  message.finding.verdict = static_cast<Verdict>(verdict);
  message.finding.found = body.text();
  message.finding.evidence = body.texts();
  message.finding.cause = body.text();
  message.finding.mend = body.texts();
  message.machine_dir = body.text();
  broken = broken || body.broken();
  received.erase(0, kWord + size);
  return message;
}

}  // namespace mig::doctor

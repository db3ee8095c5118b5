// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/main/log.h"

#include <unistd.h>

#include <array>
#include <ctime>

#include <fmt/core.h>

#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"

namespace mig::kube {
namespace {

constexpr std::chrono::minutes kAgain{1};
constexpr std::int64_t kMsPerSecond = 1000;
constexpr std::size_t kMostWords = 4000;

std::string_view word(Weight weight) {
  switch (weight) {
    case Weight::kInfo:
      return "info";
    case Weight::kWarning:
      return "warning";
    case Weight::kError:
      return "error";
  }
  return "error";
}

std::string time_text(std::int64_t ms) {
  const std::time_t seconds = ms / kMsPerSecond;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  return fmt::format("{}.{:03}Z", text.data(), ms % kMsPerSecond);
}

}  // namespace

std::string log_line(std::int64_t ms, Weight weight, const std::string& words, bool json) {
  // Words may come from pods, the API server and the kubelet.
  const std::string clean = base::printable(words.substr(0, kMostWords));
  if (!json) {
    return fmt::format("{} {} {}\n", time_text(ms), word(weight), clean);
  }
  const base::Json object{{"time", time_text(ms)}, {"level", word(weight)}, {"message", clean}};
  return object.dump(-1, ' ', false, base::Json::error_handler_t::replace) + "\n";
}

void Log::say(Weight weight, const std::string& words) {
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  const std::string text = log_line(now.count(), weight, words, json_);
  const std::lock_guard lock(mutex_);
  (void)base::write_all(STDERR_FILENO, "standard error", text);
}

void Log::state(const std::string& topic, const std::string& trouble) {
  const auto now = std::chrono::steady_clock::now();
  bool over = false;
  {
    const std::lock_guard lock(mutex_);
    auto& told = told_[topic];
    over = trouble.empty() && !told.trouble.empty();
    if (!over && (trouble.empty() || (told.trouble == trouble && now - told.at < kAgain))) {
      return;
    }
    told = {trouble, now};
  }
  if (over) {
    say(Weight::kInfo, topic + ": works again");
  } else {
    say(Weight::kWarning, topic + ": " + trouble);
  }
}

}  // namespace mig::kube

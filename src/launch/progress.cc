// SPDX-License-Identifier: Apache-2.0
#include "launch/progress.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <regex>
#include <string>
#include <vector>

#include "base/strings.h"
#include "launch/workload_result.h"

namespace mig::launch {

// A number that the command told, and when.
struct ProgressReading {
  double at = 0;
  double value = 0;
};

namespace {

using Reading = ProgressReading;
using rightsize::Rate;
using rightsize::RateSource;

constexpr std::size_t kLongestProgressLine = 1024;
constexpr std::size_t kLongestResultLine = 16U << 10U;  // a line of JSON
constexpr std::size_t kMostReadings = 100'000;
constexpr std::size_t kParts = 8;        // of the steady time, for its noise
constexpr double kStudent95 = 2.365;     // two-sided, 7 degrees of freedom

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size() && std::isfinite(value) &&
                 value >= 0
             ? std::optional(value)
             : std::nullopt;
}

// "Job 0: Iteration 300, Loss: ..." -> 300.
std::optional<double> iteration(std::string_view line) {
  constexpr std::string_view kWord = ": Iteration ";
  const auto at = line.find(kWord);
  if (line.rfind("Job ", 0) != 0 || at == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view rest = line.substr(at + kWord.size());
  return number(rest.substr(0, rest.find(',')));
}

std::optional<double> told_progress(std::string_view line) {
  constexpr std::string_view kWord = "migctl-progress ";
  return line.rfind(kWord, 0) == 0 ? number(line.substr(kWord.size())) : std::nullopt;
}

bool says_out_of_memory(std::string line) {
  std::transform(line.begin(), line.end(), line.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  });
  return line.find("out of memory") != std::string::npos ||
         line.find("out_of_memory") != std::string::npos ||
         line.find("outofmemory") != std::string::npos;
}

double noise_of(const std::vector<double>& values, double mean) {
  if (values.size() < 2 || mean <= 0) {
    return 0;
  }
  double square = 0;
  for (const double value : values) {
    square += (value - mean) * (value - mean);
  }
  const auto count = static_cast<double>(values.size());
  return kStudent95 * std::sqrt(square / (count - 1) / count) / mean;
}

std::vector<Reading> inside(const std::vector<Reading>& all, double from, double until) {
  std::vector<Reading> in;
  std::copy_if(all.begin(), all.end(), std::back_inserter(in), [&](const Reading& one) {
    return one.at >= from && one.at <= until;
  });
  return in;
}

// Of units done so far: the slope from the first to the last reading; its noise from the slopes of
// parts with equally many readings.
std::optional<Rate> of_counts(const std::vector<Reading>& in, RateSource source) {
  if (in.size() < 2 || in.back().at <= in.front().at || in.back().value <= in.front().value) {
    return std::nullopt;
  }
  const auto slope = [&](std::size_t from, std::size_t to) {
    return (in[to].value - in[from].value) / (in[to].at - in[from].at);
  };
  Rate rate{slope(0, in.size() - 1), 0, static_cast<std::uint32_t>(in.size()), source};
  const std::size_t parts = std::min(kParts, in.size() - 1);
  std::vector<double> slopes;
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t from = part * (in.size() - 1) / parts;
    const std::size_t to = (part + 1) * (in.size() - 1) / parts;
    if (in[to].at > in[from].at) {
      slopes.push_back(slope(from, to));
    }
  }
  rate.noise = noise_of(slopes, rate.per_second);
  return rate;
}

// Of rates that the command tells: their median.
std::optional<Rate> of_rates(const std::vector<Reading>& in, RateSource source) {
  std::vector<double> values;
  for (const Reading& one : in) {
    if (one.value > 0) {
      values.push_back(one.value);
    }
  }
  if (values.empty()) {
    return std::nullopt;
  }
  std::sort(values.begin(), values.end());
  const double median = values[values.size() / 2];
  return Rate{median, noise_of(values, median), static_cast<std::uint32_t>(values.size()), source};
}

}  // namespace

struct Progress::State {
  std::optional<std::regex> rate_words, count_words;
  bool count_has_group = false;
  std::string line;
  bool skipping = false;  // the rest of a line that is too long
  std::vector<Reading> told, iterations, counted, rates;
  double matches = 0;
  std::optional<double> began, result;
  bool out_of_memory = false;

  void keep(std::vector<Reading>& in, double now, double value) {
    began = began.value_or(now);
    if (in.size() < kMostReadings) {
      in.push_back({now, value});
    }
  }

  void look(double now) {
    if (const auto units = told_progress(line)) {
      keep(told, now, *units);
    } else if (const auto step = iteration(line)) {
      keep(iterations, now, *step);
    } else if (line.rfind("{\"apiVersion\":\"migctl/v1\"", 0) == 0) {
      look_at_document(now);
    }
    if (line.size() <= kLongestProgressLine) {
      match(now);
      out_of_memory = out_of_memory || says_out_of_memory(line);
    }
  }

  void look_at_document(double now) {
    if (line.find("\"kind\":\"WorkloadStarted\"") != std::string::npos) {
      began = began.value_or(now);
    } else if (const auto end = workload_result(line)) {
      result = end->steps_per_second;
      out_of_memory = out_of_memory || says_out_of_memory(end->error);
    }
  }

  // std::regex throws on expressions that turn out too complex while matching.
  void match(double now) {
    std::smatch found;
    try {
      if (rate_words && std::regex_search(line, found, *rate_words)) {
        if (const auto value = number(found[1].str())) {
          keep(rates, now, *value);
        }
      }
      if (count_words && std::regex_search(line, found, *count_words)) {
        const auto value = count_has_group ? number(found[1].str()) : std::optional(matches += 1);
        if (value) {
          keep(counted, now, *value);
        }
      }
    } catch (const std::regex_error&) {
      return;
    }
  }
};

Progress::Progress(std::unique_ptr<State> state) : state_(std::move(state)) {}

Progress::~Progress() = default;
Progress::Progress(Progress&&) noexcept = default;
Progress& Progress::operator=(Progress&&) noexcept = default;

namespace {

Result<std::regex> expression(const std::string& text, const char* option, unsigned most_groups) {
  try {
    std::regex parsed(text, std::regex::ECMAScript | std::regex::optimize);
    if (parsed.mark_count() <= most_groups) {
      return parsed;
    }
    return fail(ErrorCode::kUsage,
                std::string(option) + " has more than one group: " + base::quoted(text),
                "write (?:...) for groups that are not the number");
  } catch (const std::regex_error& error) {
    return fail(ErrorCode::kUsage,
                std::string(option) + " is no regular expression: " + base::quoted(text) + ": " +
                    error.what());
  }
}

}  // namespace

Result<Progress> Progress::reader(const rightsize::RateWords& words) {
  auto state = std::make_unique<State>();
  if (words.rate_regex.size() > kLongestProgressLine || words.count_regex.size() > kLongestProgressLine) {
    return fail(ErrorCode::kUsage, "a regular expression has at most 1024 characters");
  }
  if (!words.rate_regex.empty()) {
    MIG_ASSIGN_OR_RETURN(state->rate_words, expression(words.rate_regex, "--rate-regex", 1));
    if (state->rate_words->mark_count() == 0) {
      return fail(ErrorCode::kUsage,
                  "--rate-regex has no group: " + base::quoted(words.rate_regex),
                  "its group is the number of units per second: 'Throughput: ([0-9.]+)'");
    }
  }
  if (!words.count_regex.empty()) {
    MIG_ASSIGN_OR_RETURN(state->count_words, expression(words.count_regex, "--count-regex", 1));
    state->count_has_group = state->count_words->mark_count() == 1;
  }
  return Progress(std::move(state));
}

void Progress::feed(std::string_view text, double now) {
  State& state = *state_;
  for (const char c : text) {
    // Progress bars end their lines by a carriage return.
    if (c == '\n' || c == '\r') {
      if (!state.skipping && !state.line.empty()) {
        state.look(now);
      }
      state.line.clear();
      state.skipping = false;
    } else if (state.line.size() >= kLongestResultLine) {
      state.skipping = true;
    } else {
      state.line.push_back(c);
    }
  }
}

std::optional<double> Progress::began() const {
  return state_->began;
}

std::optional<Rate> Progress::rate(double from, double until) const {
  const State& state = *state_;
  if (auto rate = of_rates(inside(state.rates, from, until), RateSource::kRegex)) {
    return rate;
  }
  if (auto rate = of_counts(inside(state.counted, from, until), RateSource::kRegex)) {
    return rate;
  }
  if (auto rate = of_counts(inside(state.told, from, until), RateSource::kProgress)) {
    return rate;
  }
  if (state.result && *state.result > 0) {
    return Rate{*state.result, 0, 1, RateSource::kWorkload};
  }
  return of_counts(inside(state.iterations, from, until), RateSource::kWorkload);
}

bool Progress::out_of_memory() const {
  return state_->out_of_memory;
}

}  // namespace mig::launch

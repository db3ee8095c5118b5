// SPDX-License-Identifier: Apache-2.0
#include "launch/progress.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <regex.h>

#include "base/strings.h"
#include "launch/workload_result.h"

namespace mig::launch {

// A number that the command told, and when.
struct ProgressReading {
  double at = 0;
  double value = 0;
};

// An extended regular expression of POSIX, with one group at most.
class Expression {
 public:
  static Result<std::unique_ptr<Expression>> of(const std::string& text, const char* option) {
    auto made = std::unique_ptr<Expression>(new Expression);
    const int code = ::regcomp(&made->compiled_, text.c_str(), REG_EXTENDED);
    if (code != 0) {
      std::array<char, 100> why{};
      ::regerror(code, &made->compiled_, why.data(), why.size());
      return fail(ErrorCode::kUsage,
                  std::string(option) + " is no regular expression: " + base::quoted(text) + ": " +
                      why.data());
    }
    made->valid_ = true;
    if (made->compiled_.re_nsub > 1) {
      return fail(ErrorCode::kUsage,
                  std::string(option) + " has more than one group: " + base::quoted(text));
    }
    return made;
  }

  ~Expression() {
    if (valid_) {
      ::regfree(&compiled_);
    }
  }

  Expression(const Expression&) = delete;
  Expression& operator=(const Expression&) = delete;
  Expression(Expression&&) = delete;
  Expression& operator=(Expression&&) = delete;

  bool has_group() const { return compiled_.re_nsub == 1; }

  // The group's text, or without a group the match's; nullopt: no match.
  std::optional<std::string> find(const std::string& line) const {
    std::array<regmatch_t, 2> found{};
    if (::regexec(&compiled_, line.c_str(), found.size(), found.data(), 0) != 0) {
      return std::nullopt;
    }
    const regmatch_t& at = found[has_group() ? 1 : 0];
    return at.rm_so < 0 ? std::string()
                        : line.substr(static_cast<std::size_t>(at.rm_so),
                                      static_cast<std::size_t>(at.rm_eo - at.rm_so));
  }

 private:
  Expression() = default;
  regex_t compiled_{};
  bool valid_ = false;
};

namespace {

using Reading = ProgressReading;
using rightsize::Rate;
using rightsize::RateSource;

constexpr std::size_t kLongestProgressLine = 1024;
constexpr std::size_t kLongestResultLine = 16U << 10U;  // a line of JSON
constexpr std::size_t kMostReadings = 100'000;
constexpr std::size_t kParts = 8;     // of the steady time, for its noise
constexpr double kStudent95 = 2.365;  // two-sided, 7 degrees of freedom

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
  std::unique_ptr<Expression> rate_words, count_words;
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

  void match(double now) {
    const auto rate = rate_words ? rate_words->find(line) : std::nullopt;
    if (const auto value = rate ? number(*rate) : std::nullopt) {
      keep(rates, now, *value);
    }
    const auto count = count_words ? count_words->find(line) : std::nullopt;
    if (count && !count_words->has_group()) {
      keep(counted, now, matches += 1);
    } else if (const auto units = count ? number(*count) : std::nullopt) {
      keep(counted, now, *units);
    }
  }
};

Progress::Progress(std::unique_ptr<State> state) : state_(std::move(state)) {}

Progress::~Progress() = default;
Progress::Progress(Progress&&) noexcept = default;
Progress& Progress::operator=(Progress&&) noexcept = default;

Result<Progress> Progress::reader(const rightsize::RateWords& words) {
  auto state = std::make_unique<State>();
  if (words.rate_regex.size() > kLongestProgressLine ||
      words.count_regex.size() > kLongestProgressLine) {
    return fail(ErrorCode::kUsage, "a regular expression has at most 1024 characters");
  }
  if (!words.rate_regex.empty()) {
    MIG_ASSIGN_OR_RETURN(state->rate_words, Expression::of(words.rate_regex, "--rate-regex"));
    if (!state->rate_words->has_group()) {
      return fail(ErrorCode::kUsage,
                  "--rate-regex has no group: " + base::quoted(words.rate_regex),
                  "its group is the number of units per second: 'Throughput: ([0-9.]+)'");
    }
  }
  if (!words.count_regex.empty()) {
    MIG_ASSIGN_OR_RETURN(state->count_words, Expression::of(words.count_regex, "--count-regex"));
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
  if (state.rate_words || state.count_words) {
    return std::nullopt;  // what the user named is not found: nothing else is taken for it
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

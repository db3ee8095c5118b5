// SPDX-License-Identifier: Apache-2.0
#include "smi/scroll.h"

#include <array>
#include <chrono>
#include <ctime>
#include <thread>

#include "base/strings.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

constexpr unsigned kMaxCount = 1U << 30U;

bool valid(const Options& options, const char* name, unsigned max) {
  if (!options.has(name)) {
    return true;
  }
  const auto value = base::parse_decimal(options.get(name), max);
  return value && *value > 0;
}

std::string now(const char* format) {
  const std::time_t seconds = std::time(nullptr);
  std::tm local{};
  localtime_r(&seconds, &local);
  std::array<char, 32> buffer{};
  std::strftime(buffer.data(), buffer.size(), format, &local);
  return buffer.data();
}

// Date and time each take nine columns and are four apart; the GPU after them takes eight.
std::string prefix(const ScrollStamp& stamp,
                   const std::string& first,  // "#" or " "
                   const std::string& date,
                   const std::string& time,
                   const std::string& gpu,
                   bool csv) {
  std::vector<std::string> cells;
  if (stamp.date) {
    cells.push_back(date);
  }
  if (stamp.time) {
    cells.push_back(time);
  }
  if (csv) {
    cells.push_back(gpu);
    return first + base::join(cells, ", ");
  }
  if (cells.empty()) {
    return first + text("%4s", gpu.c_str());
  }
  std::string out = first;
  for (const std::string& cell : cells) {
    out += text(out == first ? "%-8s" : "    %-8s", cell.c_str());
  }
  return out + text("%8s", gpu.c_str());
}

}  // namespace

UsageError scroll_refused(const std::string& why) {
  return {why + "\nFailed to process command line \n\n", kExitOther};
}

UsageError scroll_unknown(const std::string& word, std::string (*help)()) {
  return {"Option \"" + word + "\" is not recognized.\n" + help(), 0};
}

UsageError scroll_usage_error(const Options& options, const ScrollLimits& limits) {
  if (!options.lacks_value.empty()) {
    return {"Option \"" + options.lacks_value + "\" is missing its value.\n" + limits.help(), 0};
  }
  if (!options.error.empty()) {
    return options.error;
  }
  if (!valid(options, "-c", kMaxCount)) {
    return {"Invalid value for number of samples to be displayed\n" + limits.help(), 0};
  }
  if (!valid(options, "-d", limits.max_delay_s)) {
    return {text("Collection delay/interval should be between 1 second and %u seconds\n",
                 limits.max_delay_s) +
                limits.help(),
            0};
  }
  for (const char letter : options.get("-o")) {
    if (letter != 'D' && letter != 'T') {
      return scroll_refused("Error in parsing options");
    }
  }
  return {};
}

ScrollStamp scroll_stamp(const Options& options) {
  const std::string letters = options.get("-o");
  return {letters.find('D') != std::string::npos, letters.find('T') != std::string::npos};
}

std::string scroll_heading(const ScrollStamp& stamp, bool csv) {
  return prefix(stamp, "#", "Date", "Time", "gpu", csv);
}

std::string scroll_units(const ScrollStamp& stamp, bool csv) {
  return prefix(stamp, "#", "YYYYMMDD", "HH:MM:SS", "Idx", csv);
}

std::string scroll_row(const ScrollStamp& stamp, unsigned gpu, bool csv) {
  return prefix(stamp, " ", now("%Y%m%d"), now("%H:%M:%S"), std::to_string(gpu), csv);
}

int scroll(const Run& run, const Options& options, const std::function<std::string()>& sample) {
  const auto number = [&](const char* name, unsigned otherwise) {
    const auto value = base::parse_decimal(options.get(name), kMaxCount);
    return value ? static_cast<unsigned>(*value) : otherwise;
  };
  const unsigned count = number("-c", 0);
  const unsigned delay_s = number("-d", 1);
  for (unsigned taken = 0; count == 0 || taken < count; ++taken) {
    if (taken > 0) {
      std::this_thread::sleep_for(std::chrono::seconds(delay_s));
    }
    run.print(sample());
    std::fflush(run.out);
  }
  return 0;
}

}  // namespace mig::smi

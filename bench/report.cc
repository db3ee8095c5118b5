// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <fstream>

#include <nlohmann/json.hpp>

namespace mig::bench {
namespace {

using Json = nlohmann::ordered_json;

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("model name", 0) == 0) {
      return line.substr(line.find(':') + 2);
    }
  }
  return "unknown";
}

// Load of the whole machine, the measured programs included; -1 = unknown.
double load_average() {
  double load = 0;
  return ::getloadavg(&load, 1) == 1 ? std::round(load * 100) / 100 : -1;
}

Json machine() {
  utsname kernel{};
  ::uname(&kernel);
  return {{"cpu", cpu_model()},
          {"cpus", ::sysconf(_SC_NPROCESSORS_ONLN)},
          {"kernel", std::string(kernel.release)},
          {"compiler", "g++ " __VERSION__},
          {"build", MIG_BUILD_TYPE},
          {"load_average_1min", load_average()}};
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%d", &parts);
  return text;
}

double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

}  // namespace

Quantiles quantiles(std::vector<std::uint64_t>& ns) {
  Quantiles out;
  out.count = ns.size();
  if (ns.empty()) {
    return out;
  }
  std::sort(ns.begin(), ns.end());
  const auto at = [&](double share) {
    const auto index = static_cast<std::size_t>(share * static_cast<double>(ns.size() - 1));
    return static_cast<double>(ns[index]) / 1000;
  };
  out.p50_us = at(0.5);
  out.p99_us = at(0.99);
  out.max_us = at(1);
  return out;
}

std::string write_report(const std::string& path,
                         const std::string& benchmark,
                         const std::vector<std::pair<std::string, std::string>>& settings,
                         const std::vector<Row>& rows) {
  Json document = {{"benchmark", benchmark}, {"date", today()}, {"machine", machine()}};
  for (const auto& [key, value] : settings) {
    document["settings"][key] = value;
  }
  document["rows"] = Json::array();
  for (const Row& row : rows) {
    Json one;
    for (const auto& [key, value] : row.labels) {
      one[key] = value;
    }
    for (const auto& [key, value] : row.numbers) {
      one[key] = rounded(value);
    }
    document["rows"].push_back(one);
  }
  std::ofstream file(path);
  file << document.dump(1) << "\n";
  file.close();
  return file ? "" : "cannot write " + path;
}

namespace {

std::uint64_t read_clock(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

std::uint64_t now_ns() {
  return read_clock(CLOCK_MONOTONIC);
}

std::uint64_t cpu_ns() {
  return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

}  // namespace mig::bench

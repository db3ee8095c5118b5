// SPDX-License-Identifier: Apache-2.0
#include "lab/watcher.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <map>

#include <fmt/format.h>

#include "http/client.h"

namespace mig::lab {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kAnswer{10'000};

std::vector<std::string> serve_words(const std::string& socket) {
  return {"migctl", "serve", "--sample", "250ms", "--socket", socket};
}

void pause(milliseconds time, const std::atomic<bool>* stop) {
  const auto end = Clock::now() + time;
  while (Clock::now() < end && (stop == nullptr || !*stop)) {
    ::poll(nullptr, 0, 20);
  }
}

}  // namespace

Result<Daemon> Daemon::start(const Terminal& terminal, const std::string& socket) {
  const std::vector<std::string> words = serve_words(socket);
  MIG_ASSIGN_OR_RETURN(launch::Worker worker, terminal.start(words));
  if (!worker.wait_output("listening on", kToStart, terminal.stop())) {
    return fail(ErrorCode::kIo, "the daemon does not start: " + worker.output());
  }
  return Daemon(std::move(worker), socket, terminal.typed(words));
}

Daemon::~Daemon() {
  worker_.stop(kToEnd);
}

Result<std::string> Daemon::get(const std::string& target) const {
  MIG_ASSIGN_OR_RETURN(const http::Answer answer, http::call(socket_, "GET", target, "", kAnswer));
  if (answer.status != 200) {
    return fail(ErrorCode::kIo,
                fmt::format("GET {}: status {}: {}", target, answer.status, answer.body));
  }
  return answer.body;
}

std::vector<Tick> ticks_of(const std::string& history) {
  std::vector<Tick> ticks;
  const auto json = base::parse_json(history, {std::size_t{16} << 20U, "the history"});
  if (!json) {
    return ticks;
  }
  std::optional<double> first;
  for (const base::Json& row : member_of(*json, "rows")) {
    const auto gi = number_of(row, "gpuInstance");
    const auto at = number_of(row, "timeMs");
    if (!gi || !at) {
      continue;
    }
    first = first ? std::min(*first, *at) : *at;
    Tick tick;
    tick.seconds = *at;
    tick.gi = static_cast<std::uint32_t>(*gi);
    tick.profile = text_of(row, "profile");
    tick.sm = number_of(row, "sm");
    tick.dram = number_of(row, "dram");
    if (const auto bytes = number_of(row, "memoryBytes")) {
      tick.memory_mib = *bytes / (1U << 20U);
    }
    tick.watts = number_of(row, "powerWatts");
    ticks.push_back(std::move(tick));
  }
  // Rows are told to the second: several of one instance in a second are spread over it.
  std::map<std::pair<std::uint32_t, double>, int> all, seen;
  for (const Tick& tick : ticks) {
    ++all[{tick.gi, tick.seconds}];
  }
  for (Tick& tick : ticks) {
    const std::pair<std::uint32_t, double> key{tick.gi, tick.seconds};
    tick.seconds = (tick.seconds - *first) / 1e3 + static_cast<double>(seen[key]++) / all[key];
  }
  return ticks;
}

std::vector<report::Line> lines_of(const std::vector<Tick>& ticks,
                                   std::optional<double> Tick::*value) {
  std::map<std::uint32_t, report::Line> by_instance;
  bool any = false;
  for (const Tick& tick : ticks) {
    report::Line& line = by_instance[tick.gi];
    line.name = fmt::format("{} (gi {})", tick.profile, tick.gi);
    line.points.push_back({tick.seconds, tick.*value});
    any = any || (tick.*value).has_value();
  }
  std::vector<report::Line> lines;
  if (any) {
    for (auto& [gi, line] : by_instance) {
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

std::vector<report::Mark> train_in_turn(const Terminal& terminal,
                                        const std::vector<Device>& devices,
                                        double seconds_each) {
  std::vector<report::Mark> marks;
  std::vector<launch::Worker> workers;
  const auto begin = Clock::now();
  const auto now = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  pause(milliseconds(700), terminal.stop());
  for (const Device& device : devices) {
    Ways ways;
    ways.environment = {{"CUDA_VISIBLE_DEVICES", device.uuid}};
    auto worker = terminal.start(
        {"mig-workload", "train", "--seconds", fmt::format("{:.1f}", seconds_each), "--announce"},
        ways);
    if (worker) {
      worker->wait_output("WorkloadStarted", kToStart, terminal.stop());
      marks.push_back({now(), fmt::format("gi {} trains", device.gi)});
      workers.push_back(std::move(*worker));
    }
    pause(milliseconds(1000), terminal.stop());
  }
  for (launch::Worker& worker : workers) {
    worker.wait(milliseconds(60'000), terminal.stop());
    worker.stop(kToEnd);
  }
  pause(milliseconds(700), terminal.stop());
  return marks;
}

}  // namespace mig::lab

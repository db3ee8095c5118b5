// SPDX-License-Identifier: Apache-2.0
// Inside of observe/: samples as rows of the history: each tick of the last hour in memory, and
// sums of the running minute, of which rows of the store are made.
//
// Bounds: an hour, and kMostRows rows of it (about 20 MB), the oldest go first.
//
// Threading: not thread-safe. Pure.
#ifndef MIGCTL_OBSERVE_HISTORY_H_
#define MIGCTL_OBSERVE_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "model/sample.h"
#include "store/watch.h"

namespace mig::observe {

// A row for each instance, and for each GPU, of this tick alone.
std::vector<store::HistoryRow> rows_of(const MachineSample& sample);

class RecentTicks {
 public:
  static constexpr std::int64_t kSeconds = 3600;
  static constexpr std::size_t kMostRows = 300'000;

  void add(const MachineSample& sample);
  std::vector<store::HistoryRow> history(const store::HistoryQuery& query) const;

 private:
  // What does not change from tick to tick, once for all of an instance's rows.
  struct Subject {
    std::string gpu_uuid;
    std::int64_t gpu_instance = -1, generation = 0;
    std::string profile, tenant, job;
    auto operator<=>(const Subject&) const = default;
  };

  // Not a number: unknown.
  struct Values {
    float sm, dram, tensor, graphics, occupancy, memory_mib, power_watts;
  };

  struct Entry {
    std::uint32_t subject = 0;
    Values values{};
  };

  struct Tick {
    std::int64_t time_s = 0;
    std::vector<Entry> entries;
  };

  std::uint32_t number_of(const Subject& subject);
  void drop_oldest();

  std::deque<Tick> ticks_;
  std::size_t rows_ = 0;
  std::map<Subject, std::uint32_t> numbers_;
  std::map<std::uint32_t, std::pair<Subject, std::size_t>> subjects_;  // with the number of rows
  std::uint32_t next_ = 0;
};

// The sums of one minute.
class Minute {
 public:
  // Rows of the minute before, when the sample is the first of another minute; else none.
  std::vector<store::HistoryRow> add(const MachineSample& sample);
  // What is there, as the row of its minute so far.
  std::vector<store::HistoryRow> rows() const;

 private:
  struct Mean {
    double sum = 0;
    std::int64_t count = 0;
    std::int64_t most = 0;
    void add(const std::optional<std::int64_t>& value);
    std::optional<std::int64_t> value() const;
    std::optional<std::int64_t> greatest() const;
  };

  struct Sums {
    store::HistoryRow last;
    std::int64_t ticks = 0;
    Mean sm, dram, tensor, graphics, occupancy, memory, power;
  };

  std::int64_t begin_s_ = -1;
  std::map<std::tuple<std::string, std::int64_t, std::int64_t>, Sums> sums_;
};

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_HISTORY_H_

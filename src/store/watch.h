// SPDX-License-Identifier: Apache-2.0
// What the sampler keeps: the accounts of energy and generations, which survive restarts, and the
// history of instances by the minute and by the hour. In a file of its own, so that nothing else
// waits for it.
//
// Bounds: minutes and hours are kept for 30 days, and at most so many rows; the oldest go first.
//
// Threading: as Database.
#ifndef MIGCTL_STORE_WATCH_H_
#define MIGCTL_STORE_WATCH_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "model/sample_history.h"
#include "store/database.h"

namespace mig::store {

struct BoardAccountRow {
  std::string gpu_uuid;
  std::int64_t total_mj = 0, counter_mj = 0, unattributed_mj = 0, gone_mj = 0;
  std::optional<std::int64_t> floor_mw;
};

struct InstanceAccountRow {
  std::string gpu_uuid;
  std::int64_t gpu_instance = 0, generation = 0;
  std::string profile;
  std::int64_t start = 0, size = 0;  // placement
  std::int64_t energy_mj = 0;
};

struct AccountRows {
  std::string boot_id;
  std::int64_t last_generation = 0;
  std::vector<BoardAccountRow> boards;
  std::vector<InstanceAccountRow> instances;
};

using HistoryRow = mig::SampleRow;

struct HistoryQuery {
  std::int64_t period_s = 60;
  std::int64_t from_s = 0, until_s = 0;  // [from, until)
  std::string gpu_uuid;                  // "" = all
  std::optional<std::int64_t> gpu_instance;
  std::int64_t limit = 0;
};

// One minute of an instance, or of a GPU.
struct ActivityRow {
  std::int64_t begin_s = 0;
  std::string gpu_uuid;
  std::int64_t gpu_instance = -1;  // -1: the whole GPU
  std::optional<std::int64_t> sm, power_mw;
};

class WatchStore {
 public:
  static constexpr std::int64_t kKeptSeconds = 30LL * 24 * 3600;
  static constexpr std::int64_t kMostRows = 3'000'000;  // of both periods: about 300 MB

  static Result<WatchStore> open(const std::string& path);

  Result<AccountRows> accounts();
  // In place of those before.
  Result<void> keep(const AccountRows& accounts);

  // A row of the same period, beginning and instance is replaced.
  Result<void> add(const std::vector<HistoryRow>& rows);
  // Makes the rows of the hour that began then, from those of its minutes.
  Result<void> sum_hour(std::int64_t begin_s);
  // Oldest first.
  Result<std::vector<HistoryRow>> history(const HistoryQuery& query);
  // Minutes that begin in [from, until), at most `limit` of them, the newest; ascending by GPU,
  // instance and time.
  Result<std::vector<ActivityRow>> activity(std::int64_t from_s,
                                            std::int64_t until_s,
                                            std::int64_t limit);
  // Removes what is beyond the bounds.
  Result<void> prune(std::int64_t now_s, std::int64_t most_rows = kMostRows);

 private:
  explicit WatchStore(Database database) : database_(std::move(database)) {}

  Database database_;
};

}  // namespace mig::store

#endif  // MIGCTL_STORE_WATCH_H_

// SPDX-License-Identifier: Apache-2.0
#include "observe/recorder.h"

#include <chrono>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <pthread.h>

#include "observe/history.h"
#include "observe/signals_elsewhere.h"
#include "observe/units.h"

namespace mig::observe {
namespace {

// How long the accounts of a tick may hold up its publication: a disk may be slow.
constexpr std::chrono::milliseconds kKeepPatience{250};
constexpr std::size_t kMostWaiting = 120;
constexpr std::int64_t kHour = 3600;

std::int64_t signed_of(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

std::uint64_t unsigned_of(std::int64_t value) {
  return value < 0 ? 0 : static_cast<std::uint64_t>(value);
}

class StoreRecorder final : public Recorder {
 public:
  StoreRecorder(store::WatchStore store, Accounts before, std::string boot_id)
      : store_(std::move(store)), before_(std::move(before)), boot_id_(std::move(boot_id)) {
    const SignalsElsewhere none_there;
    thread_ = std::thread([this] { run(); });
    ::pthread_setname_np(thread_.native_handle(), "recorder");
  }

  ~StoreRecorder() override { stop(); }

  StoreRecorder(const StoreRecorder&) = delete;
  StoreRecorder& operator=(const StoreRecorder&) = delete;
  StoreRecorder(StoreRecorder&&) = delete;
  StoreRecorder& operator=(StoreRecorder&&) = delete;

  const Accounts& before() const override { return before_; }

  void record(std::shared_ptr<const MachineSample> sample) override {
    const std::lock_guard lock(mutex_);
    if (samples_.size() < kMostWaiting) {
      samples_.push_back(std::move(sample));
      changed_.notify_all();
    }
  }

  void keep(Accounts accounts) override {
    std::unique_lock lock(mutex_);
    accounts_ = std::move(accounts);
    const std::uint64_t mine = ++given_;
    changed_.notify_all();
    changed_.wait_for(lock, kKeepPatience, [&] { return stopped_ || kept_ >= mine; });
  }

  void history(store::HistoryQuery query, std::function<void(Rows)> done) override {
    {
      const std::lock_guard lock(mutex_);
      if (!stopped_ && questions_.size() < kMostWaiting) {
        questions_.emplace_back(std::move(query), std::move(done));
        changed_.notify_all();
        return;
      }
    }
    done(fail(ErrorCode::kNoCapacity, "too many questions about the history wait"));
  }

  std::string problem() const override {
    const std::lock_guard lock(mutex_);
    return problem_;
  }

  void stop() override {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      changed_.notify_all();
    }
    if (thread_.joinable()) {
      thread_.join();
    }
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(
          lock, [&] { return stopped_ || accounts_ || !samples_.empty() || !questions_.empty(); });
      auto samples = std::exchange(samples_, {});
      auto questions = std::exchange(questions_, {});
      const bool last = stopped_;
      const std::optional<Accounts> accounts = std::exchange(accounts_, std::nullopt);
      const std::uint64_t given = given_;
      lock.unlock();
      const Result<void> written = work(samples, accounts, last);
      for (auto& [query, done] : questions) {
        done(query.period_s == 1 ? Rows(recent_.history(query)) : store_.history(query));
      }
      lock.lock();
      problem_ = written ? "" : written.error().text();
      kept_ = given;
      changed_.notify_all();
      if (last) {
        return;
      }
    }
  }

  // The accounts first: somebody waits for them.
  Result<void> work(const std::deque<std::shared_ptr<const MachineSample>>& samples,
                    const std::optional<Accounts>& accounts,
                    bool last) {
    Result<void> all;
    const auto note = [&](Result<void> one) {
      if (!one && all) {
        all = std::move(one);
      }
    };
    if (accounts) {
      note(store_.keep(rows_of(*accounts, boot_id_)));
    }
    for (const auto& sample : samples) {
      recent_.add(*sample);
      if (const auto rows = minute_.add(*sample); !rows.empty()) {
        note(write(rows));
      }
    }
    if (last) {
      note(store_.add(minute_.rows()));
    }
    return all;
  }

  Result<void> write(const std::vector<store::HistoryRow>& rows) {
    MIG_TRY(store_.add(rows));
    const std::int64_t hour = rows.front().begin_s - rows.front().begin_s % kHour;
    // The running hour too, so that it is there when the process is killed.
    MIG_TRY(store_.sum_hour(hour));
    return std::exchange(pruned_, hour) == hour ? Result<void>() : store_.prune(hour);
  }

  store::WatchStore store_;
  Accounts before_;
  std::string boot_id_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<const MachineSample>> samples_;
  std::deque<std::pair<store::HistoryQuery, std::function<void(Rows)>>> questions_;
  std::optional<Accounts> accounts_;
  std::uint64_t given_ = 0, kept_ = 0;  // accounts, counted
  std::string problem_;
  bool stopped_ = false;
  // On the thread.
  RecentTicks recent_;
  Minute minute_;
  std::int64_t pruned_ = 0;  // the hour in which it was done last
  std::thread thread_;
};

}  // namespace

store::AccountRows rows_of(const Accounts& accounts, const std::string& boot_id) {
  store::AccountRows out;
  out.boot_id = boot_id;
  out.last_generation = signed_of(accounts.last_generation);
  std::map<std::string, std::uint64_t> of_instances;
  for (const auto& [place, known] : accounts.instances) {
    store::InstanceAccountRow& row = out.instances.emplace_back();
    row.gpu_uuid = place.gpu_uuid;
    row.gpu_instance = place.gpu_instance;
    row.generation = signed_of(known.generation);
    row.profile = known.profile;
    row.start = known.placement.start;
    row.size = known.placement.size;
    if (const auto board = accounts.boards.find(place.gpu_uuid); board != accounts.boards.end()) {
      const auto energy = board->second.instances_mj.find(known.generation);
      const bool has = energy != board->second.instances_mj.end();
      row.energy_mj = has ? signed_of(energy->second) : 0;
      of_instances[place.gpu_uuid] += has ? energy->second : 0;
    }
  }
  for (const auto& [uuid, state] : accounts.boards) {
    store::BoardAccountRow& row = out.boards.emplace_back();
    row.gpu_uuid = uuid;
    row.total_mj = signed_of(state.total_mj);
    row.counter_mj = signed_of(state.counter_mj);
    row.unattributed_mj = signed_of(state.unattributed_mj);
    // Also what instances have that are gone since the last tick.
    row.gone_mj = signed_of(state.total_mj - state.unattributed_mj - of_instances[uuid]);
    if (state.floor_watts) {
      row.floor_mw = std::llround(*state.floor_watts / kMilli);
    }
  }
  return out;
}

Accounts accounts_of(const store::AccountRows& rows, const std::string& boot_id) {
  Accounts out;
  const bool same_boot = rows.boot_id == boot_id && !boot_id.empty();
  out.last_generation = unsigned_of(rows.last_generation);
  for (const store::BoardAccountRow& row : rows.boards) {
    BoardEnergy::State& state = out.boards[row.gpu_uuid];
    state.total_mj = unsigned_of(row.total_mj);
    state.counter_mj = same_boot ? unsigned_of(row.counter_mj) : 0;
    state.unattributed_mj = unsigned_of(row.unattributed_mj);
    state.gone_mj = unsigned_of(row.gone_mj);
    if (row.floor_mw) {
      state.floor_watts = static_cast<double>(*row.floor_mw) * kMilli;
    }
  }
  for (const store::InstanceAccountRow& row : rows.instances) {
    const std::uint64_t generation = unsigned_of(row.generation);
    BoardEnergy::State& state = out.boards[row.gpu_uuid];
    if (!same_boot) {
      state.gone_mj += unsigned_of(row.energy_mj);
      continue;
    }
    out.instances[{row.gpu_uuid, static_cast<std::uint32_t>(row.gpu_instance)}] = {
        generation,
        row.profile,
        {static_cast<std::uint32_t>(row.start), static_cast<std::uint32_t>(row.size)}};
    if (row.energy_mj > 0) {
      state.instances_mj[generation] = unsigned_of(row.energy_mj);
    }
  }
  return out;
}

Result<std::unique_ptr<Recorder>> Recorder::open(const std::string& store,
                                                 const std::string& boot_id) {
  MIG_ASSIGN_OR_RETURN(store::WatchStore opened, store::WatchStore::open(store));
  MIG_ASSIGN_OR_RETURN(const store::AccountRows rows, opened.accounts());
  return std::make_unique<StoreRecorder>(std::move(opened), accounts_of(rows, boot_id), boot_id);
}

}  // namespace mig::observe

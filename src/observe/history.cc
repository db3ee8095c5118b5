// SPDX-License-Identifier: Apache-2.0
#include "observe/history.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "observe/units.h"

namespace mig::observe {
namespace {

constexpr double kMillionth = 1e-6;
constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kMillisecondsPerSecond = 1000;

std::optional<std::int64_t> in_units(const std::optional<double>& value, double unit) {
  return value ? std::optional<std::int64_t>(std::llround(*value / unit)) : std::nullopt;
}

std::optional<std::int64_t> integer(const std::optional<std::uint64_t>& value) {
  return value ? std::optional(static_cast<std::int64_t>(*value)) : std::nullopt;
}

float number(const std::optional<std::int64_t>& value, double unit) {
  return value ? static_cast<float>(static_cast<double>(*value) * unit)
               : std::numeric_limits<float>::quiet_NaN();
}

std::optional<std::int64_t> value_of(float number, double unit) {
  return std::isnan(number) ? std::nullopt
                            : std::optional<std::int64_t>(std::llround(number / unit));
}

void put_activity(const Activity& activity, store::HistoryRow& row) {
  row.sm = in_units(activity.sm, kMillionth);
  row.sm_max = row.sm;
  row.dram = in_units(activity.dram, kMillionth);
  row.tensor = in_units(activity.tensor, kMillionth);
  row.graphics = in_units(activity.graphics, kMillionth);
  row.occupancy = in_units(activity.occupancy, kMillionth);
}

store::HistoryRow row_of(const MachineSample& sample, const GpuSample& gpu) {
  store::HistoryRow row;
  row.begin_s = sample.time_ms / kMillisecondsPerSecond;
  row.period_s = 1;
  row.ticks = 1;
  row.gpu_uuid = gpu.uuid;
  put_activity(gpu.activity, row);
  row.memory_bytes = integer(gpu.memory_used_bytes);
  row.memory_max_bytes = row.memory_bytes;
  row.power_mw = in_units(gpu.power_watts, kMilli);
  return row;
}

store::HistoryRow row_of(const MachineSample& sample,
                         const GpuSample& gpu,
                         const GpuInstanceSample& instance) {
  store::HistoryRow row = row_of(sample, gpu);
  row.gpu_instance = instance.id.value;
  row.generation = static_cast<std::int64_t>(instance.generation);
  row.profile = instance.profile;
  for (const ComputeInstanceSample& compute : instance.compute_instances) {
    for (const InstanceUse& use : compute.uses) {
      row.tenant = row.tenant.empty() ? use.tenant : row.tenant;
      row.job = row.job.empty() ? use.job : row.job;
    }
  }
  put_activity(instance.activity, row);
  row.memory_bytes = integer(instance.memory_used_bytes);
  row.memory_max_bytes = row.memory_bytes;
  row.power_mw = in_units(instance.power_watts, kMilli);
  return row;
}

}  // namespace

std::vector<store::HistoryRow> rows_of(const MachineSample& sample) {
  std::vector<store::HistoryRow> out;
  for (const GpuSample& gpu : sample.gpus) {
    out.push_back(row_of(sample, gpu));
    for (const GpuInstanceSample& instance : gpu.instances) {
      out.push_back(row_of(sample, gpu, instance));
    }
  }
  return out;
}

std::uint32_t RecentTicks::number_of(const Subject& subject) {
  const auto [found, is_new] = numbers_.try_emplace(subject, next_);
  if (is_new) {
    subjects_.emplace(next_++, std::pair(subject, std::size_t{0}));
  }
  ++subjects_.at(found->second).second;
  return found->second;
}

void RecentTicks::drop_oldest() {
  for (const Entry& entry : ticks_.front().entries) {
    const auto subject = subjects_.find(entry.subject);
    if (--subject->second.second == 0) {
      numbers_.erase(subject->second.first);
      subjects_.erase(subject);
    }
  }
  rows_ -= ticks_.front().entries.size();
  ticks_.pop_front();
}

void RecentTicks::add(const MachineSample& sample) {
  Tick tick;
  tick.time_s = sample.time_ms / kMillisecondsPerSecond;
  for (store::HistoryRow& row : rows_of(sample)) {
    Entry& entry = tick.entries.emplace_back();
    entry.values = {number(row.sm, kMillionth),
                    number(row.dram, kMillionth),
                    number(row.tensor, kMillionth),
                    number(row.graphics, kMillionth),
                    number(row.occupancy, kMillionth),
                    number(row.memory_bytes, 1.0 / static_cast<double>(kMib)),
                    number(row.power_mw, kMilli)};
    entry.subject = number_of({std::move(row.gpu_uuid),
                               row.gpu_instance,
                               row.generation,
                               std::move(row.profile),
                               std::move(row.tenant),
                               std::move(row.job)});
  }
  rows_ += tick.entries.size();
  ticks_.push_back(std::move(tick));
  while (ticks_.size() > 1 &&
         (rows_ > kMostRows || ticks_.front().time_s <= ticks_.back().time_s - kSeconds)) {
    drop_oldest();
  }
}

std::vector<store::HistoryRow> RecentTicks::history(const store::HistoryQuery& query) const {
  std::vector<store::HistoryRow> out;
  for (const Tick& tick : ticks_) {
    if (tick.time_s < query.from_s || tick.time_s >= query.until_s) {
      continue;
    }
    for (const Entry& entry : tick.entries) {
      const Subject& subject = subjects_.at(entry.subject).first;
      if ((!query.gpu_uuid.empty() && subject.gpu_uuid != query.gpu_uuid) ||
          (query.gpu_instance && subject.gpu_instance != *query.gpu_instance)) {
        continue;
      }
      if (static_cast<std::int64_t>(out.size()) >= query.limit) {
        return out;
      }
      const Values& values = entry.values;
      store::HistoryRow& row = out.emplace_back();
      row.begin_s = tick.time_s;
      row.period_s = 1;
      row.gpu_uuid = subject.gpu_uuid;
      row.gpu_instance = subject.gpu_instance;
      row.generation = subject.generation;
      row.profile = subject.profile;
      row.tenant = subject.tenant;
      row.job = subject.job;
      row.ticks = 1;
      row.sm = row.sm_max = value_of(values.sm, kMillionth);
      row.dram = value_of(values.dram, kMillionth);
      row.tensor = value_of(values.tensor, kMillionth);
      row.graphics = value_of(values.graphics, kMillionth);
      row.occupancy = value_of(values.occupancy, kMillionth);
      row.memory_bytes = row.memory_max_bytes =
          value_of(values.memory_mib, 1.0 / static_cast<double>(kMib));
      row.power_mw = value_of(values.power_watts, kMilli);
    }
  }
  return out;
}

void Minute::Mean::add(const std::optional<std::int64_t>& value) {
  if (value) {
    most = count == 0 ? *value : std::max(most, *value);
    sum += static_cast<double>(*value);
    ++count;
  }
}

std::optional<std::int64_t> Minute::Mean::value() const {
  return count == 0 ? std::nullopt
                    : std::optional<std::int64_t>(std::llround(sum / static_cast<double>(count)));
}

std::optional<std::int64_t> Minute::Mean::greatest() const {
  return count == 0 ? std::nullopt : std::optional(most);
}

std::vector<store::HistoryRow> Minute::rows() const {
  std::vector<store::HistoryRow> out;
  for (const auto& [key, sums] : sums_) {
    store::HistoryRow& row = out.emplace_back(sums.last);
    row.begin_s = begin_s_;
    row.period_s = kMinute;
    row.ticks = sums.ticks;
    row.sm = sums.sm.value();
    row.sm_max = sums.sm.greatest();
    row.dram = sums.dram.value();
    row.tensor = sums.tensor.value();
    row.graphics = sums.graphics.value();
    row.occupancy = sums.occupancy.value();
    row.memory_bytes = sums.memory.value();
    row.memory_max_bytes = sums.memory.greatest();
    row.power_mw = sums.power.value();
  }
  return out;
}

std::vector<store::HistoryRow> Minute::add(const MachineSample& sample) {
  const std::int64_t now = sample.time_ms / kMillisecondsPerSecond;
  const std::int64_t begin = now - now % kMinute;
  std::vector<store::HistoryRow> over;
  if (begin != begin_s_) {
    over = rows();
    sums_.clear();
    begin_s_ = begin;
  }
  for (store::HistoryRow& row : rows_of(sample)) {
    Sums& sums = sums_[{row.gpu_uuid, row.gpu_instance, row.generation}];
    ++sums.ticks;
    sums.sm.add(row.sm);
    sums.dram.add(row.dram);
    sums.tensor.add(row.tensor);
    sums.graphics.add(row.graphics);
    sums.occupancy.add(row.occupancy);
    sums.memory.add(row.memory_bytes);
    sums.power.add(row.power_mw);
    sums.last = std::move(row);
  }
  return over;
}

}  // namespace mig::observe

// SPDX-License-Identifier: Apache-2.0
#include "service/usage.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "apply/saved_layout.h"
#include "base/unix_time.h"
#include "service/layout_history.h"
#include "store/journal.h"
#include "store/places.h"

namespace mig::service {
namespace {

constexpr std::int64_t kMsPerSecond = 1000;
constexpr std::int64_t kMinuteSeconds = 60;
constexpr std::int64_t kMinuteMs = kMinuteSeconds * kMsPerSecond;
// A month of four GPUs with seven instances each has 1.4 million minutes: what is older is not
// known to be idle then.
constexpr std::int64_t kMostMinutes = 500'000;
constexpr std::int64_t kMostChanges = 5000;
constexpr std::int64_t kIdleBelow = 20'000;  // millionths of an instance's SMs, as the sampler's

using InstanceOf = std::pair<std::string, std::int64_t>;  // GPU uuid, GPU instance

cost::Tenure tenure_of(const UsageRecords& records,
                       const store::TenureRow& row,
                       cost::Period period) {
  cost::Tenure out;
  out.lease = row.lease;
  out.gpu_uuid = row.gpu_uuid;
  out.gpu_instance = row.gpu_instance.value;
  out.compute_instance = row.compute_instance.value;
  out.profile = row.profile.str();
  if (const Gpu* gpu = figures_of(records, row.gpu_uuid)) {
    out.amount = amount_of(*gpu, row.profile.gpu_instance());
  }
  out.parts = std::max(row.profile.gpu_slices, 1U);
  out.part = std::clamp(row.profile.compute_slices, 1U, out.parts);
  out.shared = std::max(row.shared, 1U);
  out.tenant = row.tenant;
  out.job = row.job;
  out.uid = row.uid;
  out.from_ms = std::max(row.from_ms, period.from_ms);
  out.open = !row.until_ms || *row.until_ms > period.until_ms;
  out.until_ms = std::min(row.until_ms.value_or(period.until_ms), period.until_ms);
  return out;
}

// Minutes of one instance as spans of idleness and use.
void add_activity(cost::UsedGpu& gpu, const store::ActivityRow& row, cost::Period period) {
  if (!row.sm || row.gpu_instance < 0) {
    return;
  }
  const std::int64_t from = std::max(row.begin_s * kMsPerSecond, period.from_ms);
  const std::int64_t until = std::min(row.begin_s * kMsPerSecond + kMinuteMs, period.until_ms);
  const auto id = static_cast<std::uint32_t>(row.gpu_instance);
  const bool idle = *row.sm < kIdleBelow;
  if (from >= until) {
    return;
  }
  if (!gpu.activity.empty()) {
    cost::ActivitySpan& last = gpu.activity.back();
    if (last.gpu_instance == id && last.until_ms == from && last.idle == idle) {
      last.until_ms = until;
      return;
    }
    if (last.gpu_instance == id && last.until_ms > from) {
      return;  // another generation of the same minute
    }
  }
  gpu.activity.push_back({from, until, id, idle});
}

// Energy of an instance's minute, to those who had a lease of it then, by time.
class EnergyOfLeases {
 public:
  explicit EnergyOfLeases(std::vector<cost::Tenure>& tenures) {
    for (cost::Tenure& one : tenures) {
      by_instance_[{one.gpu_uuid, one.gpu_instance}].push_back(&one);
    }
    for (auto& [instance, list] : by_instance_) {
      std::stable_sort(list.begin(), list.end(), [](const auto* a, const auto* b) {
        return a->from_ms < b->from_ms;
      });
    }
  }

  // Rows of an instance come in order of time.
  void add(const store::ActivityRow& row) {
    const InstanceOf instance(row.gpu_uuid, row.gpu_instance);
    const auto list = by_instance_.find(instance);
    if (list == by_instance_.end() || !row.power_mw) {
      return;
    }
    const std::int64_t from = row.begin_s * kMsPerSecond;
    const std::int64_t until = from + kMinuteMs;
    std::size_t& first = first_[instance];
    auto& tenures = list->second;
    while (first < tenures.size() && tenures[first]->until_ms <= from) {
      ++first;
    }
    std::int64_t parts = 0;
    const auto each = [&](const auto& visit) {
      for (std::size_t i = first; i < tenures.size() && tenures[i]->from_ms < until; ++i) {
        const std::int64_t time =
            std::min(tenures[i]->until_ms, until) - std::max(tenures[i]->from_ms, from);
        if (time > 0) {
          visit(*tenures[i], time * tenures[i]->part);
        }
      }
    };
    each([&](const cost::Tenure& one, std::int64_t part) {
      parts = std::max<std::int64_t>(parts, kMinuteMs * one.parts);
      sum_ += part;
    });
    // More than the instance has: several share it, or clocks were set.
    parts = std::max(parts, std::exchange(sum_, 0));
    each([&](cost::Tenure& one, std::int64_t part) {
      const std::int64_t millijoules = *row.power_mw * kMinuteSeconds;
      one.energy_mj =
          one.energy_mj.value_or(0) +
          static_cast<std::uint64_t>(static_cast<double>(millijoules) * static_cast<double>(part) /
                                     static_cast<double>(parts));
    });
  }

 private:
  std::map<InstanceOf, std::vector<cost::Tenure*>> by_instance_;
  std::map<InstanceOf, std::size_t> first_;
  std::int64_t sum_ = 0;
};

void add_minutes(const UsageRecords& records, cost::Period period, cost::Usage& usage) {
  EnergyOfLeases energy(usage.tenures);
  std::map<std::string, cost::UsedGpu*> gpus;
  for (cost::UsedGpu& gpu : usage.gpus) {
    gpus[gpu.uuid] = &gpu;
  }
  for (const store::ActivityRow& row : records.activity) {
    const auto gpu = gpus.find(row.gpu_uuid);
    if (gpu == gpus.end()) {
      continue;
    }
    add_activity(*gpu->second, row, period);
    energy.add(row);
    if (row.gpu_instance < 0 && row.power_mw) {
      auto& sum = gpu->second->energy_mj;
      sum = sum.value_or(0) + static_cast<std::uint64_t>(*row.power_mw * kMinuteSeconds);
    }
  }
}

bool file_exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// Newest first, until each GPU of now has one from before the period.
Result<void> read_changes(const std::string& path, cost::Period period, UsageRecords& out) {
  if (!file_exists(path)) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(store::Journal journal, store::Journal::open(path));
  MIG_ASSIGN_OR_RETURN(out.changes, journal.history(kMostChanges));
  if (static_cast<std::int64_t>(out.changes.size()) == kMostChanges &&
      out.changes.back().started_ms > period.from_ms) {
    out.warnings.push_back(
        fmt::format("only the newest {} changes of the layout were looked at", kMostChanges));
  }
  return {};
}

Result<void> read_leases(const std::string& path, cost::Period period, UsageRecords& out) {
  out.tenures_since_ms = period.until_ms;
  if (!file_exists(path)) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(store::Leases leases, store::Leases::open(path));
  MIG_ASSIGN_OR_RETURN(out.tenures_since_ms, leases.tenures_since());
  MIG_ASSIGN_OR_RETURN(
      out.tenures,
      leases.tenures(
          period.from_ms, period.until_ms, static_cast<std::int64_t>(cost::kMostTenures)));
  return {};
}

Result<void> read_minutes(const std::string& path, cost::Period period, UsageRecords& out) {
  if (!file_exists(path)) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(store::WatchStore watch, store::WatchStore::open(path));
  MIG_ASSIGN_OR_RETURN(out.activity,
                       watch.activity((period.from_ms - kMinuteMs) / kMsPerSecond + 1,
                                      (period.until_ms + kMsPerSecond - 1) / kMsPerSecond,
                                      kMostMinutes));
  if (static_cast<std::int64_t>(out.activity.size()) == kMostMinutes) {
    out.warnings.push_back(
        fmt::format("activity and energy are of the newest {} minutes of instances only: a shorter "
                    "period has all",
                    kMostMinutes));
  }
  return {};
}

}  // namespace

Result<void> check_period(cost::Period period, std::int64_t now) {
  if (period.from_ms < 0 || period.from_ms >= period.until_ms) {
    return fail(ErrorCode::kUsage,
                "the period ends before it begins",
                "--from must be before --to, for example --from 2026-11-01 --to 2026-12-01");
  }
  if (period.from_ms >= now) {
    return fail(ErrorCode::kUsage, "the period has not begun", "what is to come costs nothing yet");
  }
  if (std::min(period.until_ms, now) - period.from_ms > cost::kLongestPeriodMs) {
    return fail(ErrorCode::kTooLarge,
                "the period is longer than 400 days",
                "ask for shorter ones, and add the answers up");
  }
  return {};
}

Result<cost::Usage> usage_of(const UsageRecords& records, cost::Period period, std::int64_t now) {
  MIG_TRY(check_period(period, now));
  period.until_ms = std::min(period.until_ms, now);
  cost::Usage usage;
  usage.from_ms = period.from_ms;
  usage.until_ms = period.until_ms;
  usage.now_ms = now;
  usage.recorded_from_ms = records.tenures_since_ms;
  usage.warnings = records.warnings;
  for (const store::TenureRow& row : records.tenures) {
    usage.tenures.push_back(tenure_of(records, row, period));
  }
  // A lease that is live now is recorded from its grant on, also before the others are.
  std::erase_if(usage.tenures, [](const cost::Tenure& one) { return one.from_ms >= one.until_ms; });
  MIG_ASSIGN_OR_RETURN(usage.gpus, layout_history(records, period, now));
  for (const cost::UsedGpu& gpu : usage.gpus) {
    if (gpu.whole == cost::Amount{} && gpu.index == std::nullopt) {
      usage.warnings.push_back(fmt::format(
          "GPU {} is not there now, and no other one is of its board: its time is not recorded",
          gpu.uuid));
    }
  }
  for (const LostGpu& lost : records.now.lost) {
    usage.warnings.push_back(
        fmt::format("GPU {} is not in the report: {}", lost.index.value, lost.why.message));
  }
  add_minutes(records, period, usage);
  return usage;
}

Result<cost::Usage> read_usage(node::Node& node, cost::Period period) {
  const std::int64_t now = base::unix_ms();
  MIG_TRY(check_period(period, now));
  period.until_ms = std::min(period.until_ms, now);
  UsageRecords records;
  MIG_ASSIGN_OR_RETURN(records.now, node.inventory());
  const std::string journal = node.places().journal();
  MIG_TRY(read_changes(journal, period, records));
  MIG_TRY(read_leases(node.places().leases(), period, records));
  if (const std::string seen = store::beside_journal(journal, "layouts"); file_exists(seen)) {
    MIG_ASSIGN_OR_RETURN(store::Layouts layouts, store::Layouts::open(seen));
    MIG_ASSIGN_OR_RETURN(records.seen, layouts.rows(period.from_ms, period.until_ms));
  }
  MIG_TRY(read_minutes(store::beside_journal(journal, "watch"), period, records));
  return usage_of(records, period, now);
}

cost::Usage seen_by(cost::Usage usage, const Tenant& viewer) {
  if (viewer.role >= Role::kOperator) {
    return usage;
  }
  usage.all = false;
  for (cost::Tenure& one : usage.tenures) {
    if (one.tenant != viewer.name) {
      one.others = true;
      one.lease = 0;
      one.uid = 0;
      one.tenant.clear();
      one.job.clear();
      one.energy_mj.reset();
    }
  }
  return usage;
}

std::vector<store::LayoutSeen> layouts_of(const MachineSample& sample) {
  std::vector<store::LayoutSeen> out;
  if (!sample.withdrawn.empty()) {
    return out;
  }
  for (const GpuSample& seen : sample.gpus) {
    Inventory one;
    Gpu& gpu = one.gpus.emplace_back();
    gpu.index = seen.index;
    gpu.uuid = seen.uuid;
    gpu.mig_current = seen.mig_current;
    gpu.mig_pending = seen.mig_pending;
    for (const GpuInstanceSample& from : seen.instances) {
      GpuInstance& instance = gpu.instances.emplace_back();
      instance.id = from.id;
      instance.name = ProfileName::parse(from.profile).value_or(ProfileName{});
      instance.placement = from.placement;
      instance.sm = from.sm;
      for (const ComputeInstanceSample& part : from.compute_instances) {
        ComputeInstance& compute = instance.compute_instances.emplace_back();
        compute.id = part.id;
        compute.name = ProfileName::parse(part.profile).value_or(ProfileName{});
      }
    }
    store::LayoutSeen row;
    row.gpu_uuid = seen.uuid;
    row.board = seen.name;
    row.layout = apply::save_layout(one, {seen.uuid});
    row.first_ms = sample.time_ms;
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace mig::service

// SPDX-License-Identifier: Apache-2.0
#include "service/rightsize_history.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "advise/rightsize.h"
#include "base/fd.h"
#include "service/rightsize.h"
#include "store/places.h"
#include "store/watch.h"

namespace mig::service {
namespace {

using rightsize::PastUse;
using rightsize::Size;

constexpr double kMillionths = 1e6;
constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kMsPerSecond = 1000;
constexpr std::uint64_t kMib = 1U << 20U;
constexpr std::int64_t kMostRows = 500'000;
constexpr double kIdle = 0.02;
// A job that is that little active on its instance has a smaller one worth a measurement.
constexpr double kLittle = 0.5;
constexpr std::uint64_t kLeastMinutes = 5;

struct Sums {
  PastUse use;
  double sm = 0, dram = 0;
  std::uint64_t sm_minutes = 0, dram_minutes = 0;
  const Gpu* gpu = nullptr;
};

void add(Sums& sums, const SampleRow& row) {
  PastUse& use = sums.use;
  const std::int64_t from = row.begin_s * kMsPerSecond;
  use.from_ms = use.minutes == 0 ? from : std::min(use.from_ms, from);
  use.until_ms = std::max(use.until_ms, from + row.period_s * kMsPerSecond);
  ++use.minutes;
  if (row.sm) {
    sums.sm += static_cast<double>(*row.sm) / kMillionths;
    ++sums.sm_minutes;
    const double most = static_cast<double>(row.sm_max.value_or(*row.sm)) / kMillionths;
    use.sm_most = std::max(use.sm_most.value_or(0), most);
  }
  if (row.dram) {
    sums.dram += static_cast<double>(*row.dram) / kMillionths;
    ++sums.dram_minutes;
  }
  if (const auto bytes = row.memory_max_bytes ? row.memory_max_bytes : row.memory_bytes) {
    const std::uint64_t mib = (static_cast<std::uint64_t>(*bytes) + kMib - 1) / kMib;
    use.peak_memory_mib = std::max(use.peak_memory_mib.value_or(0), mib);
  }
}

void judge(Sums& sums, double memory_margin) {
  PastUse& use = sums.use;
  if (sums.sm_minutes > 0) {
    use.sm_mean = sums.sm / static_cast<double>(sums.sm_minutes);
  }
  if (sums.dram_minutes > 0) {
    use.dram_mean = sums.dram / static_cast<double>(sums.dram_minutes);
  }
  const std::vector<Size> sizes = sums.gpu == nullptr ? std::vector<Size>()
                                                      : rightsize::sizes_of(*sums.gpu);
  const auto own = std::find_if(
      sizes.begin(), sizes.end(), [&](const Size& size) { return size.profile == use.profile; });
  const auto least = std::find_if(sizes.begin(), sizes.end(), [&](const Size& size) {
    return use.peak_memory_mib && advise::holds(size, *use.peak_memory_mib, memory_margin);
  });
  use.smallest = least == sizes.end() ? "" : least->profile;
  use.verdict = "unknown";
  if (use.minutes < kLeastMinutes) {
    use.why = fmt::format("only {} minutes are recorded", use.minutes);
  } else if (!use.peak_memory_mib || use.smallest.empty() || own == sizes.end()) {
    use.why = "its memory or its profile is not recorded";
  } else if (use.sm_most && *use.sm_most < kIdle) {
    use.verdict = "idle";
    use.why = "it never used 2 % of its multiprocessors";
  } else if (least >= own) {
    use.verdict = "right";
    use.why = "no smaller profile holds its memory";
  } else if (!use.sm_mean) {
    use.why = fmt::format("{} holds its memory; its activity is not recorded", use.smallest);
  } else if (*use.sm_mean < kLittle) {
    use.verdict = "measure";
    use.why = fmt::format(
        "{} holds its memory, and {:.0f} % of its multiprocessors work in the mean: what a smaller "
        "profile costs in speed is told by migctl rightsize -- CMD",
        use.smallest,
        100 * *use.sm_mean);
  } else {
    use.verdict = "right";
    use.why = fmt::format("{:.0f} % of its multiprocessors work in the mean", 100 * *use.sm_mean);
  }
}

}  // namespace

std::vector<PastUse> past_uses(const Inventory& now,
                               const std::vector<SampleRow>& rows,
                               double memory_margin) {
  std::map<std::tuple<std::string, std::string, std::string, std::string>, Sums> all;
  for (const SampleRow& row : rows) {
    if (row.gpu_instance < 0 || row.tenant.empty()) {
      continue;  // the GPU as a whole, or nobody's
    }
    const Gpu* gpu = now.find_gpu(std::string_view(row.gpu_uuid));
    const std::string board = gpu == nullptr ? "" : gpu->name;
    Sums& sums = all[{row.tenant, row.job, row.profile, board}];
    sums.use.tenant = row.tenant;
    sums.use.job = row.job;
    sums.use.profile = row.profile;
    sums.use.board = board;
    sums.gpu = gpu;
    add(sums, row);
  }
  std::vector<PastUse> uses;
  for (auto& [key, sums] : all) {
    judge(sums, memory_margin);
    uses.push_back(std::move(sums.use));
  }
  std::stable_sort(uses.begin(), uses.end(), [](const PastUse& a, const PastUse& b) {
    return a.minutes > b.minutes;
  });
  return uses;
}

Result<rightsize::HistoryReport> rightsize_history(node::Node& node,
                                                   std::int64_t from_ms,
                                                   std::int64_t until_ms) {
  const std::string path = store::beside_journal(node.places().journal(), "watch");
  if (::access(path.c_str(), F_OK) != 0) {
    return fail(ErrorCode::kNotFound,
                "no sampler has recorded anything here",
                "migctl serve records what instances do");
  }
  if (::access(path.c_str(), R_OK | W_OK) != 0) {
    return base::errno_error("read the sampler's records in", path, errno);
  }
  MIG_ASSIGN_OR_RETURN(const Inventory now, node.inventory());
  MIG_ASSIGN_OR_RETURN(store::WatchStore watch, store::WatchStore::open(path));
  store::HistoryQuery query;
  query.period_s = kMinute;
  query.from_s = from_ms / kMsPerSecond;
  query.until_s = (until_ms + kMsPerSecond - 1) / kMsPerSecond;
  query.limit = kMostRows;
  MIG_ASSIGN_OR_RETURN(const std::vector<SampleRow> rows, watch.history(query));
  rightsize::HistoryReport report;
  report.from_ms = from_ms;
  report.until_ms = until_ms;
  report.memory_margin = kRightsizeMemoryMargin;
  report.uses = past_uses(now, rows, report.memory_margin);
  if (static_cast<std::int64_t>(rows.size()) == kMostRows) {
    report.notes.push_back(
        fmt::format("only the oldest {} minutes of instances are looked at", kMostRows));
  }
  return report;
}

}  // namespace mig::service

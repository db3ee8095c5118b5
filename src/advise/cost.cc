// SPDX-License-Identifier: Apache-2.0
#include "advise/cost.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "advise/shares.h"
#include "base/strings.h"

namespace mig::advise {
namespace {

using cost::By;
using cost::Charge;
using cost::CostReport;
using cost::GpuCost;
using cost::Line;
using cost::LineKey;
using cost::Micros;
using cost::Part;
using cost::Policy;
using cost::Price;
using cost::PriceTable;
using cost::Tenure;
using cost::Usage;
using cost::UsedGpu;

constexpr std::int64_t kMsPerHour = 3'600'000;

// "NVIDIA A100-SXM4-40GB" -> nvidia, a100, sxm4, 40gb
std::set<std::string> words_of(const std::string& name) {
  std::set<std::string> out;
  std::string word;
  for (const char c : base::lower(name) + " ") {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      word += c;
    } else if (!word.empty()) {
      out.insert(std::exchange(word, {}));
    }
  }
  return out;
}

// Of the holder and what it had; one for each part that the price is split into.
struct Key {
  bool nobody = true, others = false;
  std::string tenant;
  std::uint32_t uid = 0;
  std::string job, profile;
  Part part = Part::kAllocated;

  friend auto operator<=>(const Key&, const Key&) = default;
};

Key key_of(const Share& share) {
  Key key;
  key.part = share.part;
  if (share.tenure != nullptr) {
    const Tenure& one = *share.tenure;
    key.nobody = false;
    key.others = one.others;
    key.tenant = one.tenant;
    key.uid = one.uid;
    key.job = one.job;
    key.profile = one.profile;
  }
  return key;
}

// Shares of kWhole x milliseconds.
struct Sum {
  Wide all = 0, known = 0, of_free = 0;
};

using Sums = std::map<Key, Sum>;

// What begins or ends at a time.
struct Change {
  enum class Of { kLayout, kTenure, kActivity, kRecording };

  std::int64_t at_ms = 0;
  bool begins = false;
  Of of = Of::kLayout;
  const void* what = nullptr;
};

// Walks through the period of one GPU, from change to change.
class Walk {
 public:
  Walk(const Usage& usage, const UsedGpu& gpu) : usage_(usage), gpu_(gpu) {
    moment_.gpu = &gpu;
    moment_.recorded = false;
    add(usage.recorded_from_ms, gpu.until_ms, Change::Of::kRecording, nullptr);
    for (const cost::LayoutSpan& span : gpu.layouts) {
      add(span.from_ms, span.until_ms, Change::Of::kLayout, &span);
    }
    for (const Tenure& one : usage.tenures) {
      if (one.gpu_uuid == gpu.uuid) {
        add(one.from_ms, one.until_ms, Change::Of::kTenure, &one);
      }
    }
    for (const cost::ActivitySpan& span : gpu.activity) {
      add(span.from_ms, span.until_ms, Change::Of::kActivity, &span);
    }
    std::stable_sort(changes_.begin(), changes_.end(), [](const Change& a, const Change& b) {
      return std::pair(a.at_ms, a.begins) < std::pair(b.at_ms, b.begins);
    });
  }

  Sums sums(Policy policy) {
    std::int64_t at = gpu_.from_ms;
    for (const Change& change : changes_) {
      count(policy, change.at_ms - at);
      at = std::max(at, change.at_ms);
      apply(change);
    }
    count(policy, gpu_.until_ms - at);
    return std::move(sums_);
  }

 private:
  void add(std::int64_t from, std::int64_t until, Change::Of of, const void* what) {
    from = std::max(from, gpu_.from_ms);
    until = std::min(until, gpu_.until_ms);
    if (from < until) {
      changes_.push_back({from, true, of, what});
      changes_.push_back({until, false, of, what});
    }
  }

  static auto order(const Tenure* one) {
    return std::tie(one->gpu_instance,
                    one->compute_instance,
                    one->tenant,
                    one->uid,
                    one->job,
                    one->lease,
                    one->from_ms);
  }

  void apply(const Change& change) {
    switch (change.of) {
      case Change::Of::kRecording:
        moment_.recorded = change.begins;
        return;
      case Change::Of::kLayout:
        moment_.layout =
            change.begins ? static_cast<const cost::LayoutSpan*>(change.what) : nullptr;
        return;
      case Change::Of::kActivity: {
        const auto& span = *static_cast<const cost::ActivitySpan*>(change.what);
        auto& set = span.idle ? moment_.idle : moment_.busy;
        change.begins ? static_cast<void>(set.insert(span.gpu_instance))
                      : static_cast<void>(set.erase(span.gpu_instance));
        return;
      }
      case Change::Of::kTenure:
        break;
    }
    const auto* const tenure = static_cast<const Tenure*>(change.what);
    auto& all = moment_.tenures;
    if (!change.begins) {
      std::erase(all, tenure);
      return;
    }
    all.insert(
        std::upper_bound(all.begin(),
                         all.end(),
                         tenure,
                         [](const Tenure* a, const Tenure* b) { return order(a) < order(b); }),
        tenure);
  }

  void count(Policy policy, std::int64_t span_ms) {
    if (span_ms <= 0) {
      return;
    }
    for (const Share& share : shares_at(moment_, policy)) {
      Sum& sum = sums_[key_of(share)];
      sum.all += Wide{share.share} * span_ms;
      sum.known += share.known ? Wide{share.share} * span_ms : 0;
      sum.of_free += Wide{share.of_free} * span_ms;
    }
  }

  const Usage& usage_;
  const UsedGpu& gpu_;
  std::vector<Change> changes_;
  Moment moment_;
  Sums sums_;
};

Micros price_until(Micros hour, std::int64_t at_ms) {
  return static_cast<Micros>(Wide{hour} * at_ms / kMsPerHour);
}

// A GPU's price, split.
struct Priced {
  const UsedGpu* gpu = nullptr;
  Price price;
  Micros total = 0;
  std::vector<Key> keys;  // with the next three, by index
  std::vector<Micros> money;
  std::vector<std::int64_t> gpu_ms;
  std::vector<Sum> sums;
};

Result<std::vector<Priced>> priced(const Usage& usage, const PriceTable& table, Policy policy) {
  std::vector<Priced> out;
  std::set<std::string> without;
  for (const UsedGpu& gpu : usage.gpus) {
    const Price* price = price_of(table, gpu.uuid, gpu.board);
    if (price == nullptr) {
      without.insert(gpu.board.empty() ? gpu.uuid : gpu.board);
      continue;
    }
    Priced one;
    one.gpu = &gpu;
    one.price = *price;
    one.total = price_until(price->hour, gpu.until_ms) - price_until(price->hour, gpu.from_ms);
    std::vector<Wide> weights;
    for (auto& [key, sum] : Walk(usage, gpu).sums(policy)) {
      one.keys.push_back(key);
      one.sums.push_back(sum);
      weights.push_back(sum.all);
    }
    one.money = largest_remainders(one.total, weights);
    one.gpu_ms = largest_remainders(gpu.until_ms - gpu.from_ms, weights);
    out.push_back(std::move(one));
  }
  if (!without.empty()) {
    return no_price({without.begin(), without.end()}, table);
  }
  return out;
}

LineKey line_of(const Key& key, const UsedGpu& gpu, By by) {
  LineKey line;
  if (by == By::kGpu) {
    line.gpu_uuid = gpu.uuid;
    return line;
  }
  line.nobody = key.nobody;
  line.others = key.others;
  if (key.nobody) {
    return line;
  }
  if (by == By::kProfile) {
    line.others = false;
    line.profile = key.profile;
    return line;
  }
  if (key.others) {
    return line;
  }
  if (by != By::kUser) {
    line.tenant = key.tenant;
  }
  if (by != By::kTenant) {
    line.uid = key.uid;
  }
  if (by == By::kJob) {
    line.job = key.job;
  }
  return line;
}

void add(cost::Split& split, Part part, Micros money, std::int64_t gpu_ms) {
  split.money[static_cast<std::size_t>(part)] += money;
  split.gpu_ms[static_cast<std::size_t>(part)] += gpu_ms;
}

void add_energy(std::optional<std::uint64_t>& sum, const std::optional<std::uint64_t>& more) {
  if (more) {
    sum = sum.value_or(0) + *more;
  }
}

class Reporter {
 public:
  Reporter(const Usage& usage, CostReport& report) : usage_(usage), report_(report) {}

  void add_gpu(const Priced& priced) {
    GpuCost gpu;
    gpu.uuid = priced.gpu->uuid;
    gpu.board = priced.gpu->board;
    gpu.index = priced.gpu->index;
    gpu.price = priced.price;
    gpu.total = priced.total;
    gpu.energy_mj = priced.gpu->energy_mj;
    for (std::size_t i = 0; i < priced.keys.size(); ++i) {
      const Key& key = priced.keys[i];
      const Micros money = priced.money[i];
      const std::int64_t ms = priced.gpu_ms[i];
      add(gpu.split, key.part, money, ms);
      add(report_.sum, key.part, money, ms);
      add(line(line_of(key, *priced.gpu, report_.by)).split, key.part, money, ms);
      if (const Sum& sum = priced.sums[i]; sum.of_free > 0) {
        report_.spread += static_cast<Micros>(Wide{money} * sum.of_free / sum.all);
      }
      report_.leased_ms += key.nobody ? 0 : ms;
      report_.known_ms += static_cast<std::int64_t>(priced.sums[i].known / kWhole);
    }
    report_.total += gpu.total;
    add_energy(report_.energy_mj, gpu.energy_mj);
    by_uuid_[gpu.uuid] = priced.gpu;
    report_.gpus.push_back(std::move(gpu));
  }

  void finish() {
    std::map<LineKey, std::set<std::int64_t>> leases;
    for (const Tenure& one : usage_.tenures) {
      const auto gpu = by_uuid_.find(one.gpu_uuid);
      if (gpu == by_uuid_.end() || one.until_ms <= one.from_ms) {
        continue;
      }
      Key key = key_of({&one, Part::kAllocated});
      const LineKey name = line_of(key, *gpu->second, report_.by);
      leases[name].insert(one.lease);
      add_energy(line(name).energy_mj, one.energy_mj);
      add_energy(report_.leased_energy_mj, one.energy_mj);
    }
    for (auto& [key, line] : lines_) {
      line.leases = leases[key].size();
      report_.lines.push_back(line);
    }
    std::stable_sort(report_.lines.begin(), report_.lines.end(), [](const Line& a, const Line& b) {
      return std::pair(a.key.nobody, a.key.others) < std::pair(b.key.nobody, b.key.others);
    });
  }

 private:
  Line& line(const LineKey& key) {
    Line& one = lines_[key];
    one.key = key;
    return one;
  }

  const Usage& usage_;
  CostReport& report_;
  std::map<LineKey, Line> lines_;
  std::map<std::string, const UsedGpu*> by_uuid_;
};

}  // namespace

tl::unexpected<Error> no_price(const std::vector<std::string>& boards, const PriceTable& table) {
  return fail(ErrorCode::kNotFound,
              fmt::format("no price for {} in {}",
                          base::join(boards, ", "),
                          table.file.empty() ? "the shipped table" : table.file),
              "write it into /etc/migctl/prices.yaml or a file for --prices: `migctl cost prices` "
              "shows what there is");
}

bool names_board(const Price& price, const std::string& board) {
  const std::set<std::string> have = words_of(board);
  const std::set<std::string> words = words_of(price.gpu);
  return !words.empty() && std::includes(have.begin(), have.end(), words.begin(), words.end());
}

const Price* price_of(const PriceTable& table, const std::string& uuid, const std::string& board) {
  const Price* best = nullptr;
  std::size_t most = 0;
  for (const Price& price : table.prices) {
    if (!price.uuid.empty()) {
      if (price.uuid == uuid) {
        return &price;
      }
      continue;
    }
    if (!names_board(price, board)) {
      continue;
    }
    const std::size_t words = words_of(price.gpu).size();
    if (best == nullptr || words > most || (words == most && price.hour < best->hour)) {
      best = &price;
      most = words;
    }
  }
  return best;
}

Result<CostReport> cost_report(const Usage& usage,
                               const PriceTable& table,
                               const CostOptions& options) {
  CostReport report;
  report.from_ms = usage.from_ms;
  report.until_ms = usage.until_ms;
  report.now_ms = usage.now_ms;
  report.recorded_from_ms = usage.recorded_from_ms;
  report.policy = options.policy;
  report.by = options.by;
  report.all = usage.all;
  report.prices = table;
  report.prices.prices.clear();
  report.currency = table.currency;
  report.warnings = usage.warnings;
  MIG_ASSIGN_OR_RETURN(const std::vector<Priced> all, priced(usage, table, options.policy));
  Reporter reporter(usage, report);
  for (const Priced& one : all) {
    reporter.add_gpu(one);
  }
  reporter.finish();
  return report;
}

Result<std::vector<Charge>> charges(const Usage& usage, const PriceTable& table, Policy policy) {
  MIG_ASSIGN_OR_RETURN(const std::vector<Priced> all, priced(usage, table, policy));
  std::vector<Charge> out;
  for (const Priced& one : all) {
    for (std::size_t i = 0; i < one.keys.size(); ++i) {
      const Key& key = one.keys[i];
      Charge charge;
      charge.gpu_uuid = one.gpu->uuid;
      charge.board = one.gpu->board;
      charge.profile = key.profile;
      charge.tenant = key.tenant;
      charge.job = key.job;
      charge.uid = key.nobody || key.others ? std::nullopt : std::optional(key.uid);
      charge.others = key.others;
      charge.part = key.part;
      charge.money = one.money[i];
      charge.list_hour = one.price.hour;
      charge.gpu_ms = one.gpu_ms[i];
      out.push_back(std::move(charge));
    }
  }
  return out;
}

}  // namespace mig::advise

// SPDX-License-Identifier: Apache-2.0
#include "advise/compare.h"

#include <algorithm>
#include <array>

#include "advise/cost.h"

namespace mig::advise {
namespace {

using cost::Comparison;
using cost::Micros;
using cost::Price;

constexpr std::array<std::uint32_t, 3> kPricePercents = {50, 100, 200};
constexpr std::uint64_t kMibPerBoardGb = 1'000'000'000;

// A board named "24GB" has 24 GiB, less what the driver keeps (an H200's 141 GB are 143'771 MiB, an
// A10's 24 GB 23'028): so many MiB are sure.
std::uint64_t sure_mib(std::uint64_t memory_gb) {
  return memory_gb * (kMibPerBoardGb >> 20U);
}

// The cheapest with so much memory; nullptr: none has. The board itself holds its own instances.
const Price* cheapest(const cost::PriceTable& table,
                      const std::vector<ComparedGpu>& gpus,
                      std::uint64_t memory_mib) {
  const Price* best = nullptr;
  for (const Price& price : table.prices) {
    const bool holds = (price.memory_gb && sure_mib(*price.memory_gb) >= memory_mib) ||
                       std::any_of(gpus.begin(), gpus.end(), [&](const ComparedGpu& gpu) {
                         return names_board(price, gpu.board);
                       });
    if (price.uuid.empty() && holds && (best == nullptr || price.hour < best->hour)) {
      best = &price;
    }
  }
  return best;
}

// Half up.
Micros percent_of(Micros money, std::uint64_t percent) {
  constexpr std::uint64_t kHundred = 100;
  return static_cast<Micros>((static_cast<std::uint64_t>(money) * percent + kHundred / 2) /
                             kHundred);
}

std::vector<std::uint32_t> utilizations(std::uint32_t around) {
  std::vector<std::uint32_t> out;
  for (const std::uint32_t percent : {around * 4 / 5, around, std::min(around * 6 / 5, 100U)}) {
    if (percent > 0 && (out.empty() || out.back() != percent)) {
      out.push_back(percent);
    }
  }
  return out;
}

void add_sensitivity(Comparison& out) {
  for (const std::uint32_t price : kPricePercents) {
    for (const std::uint32_t used : utilizations(out.utilization_percent)) {
      const Micros dedicated = percent_of(percent_of(out.dedicated_hour, price), used);
      out.sensitivity.push_back({price, used, dedicated, dedicated - out.mig_hour});
    }
  }
}

}  // namespace

Result<Comparison> compare(const ComparedLayout& layout,
                           const cost::PriceTable& table,
                           std::uint32_t utilization_percent) {
  if (layout.instances.empty()) {
    return fail(ErrorCode::kNothingMatched,
                "the layout has no instance to compare",
                "name a layout with instances: -f FILE -c NAME");
  }
  Comparison out;
  out.currency = table.currency;
  out.prices = table;
  out.prices.prices.clear();
  out.utilization_percent = utilization_percent;
  for (const ComparedGpu& gpu : layout.gpus) {
    const Price* price = price_of(table, gpu.uuid, gpu.board);
    if (price == nullptr) {
      return no_price({gpu.board}, table);
    }
    out.mig.push_back({gpu.board, *price});
    out.mig_hour += price->hour;
  }
  for (const Wanted& wanted : layout.instances) {
    cost::Dedicated one{wanted.profile, wanted.memory_mib, std::nullopt};
    if (const Price* found = cheapest(table, layout.gpus, wanted.memory_mib)) {
      one.price = *found;
      out.dedicated_hour += found->hour;
    } else {
      ++out.without;
    }
    out.dedicated.push_back(std::move(one));
  }
  if (out.without == 0 && out.dedicated_hour > 0) {
    constexpr std::uint64_t kThousand = 1000;
    const auto mig = static_cast<std::uint64_t>(out.mig_hour);
    const auto all = static_cast<std::uint64_t>(out.dedicated_hour);
    out.break_even_permille = (mig * kThousand + all - 1) / all;
    // On the mean of the layout's workloads, for one GPU.
    const std::uint64_t count = out.dedicated.size();
    const std::uint64_t all_gpus = all * layout.gpus.size();
    out.break_even_workloads = static_cast<std::uint32_t>((mig * count + all_gpus - 1) / all_gpus);
    add_sensitivity(out);
  }
  return out;
}

}  // namespace mig::advise

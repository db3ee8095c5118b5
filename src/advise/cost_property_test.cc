// SPDX-License-Identifier: Apache-2.0
// What holds for every history: the parts add up to the price to the micro-unit for every policy,
// whatever the order of records, and however a period is divided.
#include <algorithm>
#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "advise/cost.h"
#include "advise/test_costs.h"

namespace mig::advise {
namespace {

using cost::Amount;
using cost::By;
using cost::CostReport;
using cost::kPolicies;
using cost::Micros;
using cost::Policy;
using cost::PriceTable;
using cost::Tenure;
using cost::Usage;

constexpr std::int64_t kAnHour = 3'600'000;
constexpr std::int64_t kBegin = 1'790'812'800'000;

class RandomHistory {
 public:
  explicit RandomHistory(std::uint32_t seed) : random_(seed) {}

  Usage usage() {
    Usage out;
    out.from_ms = kBegin + number(0, 5 * kAnHour);
    out.until_ms = out.now_ms = out.from_ms + number(1, 40 * kAnHour);
    out.recorded_from_ms = number(0, 3) == 0 ? out.from_ms + number(0, 20 * kAnHour) : 0;
    const auto gpus = number(1, 3);
    for (std::int64_t i = 0; i < gpus; ++i) {
      out.gpus.push_back(gpu(out, i));
    }
    const auto leases = number(0, 25);
    for (std::int64_t i = 0; i < leases; ++i) {
      out.tenures.push_back(tenure(out, i));
    }
    return out;
  }

  Micros price() { return number(0, 20'000'000); }

  std::int64_t number(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random_);
  }

  std::mt19937& random() { return random_; }

 private:
  std::int64_t time(const Usage& usage) { return number(usage.from_ms, usage.until_ms); }

  cost::UsedGpu gpu(const Usage& usage, std::int64_t index) {
    cost::UsedGpu out;
    out.uuid = "GPU-" + std::to_string(index);
    out.board = "NVIDIA H200";
    out.index = static_cast<std::uint32_t>(index);
    out.whole = number(0, 9) == 0 ? Amount{} : Amount{7, 8, 132};
    out.from_ms = number(0, 3) == 0 ? time(usage) : usage.from_ms;
    out.until_ms = std::max(out.from_ms, number(0, 3) == 0 ? time(usage) : usage.until_ms);
    std::int64_t at = out.from_ms;
    while (at < out.until_ms) {
      cost::LayoutSpan span;
      span.from_ms = at + (number(0, 2) == 0 ? number(0, 2 * kAnHour) : 0);
      span.until_ms = span.from_ms + number(1, 10 * kAnHour);
      at = span.until_ms;
      span.mig = number(0, 4) != 0;
      const auto instances = span.mig ? number(0, 7) : 0;
      for (std::int64_t i = 0; i < instances; ++i) {
        span.instances.push_back({static_cast<std::uint32_t>(i), "p", amount()});
      }
      span.room = {amount(), static_cast<std::uint64_t>(number(0, 56))};
      out.layouts.push_back(span);
    }
    for (std::uint32_t instance = 0; instance < 7; ++instance) {
      for (std::int64_t t = out.from_ms; t < out.until_ms;) {
        const std::int64_t end = t + number(1, 8 * kAnHour);
        if (number(0, 2) > 0) {
          out.activity.push_back({t, end, instance, number(0, 1) == 0});
        }
        t = end;
      }
    }
    return out;
  }

  Amount amount() {
    const auto n = [&](std::int64_t most) { return static_cast<std::uint32_t>(number(0, most)); };
    return {n(4), n(4), n(60)};
  }

  Tenure tenure(const Usage& usage, std::int64_t id) {
    Tenure out;
    out.lease = id;
    out.gpu_uuid = "GPU-" + std::to_string(number(0, 2));
    out.gpu_instance =
        number(0, 9) == 0 ? Tenure::kWholeGpu : static_cast<std::uint32_t>(number(0, 7));
    out.compute_instance = static_cast<std::uint32_t>(number(0, 2));
    out.profile = "p" + std::to_string(number(0, 3));
    out.amount = amount();
    out.parts = static_cast<std::uint32_t>(number(1, 7));
    out.part = static_cast<std::uint32_t>(number(1, out.parts));
    out.shared = static_cast<std::uint32_t>(number(1, 4));
    out.tenant = std::string(1, static_cast<char>('a' + number(0, 3)));
    out.uid = static_cast<std::uint32_t>(number(0, 2));
    out.job = number(0, 1) == 0 ? "" : "train";
    out.from_ms = time(usage);
    out.until_ms = number(0, 9) == 0 ? usage.until_ms : number(out.from_ms, usage.until_ms);
    return out;
  }

  std::mt19937 random_;
};

constexpr std::uint32_t kHistories = 100;

TEST(CostProperty, ThePartsAddUpToThePriceToTheMicroUnit) {
  for (std::uint32_t seed = 0; seed < kHistories; ++seed) {
    RandomHistory random(seed);
    const Usage usage = random.usage();
    const PriceTable prices = table(random.price());
    for (const Policy policy : kPolicies) {
      for (const By by : {By::kTenant, By::kUser, By::kJob, By::kGpu, By::kProfile}) {
        const CostReport report = report_of(usage, prices, policy, by);
        expect_conserved(
            report,
            "seed " + std::to_string(seed) + " " + cost::name_of(policy) + " " + cost::name_of(by));
        std::int64_t time = 0;
        for (const cost::UsedGpu& gpu : usage.gpus) {
          time += gpu.until_ms - gpu.from_ms;
        }
        EXPECT_EQ(report.sum.total_ms(), time) << seed;
      }
      Micros pieces = 0;
      const auto all = charges(usage, prices, policy);
      ASSERT_TRUE(all);
      for (const cost::Charge& charge : *all) {
        pieces += charge.money;
      }
      EXPECT_EQ(pieces, report_of(usage, prices, policy).total) << seed;
    }
  }
}

TEST(CostProperty, TheOrderOfRecordsDoesNotMatter) {
  for (std::uint32_t seed = 0; seed < kHistories; ++seed) {
    RandomHistory random(seed);
    Usage usage = random.usage();
    const PriceTable prices = table(random.price());
    for (const Policy policy : kPolicies) {
      const CostReport before = report_of(usage, prices, policy, By::kJob);
      std::shuffle(usage.tenures.begin(), usage.tenures.end(), random.random());
      std::shuffle(usage.gpus.begin(), usage.gpus.end(), random.random());
      const CostReport after = report_of(usage, prices, policy, By::kJob);
      ASSERT_EQ(before.lines.size(), after.lines.size()) << seed;
      for (std::size_t i = 0; i < before.lines.size(); ++i) {
        EXPECT_EQ(before.lines[i].key, after.lines[i].key) << seed;
        EXPECT_EQ(before.lines[i].split.money, after.lines[i].split.money) << seed;
      }
    }
  }
}

Usage part_of(const Usage& usage, std::int64_t from, std::int64_t until) {
  Usage out = usage;
  out.from_ms = from;
  out.until_ms = until;
  for (cost::UsedGpu& gpu : out.gpus) {
    gpu.from_ms = std::clamp(gpu.from_ms, from, until);
    gpu.until_ms = std::clamp(gpu.until_ms, from, until);
  }
  for (Tenure& one : out.tenures) {
    one.from_ms = std::clamp(one.from_ms, from, until);
    one.until_ms = std::clamp(one.until_ms, from, until);
  }
  return out;
}

// The price exactly; each line to one micro-unit for each GPU and part of the period.
TEST(CostProperty, ADividedPeriodCostsTheSame) {
  for (std::uint32_t seed = 0; seed < kHistories; ++seed) {
    RandomHistory random(seed);
    const Usage usage = random.usage();
    const PriceTable prices = table(random.price());
    const std::int64_t cut = random.number(usage.from_ms, usage.until_ms);
    for (const Policy policy : kPolicies) {
      const CostReport whole = report_of(usage, prices, policy);
      std::map<cost::LineKey, Micros> sums;
      Micros total = 0;
      for (const Usage& part :
           {part_of(usage, usage.from_ms, cut), part_of(usage, cut, usage.until_ms)}) {
        const CostReport report = report_of(part, prices, policy);
        expect_conserved(report, "seed " + std::to_string(seed));
        total += report.total;
        for (const cost::Line& line : report.lines) {
          sums[line.key] += line.split.total();
        }
      }
      EXPECT_EQ(total, whole.total) << seed;
      for (const cost::Line& line : whole.lines) {
        // Keys of a GPU: up to four profiles, two jobs, three users, five parts of each tenant.
        EXPECT_NEAR(static_cast<double>(sums[line.key]),
                    static_cast<double>(line.split.total()),
                    3.0 * 2 * 4 * 2 * 3 * 2)
            << seed;
      }
    }
  }
}

}  // namespace
}  // namespace mig::advise

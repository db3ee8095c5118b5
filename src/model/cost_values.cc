// SPDX-License-Identifier: Apache-2.0
#include "model/cost_values.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

namespace mig::cost {
namespace {

constexpr Micros kMicrosPerCent = kMicrosPerUnit / 100;
constexpr int kDecimals = 6;
constexpr Micros kMostUnits = 1'000'000'000;

}  // namespace

const char* name_of(Policy policy) {
  switch (policy) {
    case Policy::kCompute:
      return "compute";
    case Policy::kMemory:
      return "memory";
    case Policy::kSm:
      return "sm";
    case Policy::kDominant:
      return "dominant";
    case Policy::kFullCost:
      break;
  }
  return "full-cost";
}

const char* meaning_of(Policy policy) {
  switch (policy) {
    case Policy::kCompute:
      return "by compute slices of the GPU's";
    case Policy::kMemory:
      return "by memory slices of the GPU's";
    case Policy::kSm:
      return "by multiprocessors of those that MIG can give";
    case Policy::kDominant:
      return "by the larger of compute and memory share";
    case Policy::kFullCost:
      break;
  }
  return "as dominant, and who has leases pays for what is free and stranded too";
}

std::optional<Policy> parse_policy(const std::string& text) {
  const auto* const found = std::find_if(
      kPolicies.begin(), kPolicies.end(), [&](Policy one) { return text == name_of(one); });
  return found == kPolicies.end() ? std::nullopt : std::optional(*found);
}

const char* name_of(Part part) {
  switch (part) {
    case Part::kAllocated:
      return "allocated";
    case Part::kIdle:
      return "idle";
    case Part::kUnallocated:
      return "unallocated";
    case Part::kStranded:
      return "stranded";
    case Part::kNotRecorded:
      break;
  }
  return "not recorded";
}

const char* name_of(By by) {
  switch (by) {
    case By::kTenant:
      return "tenant";
    case By::kUser:
      return "user";
    case By::kJob:
      return "job";
    case By::kGpu:
      return "gpu";
    case By::kProfile:
      break;
  }
  return "profile";
}

std::optional<By> parse_by(const std::string& text) {
  for (const By by : {By::kTenant, By::kUser, By::kJob, By::kGpu, By::kProfile}) {
    if (text == name_of(by)) {
      return by;
    }
  }
  return std::nullopt;
}

Micros Split::total() const {
  return std::accumulate(money.begin(), money.end(), Micros{0});
}

std::int64_t Split::total_ms() const {
  return std::accumulate(gpu_ms.begin(), gpu_ms.end(), std::int64_t{0});
}

std::string money_text(Micros money, int decimals) {
  const auto size = static_cast<std::uint64_t>(money < 0 ? -money : money);
  constexpr auto kUnit = static_cast<std::uint64_t>(kMicrosPerUnit);
  std::string fraction = fmt::format("{:06}", size % kUnit);
  while (static_cast<int>(fraction.size()) > decimals && fraction.back() == '0') {
    fraction.pop_back();
  }
  return fmt::format(
      "{}{}{}{}", money < 0 ? "-" : "", size / kUnit, fraction.empty() ? "" : ".", fraction);
}

std::optional<Micros> parse_money(const std::string& text) {
  Micros units = 0;
  Micros fraction = 0;
  int decimals = -1;  // after the point
  if (text.empty() || text.front() == '.' || text.back() == '.') {
    return std::nullopt;
  }
  for (const char c : text) {
    if (c == '.' && decimals < 0) {
      decimals = 0;
    } else if (c < '0' || c > '9' || decimals == kDecimals) {
      return std::nullopt;
    } else if (decimals >= 0) {
      fraction = 10 * fraction + (c - '0');
      ++decimals;
    } else {
      units = 10 * units + (c - '0');
      if (units > kMostUnits) {
        return std::nullopt;
      }
    }
  }
  for (int i = std::max(decimals, 0); i < kDecimals; ++i) {
    fraction *= 10;
  }
  return units * kMicrosPerUnit + fraction;
}

std::vector<Micros> to_cents(const std::vector<Micros>& parts) {
  const auto down = [](Micros money) {
    const Micros rest = money % kMicrosPerCent;
    return money - rest - (rest < 0 ? kMicrosPerCent : 0);
  };
  std::vector<Micros> out;
  Micros sum = 0;
  Micros given = 0;
  for (const Micros part : parts) {
    out.push_back(down(part));
    sum += part;
    given += out.back();
  }
  const Micros wanted = down(sum + kMicrosPerCent / 2);
  std::vector<std::size_t> order(parts.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return parts[a] - out[a] > parts[b] - out[b];
  });
  for (std::size_t i = 0; i < order.size() && given < wanted; ++i) {
    out[order[i]] += kMicrosPerCent;
    given += kMicrosPerCent;
  }
  return out;
}

}  // namespace mig::cost

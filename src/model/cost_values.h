// SPDX-License-Identifier: Apache-2.0
// Prices and costs as values. Money is whole micro-units of one currency (3.5 EUR = 3'500'000) in
// 64 bits, never a floating-point number, so that sums are exact. Plain values.
#ifndef MIGCTL_MODEL_COST_VALUES_H_
#define MIGCTL_MODEL_COST_VALUES_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/usage.h"

namespace mig::cost {

using Micros = std::int64_t;

inline constexpr Micros kMicrosPerUnit = 1'000'000;

// How a GPU's price is split among its instances.
enum class Policy {
  kCompute,   // compute slices of the board's: 1g is 1/7
  kMemory,    // memory slices of the board's: 1g is 1/8
  kSm,        // multiprocessors of those that MIG can give
  kDominant,  // the larger one of compute and memory share
  kFullCost,  // dominant, and who has leases pays for what is free and stranded as well
};

inline constexpr std::array kPolicies = {
    Policy::kCompute, Policy::kMemory, Policy::kSm, Policy::kDominant, Policy::kFullCost};

const char* name_of(Policy policy);     // "full-cost"
const char* meaning_of(Policy policy);  // one line
std::optional<Policy> parse_policy(const std::string& text);

// What became of a part of the price. These add up to it.
enum class Part {
  kAllocated,    // leased, and in use or not known to be idle
  kIdle,         // leased, and idle by the sampler
  kUnallocated,  // free, and some layout could use it
  kStranded,     // free, and no layout could use it beside what is there
  kNotRecorded,  // it is not recorded what it was
};

inline constexpr std::array kParts = {
    Part::kAllocated, Part::kIdle, Part::kUnallocated, Part::kStranded, Part::kNotRecorded};

const char* name_of(Part part);  // "not recorded"

struct Price {
  std::string gpu;                         // words of the board's name; "" = by uuid
  std::string uuid;                        // this GPU only
  Micros hour = 0;                         // of one GPU
  std::optional<std::uint64_t> memory_gb;  // 10^9 bytes, as boards are named; for comparisons
  std::string provider, source, date;      // "" = not said
  std::uint32_t line = 0;
};

struct PriceTable {
  std::string file;  // "" = the shipped one
  std::string date;  // of the shipped one
  std::string currency;
  std::optional<Micros> electricity;  // of a kilowatt-hour
  std::vector<Price> prices;
};

// A sum of money with the time behind it, by what became of it.
struct Split {
  std::array<Micros, kParts.size()> money{};
  std::array<std::int64_t, kParts.size()> gpu_ms{};  // milliseconds of a whole GPU

  Micros at(Part part) const { return money[static_cast<std::size_t>(part)]; }

  Micros total() const;

  Micros paid() const { return at(Part::kAllocated) + at(Part::kIdle); }

  std::int64_t total_ms() const;
};

// Who or what a line of the report is about; the fields that the report is not by are empty.
struct LineKey {
  bool nobody = false;  // not leased
  bool others = false;  // of tenants that the reader may not see
  std::string tenant, job, profile, gpu_uuid;
  std::optional<std::uint32_t> uid;

  friend auto operator<=>(const LineKey&, const LineKey&) = default;
};

struct Line {
  LineKey key;
  Split split;
  std::uint64_t leases = 0;
  std::optional<std::uint64_t> energy_mj;  // nullopt: nothing was measured
};

// The price of a GPU in the period.
struct GpuCost {
  std::string uuid, board;
  std::optional<std::uint32_t> index;
  Price price;
  Micros total = 0;  // price x time on the machine, in the period
  Split split;       // adds up to it
  std::optional<std::uint64_t> energy_mj;
};

enum class By { kTenant, kUser, kJob, kGpu, kProfile };

const char* name_of(By by);
std::optional<By> parse_by(const std::string& text);

struct CostReport {
  std::int64_t from_ms = 0, until_ms = 0, now_ms = 0, recorded_from_ms = 0;
  Policy policy = Policy::kDominant;
  By by = By::kTenant;
  std::string currency;
  PriceTable prices;  // without its prices: those that were used are in `gpus`
  bool all = true;
  std::vector<GpuCost> gpus;
  std::vector<Line> lines;  // by key; what nobody had last
  Split sum;                // of all lines
  Micros total = 0;         // of all GPUs; the sum's total
  // With full-cost: what tenants pay of it although it was free or stranded.
  Micros spread = 0;
  std::int64_t leased_ms = 0, known_ms = 0;  // GPU time: leased, and of this with known activity
  std::optional<std::uint64_t> energy_mj, leased_energy_mj;
  std::vector<std::string> warnings;
};

// A piece of a report that is not summed up: for CSV and FOCUS.
struct Charge {
  std::string gpu_uuid, board, profile, tenant, job;
  std::optional<std::uint32_t> uid;
  bool others = false;
  Part part = Part::kAllocated;
  Micros money = 0, list_hour = 0;
  std::int64_t gpu_ms = 0;
};

// --- MIG against GPUs of one's own ---

// A workload that wants an instance, and the cheapest GPU that has its memory.
struct Dedicated {
  std::string profile;
  std::uint64_t memory_mib = 0;
  std::optional<Price> price;  // nullopt: no GPU of the table has so much
};

struct SensitivityCell {
  std::uint32_t price_percent = 100;        // of the dedicated GPUs' prices
  std::uint32_t utilization_percent = 100;  // share of time that they are rented
  Micros dedicated = 0;                     // an hour
  Micros saving = 0;                        // by MIG; negative: MIG costs more
};

struct Comparison {
  std::string currency;
  PriceTable prices;  // without its prices

  struct MigGpu {
    std::string board;
    Price price;
  };

  std::vector<MigGpu> mig;
  Micros mig_hour = 0;
  std::uint32_t utilization_percent = 100;
  std::vector<Dedicated> dedicated;
  Micros dedicated_hour = 0;  // all of them, all the time
  // Dedicated GPUs that are rented for a smaller share of the time are cheaper than MIG, in parts
  // of a thousand; above 1000: they always are.
  std::optional<std::uint64_t> break_even_permille;
  // Workloads on one GPU from which on MIG is the cheaper one, all the time.
  std::optional<std::uint32_t> break_even_workloads;
  std::vector<SensitivityCell> sensitivity;
  std::uint32_t without = 0;  // workloads that no GPU of the table can hold
};

// "3.50", "-0.000001": with at least `decimals` of the six decimals.
std::string money_text(Micros money, int decimals = 2);
// Reads "3.5"; nullopt: not plain decimal, more than six decimals, or above a thousand million.
std::optional<Micros> parse_money(const std::string& text);

// Rounds to hundredths so that the parts add up to the sum rounded: largest remainders.
std::vector<Micros> to_cents(const std::vector<Micros>& parts);

}  // namespace mig::cost

#endif  // MIGCTL_MODEL_COST_VALUES_H_

// SPDX-License-Identifier: Apache-2.0
// What a machine was like in a period, as far as it was recorded: GPUs with the layouts that were
// in force, leases, activity, energy. Without prices: advise/cost.h puts them on. Plain values.
//
// Times are Unix time in milliseconds, intervals half open: [from, until). What is not recorded is
// absent, and never filled in.
#ifndef MIGCTL_MODEL_USAGE_H_
#define MIGCTL_MODEL_USAGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mig::cost {

// An amount of a GPU, in each unit that a price can be split by.
struct Amount {
  std::uint32_t slices = 0;         // compute slices
  std::uint32_t memory_slices = 0;  // slots of the placement
  std::uint32_t sm = 0;

  friend bool operator==(const Amount&, const Amount&) = default;
};

// The most that instances could still take beside those of a layout, each unit for itself.
struct Room {
  Amount most;
  // Of the larger one of both shares, in parts of slices x memory slices of the GPU.
  std::uint64_t dominant = 0;

  friend bool operator==(const Room&, const Room&) = default;
};

struct UsedInstance {
  std::uint32_t gpu_instance = 0;
  std::string profile;
  Amount amount;

  friend bool operator==(const UsedInstance&, const UsedInstance&) = default;
};

struct LayoutSpan {
  std::int64_t from_ms = 0, until_ms = 0;
  bool mig = false;                     // off: the GPU is one whole
  std::vector<UsedInstance> instances;  // by id
  Room room;
};

// What an instance did, by the sampler; time between spans is unknown.
struct ActivitySpan {
  std::int64_t from_ms = 0, until_ms = 0;
  std::uint32_t gpu_instance = 0;
  bool idle = false;  // below 2 % of its SMs on the mean of each minute
};

struct UsedGpu {
  std::string uuid;
  std::optional<std::uint32_t> index;  // nullopt: it is not there now
  std::string board;                   // "NVIDIA H200"; "" = unknown
  Amount whole;                        // all zero: unknown, so that no layout can be judged
  // When it was on the machine, as far as known; within the period.
  std::int64_t from_ms = 0, until_ms = 0;
  std::vector<LayoutSpan> layouts;     // ascending, apart; gaps: not recorded
  std::vector<ActivitySpan> activity;  // ascending by instance and time, apart
  std::optional<std::uint64_t> energy_mj;
};

// The time that a lease had an instance. A lease that moved has several.
struct Tenure {
  static constexpr std::uint32_t kWholeGpu = UINT32_MAX;

  std::int64_t lease = 0;
  std::string gpu_uuid;
  std::uint32_t gpu_instance = 0;  // kWholeGpu: with MIG off
  std::uint32_t compute_instance = 0;
  std::string profile;                // of the compute instance: "1c.3g.20gb"
  Amount amount;                      // of its GPU instance
  std::uint32_t part = 1, parts = 1;  // compute slices: of it, and of its GPU instance
  std::uint32_t shared = 1;           // seats
  std::string tenant, job;
  std::uint32_t uid = 0;
  bool others = false;                     // of a tenant that the reader may not see: no names
  std::int64_t from_ms = 0, until_ms = 0;  // an open lease's: the end of the period
  bool open = false;                       // it had not ended by then
  std::optional<std::uint64_t> energy_mj;  // of its instance, in the period
};

struct Usage {
  std::int64_t from_ms = 0, until_ms = 0;  // as asked, but not after now_ms
  std::int64_t now_ms = 0;
  std::int64_t recorded_from_ms = 0;  // leases are recorded since then
  bool all = true;                    // false: leases of other tenants have no names
  std::vector<UsedGpu> gpus;          // by index, those that are gone last
  std::vector<Tenure> tenures;        // by id
  std::vector<std::string> warnings;
};

// Longest period of a report, and most leases in it.
inline constexpr std::int64_t kLongestPeriodMs = 400LL * 24 * 3600 * 1000;
inline constexpr std::size_t kMostTenures = 40'000;  // about 15 MiB as JSON

// The times from which each of them is put together.
struct Period {
  std::int64_t from_ms = 0, until_ms = 0;
};

}  // namespace mig::cost

#endif  // MIGCTL_MODEL_USAGE_H_

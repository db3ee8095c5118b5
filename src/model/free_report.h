// SPDX-License-Identifier: Apache-2.0
// What is free on a machine, and when more will be: for everybody who may look, without names of
// other tenants. Plain values.
#ifndef MIGCTL_MODEL_FREE_REPORT_H_
#define MIGCTL_MODEL_FREE_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mig/profile.h"

#include "model/instance.h"

namespace mig {

enum class Occupancy {
  kFree,
  kShared,  // leased, with room for others who share it
  kLeased,
  kEnding,  // its lease is over, and its processes are about to be
  kInUse,   // by a process without a lease
};

const char* name_of(Occupancy state);  // "free", "inUse"
std::optional<Occupancy> parse_occupancy(const std::string& text);

struct InstanceState {
  Instance instance;
  Occupancy state = Occupancy::kFree;
  bool yours = false;                      // a lease of the caller's tenant is among them
  std::uint32_t shared = 1, leases = 0;    // seats, and how many are taken
  std::optional<std::int64_t> ends_in_ms;  // until the first lease's limit; nullopt = unknown
  std::vector<std::string> holders;        // for operators, and of the caller's own leases
};

// How many instances of a profile fit into free slices now, on all GPUs together; each alone.
struct Makeable {
  ProfileName profile;
  std::uint32_t count = 0, sm = 0, slices = 0;
  std::uint64_t memory_mib = 0;
};

// A request in the queue, without its name.
struct WaitingRequest {
  Need need;
  std::uint32_t count = 1;
  bool yours = false;
  std::optional<std::int64_t> forecast_ms;  // expected wait from now
};

struct FreeReport {
  std::vector<InstanceState> instances;  // by GPU and instance
  std::vector<Makeable> makeable;        // every profile of the GPUs with MIG on, smallest first
  bool may_create = false;               // whether the caller may make them with --create
  std::uint64_t leases = 0, your_leases = 0;
  std::vector<WaitingRequest> waiting;
};

// An instance that misses the memory of a need by at most an eighth ("2g.10gb" has 9.62 GiB), so
// that a larger one is taken.
struct NearMiss {
  ProfileName profile;
  std::uint64_t memory_mib = 0;
  ProfileName taken;  // the smallest that serves
  std::uint64_t taken_memory_mib = 0;
};

// The largest of them; nullopt: there is none, or nothing serves. `create`: what could be made
// counts too.
std::optional<NearMiss> near_miss(const FreeReport& report, const Need& need, bool create);

}  // namespace mig

#endif  // MIGCTL_MODEL_FREE_REPORT_H_

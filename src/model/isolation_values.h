// SPDX-License-Identifier: Apache-2.0
// What an isolation test found, as values: samples of a victim alone and beside each neighbour, and
// the verdict on each. Shared by the rooms that run it (service/), judge it (advise/) and encode it
// (wire/). Plain values; a reading that was not had is nullopt.
#ifndef MIGCTL_MODEL_ISOLATION_VALUES_H_
#define MIGCTL_MODEL_ISOLATION_VALUES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mig/ids.h"

namespace mig::isolation {

enum class Sharing {
  kMig,               // two GPU instances of one GPU
  kComputeInstances,  // two compute instances of one GPU instance
  kTimeSlicing,       // two processes on one instance, or on one GPU without MIG
  kMps,               // the same, as clients of one MPS server
  kMpsLimits,         // the same, each with a limit of SMs and memory
};

// Where a process runs. `uuid` is what CUDA_VISIBLE_DEVICES takes.
struct Place {
  std::string uuid;
  std::string label;  // "2g.10gb on GPU 0 gi=3 ci=0", "GPU 0 (NVIDIA H200)"
  GpuIndex gpu;
  bool instance = false;  // a MIG instance, not a whole GPU
  std::string board;      // of its GPU, "NVIDIA H200"
};

// One run of the victim.
struct Sample {
  bool lived = false;
  double steps_per_second = 0, step_ms_p50 = 0, step_ms_p99 = 0;  // when it lived
  std::string error;                                              // what it died of
  // Of the neighbour: how often it ran, whether it did what it is named after, how it ended.
  std::uint32_t neighbour_runs = 0;
  bool neighbour_worked = false;
  std::vector<int> neighbour_exits;  // each once, ascending
  std::string neighbour_error;       // of the first that failed
  std::optional<bool> mps_member;    // the victim was a client of our server
};

// A value and its confidence interval; without one where there are too few samples.
struct Estimate {
  double value = 0;
  std::optional<double> low, high;
};

enum class Finding { kIsolated, kSlowed, kKilled, kUndecided };

struct Verdict {
  Finding finding = Finding::kUndecided;
  std::string why;                // of kUndecided and kKilled
  std::optional<Estimate> share;  // of the speed alone that is left
  std::optional<Estimate> p50_factor, p99_factor;
  bool long_tail = false;  // the p99 certainly grew by more than the criterion
};

struct Cell {
  std::string neighbour;  // "hog dram"
  std::vector<Sample> samples;
  Verdict verdict;
};

// A limit under MPS, asked for and read back.
struct MpsCaps {
  std::uint32_t sm_asked = 0, sm_total = 0;
  std::optional<std::uint32_t> sm_got;
  std::string percentage;  // the one that gave it, "50.00"
  std::uint64_t memory_asked_mib = 0, memory_total_mib = 0;
  std::optional<std::uint64_t> memory_free_mib;  // under the limit
  std::optional<bool> refused_beyond;            // an allocation larger than the limit
};

struct ModeReport {
  Sharing sharing = Sharing::kMig;
  std::string skipped;  // why it was not run; "" = it was
  Place victim, neighbour;
  std::optional<MpsCaps> caps;
  std::vector<Sample> alone;  // by round, as the cells' samples
  std::vector<Cell> cells;
};

// How "isolated" and the rest are told apart.
struct Criteria {
  double confidence = 0.95;
  double margin = 0.05;       // of speed that may be lost
  double tail_factor = 1.25;  // that the p99 may grow by
};

struct Report {
  std::uint32_t rounds = 0;  // asked for
  double seconds = 0;        // of each run of the victim
  std::string victim;        // "training, tf32, batch 128"
  std::string driver_version;
  std::uint64_t seed = 0;  // of the order
  bool stopped = false;    // before all rounds were done
  Criteria criteria;
  std::vector<ModeReport> modes;
};

const char* name_of(Sharing sharing);  // "mig", "compute-instances", "time-slicing" ...
const char* name_of(Finding finding);  // "isolated", "slowed", "killed", "undecided"
std::optional<Sharing> sharing_named(const std::string& name);
std::vector<std::string> sharing_names();

// What an out-of-memory neighbour does and does not show.
const char* out_of_memory_note();

}  // namespace mig::isolation

#endif  // MIGCTL_MODEL_ISOLATION_VALUES_H_

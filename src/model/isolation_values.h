// SPDX-License-Identifier: Apache-2.0
// Results of an isolation test as values: samples of a victim alone and beside each neighbour, and
// the verdict on each. Shared by the rooms that run the test (service/), judge it (advise/) and
// encode it (wire/). Plain values; a missing reading is nullopt.
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
  kMps,               // the same two, as clients of one MPS server
  kMpsLimits,         // the same two, each with a limit of SMs and memory
};

// A place: the instance or GPU that a process of the test runs on. `uuid` is a value of
// CUDA_VISIBLE_DEVICES.
struct Place {
  std::string uuid;
  std::string label;  // "2g.10gb on GPU 0 gi=3 ci=0", "GPU 0 (NVIDIA H200)"
  GpuIndex gpu;
  bool instance = false;  // a MIG instance, not a whole GPU
  std::string board;      // GPU name, "NVIDIA H200"
};

// One run of the victim.
struct Sample {
  bool lived = false;
  double steps_per_second = 0, step_ms_p50 = 0, step_ms_p99 = 0;  // valid if it lived
  std::string error;                                              // why the victim died
  // Of the neighbour: number of runs, whether it did its work, exit codes.
  std::uint32_t neighbour_runs = 0;
  bool neighbour_worked = false;
  std::vector<int> neighbour_exits;  // distinct exit codes, ascending
  std::string neighbour_error;       // of the first failed run
  std::optional<bool> mps_member;    // the victim was a client of the test's MPS server
};

// A value and its confidence interval; no interval with too few samples.
struct Estimate {
  double value = 0;
  std::optional<double> low, high;
};

enum class Finding { kIsolated, kSlowed, kKilled, kUndecided };

struct Verdict {
  Finding finding = Finding::kUndecided;
  std::string why;                // reason of kUndecided and kKilled
  std::optional<Estimate> share;  // speed relative to the victim alone
  std::optional<Estimate> p50_factor, p99_factor;
  bool long_tail = false;  // p99 certainly grew beyond the criterion
};

struct Cell {
  std::string neighbour;  // name: "hog dram"
  std::vector<Sample> samples;
  Verdict verdict;
  std::string not_run = {};  // why it was not run; "" = it was
};

// MPS limits, requested and effective.
struct MpsCaps {
  std::uint32_t sm_asked = 0, sm_total = 0;
  std::optional<std::uint32_t> sm_got;
  std::string percentage;  // value of CUDA_MPS_ACTIVE_THREAD_PERCENTAGE, "50.00"
  std::uint64_t memory_asked_mib = 0, memory_total_mib = 0;
  std::optional<std::uint64_t> memory_free_mib;  // free memory under the limit
  std::optional<bool> refused_beyond;            // an allocation beyond the limit was refused
};

struct ModeReport {
  Sharing sharing = Sharing::kMig;
  std::string skipped;  // why the mode was not run; "" = it was
  Place victim, neighbour;
  std::optional<MpsCaps> caps;
  std::vector<Sample> alone;  // indexed by round, as the cells' samples
  std::vector<Cell> cells;
};

// Thresholds of the verdicts.
struct Criteria {
  double confidence = 0.95;
  double margin = 0.05;       // tolerated loss of speed
  double tail_factor = 1.25;  // tolerated growth of the p99
};

struct Report {
  std::uint32_t rounds = 0;  // number requested
  double seconds = 0;        // duration of each run of the victim
  std::string victim;        // description: "training, tf32, batch 128"
  std::string driver_version;
  std::uint64_t seed = 0;  // seed of the random order
  bool stopped = false;    // stopped before all rounds were done
  Criteria criteria;
  std::vector<ModeReport> modes;
};

const char* name_of(Sharing sharing);  // "mig", "compute-instances", "time-slicing" ...
const char* name_of(Finding finding);  // "isolated", "slowed", "killed", "undecided"
std::optional<Sharing> sharing_named(const std::string& name);
std::vector<std::string> sharing_names();

// Text on what an out-of-memory neighbour proves.
const char* out_of_memory_note();

// Text on what "isolated" does not cover.
const char* not_covered_note();

}  // namespace mig::isolation

#endif  // MIGCTL_MODEL_ISOLATION_VALUES_H_

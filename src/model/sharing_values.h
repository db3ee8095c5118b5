// SPDX-License-Identifier: Apache-2.0
// Results of a comparison of ways to share a GPU, as values: the same jobs in each way, and the
// advice. Shared by the rooms that measure (service/), judge (advise/) and encode (wire/). Plain
// values; a missing reading is nullopt.
#ifndef MIGCTL_MODEL_SHARING_VALUES_H_
#define MIGCTL_MODEL_SHARING_VALUES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/isolation_values.h"

namespace mig::sharing {

enum class Way {
  kExclusive,    // one job after another, each with the whole place
  kTimeSlicing,  // all at once on one place
  kMps,          // all at once, clients of one MPS server
  kMpsLimits,    // the same, each with an equal part of the SMs and of the memory
  kMpsDmem,      // MPS v3 with the memory limits of cgroups (R615)
  kMig,          // each on an instance of its own, of one GPU
};

// One run of one job.
struct JobRun {
  bool lived = false;
  double per_second = 0;                           // while it ran; valid if it lived
  std::optional<double> step_ms_p50, step_ms_p99;  // where the program tells them
  std::optional<std::uint64_t> memory_bytes;       // device memory it held, where it tells
  std::string error;                               // why it died
  std::optional<bool> mps_member;                  // it was a client of this comparison's server
};

// All jobs once, in one way.
struct Round {
  std::vector<JobRun> jobs;
  std::optional<double> energy_joules;  // of the whole board, while the jobs worked
  double seconds = 0;  // in which the jobs worked; those of `exclusive` one after another
};

// What a way gives, over its rounds: geometric mean and interval. nullopt: no round told.
struct Figures {
  std::optional<isolation::Estimate> throughput;  // of all jobs, per second of the machine
  std::optional<isolation::Estimate> gain;        // throughput over that of `exclusive`, by round
  std::vector<std::optional<isolation::Estimate>>
      per_job;                                     // of each job, per second of the machine
  std::optional<isolation::Estimate> step_ms_p50;  // median of the jobs
  std::optional<isolation::Estimate> step_ms_p99;  // worst of the jobs
  std::optional<isolation::Estimate> jain;         // fairness of the speeds: 1 = equal
  std::optional<isolation::Estimate> least_share;  // slowest job's speed over the fastest's
  std::optional<isolation::Estimate> joules_per_unit;
  std::uint32_t died = 0;  // runs of jobs that died
};

struct WayReport {
  Way way = Way::kExclusive;
  std::string skipped;  // why it was not run; "" = it was
  std::string note;     // what a reader must know: "on 3 of 7 slices, the others on the whole GPU"
  std::vector<isolation::Place> places;  // one, or one for each job
  std::optional<isolation::MpsCaps> caps;
  std::vector<Round> rounds;
  Figures figures;
  // One job beside a neighbour that misbehaves; as isolate-test judges it. Empty: not tried.
  std::vector<isolation::Sample> alone;
  std::vector<isolation::Cell> neighbours;
};

// What the user says of the jobs; nothing that is measured.
struct Wishes {
  bool untrusted = false;   // tenants that do not trust each other
  bool guarantee = false;   // a latency, or survival of others' faults, is promised
  bool changing = false;    // sizes change often
  bool bursty = false;      // mostly idle
  bool linked = false;      // NVLink, P2P, or NCCL at full speed
  bool same_model = false;  // many processes of one model
};

enum class Choice { kMig, kMps, kTimeSlicing, kWholeGpu, kMigWithMps, kUndecided };

// A rule of the advice, in the order in which they are asked.
struct Rule {
  std::string name;  // "isolation", "gain", "bursty", "filled", "many"
  std::string says;  // the rule in words
  bool fired = false;
  std::string because;  // the facts that made it fire, or not
};

struct Advice {
  Choice choice = Choice::kUndecided;
  std::string text;
  std::vector<Rule> rules;
  std::vector<std::string> warnings;
};

struct Report {
  std::uint32_t jobs = 0;
  std::uint32_t rounds = 0;
  double seconds = 0;  // of each run
  std::string job;     // "training 1024-4096-4096-1024 with Adam, tf32, batch 128"
  std::string unit;    // of the speeds: "steps", "units"
  std::string driver_version;
  std::uint64_t seed = 0;
  bool stopped = false;
  double confidence = 0.95;
  Wishes wishes;
  std::vector<WayReport> ways;
  Advice advice;
};

const char* name_of(Way way);        // "exclusive", "time-slicing", "mps", "mps-limits" ...
const char* name_of(Choice choice);  // "mig", "mps", "time-slicing", "whole-gpu" ...
std::optional<Way> way_named(const std::string& name);
std::vector<std::string> way_names();

}  // namespace mig::sharing

#endif  // MIGCTL_MODEL_SHARING_VALUES_H_

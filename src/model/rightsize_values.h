// SPDX-License-Identifier: Apache-2.0
// Right-sizing as values: what was measured of a command on shares of a GPU, what is predicted for
// each profile, and which profile is advised. Shared by the rooms that measure (service/), reckon
// (advise/), encode (wire/) and print. Plain values; what is not known is nullopt.
#ifndef MIGCTL_MODEL_RIGHTSIZE_VALUES_H_
#define MIGCTL_MODEL_RIGHTSIZE_VALUES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

namespace mig::rightsize {

// Shares of a whole GPU, 0 to 1: of its multiprocessors, and of its memory bandwidth.
struct Share {
  double sm = 1;
  double bandwidth = 1;

  friend bool operator==(const Share&, const Share&) = default;
};

// A profile that could be advised, with the driver's figures.
struct Size {
  std::string profile;
  Share share;
  std::uint32_t sm = 0;
  std::uint64_t memory_mib = 0;
  double price_share = 1;  // of the GPU's price: the larger one of compute and memory slices
};

// How a share was had.
enum class How {
  kWholeGpu,  // no MIG, no limit
  kInstance,  // a MIG instance
  kMps,       // MPS with a limit of multiprocessors: the memory bandwidth is the whole GPU's
  kMpsHog,    // the same beside a process that streams memory on the other multiprocessors
  kGiven,     // a figure that the user gave
};

// Where a rate came from.
enum class RateSource {
  kWorkload,  // mig-workload's own result or progress lines
  kProgress,  // lines "migctl-progress N" of the command
  kRegex,     // the user's regular expression on the command's output
  kWholeRun,  // none of them: the whole run is one unit
  kGiven,     // a figure that the user gave
};

// What of a command's output is its rate.
struct RateWords {
  std::string rate_regex;   // one group: units per second; later matches count more than the first
  std::string count_regex;  // one group: units done so far; without a group each match is one unit
};

struct Rate {
  double per_second = 0;  // units of work
  double noise = 0;       // relative half-width of its 95 % interval
  std::uint32_t readings = 0;
  RateSource source = RateSource::kWholeRun;
};

// Activity in the steady part of a run, 0 to 1, of the place (not of the GPU).
struct RunActivity {
  std::optional<double> busy;  // any work on the place: GPM's graphics engine
  std::optional<double> sm, dram, tensor;
  std::string reason;  // why unknown; "" = known
};

// One run of the command.
struct Run {
  How how = How::kWholeGpu;
  std::string place;    // for people: "2g.10gb on GPU 0 gi=3 ci=0", "GPU 0, 32 of 132 SMs by MPS"
  std::string profile;  // of an instance, or of a check; "" = none
  Share share;
  std::optional<std::uint32_t> sm;
  std::optional<std::string> mps_percentage;
  std::optional<bool> mps_member;  // the MPS server named the command's process as its client
  std::optional<Rate> rate;
  std::optional<std::uint64_t> peak_memory_mib;
  std::string memory_source;  // "processes", "instance", "workload"; "" = unknown
  RunActivity activity;
  double seconds = 0;  // of the run
  std::optional<int> exit_code;
  bool out_of_memory = false;
  std::string error;  // why there is no rate; "" = there is one
};

// A value with bounds that are meant to hold in 19 of 20 cases.
struct Interval {
  double value = 0, low = 0, high = 0;
};

enum class Basis {
  kMeasured,  // on this share
  kBetween,   // between two measured shares
  kBeyond,    // smaller than all measured shares
  kAbove,     // larger than all measured shares
  kMps,       // as many multiprocessors by MPS; bounds for the bandwidth, which MPS does not limit
};

// Of one profile.
struct Prediction {
  Size size;
  Basis basis = Basis::kMeasured;
  Interval seconds;          // of a unit of work
  Interval speed;            // relative to the whole GPU
  std::optional<bool> fits;  // the measured peak memory with its margin; nullopt: not known
  bool by_mps = false;       // from a run with its multiprocessors by MPS
};

enum class TargetKind {
  kSpeed,     // share of the whole GPU's speed
  kDeadline,  // seconds for a number of units
  kLatency,   // seconds of one unit
  kCost,      // least price of a unit
};

struct Target {
  TargetKind kind = TargetKind::kSpeed;
  double value = 0.8;  // share, or seconds
  double units = 1;    // kDeadline: how many
  std::string text;    // as the user wrote it: "speed=0.8"
};

enum class Verdict {
  kChosen,     // this is the smallest, in the whole interval
  kUndecided,  // `profile` is large enough for certain; `measure` might be, too: measure there
  kNone,       // no profile fits or is fast enough
};

struct Choice {
  Target target;
  Verdict verdict = Verdict::kNone;
  std::string profile;  // the smallest that is certainly enough; "" = none
  std::string measure;  // kUndecided: a smaller one that may be enough; "" = none
  std::string why;      // a sentence
};

// Where a job's time goes, from the fit.
struct Fit {
  double fixed_seconds = 0;   // part of a unit that no share changes: host, launches, latency
  double device_seconds = 0;  // part that grows as the share shrinks, on the whole GPU
  double exponent = 0;        // of the scaling where it is steeper than 1/share; 0 = none
  std::optional<double> fixed_share;  // 0 to 1: the part of a unit that the device does not need
};

// Constants of the model (advise/slowdown.h says what they are and where they come from).
struct Shape {
  double sm_weight = 0;  // of the multiprocessors; the rest is the memory bandwidth's
  double overlap = 0;    // exponent: 1 = one after the other, large = wholly at the same time
  double width = 0;      // of the interval between two measured shares, of their distance
  double noise = 0;      // of any measurement, relative
  double beyond = 0;     // how much worse than the share beyond what was measured, relative

  friend bool operator==(const Shape&, const Shape&) = default;
};

// A prediction that was checked by a run.
struct Check {
  std::string profile;
  Interval predicted;   // seconds of a unit
  double measured = 0;  // seconds of a unit
  Basis basis = Basis::kBetween;
  bool inside = false;  // the measured value is in the predicted interval
};

struct Report {
  std::string command;  // as typed, for people
  std::string board;
  bool simulated = false;
  std::string driver_version;
  std::vector<Run> runs;
  std::optional<std::uint64_t> peak_memory_mib;
  double memory_margin = 0;          // relative, with which a profile must hold the peak
  std::optional<double> host_share;  // of the time in which the device waits for the host
  std::string host_words;
  std::optional<Fit> fit;
  Shape shape;
  bool recalibrated = false;            // the interval is that of this machine's own checks
  std::vector<Prediction> predictions;  // smallest profile first
  std::vector<Choice> choices;
  std::vector<Check> checks;
  std::vector<std::string> notes;
  bool stopped = false;
};

// A training of one of the course's three models on one profile; rows are by model, smallest
// profile first.
struct ModelRow {
  std::string model;  // "small", "medium", "large"
  std::string profile;
  // On the profile itself, on the whole GPU, or with as many multiprocessors by MPS (whose memory
  // and bandwidth are the whole GPU's).
  How how = How::kInstance;
  std::optional<double> samples_per_second;
  std::optional<double> speed;  // of the largest profile's
  std::optional<std::uint64_t> peak_memory_mib;
  bool out_of_memory = false;
  std::optional<bool> fits;  // on an instance: it ran; else the peak with its margin
  std::string error;         // "" = it ran
};

struct ModelsReport {
  std::string board;
  bool simulated = false;
  std::string driver_version;
  std::uint32_t batch = 0;
  std::string precision;
  std::vector<ModelRow> rows;
  std::map<std::string, std::string> minimum;  // by model: the smallest profile that holds it
  std::map<std::string, std::string> enough;   // and that has 80 % of the largest one's speed
  std::vector<std::string> notes;
  bool stopped = false;
};

// What leases of one job did, by the sampler's minutes.
struct PastUse {
  std::string tenant, job, profile, board;
  std::int64_t from_ms = 0, until_ms = 0;
  std::uint64_t minutes = 0;                          // that were recorded
  std::optional<double> sm_mean, sm_most, dram_mean;  // of the instance, 0 to 1
  std::optional<std::uint64_t> peak_memory_mib;
  std::string smallest;  // the smallest profile that holds the peak; "" = not known
  std::string verdict;   // "idle", "measure", "right", "unknown"
  std::string why;       // a sentence
};

struct HistoryReport {
  std::int64_t from_ms = 0, until_ms = 0;
  double memory_margin = 0;
  std::vector<PastUse> uses;  // the most minutes first
  std::vector<std::string> notes;
};

const char* name_of(How how);            // "mps"
const char* name_of(RateSource source);  // "regex"
const char* name_of(Basis basis);        // "between"
const char* name_of(Verdict verdict);    // "undecided"
const char* name_of(TargetKind kind);    // "speed"

// "speed=0.8", "speed=80%", "deadline=2h", "latency=20ms", "cost". kUsage says what is expected.
Result<Target> parse_target(const std::string& text);

// "20ms", "1.5h": us, ms, s, m, h, d; nullopt when it is none, or not positive.
std::optional<double> parse_seconds(std::string_view text);

// The profiles of a GPU with the driver's figures, smallest first; without those of media engines
// and graphics only ("+me", "+gfx"), which have no other share. Empty where the GPU has no MIG.
std::vector<Size> sizes_of(const Gpu& gpu);

}  // namespace mig::rightsize

#endif  // MIGCTL_MODEL_RIGHTSIZE_VALUES_H_

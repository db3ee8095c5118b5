// SPDX-License-Identifier: Apache-2.0
#include "service/rightsize.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "advise/rightsize.h"
#include "base/find_program.h"
#include "base/strings.h"
#include "node/node.h"
#include "service/rightsize_checks.h"
#include "service/rightsize_run.h"
#include "service/rightsize_stage.h"

namespace mig::service {
namespace {

using rightsize::Check;
using rightsize::Choice;
using rightsize::How;
using rightsize::Prediction;
using rightsize::Rate;
using rightsize::Report;
using rightsize::Run;
using rightsize::Size;

constexpr const char* kMpsNote =
    "MPS limits the multiprocessors, not the memory bandwidth and the cache, of which an instance "
    "has its part only: a job bound by memory is slower on an instance than under MPS";
constexpr const char* kInstanceNote =
    "the largest place is no whole GPU, so speeds relative to the whole GPU are bounds";
constexpr const char* kOnePointNote =
    "there is no second share to measure on, so only bounds in proportion to the share are known: "
    "more instances, or --create on a GPU that has none, or MPS with MIG off, would tell more";

bool stopped(const RightsizeRequest& request) {
  return request.stop != nullptr && *request.stop;
}

// One measurement of a command, and what follows from it.
class Measuring {
 public:
  Measuring(node::Node& node, const RightsizeRequest& request)
      : node_(node), request_(request), sizes_(rightsize::sizes_of(request.places.gpu)) {
    settings_.node = &node;
    settings_.places = &request.places;
    settings_.workload = request.workload;
    settings_.simulated = node.simulated();
    settings_.lease = request.lease;
    settings_.stop = request.stop;
  }

  Result<Report> run() {
    MIG_TRY(begin());
    MIG_TRY(measure_whole());
    if (!stopped(request_)) {
      MIG_TRY(measure_second());
    }
    reckon();
    if (!report_.fit && report_.runs.size() > 1) {
      report_.notes.push_back("the run on the share gave no rate: " + report_.runs[1].error);
    }
    MIG_TRY(measure_further());
    if (request_.check && !stopped(request_)) {
      MIG_TRY(check());
    }
    say_what_was_not_run();
    say_if_a_share_was_faster();
    report_.stopped = stopped(request_);
    return std::move(report_);
  }

 private:
  Result<void> begin() {
    if (sizes_.empty()) {
      return fail(ErrorCode::kNotSupported,
                  request_.places.gpu.name + " has no MIG profiles to choose from",
                  request_.places.gpu.way_to_mig());
    }
    if (request_.argv.empty()) {
      return fail(ErrorCode::kUsage, "rightsize: no command is given");
    }
    if (request_.places.at.back().profile.empty()) {
      MIG_TRY(RightsizeStage::can_limit(settings_));
    }
    argv_ = request_.argv;
    MIG_ASSIGN_OR_RETURN(argv_.front(), base::program_path(argv_.front()));
    report_.command = base::join(request_.argv, " ");
    report_.board = request_.places.gpu.name;
    report_.simulated = node_.simulated();
    MIG_ASSIGN_OR_RETURN(const node::Versions versions, node_.versions());
    report_.driver_version = versions.driver;
    report_.memory_margin = request_.memory_margin;
    calibration_ = read_calibration(node_);
    report_.shape = advise::recalibrated(advise::shipped_shape(), calibration_.errors);
    report_.recalibrated = !(report_.shape == advise::shipped_shape());
    return {};
  }

  Result<Run> measure_on(const RightsizeStage& stage, const std::string& name) {
    Run run = stage.blank();
    request_.tell(fmt::format("{}: {} on {}", name, report_.command, run.place));
    MeasureRequest how;
    how.argv = argv_;
    how.words = request_.words;
    how.seconds = request_.seconds;
    how.warm_up = request_.warm_up;
    how.stop = request_.stop;
    stage.give(how);
    MIG_ASSIGN_OR_RETURN(Meter meter, stage.meter());
    MIG_TRY(measure(meter, how, run));
    keep_the_unit(run);
    request_.tell(run.rate ? fmt::format("{}: {:.4g} units/s", name, run.rate->per_second)
                           : fmt::format("{}: no rate: {}", name, run.error));
    return run;
  }

  // Rates in other units than the first run's cannot be compared with it.
  void keep_the_unit(Run& run) const {
    if (report_.runs.empty() || !run.rate || !report_.runs.front().rate ||
        run.rate->source == report_.runs.front().rate->source) {
      return;
    }
    run.error = fmt::format("its rate is by {}, and the first run's by {}: other units",
                            name_of(run.rate->source),
                            name_of(report_.runs.front().rate->source));
    run.rate.reset();
  }

  Result<Run> measure_at(const RightsizePlace& place, const std::string& name) {
    MIG_ASSIGN_OR_RETURN(RightsizeStage stage, RightsizeStage::on(settings_, place));
    MIG_ASSIGN_OR_RETURN(Run run, measure_on(stage, name));
    MIG_TRY(stage.end());
    return run;
  }

  Result<void> measure_whole() {
    const RightsizePlace& place = request_.places.at.back();
    MIG_ASSIGN_OR_RETURN(Run run, measure_at(place, "full"));
    if (!run.rate && !stopped(request_)) {
      return fail(run.out_of_memory ? ErrorCode::kNoCapacity : ErrorCode::kNotSupported,
                  fmt::format("the command gave no rate on {}: {}", run.place, run.error),
                  "--rate-regex or --count-regex names its progress, lines \"migctl-progress N\" "
                  "tell it, or the command ends by itself: then a run is the unit");
    }
    if (!place.whole) {
      report_.notes.emplace_back(kInstanceNote);
    }
    ++measured_;
    remember_memory(run);
    report_.host_share = run.activity.busy
                             ? std::optional(std::clamp(1 - *run.activity.busy, 0.0, 1.0))
                             : std::nullopt;
    report_.runs.push_back(std::move(run));
    return {};
  }

  void remember_memory(const Run& run) {
    if (run.peak_memory_mib) {
      report_.peak_memory_mib = std::max(report_.peak_memory_mib.value_or(0), *run.peak_memory_mib);
    }
  }

  Result<void> measure_second() {
    const Size* second =
        advise::second_size(sizes_, report_.peak_memory_mib, request_.memory_margin);
    if (request_.places.at.back().profile.empty()) {
      return measure_limited(second);
    }
    const RightsizePlace* place = second_place(second);
    if (place == nullptr) {
      report_.notes.emplace_back(kOnePointNote);
      return {};
    }
    MIG_ASSIGN_OR_RETURN(Run run, measure_at(*place, "share"));
    ++measured_;
    report_.runs.push_back(std::move(run));
    return {};
  }

  // The place of that size, else the smallest one that is larger, else the largest smaller one.
  const RightsizePlace* second_place(const Size* second) const {
    const RightsizePlace* best = nullptr;
    double nearest = 0;
    for (const RightsizePlace& place : request_.places.at) {
      const Size* size = find_size(place.profile);
      if (size == nullptr || &place == &request_.places.at.back() ||
          (report_.peak_memory_mib &&
           !advise::holds(*size, *report_.peak_memory_mib, request_.memory_margin))) {
        continue;
      }
      if (second == nullptr) {
        return &place;
      }
      const double off = size->share.sm - second->share.sm;
      const double distance = off < 0 ? 1 - off : off;
      if (best == nullptr || distance < nearest) {
        nearest = distance;
        best = &place;
      }
    }
    return best;
  }

  const Size* find_size(const std::string& profile) const {
    const auto at = std::find_if(
        sizes_.begin(), sizes_.end(), [&](const Size& size) { return size.profile == profile; });
    return at == sizes_.end() ? nullptr : &*at;
  }

  Result<void> measure_limited(const Size* second) {
    if (second == nullptr) {
      report_.notes.emplace_back("only the whole GPU holds what was measured");
      return {};
    }
    report_.notes.emplace_back(kMpsNote);
    return limited_run(*second, "share");
  }

  // With the profile's multiprocessors by MPS, and where that is asked once more beside a stream.
  Result<void> limited_run(const Size& size, const std::string& name) {
    const RightsizePlace& place = request_.places.at.back();
    MIG_ASSIGN_OR_RETURN(RightsizeStage stage, RightsizeStage::limited(settings_, place, size.sm));
    report_.runs.front().share.sm = stage.whole_share();
    MIG_ASSIGN_OR_RETURN(Run run, measure_on(stage, name));
    ++measured_;
    report_.runs.push_back(std::move(run));
    if (!request_.bandwidth || stopped(request_)) {
      return {};
    }
    MIG_ASSIGN_OR_RETURN(launch::Worker hog, stage.start_hog());
    MIG_ASSIGN_OR_RETURN(Run beside, measure_on(stage, "beside a memory stream"));
    hog.stop(std::chrono::seconds(15));
    beside.how = How::kMpsHog;
    beside.place += ", beside a memory stream";
    report_.runs.push_back(std::move(beside));
    return {};
  }

  void reckon() { reckon_report(report_, sizes_, request_.targets); }

  // Runs where undecided choices ask for it, until they are decided or the runs are used up.
  Result<void> measure_further() {
    for (std::string profile = wanted_run(); !profile.empty() && !stopped(request_);
         profile = wanted_run()) {
      if (measured_ >= request_.most_runs) {
        not_run_[profile] =
            fmt::format("{} runs are made, which is the most (--max-runs)", measured_);
        continue;
      }
      MIG_TRY(run_at(profile, "further run"));
      reckon();
    }
    return {};
  }

  // "" = nothing that could be run would help.
  std::string wanted_run() const {
    for (const Choice& choice : report_.choices) {
      std::string profile = advise::next_run(report_.predictions, choice);
      if (!profile.empty() && not_run_.count(profile) == 0 && tried_.count(profile) == 0) {
        return profile;
      }
    }
    return "";
  }

  void say_what_was_not_run() {
    for (Choice& choice : report_.choices) {
      const auto at = not_run_.find(advise::next_run(report_.predictions, choice));
      if (at != not_run_.end()) {
        choice.why += "; not measured on " + at->first + ": " + at->second;
      }
    }
  }

  // Less of the GPU is not faster: what the command's speed depends on is then something else.
  void say_if_a_share_was_faster() {
    const std::optional<Rate>& whole = report_.runs.front().rate;
    for (const Run& run : report_.runs) {
      const double noise = report_.shape.noise + (run.rate ? run.rate->noise : 0);
      if (whole && run.rate &&
          run.rate->per_second > whole->per_second * (1 + noise + whole->noise)) {
        report_.notes.push_back("it was faster on " + run.place +
                                " than on the whole GPU: its speed varies for another reason than "
                                "the GPU, mostly the host; a longer --seconds tells more");
        return;
      }
    }
  }

  // Runs on the advised profile of each target, and on the next smaller one that holds the job.
  Result<void> check() {
    std::set<std::string> done = tried_;
    for (const Run& run : report_.runs) {
      done.insert(run.profile);
    }
    for (const Prediction& at : report_.predictions) {
      if (at.by_mps || at.size.share == rightsize::Share{}) {
        done.insert(at.size.profile);
      }
    }
    for (std::size_t i = 0; i < report_.choices.size() && !stopped(request_); ++i) {
      for (const std::string& profile : to_check(report_.choices[i])) {
        if (!profile.empty() && done.insert(profile).second && !stopped(request_)) {
          MIG_TRY(run_at(profile, "check"));
        }
      }
    }
    reckon();
    return keep_calibration(node_, calibration_, report_.checks);
  }

  std::vector<std::string> to_check(const Choice& choice) const {
    std::vector<std::string> profiles = {choice.measure, choice.profile};
    std::string smaller;
    for (const Prediction& at : report_.predictions) {
      if (at.size.profile == choice.profile) {
        profiles.push_back(smaller);
      }
      if (at.fits.value_or(true)) {
        smaller = at.size.profile;
      }
    }
    return profiles;
  }

  // On the profile, or with MIG off with its multiprocessors; what was predicted is checked by it.
  Result<void> run_at(const std::string& profile, const std::string& name) {
    tried_.insert(profile);
    const Size* size = find_size(profile);
    const bool limited = request_.places.at.back().profile.empty();
    const auto place = std::find_if(request_.places.at.begin(),
                                    request_.places.at.end(),
                                    [&](const auto& one) { return one.profile == profile; });
    if (size == nullptr || (!limited && place == request_.places.at.end())) {
      not_run_[profile] = "no instance of it is free";
      report_.notes.push_back("there is no free instance of " + profile +
                              " to measure on; --create makes one on a GPU that has none");
      return {};
    }
    if (limited) {
      const std::size_t at = report_.runs.size();
      const auto before = slowdown_of(report_);
      MIG_TRY(limited_run(*size, name));
      judge(profile, before, report_.runs[at]);
      return {};
    }
    const auto before = slowdown_of(report_);
    MIG_ASSIGN_OR_RETURN(Run run, measure_at(*place, name));
    ++measured_;
    judge(profile, before, run);
    report_.runs.push_back(std::move(run));
    return {};
  }

  // Under MPS what is checked is the model's answer for that share, with all of the bandwidth.
  void judge(const std::string& profile,
             const std::optional<advise::Slowdown>& before,
             const Run& run) {
    if (!run.rate) {
      not_run_[profile] = run.error;
      return;
    }
    if (!before) {
      return;
    }
    const advise::Slowdown::Answer said = before->at(run.share);
    Check check{profile, said.seconds, 1 / run.rate->per_second, said.basis, false};
    check.inside = check.measured >= check.predicted.low && check.measured <= check.predicted.high;
    report_.checks.push_back(check);
  }

  node::Node& node_;
  const RightsizeRequest& request_;
  std::vector<Size> sizes_;
  StageSettings settings_;
  std::vector<std::string> argv_;
  Calibration calibration_;
  Report report_;
  unsigned measured_ = 0;                       // runs, without those beside a stream
  std::set<std::string> tried_;                 // profiles of further runs and checks
  std::map<std::string, std::string> not_run_;  // why, by profile
};

}  // namespace

Result<Report> rightsize(node::Node& node, const RightsizeRequest& request) {
  Measuring measuring(node, request);
  return measuring.run();
}

Result<Report> rightsize_given(const Gpu& gpu,
                               const std::vector<GivenPoint>& points,
                               std::optional<std::uint64_t> peak_memory_mib,
                               const std::vector<rightsize::Target>& targets,
                               double memory_margin) {
  const std::vector<Size> sizes = rightsize::sizes_of(gpu);
  if (sizes.empty()) {
    return fail(ErrorCode::kNotSupported, gpu.name + " has no MIG profiles to choose from");
  }
  Report report;
  report.board = gpu.name;
  report.shape = advise::shipped_shape();
  report.peak_memory_mib = peak_memory_mib;
  report.memory_margin = memory_margin;
  for (const GivenPoint& point : points) {
    const auto size = std::find_if(
        sizes.begin(), sizes.end(), [&](const Size& one) { return one.profile == point.profile; });
    if (size == sizes.end() && point.profile != "full") {
      std::vector<std::string> names = {"full"};
      for (const Size& one : sizes) {
        names.push_back(one.profile);
      }
      return fail(ErrorCode::kUsage,
                  gpu.name + " has no profile " + base::quoted(point.profile),
                  "there are: " + base::join(names, ", "));
    }
    Run run;
    run.how = How::kGiven;
    run.profile = size == sizes.end() ? "" : size->profile;
    run.place = point.profile;
    run.share = size == sizes.end() ? rightsize::Share{} : size->share;
    run.rate = rightsize::Rate{1 / point.seconds, 0, 1, rightsize::RateSource::kGiven};
    report.runs.push_back(std::move(run));
  }
  reckon_report(report, sizes, targets);
  if (report.predictions.empty()) {
    return fail(ErrorCode::kUsage, "no time is given", "--measured full=47ms,2g.10gb=121ms");
  }
  return report;
}

}  // namespace mig::service

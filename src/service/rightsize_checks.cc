// SPDX-License-Identifier: Apache-2.0
#include "service/rightsize_checks.h"

#include <charconv>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>

#include "advise/mps_bound.h"
#include "advise/rightsize.h"
#include "base/file.h"
#include "base/strings.h"
#include "node/node.h"

namespace mig::service {
namespace {

constexpr std::size_t kMostErrors = 200;
constexpr std::size_t kLargestFile = 64U << 10U;
using rightsize::How;
using rightsize::Prediction;
using rightsize::Run;

constexpr const char* kHead = "migctl rightsize checks 1";

std::string file_of(node::Node& node) {
  std::filesystem::path file = store::beside_journal(node.places().journal(), "rightsize");
  return file.replace_extension(".txt").string();
}

// The runs with a limit of multiprocessors, each with the one beside a stream if there is one.
std::vector<advise::MpsPoint> mps_points(const rightsize::Report& report) {
  std::vector<advise::MpsPoint> points;
  for (const Run& run : report.runs) {
    if (!run.rate || !run.sm) {
      continue;
    }
    const double seconds = 1 / run.rate->per_second;
    if (run.how == How::kMps) {
      points.push_back({*run.sm, seconds, run.rate->noise, run.activity.dram, std::nullopt});
    } else if (run.how == How::kMpsHog && !points.empty() && points.back().sm == *run.sm) {
      points.back().beside_seconds = seconds;
    }
  }
  return points;
}

}  // namespace

// One number a line, after a line that names the format: a file that somebody else wrote is none.
Calibration read_calibration(node::Node& node) {
  Calibration calibration;
  const auto text = base::read_file(file_of(node), kLargestFile);
  const std::vector<std::string> lines =
      text ? base::split(*text, '\n') : std::vector<std::string>();
  if (lines.empty() || lines.front() != kHead) {
    return calibration;
  }
  for (std::size_t i = 1; i < lines.size(); ++i) {
    double value = 0;
    const char* end = lines[i].data() + lines[i].size();
    const auto [at, code] = std::from_chars(lines[i].data(), end, value);
    if (code == std::errc() && at == end && std::isfinite(value) && value >= 0) {
      calibration.errors.push_back(value);
    }
  }
  return calibration;
}

Result<void> keep_calibration(node::Node& node,
                              Calibration& calibration,
                              const std::vector<rightsize::Check>& checks) {
  const std::size_t before = calibration.errors.size();
  const double narrowed = advise::recalibrated(advise::shipped_shape(), calibration.errors).width /
                          advise::shipped_shape().width;
  for (const rightsize::Check& check : checks) {
    if (const auto off = advise::off_by(check)) {
      // In half-widths of the shipped interval, whatever this machine's own one was.
      calibration.errors.push_back(*off * narrowed);
    }
  }
  if (calibration.errors.size() == before) {
    return {};
  }
  while (calibration.errors.size() > kMostErrors) {
    calibration.errors.erase(calibration.errors.begin());
  }
  std::string text = std::string(kHead) + "\n";
  for (const double error : calibration.errors) {
    text += fmt::format("{:.4f}\n", error);
  }
  const std::string file = file_of(node);
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(file).parent_path(), ignored);
  return base::write_file_atomic(file, text, 0600);
}

std::optional<advise::Slowdown> slowdown_of(const rightsize::Report& report) {
  std::vector<advise::Point> points;
  for (const Run& run : report.runs) {
    if (run.rate && run.how != How::kMpsHog) {
      points.push_back({run.share, 1 / run.rate->per_second, run.rate->noise});
    }
  }
  return advise::Slowdown::of(points, report.shape);
}

void reckon_report(rightsize::Report& report,
                   const std::vector<rightsize::Size>& sizes,
                   const std::vector<rightsize::Target>& targets) {
  report.predictions.clear();
  report.choices.clear();
  const auto slowdown = slowdown_of(report);
  if (!slowdown) {
    return;
  }
  report.fit = slowdown->fit();
  report.host_words = advise::host_words(report.host_share, report.fit);
  report.predictions =
      advise::predict(*slowdown, sizes, report.peak_memory_mib, report.memory_margin);
  if (const auto points = mps_points(report); !points.empty()) {
    advise::bound_by_mps(report.predictions, points, *slowdown, report.shape);
  }
  for (const Run& run : report.runs) {
    // Where a run on the profile itself ran out of memory it does not hold the job, whatever the
    // peak elsewhere was.
    for (Prediction& at : report.predictions) {
      if (run.out_of_memory && run.profile == at.size.profile) {
        at.fits = false;
      }
    }
  }
  for (const rightsize::Target& target : targets) {
    report.choices.push_back(advise::choose(report.predictions, target));
  }
}

}  // namespace mig::service

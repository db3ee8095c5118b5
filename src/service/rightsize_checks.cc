// SPDX-License-Identifier: Apache-2.0
#include "service/rightsize_checks.h"

#include <charconv>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>

#include "advise/rightsize.h"
#include "base/file.h"
#include "base/strings.h"
#include "node/node.h"

namespace mig::service {
namespace {

constexpr std::size_t kMostErrors = 200;
constexpr std::size_t kLargestFile = 64U << 10U;
constexpr const char* kHead = "migctl rightsize checks 1";

std::string file_of(node::Node& node) {
  std::filesystem::path file = store::beside_journal(node.places().journal(), "rightsize");
  return file.replace_extension(".txt").string();
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
  const double narrowed =
      advise::recalibrated(advise::shipped_shape(), calibration.errors).width /
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

}  // namespace mig::service

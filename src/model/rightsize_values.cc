// SPDX-License-Identifier: Apache-2.0
#include "model/rightsize_values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "base/strings.h"
#include "base/units.h"

namespace mig::rightsize {
namespace {

tl::unexpected<Error> no_target(const std::string& text) {
  return fail(ErrorCode::kUsage,
              "--target is " + base::quoted(text),
              "speed=0.8 or speed=80% of the whole GPU's, deadline=2h (with --units), latency=20ms "
              "of a unit, or cost");
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [at, code] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  return code == std::errc() && at == end && std::isfinite(value) ? std::optional(value)
                                                                  : std::nullopt;
}

std::optional<double> share(std::string_view text) {
  const bool percent = !text.empty() && text.back() == '%';
  if (percent) {
    text.remove_suffix(1);
  }
  const auto value = number(text);
  const double scale = percent ? 100 : 1;
  return value && *value > 0 && *value <= scale ? std::optional(*value / scale) : std::nullopt;
}

}  // namespace

const char* name_of(How how) {
  switch (how) {
    case How::kInstance:
      return "instance";
    case How::kMps:
      return "mps";
    case How::kMpsHog:
      return "mps-hog";
    case How::kGiven:
      return "given";
    case How::kWholeGpu:
      break;
  }
  return "whole-gpu";
}

const char* name_of(RateSource source) {
  switch (source) {
    case RateSource::kWorkload:
      return "mig-workload";
    case RateSource::kProgress:
      return "progress";
    case RateSource::kRegex:
      return "regex";
    case RateSource::kGiven:
      return "given";
    case RateSource::kWholeRun:
      break;
  }
  return "whole-run";
}

const char* name_of(Basis basis) {
  switch (basis) {
    case Basis::kBetween:
      return "between";
    case Basis::kBeyond:
      return "beyond";
    case Basis::kAbove:
      return "above";
    case Basis::kMps:
      return "mps";
    case Basis::kMeasured:
      break;
  }
  return "measured";
}

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kChosen:
      return "chosen";
    case Verdict::kUndecided:
      return "undecided";
    case Verdict::kNone:
      break;
  }
  return "none";
}

const char* name_of(TargetKind kind) {
  switch (kind) {
    case TargetKind::kDeadline:
      return "deadline";
    case TargetKind::kLatency:
      return "latency";
    case TargetKind::kCost:
      return "cost";
    case TargetKind::kSpeed:
      break;
  }
  return "speed";
}

std::optional<double> parse_seconds(std::string_view text) {
  // Whole units of base::parse_duration_ms would not tell 2.5ms from 2ms.
  struct Unit {
    std::string_view name;
    double seconds;
  };

  for (const Unit& unit : {Unit{"us", 1e-6},
                           Unit{"ms", 1e-3},
                           Unit{"s", 1},
                           Unit{"m", 60},
                           Unit{"h", 3600},
                           Unit{"d", 86400}}) {
    if (text.size() > unit.name.size() &&
        text.substr(text.size() - unit.name.size()) == unit.name) {
      const auto value = number(text.substr(0, text.size() - unit.name.size()));
      if (value && *value > 0) {
        return *value * unit.seconds;
      }
    }
  }
  return std::nullopt;
}

Result<Target> parse_target(const std::string& text) {
  Target target;
  target.text = text;
  if (text == "cost") {
    target.kind = TargetKind::kCost;
    target.value = 0;
    return target;
  }
  const auto at = text.find('=');
  const std::string name = text.substr(0, at);
  const std::string value = at == std::string::npos ? "" : text.substr(at + 1);
  std::optional<double> parsed;
  if (name == "speed") {
    parsed = share(value);
  } else if (name == "deadline" || name == "latency") {
    target.kind = name == "deadline" ? TargetKind::kDeadline : TargetKind::kLatency;
    parsed = parse_seconds(value);
  }
  if (!parsed) {
    return no_target(text);
  }
  target.value = *parsed;
  return target;
}

std::vector<Size> sizes_of(const Gpu& gpu) {
  std::uint32_t most_sm = 0;
  std::uint32_t most_slices = 0;
  for (const GpuInstanceProfile& profile : gpu.profiles) {
    most_sm = std::max(most_sm, profile.sm);
    most_slices = std::max(most_slices, profile.slices);
  }
  std::vector<Size> sizes;
  std::set<std::string> names;
  for (const GpuInstanceProfile& profile : gpu.profiles) {
    if (!profile.name.attributes.empty() || profile.placements.empty() || profile.sm == 0 ||
        gpu.memory_slices == 0 || !names.insert(profile.name.str()).second) {
      continue;
    }
    const double slots = profile.placements.front().size;
    Size size;
    size.profile = profile.name.str();
    size.sm = profile.sm;
    size.memory_mib = profile.memory_mib;
    size.share = {static_cast<double>(profile.sm) / most_sm, slots / gpu.memory_slices};
    size.price_share =
        std::max(static_cast<double>(profile.slices) / most_slices, slots / gpu.memory_slices);
    sizes.push_back(std::move(size));
  }
  std::sort(sizes.begin(), sizes.end(), [](const Size& a, const Size& b) {
    return std::pair(a.price_share, a.sm) < std::pair(b.price_share, b.sm);
  });
  return sizes;
}

}  // namespace mig::rightsize

// SPDX-License-Identifier: Apache-2.0
#include "doctor/capability_minors.h"

#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"

namespace mig::doctor {

CapabilityMinors::CapabilityMinors(std::string file) : file_(std::move(file)) {
  constexpr std::size_t kMostBytes = 1U << 20U;
  const auto text = base::read_file(file_, kMostBytes);
  for (const std::string& line : base::split(text ? *text : std::string(), '\n')) {
    const std::size_t blank = line.find(' ');
    const auto minor = blank == std::string::npos
                           ? std::nullopt
                           : base::parse_decimal(line.substr(blank + 1), UINT32_MAX);
    if (minor) {
      minors_[line.substr(0, blank)] = static_cast<std::uint32_t>(*minor);
      names_[static_cast<std::uint32_t>(*minor)] = line.substr(0, blank);
    }
  }
}

std::optional<std::uint32_t> CapabilityMinors::find(const std::string& access) const {
  const auto found = minors_.find(access);
  return found == minors_.end() ? std::nullopt : std::optional(found->second);
}

std::string CapabilityMinors::name_of(std::uint32_t minor) const {
  const auto found = names_.find(minor);
  return found == names_.end() ? std::string() : found->second;
}

std::string CapabilityMinors::access(std::uint32_t gpu_minor, GpuInstanceId gi) {
  return fmt::format("gpu{}/gi{}/access", gpu_minor, gi.value);
}

std::string CapabilityMinors::access(std::uint32_t gpu_minor,
                                     GpuInstanceId gi,
                                     ComputeInstanceId ci) {
  return fmt::format("gpu{}/gi{}/ci{}/access", gpu_minor, gi.value, ci.value);
}

}  // namespace mig::doctor

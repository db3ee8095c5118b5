// SPDX-License-Identifier: Apache-2.0
// Inside of doctor/: the kernel module's table of capability minors,
// /proc/driver/nvidia-caps/mig-minors: lines "gpu0/gi1/ci0/access 13". The number after "gpu" is
// the GPU's minor, which is not NVML's index.
#ifndef MIGCTL_DOCTOR_CAPABILITY_MINORS_H_
#define MIGCTL_DOCTOR_CAPABILITY_MINORS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "mig/ids.h"

namespace mig::doctor {

class CapabilityMinors {
 public:
  explicit CapabilityMinors(std::string file);

  const std::string& file() const { return file_; }

  bool empty() const { return minors_.empty(); }

  std::optional<std::uint32_t> find(const std::string& access) const;
  // The other way: "gpu0/gi1/access" of a minor; "" = none.
  std::string name_of(std::uint32_t minor) const;

  static std::string access(std::uint32_t gpu_minor, GpuInstanceId gi);
  static std::string access(std::uint32_t gpu_minor, GpuInstanceId gi, ComputeInstanceId ci);

 private:
  std::string file_;
  std::map<std::string, std::uint32_t> minors_;
  std::map<std::uint32_t, std::string> names_;
};

}  // namespace mig::doctor

#endif  // MIGCTL_DOCTOR_CAPABILITY_MINORS_H_

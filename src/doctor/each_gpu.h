// SPDX-License-Identifier: Apache-2.0
// Inside of doctor/: calls of NVML on each GPU that can be opened.
#ifndef MIGCTL_DOCTOR_EACH_GPU_H_
#define MIGCTL_DOCTOR_EACH_GPU_H_

#include <functional>

#include "mig/result.h"

#include "doctor/patient.h"

namespace mig::doctor {

struct OpenGpu {
  const nvml::Functions& nvml;
  nvmlDevice_t device;
  const Gpu& gpu;
};

// A GPU whose handle the driver refuses is left to the check gpu-lost.
Result<void> each_gpu(Patient& patient, const std::function<void(const OpenGpu&)>& look);

}  // namespace mig::doctor

#endif  // MIGCTL_DOCTOR_EACH_GPU_H_

// SPDX-License-Identifier: Apache-2.0
#include "doctor/each_gpu.h"

namespace mig::doctor {

Result<void> each_gpu(Patient& patient, const std::function<void(const OpenGpu&)>& look) {
  MIG_ASSIGN_OR_RETURN(const Inventory* now, patient.inventory());
  MIG_ASSIGN_OR_RETURN(nvml::Session * session, patient.session());
  for (const Gpu& gpu : now->gpus) {
    nvmlDevice_t device = nullptr;
    if (session->nvml().nvmlDeviceGetHandleByIndex_v2(gpu.index.value, &device) == NVML_SUCCESS) {
      look({session->nvml(), device, gpu});
    }
  }
  return {};
}

}  // namespace mig::doctor

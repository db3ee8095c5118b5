// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <fmt/format.h>

#include "device/instances.h"
#include "device/operations.h"
#include "device/processes.h"
#include "device/readings.h"

namespace mig::device {

Result<LayoutReading> read_layout(const nvml::Session& session,
                                  const GpuHandle& gpu,
                                  const std::vector<GpuInstanceProfile>& profiles,
                                  const std::string& proc_root) {
  MIG_ASSIGN_OR_RETURN(nvmlDevice_t device, session.use(gpu.raw));
  const nvml::Functions& nvml = session.nvml();
  LayoutReading out;
  unsigned current = 0;
  unsigned pending = 0;
  const nvmlReturn_t code = nvml.nvmlDeviceGetMigMode(device, &current, &pending);
  MIG_ASSIGN_OR_RETURN(const bool known,
                       told(code, fmt::format("the MIG mode of GPU {}", gpu.index.value)));
  if (!known)  // a plan changes only GPUs that told their mode when it was made
    return nvml::error_from(code,
                            fmt::format("cannot read the MIG mode of GPU {}", gpu.index.value));
  out.current = current == NVML_DEVICE_MIG_ENABLE ? MigMode::kEnabled : MigMode::kDisabled;
  out.pending = pending == NVML_DEVICE_MIG_ENABLE ? MigMode::kEnabled : MigMode::kDisabled;
  std::vector<MigDevice> devices;
  if (out.current == MigMode::kEnabled) {
    MIG_ASSIGN_OR_RETURN(devices, read_mig_devices(nvml, device));
    std::vector<GpuInstanceProfile> copy = profiles;
    MIG_ASSIGN_OR_RETURN(InstanceList list, read_instances(nvml, device, devices, copy));
    if (!list.complete)
      return nvml::error_from(NVML_ERROR_NO_PERMISSION,
                              fmt::format("cannot list the instances of GPU {}", gpu.index.value));
    out.instances = std::move(list.instances);
  }
  MIG_ASSIGN_OR_RETURN(out.processes, read_processes(nvml, device, devices, proc_root));
  return out;
}

}  // namespace mig::device

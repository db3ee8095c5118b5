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
                                  const LayoutScope& scope,
                                  const std::string& proc_root) {
  MIG_ASSIGN_OR_RETURN(nvmlDevice_t device, session.use(gpu.raw));
  const nvml::Functions& nvml = session.nvml();
  LayoutReading out;
  unsigned current = 0;
  unsigned pending = 0;
  // A plan changes only GPUs whose mode was readable when the plan was made.
  if (const nvmlReturn_t code = nvml.nvmlDeviceGetMigMode(device, &current, &pending);
      code != NVML_SUCCESS) {
    return nvml::error_from(code,
                            fmt::format("cannot read the MIG mode of GPU {}", gpu.index.value));
  }
  out.current = current == NVML_DEVICE_MIG_ENABLE ? MigMode::kEnabled : MigMode::kDisabled;
  out.pending = pending == NVML_DEVICE_MIG_ENABLE ? MigMode::kEnabled : MigMode::kDisabled;
  const bool enabled = out.current == MigMode::kEnabled;
  if (enabled && scope.instances) {
    MIG_ASSIGN_OR_RETURN(InstanceList list,
                         read_scoped(nvml, device, scope, profiles, gpu.facts->compute_profiles));
    if (!list.complete) {
      return nvml::error_from(NVML_ERROR_NO_PERMISSION,
                              fmt::format("cannot list the instances of GPU {}", gpu.index.value));
    }
    out.instances = std::move(list.instances);
  }
  if (scope.processes) {
    // A driver without instance ids in process lists is queried per MIG device.
    std::vector<MigDevice> devices;
    if (enabled && !tells_instances(nvml)) {
      MIG_ASSIGN_OR_RETURN(devices, read_mig_devices(nvml, device));
    }
    MIG_ASSIGN_OR_RETURN(out.processes, read_processes(nvml, device, devices, proc_root));
  }
  return out;
}

}  // namespace mig::device

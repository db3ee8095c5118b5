// SPDX-License-Identifier: Apache-2.0
// Names of devices in ResourceSlices: "gpu-0-mig-3g-71gb-4" (GPU minor 0, profile 3g.71gb, slot 4),
// "gpu-1" for a GPU with MIG off. DNS labels, stable over restarts. Pure.
#ifndef MIGCTL_KUBERNETES_OBJECTS_DEVICE_NAME_H_
#define MIGCTL_KUBERNETES_OBJECTS_DEVICE_NAME_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mig/inventory.h"

namespace mig::kube {

struct Place {
  const Gpu* gpu = nullptr;
  const GpuInstanceProfile* profile = nullptr;
  Placement placement;
};

// "1g.10gb+me" -> "1g-10gb-me"; "1g.24gb-me" (without media) -> "1g-24gb-nome".
std::string dashed(const ProfileName& profile);
std::string device_name(const Gpu& gpu, const ProfileName& profile, std::uint32_t start);
// Of the GPU as a whole, which is no device that claims can have: of its counters, and of errors
// that concern all of it.
std::string device_name(const Gpu& gpu);
// The place that a device's name means on this machine; nullopt: it means none.
std::optional<Place> find_place(const Inventory& now, std::string_view device);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_OBJECTS_DEVICE_NAME_H_

// SPDX-License-Identifier: Apache-2.0
#include "lease/room.h"

#include <algorithm>

#include "lease/admission.h"

namespace mig::lease {

bool room_to_make(const Inventory& inventory, const Need& need) {
  return std::any_of(inventory.gpus.begin(), inventory.gpus.end(), [&](const Gpu& gpu) {
    const bool named =
        need.gpu_uuid.empty() ? !need.gpu || gpu.index == *need.gpu : gpu.uuid == need.gpu_uuid;
    return named && gpu.mig_current == MigMode::kEnabled &&
           std::any_of(
               gpu.profiles.begin(), gpu.profiles.end(), [&](const GpuInstanceProfile& profile) {
                 return profile.remaining.value_or(1) > 0 && would_make(profile, need);
               });
  });
}

}  // namespace mig::lease

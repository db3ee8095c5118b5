// SPDX-License-Identifier: Apache-2.0
// Packs the entries of mig-devices into GPU instances. mig-parted counts *compute* instances:
// "1c.3g.20gb: 3" is one 3g.20gb with three compute instances.
#ifndef MIGCTL_CONFIG_PACK_H_
#define MIGCTL_CONFIG_PACK_H_

#include <vector>

#include "mig/inventory.h"
#include "mig/layout.h"

namespace mig::config {

// `wanted`: compute instances of one GPU instance profile of `gpu`, all known to it. They are
// packed into as few GPU instances as possible (bin packing); but when the GPU holds exactly these
// already, in any grouping, the grouping stays, so that an exported layout is idempotent when
// applied.
std::vector<DesiredInstance> pack(const Gpu& gpu,
                                  const GpuInstanceProfile& profile,
                                  const std::vector<SpecDevices>& wanted);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_PACK_H_

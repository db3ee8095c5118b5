// SPDX-License-Identifier: Apache-2.0
// Reads an Inventory through one driver session: names, numbers and states as the driver tells
// them, absent where it does not. Changes nothing.
//
//   MIG_ASSIGN_OR_RETURN(Inventory inventory, device::read_inventory(*session, {}));
//
// Threading: as the session. Errors: kDeviceLost when a GPU that was there does not answer any
// more; kConflict when others keep changing the layout while we read.
#ifndef MIGCTL_DEVICE_INVENTORY_READER_H_
#define MIGCTL_DEVICE_INVENTORY_READER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "base/proc_root.h"
#include "device/facts.h"
#include "nvml/session.h"

namespace mig::device {

struct ReadOptions {
  std::string proc_root = base::proc_root();
  // Who reads often keeps what does not change here; nullptr = everything is asked again.
  FactsOfGpus* facts = nullptr;
};

Result<Inventory> read_inventory(const nvml::Session& session, const ReadOptions& options);

// One GPU, by index.
Result<Gpu> read_gpu(const nvml::Session& session, GpuIndex index, const ReadOptions& options);

// An Inventory of the GPUs as `read` gives them; those that cannot be opened are its `lost`.
Result<Inventory> read_gpus(const nvml::Session& session,
                            const std::function<Result<Gpu>(GpuIndex)>& read);

}  // namespace mig::device

#endif  // MIGCTL_DEVICE_INVENTORY_READER_H_

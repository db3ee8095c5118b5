// SPDX-License-Identifier: Apache-2.0
// Reads an Inventory through one driver session: names, numbers and states as the driver reports
// them, absent where the driver does not. Read-only.
//
//   MIG_ASSIGN_OR_RETURN(Inventory inventory, device::read_inventory(*session, {}));
//
// Threading: as the session. Errors: kDeviceLost when a GPU no longer answers; kConflict when other
// programs keep changing the layout during the read.
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

// Parts of a machine to read.
enum class Depth {
  kAll,
  // Enough for display: without the remaining capacity of profiles.
  kShown,
  // As kShown, and without the profiles of GPUs with MIG off and the displays of GPUs that can do
  // MIG: 1.4 ms for a PCI class and 0.2 ms for each switch on an H100.
  kShownWithMig,
};

struct ReadOptions {
  std::string proc_root = base::proc_root();
  // Cache for frequent readers; nullptr = everything is read again.
  FactsOfGpus* facts = nullptr;
  Depth depth = Depth::kAll;
};

Result<Inventory> read_inventory(const nvml::Session& session, const ReadOptions& options);

// Reads one GPU, by index.
Result<Gpu> read_gpu(const nvml::Session& session, GpuIndex index, const ReadOptions& options);

// An Inventory of the GPUs that `read` returns; GPUs that cannot be opened go into `lost`.
Result<Inventory> read_gpus(const nvml::Session& session,
                            const std::function<Result<Gpu>(GpuIndex)>& read);

}  // namespace mig::device

#endif  // MIGCTL_DEVICE_INVENTORY_READER_H_

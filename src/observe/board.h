// SPDX-License-Identifier: Apache-2.0
// Inside of observe/: readings of a GPU as a whole, which stay readable with MIG on: memory, power,
// temperatures, clocks, throttling, ECC errors, remapped rows. Each is absent where the driver does
// not give it.
#ifndef MIGCTL_OBSERVE_BOARD_H_
#define MIGCTL_OBSERVE_BOARD_H_

#include <cstdint>
#include <optional>

#include "mig/result.h"

#include "model/sample.h"
#include "nvml/functions.h"

namespace mig::observe {

// What changes from tick to tick. An error: the GPU is lost.
Result<void> read_board(const nvml::Functions& nvml, nvmlDevice_t device, GpuSample& out);

// What changes seldom, and is read seldom: power limit, ECC errors, remapped rows.
struct SlowReadings {
  std::optional<double> power_limit_watts;
  std::optional<std::uint64_t> ecc_uncorrected, ecc_corrected;
  std::optional<bool> remap_pending, remap_failed;

  void put_into(GpuSample& out) const;
};

Result<SlowReadings> read_slow(const nvml::Functions& nvml, nvmlDevice_t device);

// Bytes in use and in all of a GPU or of a MIG device, without what the driver reserves; nothing is
// set where the driver refuses.
struct MemoryReading {
  std::optional<std::uint64_t> total, used;
};

MemoryReading read_memory(const nvml::Functions& nvml, nvmlDevice_t device);

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_BOARD_H_
